//! Roles as they are used: not at all, for too long at once, and for AWS Support.
//!
//! Owns: three checks, each of one account. Must not: judge whom a role trusts (`role_trust`) or what it may do (`role_power`).
//!
//! Service-linked roles are not judged: the service makes, uses and removes them. Roles of IAM Identity Center come and go with
//! their assignments, and their session length is the permission set's (the role itself always says 12 hours): both are looked
//! after in Identity Center, so neither use nor sessions of theirs are judged here. They do count as support roles.
//!
//! Source: IAM user guide, "Refine permissions in AWS using last accessed information", "Update the maximum session duration
//! for a role"; AWS Support user guide, "Manage access to AWS Support Center".

use super::evaluate::{Check, Facts, Judge, Judgement, Outcome, days};
use super::principals::AUTHORIZATION;
use super::thresholds::Thresholds;
use super::trust::{Party, Trust, is_of_identity_center, is_service_linked, roles, trusts};
use crate::model::check::{CheckMeta, Fact, Granularity, Reference, Remediation, Severity};
use crate::model::finding::FailingResource;
use crate::model::iam::IamRole;
use crate::policy::{Context, Principal};
use jiff::Timestamp;

/// The family.
pub(super) const CHECKS: &[Check] = &[
    Check { meta: UNUSED, judge: Judge::Whole(unused) },
    Check { meta: SESSION_DURATION, judge: Judge::Whole(session_duration) },
    Check { meta: SUPPORT, judge: Judge::Whole(support) },
];

const GUIDE: &str = "IAM user guide";

const UNUSED: CheckMeta = CheckMeta {
    id: "role-unused",
    title: "No role is unused for 90 days",
    severity: Severity::Low,
    granularity: Granularity::Account,
    rationale: "A role nobody assumes still trusts whom it trusts, and what trusted it may long be gone. One that was never used \
                counts from the day it was made; IAM remembers uses of the last 400 days, and tells them hours later: the role with \
                which orgward reads the account is in use as it does. Break-glass roles are meant to be unused: \
                exempt them until the day they are tried next. Service-linked roles and roles of IAM Identity Center are not \
                judged: they go when their service or assignment goes.",
    remediation: Remediation {
        console: "IAM, Roles, the role: see Last activity, then Delete.",
        cli: "aws iam get-role --role-name <role> --query Role.RoleLastUsed\n\
              # what it has, as often as it has it\n\
              aws iam detach-role-policy --role-name <role> --policy-arn <policy ARN>\n\
              aws iam delete-role-policy --role-name <role> --policy-name <policy name>\n\
              aws iam remove-role-from-instance-profile --role-name <role> --instance-profile-name <instance profile>\n\
              aws iam delete-role --role-name <role>",
        playbook: None,
    },
    references: &[Reference {
        document: GUIDE,
        section: "Security best practices in IAM: Regularly review and remove unused users, roles, permissions, policies, and \
                  credentials",
    }],
    facts: &[Fact::Authorization, Fact::AuditRole],
};

fn unused(facts: &mut Facts<'_>, thresholds: &Thresholds) -> Judgement {
    let limit = i64::from(thresholds.role_unused_days);
    let mut found = Vec::new();
    let in_use = facts.in_use()?;
    for role in
        facts.authorization()?.roles.iter().filter(|role| !is_service_linked(role) && !is_of_identity_center(role))
    {
        match idle(facts, role, in_use) {
            Some((ago, told)) if ago >= limit => {
                found.push(FailingResource { resource: role.arn.clone(), message: told });
            }
            Some(_) => {}
            None => {
                facts.doubt(AUTHORIZATION, format!("the answer does not tell when `{}` was used or made", role.arn));
            }
        }
    }
    let summary = |count| format!("{} unused for {} or more", is(count), days(limit));
    Ok(Outcome::of(found, summary, &format!("no role is unused for {}", days(limit))))
}

/// For how many days a role was not used, and that in words; `None` if it can't be told. `in_use`: a role that is known to have
/// been used at a moment.
pub(super) fn idle(facts: &Facts<'_>, role: &IamRole, in_use: Option<(&str, Timestamp)>) -> Option<(i64, String)> {
    let known = in_use.filter(|(arn, _)| *arn == role.arn).map(|(_, at)| at);
    if let Some(used) = role.last_used.max(known) {
        let ago = facts.days_since(used);
        return Some((ago, format!("was last used {} ago", days(ago))));
    }
    let ago = facts.days_since(role.created?);
    Some((ago, format!("was never used since it was made {} ago", days(ago))))
}

const SESSION_DURATION: CheckMeta = CheckMeta {
    id: "role-session-duration",
    title: "Sessions of roles that people or accounts assume last 8 hours at most",
    severity: Severity::Low,
    granularity: Granularity::Account,
    rationale: "Credentials of a session work until they expire, wherever they leak to, so a session should end with the working \
                day. Judged are roles that accounts, users, roles or a SAML provider may assume; services renew theirs by \
                themselves. Sessions of IAM Identity Center last as long as the permission set says, which is not asked here.",
    remediation: Remediation {
        console: "IAM, Roles, the role, Summary, Edit, Maximum session duration: 8 hours or less.",
        cli: "aws iam update-role --role-name <role> --max-session-duration 28800",
        playbook: None,
    },
    references: &[Reference { document: GUIDE, section: "Update the maximum session duration for a role" }],
    facts: &[Fact::Authorization, Fact::RoleSessions],
};

fn session_duration(facts: &mut Facts<'_>, thresholds: &Thresholds) -> Judgement {
    let hours = i32::from(thresholds.session_hours);
    let authorization = facts.authorization()?;
    let sessions = facts.role_sessions()?;
    let mut found = Vec::new();
    for trust in trusts(facts, authorization) {
        let role = trust.role;
        if is_of_identity_center(role) || !trust.parties().iter().any(is_people) {
            continue;
        }
        match sessions.get(&role.arn) {
            Some(seconds) if *seconds > hours * 3600 => {
                let message = format!("sessions may last {}, more than {hours} hours", in_hours(*seconds));
                found.push(FailingResource { resource: role.arn.clone(), message });
            }
            Some(_) => {}
            None => {
                let message = format!("the answer does not tell how long sessions of `{}` may last", role.arn);
                facts.doubt("iam:ListRoles", message);
            }
        }
    }
    let summary = |count| format!("{} sessions of more than {hours} hours", allow(count));
    Ok(Outcome::of(
        found,
        summary,
        &format!("no session of a role that people or accounts assume lasts more than {hours} hours"),
    ))
}

/// Whether people or other accounts stand behind a party: neither a service nor OIDC.
fn is_people(party: &Party) -> bool {
    match party {
        Party::Anyone | Party::Account(_) | Party::Identity(_) => true,
        Party::Provider(name) => name.contains(":saml-provider/"),
        Party::Service(_) => false,
    }
}

fn in_hours(seconds: i32) -> String {
    match (seconds / 3600, seconds % 3600 / 60) {
        (hours, 0) => format!("{hours} hours"),
        (hours, minutes) => format!("{hours} hours {minutes} minutes"),
    }
}

const SUPPORT: CheckMeta = CheckMeta {
    id: "role-support",
    title: "Somebody may assume a role for AWS Support",
    severity: Severity::Low,
    granularity: Granularity::Account,
    rationale: "In an incident someone must be able to open a case with AWS at once, without an administrator's role or the root \
                user. A role with AWSSupportAccess counts if its trust policy lets anyone in; one of IAM Identity Center does too. \
                One whose principals were all deleted does not.",
    remediation: Remediation {
        console: "IAM Identity Center, Permission sets: one with AWSSupportAccess, assigned to the people on call; or IAM, Roles, \
                  Create role, for an account of the organization, with AWSSupportAccess.",
        cli: "aws iam create-role --role-name <role> --assume-role-policy-document file://trust.json\n\
              aws iam attach-role-policy --role-name <role> --policy-arn arn:aws:iam::aws:policy/AWSSupportAccess",
        playbook: None,
    },
    references: &[Reference { document: "AWS Support user guide", section: "Manage access to AWS Support Center" }],
    facts: &[Fact::Authorization],
};

fn support(facts: &mut Facts<'_>, _: &Thresholds) -> Judgement {
    let authorization = facts.authorization()?;
    let ready = |arn: &String| arn.ends_with(":iam::aws:policy/AWSSupportAccess");
    let able = authorization.roles.iter().filter(|role| !is_service_linked(role) && role.attached.iter().any(ready));
    let (mut shut, mut unread, shared) = (Vec::new(), None, facts.shared());
    for role in able {
        match Trust::read(&shared.documents, role) {
            Ok(trust) if anyone(&trust) => {
                return Ok(Outcome::pass(format!("`{}` may open cases with AWS Support", role.arn)));
            }
            Ok(_) => {
                let message = "nobody may assume this role".to_owned();
                shut.push(FailingResource { resource: role.arn.clone(), message });
            }
            Err(why) => unread = unread.or(Some(why)),
        }
    }
    // A role whose trust policy can't be read might be the one.
    if let Some(why) = unread {
        return Err(facts.doubt(AUTHORIZATION, why));
    }
    let count = shut.len();
    Ok(match count {
        0 => Outcome::fail("AWSSupportAccess", "no role has AWSSupportAccess"),
        _ => Outcome::of(shut, |_| format!("nobody may assume the {} with AWSSupportAccess", roles(count)), ""),
    })
}

/// Whether any party of a trust policy may assume the role.
fn anyone(trust: &Trust<'_>) -> bool {
    trust.parties().into_iter().any(|party| match &party {
        Party::Service(_) => false,
        Party::Provider(name) => ["sts:AssumeRoleWithSAML", "sts:AssumeRoleWithWebIdentity"]
            .iter()
            .any(|how| trust.may(Principal::federated(name), how, Context::partial())),
        _ => trust.any_may(&trust.faces(&party, "aws"), &[Context::partial()]),
    })
}

fn is(count: usize) -> String {
    format!("{} {}", roles(count), if count == 1 { "is" } else { "are" })
}

fn allow(count: usize) -> String {
    format!("{} {}", roles(count), if count == 1 { "allows" } else { "allow" })
}

#[cfg(test)]
mod tests {
    use super::super::fixtures::{self, LITTLE, MEMBER, days_ago, seen};
    use super::super::tests::judge;
    use super::*;
    use crate::model::iam::Authorization;
    use crate::model::{AccountFacts, Finding, Verdict};
    use std::collections::BTreeMap;

    fn found(change: impl FnOnce(&mut Authorization), check: &str) -> Finding {
        let facts = fixtures::with_authorization(change);
        judge(&fixtures::org(), &facts, check)
    }

    fn trusting(principal: &str) -> String {
        format!(
            r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Principal":{principal},"Action":["sts:AssumeRole","sts:AssumeRoleWithSAML"]}}]}}"#
        )
    }

    #[test]
    fn a_role_counts_from_its_last_use_or_its_making() {
        let with = |used: Option<i64>, made: Option<i64>, path: &str| {
            let role = IamRole {
                last_used: used.map(days_ago),
                created: made.map(days_ago),
                path: path.to_owned(),
                ..fixtures::role("old", LITTLE)
            };
            found(|all| all.roles.push(role), "role-unused")
        };
        assert_eq!(with(Some(89), Some(400), "/").verdict, Verdict::Pass);
        assert_eq!(with(Some(90), Some(400), "/").resources[0].message, "was last used 90 days ago");
        assert_eq!(with(None, Some(89), "/").verdict, Verdict::Pass);
        let never = with(None, Some(90), "/");
        assert_eq!(never.message, "1 role is unused for 90 days or more");
        assert_eq!(never.resources[0].message, "was never used since it was made 90 days ago");
        assert_eq!(with(None, None, "/").verdict, Verdict::Unknown);
        for path in ["/aws-service-role/x.amazonaws.com/", "/aws-reserved/sso.amazonaws.com/eu-central-1/"] {
            assert_eq!(with(None, Some(900), path).verdict, Verdict::Pass, "{path}");
        }
    }

    #[test]
    fn the_role_that_reads_the_account_is_in_use_whatever_iam_tells_yet() {
        let with = |used: Option<i64>, name: &str| {
            let used = used.map(days_ago);
            let role = IamRole { last_used: used, created: Some(days_ago(400)), ..fixtures::role(name, LITTLE) };
            let arn = role.arn.clone();
            let mut facts = fixtures::with_authorization(|all| {
                all.roles.retain(|role| role.arn != arn);
                all.roles.push(role);
            });
            facts.entered_as = Some(format!("arn:aws:iam::{MEMBER}:role/OrgwardAudit"));
            judge(&fixtures::org(), &facts, "role-unused")
        };
        // Every quarter: the use before this one is too long ago, or was never told.
        assert_eq!(with(Some(92), "OrgwardAudit").verdict, Verdict::Pass);
        assert_eq!(with(None, "OrgwardAudit").verdict, Verdict::Pass);
        // Whoever is mightier and not in use stays in sight, orgward's own apply role too.
        assert_eq!(with(Some(92), "OrgwardApply").resources[0].message, "was last used 92 days ago");
        assert_eq!(with(None, "team/OrgwardAudit").verdict, Verdict::Fail, "another one of that name");
        // Facts that were kept are judged at a later moment.
        let mut kept = fixtures::with_authorization(|all| all.roles.iter_mut().for_each(|role| role.last_used = None));
        kept.authorization = match kept.authorization {
            crate::model::Observed::Present { value, mut source } => {
                source.observed_at = days_ago(100);
                crate::model::Observed::Present { value, source }
            }
            other => other,
        };
        kept.entered_as = Some(format!("arn:aws:iam::{MEMBER}:role/OrgwardAudit"));
        let finding = judge(&fixtures::org(), &kept, "role-unused");
        let own = finding.resources.iter().find(|one| one.resource.ends_with("role/OrgwardAudit"));
        assert_eq!(own.map(|one| one.message.as_str()), Some("was last used 100 days ago"), "{finding:?}");
    }

    #[test]
    fn long_sessions_fail_where_people_or_accounts_assume_the_role() {
        let with = |principal: &str, path: &str, seconds: Option<i32>| {
            let role =
                IamRole { trust_policy: trusting(principal), path: path.to_owned(), ..fixtures::role("long", LITTLE) };
            let own = format!("arn:aws:iam::{MEMBER}:role/OrgwardAudit");
            let mut sessions = BTreeMap::from([(own, 3600)]);
            sessions.extend(seconds.map(|seconds| (role.arn.clone(), seconds)));
            let mut facts = AccountFacts { role_sessions: seen("iam:ListRoles", sessions), ..fixtures::account() };
            facts.authorization = facts.authorization.map(|mut all| {
                all.roles.push(role);
                all
            });
            judge(&fixtures::org(), &facts, "role-session-duration")
        };
        let account = r#"{"AWS":"arn:aws:iam::111111111111:root"}"#;
        assert_eq!(with(account, "/", Some(28_800)).verdict, Verdict::Pass);
        let finding = with(account, "/", Some(28_860));
        assert_eq!(finding.resources[0].message, "sessions may last 8 hours 1 minutes, more than 8 hours");
        assert_eq!(with(account, "/", None).verdict, Verdict::Unknown);
        let saml = format!(r#"{{"Federated":"arn:aws:iam::{MEMBER}:saml-provider/corp"}}"#);
        assert_eq!(with(&saml, "/", Some(43_200)).verdict, Verdict::Fail);
        assert_eq!(with(&saml, "/aws-reserved/sso.amazonaws.com/", Some(43_200)).verdict, Verdict::Pass);
        assert_eq!(with(r#"{"Service":"ec2.amazonaws.com"}"#, "/", Some(43_200)).verdict, Verdict::Pass);
        assert_eq!(with(r#"{"AWS":"AROAEXAMPLEEXAMPLE123"}"#, "/", Some(43_200)).verdict, Verdict::Pass);
    }

    #[test]
    fn a_support_role_counts_if_somebody_may_assume_it() {
        let with = |trusts: &[String]| {
            let change = |all: &mut Authorization| {
                all.roles.retain(|role| !is_of_identity_center(role));
                all.roles.extend(trusts.iter().enumerate().map(|(at, trust)| IamRole {
                    trust_policy: trust.clone(),
                    attached: vec!["arn:aws:iam::aws:policy/AWSSupportAccess".to_owned()],
                    ..fixtures::role(&format!("support-{at}"), LITTLE)
                }));
            };
            found(change, "role-support")
        };
        assert_eq!(with(&[]).message, "no role has AWSSupportAccess");
        let good = trusting(r#"{"AWS":"arn:aws:iam::111111111111:root"}"#);
        let deleted = trusting(r#"{"AWS":"AROAEXAMPLEEXAMPLE123"}"#);
        let service = trusting(r#"{"Service":"ec2.amazonaws.com"}"#);
        assert_eq!(with(std::slice::from_ref(&good)).verdict, Verdict::Pass);
        let finding = with(&[deleted.clone(), service]);
        assert_eq!((finding.verdict, finding.resources.len()), (Verdict::Fail, 2));
        assert_eq!(finding.message, "nobody may assume the 2 roles with AWSSupportAccess");
        assert_eq!(with(&["{".to_owned(), deleted]).verdict, Verdict::Unknown, "the unread one might do");
        assert_eq!(with(&["{".to_owned(), good]).verdict, Verdict::Pass);
    }
}
