//! `orgward apply`: carries out a saved plan, or plans and carries out playbooks.

use super::args::{ConnectionArgs, ScopeArgs};
use super::carry::{self, How, Work};
use super::confirm::confirm;
use super::connect::Environment;
use super::delegated;
use super::exit::{Exit, Failure, Outcome};
use super::lockout::{self, Ground, LockoutArgs};
use super::notify::{NotifyArgs, Told};
use super::plan::{self, Planned, PlaybookArgs};
use super::saved;
use super::simulate;
use super::ui::Ui;
use super::{resume, rollback};
use crate::aws::Sessions;
use crate::config::Settings;
use crate::store::{self, StateDir};
use clap::Args;
use std::path::PathBuf;
use tokio_util::sync::CancellationToken;

/// Carry out a saved plan, or plan playbooks and carry that out
#[derive(Debug, Args)]
pub struct ApplyArgs {
    #[command(flatten)]
    connection: ConnectionArgs,
    #[command(flatten)]
    scope: ScopeArgs,
    #[command(flatten)]
    playbooks: PlaybookArgs,
    #[command(flatten)]
    lockout: LockoutArgs,
    /// Stop after the plan: the same as `orgward plan`
    #[arg(long)]
    dry_run: bool,
    /// With --dry-run: write the plan to a file
    #[arg(long, alias = "output", value_name = "FILE", requires = "dry_run")]
    out: Option<PathBuf>,
    /// With --dry-run: exit with 5 if the plan has changes
    #[arg(long, requires = "dry_run")]
    detailed_exitcode: bool,
    /// With --dry-run: hold the lock-out proof against AWS's policy simulator as well
    #[arg(long, requires = "dry_run")]
    simulate: bool,
    /// Do not ask for the organization's id
    #[arg(long, short)]
    yes: bool,
    /// Confirm what --yes does not cover: a root target, a detach, hard expiry; repeatable
    #[arg(long = "confirm", value_name = "TARGET_ID")]
    confirm: Vec<String>,
    /// Apply a plan that could not cover everything
    #[arg(long)]
    allow_partial: bool,
    /// Go on with independent changes after a failure
    #[arg(long)]
    keep_going: bool,
    /// Apply only the plan with this digest: the one that was approved
    #[arg(long, value_name = "sha256:...")]
    expect_digest: Option<String>,
    /// Of a saved plan that is stale, apply what still fits and what that needs
    #[arg(long)]
    still_valid: bool,
    /// Who approved the plan; kept in the journal
    #[arg(long, value_name = "WHO")]
    approver: Option<String>,
    /// The change ticket; kept in the journal
    #[arg(long, value_name = "TICKET")]
    ticket: Option<String>,
    #[command(flatten)]
    notify: NotifyArgs,
}

/// Runs the command.
pub async fn run(args: &ApplyArgs, ui: &Ui, cancel: &CancellationToken) -> Outcome {
    if let Some(path) = &args.out {
        store::check_writable(path).map_err(Failure::error)?;
    }
    let settings = args.connection.settings_with(|flags| flags.notify.clone_from(&args.notify.notify))?;
    let told = Told::of(&settings)?;
    lockout::check(&settings)?;
    if !args.dry_run {
        // A journal that can't be kept is found now, not after the last question.
        StateDir::open(&settings.state_dir).map_err(Failure::error)?;
    }
    let environment = Environment::real();
    let saved = saved::read(&args.playbooks)?;
    if saved.is_some() && args.scope.request() != ScopeArgs::default().request() {
        let message = "a saved plan is applied whole: make it again with the scope you want";
        return Err(Failure::usage([message]));
    }
    let playbooks = if saved.is_none() { args.playbooks.load(&settings)? } else { Vec::new() };
    let sessions = environment.connect(&settings).await?;
    let is_saved = saved.is_some();
    let mut planned = match saved {
        Some(plan) => {
            saved::reopen(plan, &sessions, &args.lockout, (&settings, &args.scope, args.still_valid), ui, cancel)
                .await?
        }
        None => plan::make(&sessions, &args.lockout, (&settings, &args.scope, &playbooks), ui, cancel).await?,
    };
    if args.simulate {
        let regions = planned.plan.regions.clone();
        let ground = Ground { settings: &settings, regions: &regions, args: &args.lockout };
        simulate::ask(&mut planned, &ground, &sessions, ui, cancel).await?;
        // A saved plan keeps the digest it was approved by.
        if !is_saved {
            planned.digest = store::plan_digest(&planned.plan).map_err(Failure::error)?;
        }
    }
    plan::show(&planned, plan::Format::Text, ui)?;
    saved::expected(args.expect_digest.as_deref(), &planned)?;
    if args.dry_run {
        plan::save(&planned, args.out.as_deref(), ui)?;
        let exit = plan::exit(&planned.plan, args.detailed_exitcode, args.allow_partial);
        told.plan(&planned, exit, Some(&sessions), ui).await;
        return Ok(exit);
    }
    match plan::exit(&planned.plan, false, args.allow_partial) {
        Exit::Clean => {}
        Exit::Incomplete => {
            let fix = "mend what could not be planned for, narrow the scope, or pass --allow-partial";
            return Err(Failure::new(
                Exit::Incomplete,
                format!("the plan is not complete; {fix}; nothing was changed"),
            ));
        }
        refused => return Err(Failure::new(refused, "the plan can't be applied; nothing was changed")),
    }
    if planned.plan.is_empty() {
        return Ok(Exit::Clean);
    }
    delegated::check(&sessions, &planned.plan, &planned.survey.org, ui).await?;
    confirm(&planned.plan, args.yes, &args.confirm, ui)?;
    let how = How { keep_going: args.keep_going, approver: args.approver.as_deref(), ticket: args.ticket.as_deref() };
    let exit = execute(&sessions, &settings, &planned, &how, ui, cancel).await?;
    told.apply(&planned, exit, &sessions, ui).await;
    Ok(exit)
}

/// Carries a plan out under the organization's lock, with a journal in a new run.
///
/// # Errors
/// If the state directory can't be used, or another orgward works on this organization or did since the survey: before anything
/// is changed.
pub async fn execute(
    sessions: &Sessions,
    settings: &Settings,
    planned: &Planned,
    how: &How<'_>,
    ui: &Ui,
    cancel: &CancellationToken,
) -> Outcome {
    let state = StateDir::open(&settings.state_dir).map_err(Failure::error)?;
    let lock = carry::lock(&state, &planned.plan.organization, "apply", sessions.clock().now(), ui)?;
    carry::nothing_since(&state, &lock, &planned.plan.organization, planned.survey.since)?;
    let work = Work { sessions, settings, plan: &planned.plan, org: &planned.survey.org, ui, cancel };
    let exit = match &work.plan.undoes {
        Some(undone) => rollback::saved(&state, &work, undone, how).await?,
        None => resume::finish(&state, &work, carry::begin(&state, &work, "apply", None)?, how).await?,
    };
    drop(lock);
    Ok(exit)
}
