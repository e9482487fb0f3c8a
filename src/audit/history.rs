//! The kept audits around one: how each stood (`standing.json`), and which of them asked the same.
//!
//! Owns: which audits are compared: those of the same organization that came to their end and were asked the same checks,
//! accounts and Regions; never a shard, which is a part. Must not: compare, or remove a run.

use super::diff::{Compared, Diff, DiffError};
use super::job::Job;
use super::{audit_run, reopen};
use crate::model::Tally;
use crate::model::history::{Changes, Standing};
use crate::report::diff::Differences;
use crate::store::{Run, RunStatus, StateDir, StoreError};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// The version of `standing.json` this build writes and reads.
const VERSION: u32 = 1;
/// The file's own name for what it is.
const FORMAT: &str = "orgward.standing";
/// Its name in the run.
const FILE: &str = "standing.json";

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct KeptStanding {
    format: String,
    version: u32,
    standing: Standing,
}

/// What was before an audit.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct History {
    /// How it differs from the newest of them.
    pub changes: Option<Changes>,
    /// How each stood, oldest first, this one last.
    pub trend: Vec<Standing>,
    /// What could not be read of them, in words.
    pub problems: Vec<String>,
}

/// Keeps how a run stands, so that nobody reads its findings for it again.
pub(super) fn keep_standing(run: &Run, as_of: Timestamp, accounts: usize, tally: &Tally) -> Result<(), StoreError> {
    let standing = Standing {
        run: run.id().to_string(),
        as_of,
        accounts,
        cells: tally.all().clone(),
        failing: tally.failing_by_severity().clone(),
    };
    let kept = KeptStanding { format: FORMAT.to_owned(), version: VERSION, standing };
    let text = serde_json::to_vec_pretty(&kept).map_err(|error| StoreError::io("write", run.dir(), error.into()))?;
    run.save(FILE, &text).map(drop)
}

/// How the audit of a run stood; made from its findings where that was not kept.
///
/// # Errors
/// If neither can be read.
pub fn standing(run: &Run) -> Result<Standing, StoreError> {
    let read = || -> Option<Standing> {
        let kept: KeptStanding = serde_json::from_slice(&run.load(FILE).ok()?).ok()?;
        let right = kept.format == FORMAT && kept.version <= VERSION && kept.standing.run == run.id().as_str();
        right.then_some(kept.standing)
    };
    if let Some(standing) = read() {
        return Ok(standing);
    }
    let again = reopen::reopen(run).map_err(|error| match error {
        reopen::ReopenError::Store(error) => error,
        other => StoreError::Damaged { path: run.dir().to_owned(), why: other.to_string() },
    })?;
    let known = &again.known;
    // It only saves time: where it can't be written, it is made again.
    let _ = keep_standing(run, again.job.as_of, known.scope.accounts.len(), &again.tally);
    Ok(Standing {
        run: run.id().to_string(),
        as_of: again.job.as_of,
        accounts: known.scope.accounts.len(),
        cells: again.tally.all().clone(),
        failing: again.tally.failing_by_severity().clone(),
    })
}

/// Whether two audits were asked the same, so that what differs is the organization's.
fn alike(a: &Job, b: &Job) -> bool {
    let asked = |job: &Job| (job.asked.scope.clone(), job.asked.frameworks.clone(), job.asked.checks.clone());
    asked(a) == asked(b) && a.shard.is_none() && b.shard.is_none()
}

/// The kept audits before a run that asked the same, oldest first. What can't be read is passed over: `runs list` tells it.
///
/// # Errors
/// If the runs can't be listed, or this one's description not be read.
pub fn earlier(state: &StateDir, run: &Run) -> Result<Vec<Run>, StoreError> {
    let job = audit_run::job(run)?;
    let mut earlier = Vec::new();
    for id in state.runs()?.into_iter().filter(|id| id < run.id()) {
        let Ok(other) = state.run(&id) else { continue };
        let manifest = other.manifest();
        let ended = manifest.command == "audit" && manifest.status == RunStatus::Done;
        if ended
            && manifest.organization == run.manifest().organization
            && audit_run::job(&other).is_ok_and(|other| alike(&job, &other))
        {
            earlier.push(other);
        }
    }
    Ok(earlier)
}

/// What was before the audit of a run. What can't be read of it is told, and keeps nothing from being reported.
///
/// # Errors
/// As [`earlier`].
pub fn history(state: &StateDir, run: &Run) -> Result<History, StoreError> {
    let mut history = History::default();
    let runs = earlier(state, run)?;
    for of in runs.iter().chain([run]) {
        match standing(of) {
            Ok(standing) => history.trend.push(standing),
            Err(error) => history.problems.push(error.to_string()),
        }
    }
    if let Some(before) = runs.last() {
        let differ = || -> Result<Changes, String> {
            let words = |error: DiffError| error.to_string();
            let diff = Diff::of(Compared::open(before).map_err(words)?, Compared::open(run).map_err(words)?);
            diff.map_err(words)?.each(&mut |_| Ok(())).map_err(|error| error.to_string())
        };
        match differ() {
            Ok(changes) => history.changes = Some(changes),
            Err(why) => history.problems.push(why),
        }
    }
    history.problems.dedup();
    Ok(history)
}
