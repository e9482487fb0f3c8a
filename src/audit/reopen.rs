//! A kept audit, read again: what a report of it needs, with nothing asked and nothing changed.
//!
//! Must not: judge, or go on with a run.

use super::audit_run::{self, Known, RunFindings};
use super::job::Job;
use crate::model::tally::Tally;
use crate::report::Findings;
use crate::store::{Run, StoreError};
use std::path::PathBuf;

/// A kept audit.
#[derive(Debug)]
pub struct Reopened {
    /// What it was asked.
    pub job: Job,
    /// The organization, and who has verdicts.
    pub known: Known,
    /// Its findings, counted.
    pub tally: Tally,
    /// Its findings.
    pub findings: RunFindings,
}

/// Why a kept audit has no report.
#[derive(Debug, thiserror::Error)]
pub enum ReopenError {
    /// It stopped before there was anything to report.
    #[error(
        "`{0}` stopped before the organization was enumerated: there is nothing to report, go on with it or audit anew"
    )]
    NothingYet(PathBuf),
    /// One of its files can't be read, is damaged, or of a later orgward.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Its findings can't be read to their end.
    #[error("{0}")]
    Findings(String),
}

/// Reads the audit that a run keeps.
///
/// # Errors
/// If it is no audit's, stopped too early, or one of its files can't be read to its end.
pub fn reopen(run: &Run) -> Result<Reopened, ReopenError> {
    let job = audit_run::job(run)?;
    let nothing = || ReopenError::NothingYet(run.dir().to_owned());
    let known = audit_run::known(run)?.ok_or_else(nothing)?;
    let findings = RunFindings::open(run)?;
    let mut tally = job.tally(run.manifest().started);
    let counted = findings.each(&mut |finding| {
        tally.add(finding);
        Ok(())
    });
    counted.map_err(|error| ReopenError::Findings(error.to_string()))?;
    Ok(Reopened { job, known, tally, findings })
}
