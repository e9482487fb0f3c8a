//! An audit between its flags and its run: what it begins with, read and held against what it has to suit.
//!
//! Must not: ask AWS before everything on this machine is read, or tell the outcome.

use super::audit::{AuditArgs, RunArgs};
use super::exemptions;
use super::exit::{Exit, Failure};
use super::kept_audit::KeptAudit;
use super::past;
use super::select::{SelectArgs, Selected};
use super::steps::Steps;
use super::survey;
use super::ui::Ui;
use crate::audit::{self, Asked, AuditError, AuditRun, Begin, Earlier, Job, Request, Reuse};
use crate::aws::Sessions;
use crate::checks::Thresholds;
use crate::collect::CollectOptions;
use crate::config::{KeepFacts, Settings};
use crate::model::exemption::Exemptions;
use crate::model::scope::RegionRequest;
use crate::model::{OrgFacts, Shard};
use crate::report::text::{count, plain};
use crate::store::{self, Kept, Manifest, RunId, RunStatus, StateDir};
use jiff::Timestamp;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// From here on a moment that was named is told.
const A_DAY: Duration = Duration::from_secs(86_400);

/// An audit that is about to run.
pub struct Begun {
    selected: Selected,
    begin: Begin,
    job: Planned,
    exemptions: Exemptions,
}

/// What an audit is asked.
enum Planned {
    /// As it was asked before.
    Again(Box<Job>),
    /// Anew; ages are computed against a moment, or against the start.
    Anew {
        asked: Box<Asked>,
        as_of: Option<Timestamp>,
        organization_file: Option<String>,
        shard: Option<Shard>,
        reuse: Option<Reuse>,
    },
}

impl Begun {
    /// How many processes share the caller's own quotas.
    pub fn shards(&self) -> u32 {
        let shard = match &self.job {
            Planned::Again(job) => job.shard,
            Planned::Anew { shard, .. } => *shard,
        };
        shard.map_or(1, Shard::count)
    }

    /// An audit of `selected` in the whole organization, with nothing of before.
    pub fn whole(selected: Selected) -> Self {
        let job =
            Planned::Anew { asked: Box::default(), as_of: None, organization_file: None, shard: None, reuse: None };
        Self { selected, begin: Begin::Enumerating, job, exemptions: Exemptions::default() }
    }

    /// As the flags say, with what they name on this machine read.
    ///
    /// # Errors
    /// If a flag names what is not there, or does not suit the organization file.
    pub fn anew(args: &AuditArgs, state: &StateDir, settings: &Settings, ui: &Ui) -> Result<Self, Failure> {
        let selected = args.select.resolve()?;
        let exemptions = match &settings.exemptions {
            Some(path) => exemptions::load(path, &selected.known, ui)?,
            None => Exemptions::default(),
        };
        let asked = Asked { scope: args.scope.request(), ..args.select.asked() };
        let RunArgs { since, max_age, as_of, org, shard, .. } = &args.run;
        let reuse = match (since, max_age) {
            (Some(run), Some(max_age)) => {
                let run = past::audit(state, run)?;
                Some(Reuse { run: run.id().clone(), max_age: *max_age })
            }
            _ => None,
        };
        let (begin, as_of, organization_file) = match org {
            Some(path) => {
                let file = store::read_org(path).map_err(|why| Failure::usage([why]))?;
                let tags = selected.selection.wants_tags() || exemptions.wants_tags() || !asked.scope.tags.is_empty();
                file.serves(&asked.scope.regions, tags, selected.wanted.facts()).map_err(|e| Failure::usage([e]))?;
                let as_of = as_of.unwrap_or(file.org.as_of);
                (Begin::With(Box::new(file.org)), Some(as_of), Some(file.header.digest))
            }
            None => (Begin::Enumerating, *as_of, None),
        };
        if !selected.frameworks.is_empty() && matches!(asked.scope.regions, RegionRequest::Only(_)) {
            ui.warn("controls that ask for every Region are judged by the Regions named with --regions alone");
        }
        let job = Planned::Anew { asked: Box::new(asked), as_of, organization_file, shard: *shard, reuse };
        Ok(Self { selected, begin, job, exemptions })
    }

    /// Where a run of before stopped.
    ///
    /// # Errors
    /// If there is no such audit, or it can't be gone on with.
    pub fn again(
        state: &StateDir,
        run: &str,
        (settings, thresholds): (&Settings, &Thresholds),
        ui: &Ui,
    ) -> Result<Self, Failure> {
        let stopped = |manifest: &Manifest| manifest.command == "audit" && manifest.status != RunStatus::Done;
        let run = past::of_kind(state, run, "audit that was stopped", stopped)?;
        let id = run.id().clone();
        let job = past::job(&run)?;
        if let Some(from) = &job.from {
            return Err(Failure::usage([format!(
                "run `{id}` judged the facts that run `{0}` keeps: begin again with `orgward audit --from {0}`",
                from.run
            )]));
        }
        let selected = SelectArgs::of(&job.asked).resolve()?;
        if selected.selection.digest(thresholds) != job.rules {
            return Err(Failure::usage([format!(
                "run `{id}` was begun by orgward {} with other checks or thresholds than there are now, so it can't be gone on \
                 with: run the audit anew, `--since {id} --max-age 12h` reuses what it saw",
                plain(&job.orgward)
            )]));
        }
        // Enumerating anew would give it another organization than the other shards have.
        if let (Some(_), None) = (&job.organization_file, run.size(Kept::Organization).map_err(Failure::error)?) {
            return Err(Failure::usage([format!(
                "run `{id}` was stopped before it kept the organization of its file, so nothing is lost: begin again with --org"
            )]));
        }
        let exemptions = audit::exemptions(&run, &job).map_err(Failure::error)?;
        if let Some(path) = &settings.exemptions {
            let now = exemptions::load(path, &selected.known, ui).map(|now| now.digest).unwrap_or_default();
            if now != exemptions.digest {
                ui.warn(&format!(
                    "run {id} goes on with the exemptions it began with, and not with those that `{}` holds now",
                    plain(&path.display().to_string())
                ));
            }
        }
        let (kept, went) = AuditRun::go_on(run).map_err(Failure::error)?;
        for damage in &went.damage {
            ui.warn(&format!("run {id}: {damage}; what is lost is asked again"));
        }
        ui.say(&format!("Going on with run {id}: {} done", count(went.finished.len(), "account")));
        let begin = Begin::Again(Box::new(kept), Box::new(went));
        Ok(Self { selected, job: Planned::Again(Box::new(job)), begin, exemptions })
    }

    /// Runs it.
    ///
    /// # Errors
    /// If the organization can't be enumerated, the scope names what is not there, or the run can't be kept.
    pub async fn run(
        self,
        sessions: &Sessions,
        settings: &Settings,
        (state, thresholds): (&StateDir, Thresholds),
        ui: &Ui,
        cancel: &CancellationToken,
    ) -> Result<KeptAudit, Failure> {
        let Self { selected, begin, job, exemptions } = self;
        let known = match &begin {
            Begin::With(org) => Some(&**org),
            Begin::Again(_, went) => went.known.as_ref().map(|known| &known.organization),
            Begin::Enumerating => None,
        };
        suits(sessions, known)?;
        let home = match &job {
            Planned::Again(job) => Some(&job.home),
            Planned::Anew { .. } => known.map(|org| &org.organization.home_region),
        };
        if let Some(home) = home.filter(|home| *home != sessions.home_region()) {
            let here = sessions.home_region();
            return Err(Failure::usage([format!(
                "what this audit rests on was asked with the home Region `{home}`, and now it is `{here}`: give `--region {home}`"
            )]));
        }
        let job = match job {
            Planned::Again(job) => *job,
            Planned::Anew { asked, as_of, organization_file, shard, reuse } => {
                let ids = selected.selection.metas().iter().map(|meta| meta.id.to_owned()).collect();
                let now = sessions.clock().now();
                let as_of = as_of.unwrap_or(now);
                if as_of.duration_since(now).unsigned_abs() > A_DAY && organization_file.is_none() {
                    ui.warn(&if as_of < now {
                        format!("ages count from {as_of}: what is younger than that is of no age, and checks of ages pass it")
                    } else {
                        format!("ages count from {as_of}, which is to come: everything counts as so much older")
                    });
                }
                let rules = selected.selection.digest(&thresholds);
                let deciding = selected.selection.deciding(&thresholds);
                let mut job = Job::new(as_of, sessions.home_region().clone(), *asked, ids, rules);
                (job.organization_file, job.shard, job.reuse) = (organization_file, shard, reuse);
                job.deciding = deciding;
                job.exemptions = (!exemptions.is_none()).then(|| exemptions.digest.clone());
                job
            }
        };
        let options = CollectOptions {
            regions: job.asked.scope.regions.clone(),
            wanted: selected.wanted.clone(),
            max_concurrency: settings.max_concurrency,
            ..CollectOptions::default()
        };
        let known = earlier(state, &job, sessions, matches!(begin, Begin::Again(..)), ui)?;
        let request = Request {
            known,
            selection: selected.selection.clone(),
            thresholds,
            options,
            keep_facts: settings.keep_facts != KeepFacts::No,
            exemptions,
            job,
        };
        let before = if let Begin::Again(_, went) = &begin { went.finished.len() } else { 0 };
        let (shard, anew) = (request.job.shard, !matches!(begin, Begin::Again(..)));
        let steps = Arc::new(Steps::new(ui, sessions, &request.options.regions, before));
        let audited = audit::run(sessions, request, state, begin, Arc::clone(&steps) as _, cancel);
        let outcome = steps.beside(audited).await;
        let run = steps.run();
        drop(steps);
        let audited = match outcome {
            Ok(audited) => audited,
            Err(error) => {
                let failure = failure(error, run.as_ref(), cancel);
                // Asked for what is not there: going on would ask for it again, and `last` is not to be this one.
                if let (Some(run), Exit::Usage, true) = (&run, failure.exit, anew) {
                    let removed = state.remove_run(run);
                    removed.err().into_iter().for_each(|why| ui.warn(&format!("run {run} stays: {why}")));
                }
                return Err(failure);
            }
        };
        if let (Some(shard), true) = (shard, audited.scope.accounts.is_empty()) {
            ui.say(&format!("Shard {shard} has no account: there are fewer accounts than shards"));
        }
        KeptAudit::made(audited, selected, survey::stats(sessions))
    }
}

/// The facts of the run that is reused. A run that is `again` gone on with does without, where they are gone by now.
fn earlier(state: &StateDir, job: &Job, sessions: &Sessions, again: bool, ui: &Ui) -> Result<Option<Earlier>, Failure> {
    let Some(reuse) = &job.reuse else { return Ok(None) };
    // A moment in the past makes no fact younger than it is.
    let moment = job.as_of.max(sessions.clock().now());
    let opened = past::run(state, &reuse.run).and_then(|run| {
        let of = past::job(&run)?;
        if of.home != job.home {
            return Err(Failure::usage([format!(
                "run `{}` has the home Region `{}`, and this one `{}`: facts are reused in the same one only, give `--region {}`",
                reuse.run, of.home, job.home, of.home
            )]));
        }
        // An account that moved here since was another organization's then.
        suits(sessions, audit::known(&run).map_err(Failure::error)?.map(|known| known.organization).as_ref())?;
        Earlier::open(&run, moment, reuse.max_age()).map_err(|error| Failure::usage([error]))
    });
    match opened {
        Ok(earlier) => {
            let damage = earlier.damage.iter();
            damage.for_each(|damage| ui.warn(&format!("{damage}; what is lost is asked for again")));
            Ok(Some(earlier))
        }
        Err(failure) if again => {
            ui.warn(&format!("nothing is reused: {}", failure.messages.join("; ")));
            Ok(None)
        }
        Err(failure) => Err(failure),
    }
}

/// Refuses an organization that is not the caller's.
fn suits(sessions: &Sessions, org: Option<&OrgFacts>) -> Result<(), Failure> {
    let (Some(org), caller) = (org, &sessions.caller().account) else { return Ok(()) };
    let delegated = org.delegated_administrators.value().is_some_and(|accounts| accounts.contains(caller));
    if org.is_management(caller) || delegated || org.organization.caller_account().as_ref() == Some(caller) {
        return Ok(());
    }
    Err(Failure::usage([format!(
        "the organization `{}` that this audit rests on is managed by account `{}`, and the credentials are of account `{caller}`",
        plain(&org.organization.id),
        org.organization.management_account
    )]))
}

/// Why there is no report, with what is left to do.
fn failure(error: AuditError, run: Option<&RunId>, cancel: &CancellationToken) -> Failure {
    let exit = if cancel.is_cancelled() { Exit::Interrupted } else { Exit::Error };
    let mut failure = match error {
        AuditError::Scope(wrong) => Failure::usage(wrong),
        AuditError::Regions(wrong) => survey::no_such_regions(wrong),
        other => Failure::new(exit, other),
    };
    if let (Some(run), true) = (run, failure.exit != Exit::Usage) {
        failure.messages.push(format!("what was collected is kept: go on with `orgward audit --resume {run}`"));
    }
    failure
}
