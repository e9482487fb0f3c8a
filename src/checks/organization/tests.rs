//! The organization, one broken thing at a time.

use super::super::fixtures::{
    self, FULL_ACCESS, MANAGEMENT, MEMBER, MFA_ONLY, NO_LEAVING, NO_TAMPERING, OU, ROOT, SUSPENDED, TWO_REGIONS, scp,
};
use super::super::tests::{hidden, judge, judge_all};
use super::*;
use crate::model::ids::TargetId;
use crate::model::org::{AccountState, Ou};
use crate::model::{Finding, OrgFacts, Verdict};
use std::collections::BTreeMap;

fn found(org: &OrgFacts, check: &str) -> Finding {
    judge(org, &fixtures::account(), check)
}

/// The organization with FullAWSAccess where it belongs, and these.
fn with(extra: Vec<Policy>) -> OrgFacts {
    let mut org = fixtures::org();
    let mut policies =
        vec![scp("p-FullAWSAccess", "FullAWSAccess", FULL_ACCESS, &[ROOT, OU, MANAGEMENT, MEMBER, SUSPENDED])];
    policies.extend(extra);
    org.policies.insert(PolicyType::Scp, fixtures::seen("organizations:ListPolicies", policies));
    org
}

fn denial(condition: &str) -> String {
    format!(
        r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Deny","Action":"organizations:*","Resource":"*","Condition":{condition}}}]}}"#
    )
}

#[test]
fn scps_must_be_enabled_with_all_features() {
    let check = "org-scp-enabled";
    let mut org = fixtures::org();
    assert_eq!(found(&org, check).verdict, Verdict::Pass);
    for (state, words) in [
        (Some(PolicyTypeState::PendingEnable), "still being enabled"),
        (Some(PolicyTypeState::PendingDisable), "being disabled"),
        (None, "not enabled"),
    ] {
        org.root.policy_types = state.into_iter().map(|state| (PolicyType::Scp, state)).collect();
        let finding = found(&org, check);
        assert_eq!(finding.verdict, Verdict::Fail);
        assert!(finding.message.contains(words), "{}", finding.message);
    }
    org.organization.feature_set = "CONSOLIDATED_BILLING".to_owned();
    assert!(found(&org, check).message.contains("`CONSOLIDATED_BILLING`"));
}

#[test]
fn members_that_can_leave_are_named() {
    let finding = found(&with(vec![]), "org-deny-leave");
    assert_eq!(finding.verdict, Verdict::Fail);
    assert_eq!(finding.message, "1 of 1 member accounts can leave the organization");
    assert!(finding.resources[0].resource.ends_with(MEMBER), "suspended and management accounts don't count");
    let elsewhere = with(vec![scp("p-denyleave01", "deny", NO_LEAVING, &[MANAGEMENT])]);
    assert_eq!(found(&elsewhere, "org-deny-leave").verdict, Verdict::Fail);
    let mut off = fixtures::org();
    off.root.policy_types.clear();
    assert_eq!(found(&off, "org-deny-leave").verdict, Verdict::Fail);
}

#[test]
fn a_denial_at_any_level_or_a_level_that_allows_nothing_keeps_them_in() {
    for place in [ROOT, OU, MEMBER] {
        let org = with(vec![scp("p-denyleave01", "deny", NO_LEAVING, &[place])]);
        assert_eq!(found(&org, "org-deny-leave").verdict, Verdict::Pass, "{place}");
    }
    let mut org = with(vec![]);
    let narrow = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*"}]}"#;
    let policies = vec![
        scp("p-FullAWSAccess", "FullAWSAccess", FULL_ACCESS, &[ROOT, MEMBER]),
        scp("p-narrow0001", "narrow", narrow, &[OU]),
    ];
    org.policies.insert(PolicyType::Scp, fixtures::seen("organizations:ListPolicies", policies));
    assert_eq!(found(&org, "org-deny-leave").verdict, Verdict::Pass);
}

#[test]
fn an_exemption_by_name_is_told_and_one_by_pattern_fails() {
    let named = denial(r#"{"ArnNotLike":{"aws:PrincipalArn":"arn:aws:iam::*:role/break-glass"}}"#);
    let finding = found(&with(vec![scp("p-denyleave01", "deny", &named, &[OU])]), "org-deny-leave");
    assert_eq!(finding.verdict, Verdict::Pass, "{}", finding.message);
    assert!(finding.message.contains("but for principals a condition exempts"), "{}", finding.message);
    let all_roles = denial(r#"{"ArnNotLike":{"aws:PrincipalArn":"arn:aws:iam::*:role/*"}}"#);
    let finding = found(&with(vec![scp("p-denyleave01", "deny", &all_roles, &[OU])]), "org-deny-leave");
    assert_eq!(finding.verdict, Verdict::Fail, "{}", finding.message);
    assert!(finding.resources[0].message.contains("a role may call"), "{}", finding.resources[0].message);
}

#[test]
fn what_can_not_be_told_is_unknown() {
    let by_address = denial(r#"{"NotIpAddress":{"aws:SourceIp":"192.0.2.0/24"}}"#);
    let garbage = "{\"Statement\": 1}";
    for content in [by_address.as_str(), garbage] {
        let org = with(vec![scp("p-denyleave01", "deny", content, &[OU])]);
        let finding = found(&org, "org-deny-leave");
        assert_eq!(finding.verdict, Verdict::Unknown, "{content}: {}", finding.message);
    }
    for (content, targets) in [(true, false), (false, true)] {
        let mut policy = scp("p-denyleave01", "deny", NO_LEAVING, &[OU]);
        if content {
            policy.content = hidden();
        }
        if targets {
            policy.targets = hidden();
        }
        assert_eq!(found(&with(vec![policy]), "org-deny-leave").verdict, Verdict::Unknown);
    }
    let mut org = fixtures::org();
    org.policies.clear();
    assert_eq!(found(&org, "org-deny-leave").verdict, Verdict::Unknown);
}

#[test]
fn a_certain_denial_stands_whatever_else_is_unknown() {
    let mut other = scp("p-other00001", "other", FULL_ACCESS, &[OU]);
    other.content = hidden();
    let org = with(vec![scp("p-denyleave01", "deny", NO_LEAVING, &[OU]), other]);
    assert_eq!(found(&org, "org-deny-leave").verdict, Verdict::Pass);
}

#[test]
fn an_organization_without_members_has_nobody_to_keep() {
    let mut org = fixtures::org();
    org.accounts.remove(&fixtures::id(MEMBER));
    assert_eq!(found(&org, "org-deny-leave").verdict, Verdict::NotApplicable);
}

#[test]
fn all_features_and_rcps_must_be_enabled() {
    let mut org = fixtures::org();
    for check in ["org-all-features", "org-rcp-enabled"] {
        assert_eq!(found(&org, check).verdict, Verdict::Pass);
    }
    org.root.policy_types.remove(&PolicyType::Rcp);
    let finding = found(&org, "org-rcp-enabled");
    assert_eq!(finding.message, "resource control policies are not enabled on root r-ab12");
    org.root.policy_types.insert(PolicyType::Rcp, PolicyTypeState::PendingEnable);
    assert!(found(&org, "org-rcp-enabled").message.contains("still being enabled"));
    org.organization.feature_set = "CONSOLIDATED_BILLING".to_owned();
    for check in ["org-all-features", "org-rcp-enabled"] {
        assert!(found(&org, check).message.contains("`CONSOLIDATED_BILLING`"), "{check}");
    }
}

#[test]
fn members_without_a_guardrail_are_named() {
    let check = "org-guardrails-cover-all";
    let bare = found(&with(vec![]), check);
    assert_eq!(bare.message, "no guardrail binds 1 of 1 member accounts");
    assert!(bare.resources[0].resource.ends_with(MEMBER));
    for place in [ROOT, OU, MEMBER] {
        let finding = found(&with(vec![scp("p-protecttrail", "protect", NO_TAMPERING, &[place])]), check);
        assert_eq!(finding.verdict, Verdict::Pass, "{place}");
        assert!(finding.message.ends_with("the management account 111111111111 is not bound"), "{}", finding.message);
    }
    let elsewhere = found(&with(vec![scp("p-protecttrail", "protect", NO_TAMPERING, &[MANAGEMENT])]), check);
    assert_eq!(elsewhere.verdict, Verdict::Fail);
    // Another policy that allows everything is no guardrail.
    let wide = found(&with(vec![scp("p-wide000001", "wide", FULL_ACCESS, &[OU])]), check);
    assert_eq!(wide.verdict, Verdict::Fail);
    let mut off = fixtures::org();
    off.root.policy_types.clear();
    assert_eq!(found(&off, check).verdict, Verdict::Fail);
    let mut unread = scp("p-other00001", "other", FULL_ACCESS, &[OU]);
    unread.content = hidden();
    assert_eq!(found(&with(vec![unread.clone()]), check).verdict, Verdict::Unknown);
    let both = with(vec![unread, scp("p-protecttrail", "protect", NO_TAMPERING, &[OU])]);
    assert_eq!(found(&both, check).verdict, Verdict::Pass);
}

/// The default policy of organizations made in the console since July 2026.
const BY_DEFAULT: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":["organizations:LeaveOrganization","account:CloseAccount"],"Resource":"*"}]}"#;

#[test]
fn a_guardrail_denies_something_in_the_account_beyond_leaving_and_closing() {
    let of =
        |content: &str| found(&with(vec![scp("p-guardrail01", "guard", content, &[ROOT])]), "org-guardrails-cover-all");
    let deny = |rest: &str| format!(r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Deny",{rest}}}]}}"#);
    for content in [BY_DEFAULT, NO_LEAVING] {
        let finding = of(content);
        assert_eq!(finding.verdict, Verdict::Fail, "{content}: {}", finding.message);
    }
    for (rest, verdict) in [
        (r#""Action":"organizations:Leave*","Resource":"*""#, Verdict::Fail),
        (r#""Action":"account:CloseAccount","Resource":"*""#, Verdict::Fail),
        // In another account.
        (r#""Action":"s3:*","Resource":"arn:aws:sqs:*:999999999999:*""#, Verdict::Fail),
        (
            r#""Action":"iam:*","Resource":"*","Condition":{"StringEquals":{"aws:PrincipalAccount":"999999999999"}}"#,
            Verdict::Fail,
        ),
        // For the root user, without MFA, outside a Region, for a kind of resource, all but some.
        (
            r#""Action":"*","Resource":"*","Condition":{"ArnLike":{"aws:PrincipalArn":"arn:*:iam::*:root"}}"#,
            Verdict::Pass,
        ),
        (r#""Action":"iam:*","Resource":"arn:aws:iam::*:role/protected-*""#, Verdict::Pass),
        (r#""Action":"s3:Delete*","Resource":"arn:aws:s3:::logs-*/*""#, Verdict::Pass),
        (r#""Action":"s3:PutBucketPublicAccessBlock","NotResource":"arn:aws:s3:::website""#, Verdict::Pass),
        (r#""NotAction":["iam:*","sts:*"],"Resource":"*""#, Verdict::Pass),
        // Who can tell.
        (
            r#""Action":"ec2:*","Resource":"*","Condition":{"NotIpAddress":{"aws:SourceIp":"192.0.2.0/24"}}"#,
            Verdict::Unknown,
        ),
    ] {
        let finding = of(&deny(rest));
        assert_eq!(finding.verdict, verdict, "{rest}: {}", finding.message);
    }
    for content in [TWO_REGIONS, MFA_ONLY, NO_TAMPERING] {
        assert_eq!(of(content).verdict, Verdict::Pass, "{content}");
    }
}

#[test]
fn a_list_of_what_is_allowed_is_a_guardrail() {
    let mut org = with(vec![]);
    let narrow = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*"}]}"#;
    let policies = vec![
        scp("p-FullAWSAccess", "FullAWSAccess", FULL_ACCESS, &[ROOT, MEMBER]),
        scp("p-narrow0001", "narrow", narrow, &[OU]),
    ];
    org.policies.insert(PolicyType::Scp, fixtures::seen("organizations:ListPolicies", policies));
    assert_eq!(found(&org, "org-guardrails-cover-all").verdict, Verdict::Pass);
}

#[test]
fn trails_must_be_out_of_reach() {
    let check = "org-protect-trail";
    let of = |content: &str| found(&with(vec![scp("p-protecttrail", "protect", content, &[OU])]), check);
    let whole = of(NO_TAMPERING);
    assert_eq!(whole.verdict, Verdict::Pass);
    assert_eq!(
        whole.message,
        "stopping, deleting and changing trails is denied in all 1 member accounts; the management account 111111111111 is not \
         bound"
    );
    let finding = of(&NO_TAMPERING.replace(r#","cloudtrail:UpdateTrail""#, ""));
    assert_eq!(finding.verdict, Verdict::Fail);
    assert_eq!(
        finding.resources[0].message,
        "account 222222222222 can tamper with its trails: no policy on its chain denies cloudtrail:UpdateTrail"
    );
    let spared = NO_TAMPERING.replace(
        "}]}",
        r#","Condition":{"ArnNotLike":{"aws:PrincipalArn":["arn:*:iam::*:role/apply","arn:*:iam::*:role/AWSControlTower*"]}}}]}"#,
    );
    let finding = of(&spared);
    assert_eq!(finding.verdict, Verdict::Pass, "{}", finding.message);
    let wanted =
        "but for principals a condition exempts in 1: `arn:*:iam::*:role/AWSControlTower*`, `arn:*:iam::*:role/apply`";
    assert!(finding.message.contains(wanted), "{}", finding.message);
    // One trail is not every trail.
    let one = NO_TAMPERING.replace(r#""Resource":"*""#, r#""Resource":"arn:aws:cloudtrail:*:*:trail/org""#);
    assert_eq!(of(&one).verdict, Verdict::Fail);
    // The home Region is not every Region: a trail has its home where it was made.
    let at_home = r#","Condition":{"StringEquals":{"aws:RequestedRegion":"HOME"}}}]}"#;
    let home = fixtures::org().organization.home_region.to_string();
    let finding = of(&NO_TAMPERING.replace("}]}", &at_home.replace("HOME", &home)));
    assert_eq!(finding.verdict, Verdict::Fail, "{}", finding.message);
    let wanted = "no policy on its chain denies cloudtrail:StopLogging in a Region that no policy names";
    assert!(finding.resources[0].message.ends_with(wanted), "{}", finding.resources[0].message);
    let at_home = NO_TAMPERING
        .replace(r#""Resource":"*""#, &format!(r#""Resource":"arn:aws:cloudtrail:{home}:222222222222:trail/*""#));
    assert_eq!(of(&at_home).verdict, Verdict::Fail);
    let inside = NO_TAMPERING.replace("}]}", r#","Condition":{"NotIpAddress":{"aws:SourceIp":"192.0.2.0/24"}}}]}"#);
    let finding = of(&inside);
    assert_eq!(finding.verdict, Verdict::Unknown);
    assert!(finding.message.contains("denied under a condition only"), "{}", finding.message);
    assert!(finding.message.contains("aws:SourceIp"), "{}", finding.message);
}

#[test]
fn regions_that_nobody_chose_must_be_closed() {
    let check = "org-region-restriction";
    let of = |content: &str| found(&with(vec![scp("p-regions001", "regions", content, &[OU])]), check);
    let finding = of(TWO_REGIONS);
    assert_eq!(finding.verdict, Verdict::Pass, "{}", finding.message);
    assert!(finding.message.contains("left open: `eu-central-1`, `us-east-1`"), "{}", finding.message);
    assert_eq!(found(&with(vec![]), check).verdict, Verdict::Fail);
    // A list of forbidden Regions leaves those to come.
    let forbidden = TWO_REGIONS.replace("StringNotEquals", "StringEquals");
    let finding = of(&forbidden);
    assert_eq!(finding.verdict, Verdict::Fail);
    let wanted = "no policy on its chain denies ec2:RunInstances in a Region that no policy names";
    assert!(finding.resources[0].message.ends_with(wanted), "{}", finding.resources[0].message);
    // A service left out.
    let but_rds = TWO_REGIONS.replace(r#""iam:*""#, r#""iam:*","rds:*""#);
    assert!(of(&but_rds).resources[0].message.contains("rds:CreateDBInstance"));
    // Some actions are not every action.
    let four = r#""Action":["ec2:RunInstances","lambda:CreateFunction","rds:CreateDBInstance","s3:CreateBucket"]"#;
    let finding = of(&TWO_REGIONS.replace(r#""NotAction":["iam:*","organizations:*","sts:*","support:*"]"#, four));
    assert_eq!(finding.verdict, Verdict::Fail, "{}", finding.message);
    let wanted = "denies an action that no policy names in a Region that no policy names";
    assert!(finding.resources[0].message.ends_with(wanted), "{}", finding.resources[0].message);
}

#[test]
fn users_must_be_denied_without_mfa_by_password_and_by_key() {
    let check = "org-require-mfa";
    let of = |content: &str| found(&with(vec![scp("p-requiremfa", "mfa", content, &[OU])]), check);
    let finding = of(MFA_ONLY);
    assert_eq!(finding.verdict, Verdict::Pass, "{}", finding.message);
    assert!(!finding.message.contains("exempts"), "{}", finding.message);
    // `Bool` does not match the requests of access keys, in which the key is absent.
    let finding = of(&MFA_ONLY.replace("BoolIfExists", "Bool"));
    assert_eq!(finding.verdict, Verdict::Fail);
    assert!(finding.resources[0].message.contains("with an access key alone"), "{}", finding.resources[0].message);
    // Some actions are not every action.
    let some = MFA_ONLY.replace("NotAction", "Action").replace("iam:ChangePassword", "ec2:*");
    assert_eq!(of(&some).verdict, Verdict::Fail);
    let spared = MFA_ONLY.replace(
        r#""ArnLike":{"aws:PrincipalArn":"arn:*:iam::*:user/*"}"#,
        r#""ArnNotLike":{"aws:PrincipalArn":["arn:*:iam::*:user/robot-*","arn:*:iam::*:role/*"]}"#,
    );
    let finding = of(&spared);
    assert_eq!(finding.verdict, Verdict::Pass, "{}", finding.message);
    assert!(finding.message.contains("`arn:*:iam::*:user/robot-*`"), "{}", finding.message);
}

#[test]
fn accounts_that_no_policy_tells_apart_share_a_verdict_and_others_do_not() {
    let mut org = with(vec![]);
    for n in 0..50 {
        let number = format!("4444444444{n:02}");
        org.accounts.insert(fixtures::id(&number), fixtures::member(&number, AccountState::Active, OU));
    }
    let content = NO_LEAVING.replace(
        "}]}",
        r#","Condition":{"StringNotEquals":{"aws:PrincipalAccount":["444444444400","444444444401"]}}}]}"#,
    );
    let mut policies =
        vec![scp("p-FullAWSAccess", "FullAWSAccess", FULL_ACCESS, &[ROOT, OU, MANAGEMENT, MEMBER, SUSPENDED])];
    if let Some(full) = policies.first_mut() {
        full.targets = full.targets.clone().map(|mut targets| {
            targets.extend(org.accounts.keys().map(|id| TargetId::from(id.clone())));
            targets
        });
    }
    policies.push(scp("p-denyleave01", "deny", &content, &[OU]));
    org.policies.insert(PolicyType::Scp, fixtures::seen("organizations:ListPolicies", policies));
    let finding = found(&org, "org-deny-leave");
    assert_eq!(finding.message, "2 of 51 member accounts can leave the organization");
}

#[test]
fn members_in_the_root_are_named_and_the_management_account_is_not() {
    let check = "org-accounts-in-root";
    let mut org = fixtures::org();
    assert_eq!(found(&org, check).verdict, Verdict::Pass);
    org.accounts.get_mut(&fixtures::id(MEMBER)).unwrap().parent = fixtures::target(ROOT);
    org.accounts.get_mut(&fixtures::id(SUSPENDED)).unwrap().parent = fixtures::target(ROOT);
    let finding = found(&org, check);
    assert_eq!(finding.message, "1 of 1 member accounts is directly under the root");
    org.accounts.remove(&fixtures::id(MEMBER));
    assert_eq!(found(&org, check).verdict, Verdict::NotApplicable);
}

#[test]
fn full_targets_and_long_policies_are_named() {
    let check = "org-policy-headroom";
    let many = |count: usize| {
        (0..count).map(|n| scp(&format!("p-deny{n:06}"), &format!("deny-{n}"), NO_LEAVING, &[OU])).collect::<Vec<_>>()
    };
    assert_eq!(found(&with(many(8)), check).verdict, Verdict::Pass, "9 of 10 with FullAWSAccess");
    let finding = found(&with(many(9)), check);
    assert_eq!(finding.verdict, Verdict::Fail);
    assert_eq!(finding.resources[0].resource, "ou-ab12-workload (SERVICE_CONTROL_POLICY)");
    assert!(
        finding.resources[0]
            .message
            .ends_with("has 10 of 10 slots for service control policies taken, and 1 must stay free"),
        "{}",
        finding.resources[0].message
    );
    let none = Thresholds { policy_slots_left: 0, ..Thresholds::default() };
    assert_eq!(judge_all(&with(many(9)), &fixtures::account(), &none, check)[0].verdict, Verdict::Pass);
    let long = NO_LEAVING.replace(r#""Sid":"DenyLeave""#, &format!(r#""Sid":"{}""#, "x".repeat(9_700)));
    let finding = found(&with(vec![scp("p-long000001", "long", &long, &[OU])]), check);
    assert!(finding.resources[0].message.contains("of 10240 characters, more than 95 percent"), "{finding:?}");
    let mut off = fixtures::org();
    off.policies.clear();
    assert_eq!(found(&off, check).verdict, Verdict::NotApplicable);
}

#[test]
fn policies_attached_to_nothing_are_named() {
    let check = "org-unused-policies";
    let finding = found(&with(vec![scp("p-spare00001", "spare", NO_LEAVING, &[])]), check);
    assert_eq!(finding.message, "1 organization policy is attached to nothing");
    assert_eq!(finding.resources[0].message, "policy `spare` is attached to nothing");
    let mut unknown = scp("p-spare00001", "spare", NO_LEAVING, &[]);
    unknown.targets = hidden();
    assert_eq!(found(&with(vec![unknown]), check).verdict, Verdict::Unknown);
    let mut off = fixtures::org();
    off.policies.clear();
    assert_eq!(found(&off, check).verdict, Verdict::NotApplicable);
}

/// The organization with these delegations.
fn delegating(delegations: &[(&str, &[&str])]) -> OrgFacts {
    let mut org = fixtures::org();
    let ids = delegations.iter().map(|(account, _)| fixtures::id(account)).collect();
    org.delegated_administrators = fixtures::seen("organizations:ListDelegatedAdministrators", ids);
    let services = |list: &[&str]| {
        let list = list.iter().map(|service| (*service).to_owned()).collect();
        fixtures::seen("organizations:ListDelegatedServicesForAccount", list)
    };
    org.services.delegated =
        delegations.iter().map(|(account, list)| (fixtures::id(account), services(list))).collect();
    org
}

const BOTH: &[&str] = &["access-analyzer.amazonaws.com", "cloudtrail.amazonaws.com"];

#[test]
fn delegations_are_listed_and_their_faults_named() {
    let check = "org-delegated-admins";
    let finding = found(&fixtures::org(), check);
    assert_eq!(
        finding.message,
        "account 222222222222 administers `access-analyzer.amazonaws.com`, `cloudtrail.amazonaws.com`"
    );
    let finding = found(&delegating(&[(MEMBER, &["cloudtrail.amazonaws.com"])]), check);
    assert_eq!(finding.resources[0].resource, "access-analyzer.amazonaws.com");
    for (account, why) in [
        (SUSPENDED, "is suspended"),
        (MANAGEMENT, "is the management account"),
        ("999999999999", "is not in the organization"),
    ] {
        let finding = found(&delegating(&[(account, BOTH)]), check);
        assert_eq!(finding.verdict, Verdict::Fail);
        assert!(finding.resources[0].message.ends_with(why), "{}", finding.resources[0].message);
    }
    let mut none = delegating(&[]);
    none.services.trusted = fixtures::seen("organizations:ListAWSServiceAccessForOrganization", Vec::new());
    assert_eq!(found(&none, check).verdict, Verdict::Pass);
}

#[test]
fn where_an_ou_is_named_after_security_its_accounts_administer_security() {
    let check = "org-delegated-admins";
    let mut org = delegating(&[(MEMBER, BOTH)]);
    let ou = fixtures::target("ou-ab12-security");
    org.ous.insert(ou.clone(), Ou { id: ou.clone(), name: "Security".to_owned(), parent: fixtures::target(ROOT) });
    let finding = found(&org, check);
    assert!(finding.resources[0].message.ends_with("is in no OU named after security (/Workloads)"), "{finding:?}");
    org.accounts.get_mut(&fixtures::id(MEMBER)).unwrap().parent = ou;
    assert_eq!(found(&org, check).verdict, Verdict::Pass);
    let mut other = delegating(&[(MEMBER, &["health.amazonaws.com"])]);
    other.services.trusted = fixtures::seen("organizations:ListAWSServiceAccessForOrganization", Vec::new());
    assert_eq!(found(&other, check).verdict, Verdict::Pass, "not a security service");
}

#[test]
fn trusted_access_that_is_not_in_use_is_named() {
    let check = "org-trusted-access";
    let finding = found(&fixtures::org(), check);
    assert_eq!(
        finding.message,
        "3 services have trusted access: `access-analyzer.amazonaws.com`, `cloudtrail.amazonaws.com`, `iam.amazonaws.com`"
    );
    let finding = found(&fixtures::org_without_trail(), check);
    assert_eq!(finding.resources[0].resource, "cloudtrail.amazonaws.com");
    let mut org = fixtures::org();
    org.services.root_features = fixtures::seen("iam:ListOrganizationsFeatures", Vec::new());
    assert_eq!(found(&org, check).resources[0].resource, "iam.amazonaws.com");
    let left_over = found(&delegating(&[(MEMBER, &["macie.amazonaws.com"])]), check);
    assert!(left_over.resources[0].message.contains("which has no trusted access"), "{left_over:?}");
    let mut none = delegating(&[]);
    none.services.trusted = fixtures::seen("organizations:ListAWSServiceAccessForOrganization", Vec::new());
    assert_eq!(found(&none, check).message, "no service has trusted access");
    none.services.delegated = BTreeMap::new();
    none.services.trusted = hidden();
    assert_eq!(found(&none, check).verdict, Verdict::Unknown);
}
