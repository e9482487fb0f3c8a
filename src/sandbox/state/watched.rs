//! What watches one Region of an account: IAM Access Analyzer, Config, Security Hub, GuardDuty.
//!
//! Owns: the shape of it. Must not: generate it, or know a wire format.

use crate::model::AccountId;
use jiff::Timestamp;
use std::collections::BTreeMap;

/// What watches a Region.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Watched {
    /// Analyzers by name.
    pub analyzers: BTreeMap<String, Analyzer>,
    /// Config's recorders by name.
    pub recorders: BTreeMap<String, Recorder>,
    /// Config's rules by name.
    pub rules: BTreeMap<String, Rule>,
    /// Since when the account is subscribed to Security Hub, if it is.
    pub hub: Option<Timestamp>,
    /// GuardDuty's detectors by id.
    pub detectors: BTreeMap<String, Detector>,
}

/// An analyzer of IAM Access Analyzer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Analyzer {
    /// `ACCOUNT`, `ORGANIZATION` ...
    pub kind: String,
    /// `ACTIVE`, `CREATING`, `DISABLED`, `FAILED`.
    pub status: String,
    /// When it was created.
    pub created: Timestamp,
    /// What it found, whatever its state.
    pub findings: Vec<AnalyzerFinding>,
}

/// A finding of an analyzer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AnalyzerFinding {
    /// A UUID.
    pub id: String,
    /// The resource's ARN.
    pub resource: String,
    /// `AWS::S3::Bucket` ...
    pub resource_type: String,
    /// Who owns the resource.
    pub owner: AccountId,
    /// `ExternalAccess`, `UnusedIAMRole` ...
    pub kind: String,
    /// `ACTIVE`, `ARCHIVED`, `RESOLVED`.
    pub status: String,
    /// When it was found.
    pub found: Timestamp,
}

/// A configuration recorder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recorder {
    /// Whether it records every resource type.
    pub all_supported: bool,
    /// Whether it records IAM's too.
    pub include_global: bool,
    /// `ALL_SUPPORTED_RESOURCE_TYPES` ...
    pub strategy: String,
    /// Resource types chosen one by one.
    pub included: Vec<String>,
    /// Resource types left out.
    pub excluded: Vec<String>,
    /// When it was started.
    pub started: Timestamp,
    /// When it was stopped; `None`: it records.
    pub stopped: Option<Timestamp>,
    /// `Pending`, `Success`, `Failure`.
    pub last_status: Option<String>,
}

/// A Config rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// `config-rule-` and 6 characters.
    pub id: String,
    /// `AWS`, `CUSTOM_LAMBDA`, `CUSTOM_POLICY`.
    pub owner: String,
    /// What it runs, such as `ACCESS_KEYS_ROTATED`.
    pub identifier: String,
    /// Its parameters, the text of a JSON object.
    pub parameters: Option<String>,
    /// `ACTIVE`, `DELETING` ...
    pub state: String,
}

/// A GuardDuty detector.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Detector {
    /// Whether it is on.
    pub enabled: bool,
    /// When it was created.
    pub created: Timestamp,
}
