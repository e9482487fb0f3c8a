//! The numbers checks compare with, and their defaults.
//!
//! Owns: names, defaults and bounds of the thresholds. Must not: read a file or a flag (`config` does).

use serde::{Deserialize, Serialize};

/// The numbers checks compare with. Each missing key keeps its default; an unknown key is an error.
///
/// Defaults are those of the CIS AWS Foundations Benchmark, versions 1.4 to 7.0, where it names a number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
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
}

impl Default for Thresholds {
    fn default() -> Self {
        Self { password_length: 14, password_reuse: 24, key_age_days: 90, unused_days: 45, root_use_days: 90 }
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
        ]
        .into_iter()
        .filter(|(_, value, range)| !range.contains(value))
        .map(|(name, value, range)| format!("`{name}` must be {} to {}, not `{value}`", range.start(), range.end()))
        .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
