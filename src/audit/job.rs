//! What an audit was asked to do, kept beside what it found (`audit.json`): enough to go on with it, to join it with the
//! other shards of the same audit, and to refuse what does not belong together.
//!
//! Must not: hold a secret, or anything that differs between shards of one audit but `shard`.

use crate::model::check::{Fact, Severity};
use crate::model::scope::ScopeRequest;
use crate::model::tally::Tally;
use crate::model::{Region, Shard};
use crate::store::RunId;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::Duration;

/// The version of `audit.json` this build writes and reads.
pub const JOB_VERSION: u32 = 1;

/// The file's own name for what it is.
const FORMAT: &str = "orgward.audit";

/// An audit as it was asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Job {
    format: String,
    version: u32,
    /// The orgward that began it.
    pub orgward: String,
    /// The moment against which ages are computed.
    pub as_of: Timestamp,
    /// The home Region: where what is global is asked, and the organization trail is looked for.
    pub home: Region,
    /// The flags that chose checks and accounts, in their words.
    pub asked: Asked,
    /// The ids of the checks that run, in the order of reports.
    pub checks: Vec<String>,
    /// [`crate::checks::Selection::digest`]: what decides a verdict besides the facts.
    pub rules: String,
    /// What decides each check besides the facts, as [`crate::checks::Selection::deciding`] says it; empty in runs of before.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub deciding: BTreeMap<String, String>,
    /// The digest of the organization file (`--org`) that it rests on; `None` if it enumerated by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub organization_file: Option<String>,
    /// Its part of the accounts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shard: Option<Shard>,
    /// Whose facts it reuses.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reuse: Option<Reuse>,
    /// Whose kept facts it judges; nothing was asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<KeptOf>,
    /// The digest of the file of exemptions that it is judged with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exemptions: Option<String>,
}

/// The flags that choose checks and accounts.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Asked {
    /// `--framework`.
    pub frameworks: Vec<String>,
    /// `--checks`.
    pub checks: Vec<String>,
    /// `--severity`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub severity: Option<Severity>,
    /// `--deep`.
    pub deep: bool,
    /// `--events`.
    pub events: Option<u16>,
    /// `--checks-dir`.
    pub checks_dir: Option<PathBuf>,
    /// `--ou`, `--account`, `--tag`, `--exclude-ou`, `--exclude-account`, `--regions`.
    pub scope: ScopeRequest,
}

/// Facts of an earlier run that are young enough.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reuse {
    /// `--since`.
    pub run: RunId,
    /// `--max-age`, in seconds.
    pub max_age: u64,
}

/// Kept facts that are judged again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeptOf {
    /// `--from`.
    pub run: RunId,
    /// The facts that were collected, however often they were judged since.
    pub collected: BTreeSet<Fact>,
}

impl Reuse {
    /// How old a fact may be.
    pub fn max_age(&self) -> Duration {
        Duration::from_secs(self.max_age)
    }
}

/// Why an `audit.json` can't be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JobError {
    /// It isn't one.
    #[error("it is not the description of an audit: {0}")]
    NotAJob(String),
    /// A later orgward wrote it.
    #[error(
        "it is of version {0}, and this orgward reads up to {JOB_VERSION}: use the orgward that wrote it, or a later one"
    )]
    Newer(u32),
}

impl Job {
    /// An audit that begins now.
    pub fn new(as_of: Timestamp, home: Region, asked: Asked, checks: Vec<String>, rules: String) -> Self {
        Self {
            format: FORMAT.to_owned(),
            version: JOB_VERSION,
            orgward: env!("CARGO_PKG_VERSION").to_owned(),
            as_of,
            home,
            asked,
            checks,
            rules,
            deciding: BTreeMap::new(),
            organization_file: None,
            shard: None,
            reuse: None,
            from: None,
            exemptions: None,
        }
    }

    /// A tally of its findings, where the run began at `started`: facts from before it are told where there can be any.
    pub fn tally(&self, started: Timestamp) -> Tally {
        if self.reuse.is_some() || self.from.is_some() { Tally::of_run(started) } else { Tally::default() }
    }

    /// Reads an `audit.json`.
    ///
    /// # Errors
    /// If it is something else, or of a later version.
    pub fn parse(text: &[u8]) -> Result<Self, JobError> {
        #[derive(Deserialize)]
        struct Head {
            format: String,
            version: u32,
        }
        let wrong = |error: serde_json::Error| JobError::NotAJob(error.to_string());
        let head: Head = serde_json::from_slice(text).map_err(wrong)?;
        if head.format != FORMAT {
            return Err(JobError::NotAJob(format!("its format is `{}`", head.format.escape_debug())));
        }
        if head.version > JOB_VERSION {
            return Err(JobError::Newer(head.version));
        }
        serde_json::from_slice(text).map_err(wrong)
    }

    /// As `audit.json`.
    ///
    /// # Errors
    /// Never for a job that was made by [`Job::new`] or [`Job::parse`].
    pub fn text(&self) -> Result<Vec<u8>, serde_json::Error> {
        let mut text = serde_json::to_vec_pretty(self)?;
        text.push(b'\n');
        Ok(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job() -> Job {
        let as_of = "2026-11-02T08:00:00Z".parse().unwrap();
        let mut job = Job::new(
            as_of,
            "eu-central-1".parse().unwrap(),
            Asked::default(),
            vec!["root-mfa".into()],
            "sha256:00".into(),
        );
        job.shard = Some("1/3".parse().unwrap());
        job.reuse = Some(Reuse { run: "20260718T100000Z-4000".parse().unwrap(), max_age: 3600 });
        job
    }

    #[test]
    fn a_job_is_read_as_it_was_written() {
        let job = job();
        assert_eq!(Job::parse(&job.text().unwrap()), Ok(job));
    }

    #[test]
    fn what_is_no_job_of_this_version_is_refused() {
        let text = String::from_utf8(job().text().unwrap()).unwrap();
        let newer = Job::parse(text.replace("\"version\": 1", "\"version\": 2").as_bytes()).unwrap_err();
        assert_eq!(newer, JobError::Newer(2));
        for (from, to) in [("orgward.audit", "orgward.plan"), ("\"rules\"", "\"ruels\""), ("{", "[")] {
            let error = Job::parse(text.replacen(from, to, 1).as_bytes()).unwrap_err();
            assert!(matches!(error, JobError::NotAJob(_)), "{error}");
        }
    }
}
