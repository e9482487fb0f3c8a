//! What the policies hold, and what they don't.

use super::*;
use crate::collect::Wanted;
use crate::playbook::{Values, load_shipped};

fn names() -> Names {
    Names {
        partition: "aws".to_owned(),
        audit_role: "OrgwardAudit".to_owned(),
        apply_role: "OrgwardApply".to_owned(),
        other_roles: BTreeMap::new(),
        management: Some("111111111111".parse().unwrap()),
        delegated: None,
    }
}

fn everything() -> Needs {
    Needs { facts: Wanted::everything().deep().events(1).facts().collect(), ..Needs::default() }
}

fn actions(grants: &[Grant]) -> BTreeSet<&str> {
    grants.iter().flat_map(|grant| &grant.actions).map(String::as_str).collect()
}

fn playbook(name: &str, values: &[(&str, &str)]) -> crate::playbook::Playbook {
    let roles = [("audit_role", "OrgwardAudit"), ("apply_role", "OrgwardApply")];
    let values: Values = values.iter().chain(&roles).map(|(name, value)| ((*name).into(), (*value).into())).collect();
    load_shipped(name, &values).unwrap()
}

#[test]
fn who_audits_may_look_and_enter_and_nothing_else() {
    let Grants { audit_caller, audit_role, apply_caller, apply_role } = grants(&everything(), &names());
    assert!(apply_caller.is_empty() && apply_role.is_empty());
    for action in actions(&audit_role) {
        assert!(crate::aws::READ_ACTIONS.contains(&action), "{action}");
    }
    let may: BTreeSet<_> = actions(&audit_caller);
    assert!(may.contains("sts:AssumeRole") && may.contains("iam:ListOrganizationsFeatures"));
    let entering = audit_caller.iter().find(|grant| grant.actions.contains("sts:AssumeRole")).unwrap();
    assert_eq!(entering.resources, ["arn:aws:iam::*:role/OrgwardAudit"]);
    assert!(entering.condition.is_some());
    let reads = ["Describe", "Generate", "Get", "List", "Lookup", "View"];
    for action in may.iter().filter(|action| **action != "sts:AssumeRole") {
        let (_, verb) = action.split_once(':').unwrap();
        assert!(reads.iter().any(|read| verb.starts_with(read)), "{action}");
    }
}

#[test]
fn one_check_takes_little() {
    let needs =
        Needs { facts: Wanted::of([crate::model::check::Fact::AccountSummary]).facts().collect(), ..Needs::default() };
    let grants = grants(&needs, &names());
    assert_eq!(actions(&grants.audit_role), BTreeSet::from(["iam:GetAccountSummary"]));
}

#[test]
fn a_playbook_that_attaches_policies_takes_nothing_in_members() {
    let needs = Needs::default().and_playbooks(&[playbook("deny-leave-organization", &[("targets", "/")])]);
    let grants = grants(&needs, &names());
    assert!(grants.apply_role.is_empty(), "{:?}", grants.apply_role);
    let may = actions(&grants.apply_caller);
    assert!(may.contains("organizations:AttachPolicy") && !may.contains("sts:AssumeRole"), "{may:?}");
    for grant in grants.apply_caller.iter().filter(|grant| grant.resources == ["*"]) {
        let creates = grant.actions.len() == 1 && grant.actions.contains("organizations:CreatePolicy");
        assert!(creates || grant.condition.is_some(), "{grant:?}");
    }
}

#[test]
fn an_alarm_is_changed_by_its_name_and_no_other() {
    let needs = Needs::default().and_playbooks(&[playbook("root-usage-alarm", &[("endpoint", "a@example.com")])]);
    let grants = grants(&needs, &names());
    let on = |action: &str| {
        let found = grants.apply_role.iter().find(|grant| grant.actions.contains(action));
        found.unwrap_or_else(|| panic!("{action}")).resources.clone()
    };
    assert_eq!(on("sns:CreateTopic"), ["arn:aws:sns:*:*:orgward-alerts"]);
    assert_eq!(on("cloudwatch:PutMetricAlarm"), ["arn:aws:cloudwatch:*:*:alarm:orgward-root-usage"]);
    assert_eq!(on("logs:PutMetricFilter"), ["arn:aws:logs:*:*:log-group:*"]);
    assert_eq!(on("sns:ListTopics"), ["*"], "what is written is read back");
    let caller = actions(&grants.apply_caller);
    assert!(
        caller.contains("sts:AssumeRole") && caller.contains("sns:CreateTopic"),
        "the owner may be the management account"
    );
}

#[test]
fn sessions_take_what_they_carry() {
    let needs = Needs { session_tags: true, source_identity: true, ..everything() };
    let may = grants(&needs, &names());
    assert!(actions(&may.audit_caller).is_superset(&BTreeSet::from(["sts:TagSession", "sts:SetSourceIdentity"])));
    assert!(!actions(&grants(&everything(), &names()).audit_caller).contains("sts:TagSession"));
}

#[test]
fn documents_fit_where_they_go_and_are_read_as_aws_reads_them() {
    let needs = everything().and_playbooks(&[playbook("baseline", &[("targets", "/"), ("endpoint", "a@example.com")])]);
    let Grants { audit_caller, audit_role, apply_caller, apply_role } = grants(&needs, &names());
    for (of, grants) in [
        ("audit-caller", audit_caller),
        ("audit-role", audit_role),
        ("apply-caller", apply_caller),
        ("apply-role", apply_role),
    ] {
        let text = serde_json::to_string(&document(&grants)).unwrap();
        // IAM and STS quotas: 6,144 characters of a managed policy, white space not counted.
        assert!(text.len() <= 6_144, "{of}: {}", text.len());
        let mut sids: Vec<&str> = grants.iter().map(|grant| grant.sid.as_str()).collect();
        sids.sort_unstable();
        let count = sids.len();
        sids.dedup();
        assert_eq!(sids.len(), count, "{of}: a Sid is there twice");
        assert!(grants.iter().all(|grant| !grant.actions.is_empty() && !grant.resources.is_empty()), "{of}");
    }
}
