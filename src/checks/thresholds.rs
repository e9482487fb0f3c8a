//! The numbers checks compare with, and their defaults.
//!
//! Owns: names, defaults and bounds of the thresholds. Must not: read a file or a flag (`config` does).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// The numbers checks compare with. Each missing key keeps its default; an unknown key is an error.
///
/// Defaults are those of the CIS AWS Foundations Benchmark, versions 1.4 to 7.0, where it names a number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Thresholds {
    /// The shortest password a policy may allow, in characters, 6 to 128. CIS: 14.
    pub password_length: u16,
    /// How many old passwords a policy must refuse, 1 to 24. CIS: 24.
    pub password_reuse: u16,
    /// The greatest age of an active access key, in whole days: an older one fails. CIS: 90.
    pub key_age_days: u16,
    /// A password or active access key not used for this many days, or longer, fails. CIS: 45.
    pub unused_days: u16,
    /// The root user must not have been used within this many days. CIS asks for "no daily use" and names no number; 90
    /// days is one quarter, so that an audit each quarter sees every use.
    pub root_use_days: u16,
    /// The greatest age of a password that a policy may allow, in days, 1 to 1,095. CIS before 1.3, and the guides: 90.
    pub password_age_days: u16,
    /// A user without any sign-in or key use for this many days, or longer, is inactive. The guides: 90.
    pub user_inactive_days: u16,
    /// An administrator (user or role) not used for this many days, or longer, fails.
    pub admin_inactive_days: u16,
    /// A role not used for this many days, or longer, fails. The guides: 90.
    pub role_unused_days: u16,
    /// The greatest age of an active SSH public key, in whole days. The guides: 90.
    pub ssh_key_age_days: u16,
    /// The greatest session of a role that people or other accounts assume, in hours, 1 to 12.
    pub session_hours: u16,
    /// A certificate that expires within this many days fails like an expired one; 0: expired ones only.
    pub certificate_days: u16,
    /// How many free policy slots each target must keep, 0 to 10.
    pub policy_slots_left: u16,
    /// How full an organization policy may be, in percent of its greatest size, 1 to 100.
    pub policy_size_percent: u16,
    /// What the address of a root user must look like, with `*` and `?`: a group's mailbox, such as `aws-root+*@example.com`. An
    /// address must match one of them; without any, `root-email-pattern` does not apply.
    pub root_email_patterns: Vec<String>,
}

impl Default for Thresholds {
    fn default() -> Self {
        Self {
            password_length: 14,
            password_reuse: 24,
            key_age_days: 90,
            unused_days: 45,
            root_use_days: 90,
            password_age_days: 90,
            user_inactive_days: 90,
            admin_inactive_days: 45,
            role_unused_days: 90,
            ssh_key_age_days: 90,
            session_hours: 8,
            certificate_days: 0,
            policy_slots_left: 1,
            policy_size_percent: 95,
            root_email_patterns: Vec::new(),
        }
    }
}

impl Thresholds {
    /// Every value that makes no sense, as `name must be a to b, not c`; empty if all do.
    pub fn problems(&self) -> Vec<String> {
        [
            ("password_length", self.password_length, 6..=128),
            ("password_reuse", self.password_reuse, 1..=24),
            ("key_age_days", self.key_age_days, 1..=3650),
            ("unused_days", self.unused_days, 1..=3650),
            ("root_use_days", self.root_use_days, 1..=3650),
            ("password_age_days", self.password_age_days, 1..=1095),
            ("user_inactive_days", self.user_inactive_days, 1..=3650),
            ("admin_inactive_days", self.admin_inactive_days, 1..=3650),
            ("role_unused_days", self.role_unused_days, 1..=3650),
            ("ssh_key_age_days", self.ssh_key_age_days, 1..=3650),
            ("session_hours", self.session_hours, 1..=12),
            ("certificate_days", self.certificate_days, 0..=3650),
            ("policy_slots_left", self.policy_slots_left, 0..=10),
            ("policy_size_percent", self.policy_size_percent, 1..=100),
        ]
        .into_iter()
        .filter(|(_, value, range)| !range.contains(value))
        .map(|(name, value, range)| format!("`{name}` must be {} to {}, not `{value}`", range.start(), range.end()))
        .collect()
    }
}

/// Which thresholds a check compares with; every other check compares with none. A test holds it against the checks.
const READ_BY: [(&str, &[&str]); 17] = [
    ("root-recent-use", &["root_use_days"]),
    ("root-email-pattern", &["root_email_patterns"]),
    ("password-policy-length", &["password_length"]),
    ("password-policy-reuse", &["password_reuse"]),
    ("password-policy-max-age", &["password_age_days"]),
    ("access-key-age", &["key_age_days"]),
    ("access-key-unused", &["unused_days"]),
    ("console-password-unused", &["unused_days"]),
    ("user-inactive", &["user_inactive_days"]),
    ("ssh-key-age", &["ssh_key_age_days"]),
    ("admin-principal-inactive", &["admin_inactive_days"]),
    ("role-unused", &["role_unused_days"]),
    ("role-session-duration", &["session_hours"]),
    ("server-certificate-expired", &["certificate_days"]),
    ("saml-provider-certificate", &["certificate_days"]),
    ("config-rule-access-keys-rotated", &["key_age_days"]),
    ("org-policy-headroom", &["policy_slots_left", "policy_size_percent"]),
];

impl Thresholds {
    /// What a check compares with, by name.
    pub fn of(&self, check: &str) -> BTreeMap<&'static str, Value> {
        let all = serde_json::to_value(self).unwrap_or_default();
        let names = READ_BY.iter().filter(|(id, _)| *id == check).flat_map(|(_, names)| *names);
        names.map(|name| (*name, all.get(*name).cloned().unwrap_or_default())).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::{self, fixtures};
    use std::collections::BTreeSet;

    /// Every verdict that a threshold has a part in is of a check that is said to read it: what differs between two runs is
    /// else laid on the account.
    #[test]
    fn what_each_check_compares_with_is_told() {
        let (org, facts) = (fixtures::org(), fixtures::account());
        let judged = |thresholds: &Thresholds| {
            let mut found = checks::account(&org, &facts, thresholds);
            found.extend(checks::organization(&org, thresholds));
            found
        };
        let usual = Thresholds::default();
        let before = judged(&usual);
        let names = serde_json::to_value(&usual).unwrap();
        let mut moved = BTreeSet::new();
        for (name, value) in names.as_object().unwrap() {
            for other in [0, 1, 3000] {
                let mut changed = names.clone();
                changed[name] = match value {
                    Value::Number(_) => other.into(),
                    _ => serde_json::json!(["nobody@*"]),
                };
                let changed: Thresholds = serde_json::from_value(changed).unwrap();
                for (was, is) in before.iter().zip(judged(&changed)).filter(|(was, is)| *was != is) {
                    assert!(usual.of(&was.check).contains_key(name.as_str()), "{name} moves {}: {is:?}", was.check);
                    moved.insert(was.check.clone());
                }
            }
        }
        assert!(READ_BY.iter().all(|(id, _)| checks::meta(id).is_some()));
        assert!(moved.len() > 8, "the fixture is moved by too few: {moved:?}");
        let read: BTreeSet<&str> = READ_BY.iter().flat_map(|(_, names)| *names).copied().collect();
        let all: BTreeSet<&str> = names.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(read, all, "every threshold is read");
    }

    #[test]
    fn missing_keys_keep_their_default_and_unknown_keys_are_errors() {
        let some: Thresholds = serde_json::from_str(r#"{"key_age_days": 30}"#).unwrap();
        assert_eq!(some, Thresholds { key_age_days: 30, ..Thresholds::default() });
        let error = serde_json::from_str::<Thresholds>(r#"{"key_age": 30}"#).unwrap_err().to_string();
        assert!(error.contains("unknown field `key_age`"), "{error}");
    }

    #[test]
    fn values_out_of_bounds_are_all_named() {
        assert!(Thresholds::default().problems().is_empty());
        let bad = Thresholds { password_length: 5, password_reuse: 25, ..Thresholds::default() };
        let problems = bad.problems();
        assert_eq!(
            problems,
            ["`password_length` must be 6 to 128, not `5`", "`password_reuse` must be 1 to 24, not `25`"]
        );
    }
}
