//! Judging kept facts again (`audit --from RUN`): other checks, thresholds, exemptions or another moment, and nothing asked.
//!
//! Owns: what of a kept run can be judged, and that a fact nobody collected is unknown. Must not: ask AWS, or change the run
//! that it reads.

use super::audit_run::{self, AuditRun, Known};
use super::exemptions;
use super::job::Job;
use super::pipeline::{Audited, Ending};
use super::verdicts::Verdicts;
use crate::checks::exempt::Exempting;
use crate::checks::{Selection, Thresholds};
use crate::model::check::Fact;
use crate::model::exemption::Exemptions;
use crate::model::finding::Finding;
use crate::model::scope::{Scope, ScopeError, ScopeRequest};
use crate::model::tally::Tally;
use crate::model::{AccountFacts, AccountId, Cause, CauseKind, OrgFacts, Verdict};
use crate::store::{Frame, FrameKey, FrameReader, Kept, Run, RunId, RunStatus, StateDir, StoreError};
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use tokio_util::sync::CancellationToken;

/// Facts that carry themselves whether they were collected: a list of them is never empty for not having been asked.
const TOLD_BY_THEMSELVES: [Fact; 4] = [Fact::Organization, Fact::AuditRole, Fact::SshPublicKeys, Fact::RecentEvents];

/// The facts that a run keeps.
#[derive(Debug)]
pub struct KeptFacts {
    run: RunId,
    /// What it was asked.
    pub job: Job,
    /// The organization, and who had verdicts.
    pub known: Known,
    facts: FrameReader,
}

/// Why kept facts can't be judged.
#[derive(Debug, thiserror::Error)]
pub enum RejudgeError {
    /// It stopped before there was anything to judge.
    #[error("run `{0}` stopped before the organization was enumerated: there is nothing to judge, audit anew")]
    NothingYet(RunId),
    /// It keeps none.
    #[error(
        "run `{run}` keeps no facts (any more): `--keep-facts` of the audit, or `keep_facts` of the config file, says how long they are kept; findings alone are told by `orgward report {run}`"
    )]
    NoFacts {
        /// The run.
        run: RunId,
    },
    /// The scope can't be resolved.
    #[error("the scope can't be resolved")]
    Scope(Vec<ScopeError>),
    /// The run can't be read, or the new one not be written.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// How kept facts are judged.
#[derive(Debug, Clone)]
pub struct Again {
    /// What is asked, to be kept.
    pub job: Job,
    /// Whose verdicts are asked for; `None`: those of the run.
    pub scope: Option<ScopeRequest>,
    /// The checks that run.
    pub selection: Selection,
    /// What they compare with.
    pub thresholds: Thresholds,
    /// Who answers for what fails.
    pub exemptions: Exemptions,
    /// The facts that the kept run collected.
    pub collected: BTreeSet<Fact>,
    /// Whether the new run keeps the facts too.
    pub keep_facts: bool,
}

impl KeptFacts {
    /// Of the run of an audit.
    ///
    /// # Errors
    /// If it is no audit's, kept no organization or no facts, or can't be read.
    pub fn open(run: &Run) -> Result<Self, RejudgeError> {
        let job = audit_run::job(run)?;
        let nothing = || RejudgeError::NothingYet(run.id().clone());
        let known = audit_run::known(run)?.ok_or_else(nothing)?;
        let facts = run.read_frames(Kept::Facts)?.ok_or_else(|| RejudgeError::NoFacts { run: run.id().clone() })?;
        Ok(Self { run: run.id().clone(), job, known, facts })
    }

    /// The run.
    pub fn run(&self) -> &RunId {
        &self.run
    }

    /// How far the facts are good, if not to their end.
    pub fn damage(&self) -> Option<String> {
        self.facts.cut().map(|cut| format!("`{}`: {cut}", self.facts.path().display()))
    }

    /// Whether there are facts of an account.
    pub fn has(&self, account: &AccountId) -> bool {
        self.facts.contains(&account.into())
    }

    /// The facts of an account: as they were kept, or unknown, which is said why.
    pub fn of(&self, account: &AccountId) -> AccountFacts {
        let why = match self.facts.read::<AccountFacts>(&account.into()) {
            Ok(Some(facts)) if facts.account == *account => return facts,
            Ok(Some(_)) => "the facts kept of the account are another's".to_owned(),
            Ok(None) => format!("run {} keeps no facts of the account", self.run),
            Err(error) => error.to_string(),
        };
        let home = self.known.organization.organization.home_region.clone();
        AccountFacts::unknown(account.clone(), home, &Cause::new(CauseKind::NotCollected, "none", why))
    }

    /// Judges them, in a new run of `state`.
    ///
    /// # Errors
    /// If the scope names what is not there, or the new run can't be kept.
    pub fn judge(
        &self,
        again: &Again,
        state: &StateDir,
        now: Timestamp,
        cancel: &CancellationToken,
    ) -> Result<Audited, RejudgeError> {
        let mut org = self.known.organization.clone();
        org.as_of = again.job.as_of;
        let scope = match &again.scope {
            None => self.known.scope.clone(),
            Some(asked) => Scope::resolve(asked, &org).map_err(RejudgeError::Scope)?,
        };
        let mut run = state.create_run(&org.organization.id, "audit", now)?;
        exemptions::keep(&mut run, &again.exemptions)?;
        let kept = AuditRun::begin(run, &again.job)?;
        let known = Known { organization: org, scope };
        kept.keep_organization(&known)?;
        let judging = Judging {
            exempting: Exempting::new(&again.exemptions, &known.organization),
            missing: missing(again),
            from: self,
            org: &known.organization,
            again,
        };
        let tally = again.job.tally(now);
        let files = Mutex::new(Files { kept, tally, failure: None });
        let outcome = judging.all(&known.scope.accounts, &files, cancel);
        let Files { kept, tally, failure } = files.into_inner().unwrap_or_else(PoisonError::into_inner);
        let outcome = failure.map_or(outcome, Err);
        let ending = if cancel.is_cancelled() { Ending::Interrupted } else { Ending::Complete };
        let mut run = kept.close(again.keep_facts)?;
        let status = match (&outcome, &ending) {
            (Err(_), _) => RunStatus::Failed,
            (Ok(()), Ending::Complete) => RunStatus::Done,
            (Ok(()), _) => RunStatus::Interrupted,
        };
        let finished = run.finish(status, now);
        // Why it was not judged is what to tell, if both fail.
        outcome?;
        finished?;
        let Known { organization, scope } = known;
        Ok(Audited { run, org: Arc::new(organization), scope, tally, ending })
    }
}

/// The checks that read a fact nobody collected, with the first such fact.
fn missing(again: &Again) -> BTreeMap<&'static str, Fact> {
    let lacks = |fact: &&Fact| !again.collected.contains(fact) && !TOLD_BY_THEMSELVES.contains(fact);
    let metas = again.selection.metas();
    metas.iter().filter_map(|meta| meta.facts.iter().find(lacks).map(|fact| (meta.id, *fact))).collect()
}

/// What every thread writes to.
struct Files {
    kept: AuditRun,
    tally: Tally,
    failure: Option<StoreError>,
}

/// What every thread judges with.
struct Judging<'a> {
    from: &'a KeptFacts,
    org: &'a OrgFacts,
    again: &'a Again,
    exempting: Exempting,
    missing: BTreeMap<&'static str, Fact>,
}

impl Judging<'_> {
    /// Judges the organization and every account, on as many threads as there are.
    fn all(&self, accounts: &[AccountId], files: &Mutex<Files>, cancel: &CancellationToken) -> Result<(), StoreError> {
        let findings = self.again.selection.organization(self.org, &self.again.thresholds);
        self.keep(FrameKey::Organization, findings, None, files)?;
        let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let next = Mutex::new(accounts.iter());
        let work = || {
            loop {
                let account = next.lock().unwrap_or_else(PoisonError::into_inner).next();
                let Some(account) = account.filter(|_| !cancel.is_cancelled()) else { return };
                if let Err(error) = self.account(account, files) {
                    files.lock().unwrap_or_else(PoisonError::into_inner).failure.get_or_insert(error);
                    return;
                }
            }
        };
        std::thread::scope(|scope| {
            (0..threads.min(accounts.len())).for_each(|_| drop(scope.spawn(work)));
        });
        let mut files = files.lock().unwrap_or_else(PoisonError::into_inner);
        files.kept.sync()
    }

    fn account(&self, account: &AccountId, files: &Mutex<Files>) -> Result<(), StoreError> {
        let facts = self.from.of(account);
        let findings = self.again.selection.account(self.org, &facts, &self.again.thresholds);
        // Copied as they are; what is damaged was unknown a moment ago, and is not copied.
        let frame = match self.again.keep_facts {
            true => self.from.facts.frame(&account.into()).ok().flatten(),
            false => None,
        };
        self.keep(account.into(), findings, frame, files)
    }

    fn keep(
        &self,
        key: FrameKey,
        mut findings: Vec<Finding>,
        facts: Option<Frame>,
        files: &Mutex<Files>,
    ) -> Result<(), StoreError> {
        findings.iter_mut().for_each(|finding| self.not_collected(finding));
        let verdicts = Verdicts::of((key, true), findings, &self.exempting, self.org)?;
        let mut files = files.lock().unwrap_or_else(PoisonError::into_inner);
        let Files { kept, tally, .. } = &mut *files;
        verdicts.keep(kept, tally, facts.as_ref())
    }

    /// A verdict of a check whose facts were not all asked for is no verdict: what looks like nothing may never have been looked
    /// for.
    fn not_collected(&self, finding: &mut Finding) {
        let Some(fact) = self.missing.get(finding.check.as_str()) else { return };
        if finding.verdict == Verdict::Unknown {
            return;
        }
        let why = format!("run {} did not collect it", self.from.run);
        finding.take_back(Cause::new(CauseKind::NotCollected, format!("{fact:?}"), why));
    }
}

#[cfg(test)]
mod tests {
    use super::super::job::Asked;
    use super::*;
    use crate::audit::RunFindings;
    use crate::checks::fixtures;
    use crate::report::Findings;
    use jiff::SignedDuration;

    struct Place {
        _dir: tempfile::TempDir,
        state: StateDir,
        run: Run,
    }

    fn accounts() -> Vec<AccountId> {
        vec![fixtures::id(fixtures::MANAGEMENT), fixtures::id(fixtures::MEMBER)]
    }

    /// A run that keeps the facts of the first of two accounts, or of both.
    fn place(with_facts: usize) -> Place {
        let dir = tempfile::tempdir().unwrap();
        let state = StateDir::open(&dir.path().join("state")).unwrap();
        let org = fixtures::org();
        let home = org.organization.home_region.clone();
        let ids = Selection::all().metas().iter().map(|meta| meta.id.to_owned()).collect();
        let job = Job::new(org.as_of, home, Asked::default(), ids, "sha256:00".to_owned());
        let run = state.create_run(&org.organization.id, "audit", org.as_of).unwrap();
        let mut kept = AuditRun::begin(run, &job).unwrap();
        let scope = Scope { accounts: accounts(), left_out: BTreeMap::new() };
        kept.keep_organization(&Known { organization: org, scope }).unwrap();
        for account in accounts().iter().take(with_facts) {
            let facts = AccountFacts { account: account.clone(), ..fixtures::account() };
            kept.keep_facts(account, &Frame::of(&facts).unwrap()).unwrap();
        }
        kept.sync().unwrap();
        let run = kept.close(true).unwrap();
        Place { _dir: dir, state, run }
    }

    fn again(kept: &KeptFacts) -> Again {
        Again {
            job: kept.job.clone(),
            scope: None,
            selection: Selection::all(),
            thresholds: Thresholds::default(),
            exemptions: Exemptions::default(),
            collected: Fact::ALL.into_iter().collect(),
            keep_facts: true,
        }
    }

    fn judged(place: &Place, change: impl FnOnce(&mut Again)) -> (Audited, Vec<Finding>) {
        let kept = KeptFacts::open(&place.run).unwrap();
        let mut again = again(&kept);
        change(&mut again);
        let audited = kept.judge(&again, &place.state, fixtures::as_of(), &CancellationToken::new()).unwrap();
        let mut findings = Vec::new();
        let read = RunFindings::open(&audited.run).unwrap().each(&mut |finding| {
            findings.push(finding.clone());
            Ok(())
        });
        read.unwrap();
        (audited, findings)
    }

    #[test]
    fn kept_facts_are_judged_as_if_they_had_just_come() {
        let place = place(2);
        let (audited, findings) = judged(&place, |_| {});
        let (org, thresholds) = (fixtures::org(), Thresholds::default());
        let mut wanted = Selection::all().organization(&org, &thresholds);
        for account in accounts() {
            let facts = AccountFacts { account, ..fixtures::account() };
            wanted.extend(Selection::all().account(&org, &facts, &thresholds));
        }
        wanted.sort_by(Finding::in_order);
        assert_eq!(findings, wanted);
        assert_eq!(*audited.tally.all(), *Tally::of(&findings).all());
        assert_eq!((audited.run.manifest().status, audited.ending), (RunStatus::Done, Ending::Complete));
        // What it keeps can be judged again.
        let once_more = Place { run: place.state.run(audited.run.id()).unwrap(), ..place };
        assert_eq!(judged(&once_more, |_| {}).1, findings);
    }

    #[test]
    fn a_fact_that_was_not_collected_gives_no_verdict_whatever_it_looks_like() {
        let place = place(2);
        for fact in Fact::ALL.into_iter().filter(|fact| !TOLD_BY_THEMSELVES.contains(fact)) {
            let (_, findings) = judged(&place, |again| again.collected.retain(|known| *known != fact));
            let reads = |finding: &&Finding| crate::checks::meta(&finding.check).unwrap().facts.contains(&fact);
            let of_fact: Vec<&Finding> = findings.iter().filter(reads).collect();
            assert!(!of_fact.is_empty(), "{fact:?}");
            for finding in of_fact {
                assert_eq!(finding.verdict, Verdict::Unknown, "{fact:?}: {finding:?}");
                assert!(finding.cause.is_some() && finding.resources.is_empty(), "{finding:?}");
            }
        }
    }

    #[test]
    fn an_account_whose_facts_are_missing_or_damaged_is_unknown() {
        for damaged in [false, true] {
            let place = place(if damaged { 2 } else { 1 });
            if damaged {
                let path = place.run.frames_path(Kept::Facts);
                let mut bytes = std::fs::read(&path).unwrap();
                let last = bytes.len() - 9;
                bytes[last] ^= 1;
                std::fs::write(&path, bytes).unwrap();
            }
            let (audited, findings) = judged(&place, |_| {});
            let member = accounts().pop().unwrap();
            let of_member: Vec<&Finding> =
                findings.iter().filter(|finding| finding.target.account() == Some(&member)).collect();
            let root = of_member.iter().find(|finding| finding.check == "root-mfa").unwrap();
            assert_eq!(root.verdict, Verdict::Unknown);
            let words = if damaged { "checksum" } else { "keeps no facts of the account" };
            assert!(root.message.contains(words), "{}", root.message);
            assert!(audited.tally.untold() > 20, "{}", audited.tally.untold());
            assert!(!KeptFacts::open(&audited.run).unwrap().has(&member), "what is not there is not kept");
        }
    }

    #[test]
    fn ages_count_from_the_moment_that_is_asked_for() {
        let place = place(2);
        let fails = |findings: &[Finding]| findings.iter().filter(|finding| finding.verdict == Verdict::Fail).count();
        let (_, now) = judged(&place, |_| {});
        let (audited, later) =
            judged(&place, |again| again.job.as_of = fixtures::as_of() + SignedDuration::from_hours(24 * 400));
        assert!(fails(&later) > fails(&now), "{} and {}", fails(&later), fails(&now));
        assert_eq!(audited.org.as_of, fixtures::as_of() + SignedDuration::from_hours(24 * 400));
        let (_, some) = judged(&place, |again| {
            again.selection = Selection::of(["root-mfa"]);
            again.scope = Some(ScopeRequest { accounts: vec![accounts().remove(0)], ..ScopeRequest::default() });
        });
        assert_eq!(some.len(), 1);
    }

    #[test]
    fn what_keeps_nothing_to_judge_is_said_with_the_fix() {
        let place = place(2);
        place.run.remove(Kept::Facts).unwrap();
        let error = KeptFacts::open(&place.run).unwrap_err().to_string();
        assert!(error.contains("keeps no facts") && error.contains("--keep-facts"), "{error}");
        place.run.remove(Kept::Organization).unwrap();
        let error = KeptFacts::open(&place.run).unwrap_err().to_string();
        assert!(error.contains("stopped before the organization was enumerated"), "{error}");
    }
}
