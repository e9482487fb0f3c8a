//! Joining the runs of all shards into one run, as if one machine had made it.
//!
//! Owns: the order in which frames are copied, and that organization findings come once. Must not: judge, or ask AWS.
//!
//! Frames are copied as they are, compressed: a byte that changed since is found by its checksum, and nothing is made anew.

use super::audit_run::{self, AuditRun, Judged, Known};
use super::exemptions;
use super::history::keep_standing;
use super::job::Job;
use super::join::{Part, Refusal, refusals};
use crate::model::OrgFacts;
use crate::model::exemption::Exemptions;
use crate::model::scope::Scope;
use crate::model::tally::Tally;
use crate::store::{FrameKey, FrameReader, Kept, Run, RunStatus, StateDir, StoreError};
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::path::Path;

/// Why runs were not joined.
#[derive(Debug, thiserror::Error)]
pub enum MergeError {
    /// They are not the shards of one audit: everything that speaks against it.
    #[error("the runs can't be joined")]
    Refused(Vec<Refusal>),
    /// A run can't be read, or the new one not be written.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What the runs came to.
#[derive(Debug)]
pub struct Merged {
    /// The new run.
    pub run: Run,
    /// What all shards were asked.
    pub job: Job,
    /// The organization.
    pub org: OrgFacts,
    /// The scope of all shards.
    pub scope: Scope,
    /// All findings, counted.
    pub tally: Tally,
    /// Whether the facts of every account are in it too.
    pub facts: bool,
}

/// A shard's run with its files open.
struct Shard {
    part: Part,
    known: Option<Known>,
    findings: Option<FrameReader>,
    facts: Option<FrameReader>,
}

/// Joins `runs` into a new run of `state`.
///
/// # Errors
/// If they are not all shards of one audit, each once and over; if one can't be read; if the new run can't be written.
pub fn merge(runs: &[Run], state: &StateDir, now: Timestamp) -> Result<Merged, MergeError> {
    let mut shards = Vec::with_capacity(runs.len());
    let mut first: Option<(OrgFacts, Option<Judged>)> = None;
    for run in runs {
        let mut shard = Shard::open(run)?;
        if let Some(known) = shard.known.take() {
            let verdicts = shard.verdicts_on_the_organization()?;
            shard.part.organization.clone_from(&known.organization.organization.id);
            shard.part.accounts = known.scope.accounts;
            let (org, judged) = first.get_or_insert_with(|| (known.organization.clone(), verdicts.clone()));
            shard.part.same_facts = *org == known.organization && *judged == verdicts;
        }
        shard.part.unfinished = shard.lacks(run);
        shards.push(shard);
    }
    let parts: Vec<Part> = shards.iter().map(|shard| shard.part.clone()).collect();
    let (Some((org, _)), Some(part)) = (first, parts.first()) else {
        return Err(MergeError::Refused(refusals(&parts, None)));
    };
    let mut job = part.job.clone();
    (job.shard, job.from) = (None, None);
    // A scope that can't be resolved where it was resolved before was edited: then no account fits it.
    let scope = Scope::resolve(&job.asked.scope, &org).unwrap_or_default();
    let refused = refusals(&parts, Some(&scope.accounts));
    if !refused.is_empty() {
        return Err(MergeError::Refused(refused));
    }
    let facts = shards.iter().all(|shard| shard.facts.is_some());
    let exempt = runs.first().map_or_else(|| Ok(Exemptions::default()), |run| exemptions::exemptions(run, &job))?;
    // It is an audit's like any other: later ones can reuse its facts.
    let mut run = state.create_run(&org.organization.id, "audit", now)?;
    exemptions::keep(&mut run, &exempt)?;
    let mut kept = AuditRun::begin(run, &job)?;
    let known = Known { organization: org, scope };
    // What the shards reused is older than the first of them.
    let began = runs.iter().map(|run| run.manifest().started).min();
    let tally = began.filter(|_| job.reuse.is_some()).map_or_else(Tally::default, Tally::of_run);
    let copied = kept.keep_organization(&known).and_then(|()| copy(&shards, facts, &mut kept, tally));
    let copied = copied
        .and_then(|tally| keep_standing(kept.run(), job.as_of, known.scope.accounts.len(), &tally).map(|()| tally));
    let mut run = kept.close(facts)?;
    let status = if copied.is_ok() { RunStatus::Done } else { RunStatus::Failed };
    let finished = run.finish(status, now);
    // Why it was not copied is what to tell, if both fail.
    let tally = copied?;
    finished?;
    let Known { organization: org, scope } = known;
    Ok(Merged { run, job, org, scope, tally, facts })
}

impl Shard {
    fn open(run: &Run) -> Result<Self, StoreError> {
        let job = audit_run::job(run)?;
        let known = audit_run::known(run)?;
        let part = Part {
            place: run.dir().display().to_string(),
            job,
            organization: run.manifest().organization.clone(),
            same_facts: true,
            accounts: Vec::new(),
            unfinished: None,
        };
        let (findings, facts) = (run.read_frames(Kept::Findings)?, run.read_frames(Kept::Facts)?);
        Ok(Self { part, known, findings, facts })
    }

    fn verdicts_on_the_organization(&self) -> Result<Option<Judged>, StoreError> {
        self.findings.as_ref().map_or(Ok(None), |findings| findings.read(&FrameKey::Organization))
    }

    /// What it lacks, and the command that goes on with it; `None` if it is over.
    fn lacks(&self, run: &Run) -> Option<String> {
        let status = run.manifest().status;
        let has = |key: &FrameKey| self.findings.as_ref().is_some_and(|findings| findings.contains(key));
        let missing = self.part.accounts.iter().filter(|account| !has(&FrameKey::from(*account))).count();
        let why = match status {
            RunStatus::Done if missing > 0 => format!("the findings of {missing} of its accounts are missing"),
            RunStatus::Done if !has(&FrameKey::Organization) => {
                "the findings of the organization are missing".to_owned()
            }
            RunStatus::Done => return None,
            RunStatus::Running => "it is at work, or ended without a word".to_owned(),
            other => format!("it ended as `{}`", other.as_str().replace('_', " ")),
        };
        // DIR/runs/RUN
        let state = run.dir().parent().and_then(Path::parent).unwrap_or_else(|| Path::new("DIR"));
        Some(format!("{why}; go on with `orgward audit --resume {} --state-dir {}`", run.id(), state.display()))
    }
}

/// Copies every frame, the organization's once, then those of each account in id order, and counts the findings.
fn copy(shards: &[Shard], facts: bool, kept: &mut AuditRun, mut tally: Tally) -> Result<Tally, StoreError> {
    let mut places: BTreeMap<FrameKey, &Shard> = BTreeMap::new();
    for shard in shards {
        places.insert(FrameKey::Organization, shard);
        places.extend(shard.part.accounts.iter().map(|account| (FrameKey::from(account), shard)));
    }
    for (key, shard) in places {
        let Some(findings) = &shard.findings else { continue };
        let (Some(judged), Some(frame)) = (findings.read::<Judged>(&key)?, findings.frame(&key)?) else { continue };
        if !judged.finished {
            let why = format!("the findings of {key} are not those of a finished account: go on with the shard");
            return Err(StoreError::Damaged { path: findings.path().to_owned(), why });
        }
        judged.findings.iter().for_each(|finding| tally.add(finding));
        kept.keep_findings(&key, &frame)?;
        if let (Some(account), Some(reader), true) = (key.account(), &shard.facts, facts)
            && let Some(frame) = reader.frame(&key)?
        {
            kept.keep_facts(account, &frame)?;
        }
    }
    kept.sync()?;
    Ok(tally)
}

#[cfg(test)]
mod tests {
    use super::super::job::Asked;
    use super::*;
    use crate::checks::{Selection, Thresholds, fixtures};
    use crate::model::{AccountId, Shard as Number};
    use crate::store::Frame;
    use std::fs;
    use std::path::PathBuf;

    /// The fixture's organization as three machines see it, whose accounts' facts are the fixture's.
    struct Machines {
        _dir: tempfile::TempDir,
        path: PathBuf,
        scope: Scope,
    }

    const NOW: &str = "2026-11-02T08:00:00Z";

    impl Machines {
        fn new() -> Self {
            let dir = tempfile::tempdir().unwrap();
            let scope = Scope::resolve(&Asked::default().scope, &fixtures::org()).unwrap();
            assert!(scope.accounts.len() > 1, "shards that have something to do");
            Self { path: dir.path().to_owned(), _dir: dir, scope }
        }

        fn state(&self, name: &str) -> StateDir {
            StateDir::open(&self.path.join(name)).unwrap()
        }

        /// Findings of an account, as an audit makes them.
        fn judged(account: &AccountId) -> Judged {
            let mut facts = fixtures::account();
            facts.account = account.clone();
            let mut findings = Selection::all().account(&fixtures::org(), &facts, &Thresholds::default());
            findings.sort_by(|a, b| a.target.cmp(&b.target));
            Judged { finished: true, findings }
        }

        fn job(number: &str) -> Job {
            let mut job = Job::new(
                NOW.parse().unwrap(),
                "eu-central-1".parse().unwrap(),
                Asked::default(),
                vec!["root-mfa".into()],
                "sha256:00".into(),
            );
            job.shard = Some(number.parse().unwrap());
            job.organization_file = Some("sha256:11".into());
            job
        }

        /// The run of a shard; `last`: as far as how many of its accounts.
        fn audit(&self, number: &str, facts: bool, last: usize) -> Run {
            let state = self.state(&format!("shard-{}", number.replace('/', "-")));
            let org = fixtures::org();
            let run = state.create_run(&org.organization.id, "audit", NOW.parse().unwrap()).unwrap();
            let id = run.id().clone();
            let mut kept = AuditRun::begin(run, &Self::job(number)).unwrap();
            let findings = Selection::all().organization(&org, &Thresholds::default());
            let accounts = number.parse::<Number>().unwrap().part(&self.scope.accounts);
            let scope = Scope { accounts: accounts.clone(), left_out: self.scope.left_out.clone() };
            kept.keep_organization(&Known { organization: org, scope }).unwrap();
            let of_organization = Frame::of(&Judged { finished: true, findings }).unwrap();
            kept.keep_findings(&FrameKey::Organization, &of_organization).unwrap();
            for account in accounts.iter().take(last) {
                kept.keep_findings(&account.into(), &Frame::of(&Self::judged(account)).unwrap()).unwrap();
                kept.keep_facts(account, &Frame::of(&fixtures::account()).unwrap()).unwrap();
            }
            kept.sync().unwrap();
            let status = if last >= accounts.len() { RunStatus::Done } else { RunStatus::Interrupted };
            kept.close(facts).unwrap().finish(status, NOW.parse().unwrap()).unwrap();
            state.run(&id).unwrap()
        }

        fn all(&self, facts: bool) -> Vec<Run> {
            Vec::from(["2/3", "0/3", "1/3"].map(|number| self.audit(number, facts, usize::MAX)))
        }

        fn merge(&self, runs: &[Run]) -> Result<Merged, MergeError> {
            merge(runs, &self.state("merged"), NOW.parse().unwrap())
        }

        /// What joining is refused for; no run is made.
        #[track_caller]
        fn refused(&self, runs: &[Run]) -> Vec<String> {
            let error = self.merge(runs).unwrap_err();
            assert_eq!(self.state("merged").runs().unwrap(), [], "nothing is left behind");
            let MergeError::Refused(refusals) = error else { panic!("{error}") };
            refusals.iter().map(ToString::to_string).collect()
        }
    }

    #[test]
    fn the_merged_run_is_that_of_one_machine() {
        for facts in [false, true] {
            let machines = Machines::new();
            let merged = machines.merge(&machines.all(facts)).unwrap();
            assert_eq!(merged.scope, machines.scope);
            assert_eq!(merged.org, fixtures::org());
            assert_eq!((merged.facts, merged.job.shard), (facts, None));
            let run = machines.state("merged").run(merged.run.id()).unwrap();
            assert_eq!((run.manifest().command.as_str(), run.manifest().status), ("audit", RunStatus::Done));
            let findings = run.read_frames(Kept::Findings).unwrap().unwrap();
            let accounts: Vec<&AccountId> = findings.keys().filter_map(FrameKey::account).collect();
            assert_eq!(accounts, machines.scope.accounts.iter().collect::<Vec<_>>());
            assert_eq!(
                run.read_frames(Kept::Facts).unwrap().map(|facts| facts.keys().len()),
                facts.then_some(accounts.len())
            );

            let mut tally = Tally::default();
            let of_organization = Selection::all().organization(&fixtures::org(), &Thresholds::default());
            of_organization.iter().for_each(|finding| tally.add(finding));
            for account in accounts {
                let judged: Judged = findings.read(&account.into()).unwrap().unwrap();
                assert_eq!(judged, Machines::judged(account));
                judged.findings.iter().for_each(|finding| tally.add(finding));
            }
            assert_eq!(merged.tally, tally);
        }
    }

    #[test]
    fn a_shard_that_is_not_over_is_named_with_what_goes_on_with_it() {
        let machines = Machines::new();
        let mut runs = machines.all(false);
        runs.remove(1);
        let cut = machines.audit("0/3", false, 0);
        let (id, state) = (cut.id().clone(), cut.dir().parent().unwrap().parent().unwrap().display().to_string());
        runs.push(cut);
        let told = machines.refused(&runs);
        assert_eq!(told.len(), 1, "{told:?}");
        assert!(told[0].contains("it ended as `interrupted`"), "{told:?}");
        assert!(
            told[0].ends_with(&format!("go on with `orgward audit --resume {id} --state-dir {state}`")),
            "{told:?}"
        );
    }

    #[test]
    fn a_shard_whose_organization_or_findings_are_gone_is_not_over() {
        let machines = Machines::new();
        let runs = machines.all(false);
        fs::remove_file(runs[1].frames_path(Kept::Findings)).unwrap();
        let told = machines.refused(&runs);
        assert!(told[0].contains("findings of") && told[0].contains("are missing"), "{told:?}");
        fs::remove_file(runs[0].frames_path(Kept::Organization)).unwrap();
        let told = machines.refused(&runs);
        assert!(told.len() >= 2, "{told:?}");
    }

    #[test]
    fn a_gap_an_overlap_and_nothing_at_all_are_refused() {
        let machines = Machines::new();
        let mut runs = machines.all(false);
        let last = runs.pop().unwrap();
        assert!(machines.refused(&runs)[0].starts_with("a gap: shard `1/3`"));
        assert!(machines.refused(&[])[0].contains("no run"));
        runs.push(last);
        runs.push(machines.audit("1/3", false, usize::MAX));
        assert!(machines.refused(&runs)[0].starts_with("shard `1/3` is there twice"));
    }

    #[test]
    fn a_changed_byte_is_found_and_the_new_run_is_not_taken_for_whole() {
        let machines = Machines::new();
        let runs = machines.all(false);
        let path = runs[1].frames_path(Kept::Findings);
        let mut bytes = fs::read(&path).unwrap();
        let last = bytes.len() - 5;
        bytes[last] ^= 1;
        fs::write(&path, bytes).unwrap();
        let error = machines.merge(&runs).unwrap_err().to_string();
        assert!(error.contains("findings.frames` is damaged: the frame of"), "{error}");
        let state = machines.state("merged");
        let left = state.runs().unwrap();
        assert_eq!(left.len(), 1);
        assert_eq!(state.run(&left[0]).unwrap().manifest().status, RunStatus::Failed);
    }
}
