//! `orgward rollback`: the way back of a run, as a plan that is shown, guarded, confirmed and applied like any other.

use super::args::ConnectionArgs;
use super::carry::{self, How, Work};
use super::confirm::confirm;
use super::connect::Environment;
use super::delegated;
use super::exit::{Exit, Failure, Outcome};
use super::lockout::{self, LockoutArgs};
use super::past::{self, Past};
use super::plan::{self, Format};
use super::resume;
use super::ui::Ui;
use crate::aws::{Purpose, Sessions};
use crate::execute::{self, Undo};
use crate::lockout::relied_on;
use crate::model::{Doc, Observed, OrgFacts, Plan};
use crate::report::plan_text;
use crate::resources::World;
use crate::store::{self, Run, RunId, RunStatus, StateDir};
use clap::Args;
use futures::stream::{self, StreamExt};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// How long to wait before each further read of a write that seems not to have happened: AWS is eventually consistent.
const AGAIN: [Duration; 2] = [Duration::from_millis(500), Duration::from_secs(2)];

/// Undo what a run of apply did: documents, attachments, fields and absences as they were before
#[derive(Debug, Args)]
pub struct RollbackArgs {
    /// The run, as `orgward runs list` names it, or `last` (`last~1`, ...) for the last apply (the one before, ...)
    #[arg(value_name = "RUN")]
    run: String,
    #[command(flatten)]
    lockout: LockoutArgs,
    /// Show the plan of the way back and stop
    #[arg(long)]
    dry_run: bool,
    /// Write that plan to a file that `orgward apply FILE` runs, and stop; one that is there is replaced
    #[arg(long, alias = "output", value_name = "FILE")]
    out: Option<PathBuf>,
    /// Form of the plan
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// Do not ask for the organization's id
    #[arg(long, short)]
    yes: bool,
    /// Confirm what --yes does not cover: a root target, a detach, hard expiry; repeatable
    #[arg(long = "confirm", value_name = "TARGET_ID")]
    confirm: Vec<String>,
    /// Who approved it, for the journal
    #[arg(long, value_name = "NAME")]
    approver: Option<String>,
    /// The ticket it belongs to, for the journal
    #[arg(long, value_name = "ID")]
    ticket: Option<String>,
    /// Undo what can be undone, even if something can't
    #[arg(long)]
    allow_partial: bool,
    /// Go on with independent changes after a failure
    #[arg(long)]
    keep_going: bool,
    #[command(flatten)]
    connection: ConnectionArgs,
}

/// Runs the command.
pub async fn run(args: &RollbackArgs, ui: &Ui, cancel: &CancellationToken) -> Outcome {
    if let Some(path) = &args.out {
        store::check_writable(path).map_err(Failure::error)?;
    }
    let settings = args.connection.settings()?;
    lockout::check(&settings)?;
    let state = StateDir::open(&settings.state_dir).map_err(Failure::error)?;
    let named = past::of_kind(&state, &args.run, "apply", |manifest| manifest.command == "apply")?;
    let (id, organization) = (named.id().clone(), named.manifest().organization.clone());
    let environment = Environment::real();
    let sessions = environment.connect(&settings).await?;
    let _lock = carry::lock(&state, &organization, "rollback", sessions.clock().now(), ui)?;
    let run = past::run(&state, &id)?;
    if undone(&run, ui)? {
        return Ok(Exit::Clean);
    }
    let mut past = Past::read(run, ui)?;
    let survey = past.survey(&sessions, ui, cancel).await?;
    let mut way_back = plan_back(&past, &sessions, &survey.org, ui).await;
    way_back.relied_on = relied_on(&survey.org, &way_back);
    lockout::guard(&mut way_back, &survey.org, &settings, &args.lockout)?;
    show(&way_back, &survey.org, args.format, ui)?;
    if let Some(path) = &args.out {
        plan::write(&way_back, path, ui)?;
    }
    let exit = plan::exit(&way_back, false, args.allow_partial);
    if args.dry_run || args.out.is_some() {
        return Ok(exit);
    }
    match exit {
        Exit::Clean if way_back.is_empty() => {
            ui.say(&format!("Run {id} changed nothing that is still there: nothing to undo"));
            return Ok(Exit::Clean);
        }
        Exit::Clean => {}
        Exit::Incomplete => {
            let fix = "mend it by hand, or pass --allow-partial to undo the rest";
            let message = format!("not everything can be undone; {fix}; nothing was changed");
            return Err(Failure::new(Exit::Incomplete, message));
        }
        refused => return Err(Failure::new(refused, "the way back can't be applied; nothing was changed")),
    }
    delegated::check(&sessions, &way_back, &survey.org, ui).await?;
    confirm(&way_back, args.yes, &args.confirm, ui)?;
    let how = How { keep_going: args.keep_going, approver: args.approver.as_deref(), ticket: args.ticket.as_deref() };
    let work = Work { sessions: &sessions, settings: &settings, plan: &way_back, org: &survey.org, ui, cancel };
    undo(&state, &work, &mut past.run, &how).await
}

/// Carries a way back out in a run of its own that names the run it undoes, and is named by it. The lock must be held.
///
/// # Errors
/// If the run can't be written: then nothing was changed.
pub async fn undo(state: &StateDir, work: &Work<'_>, undone: &mut Run, how: &How<'_>) -> Outcome {
    let run = carry::begin(state, work, "rollback", Some(undone.id()))?;
    undone.set_undone_by(run.id(), false).map_err(Failure::error)?;
    resume::finish(state, work, run, how).await
}

/// Carries out a way back that was saved: its run undoes the other as that of `orgward rollback` does. The lock must be held.
///
/// # Errors
/// If that run was undone already, or went on since: then the file is not its way back. Nothing was changed.
pub async fn saved(state: &StateDir, work: &Work<'_>, id: &str, how: &How<'_>) -> Outcome {
    let id = past::id(id)?;
    if !past::is_kept(state, &id)? {
        work.ui.warn(&format!("run `{id}`, which this undoes, is not kept here: `orgward runs` can't tell it there"));
        let run = carry::begin(state, work, "rollback", Some(&id))?;
        return resume::finish(state, work, run, how).await;
    }
    let mut run = past::run(state, &id)?;
    if undone(&run, work.ui)? {
        return Ok(Exit::Clean);
    }
    let last = run.read_journal().map_err(Failure::error)?.entries.last().map(|entry| entry.at);
    if let Some(at) = last.filter(|at| *at > work.plan.as_of) {
        let made = work.plan.as_of;
        let message = format!(
            "run `{id}` went on at {at}, after this way back was made ({made}): make it again with `orgward rollback {id} --out FILE`"
        );
        return Err(Failure::new(Exit::Refused, message));
    }
    undo(state, work, &mut run, how).await
}

/// Undoes a rollout that stopped, because its playbook asks for it. The plan that was confirmed says so.
///
/// # Errors
/// If the run can't be read or its way back can't be written down.
pub async fn after_stop(state: &StateDir, work: &Work<'_>, id: &RunId, exit: Exit, how: &How<'_>) -> Outcome {
    let mut past = Past::read(past::run(state, id)?, work.ui)?;
    let mut way_back = plan_back(&past, work.sessions, work.org, work.ui).await;
    lockout::guard(&mut way_back, work.org, work.settings, &LockoutArgs::default())?;
    if let Some(refusal) = way_back.refusals.first() {
        work.ui.warn(&format!("the way back is refused, nothing is undone: {}: {}", refusal.step, refusal.message));
        return Ok(exit);
    }
    if !way_back.complete() {
        work.ui.warn("not everything can be undone, so nothing is: see `orgward rollback --dry-run`");
        return Ok(exit);
    }
    if way_back.is_empty() {
        return Ok(exit);
    }
    let back = Work { plan: &way_back, ..*work };
    match undo(state, &back, &mut past.run, how).await? {
        Exit::Clean => Ok(Exit::RolledBack),
        other => Ok(other),
    }
}

/// Whether it is undone already, which is said.
fn undone(run: &Run, ui: &Ui) -> Result<bool, Failure> {
    let (id, manifest) = (run.id(), run.manifest());
    if let Some(other) = &manifest.undoes {
        let message = format!(
            "run `{id}` is itself the rollback of `{other}`: go on with it (`orgward resume {id}`), or make a new plan"
        );
        return Err(Failure::usage([message]));
    }
    if manifest.status == RunStatus::RolledBack {
        let by = manifest.undone_by.as_ref().map(|by| format!(" by run {by}")).unwrap_or_default();
        ui.data(&ui.out.entry("", &format!("Run {id} was rolled back{by}: nothing is left to undo")))?;
        return Ok(true);
    }
    Ok(false)
}

/// The plan that undoes a run. Whatever may or may not have happened is read first, with the role that only looks.
pub async fn plan_back(past: &Past, sessions: &Sessions, org: &OrgFacts, ui: &Ui) -> Plan {
    let uncertain = past.progress.uncertain();
    if !uncertain.is_empty() {
        ui.say(&format!("Reading back {} changes whose outcome is not certain ...", uncertain.len()));
    }
    let world = World::new(sessions, org, Purpose::Audit);
    let reads = uncertain.into_iter().map(|index| {
        let world = &world;
        async move {
            let change = past.plan.changes.get(index)?;
            let mut seen = world.read(&change.address).await;
            for wait in AGAIN {
                if !execute::same(present(&seen), change.before.as_ref()) {
                    break;
                }
                tokio::time::sleep(wait).await;
                seen = world.read(&change.address).await;
            }
            Some((index, seen))
        }
    });
    let found: BTreeMap<usize, Observed<Doc>> =
        stream::iter(reads).buffer_unordered(8).filter_map(std::future::ready).collect().await;
    let undo = Undo {
        run: past.run.id().as_str(),
        caller_arn: &org.organization.caller_arn,
        now: sessions.clock().now(),
        found: &found,
    };
    execute::rollback(&past.plan, &past.progress, &undo)
}

fn present(seen: &Observed<Doc>) -> Option<&Doc> {
    match seen {
        Observed::Present { value, .. } => Some(value),
        Observed::Absent { .. } | Observed::Unknown { .. } => None,
    }
}

fn show(plan: &Plan, org: &OrgFacts, format: Format, ui: &Ui) -> Result<(), Failure> {
    let (text, digest) = store::plan_text(plan).map_err(Failure::error)?;
    ui.data(&match format {
        Format::Text => plan_text::render(plan, Some(org), &digest, ui.out),
        Format::Json => text,
    })
}
