//! What an audit keeps in its run: `audit.json`, the organization, and a frame of facts and of findings for each account.
//!
//! Owns: which file holds what, and what of it counts when a run is gone on with. Must not: judge.

use super::job::{Job, JobError};
use crate::model::scope::Scope;
use crate::model::tally::Tally;
use crate::model::{AccountFacts, AccountId, Cause, CauseKind, Finding, OrgFacts};
use crate::report::{Findings, ReportError};
use crate::store::{Frame, FrameError, FrameFile, FrameKey, FrameReader, Kept, Reopened, Run, StoreError};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::path::Path;

/// The file of the description.
const JOB: &str = "audit.json";
/// Frames between two calls that have them on the disk: a power cut costs no more than these.
const SYNC_EVERY: usize = 64;

/// The organization and who has verdicts, as the run knows them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Known {
    /// The organization.
    pub organization: OrgFacts,
    /// Who has verdicts.
    pub scope: Scope,
}

/// The findings of one account, or of the organization.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Judged {
    /// Whether everything was asked; an account that was cut short is asked again when the run is gone on with.
    pub finished: bool,
    /// In the order of their targets.
    pub findings: Vec<Finding>,
}

/// How far an audit came: what is read before going on with it, or joining it with others.
#[derive(Debug)]
pub struct Went {
    /// What it was asked.
    pub job: Job,
    /// The organization, if it was enumerated to the end.
    pub known: Option<Known>,
    /// Accounts that need not be asked again.
    pub finished: BTreeSet<AccountId>,
    /// Of those: with facts that are not judged yet.
    pub waiting: BTreeSet<AccountId>,
    /// The findings of the others, counted.
    pub tally: Tally,
    /// What was found damaged or cut off, in words.
    pub damage: Vec<String>,
}

/// Whether nothing was cut short: not by whoever stopped the run, nor by credentials that expired.
pub fn finished(facts: &AccountFacts) -> bool {
    !facts.causes().any(cut_short)
}

/// Whether a fact is unknown for having been cut short.
pub(super) fn cut_short(cause: &Cause) -> bool {
    matches!(cause.kind, CauseKind::Interrupted | CauseKind::ExpiredCredentials)
}

/// An audit's run, open for writing.
#[derive(Debug)]
pub struct AuditRun {
    run: Run,
    facts: FrameFile,
    findings: FrameFile,
    unsynced: usize,
}

impl AuditRun {
    /// Begins to keep an audit in a new run.
    ///
    /// # Errors
    /// If it can't be written.
    pub fn begin(run: Run, job: &Job) -> Result<Self, StoreError> {
        let text = job.text().map_err(|error| StoreError::io("write", run.dir(), error.into()))?;
        run.save(JOB, &text)?;
        let (facts, findings) = (run.frames(Kept::Facts)?, run.frames(Kept::Findings)?);
        Ok(Self { run, facts, findings, unsynced: 0 })
    }

    /// Opens the run of an audit to go on with it.
    ///
    /// # Errors
    /// If it is no audit's, can't be read or written, is at work in another process, or a later orgward wrote it.
    pub fn go_on(run: Run) -> Result<(Self, Went), StoreError> {
        let job = job(&run)?;
        let (facts, in_facts) = run.continue_frames(Kept::Facts)?;
        let (findings, in_findings) = run.continue_frames(Kept::Findings)?;
        let mut went = went(&run, job)?;
        for (file, found) in [(&facts, in_facts), (&findings, in_findings)] {
            let Reopened { cut, damaged, .. } = found;
            let name = file.path().display();
            went.damage.extend(cut.map(|cut| format!("`{name}`: {cut}")));
            went.damage.extend(damaged.iter().map(|key| format!("`{name}`: the frame of {key} is damaged")));
        }
        Ok((Self { run, facts, findings, unsynced: 0 }, went))
    }

    /// The run.
    pub fn run(&self) -> &Run {
        &self.run
    }

    /// The run, to say how it ended.
    pub fn run_mut(&mut self) -> &mut Run {
        &mut self.run
    }

    /// Keeps the organization once it is whole.
    ///
    /// # Errors
    /// If it can't be written.
    pub fn keep_organization(&self, known: &Known) -> Result<(), StoreError> {
        let frame = self.frame(known)?;
        self.run.replace_frames(Kept::Organization, &FrameKey::Organization, &frame)
    }

    /// Keeps the facts of an account.
    ///
    /// # Errors
    /// If they can't be written: nothing of them stays.
    pub fn keep_facts(&mut self, account: &AccountId, frame: &Frame) -> Result<(), StoreError> {
        self.facts.append(&account.into(), frame)?;
        self.sync_now_and_then()
    }

    /// Keeps findings.
    ///
    /// # Errors
    /// If they can't be written: nothing of them stays.
    pub fn keep_findings(&mut self, key: &FrameKey, frame: &Frame) -> Result<(), StoreError> {
        self.findings.append(key, frame)?;
        self.sync_now_and_then()
    }

    /// The frame of something that goes into this run.
    fn frame(&self, value: &impl Serialize) -> Result<Frame, StoreError> {
        Frame::of(value).map_err(|error| no_frame(self.run.dir(), error))
    }

    fn sync_now_and_then(&mut self) -> Result<(), StoreError> {
        self.unsynced += 1;
        if self.unsynced >= SYNC_EVERY { self.sync() } else { Ok(()) }
    }

    /// Has everything on the disk.
    ///
    /// # Errors
    /// If the disk does not take it.
    pub fn sync(&mut self) -> Result<(), StoreError> {
        self.unsynced = 0;
        self.facts.sync()?;
        self.findings.sync()
    }

    /// The facts kept so far.
    ///
    /// # Errors
    /// If they can't be read.
    pub fn facts(&self) -> Result<FrameReader, StoreError> {
        FrameReader::open(self.facts.path())
    }

    /// Removes the facts once the run is over.
    ///
    /// # Errors
    /// If they can't be removed.
    pub fn close(self, keep_facts: bool) -> Result<Run, StoreError> {
        let Self { run, facts, findings, .. } = self;
        drop((facts, findings));
        if !keep_facts {
            run.remove(Kept::Facts)?;
        }
        Ok(run)
    }
}

/// What has no form as a frame.
pub(super) fn no_frame(at: &Path, error: FrameError) -> StoreError {
    StoreError::io("write", at, std::io::Error::other(error))
}

/// What a run was asked, if it is an audit's.
///
/// # Errors
/// If it is no audit's, can't be read, or a later orgward wrote it.
pub fn job(run: &Run) -> Result<Job, StoreError> {
    let path = run.dir().join(JOB);
    Job::parse(&run.load(JOB)?).map_err(|error| match error {
        JobError::NotAJob(why) => StoreError::Damaged { path, why },
        JobError::Newer(found) => StoreError::Newer {
            path,
            what: "description of an audit",
            found: found.into(),
            supported: super::JOB_VERSION.into(),
        },
    })
}

/// The organization of an audit's run, and who has verdicts; `None` if it was not enumerated to the end.
///
/// # Errors
/// If it can't be read.
pub fn known(run: &Run) -> Result<Option<Known>, StoreError> {
    run.read_frames(Kept::Organization)?.map_or(Ok(None), |reader| reader.read(&FrameKey::Organization))
}

/// How far a run came.
///
/// # Errors
/// If one of its files can't be read, or a later orgward wrote it.
fn went(run: &Run, job: Job) -> Result<Went, StoreError> {
    let mut went = Went {
        known: known(run)?,
        finished: BTreeSet::new(),
        waiting: BTreeSet::new(),
        tally: job.tally(run.manifest().started),
        damage: Vec::new(),
        job,
    };
    // Findings count only with the organization that they rest on.
    if let (Some(findings), true) = (run.read_frames(Kept::Findings)?, went.known.is_some()) {
        for key in findings.keys().filter(|key| key.account().is_some()) {
            // A damaged frame is made again.
            let judged: Option<Judged> = findings.read(key).unwrap_or_else(|error| {
                went.damage.push(error.to_string());
                None
            });
            let Some(judged) = judged.filter(|judged| judged.finished) else { continue };
            judged.findings.iter().for_each(|finding| went.tally.add(finding));
            went.finished.extend(key.account().cloned());
        }
    }
    if let Some(facts) = run.read_frames(Kept::Facts)? {
        for account in facts.keys().filter_map(FrameKey::account).filter(|id| !went.finished.contains(*id)) {
            let seen: Option<AccountFacts> = facts.read(&account.into()).unwrap_or_else(|error| {
                went.damage.push(error.to_string());
                None
            });
            if seen.is_some_and(|seen| finished(&seen)) {
                went.waiting.insert(account.clone());
            }
        }
    }
    went.finished.extend(went.waiting.iter().cloned());
    Ok(went)
}

/// The findings of a run, read one account at a time.
#[derive(Debug)]
pub struct RunFindings {
    reader: FrameReader,
}

impl RunFindings {
    /// Of a run.
    ///
    /// # Errors
    /// If they can't be read.
    pub fn open(run: &Run) -> Result<Self, StoreError> {
        Ok(Self { reader: FrameReader::open(&run.frames_path(Kept::Findings))? })
    }
}

impl Findings for RunFindings {
    fn each(&self, visit: &mut dyn FnMut(&Finding) -> Result<(), ReportError>) -> Result<(), ReportError> {
        // A report of a part must not look like one of the whole.
        if let Some(cut) = self.reader.cut() {
            let path = self.reader.path().to_owned();
            return Err(ReportError::source(StoreError::Damaged { path, why: cut.to_string() }));
        }
        for key in self.reader.keys() {
            let judged: Option<Judged> = self.reader.read(key).map_err(ReportError::source)?;
            judged.iter().flat_map(|judged| &judged.findings).try_for_each(&mut *visit)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::Asked;
    use crate::checks::fixtures;
    use crate::store::StateDir;
    use std::fs;

    #[test]
    fn findings_that_were_cut_off_are_no_report_and_it_is_said_how_far_they_are_good() {
        let dir = tempfile::tempdir().unwrap();
        let state = StateDir::open(&dir.path().join("state")).unwrap();
        let as_of = fixtures::as_of();
        let job =
            Job::new(as_of, "eu-central-1".parse().unwrap(), Asked::default(), Vec::new(), "sha256:00".to_owned());
        let mut kept = AuditRun::begin(state.create_run("o-abc123", "audit", as_of).unwrap(), &job).unwrap();
        let judged = Frame::of(&Judged { finished: true, findings: Vec::new() }).unwrap();
        for key in [FrameKey::Organization, fixtures::id("000000000001").into()] {
            kept.keep_findings(&key, &judged).unwrap();
        }
        let run = kept.close(true).unwrap();
        RunFindings::open(&run).unwrap().each(&mut |_| Ok(())).unwrap();
        let path = run.frames_path(Kept::Findings);
        let bytes = fs::read(&path).unwrap();
        fs::write(&path, &bytes[..bytes.len() - 1]).unwrap();
        let error = RunFindings::open(&run).unwrap().each(&mut |_| Ok(())).unwrap_err().to_string();
        assert!(error.contains("findings.frames` is damaged: its last frame was not written in full"), "{error}");
        assert!(error.contains("1 frame before that is good"), "{error}");
    }
}
