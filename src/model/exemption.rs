//! Exemptions and attestations: failures that someone answers for until a day, and controls that a person has looked at.
//!
//! Owns: the types as they are kept in a run. Must not: read a file, or decide what is exempt.

use super::ids::AccountId;
use jiff::civil::Date;
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
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Exemption {
    /// What findings name it by: unique in its file.
    pub id: String,
    /// The checks' ids.
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

/// Where an exemption holds: everything that is named must fit.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExemptScope {
    /// Verdicts of the organization itself.
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

/// A person's word that a control without a check is met.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
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
