//! What may not be applied to AWS yet.

use super::*;
use crate::execute::{Roles, Setting, guards};
use crate::model::Observed;
use crate::model::org::{Account, AccountState, OrgFacts, Organization, Ou, Policy, Root};
use crate::model::plan::{Refusal, RefusalKind};
use std::collections::BTreeMap;

const FULL: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}"#;

fn present<T>(value: T) -> Observed<T> {
    Observed::Present { value, source: memory::source() }
}

fn scp(name: &str, content: &str, targets: &[&str]) -> Policy {
    Policy {
        id: format!("p-{:0>8}", name.len()).parse().unwrap(),
        arn: String::new(),
        name: name.into(),
        description: String::new(),
        kind: PolicyType::Scp,
        aws_managed: false,
        content: present(content.into()),
        targets: present(targets.iter().map(|target| target.parse().unwrap()).collect()),
        tags: present(BTreeMap::new()),
    }
}

/// A root with OU 1 (accounts 2 and 3) and the management account 1.
fn org(policies: Vec<Policy>) -> OrgFacts {
    let root: TargetId = "r-ab12".parse().unwrap();
    let ou: TargetId = "ou-ab12-11111111".parse().unwrap();
    let member = |number: usize, parent: &TargetId| {
        let id = account(number);
        let account = Account {
            id: id.clone(),
            arn: String::new(),
            name: format!("account-{number}"),
            email: String::new(),
            state: AccountState::Active,
            parent: parent.clone(),
            joined: None,
            tags: Observed::not_collected("organizations:ListTagsForResource"),
        };
        (id, account)
    };
    OrgFacts {
        organization: Organization {
            id: "o-abc123".into(),
            arn: String::new(),
            partition: "aws".into(),
            feature_set: "ALL".into(),
            management_account: account(1),
            caller_arn: "arn:aws:iam::111111111111:user/admin".into(),
            home_region: "eu-central-1".parse().unwrap(),
        },
        root: Root { id: root.clone(), name: "Root".into(), policy_types: BTreeMap::new() },
        ous: BTreeMap::from([(ou.clone(), Ou { id: ou.clone(), name: "Workloads".into(), parent: root.clone() })]),
        accounts: BTreeMap::from([member(1, &root), member(2, &ou), member(3, &ou)]),
        policies: BTreeMap::from([(PolicyType::Scp, present(policies))]),
        regions: present(std::collections::BTreeMap::new()),
        delegated_administrators: present(Vec::new()),
        organization_trails: present(Vec::new()),
        monitoring: Vec::new(),
        as_of: now(),
    }
}

fn roles() -> Roles {
    Roles::new("audit", "apply")
}

/// A plan that makes a policy of this content and attaches it to the OU.
fn rollout(content: &str) -> Plan {
    let mut policy = org_change("guard", &[]);
    policy.after = Some(Doc(json!({"description": "", "content": content, "tags": {}})));
    let attach = attachment("guard", "ou-ab12-11111111", &[&policy]);
    plan(vec![policy, attach])
}

fn judged(content: &str) -> Vec<Refusal> {
    guards(&rollout(content), &org(Vec::new()), Setting::Aws, &roles())
}

fn deny(rest: &str) -> String {
    format!(
        "{{\n  \"Version\": \"2012-10-17\",\n  \"Statement\": [\n    {{ \"Sid\": \"NoWay\", \"Effect\": \"Deny\", {rest} }}\n  ]\n}}"
    )
}

#[test]
fn a_policy_that_spares_orgward_is_let_through() {
    for harmless in [
        FULL.to_owned(),
        deny(r#""Action": "organizations:LeaveOrganization", "Resource": "*""#),
        deny(
            r#""Action": "*", "Resource": "*", "Condition": {"ArnNotLike": {"aws:PrincipalArn":
               ["arn:*:iam::*:role/audit", "arn:*:iam::*:role/apply"]}}"#,
        ),
        deny(
            r#""Action": "*", "Resource": "*", "Condition": {"ArnLike": {"aws:PrincipalArn": "arn:*:iam::*:user/*"},
               "BoolIfExists": {"aws:MultiFactorAuthPresent": "false"}}"#,
        ),
        // A Deny on roles is no Deny on account-wide reads.
        deny(r#""Action": "iam:*", "Resource": "arn:aws:iam::*:role/protected""#),
    ] {
        assert_eq!(judged(&harmless), [], "{harmless}");
    }
}

#[test]
fn the_shipped_policies_spare_orgward_and_fail_without_their_exemption() {
    let shipped = [
        include_str!("../../../playbooks/policies/deny-leave-organization.json"),
        include_str!("../../../playbooks/policies/protect-cloudtrail.json"),
        include_str!("../../../playbooks/policies/region-restriction.json"),
        include_str!("../../../playbooks/policies/require-mfa.json"),
    ];
    for text in shipped {
        let text = text
            .replace("${audit_role}", "audit")
            .replace("${apply_role}", "apply")
            .replace("\"${regions}\"", "[\"eu-central-1\"]");
        assert_eq!(judged(&text), [], "{text}");
    }
    let other = shipped[2].replace("\"${regions}\"", "[\"eu-central-1\"]").replace("${apply_role}", "apply");
    let refusals = judged(&other);
    assert_eq!(refusals.len(), 1, "{refusals:?}");
    let message = &refusals[0].message;
    assert!(message.contains("`DenyOtherRegions`") && message.contains("may deny"), "{message}");
    assert!(message.contains("role `audit`") && !message.contains("role `apply` of"), "{message}");
}

#[test]
fn a_policy_that_denies_orgward_is_refused_with_statement_and_line() {
    let refusals = judged(&deny(r#""Action": "cloudtrail:*", "Resource": "*""#));
    assert_eq!(refusals.len(), 2, "one for each role, at the attachment: {refusals:?}");
    for refusal in &refusals {
        assert_eq!(refusal.kind, RefusalKind::LockOut);
        assert!(matches!(refusal.address, Some(Address::Attachment { .. })));
        assert!(refusal.message.contains("statement `NoWay` (line 4) of `guard` denies"), "{}", refusal.message);
        assert!(
            refusal.message.contains("and 2 more") && refusal.message.contains("all 2 accounts"),
            "{}",
            refusal.message
        );
    }
}

#[test]
fn a_deny_on_some_resource_counts_and_a_role_spared_in_one_account_is_not_spared_in_another() {
    let refusals = judged(&deny(r#""Action": "logs:*", "Resource": "arn:aws:logs:*:*:log-group:secret""#));
    assert!(refusals[0].message.contains("logs:"), "{refusals:?}");
    let one = deny(
        r#""Action": "iam:Get*", "NotResource": "x", "Condition": {"ArnNotLike": {"aws:PrincipalArn":
           ["arn:aws:iam::222222222222:role/audit", "arn:aws:iam::*:role/apply"]}}"#,
    );
    let refusals = judged(&one);
    assert_eq!(refusals.len(), 1, "{refusals:?}");
    assert!(refusals[0].message.contains("in account 333333333333"), "{}", refusals[0].message);
}

#[test]
fn what_can_t_be_told_is_refused() {
    let doubtful = judged(&deny(
        r#""Action": "iam:*", "Resource": "*", "Condition": {"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}"#,
    ));
    assert!(doubtful[0].message.contains("may deny"), "{doubtful:?}");
    let malformed = judged("{\"Version\": \"2012-10-17\", \"Statement\": [{}]}");
    assert!(!malformed.is_empty() && malformed[0].message.contains("can't be told"), "{malformed:?}");
    let mut unseen = org(Vec::new());
    unseen.policies.insert(PolicyType::Scp, Observed::not_collected("organizations:ListPolicies"));
    assert!(!guards(&rollout(FULL), &unseen, Setting::Aws, &roles()).is_empty());
    let only_attach = plan(vec![attachment("nowhere", "ou-ab12-11111111", &[])]);
    assert!(!guards(&only_attach, &org(Vec::new()), Setting::Aws, &roles()).is_empty());
    let mut rcp = rollout(FULL);
    for change in &mut rcp.changes {
        if let Address::Policy { policy_type, .. } | Address::Attachment { policy_type, .. } = &mut change.address {
            *policy_type = PolicyType::Rcp;
        }
    }
    assert_eq!(guards(&rcp, &org(Vec::new()), Setting::Aws, &roles()).len(), 2);
}

#[test]
fn root_attachments_and_the_end_of_a_guardrail_are_refused_outside_the_sandbox() {
    let mut detach = attachment("guard", "ou-ab12-11111111", &[]);
    detach.before = detach.after.take();
    let mut delete = org_change("guard", &[]);
    delete.before = delete.after.take();
    let to_root = attachment("guard", "r-ab12", &[]);
    let org = org(vec![scp("guard", FULL, &["ou-ab12-11111111"])]);
    for (change, says) in [(detach, "detaches"), (delete, "deletes"), (to_root, "reaches every account")] {
        let plan = plan(vec![change]);
        let refusals = guards(&plan, &org, Setting::Aws, &roles());
        assert_eq!(refusals.len(), 1);
        assert!(refusals[0].message.contains(says) && refusals[0].message.contains("prove"), "{refusals:?}");
        assert_eq!(guards(&plan, &org, Setting::Sandbox, &roles()), []);
    }
}

#[test]
fn a_changed_text_is_judged_wherever_it_is_attached() {
    let update = |content: &str| {
        let mut change = org_change("guard", &[]);
        change.before = Some(Doc(json!({"content": FULL})));
        change.after = Some(Doc(json!({"content": content})));
        plan(vec![change])
    };
    let at = |targets: &[&str]| org(vec![scp("guard", FULL, targets)]);
    let harmful = deny(r#""Action": "iam:*", "Resource": "*""#);
    let go = |plan: &Plan, org: &OrgFacts| guards(plan, org, Setting::Aws, &roles());
    assert!(!go(&update(&harmful), &at(&["222222222222"])).is_empty());
    assert_eq!(go(&update(&harmful), &at(&[])), [], "attached nowhere, it binds nobody");
    assert_eq!(go(&update(&harmful), &at(&["111111111111"])), [], "no SCP binds the management account");
    assert_eq!(go(&update(FULL), &at(&["r-ab12"])), [], "the same text changes nothing");
    let root = go(&update(&harmful), &at(&["r-ab12"]));
    assert!(root[0].message.contains("reaches every account"), "{root:?}");
    let allow_less = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*"}]}"#;
    let lost = go(&update(allow_less), &at(&["ou-ab12-11111111"]));
    assert!(lost.len() == 1 && lost[0].message.contains("no longer allows"), "{lost:?}");
}

#[test]
fn an_account_with_a_role_of_its_own_is_judged_with_it() {
    let spares = deny(
        r#""Action": "*", "Resource": "*", "Condition": {"ArnNotLike": {"aws:PrincipalArn":
           ["arn:*:iam::*:role/audit", "arn:*:iam::*:role/apply"]}}"#,
    );
    let mut roles = roles();
    roles.overrides.insert(account(3), ("special".into(), "apply".into()));
    let refusals = guards(&rollout(&spares), &org(Vec::new()), Setting::Aws, &roles);
    assert_eq!(refusals.len(), 1, "{refusals:?}");
    assert!(refusals[0].message.contains("role `special`") && refusals[0].message.contains("333333333333"));
}

#[test]
fn what_is_called_under_the_audit_role_is_in_the_list() {
    use crate::execute::NEEDS;
    let listed = |action: &str| NEEDS.iter().any(|need| need.action == action);
    assert!(NEEDS.is_sorted_by(|left, right| left.action < right.action));
    let reads = NEEDS.iter().filter(|need| {
        let verb = need.action.split_once(':').unwrap().1;
        ["Describe", "Get", "List", "Generate"].iter().any(|read| verb.starts_with(read))
    });
    for need in reads {
        assert!(crate::aws::READ_ACTIONS.contains(&need.action), "{} is not in the session policy", need.action);
    }
    assert!(listed("iam:GetAccountSummary") && listed("iam:UpdateAccountPasswordPolicy"));
}
