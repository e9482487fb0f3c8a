//! The data of protected principals, and what it stands for in an account.

use super::*;
use crate::lockout::protected::principal;

/// Role ARNs of the protected principals of an account.
fn arns(protected: &Protected, org: &OrgFacts, roles: &Roles, account: &str) -> Vec<String> {
    let guarded = protected.of(&account.parse().unwrap(), &org.organization, roles);
    guarded.iter().map(|guard| guard.principal.arn.clone()).collect()
}

#[test]
fn patterns_become_principals_of_the_account() {
    let (protected, org) = (Protected::embedded().unwrap(), org(Vec::new()));
    let found = arns(&protected, &org, &roles(), SECOND);
    let wanted = [
        "role/audit",
        "role/apply",
        "role/BreakGlass",
        "role/aws-reserved/sso.amazonaws.com/AWSReservedSSO_AdministratorAccess_0123456789abcdef",
        "role/aws-reserved/sso.amazonaws.com/eu-central-1/AWSReservedSSO_AdministratorAccess_0123456789abcdef",
        "role/AWSControlTowerExecution",
        "role/stacksets-exec-0123456789abcdef0123456789abcdef",
    ];
    assert_eq!(found, wanted.map(|role| format!("arn:aws:iam::{SECOND}:{role}")));
    for guard in protected.of(&SECOND.parse().unwrap(), &org.organization, &roles()) {
        let session = guard.principal.session_arn.unwrap();
        assert!(
            session.starts_with(&format!("arn:aws:sts::{SECOND}:assumed-role/")) && !session.contains("aws-reserved")
        );
    }
}

#[test]
fn roles_differ_where_they_are_said_to_and_a_whole_arn_is_of_one_account() {
    let (protected, org) = (Protected::embedded().unwrap(), org(Vec::new()));
    let mut roles = Roles::new("audit", "apply");
    roles.overrides.insert(SECOND.parse().unwrap(), ("special".into(), "apply".into()));
    roles.break_glass.push(format!("arn:aws:iam::{THIRD}:role/ops/Glass"));
    let (second, third) = (arns(&protected, &org, &roles, SECOND), arns(&protected, &org, &roles, THIRD));
    assert!(second.contains(&format!("arn:aws:iam::{SECOND}:role/special")));
    assert!(third.contains(&format!("arn:aws:iam::{THIRD}:role/audit")));
    assert!(second.iter().all(|arn| !arn.contains("Glass")));
    assert!(third.contains(&format!("arn:aws:iam::{THIRD}:role/ops/Glass")));
}

#[test]
fn a_caller_in_a_member_account_is_protected_there() {
    let mut org = org(Vec::new());
    let protected = Protected::embedded().unwrap();
    org.organization.caller_arn = format!("arn:aws:sts::{SECOND}:assumed-role/AWSReservedSSO_Platform_0a/me");
    let role = "role/aws-reserved/sso.amazonaws.com/eu-central-1/AWSReservedSSO_Platform_0a";
    assert!(arns(&protected, &org, &roles(), SECOND).contains(&format!("arn:aws:iam::{SECOND}:{role}")));
    assert_eq!(arns(&protected, &org, &roles(), THIRD).len(), 7);
    let home = "us-east-1".parse().unwrap();
    let by_home = principal("arn:aws:sts::222222222222:assumed-role/AWSReservedSSO_X_0a/me", &home);
    assert_eq!(by_home.arn, "arn:aws:iam::222222222222:role/aws-reserved/sso.amazonaws.com/AWSReservedSSO_X_0a");
    assert_eq!(principal("arn:aws:iam::222222222222:user/me", &home).session_arn, None);
}

#[test]
fn what_orgward_calls_is_protected() {
    let protected = Protected::embedded().unwrap();
    let (audit, apply) = (protected.actions_of("${audit_role}"), protected.actions_of("${apply_role}"));
    for action in audit.iter().chain(&apply) {
        let (service, verb) = action.split_once(':').unwrap();
        let read =
            ["Describe", "Filter", "Generate", "Get", "List", "Lookup"].iter().any(|read| verb.starts_with(read));
        // `sts:GetCallerIdentity` needs no permission, and can be denied.
        let known = service == "sts" || crate::aws::READ_ACTIONS.contains(action);
        assert!(!read || known, "{action} is not in the session policy of an audit");
        assert!(read || service == "sts" || !audit.contains(action), "{action} is a write of the audit role");
    }
    for write in [
        "iam:UpdateAccountPasswordPolicy",
        "sns:CreateTopic",
        "iam:DeleteAccountPasswordPolicy",
        "logs:PutMetricFilter",
    ] {
        assert!(apply.contains(&write), "{write}");
    }
}

#[test]
fn a_file_replaces_principals_by_name_and_adds_others() {
    let text = r#"
version: 1
principals:
  - { name: the execution roles of StackSets, arn: "arn:*:iam::*:role/none" }
  - { name: deployment, arn: "arn:*:iam::*:role/Deploy*", actions: ["ecs:UpdateService"] }
"#;
    let protected = Protected::embedded().unwrap().with_file("ours.yaml", text).unwrap();
    let found = arns(&protected, &org(Vec::new()), &roles(), SECOND);
    assert!(found.iter().all(|arn| !arn.contains("stacksets")));
    assert_eq!(found.last().unwrap(), &format!("arn:aws:iam::{SECOND}:role/Deployorgward-example"));
}

#[test]
fn a_wrong_file_is_refused_by_name() {
    let wrong = [
        ("version: 2\nprincipals: []", "version `2`"),
        ("version: 1\nprincipals: []\nwhat: 1", "what"),
        ("version: 1\nprincipals: [{name: x, arn: Deploy, actions: [\"s3:Get\"]}]", "`arn` of `x`"),
        (
            "version: 1\nprincipals: [{name: x, arn: \"arn:*:iam::*:role/x\", actions: [\"s3:*\"]}]",
            "`s3:*` is no action",
        ),
    ];
    for (text, says) in wrong {
        let error = Protected::embedded().unwrap().with_file("ours.yaml", text).unwrap_err();
        assert!(error.contains("ours.yaml") && error.contains(says), "{error}");
    }
}
