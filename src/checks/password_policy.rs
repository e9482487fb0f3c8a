//! The account's password policy: length, reuse, complexity, age, hard expiry and self change.
//!
//! Owns: six checks, each of one account. CIS from version 1.4 on asks for length and reuse alone; the other four come from
//! older benchmarks and AWS's own guides. Must not: judge a user's password.
//!
//! Source: IAM user guide, "Set an account password policy for IAM users"; IAM API reference, `UpdateAccountPasswordPolicy`.

use super::evaluate::{Check, Facts, Judge, Judgement, Outcome, days};
use super::references::aws;
use super::thresholds::Thresholds;
use crate::model::check::{CheckMeta, Fact, Granularity, Reference, Remediation, Severity};

/// The family.
pub(super) const CHECKS: &[Check] = &[
    Check { meta: LENGTH, judge: Judge::Whole(length) },
    Check { meta: REUSE, judge: Judge::Whole(reuse) },
    Check { meta: COMPLEXITY, judge: Judge::Whole(complexity) },
    Check { meta: MAX_AGE, judge: Judge::Whole(max_age) },
    Check { meta: HARD_EXPIRY, judge: Judge::Whole(hard_expiry) },
    Check { meta: SELF_CHANGE, judge: Judge::Whole(self_change) },
];

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
        cli: "aws iam get-account-password-policy\n\
              # with all other settings: what is left out is reset\n\
              aws iam update-account-password-policy --minimum-password-length 14 <every other setting as it is>",
        playbook: Some("cis-password-policy"),
    },
    references: &[aws("IAM user guide", "Set an account password policy for IAM users")],
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
        cli: "aws iam get-account-password-policy\n\
              # with all other settings: what is left out is reset\n\
              aws iam update-account-password-policy --password-reuse-prevention 24 <every other setting as it is>",
        playbook: Some("cis-password-policy"),
    },
    references: &[aws("IAM user guide", "Set an account password policy for IAM users")],
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

const GUIDE: Reference = aws("IAM user guide", "Set an account password policy for IAM users");
const API: Reference = aws("IAM API reference", "UpdateAccountPasswordPolicy");

const COMPLEXITY: CheckMeta = CheckMeta {
    id: "password-policy-complexity",
    title: "The password policy asks for upper case, lower case, digits and symbols",
    severity: Severity::Low,
    granularity: Granularity::Account,
    rationale: "Four kinds of characters keep words and dates out of passwords. Length matters more, which is why CIS dropped \
                complexity with version 1.4; the guides and Security Hub still ask for it. Without a policy IAM's default \
                asks for three of the four kinds.",
    remediation: Remediation {
        console: "IAM, Account settings, Password policy, Edit, Custom, Password strength: tick all four.",
        cli: "aws iam get-account-password-policy\n\
              # with all other settings: what is left out is reset\n\
              aws iam update-account-password-policy --require-uppercase-characters --require-lowercase-characters \
              --require-numbers --require-symbols <every other setting as it is>\n\
              # or set require_uppercase, require_lowercase,\n\
              # require_numbers and require_symbols to true in a copy of\n\
              # the playbook cis-password-policy",
        playbook: None,
    },
    references: &[GUIDE, API],
    facts: &[Fact::PasswordPolicy],
};

fn complexity(facts: &mut Facts<'_>, _: &Thresholds) -> Judgement {
    let Some(policy) = facts.password_policy()? else {
        let message =
            "no password policy is set, so IAM's default of three kinds of characters applies, four are wanted";
        return Ok(Outcome::fail(POLICY, message));
    };
    let missing: Vec<&str> = [
        ("upper case", policy.require_uppercase_characters),
        ("lower case", policy.require_lowercase_characters),
        ("digits", policy.require_numbers),
        ("symbols", policy.require_symbols),
    ]
    .into_iter()
    .filter_map(|(kind, required)| (!required).then_some(kind))
    .collect();
    Ok(if missing.is_empty() {
        Outcome::pass("passwords need upper case, lower case, digits and symbols")
    } else {
        Outcome::fail(POLICY, format!("passwords need no {}", missing.join(", no ")))
    })
}

const MAX_AGE: CheckMeta = CheckMeta {
    id: "password-policy-max-age",
    title: "Passwords expire after 90 days or sooner",
    severity: Severity::Low,
    granularity: Granularity::Account,
    rationale: "A password that leaked unnoticed is of use until it changes. CIS dropped the age with version 1.4 in favour \
                of MFA; the guides ask for 90 days. Setting an age acts at once: every older password expires, so tell its \
                users first. Without a policy passwords never expire.",
    remediation: Remediation {
        console: "IAM, Account settings, Password policy, Edit, Custom, Enable password expiration: 90 days.",
        cli: "aws iam get-account-password-policy\n\
              # with all other settings: what is left out is reset\n\
              aws iam update-account-password-policy --max-password-age 90 <every other setting as it is>\n\
              # or set max_age to 90 in a copy of the playbook\n\
              # cis-password-policy",
        playbook: None,
    },
    references: &[GUIDE, API],
    facts: &[Fact::PasswordPolicy],
};

fn max_age(facts: &mut Facts<'_>, thresholds: &Thresholds) -> Judgement {
    let wanted = i32::from(thresholds.password_age_days);
    let asked = format!("after {} they should", days(wanted.into()));
    let Some(policy) = facts.password_policy()? else {
        return Ok(Outcome::fail(POLICY, format!("no password policy is set, so passwords never expire, {asked}")));
    };
    Ok(match policy.max_password_age {
        // 0 is how some answers say never.
        None | Some(0) => Outcome::fail(POLICY, format!("passwords never expire, {asked}")),
        Some(age) if age > wanted => {
            Outcome::fail(POLICY, format!("passwords expire after {}, {asked}", days(age.into())))
        }
        Some(age) => Outcome::pass(format!("passwords expire after {}", days(age.into()))),
    })
}

const HARD_EXPIRY: CheckMeta = CheckMeta {
    id: "password-policy-hard-expiry",
    title: "An expired password opens nothing until an administrator resets it",
    severity: Severity::Low,
    granularity: Granularity::Account,
    rationale: "Without hard expiry an expired password still works once, to set a new one: whoever holds the old password of \
                a user that left takes the user over, however long ago it expired. With it the user is locked out until an \
                administrator resets the password, so the guides want it together with self change: users must be able to \
                change a password before it expires, else everyone is locked out in turn. Hard expiry without self change \
                fails for that reason. Where passwords never expire nothing can expire hard, and the check does not apply. \
                Before setting it, make sure that a second administrator, or a role, can reset the first.",
    remediation: Remediation {
        console: "IAM, Account settings, Password policy, Edit, Custom: tick both Allow users to change their own password \
                  and Password expiration requires administrator reset.",
        cli: "aws iam get-account-password-policy\n\
              # with all other settings: what is left out is reset\n\
              aws iam update-account-password-policy --hard-expiry --allow-users-to-change-password <every other \
              setting as it is>\n\
              # or set hard_expiry and allow_users_to_change to true in\n\
              # a copy of the playbook cis-password-policy",
        playbook: None,
    },
    references: &[GUIDE, API],
    facts: &[Fact::PasswordPolicy],
};

fn hard_expiry(facts: &mut Facts<'_>, _: &Thresholds) -> Judgement {
    let policy = facts.password_policy()?;
    let Some(policy) = policy.filter(|policy| policy.max_password_age.is_some_and(|age| age > 0)) else {
        return Ok(Outcome::NotApplicable("passwords never expire".to_owned()));
    };
    Ok(match (policy.hard_expiry, policy.allow_users_to_change_password) {
        (true, true) => Outcome::pass("an expired password opens nothing until an administrator resets it"),
        (true, false) => Outcome::fail(
            POLICY,
            "an expired password locks its user out, and users may not change theirs before it expires",
        ),
        (false, _) => Outcome::fail(POLICY, "an expired password still opens the console, to set a new one"),
    })
}

const SELF_CHANGE: CheckMeta = CheckMeta {
    id: "password-policy-self-change",
    title: "Users may change their own password",
    severity: Severity::Low,
    granularity: Granularity::Account,
    rationale: "Whoever suspects that a password leaked must be able to change it at once, and an administrator who sets \
                passwords for others knows them. The setting lets every user call iam:ChangePassword on itself and nothing \
                more. Without a policy IAM's default does not allow it.",
    remediation: Remediation {
        console: "IAM, Account settings, Password policy, Edit, Custom: tick Allow users to change their own password.",
        cli: "aws iam get-account-password-policy\n\
              # with all other settings: what is left out is reset\n\
              aws iam update-account-password-policy --allow-users-to-change-password <every other setting as it is>\n\
              # or set allow_users_to_change to true in a copy of the\n\
              # playbook cis-password-policy",
        playbook: None,
    },
    references: &[GUIDE, API],
    facts: &[Fact::PasswordPolicy],
};

fn self_change(facts: &mut Facts<'_>, _: &Thresholds) -> Judgement {
    Ok(match facts.password_policy()? {
        None => Outcome::fail(POLICY, "no password policy is set, so users may not change their own password"),
        Some(policy) if policy.allow_users_to_change_password => Outcome::pass("users may change their own password"),
        Some(_) => Outcome::fail(POLICY, "users may not change their own password"),
    })
}

#[cfg(test)]
mod tests {
    use super::super::fixtures;
    use super::super::tests::{judge, judge_all};
    use super::*;
    use crate::model::iam::PasswordPolicy;
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

    fn changed(change: impl FnOnce(&mut PasswordPolicy)) -> AccountFacts {
        let mut facts = fixtures::account();
        facts.password_policy = facts.password_policy.map(|mut policy| {
            change(&mut policy);
            policy
        });
        facts
    }

    fn told(change: impl FnOnce(&mut PasswordPolicy), check: &str) -> (Verdict, String) {
        let found = judge(&fixtures::org(), &changed(change), check);
        (found.verdict, found.message)
    }

    #[test]
    fn without_a_policy_what_iam_does_by_default_is_judged() {
        let facts =
            AccountFacts { password_policy: fixtures::absent("iam:GetAccountPasswordPolicy"), ..fixtures::account() };
        for (check, verdict) in [
            ("password-policy-complexity", Verdict::Fail),
            ("password-policy-max-age", Verdict::Fail),
            ("password-policy-self-change", Verdict::Fail),
            ("password-policy-hard-expiry", Verdict::NotApplicable),
        ] {
            assert_eq!(judge(&fixtures::org(), &facts, check).verdict, verdict, "{check}");
        }
    }

    #[test]
    fn each_missing_kind_of_character_is_named() {
        let check = "password-policy-complexity";
        let (verdict, message) = told(|policy| policy.require_symbols = false, check);
        assert_eq!((verdict, message.as_str()), (Verdict::Fail, "passwords need no symbols"));
        let (_, message) =
            told(|policy| (policy.require_symbols, policy.require_lowercase_characters) = (false, false), check);
        assert_eq!(message, "passwords need no lower case, no symbols");
    }

    #[test]
    fn the_age_is_bounded_and_none_is_no_age() {
        let check = "password-policy-max-age";
        for (age, verdict) in [
            (Some(1), Verdict::Pass),
            (Some(90), Verdict::Pass),
            (Some(91), Verdict::Fail),
            (Some(0), Verdict::Fail),
            (None, Verdict::Fail),
        ] {
            assert_eq!(told(|policy| policy.max_password_age = age, check).0, verdict, "{age:?}");
        }
        let (_, message) = told(|policy| policy.max_password_age = Some(91), check);
        assert_eq!(message, "passwords expire after 91 days, after 90 days they should");
    }

    #[test]
    fn hard_expiry_is_right_only_with_an_age_and_self_change() {
        let verdict = |age, hard, own| {
            let change = |policy: &mut PasswordPolicy| {
                policy.max_password_age = age;
                policy.hard_expiry = hard;
                policy.allow_users_to_change_password = own;
            };
            told(change, "password-policy-hard-expiry").0
        };
        assert_eq!(verdict(Some(90), true, true), Verdict::Pass);
        assert_eq!(verdict(Some(90), true, false), Verdict::Fail, "a lock-out of everyone");
        assert_eq!(verdict(Some(90), false, true), Verdict::Fail);
        assert_eq!(verdict(Some(0), true, true), Verdict::NotApplicable);
        assert_eq!(verdict(None, false, false), Verdict::NotApplicable);
        let (verdict, _) = told(|policy| policy.allow_users_to_change_password = false, "password-policy-self-change");
        assert_eq!(verdict, Verdict::Fail);
    }
}
