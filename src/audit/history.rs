//! The kept audits around one: how each stood (`standing.json`), and which of them asked the same.
//!
//! Owns: which audits are compared: those of the same organization that came to their end and were asked the same checks,
//! accounts and Regions; never a shard, which is a part, nor facts that were judged again, which are those of another run. Must not: compare, or remove a run.

use super::diff::Diff;
use super::job::{Asked, Job};
use super::{audit_run, reopen};
use crate::model::Tally;
use crate::model::check::Severity;
use crate::model::history::{Changes, Standing};
use crate::model::scope::ScopeRequest;
use crate::store::{Run, RunStatus, StateDir, StoreError};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// The version of `standing.json` this build writes and reads. Another one is made anew: the first did not tell what nobody
/// had asked for.
const VERSION: u32 = 2;
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
#[derive(Debug, Default)]
pub struct History {
    /// How it differs from the newest of them.
    pub changes: Option<Changes>,
    /// The newest of them beside it, to be read once more.
    pub before: Option<Diff>,
    /// How each stood, oldest first, this one last.
    pub trend: Vec<Standing>,
    /// What could not be read of them, in words.
    pub problems: Vec<String>,
}

/// Keeps how a run stands, so that nobody reads its findings for it again.
pub(super) fn keep_standing(run: &Run, as_of: Timestamp, accounts: usize, tally: &Tally) -> Result<(), StoreError> {
    let standing = stood(run, as_of, accounts, tally);
    let kept = KeptStanding { format: FORMAT.to_owned(), version: VERSION, standing };
    let text = serde_json::to_vec_pretty(&kept).map_err(|error| StoreError::io("write", run.dir(), error.into()))?;
    run.save(FILE, &text).map(drop)
}

fn stood(run: &Run, as_of: Timestamp, accounts: usize, tally: &Tally) -> Standing {
    Standing {
        run: run.id().to_string(),
        as_of,
        accounts,
        cells: tally.all().clone(),
        not_asked: tally.not_asked(),
        failing: tally.failing_by_severity().clone(),
    }
}

/// How the audit of a run stood; made from its findings where that was not kept.
///
/// # Errors
/// If neither can be read.
pub fn standing(run: &Run) -> Result<Standing, StoreError> {
    let read = || -> Option<Standing> {
        let kept: KeptStanding = serde_json::from_slice(&run.load(FILE).ok()?).ok()?;
        let right = kept.format == FORMAT && kept.version == VERSION && kept.standing.run == run.id().as_str();
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
    Ok(stood(run, again.job.as_of, known.scope.accounts.len(), &again.tally))
}

/// Whether two audits were asked the same, so that what differs is the organization's.
fn alike(a: &Job, b: &Job) -> bool {
    fn asked(job: &Job) -> (&ScopeRequest, &[String], &[String], Option<Severity>) {
        let Asked { scope, frameworks, checks, severity, .. } = &job.asked;
        (scope, frameworks, checks, *severity)
    }
    asked(a) == asked(b) && a.shard.is_none() && b.shard.is_none() && b.from.is_none()
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
    let runs = earlier(state, run)?;
    let mut history = stood_around(&runs, run);
    if let Some(before) = runs.last() {
        let differ = || -> Result<(Diff, Changes), String> {
            let diff = Diff::between(before, run).map_err(|error| error.to_string())?;
            let changes = diff.counts().map_err(|error| error.to_string())?;
            Ok((diff, changes))
        };
        match differ() {
            Ok((diff, changes)) => (history.before, history.changes) = (Some(diff), Some(changes)),
            Err(why) => history.problems.push(why),
        }
    }
    history.problems.dedup();
    Ok(history)
}

/// The same without how the audit differs from any: whoever asks holds it against another one.
///
/// # Errors
/// As [`earlier`].
pub fn trend(state: &StateDir, run: &Run) -> Result<History, StoreError> {
    Ok(stood_around(&earlier(state, run)?, run))
}

/// How an audit and those before it stood.
fn stood_around(before: &[Run], run: &Run) -> History {
    let mut history = History::default();
    for of in before.iter().chain([run]) {
        match standing(of) {
            Ok(standing) => history.trend.push(standing),
            Err(error) => history.problems.push(error.to_string()),
        }
    }
    history.problems.dedup();
    history
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::audit::{Asked, AuditRun, Judged, Known};
    use crate::checks::{Selection, Thresholds, fixtures};
    use crate::model::history::Became;
    use crate::model::scope::Scope;
    use crate::model::{Cause, CauseKind, Finding, Verdict};
    use crate::store::{Frame, FrameKey, Kept};
    use std::collections::BTreeMap;
    use std::fs;

    pub(crate) fn state() -> (tempfile::TempDir, StateDir) {
        let dir = tempfile::tempdir().unwrap();
        let state = StateDir::open(&dir.path().join("state")).unwrap();
        (dir, state)
    }

    pub(crate) fn job() -> Job {
        let selection = Selection::all();
        let checks = selection.metas().iter().map(|meta| meta.id.to_owned()).collect();
        let home = "eu-central-1".parse().unwrap();
        let mut job = Job::new(fixtures::as_of(), home, Asked::default(), checks, "sha256:00".to_owned());
        job.deciding = selection.deciding(&Thresholds::default());
        job
    }

    /// What every check finds in the fixture's member; with a password policy, or without one.
    pub(crate) fn findings(policy: bool) -> Vec<Finding> {
        let mut facts = fixtures::account();
        if !policy {
            facts.password_policy = fixtures::absent("iam:GetAccountPasswordPolicy");
        }
        let mut found = Selection::all().account(&fixtures::org(), &facts, &Thresholds::default());
        found.sort_by(Finding::in_order);
        found
    }

    /// An audit that began in this minute of an hour.
    pub(crate) fn audit(state: &StateDir, minute: u8, job: &Job, findings: Vec<Finding>, status: RunStatus) -> Run {
        let now: Timestamp = format!("2026-06-01T10:{minute:02}:00Z").parse().unwrap();
        let organization = fixtures::org();
        let scope = Scope { accounts: vec![fixtures::id(fixtures::MEMBER)], left_out: BTreeMap::new() };
        let run = state.create_run(&organization.organization.id, "audit", now).unwrap();
        let mut kept = AuditRun::begin(run, job).unwrap();
        kept.keep_organization(&Known { organization, scope }).unwrap();
        let of = |findings| Frame::of(&Judged { finished: true, findings }).unwrap();
        kept.keep_findings(&FrameKey::Organization, &of(Vec::new())).unwrap();
        kept.keep_findings(&fixtures::id(fixtures::MEMBER).into(), &of(findings)).unwrap();
        kept.sync().unwrap();
        let mut run = kept.close(true).unwrap();
        run.finish(status, now).unwrap();
        run
    }

    #[test]
    fn how_an_audit_stood_is_made_of_its_findings_where_it_was_not_kept() {
        let (_dir, state) = state();
        let run = audit(&state, 0, &job(), findings(false), RunStatus::Done);
        let path = run.dir().join(FILE);
        assert!(!path.exists());
        let made = standing(&run).unwrap();
        let tally = Tally::of(&findings(false));
        assert_eq!((made.accounts, &made.cells, &made.failing), (1, tally.all(), tally.failing_by_severity()));
        assert!(made.cells.fail > 0 && path.exists(), "and kept for the next time");
        assert_eq!(made.not_asked, 0);
        keep_standing(&run, fixtures::as_of(), 7, &Tally::default()).unwrap();
        assert_eq!(standing(&run).unwrap().accounts, 7, "what is kept is believed");
        for bad in ["{", "{}", "[]"] {
            fs::write(&path, bad).unwrap();
            assert_eq!(standing(&run).unwrap(), made, "{bad}");
        }
        // One that was not told, or that is not known here.
        for version in [1, 3] {
            let other = fs::read_to_string(&path).unwrap();
            let other = other.replace("\"version\": 2", &format!("\"version\": {version}"));
            fs::write(&path, other.replace("\"accounts\": 1", "\"accounts\": 99")).unwrap();
            assert_eq!(standing(&run).unwrap(), made, "{version}");
        }
    }

    #[test]
    fn what_nobody_asked_for_is_told_apart_from_gaps() {
        let (_dir, state) = state();
        let mut told = findings(true);
        for (finding, kind) in told.iter_mut().zip([CauseKind::OptIn, CauseKind::OptIn, CauseKind::AccessDenied]) {
            finding.verdict = Verdict::Unknown;
            finding.resources.clear();
            finding.cause = Some(Cause::new(kind, "iam:ListSSHPublicKeys", "not told"));
        }
        let run = audit(&state, 0, &job(), told, RunStatus::Done);
        let made = standing(&run).unwrap();
        assert_eq!((made.cells.unknown, made.not_asked), (3, 2));
    }

    #[test]
    fn an_audit_is_compared_with_those_before_it_that_were_asked_the_same() {
        let (_dir, state) = state();
        let (same, mut part, mut shard) = (job(), job(), job());
        part.asked.checks = vec!["root-mfa".to_owned()];
        shard.shard = Some("0/2".parse().unwrap());
        let run = |minute, job: &Job, status| audit(&state, minute, job, findings(true), status);
        let first = run(0, &same, RunStatus::Done);
        run(1, &part, RunStatus::Done);
        run(2, &shard, RunStatus::Done);
        run(3, &same, RunStatus::Interrupted);
        state.create_run(&fixtures::org().organization.id, "apply", "2026-06-01T10:04:00Z".parse().unwrap()).unwrap();
        state.create_run("o-other", "audit", "2026-06-01T10:05:00Z".parse().unwrap()).unwrap();
        let second = run(6, &same, RunStatus::Done);
        let third = audit(&state, 7, &same, findings(false), RunStatus::Done);
        let ids = |runs: Vec<Run>| runs.iter().map(|run| run.id().clone()).collect::<Vec<_>>();
        assert_eq!(ids(earlier(&state, &third).unwrap()), [first.id().clone(), second.id().clone()]);
        assert_eq!(ids(earlier(&state, &first).unwrap()), []);

        let History { changes, trend, problems, .. } = history(&state, &third).unwrap();
        let changes = changes.unwrap();
        assert_eq!((changes.before.as_str(), problems.len()), (second.id().as_str(), 0));
        let new = changes.rows[&Became::New];
        assert!(new > 0 && changes.rows.len() == 1, "{changes:?}");
        let runs: Vec<&str> = trend.iter().map(|standing| standing.run.as_str()).collect();
        assert_eq!(runs, [first.id().as_str(), second.id().as_str(), third.id().as_str()]);
        let stood = (&trend[0].cells, &trend[2].cells);
        assert!(stood.0.fail < stood.1.fail, "{stood:?}");
        assert_eq!(history(&state, &first).unwrap().changes, None);
    }

    #[test]
    fn what_can_t_be_read_of_before_is_told_and_keeps_nothing_from_being_reported() {
        let (_dir, state) = state();
        let before = audit(&state, 0, &job(), findings(true), RunStatus::Done);
        let run = audit(&state, 1, &job(), findings(true), RunStatus::Done);
        let path = before.frames_path(Kept::Findings);
        let bytes = fs::read(&path).unwrap();
        fs::write(&path, &bytes[..bytes.len() - 5]).unwrap();
        let History { changes, trend, problems, .. } = history(&state, &run).unwrap();
        assert_eq!((changes, trend.len()), (None, 1));
        assert!(!problems.is_empty() && problems.iter().all(|why| why.contains("findings.frames")), "{problems:?}");
    }
}
