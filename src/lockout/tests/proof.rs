//! What is proved, what is refused, and why.

use super::*;
use crate::model::plan::RefusalKind;

const SPARES: &str = r#""Condition": {"ArnNotLike": {"aws:PrincipalArn": ["arn:*:iam::*:role/audit",
    "arn:*:iam::*:role/apply", "arn:*:iam::*:role/BreakGlass", "arn:*:iam::*:role/AWSControlTowerExecution",
    "arn:*:iam::*:role/stacksets-exec-*", "arn:*:iam::*:role/aws-reserved/sso.amazonaws.com/*AWSReservedSSO_AdministratorAccess*"]}}"#;

fn judged(content: &str) -> Proof {
    proved(&org(Vec::new()), &rollout(content, OU))
}

#[test]
fn a_policy_that_spares_everybody_protected_is_let_through() {
    for harmless in [
        FULL.to_owned(),
        deny(r#""Action": "organizations:LeaveOrganization", "Resource": "*""#),
        deny(&format!(r#""Action": "*", "Resource": "*", {SPARES}"#)),
        deny(
            r#""Action": "*", "Resource": "*", "Condition": {"ArnLike": {"aws:PrincipalArn": "arn:*:iam::*:user/*"},
               "BoolIfExists": {"aws:MultiFactorAuthPresent": "false"}}"#,
        ),
        deny(r#""Action": "iam:*", "Resource": "arn:aws:iam::*:role/protected""#),
        deny(r#""Action": "*", "Resource": "*", "Condition": {"StringNotEquals": {"aws:PrincipalOrgID": "o-abc123"}}"#),
    ] {
        assert_eq!(messages(&judged(&harmless)), [] as [&str; 0], "{harmless}");
    }
}

#[test]
fn a_denial_is_refused_with_principal_chain_action_statement_and_line() {
    let proof = judged(&deny(r#""Action": "cloudwatch:*", "Resource": "*""#));
    assert_eq!(proof.refusals.len(), 2, "{:?}", messages(&proof));
    for (refusal, role) in proof.refusals.iter().zip(["apply", "audit"]) {
        assert_eq!(refusal.kind, RefusalKind::LockOut);
        assert!(matches!(refusal.address, Some(Address::Attachment { .. })));
        for part in [
            "statement `NoWay` (number 1, line 4) of `guard`, attached to OU /Workloads (ou-ab12-11111111), denies",
            &format!("role/{role} (the {role} role of orgward)"),
            "in 2 accounts, 222222222222 among them",
            "(chain r-ab12 > ou-ab12-11111111 > 222222222222)",
            &format!(r#"{{"aws:PrincipalArn": "arn:*:iam::*:role/{role}"}}"#),
            "--accept-lockout-risk ou-ab12-11111111",
        ] {
            assert!(refusal.message.contains(part), "`{part}` is not in: {}", refusal.message);
        }
    }
    assert!(messages(&proof)[0].contains("`cloudwatch:DeleteAlarms` and 2 more"), "{:?}", messages(&proof));
    assert!(messages(&proof)[1].contains("`cloudwatch:DescribeAlarms` to"), "{:?}", messages(&proof));
}

#[test]
fn every_kind_of_protected_principal_is_protected() {
    let proof = judged(&deny(r#""Action": ["iam:PutRolePolicy", "cloudformation:UpdateStack"], "Resource": "*""#));
    let all = messages(&proof).join("\n");
    for who in [
        "a break-glass role",
        "the administrators of IAM Identity Center",
        "the execution role of Control Tower",
        "the execution roles of StackSets",
    ] {
        assert!(all.contains(who), "{who}: {all}");
    }
    assert!(all.contains(r#""arn:*:iam::*:role/stacksets-exec-*""#), "{all}");
    let mut delegated = org(Vec::new());
    delegated.organization.caller_arn = format!("arn:aws:sts::{SECOND}:assumed-role/Platform/me");
    let caller = deny(r#""Action": "organizations:AttachPolicy", "Resource": "arn:aws:organizations::*:policy/x""#);
    let proof = proved(&delegated, &rollout(&caller, OU));
    assert!(messages(&proof)[0].contains("delegated administrator") && proof.refusals.len() == 1, "{proof:?}");
}

#[test]
fn a_deny_on_some_resource_counts_for_orgward() {
    let proof = judged(&deny(r#""Action": "logs:*", "Resource": "arn:aws:logs:*:*:log-group:secret""#));
    assert!(messages(&proof)[0].contains("`logs:DeleteMetricFilter`"), "{proof:?}");
}

#[test]
fn regions_in_scope_are_each_tried() {
    let outside = deny(
        r#""NotAction": ["iam:*", "sts:*"], "Resource": "*",
           "Condition": {"StringNotEquals": {"aws:RequestedRegion": ["eu-central-1", "us-east-1"]}}"#,
    );
    let (org, plan, protected) = (org(Vec::new()), rollout(&outside, OU), Protected::embedded().unwrap());
    let proof = proved(&org, &plan);
    let all = messages(&proof);
    assert!(all.iter().all(|message| message.contains(" in eu-west-1 to ")) && !all.is_empty(), "{all:?}");
    let inside = ["eu-central-1".parse().unwrap()];
    let (roles, accepted) = (roles(), BTreeSet::new());
    let terms = Terms { protected: &protected, roles: &roles, regions: Some(&inside), accepted: &accepted };
    assert_eq!(prove(&org, &plan, &terms).refusals, []);
    let mut unseen = org.clone();
    unseen.regions = Observed::not_collected("account:ListRegions");
    let proof = proved(&unseen, &plan);
    assert!(messages(&proof)[0].contains("may deny"), "a Region that is not known: {proof:?}");
}

#[test]
fn what_can_t_be_told_is_refused() {
    let doubtful = judged(&deny(
        r#""Action": "iam:*", "Resource": "*", "Condition": {"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}"#,
    ));
    assert!(messages(&doubtful)[0].contains("may deny"), "{doubtful:?}");
    let mfa = judged(&deny(
        r#""Action": "*", "Resource": "*", "Condition": {"BoolIfExists": {"aws:MultiFactorAuthPresent": "false"}}"#,
    ));
    assert!(messages(&mfa)[0].contains("may deny"), "{mfa:?}");
    let malformed = judged("{\"Version\": \"2012-10-17\", \"Statement\": [{}]}");
    assert!(messages(&malformed)[0].contains("can't be told"), "{malformed:?}");
    let mut unseen = org(Vec::new());
    unseen.policies.insert(PolicyType::Scp, Observed::not_collected("organizations:ListPolicies"));
    assert!(messages(&proved(&unseen, &rollout(FULL, OU)))[0].contains("can't be told"));
    let nowhere = proved(&org(Vec::new()), &plan(vec![attach("nowhere", OU, &[])]));
    assert!(messages(&nowhere)[0].contains("no such policy"), "{nowhere:?}");
    let other = PolicyType::Other("BACKUP_POLICY".into());
    let guard = written(other.clone(), "guard", None, Some(FULL));
    let backup = plan(vec![attached(other, "guard", OU, &[&guard]), guard]);
    assert!(messages(&proved(&org(Vec::new()), &backup))[0].contains("not evaluated"));
}

#[test]
fn what_was_so_before_is_not_held_against_a_plan_and_what_it_adds_is() {
    let old = deny(r#""Action": "cloudwatch:*", "Resource": "*""#);
    let org = org(vec![scp("theirs", &old, &[OU])]);
    assert_eq!(messages(&proved(&org, &rollout(FULL, OU))), [] as [&str; 0]);
    let again = deny(r#""Action": ["cloudwatch:*", "s3:*"], "Resource": "*""#);
    let proof = proved(&org, &rollout(&again, OU));
    assert!(messages(&proof).iter().all(|message| message.contains("of `guard`")) && !proof.refusals.is_empty());
    let lift = plan(vec![detach("theirs", OU, &[])]);
    assert_eq!(messages(&proved(&org, &lift)), [] as [&str; 0]);
}

#[test]
fn no_policy_binds_the_management_account_and_an_attachment_nowhere_binds_nobody() {
    let harmful = deny(r#""Action": "*", "Resource": "*""#);
    assert_eq!(messages(&proved(&org(Vec::new()), &rollout(&harmful, MANAGEMENT))), [] as [&str; 0]);
    let unattached = plan(vec![write("guard", None, Some(&harmful))]);
    assert_eq!(messages(&proved(&org(Vec::new()), &unattached)), [] as [&str; 0]);
}

#[test]
fn an_ou_without_accounts_is_proved_for_those_that_come() {
    let mut org = org(Vec::new());
    org.accounts.remove(&THIRD.parse().unwrap());
    let proof = proved(&org, &rollout(&deny(r#""Action": "cloudwatch:*", "Resource": "*""#), INNER));
    assert!(messages(&proof)[0].contains("in any account that comes there"), "{proof:?}");
    assert_eq!(messages(&proved(&org, &rollout(FULL, INNER))), [] as [&str; 0]);
}

#[test]
fn an_account_with_a_role_of_its_own_is_judged_with_it() {
    let mut roles = roles();
    roles.overrides.insert(THIRD.parse().unwrap(), ("special".into(), "apply".into()));
    let plan = rollout(&deny(&format!(r#""Action": "*", "Resource": "*", {SPARES}"#)), OU);
    let proof = proved_with(&org(Vec::new()), &plan, &roles, &[]);
    assert_eq!(proof.refusals.len(), 1, "{proof:?}");
    assert!(messages(&proof)[0].contains("role/special") && messages(&proof)[0].contains("in account 333333333333"));
}

#[test]
fn a_root_target_needs_a_break_glass_role() {
    let (org, plan) = (org(Vec::new()), rollout(FULL, ROOT));
    let without = Roles::new("audit", "apply");
    let proof = proved_with(&org, &plan, &without, &[]);
    assert_eq!(proof.refusals.len(), 1);
    assert!(messages(&proof)[0].contains("no break-glass role is configured"), "{proof:?}");
    assert_eq!(messages(&proved(&org, &plan)), [] as [&str; 0]);
    assert_eq!(messages(&proved_with(&org, &plan, &without, &[ROOT])), [] as [&str; 0]);
    // To take a mere Deny away gives back; to rewrite what is attached to the root does not.
    let guarded = super::org(vec![scp("guard", &deny(r#""Action": "s3:*", "Resource": "*""#), &[ROOT])]);
    let lift = super::plan(vec![detach("guard", ROOT, &[])]);
    assert_eq!(messages(&proved_with(&guarded, &lift, &without, &[])), [] as [&str; 0]);
    let rewrite = super::plan(vec![write("guard", Some("{}"), Some(FULL))]);
    assert_eq!(proved_with(&guarded, &rewrite, &without, &[]).refusals.len(), 1);
    let same = super::plan(vec![write("guard", Some(FULL), Some(FULL))]);
    assert_eq!(proved_with(&guarded, &same, &without, &[]).refusals.len(), 0, "only its description changes");
}

#[test]
fn a_risk_is_accepted_for_one_target_and_the_plan_says_so() {
    let harmful = deny(r#""Action": "cloudwatch:*", "Resource": "*""#);
    let guard = write("guard", None, Some(&harmful));
    let (second, inner) = (attach("guard", SECOND, &[&guard]), attach("guard", INNER, &[&guard]));
    let (org, plan) = (org(Vec::new()), plan(vec![guard, second, inner]));
    assert_eq!(proved(&org, &plan).refusals.len(), 4);
    let proof = proved_with(&org, &plan, &roles(), &[INNER]);
    assert_eq!(proof.refusals.len(), 2);
    assert!(messages(&proof).iter().all(|message| message.contains("--accept-lockout-risk 222222222222")));
    assert_eq!(proof.notes.len(), 1);
    let note = &proof.notes[0];
    assert!(
        note.starts_with("the risk of a lock-out at OU /Workloads/Prod (ou-ab12-22222222) was accepted: "),
        "{note}"
    );
    assert!(note.contains("`NoWay`") && note.contains("role/audit"), "{note}");
}

#[test]
fn an_rcp_on_sts_leaves_the_way_in() {
    let rcp = |condition: &str| {
        let text = format!(
            r#"{{"Version": "2012-10-17", "Statement": [{{"Sid": "Sts", "Effect": "Deny", "Principal": "*",
                "Action": "sts:AssumeRole", "Resource": "*"{condition}}}]}}"#
        );
        let guard = written(PolicyType::Rcp, "guard", None, Some(&text));
        let attachment = attached(PolicyType::Rcp, "guard", OU, &[&guard]);
        proved(&org(Vec::new()), &plan(vec![guard, attachment]))
    };
    let all = rcp("");
    let enters =
        messages(&all).into_iter().filter(|message| message.contains("role/Platform, who enters role/")).count();
    assert_eq!(enters, 2, "{:?}", messages(&all));
    let by_org = r#", "Condition": {"StringNotEqualsIfExists": {"aws:PrincipalOrgID": "o-abc123"}}"#;
    assert_eq!(messages(&rcp(by_org)), [] as [&str; 0]);
    let another = r#", "Condition": {"StringNotEquals": {"aws:PrincipalOrgID": "o-other12"}}"#;
    assert!(!rcp(another).refusals.is_empty());
    let one_account = r#", "Condition": {"StringNotEquals": {"aws:ResourceAccount": "333333333333"}}"#;
    let proof = rcp(one_account);
    assert!(messages(&proof).iter().all(|message| message.contains("in account 222222222222")), "{proof:?}");
}

#[test]
fn shipped_policies_are_proved_and_fail_without_their_exemption() {
    let shipped = [
        ("DenyLeaveOrganization", include_str!("../../../playbooks/policies/deny-leave-organization.json")),
        ("ProtectTrails", include_str!("../../../playbooks/policies/protect-cloudtrail.json")),
        ("DenyOtherRegions", include_str!("../../../playbooks/policies/region-restriction.json")),
        ("DenyIamUsersWithoutMfa", include_str!("../../../playbooks/policies/require-mfa.json")),
    ];
    for (sid, text) in shipped {
        let text = text
            .replace("${audit_role}", "audit")
            .replace("${apply_role}", "apply")
            .replace("\"${regions}\"", "[\"eu-central-1\"]");
        assert_eq!(messages(&judged(&text)), [] as [&str; 0], "{text}");
        assert_eq!(messages(&proved(&org(Vec::new()), &rollout(&text, ROOT))), [] as [&str; 0]);
        let Some(from) = text.find(r#""ArnNotLike""#) else { continue };
        let without = format!("{}\"Null\": {{\"aws:PrincipalArn\": \"false\"}}\n}} }} ] }}", &text[..from]);
        let proof = judged(&without);
        assert!(
            !proof.refusals.is_empty() && messages(&proof).iter().all(|message| message.contains(sid)),
            "{proof:?}"
        );
    }
}

#[test]
fn a_statement_is_named_by_its_file_where_the_plan_says_it_and_only_there() {
    let org = org(Vec::new());
    let text = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"sns:ListTopics","Resource":"*"}]}"#;
    let plain = proved(&org, &rollout(text, OU));
    assert!(messages(&plain)[0].contains("a statement (number 1) of `guard`"), "{:?}", messages(&plain));
    let mut plan = rollout(text, OU);
    plan.changes[0].origins = vec!["our/guard.json:7\u{1b}".into()];
    let told = proved(&org, &plan);
    assert!(
        messages(&told)[0].contains("a statement (number 1, our/guard.json:7\\u{1b}) of `guard`"),
        "{:?}",
        messages(&told)
    );
    plan.changes[0].origins.clear();
    assert_eq!(messages(&proved(&org, &plan)), messages(&plain));
}
