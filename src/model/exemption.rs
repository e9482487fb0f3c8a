//! Exemptions and attestations: failures that someone answers for until a day, and controls that a person has looked at.
//!
//! Owns: the types as they are kept in a run, and on which days they hold. Must not: read a file, or decide what is exempt.

use super::ids::AccountId;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What one file says, as a run keeps it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Exemptions {
    /// The file as it was named; empty where none was given.
    pub file: String,
    /// `sha256:<hex>` of its bytes; empty where none was given.
    pub digest: String,
    /// In the order of the file.
    pub exemptions: Vec<Exemption>,
    /// In the order of the file.
    pub attestations: Vec<Attestation>,
}

/// Failures that someone answers for until a day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Exemption {
    /// What findings name it by: unique in its file.
    pub id: String,
    /// The checks' ids, as they were written: `*` stands for any letters.
    pub checks: Vec<String>,
    /// Where it holds.
    pub scope: ExemptScope,
    /// Resources it holds for, with `*` and `?`; empty: all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub resources: Vec<String>,
    /// Who answers for it.
    pub owner: String,
    /// Why.
    pub reason: String,
    /// Where it was agreed.
    pub ticket: String,
    /// The last day on which it holds, in UTC.
    pub expires: Date,
    /// Its line in the file, from 1.
    pub line: u64,
}

/// Where an exemption holds: everything that is named must fit, and nothing holds where nothing is named.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ExemptScope {
    /// Every account, and the organization itself. It stands alone.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub everywhere: bool,
    /// Verdicts of the organization itself, and no account's. It stands alone.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub organization: bool,
    /// These accounts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub accounts: Vec<AccountId>,
    /// Accounts below these OUs: paths such as `/Workloads/Prod`, or ids.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ous: Vec<String>,
    /// Accounts with all of these tags.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, String>,
}

/// A person's word that a control, or what checks leave of it, is met.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Attestation {
    /// The framework, as `--framework` names it.
    pub framework: String,
    /// The control's id in it.
    pub control: String,
    /// Who says so.
    pub owner: String,
    /// What was looked at.
    pub statement: String,
    /// When, in UTC.
    pub date: Date,
    /// The last day on which it holds, in UTC.
    pub expires: Date,
    /// Its line in the file, from 1.
    pub line: u64,
}

/// The day of a moment in UTC, by which exemptions and attestations expire.
pub fn day(moment: Timestamp) -> Date {
    moment.to_zoned(TimeZone::UTC).date()
}

impl Exemptions {
    /// Whether no file was given.
    pub fn is_none(&self) -> bool {
        self.file.is_empty() && self.digest.is_empty()
    }

    /// Whether an exemption asks for the tags of accounts.
    pub fn wants_tags(&self) -> bool {
        self.exemptions.iter().any(|exemption| !exemption.scope.tags.is_empty())
    }

    /// The attestation of a control, whether or not it holds.
    pub fn attestation(&self, framework: &str, control: &str) -> Option<&Attestation> {
        let of = |attestation: &&Attestation| attestation.framework == framework && attestation.control == control;
        self.attestations.iter().find(of)
    }
}

impl Exemption {
    /// Whether it is over on a day.
    pub fn expired(&self, on: Date) -> bool {
        on > self.expires
    }
}

impl ExemptScope {
    /// Whether it names nothing, and so holds nowhere.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl Attestation {
    /// Whether it is over on a day.
    pub fn expired(&self, on: Date) -> bool {
        on > self.expires
    }

    /// Whether it holds on a day: neither before it was given, nor once it is over.
    pub fn holds(&self, on: Date) -> bool {
        self.date <= on && !self.expired(on)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Date {
        day(text.parse().unwrap())
    }

    #[test]
    fn what_expires_holds_through_its_last_day_in_utc() {
        let attestation = Attestation {
            framework: "cis-5.0".into(),
            control: "1.1".into(),
            owner: "jane".into(),
            statement: "looked".into(),
            date: "2026-11-01".parse().unwrap(),
            expires: "2026-11-30".parse().unwrap(),
            line: 1,
        };
        for (moment, holds, expired) in [
            ("2026-10-31T23:59:59Z", false, false),
            ("2026-11-01T00:00:00Z", true, false),
            ("2026-11-30T23:59:59Z", true, false),
            ("2026-11-30T23:59:59-02:00", false, true),
            ("2026-12-01T00:00:00Z", false, true),
        ] {
            assert_eq!((attestation.holds(at(moment)), attestation.expired(at(moment))), (holds, expired), "{moment}");
        }
    }

    #[test]
    fn a_scope_that_names_nothing_is_empty() {
        assert!(ExemptScope::default().is_empty());
        assert!(!ExemptScope { everywhere: true, ..ExemptScope::default() }.is_empty());
        assert!(!ExemptScope { ous: vec!["/".into()], ..ExemptScope::default() }.is_empty());
    }
}
