//! What watches one Region of an account: IAM Access Analyzer.
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
