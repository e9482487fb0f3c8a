//! The account's password policy: length and reuse.
//!
//! Owns: two checks, each of one account. Must not: ask for complexity or a maximum age, which CIS dropped with version 1.4.

use super::evaluate::{Check, Facts, Judge, Judgement, Outcome};
use super::references::cis;
use super::thresholds::Thresholds;
use crate::model::check::{CheckMeta, Fact, Granularity, Remediation, Severity};

/// The family.
pub(super) const CHECKS: &[Check] =
    &[Check { meta: LENGTH, judge: Judge::Whole(length) }, Check { meta: REUSE, judge: Judge::Whole(reuse) }];

/// What findings call the policy, which has no ARN.
const POLICY: &str = "password policy";

pub(super) const LENGTH: CheckMeta = CheckMeta {
    id: "password-policy-length",
    title: "The password policy asks for 14 characters or more",
    severity: Severity::Medium,
    granularity: Granularity::Account,
    rationale: "Length is what makes a password hard to guess. Without a policy IAM's default applies: 8 characters.",
    remediation: Remediation {
        console: "IAM, Account settings, Password policy, Edit, Custom, Password minimum length: 14.",
        cli: "aws iam get-account-password-policy, then repeat every setting, because omitted ones are reset: \
              aws iam update-account-password-policy --minimum-password-length 14 <every other setting as it is>",
        playbook: Some("cis-password-policy"),
    },
    references: &cis(["1.8", "1.7", "2.7", "2.8"], "SEC02-BP01"),
    facts: &[Fact::PasswordPolicy],
};

fn length(facts: &mut Facts<'_>, thresholds: &Thresholds) -> Judgement {
    let wanted = i32::from(thresholds.password_length);
    Ok(match facts.password_policy()? {
        None => Outcome::fail(
            POLICY,
            format!("no password policy is set, so IAM's default of 8 characters applies, {wanted} are wanted"),
        ),
        Some(policy) if policy.minimum_password_length < wanted => Outcome::fail(
            POLICY,
            format!("passwords may have {} characters, {wanted} are wanted", policy.minimum_password_length),
        ),
        Some(policy) => Outcome::pass(format!("passwords have {} characters or more", policy.minimum_password_length)),
    })
}

pub(super) const REUSE: CheckMeta = CheckMeta {
    id: "password-policy-reuse",
    title: "The password policy refuses the last 24 passwords",
    severity: Severity::Low,
    granularity: Granularity::Account,
    rationale: "Whoever must change a password that leaked should not be able to go back to it. Without a policy IAM's \
                default applies, which refuses none.",
    remediation: Remediation {
        console: "IAM, Account settings, Password policy, Edit, Custom, Prevent password reuse, Remember 24 passwords.",
        cli: "aws iam get-account-password-policy, then repeat every setting, because omitted ones are reset: \
              aws iam update-account-password-policy --password-reuse-prevention 24 <every other setting as it is>",
        playbook: Some("cis-password-policy"),
    },
    references: &cis(["1.9", "1.8", "2.8", "2.9"], "SEC02-BP01"),
    facts: &[Fact::PasswordPolicy],
};

fn reuse(facts: &mut Facts<'_>, thresholds: &Thresholds) -> Judgement {
    let wanted = i32::from(thresholds.password_reuse);
    let Some(policy) = facts.password_policy()? else {
        let message = format!("no password policy is set, so any old password may be used again, {wanted} must not");
        return Ok(Outcome::fail(POLICY, message));
    };
    Ok(match policy.password_reuse_prevention {
        None => Outcome::fail(POLICY, format!("any old password may be used again, the last {wanted} must not")),
        Some(refused) if refused < wanted => {
            Outcome::fail(POLICY, format!("the last {refused} passwords are refused, {wanted} are wanted"))
        }
        Some(refused) => Outcome::pass(format!("the last {refused} passwords are refused")),
    })
}

#[cfg(test)]
mod tests {
    use super::super::fixtures;
    use super::super::tests::{judge, judge_all};
    use super::*;
    use crate::model::{AccountFacts, Verdict};

    fn with(length: i32, reuse: Option<i32>) -> AccountFacts {
        let mut facts = fixtures::account();
        facts.password_policy = facts.password_policy.map(|mut policy| {
            (policy.minimum_password_length, policy.password_reuse_prevention) = (length, reuse);
            policy
        });
        facts
    }

    #[test]
    fn no_policy_means_the_default_and_fails() {
        let facts =
            AccountFacts { password_policy: fixtures::absent("iam:GetAccountPasswordPolicy"), ..fixtures::account() };
        for check in ["password-policy-length", "password-policy-reuse"] {
            let found = judge(&fixtures::org(), &facts, check);
            assert_eq!(found.verdict, Verdict::Fail, "{check}");
            assert!(found.message.starts_with("no password policy is set"), "{}", found.message);
            assert_eq!(found.evidence.len(), 1, "absence is evidence too");
        }
    }

    #[test]
    fn the_bounds_are_exact() {
        for (length, reuse, wanted_length, wanted_reuse) in [
            (13, Some(23), Verdict::Fail, Verdict::Fail),
            (14, Some(24), Verdict::Pass, Verdict::Pass),
            (128, None, Verdict::Pass, Verdict::Fail),
        ] {
            let facts = with(length, reuse);
            assert_eq!(judge(&fixtures::org(), &facts, "password-policy-length").verdict, wanted_length, "{length}");
            assert_eq!(judge(&fixtures::org(), &facts, "password-policy-reuse").verdict, wanted_reuse, "{reuse:?}");
        }
    }

    #[test]
    fn thresholds_of_the_reader_hold() {
        let thresholds = Thresholds { password_length: 20, ..Thresholds::default() };
        let found = judge_all(&fixtures::org(), &with(19, None), &thresholds, "password-policy-length");
        assert_eq!(found[0].message, "passwords may have 19 characters, 20 are wanted");
    }
}
