//! Trust policies that let outsiders in and those that only look as if, and our own role.

use super::super::fixtures::{self, LITTLE, MANAGEMENT, MEMBER};
use super::super::tests::{hidden, judge};
use crate::model::iam::IamRole;
use crate::model::{AccountFacts, Finding, Verdict};

const VENDOR: &str = "999999999999";

fn with_role(name: &str, statements: &str) -> AccountFacts {
    let trust_policy = format!(r#"{{"Version":"2012-10-17","Statement":[{statements}]}}"#);
    fixtures::with_authorization(|all| {
        all.roles.retain(|role| role.name != name);
        all.roles.push(IamRole { trust_policy, inline: Vec::new(), ..fixtures::role(name, LITTLE) });
    })
}

fn allow(principal: &str, condition: &str) -> String {
    let condition = if condition.is_empty() { String::new() } else { format!(r#","Condition":{condition}"#) };
    format!(r#"{{"Effect":"Allow","Principal":{principal},"Action":"sts:AssumeRole"{condition}}}"#)
}

fn account(id: &str) -> String {
    format!(r#"{{"AWS":"arn:aws:iam::{id}:root"}}"#)
}

fn found(statements: &str, check: &str) -> Finding {
    judge(&fixtures::org(), &with_role("partner", statements), check)
}

#[track_caller]
fn verdicts(check: &str, cases: &[(&str, &str, Verdict)]) {
    for (principal, condition, verdict) in cases {
        let finding = found(&allow(principal, condition), check);
        assert_eq!(finding.verdict, *verdict, "{principal} {condition}: {}", finding.message);
    }
}

#[test]
fn an_account_outside_the_organization_is_an_outsider_whatever_names_it() {
    let role = format!(r#"{{"AWS":"arn:aws:iam::{VENDOR}:role/scanner"}}"#);
    let session = format!(r#"{{"AWS":"arn:aws:sts::{VENDOR}:assumed-role/scanner/one"}}"#);
    verdicts(
        "role-external-trust",
        &[
            (&account(VENDOR), "", Verdict::Fail),
            (&format!(r#"{{"AWS":"{VENDOR}"}}"#), "", Verdict::Fail),
            (&role, "", Verdict::Fail),
            (&session, "", Verdict::Fail),
            (r#""*""#, "", Verdict::Fail),
            (&account(MANAGEMENT), "", Verdict::Pass),
            (&account(MEMBER), "", Verdict::Pass),
            // A member that is suspended is a member.
            (&account(fixtures::SUSPENDED), "", Verdict::Pass),
            // A deleted principal lets nobody in.
            (r#"{"AWS":"AROAEXAMPLEEXAMPLE123"}"#, "", Verdict::Pass),
            (r#"{"Service":"ec2.amazonaws.com"}"#, "", Verdict::Pass),
            // An ExternalId keeps nobody out who was told it.
            (&account(VENDOR), r#"{"StringEquals":{"sts:ExternalId":"a-b-c"}}"#, Verdict::Fail),
            (&account(VENDOR), r#"{"StringEquals":{"aws:PrincipalOrgID":"o-exampleorg"}}"#, Verdict::Pass),
            (&account(VENDOR), r#"{"stringEquals":{"aws:PrincipalOrgID":"o-exampleorg"}}"#, Verdict::Pass),
            (&account(VENDOR), r#"{"StringEquals":{"aws:PrincipalOrgID":"o-thevendors"}}"#, Verdict::Fail),
            (&account(VENDOR), r#"{"StringLike":{"aws:PrincipalOrgID":"o-*"}}"#, Verdict::Fail),
            (&account(VENDOR), r#"{"ArnLike":{"aws:PrincipalArn":"arn:aws:iam::*:role/scan-*"}}"#, Verdict::Fail),
            (&account(VENDOR), r#"{"ArnLike":{"aws:PrincipalArn":"arn:aws:iam::222222222222:role/*"}}"#, Verdict::Pass),
            (r#""*""#, r#"{"StringEquals":{"aws:PrincipalAccount":"999999999999"}}"#, Verdict::Fail),
            (r#""*""#, r#"{"StringEquals":{"aws:PrincipalAccount":"222222222222"}}"#, Verdict::Pass),
        ],
    );
    let finding = found(&allow(&account(VENDOR), ""), "role-external-trust");
    assert_eq!(finding.message, "1 role trusts somebody outside the organization");
    assert_eq!(finding.resources[0].message, "trusts account 999999999999, outside the organization");
}

#[test]
fn a_deny_can_keep_the_outsider_away() {
    let deny = r#"{"Effect":"Deny","Principal":"*","Action":"sts:AssumeRole","Condition":{"StringNotEquals":{"aws:PrincipalOrgID":"o-exampleorg"}}}"#;
    let both = format!("{},{deny}", allow(&account(VENDOR), ""));
    assert_eq!(found(&both, "role-external-trust").verdict, Verdict::Pass);
    let but = format!(
        r#"{},{{"Effect":"Deny","Principal":"*","Action":"sts:AssumeRole","Condition":{{"Null":{{"sts:ExternalId":"true"}}}}}}"#,
        allow(&account(VENDOR), "")
    );
    assert_eq!(found(&but, "role-trust-external-id").verdict, Verdict::Fail, "any ExternalId will do");
}

#[test]
fn an_outsider_needs_an_agreed_external_id_or_mfa() {
    let vendor = account(VENDOR);
    verdicts(
        "role-trust-external-id",
        &[
            (&vendor, "", Verdict::Fail),
            (&vendor, r#"{"StringEquals":{"sts:ExternalId":"a-b-c"}}"#, Verdict::Pass),
            (&vendor, r#"{"StringEquals":{"STS:externalid":["a","b"]}}"#, Verdict::Pass),
            (&vendor, r#"{"StringLike":{"sts:ExternalId":"*"}}"#, Verdict::Fail),
            (&vendor, r#"{"StringEqualsIfExists":{"sts:ExternalId":"a-b-c"}}"#, Verdict::Fail),
            (&vendor, r#"{"StringNotEquals":{"sts:ExternalId":"a-b-c"}}"#, Verdict::Fail),
            (&vendor, r#"{"Bool":{"aws:MultiFactorAuthPresent":"true"}}"#, Verdict::Pass),
            (&vendor, r#"{"BoolIfExists":{"aws:MultiFactorAuthPresent":"true"}}"#, Verdict::Fail),
            (&vendor, r#"{"Bool":{"aws:MultiFactorAuthPresent":"false"}}"#, Verdict::Fail),
            (&vendor, r#"{"NumericLessThan":{"aws:MultiFactorAuthAge":"3600"}}"#, Verdict::Pass),
            (&vendor, r#"{"IpAddress":{"aws:SourceIp":"192.0.2.0/24"}}"#, Verdict::Fail),
            (&account(MANAGEMENT), "", Verdict::Pass),
            (r#""*""#, "", Verdict::Fail),
        ],
    );
}

#[test]
fn everyone_is_everyone_unless_strangers_are_kept_out() {
    verdicts(
        "role-trust-wildcard",
        &[
            (r#""*""#, "", Verdict::Fail),
            (r#"{"AWS":"*"}"#, "", Verdict::Fail),
            (r#"{"AWS":["arn:aws:iam::222222222222:root","*"]}"#, "", Verdict::Fail),
            (r#""*""#, r#"{"StringEquals":{"sts:ExternalId":"a-b-c"}}"#, Verdict::Fail),
            (r#""*""#, r#"{"StringEquals":{"aws:PrincipalOrgID":"o-exampleorg"}}"#, Verdict::Pass),
            (r#""*""#, r#"{"ForAnyValue:StringLike":{"aws:PrincipalOrgPaths":"o-exampleorg/*"}}"#, Verdict::Pass),
            // An account of no organization has no such key.
            (r#""*""#, r#"{"ForAllValues:StringLike":{"aws:PrincipalOrgPaths":"o-exampleorg/*"}}"#, Verdict::Fail),
            (r#""*""#, r#"{"StringEqualsIfExists":{"aws:PrincipalOrgID":"o-exampleorg"}}"#, Verdict::Fail),
            (r#""*""#, r#"{"StringNotEquals":{"aws:PrincipalOrgID":"o-exampleorg"}}"#, Verdict::Fail),
            (r#""*""#, r#"{"ArnLike":{"aws:PrincipalArn":"arn:aws:iam::*:role/ours-*"}}"#, Verdict::Fail),
            (r#""*""#, r#"{"ArnLike":{"aws:PrincipalArn":"arn:aws:iam::222222222222:role/*"}}"#, Verdict::Pass),
            (&account(VENDOR), "", Verdict::Pass),
        ],
    );
    let but = r#"{"Effect":"Allow","NotPrincipal":{"AWS":"arn:aws:iam::222222222222:root"},"Action":"sts:AssumeRole"}"#;
    assert_eq!(found(but, "role-trust-wildcard").verdict, Verdict::Fail);
}

#[test]
fn service_linked_roles_are_not_judged_and_a_broken_policy_is_unknown() {
    let mut facts = with_role("partner", &allow(r#""*""#, ""));
    facts.authorization = facts.authorization.map(|mut all| {
        all.roles.last_mut().unwrap().path = "/aws-service-role/x.amazonaws.com/".to_owned();
        all
    });
    assert_eq!(judge(&fixtures::org(), &facts, "role-trust-wildcard").verdict, Verdict::Pass);
    for check in ["role-external-trust", "role-trust-external-id", "role-trust-wildcard"] {
        let finding = found("{", check);
        assert_eq!(finding.verdict, Verdict::Unknown, "{check}");
        assert!(
            finding.message.contains("trust policy of `arn:aws:iam::222222222222:role/partner`"),
            "{}",
            finding.message
        );
    }
}

#[test]
fn our_own_role_wants_its_external_id_of_everyone() {
    let check = "audit-role-external-id";
    let own = |statements: &str| judge(&fixtures::org(), &with_role("OrgwardAudit", statements), check);
    let asked = r#"{"StringEquals":{"sts:ExternalId":"not-for-everyone"}}"#;
    let good = allow(&account(MANAGEMENT), asked);
    assert_eq!(own(&good).verdict, Verdict::Pass);
    assert_eq!(own(&allow(&account(MANAGEMENT), "")).verdict, Verdict::Fail);
    let second = own(&format!("{good},{}", allow(&format!(r#"{{"AWS":"arn:aws:iam::{MEMBER}:role/app"}}"#), "")));
    assert_eq!(second.verdict, Verdict::Fail);
    assert!(second.message.contains("role/app"), "{}", second.message);
    assert!(!second.message.contains("not-for-everyone"), "the ExternalId is a secret");
    let mfa = allow(&account(MANAGEMENT), r#"{"Bool":{"aws:MultiFactorAuthPresent":"true"}}"#);
    assert_eq!(own(&mfa).verdict, Verdict::Fail, "MFA is no ExternalId");
    let ours = allow(&account(MANAGEMENT), r#"{"StringEquals":{"aws:PrincipalOrgID":"o-exampleorg"}}"#);
    assert_eq!(own(&ours).verdict, Verdict::Fail);
    let service = format!("{good},{}", allow(r#"{"Service":"lambda.amazonaws.com"}"#, ""));
    assert_eq!(own(&service).verdict, Verdict::Fail);
    assert_eq!(own("{").verdict, Verdict::Unknown);
}

#[test]
fn where_no_external_id_is_advised_the_audit_role_is_not_judged() {
    let check = "audit-role-external-id";
    let entered = |name: Option<&str>| {
        let entered_as = name.map(|name| format!("arn:aws:iam::{MEMBER}:role/{name}"));
        judge(&fixtures::org(), &AccountFacts { entered_as, ..fixtures::account() }, check)
    };
    for name in [None, Some("OrganizationAccountAccessRole"), Some("AWSControlTowerExecution")] {
        assert_eq!(entered(name).verdict, Verdict::NotApplicable, "{name:?}");
    }
    assert_eq!(entered(Some("gone")).verdict, Verdict::Unknown, "the answer does not have it");
    let management = AccountFacts { account: fixtures::id(MANAGEMENT), ..fixtures::account() };
    assert_eq!(judge(&fixtures::org(), &management, check).verdict, Verdict::NotApplicable);
    let denied = AccountFacts { authorization: hidden(), ..fixtures::account() };
    assert_eq!(judge(&fixtures::org(), &denied, check).verdict, Verdict::Unknown);
}

#[test]
fn everyone_includes_whoever_brings_a_token() {
    let allow = |principal: &str, action: &str, condition: &str| {
        format!(r#"{{"Effect":"Allow","Principal":{principal},"Action":"{action}","Condition":{condition}}}"#)
    };
    let github = "token.actions.githubusercontent.com:sub";
    let ours = format!(r#"{{"StringLike":{{"{github}":"repo:our-org/app:*"}}}}"#);
    let anybody = format!(r#"{{"StringLike":{{"{github}":"repo:*"}}}}"#);
    let members = r#"{"StringEquals":{"aws:PrincipalOrgID":"o-exampleorg"}}"#;
    for check in ["role-trust-wildcard", "role-external-trust", "role-trust-external-id"] {
        for (principal, action, condition, verdict) in [
            (r#""*""#, "sts:AssumeRoleWithWebIdentity", "{}", Verdict::Fail),
            (r#"{"AWS":"*"}"#, "sts:AssumeRoleWithWebIdentity", "{}", Verdict::Fail),
            (r#""*""#, "sts:AssumeRoleWithSAML", "{}", Verdict::Fail),
            (r#""*""#, "sts:AssumeRoleWithWebIdentity", anybody.as_str(), Verdict::Fail),
            (r#""*""#, "sts:AssumeRoleWithWebIdentity", ours.as_str(), Verdict::Pass),
            (r#""*""#, "sts:AssumeRoleWith*", members, Verdict::Pass),
            (r#""*""#, "sts:TagSession", "{}", Verdict::Pass),
        ] {
            let finding = found(&allow(principal, action, condition), check);
            assert_eq!(finding.verdict, verdict, "{check} {principal} {action} {condition}: {}", finding.message);
        }
    }
}
