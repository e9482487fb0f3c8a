//! What one Region of an account says of its watchers: Access Analyzer, Config, Security Hub, GuardDuty.
//!
//! Owns: the facts of an account that AWS keeps Region by Region, trails aside. Must not: judge.

use super::observed::{Cause, Observed};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// The watchers of one Region. A disabled Region is never asked and has none.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RegionFacts {
    /// `accessanalyzer:ListAnalyzers`, with the active findings of each.
    pub analyzers: Observed<Vec<Analyzer>>,
    /// `config:DescribeConfigurationRecorders` with `config:DescribeConfigurationRecorderStatus`.
    pub config_recorders: Observed<Vec<ConfigRecorder>>,
    /// `securityhub:DescribeHub`; absent where the account is not subscribed.
    pub security_hub: Observed<SecurityHub>,
    /// `guardduty:ListDetectors` with `guardduty:GetDetector`; none is an empty list.
    pub detectors: Observed<Vec<Detector>>,
}

impl RegionFacts {
    /// Why facts, and findings of analyzers, are unknown.
    pub fn causes(&self) -> impl Iterator<Item = &Cause> {
        let Self { analyzers, config_recorders, security_hub, detectors } = self;
        let others = [config_recorders.cause(), security_hub.cause(), detectors.cause()];
        others
            .into_iter()
            .flatten()
            .chain(analyzers.cause())
            .chain(analyzers.value().into_iter().flatten().filter_map(|analyzer| analyzer.findings.cause()))
    }

    /// Everything unknown for one cause.
    pub fn unknown(cause: &Cause) -> Self {
        Self {
            analyzers: Observed::unknown(cause.clone()),
            config_recorders: Observed::unknown(cause.clone()),
            security_hub: Observed::unknown(cause.clone()),
            detectors: Observed::unknown(cause.clone()),
        }
    }
}

/// An analyzer of IAM Access Analyzer.
///
/// Source: IAM Access Analyzer API reference, `AnalyzerSummary`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Analyzer {
    /// Its ARN.
    pub arn: String,
    /// Its name.
    pub name: String,
    /// `ACCOUNT`, `ORGANIZATION`, `ACCOUNT_UNUSED_ACCESS`, `ORGANIZATION_UNUSED_ACCESS` ...
    pub kind: String,
    /// `ACTIVE`, `CREATING`, `DISABLED`, `FAILED`.
    pub status: String,
    /// Findings in state `ACTIVE`, from `accessanalyzer:ListFindingsV2`; archived and resolved ones are not asked for.
    pub findings: Observed<Vec<AnalyzerFinding>>,
}

impl Analyzer {
    /// Whether it looks for access from outside (and not for unused or internal access).
    pub fn external_access(&self) -> bool {
        matches!(self.kind.as_str(), "ACCOUNT" | "ORGANIZATION")
    }

    /// Whether it watches the whole organization.
    pub fn organization_wide(&self) -> bool {
        self.kind.starts_with("ORGANIZATION")
    }
}

/// An active finding of an analyzer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AnalyzerFinding {
    /// Its id.
    pub id: String,
    /// The resource, an ARN.
    pub resource: String,
    /// `AWS::S3::Bucket` ...
    pub resource_type: String,
    /// The account that owns the resource; an organization's analyzer finds in every account.
    pub owner: String,
    /// `ExternalAccess`, `UnusedIAMRole` ...; empty where the API leaves it out.
    pub kind: String,
}

/// A configuration recorder of AWS Config with its status.
///
/// Source: AWS Config API reference, `ConfigurationRecorder`, `RecordingGroup`, `ConfigurationRecorderStatus`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConfigRecorder {
    /// Its name.
    pub name: String,
    /// Whether it records every resource type that Config supports, also future ones.
    pub all_supported: bool,
    /// Whether that includes global resources (IAM's); one Region is enough.
    pub include_global: bool,
    /// `ALL_SUPPORTED_RESOURCE_TYPES`, `INCLUSION_BY_RESOURCE_TYPES`, `EXCLUSION_BY_RESOURCE_TYPES`; empty in older answers.
    pub strategy: String,
    /// Resource types recorded, where chosen one by one.
    pub included: BTreeSet<String>,
    /// Resource types left out.
    pub excluded: BTreeSet<String>,
    /// Whether it records now.
    pub recording: bool,
    /// `Pending`, `Success`, `Failure`: the last delivery. `None` before the first one.
    pub last_status: Option<String>,
}

/// A subscription to Security Hub.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecurityHub {
    /// The hub's ARN.
    pub arn: String,
    /// Since when.
    pub subscribed_at: Option<Timestamp>,
}

/// A GuardDuty detector.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Detector {
    /// Its id.
    pub id: String,
    /// Whether it is enabled (`ENABLED`, not `DISABLED`).
    pub enabled: bool,
}

/// An AWS Config rule of the account's home Region: `config:DescribeConfigRules`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConfigRule {
    /// Its name.
    pub name: String,
    /// The managed rule it runs, such as `ACCESS_KEYS_ROTATED`; `None` for a custom rule.
    pub identifier: Option<String>,
    /// Whether it is active, and not being deleted.
    pub active: bool,
    /// Its parameters, such as `maxAccessKeyAge` = `90`.
    pub parameters: BTreeMap<String, String>,
}
