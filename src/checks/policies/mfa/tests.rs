//! Users who may work without MFA, and those who may not.

use super::super::super::fixtures::{
    self, FULL_ACCESS, LITTLE, MANAGEMENT, MEMBER, MFA_ONLY, OU, ROOT, days_ago, key, root_row, scp, seen, user_row,
};
use super::super::super::tests::{hidden, judge};
use super::*;
use crate::model::iam::{Cell, CredentialReport, IamGroup, InlinePolicy};
use crate::model::{AccountFacts, Finding, OrgFacts, Verdict};

/// AWS's own example: everything but setting MFA up is denied without it.
const DENY: &str = r#"{"Effect":"Deny","NotAction":["iam:CreateVirtualMFADevice","iam:EnableMFADevice","iam:GetUser","iam:ListMFADevices","iam:ListVirtualMFADevices","iam:ResyncMFADevice","sts:GetSessionToken"],"Resource":"*","Condition":{"BoolIfExists":{"aws:MultiFactorAuthPresent":"false"}}}"#;
const ALLOW: &str = r#"{"Effect":"Allow","Action":["s3:*","ec2:Describe*"],"Resource":"*"}"#;

/// An account whose one console user `ann` has these statements, and an active key or none.
fn account(statements: &[&str], with_key: bool) -> AccountFacts {
    let mut row = user_row("ann");
    if !with_key {
        row.keys = vec![key(false, Cell::NotApplicable, Cell::NotApplicable)];
    }
    let mut facts = fixtures::account();
    let report = CredentialReport { generated_at: days_ago(0), rows: vec![root_row(), row] };
    facts.credential_report = seen(REPORT, report);
    facts.authorization = facts.authorization.map(|mut authorization| {
        let document = format!(r#"{{"Version":"2012-10-17","Statement":[{}]}}"#, statements.join(","));
        authorization.users[0].inline = vec![InlinePolicy { name: "work".to_owned(), document }];
        authorization
    });
    facts
}

/// An organization whose SCPs deny nothing that matters here, and these.
fn org(extra: Vec<crate::model::org::Policy>) -> OrgFacts {
    let mut org = fixtures::org();
    let mut policies = vec![scp("p-FullAWSAccess", "FullAWSAccess", FULL_ACCESS, &[ROOT, OU, MANAGEMENT, MEMBER])];
    policies.extend(extra);
    org.policies.insert(PolicyType::Scp, seen("organizations:ListPolicies", policies));
    org
}

fn found(statements: &[&str], with_key: bool) -> Finding {
    judge(&org(vec![]), &account(statements, with_key), "mfa-enforced")
}

#[test]
fn a_user_who_may_work_without_mfa_fails() {
    let finding = found(&[ALLOW], false);
    assert_eq!(finding.verdict, Verdict::Fail);
    assert_eq!(finding.message, "1 of 1 console users can work without MFA");
    assert!(finding.resources[0].resource.ends_with(":user/ann"));
    assert!(finding.resources[0].message.ends_with("in the console without MFA"), "{}", finding.resources[0].message);
}

#[test]
fn aws_s_own_example_passes_with_and_without_a_key() {
    for with_key in [false, true] {
        let finding = found(&[ALLOW, DENY], with_key);
        assert_eq!(finding.verdict, Verdict::Pass, "{}", finding.message);
        assert_eq!(finding.message, "the 1 console user is denied without MFA");
    }
}

#[test]
fn bool_does_not_see_the_requests_of_access_keys() {
    let deny = DENY.replace("BoolIfExists", "Bool");
    assert_eq!(found(&[ALLOW, &deny], false).verdict, Verdict::Pass);
    let finding = found(&[ALLOW, &deny], true);
    assert_eq!(finding.verdict, Verdict::Fail);
    assert!(
        finding.resources[0].message.contains("with an access key without MFA"),
        "{}",
        finding.resources[0].message
    );
}

#[test]
fn what_a_denial_leaves_out_is_tried() {
    let generous = DENY.replace(r#""iam:GetUser""#, r#""iam:GetUser","s3:*""#);
    let finding = found(&[ALLOW, &generous], false);
    assert_eq!(finding.verdict, Verdict::Fail, "{}", finding.message);
    assert!(finding.resources[0].message.contains("s3:"), "{}", finding.resources[0].message);
    let some = r#"{"Effect":"Deny","Action":"s3:*","Resource":"*","Condition":{"BoolIfExists":{"aws:MultiFactorAuthPresent":"false"}}}"#;
    let finding = found(&[ALLOW, some], false);
    assert!(finding.resources[0].message.contains("ec2:Describe"), "{}", finding.resources[0].message);
    let but_one = DENY.replace(r#""Resource":"*""#, r#""NotResource":"arn:aws:s3:::open/*""#);
    assert_eq!(found(&[ALLOW, &but_one], false).verdict, Verdict::Fail);
}

#[test]
fn permissions_that_ask_for_mfa_themselves_are_enough() {
    let asking = ALLOW.replace('}', r#","Condition":{"Bool":{"aws:MultiFactorAuthPresent":"true"}}}"#);
    assert_eq!(found(&[&asking], true).verdict, Verdict::Pass);
    let set_up = r#"{"Effect":"Allow","Action":["iam:EnableMFADevice","iam:ChangePassword"],"Resource":"arn:aws:iam::*:user/${aws:username}"}"#;
    assert_eq!(found(&[&asking, set_up], true).verdict, Verdict::Pass);
    let deactivate = set_up.replace("iam:EnableMFADevice", "iam:DeactivateMFADevice");
    assert_eq!(found(&[&asking, &deactivate], true).verdict, Verdict::Fail);
}

#[test]
fn a_policy_of_the_group_counts() {
    let mut facts = account(&[ALLOW], true);
    facts.authorization = facts.authorization.map(|mut authorization| {
        authorization.users[0].groups = vec!["people".to_owned()];
        authorization.groups.push(IamGroup {
            name: "people".to_owned(),
            arn: format!("arn:aws:iam::{MEMBER}:group/people"),
            inline: vec![InlinePolicy {
                name: "mfa".to_owned(),
                document: format!(r#"{{"Version":"2012-10-17","Statement":[{DENY}]}}"#),
            }],
            attached: Vec::new(),
        });
        authorization
    });
    assert_eq!(judge(&org(vec![]), &facts, "mfa-enforced").verdict, Verdict::Pass);
}

#[test]
fn the_effective_scp_counts_but_not_in_the_management_account() {
    let facts = account(&[ALLOW], true);
    for place in [ROOT, OU, MEMBER] {
        let org = org(vec![scp("p-requiremfa", "mfa", MFA_ONLY, &[place])]);
        let finding = judge(&org, &facts, "mfa-enforced");
        assert_eq!(finding.verdict, Verdict::Pass, "{place}: {}", finding.message);
        assert!(finding.evidence.iter().any(|from| from.source.operation == "organizations:DescribePolicy"));
    }
    let elsewhere = org(vec![scp("p-requiremfa", "mfa", MFA_ONLY, &[MANAGEMENT])]);
    assert_eq!(judge(&elsewhere, &facts, "mfa-enforced").verdict, Verdict::Fail);
    let mut managed = org(vec![scp("p-requiremfa", "mfa", MFA_ONLY, &[ROOT])]);
    managed.organization.management_account = fixtures::id(MEMBER);
    assert_eq!(judge(&managed, &facts, "mfa-enforced").verdict, Verdict::Fail);
    let mut off = org(vec![scp("p-requiremfa", "mfa", MFA_ONLY, &[ROOT])]);
    off.root.policy_types.clear();
    assert_eq!(judge(&off, &facts, "mfa-enforced").verdict, Verdict::Fail);
    let by_key = MFA_ONLY.replace("BoolIfExists", "Bool");
    let org = org(vec![scp("p-requiremfa", "mfa", &by_key, &[OU])]);
    assert_eq!(judge(&org, &facts, "mfa-enforced").verdict, Verdict::Fail);
}

#[test]
fn what_an_unknown_scp_may_deny_is_unknown() {
    let facts = account(&[ALLOW], true);
    let mut unread = scp("p-requiremfa", "mfa", MFA_ONLY, &[OU]);
    unread.content = hidden();
    assert_eq!(judge(&org(vec![unread]), &facts, "mfa-enforced").verdict, Verdict::Unknown);
    let mut org = org(vec![]);
    org.policies.insert(PolicyType::Scp, hidden());
    assert_eq!(judge(&org, &facts, "mfa-enforced").verdict, Verdict::Unknown);
    assert_eq!(judge(&org, &account(&[ALLOW, DENY], true), "mfa-enforced").verdict, Verdict::Pass, "not needed");
    let by_address = ALLOW.replace('}', r#","Condition":{"IpAddress":{"aws:SourceIp":"192.0.2.0/24"}}}"#);
    assert_eq!(found(&[&by_address], false).verdict, Verdict::Unknown);
}

#[test]
fn without_console_users_it_does_not_apply() {
    let mut facts = fixtures::account();
    facts.credential_report = seen(REPORT, CredentialReport { generated_at: days_ago(0), rows: vec![root_row()] });
    assert_eq!(judge(&org(vec![]), &facts, "mfa-enforced").verdict, Verdict::NotApplicable);
    let mut robot = user_row("ann");
    robot.password_enabled = Some(false);
    let rows = vec![root_row(), robot.clone()];
    facts.credential_report = seen(REPORT, CredentialReport { generated_at: days_ago(0), rows });
    assert_eq!(judge(&org(vec![]), &facts, "mfa-enforced").verdict, Verdict::NotApplicable);
    robot.password_enabled = None;
    facts.credential_report = seen(REPORT, CredentialReport { generated_at: days_ago(0), rows: vec![robot] });
    assert_eq!(judge(&org(vec![]), &facts, "mfa-enforced").verdict, Verdict::Unknown);
}

#[test]
fn a_user_the_account_does_not_list_is_unknown() {
    let mut facts = account(&[LITTLE], false);
    facts.credential_report =
        seen(REPORT, CredentialReport { generated_at: days_ago(0), rows: vec![root_row(), user_row("bob")] });
    facts.authorization = fixtures::account().authorization;
    assert_eq!(judge(&org(vec![]), &facts, "mfa-enforced").verdict, Verdict::Unknown);
}

const WITHOUT: &str = r#""Condition":{"BoolIfExists":{"aws:MultiFactorAuthPresent":"false"}}"#;

#[test]
fn what_a_wide_exception_of_a_denial_leaves_out_is_tried_action_by_action() {
    let deny = format!(r#"{{"Effect":"Deny","NotAction":"iam:*","Resource":"*",{WITHOUT}}}"#);
    let allow = r#"{"Effect":"Allow","Action":["iam:AttachUserPolicy","ec2:*"],"Resource":"*"}"#;
    let finding = found(&[allow, &deny], false);
    assert_eq!(finding.verdict, Verdict::Fail, "{}", finding.message);
    assert!(finding.resources[0].message.contains("`iam:AttachUserPolicy`"), "{}", finding.resources[0].message);
    let deny = format!(r#"{{"Effect":"Deny","NotAction":"iam:*Policy","Resource":"*",{WITHOUT}}}"#);
    let allow = r#"{"Effect":"Allow","Action":["iam:Attach*","ec2:*"],"Resource":"*"}"#;
    assert_eq!(found(&[allow, &deny], false).verdict, Verdict::Fail, "neither's own example is the other's");
    let allow = r#"{"Effect":"Allow","Action":["iam:GetGroup","ec2:*"],"Resource":"*"}"#;
    assert_eq!(found(&[allow, &deny], false).verdict, Verdict::Pass);
}

#[test]
fn a_denial_in_one_account_leaves_the_rest_open() {
    let all = r#"{"Effect":"Allow","Action":"*","Resource":"*"}"#;
    for place in [format!("arn:aws:*:*:{MEMBER}:*"), "arn:aws:*:*::*".to_owned(), "arn:aws:*:eu-west-1:*:*".to_owned()]
    {
        let deny = format!(r#"{{"Effect":"Deny","Action":"*","Resource":"{place}",{WITHOUT}}}"#);
        for wide in [all.to_owned(), all.replace(r#""*"}"#, r#""arn:aws:*:*:*:*"}"#)] {
            assert_eq!(found(&[&wide, &deny], false).verdict, Verdict::Fail, "{wide} {place}");
        }
        let buckets = all.replace(r#""*"}"#, r#""arn:aws:s3:::*"}"#);
        let wanted = if place.ends_with("*::*") { Verdict::Pass } else { Verdict::Fail };
        assert_eq!(found(&[&buckets, &deny], false).verdict, wanted, "{place}");
    }
    let deny = format!(r#"{{"Effect":"Deny","Action":"*","Resource":"*",{WITHOUT}}}"#);
    assert_eq!(found(&[all, &deny], true).verdict, Verdict::Pass);
}

#[test]
fn a_resource_with_a_variable_that_is_not_known_is_never_a_pass_by_itself() {
    let own = r#"{"Effect":"Allow","Action":"s3:*","Resource":"arn:aws:s3:::home/${aws:userid}/*"}"#;
    let finding = found(&[own], false);
    assert_eq!(finding.verdict, Verdict::Unknown, "{}", finding.message);
    assert!(finding.message.contains("${aws:userid}"), "{}", finding.message);
    assert_eq!(found(&[own, DENY], true).verdict, Verdict::Pass);
    let asking = own.replace("*\"}", r#"*","Condition":{"Bool":{"aws:MultiFactorAuthPresent":"true"}}}"#);
    assert_eq!(found(&[&asking], true).verdict, Verdict::Pass);
    let elsewhere = format!(r#"{{"Effect":"Deny","Action":"*","Resource":"arn:aws:s3:::b/*",{WITHOUT}}}"#);
    assert_eq!(found(&[own, &elsewhere], false).verdict, Verdict::Unknown);
}

#[test]
fn the_ninth_resource_is_tried_too() {
    let buckets: Vec<String> = (0..9).map(|n| format!(r#""arn:aws:s3:::b{n}/*""#)).collect();
    let allow = format!(r#"{{"Effect":"Allow","Action":"s3:*","Resource":[{}]}}"#, buckets.join(","));
    let deny = format!(
        r#"{{"Effect":"Deny","Action":"s3:*","Resource":[{}],{WITHOUT}}}"#,
        buckets.get(..8).unwrap().join(",")
    );
    assert_eq!(found(&[&allow, &deny], false).verdict, Verdict::Fail);
}

#[test]
fn more_than_can_be_tried_is_unknown() {
    let resources: Vec<String> = (0..200).map(|n| format!(r#""arn:aws:s3:::b{n}/*""#)).collect();
    let actions: Vec<String> = (0..120).map(|n| format!(r#""s3:Get{n}""#)).collect();
    let (resources, actions) = (resources.join(","), actions.join(","));
    let allow = format!(r#"{{"Effect":"Allow","Action":[{actions}],"Resource":[{resources}]}}"#);
    let deny = format!(r#"{{"Effect":"Deny","Action":"*","Resource":"arn:aws:s3:::b*",{WITHOUT}}}"#);
    let finding = found(&[&allow, &deny], false);
    assert_eq!(finding.verdict, Verdict::Unknown, "{}", finding.message);
    assert_eq!(found(&[&allow, DENY], false).verdict, Verdict::Pass, "one denial of all is enough");
}
