//! The root users as an organization manages them: signing certificates, central credentials, mailboxes.
//!
//! Owns: three checks, two of an account and one of the organization. Must not: judge how a root user signs in (`root` does).
//!
//! Source: IAM user guide, "Centralize root access for member accounts"; AWS account management guide, "Root user best
//! practices for your AWS account".

use super::evaluate::{Check, Facts, Judge, Judgement, Outcome};
use super::references::aws;
use super::root::{ROOT, no_credentials, without_credentials};
use super::thresholds::Thresholds;
use crate::model::check::{CheckMeta, Fact, Granularity, Remediation, Severity};
use crate::policy::matches_wildcards;

/// The family.
pub(super) const CHECKS: &[Check] = &[
    Check { meta: SIGNING_CERTIFICATES, judge: Judge::Whole(signing_certificates) },
    Check { meta: CREDENTIALS_CENTRALIZED, judge: Judge::Whole(credentials_centralized) },
    Check { meta: EMAIL_PATTERN, judge: Judge::Whole(email_pattern) },
];

const SIGNING_CERTIFICATES: CheckMeta = CheckMeta {
    id: "root-signing-certificates",
    title: "The root user has no signing certificates",
    severity: Severity::Critical,
    granularity: Granularity::Account,
    rationale: "An X.509 signing certificate of the root user signs requests to older services with all of its power, \
                never expires by itself and needs no MFA. Nothing needs one. An account whose root credentials were removed \
                centrally has none, so the check does not apply to it.",
    remediation: Remediation {
        console: "Sign in as the root user, open Security credentials, X.509 signing certificates, deactivate each, and \
                  delete it once nothing fails. Under centralised root access: IAM, Root access management, the account, \
                  Delete root user credentials.",
        cli: "# from the management account\n\
              aws sts assume-root --target-principal <account id> --task-policy-arn \
              arn=arn:aws:iam::aws:policy/root-task/IAMDeleteRootUserCredentials --duration-seconds 900\n\
              # and with the credentials that it gives\n\
              aws iam list-signing-certificates\n\
              aws iam delete-signing-certificate --certificate-id <certificate id>",
        playbook: None,
    },
    references: &[
        aws("IAM user guide", "Root user best practices for your AWS account"),
        aws("IAM API reference", "GetAccountSummary"),
    ],
    facts: &[Fact::AccountSummary],
};

fn signing_certificates(facts: &mut Facts<'_>, _: &Thresholds) -> Judgement {
    if no_credentials(facts) {
        return Ok(without_credentials());
    }
    Ok(match facts.summary("AccountSigningCertificatesPresent")? {
        0 => Outcome::pass("the root user has no signing certificates"),
        _ => Outcome::fail(ROOT, "the root user has a signing certificate"),
    })
}

const CREDENTIALS_CENTRALIZED: CheckMeta = CheckMeta {
    id: "root-credentials-centralized",
    title: "Root credentials of members are managed centrally",
    severity: Severity::High,
    granularity: Granularity::Organization,
    rationale: "With central management member accounts are made without root credentials, and those that have some can lose \
                them: what does not exist needs no MFA device, no safe and no rotation. Sessions of root users \
                (RootSessions) are only needed for the rare tasks that remain, and are told, not asked for.",
    remediation: Remediation {
        console: "In the management account: IAM, Root access management, Enable; then delete the root credentials of each \
                  member.",
        cli: "# in the management account\n\
              aws organizations enable-aws-service-access --service-principal iam.amazonaws.com\n\
              aws iam enable-organizations-root-credentials-management",
        playbook: None,
    },
    references: &[
        aws("IAM user guide", "Centralize root access for member accounts"),
        aws("IAM API reference", "ListOrganizationsFeatures"),
    ],
    facts: &[Fact::Organization, Fact::RootFeatures],
};

fn credentials_centralized(facts: &mut Facts<'_>, _: &Thresholds) -> Judgement {
    let tree = facts.tree()?;
    let organization = tree.organization();
    if tree.working_members().next().is_none() {
        return Ok(Outcome::NotApplicable("the organization has no member accounts".to_owned()));
    }
    let features = facts.root_features()?;
    let on = |name: &str| features.iter().any(|feature| feature == name);
    Ok(match (on("RootCredentialsManagement"), on("RootSessions")) {
        (true, true) => Outcome::pass("root credentials of members are managed centrally, with root sessions"),
        (true, false) => Outcome::pass("root credentials of members are managed centrally, without root sessions"),
        (false, _) => Outcome::fail(&organization.id, "root credentials of members are not managed centrally"),
    })
}

const EMAIL_PATTERN: CheckMeta = CheckMeta {
    id: "root-email-pattern",
    title: "The root user's address is a group's mailbox, by a configured pattern",
    severity: Severity::Medium,
    granularity: Granularity::Account,
    rationale: "Whoever reads the root user's mailbox can reset its password, and whoever leaves takes a personal mailbox \
                along. What a group's mailbox looks like only its owner knows: `root_email_patterns` in the config file says \
                it, and without any pattern the check does not apply. It holds for accounts without root credentials too: \
                AWS writes to the address, and allowing a password recovery brings it back to life.",
    remediation: Remediation {
        console: "In the management account: AWS Organizations, the account, Contact info, Edit, Root user email address.",
        cli: "# in the management account\n\
              aws account start-primary-email-update --account-id <account id> --primary-email <group mailbox>\n\
              # with the code that arrives there\n\
              aws account accept-primary-email-update --account-id <account id> --primary-email <group mailbox> --otp \
              <code>",
        playbook: None,
    },
    references: &[aws(
        "IAM user guide",
        "Root user best practices for your AWS account: Use a group email address for root user credentials",
    )],
    facts: &[Fact::Organization],
};

fn email_pattern(facts: &mut Facts<'_>, thresholds: &Thresholds) -> Judgement {
    let tree = facts.tree()?;
    let patterns = &thresholds.root_email_patterns;
    if patterns.is_empty() {
        return Ok(Outcome::NotApplicable("no pattern for addresses of root users is configured".to_owned()));
    }
    let Some(account) = facts.account_id().and_then(|id| tree.account(id)) else {
        return Err(facts.doubt("organizations:ListAccounts", "the account is not in the organization's tree"));
    };
    let email = account.email.trim();
    if email.is_empty() {
        return Err(facts.doubt("organizations:ListAccounts", "the answer has no address of the account"));
    }
    if patterns.iter().any(|pattern| matches_wildcards(pattern, email, true)) {
        return Ok(Outcome::pass("the root user's address matches a configured pattern"));
    }
    let count = patterns.len();
    let of = if count == 1 { "the configured pattern".to_owned() } else { format!("any of the {count} patterns") };
    Ok(Outcome::fail(ROOT, format!("the root user's address does not match {of}")))
}

#[cfg(test)]
mod tests {
    use super::super::fixtures::{self, MEMBER, id, seen};
    use super::super::tests::{hidden, judge, judge_all};
    use super::*;
    use crate::model::{AccountFacts, OrgFacts, Verdict};

    fn summary(entries: &[(&str, i64)]) -> AccountFacts {
        let entries = entries.iter().map(|(key, value)| ((*key).to_owned(), *value)).collect();
        AccountFacts { summary: seen("iam:GetAccountSummary", entries), ..fixtures::account() }
    }

    #[test]
    fn a_signing_certificate_of_the_root_user_fails() {
        let check = "root-signing-certificates";
        let present = "AccountSigningCertificatesPresent";
        let found = judge(&fixtures::org(), &summary(&[(present, 1)]), check);
        assert_eq!((found.verdict, found.message.as_str()), (Verdict::Fail, "the root user has a signing certificate"));
        assert_eq!(judge(&fixtures::org(), &summary(&[(present, 0)]), check).verdict, Verdict::Pass);
        assert_eq!(judge(&fixtures::org(), &summary(&[]), check).verdict, Verdict::Unknown);
        let none = summary(&[("AccountPasswordPresent", 0), ("AccountAccessKeysPresent", 0), (present, 0)]);
        let found = judge(&fixtures::org(), &none, check);
        assert_eq!(found.verdict, Verdict::NotApplicable);
        assert_eq!(found.message, "the account has no root credentials");
    }

    fn features(names: &[&str]) -> OrgFacts {
        let mut org = fixtures::org();
        let names = names.iter().map(|name| (*name).to_owned()).collect();
        org.services.root_features = seen("iam:ListOrganizationsFeatures", names);
        org
    }

    #[test]
    fn central_management_is_what_counts_and_sessions_are_told() {
        let check = "root-credentials-centralized";
        let verdict = |org: &OrgFacts| judge(org, &fixtures::account(), check);
        for (names, wanted, told) in [
            (&["RootCredentialsManagement", "RootSessions"][..], Verdict::Pass, "with root sessions"),
            (&["RootCredentialsManagement"], Verdict::Pass, "without root sessions"),
            (&["RootSessions"], Verdict::Fail, "not managed centrally"),
            (&[], Verdict::Fail, "not managed centrally"),
        ] {
            let found = verdict(&features(names));
            assert_eq!(found.verdict, wanted, "{names:?}");
            assert!(found.message.contains(told), "{}", found.message);
        }
        let mut denied = fixtures::org();
        denied.services.root_features = hidden();
        assert_eq!(verdict(&denied).verdict, Verdict::Unknown);
        // Absent: IAM has no trusted access, so nothing is on.
        denied.services.root_features = fixtures::absent("iam:ListOrganizationsFeatures");
        assert_eq!(verdict(&denied).verdict, Verdict::Fail);
        let mut alone = features(&[]);
        alone.accounts.retain(|account, _| *account == id(fixtures::MANAGEMENT));
        assert_eq!(verdict(&alone).verdict, Verdict::NotApplicable);
    }

    #[test]
    fn an_address_must_match_one_pattern_whole() {
        let found = |email: &str, patterns: &[&str]| {
            let mut org = fixtures::org();
            org.accounts.get_mut(&id(MEMBER)).unwrap().email = email.to_owned();
            let root_email_patterns = patterns.iter().map(|pattern| (*pattern).to_owned()).collect();
            let thresholds = Thresholds { root_email_patterns, ..Thresholds::default() };
            judge_all(&org, &fixtures::account(), &thresholds, "root-email-pattern").remove(0)
        };
        let group = "aws-root+*@example.com";
        for (email, patterns, verdict) in [
            ("aws-root+prod@example.com", &[group][..], Verdict::Pass),
            ("AWS-Root+Prod@Example.com", &[group], Verdict::Pass),
            ("ann@example.com", &[group], Verdict::Fail),
            ("aws-root+prod@example.com.evil.net", &[group], Verdict::Fail),
            ("ann@example.com", &[group, "team-?@example.com"], Verdict::Fail),
            ("team-a@example.com", &[group, "team-?@example.com"], Verdict::Pass),
            ("ann@example.com", &[], Verdict::NotApplicable),
            ("", &[group], Verdict::Unknown),
        ] {
            assert_eq!(found(email, patterns).verdict, verdict, "{email} {patterns:?}");
        }
        let told = found("ann@example.com", &[group]);
        assert_eq!(told.message, "the root user's address does not match the configured pattern");
    }
}
