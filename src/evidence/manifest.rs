//! The manifest: what a bundle says of itself, and the digest of every part of it. It is what is signed.
//!
//! Must not: hold a moment of bundling, a machine's name or a path: the same run has the same manifest.

use super::error::Mismatch;
use super::parts;
use crate::audit::Job;
use crate::model::AccountId;
use crate::model::framework::Cells;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// The version of bundles that this build writes and reads.
pub const EVIDENCE_VERSION: u32 = 1;

/// What the manifest calls a bundle.
pub(super) const FORMAT: &str = "orgward.evidence";

/// What a bundle says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    pub(super) format: String,
    pub(super) version: u32,
    /// The orgward that made the bundle.
    pub orgward: String,
    /// The audit.
    pub run: Ran,
    /// The organization.
    pub organization: String,
    /// Its management account.
    pub management_account: AccountId,
    /// The moment against which ages were computed.
    pub as_of: Timestamp,
    /// Accounts in scope.
    pub accounts: usize,
    /// What became of their facts.
    pub facts: FactsKept,
    /// `sha256:<hex>` of what decided a verdict besides the facts: orgward's version, the checks and their thresholds.
    pub rules: String,
    /// `sha256:<hex>` of the exemptions' file; empty where none was given.
    pub exemptions: String,
    /// Findings by verdict.
    pub findings: Cells,
    /// What was asked.
    pub asked: Job,
    /// The other parts, in the order in which they follow.
    pub parts: Vec<Part>,
}

/// The audit's run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ran {
    /// Its id.
    pub id: String,
    /// When it began.
    pub started: Timestamp,
    /// When it ended.
    pub ended: Option<Timestamp>,
}

/// What became of the facts of accounts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "state")]
pub enum FactsKept {
    /// They are in the bundle.
    Included {
        /// Of how many accounts.
        accounts: usize,
    },
    /// Whoever bundled left them out.
    LeftOut,
    /// The run does not keep them (any more).
    NotKept,
}

/// A part of a bundle.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Part {
    /// Its name.
    pub name: String,
    /// Its length.
    pub bytes: u64,
    /// `sha256:<hex>` of its bytes.
    pub digest: String,
}

impl Manifest {
    /// As it stands in the bundle.
    pub(super) fn text(&self) -> Result<Vec<u8>, serde_json::Error> {
        let mut text = serde_json::to_vec_pretty(self)?;
        text.push(b'\n');
        Ok(text)
    }

    /// Reads one.
    ///
    /// # Errors
    /// If it is something else, or of a later version.
    pub(super) fn parse(text: &[u8]) -> Result<Self, Mismatch> {
        #[derive(Deserialize)]
        struct Head {
            format: String,
            version: u64,
        }
        let wrong = |error: serde_json::Error| Mismatch::content(parts::MANIFEST, error.to_string());
        let head: Head = serde_json::from_slice(text).map_err(wrong)?;
        if head.format != FORMAT {
            return Err(Mismatch::Foreign { why: "its manifest is of another format" });
        }
        if head.version > u64::from(EVIDENCE_VERSION) {
            return Err(Mismatch::Newer { found: head.version });
        }
        serde_json::from_slice(text).map_err(wrong)
    }
}
