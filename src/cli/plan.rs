//! `orgward plan`: exactly what playbooks would change, and nothing done.

use super::args::{ConnectionArgs, ScopeArgs, key_value};
use super::connect::Environment;
use super::delegated;
use super::exit::{Exit, Failure, Outcome};
use super::lockout::{self, Ground, LockoutArgs};
use super::notify::{NotifyArgs, Told};
use super::past;
use super::plan_from;
use super::simulate;
use super::survey::{self, Survey};
use super::ui::Ui;
use crate::aws::Sessions;
use crate::collect::Wanted;
use crate::config::Settings;
use crate::lockout::relied_on;
use crate::model::scope::RegionRequest;
use crate::model::{Plan, os_words};
use crate::playbook::{self, Limits, PlanContext, Planner, Playbook, Values};
use crate::policy;
use crate::report::plan_text;
use crate::store::{self, StateDir};
use clap::{Args, ValueEnum};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use tokio_util::sync::CancellationToken;

/// Show exactly what playbooks would change (dry run)
#[derive(Debug, Args)]
pub struct PlanArgs {
    #[command(flatten)]
    connection: ConnectionArgs,
    #[command(flatten)]
    scope: ScopeArgs,
    #[command(flatten)]
    playbooks: PlaybookArgs,
    #[command(flatten)]
    lockout: LockoutArgs,
    /// Plan from the facts that the audit RUN keeps, with nothing asked of AWS; an id, `last`, or the directory of a run
    #[arg(long, value_name = "RUN", conflicts_with = "simulate")]
    from: Option<String>,
    /// Write the plan to a file that `orgward apply FILE` runs; one that is there is replaced
    #[arg(long, alias = "output", value_name = "FILE")]
    out: Option<PathBuf>,
    /// Form of the output
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// Exit with 5 if the plan has changes
    #[arg(long)]
    detailed_exitcode: bool,
    /// Hold the lock-out proof against AWS's policy simulator as well
    #[arg(long)]
    simulate: bool,
    /// Do not exit with 4 when something could not be planned for
    #[arg(long)]
    allow_partial: bool,
    #[command(flatten)]
    notify: NotifyArgs,
}

/// Forms of the output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people
    Text,
    /// The plan file itself
    Json,
}

/// Which playbooks, with which values.
#[derive(Debug, Clone, Args)]
pub struct PlaybookArgs {
    /// Playbook: a YAML file, or the name of a shipped one (`orgward playbooks`)
    #[arg(required = true, value_name = "PLAYBOOK")]
    pub playbooks: Vec<String>,
    /// Value of a playbook's parameter; a list with commas between; repeatable
    #[arg(long = "set", value_name = "NAME=VALUE", value_parser = key_value)]
    pub values: Vec<(String, String)>,
}

impl PlaybookArgs {
    /// Loads every playbook.
    ///
    /// # Errors
    /// Every mistake in every playbook at once; a value for a parameter that none declares.
    pub fn load(&self, settings: &Settings) -> Result<Vec<Playbook>, Failure> {
        let mut given: Values = BTreeMap::new();
        for (name, value) in &self.values {
            if given.insert(name.clone(), value.clone()).is_some() {
                return Err(Failure::usage([format!("--set {name} is given twice, keep one")]));
            }
        }
        let mut values = given.clone();
        values.extend(role_values(settings));
        let limits = limits(settings)?;
        let mut playbooks = Vec::new();
        let mut errors = Vec::new();
        for name in &self.playbooks {
            match playbook::find(name, &values, &limits) {
                Ok(playbook) => playbooks.push(playbook),
                Err(error) => errors.push(error.to_string()),
            }
        }
        if errors.is_empty() {
            let declared = playbooks.iter().flat_map(|playbook| playbook.parameters.iter());
            errors.extend(playbook::undeclared(declared, &given));
        }
        if errors.is_empty() { Ok(playbooks) } else { Err(Failure::usage(errors)) }
    }
}

/// AWS's limits, with the user's figures over the published ones.
fn limits(settings: &Settings) -> Result<Limits, Failure> {
    let embedded = policy::Quotas::embedded();
    let Some(path) = &settings.policy_quotas_file else { return Ok(Limits::of(embedded)) };
    let name = path.display().to_string();
    let text = std::fs::read_to_string(path)
        .map_err(|error| Failure::usage([format!("policy quotas `{name}` can't be read: {}", os_words(&error))]))?;
    let quotas = embedded.clone().with_overrides(&name, &text).map_err(|error| Failure::usage([error]))?;
    Ok(Limits::of(&quotas))
}

/// The names of orgward's own roles, which shipped documents exempt.
pub fn role_values(settings: &Settings) -> Values {
    BTreeMap::from([
        ("audit_role".to_owned(), settings.role_name.clone()),
        ("apply_role".to_owned(), settings.apply_role_name.clone()),
    ])
}

/// A plan with what it was made from.
pub struct Planned {
    /// The organization and scope.
    pub survey: Survey,
    /// The plan.
    pub plan: Plan,
    /// `sha256:<hex>` of the plan file.
    pub digest: String,
}

/// Enumerates, collects what the playbooks need, and plans.
///
/// # Errors
/// If the organization or scope can't be resolved, a target does not exist, or the run is interrupted: half a plan is
/// no plan.
pub async fn make(
    sessions: &Sessions,
    lockout: &LockoutArgs,
    (settings, scope, playbooks): (&Settings, &ScopeArgs, &[Playbook]),
    ui: &Ui,
    cancel: &CancellationToken,
) -> Result<Planned, Failure> {
    let tags = playbooks.iter().filter_map(|playbook| playbook.rollout.as_ref()).any(|rollout| rollout.needs_tags());
    let survey = survey::survey_with(sessions, scope, (tags, &Wanted::of_a_plan()), ui, cancel).await?;
    let mut planner = planner(playbooks, &survey, settings)?;
    let needed: Vec<_> = planner.accounts_needed().into_iter().collect();
    if !needed.is_empty() {
        let on_facts = &mut |facts: crate::model::AccountFacts| planner.account(&facts);
        let look = (settings, scope, &Wanted::of(Planner::FACTS));
        survey::collect_each(sessions, &survey.org, &needed, look, ui, cancel, on_facts).await;
    }
    let plan = planner.finish();
    if cancel.is_cancelled() {
        return Err(Failure::new(Exit::Interrupted, "interrupted before the plan was complete; nothing was changed"));
    }
    proved(plan, survey, lockout, (settings, scope))
}

/// What plans playbooks on an organization.
///
/// # Errors
/// If a target does not exist, or the limits can't be used.
pub(super) fn planner<'p>(
    playbooks: &'p [Playbook],
    survey: &'p Survey,
    settings: &Settings,
) -> Result<Planner<'p>, Failure> {
    playbook::check_targets(playbooks, &survey.org).map_err(|errors| Failure::usage([errors]))?;
    let context = PlanContext {
        caller_arn: survey.org.organization.caller_arn.clone(),
        audit_role_name: settings.role_name.clone(),
        apply_role_name: settings.apply_role_name.clone(),
    };
    Ok(Planner::new(playbooks, &survey.org, &survey.scope, context).limits(limits(settings)?))
}

/// A plan with its proof and its digest.
///
/// # Errors
/// If the file of protected principals can't be used.
pub(super) fn proved(
    mut plan: Plan,
    survey: Survey,
    lockout: &LockoutArgs,
    (settings, scope): (&Settings, &ScopeArgs),
) -> Result<Planned, Failure> {
    plan.relied_on = relied_on(&survey.org, &plan);
    if let RegionRequest::Only(regions) = &scope.regions {
        plan.regions.clone_from(regions);
    }
    lockout::guard(&mut plan, &survey.org, settings, lockout)?;
    let digest = store::plan_digest(&plan).map_err(Failure::error)?;
    Ok(Planned { survey, plan, digest })
}

/// Runs the command.
pub async fn run(args: &PlanArgs, ui: &Ui, cancel: &CancellationToken) -> Outcome {
    if let Some(path) = &args.out {
        store::check_writable(path).map_err(Failure::error)?;
    }
    let settings = args.connection.settings_with(|flags| flags.notify.clone_from(&args.notify.notify))?;
    let told = Told::of(&settings)?;
    lockout::check(&settings)?;
    let playbooks = args.playbooks.load(&settings)?;
    if let Some(from) = &args.from {
        let state = StateDir::open(&settings.state_dir).map_err(Failure::error)?;
        let run = past::snapshot(&state, from)?;
        let planned = plan_from::make(&run, &args.lockout, (&settings, &args.scope, &playbooks), ui)?;
        show(&planned, args.format, ui)?;
        save(&planned, args.out.as_deref(), ui)?;
        let exit = exit(&planned.plan, args.detailed_exitcode, args.allow_partial);
        told.plan(&planned, exit, None, ui).await;
        return Ok(exit);
    }
    let environment = Environment::real();
    let sessions = environment.connect(&settings).await?;
    let mut planned = make(&sessions, &args.lockout, (&settings, &args.scope, &playbooks), ui, cancel).await?;
    if args.simulate {
        let regions = planned.plan.regions.clone();
        let ground = Ground { settings: &settings, regions: &regions, args: &args.lockout };
        simulate::ask(&mut planned, &ground, &sessions, ui, cancel).await?;
        planned.digest = store::plan_digest(&planned.plan).map_err(Failure::error)?;
    }
    show(&planned, args.format, ui)?;
    delegated::warn(&planned.plan, &planned.survey.org, ui);
    ui.say(&survey::stats(&sessions).to_string());
    save(&planned, args.out.as_deref(), ui)?;
    let exit = exit(&planned.plan, args.detailed_exitcode, args.allow_partial);
    told.plan(&planned, exit, Some(&sessions), ui).await;
    Ok(exit)
}

/// Writes the plan where it was asked for.
///
/// # Errors
/// If it can't be written.
pub fn save(planned: &Planned, out: Option<&Path>, ui: &Ui) -> Result<(), Failure> {
    if let Some(path) = out {
        write(&planned.plan, path, ui)?;
    }
    Ok(())
}

/// Writes a plan, and says how to go on with it.
///
/// # Errors
/// If it can't be written.
pub fn write(plan: &Plan, path: &Path, ui: &Ui) -> Result<(), Failure> {
    store::write_plan(path, plan).map_err(Failure::error)?;
    let path = path.display();
    ui.say(&if plan.applyable() && plan.complete() {
        format!("Plan written to {path}; run it with: orgward apply {path}")
    } else if plan.applyable() {
        format!("Plan written to {path}; it is not complete: orgward apply takes it with --allow-partial only")
    } else {
        format!("Plan written to {path} to be read; it is refused as it is")
    });
    Ok(())
}

/// Prints the plan.
///
/// # Errors
/// If stdout can't be written.
pub fn show(planned: &Planned, format: Format, ui: &Ui) -> Result<(), Failure> {
    let text = match format {
        Format::Text => plan_text::render(&planned.plan, Some(&planned.survey.org), &planned.digest, ui.out),
        Format::Json => store::plan_text(&planned.plan).map_err(Failure::error)?.0,
    };
    ui.data(&text)
}

/// The exit code of a plan.
pub fn exit(plan: &Plan, detailed: bool, allow_partial: bool) -> Exit {
    if !plan.applyable() {
        Exit::Refused
    } else if !plan.complete() && !allow_partial {
        Exit::Incomplete
    } else if detailed && !plan.is_empty() {
        Exit::Changes
    } else {
        Exit::Clean
    }
}
