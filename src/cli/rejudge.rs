//! `orgward audit --from RUN`: the facts that a run keeps, judged again with nothing asked of AWS.
//!
//! Owns: what is chosen anew and what the run decides. Must not: connect.

use super::audit::AuditArgs;
use super::exemptions;
use super::exit::{Failure, Outcome};
use super::kept_audit::KeptAudit;
use super::notify::Told;
use super::past;
use super::select::{SelectArgs, Selected};
use super::ui::Ui;
use crate::audit::{Again, Asked, Job, KeptFacts, KeptOf, RejudgeError};
use crate::aws::Clock;
use crate::checks::Thresholds;
use crate::collect::Wanted;
use crate::config::{KeepFacts, Settings};
use crate::model::check::{Fact, Granularity};
use crate::model::exemption::Exemptions;
use crate::model::scope::ScopeRequest;
use crate::report::RunStats;
use crate::report::text::plain;
use crate::store::StateDir;
use std::collections::BTreeSet;
use tokio_util::sync::CancellationToken;

/// The facts that an audit collected, by the checks that it ran.
///
/// # Errors
/// If one of them is not known here.
pub fn collected(job: &Job) -> Result<BTreeSet<Fact>, Failure> {
    if let Some(from) = &job.from {
        return Ok(from.collected.clone());
    }
    let metas = Selected::of_job(job)?.selection.metas();
    let ran = metas.iter().filter(|meta| job.checks.iter().any(|id| id == meta.id));
    let regional = ran.clone().any(|meta| meta.granularity == Granularity::AccountRegion);
    let facts = ran.flat_map(|meta| meta.facts).copied().chain(regional.then_some(Fact::Regions));
    Ok(Wanted::of(facts).facts().collect())
}

/// Runs the command.
pub async fn run(
    args: &AuditArgs,
    from: &str,
    (settings, thresholds, told): (&Settings, Thresholds, &Told),
    state: &StateDir,
    ui: &Ui,
    cancel: &CancellationToken,
) -> Outcome {
    let kept = KeptFacts::open(&past::snapshot(state, from)?).map_err(|error| Failure::usage([error]))?;
    let of = &kept.job;
    let asked = asked(args, of);
    let selected = SelectArgs::of(&asked).resolve()?;
    let exemptions = match &settings.exemptions {
        Some(path) => exemptions::load(path, &selected.known, ui)?,
        None => Exemptions::default(),
    };
    if let Some(damage) = kept.damage() {
        ui.warn(&format!("{}; what is lost is unknown", plain(&damage)));
    }
    let narrowed = ScopeRequest { regions: of.asked.scope.regions.clone(), ..args.scope.request() };
    let scope = (!narrowed.is_everything()).then_some(narrowed);
    let ids = selected.selection.metas().iter().map(|meta| meta.id.to_owned()).collect();
    let as_of = args.run.as_of.unwrap_or(of.as_of);
    if as_of < of.as_of {
        ui.warn(&format!(
            "the facts are of {}, and ages count from {as_of}: what is younger than that is of no age, and checks of ages pass it",
            of.as_of
        ));
    }
    let mut job = Job::new(as_of, of.home.clone(), asked, ids, selected.selection.digest(&thresholds));
    job.deciding = selected.selection.deciding(&thresholds);
    let collected = collected(of)?;
    job.from = Some(KeptOf { run: kept.run().clone(), collected: collected.clone() });
    job.exemptions = (!exemptions.is_none()).then(|| exemptions.digest.clone());
    if scope.is_none() {
        (job.shard, job.organization_file) = (of.shard, of.organization_file.clone());
    }
    let again = Again {
        job,
        scope,
        selection: selected.selection.clone(),
        thresholds,
        exemptions,
        collected,
        keep_facts: settings.keep_facts != KeepFacts::No,
    };
    ui.say(&format!("Judging the facts of run {} again, as of {as_of}; nothing is asked of AWS", kept.run()));
    let now = Clock::system().now();
    let judged = tokio::task::block_in_place(|| kept.judge(&again, state, now, cancel));
    let audited = judged.map_err(|error| match error {
        RejudgeError::Scope(wrong) => Failure::usage(wrong),
        other => Failure::error(other),
    })?;
    let audited = KeptAudit::made(audited, selected, RunStats::default())?.remembering(state, ui)?;
    let exit = audited.told(|report| args.output.tell(report, &args.connection.config_name(), ui))?;
    told.audit(&audited, exit, None, ui).await;
    audited.close(state, settings, Clock::system().now(), ui)?;
    Ok(exit)
}

/// What is asked: the checks that are named, or those of the run; its Regions and what it paid for in any case.
fn asked(args: &AuditArgs, of: &Job) -> Asked {
    let named = args.select.asked();
    let chosen = if named == Asked::default() { of.asked.clone() } else { named };
    let given = args.scope.request();
    let scope = if given.is_everything() { of.asked.scope.clone() } else { given };
    let regions = of.asked.scope.regions.clone();
    Asked { deep: of.asked.deep, events: of.asked.events, scope: ScopeRequest { regions, ..scope }, ..chosen }
}
