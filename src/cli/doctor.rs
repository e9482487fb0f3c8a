//! `orgward doctor`: what stands between here and a first audit or roll-out, with the command that mends each of it.
//!
//! Owns: what is asked, in which order, and what is measured meanwhile; `crate::doctor` judges. Must not: write anything, to AWS
//! or to the state directory.

mod pace;
#[cfg(test)]
mod tests;
mod text;

use super::args::{ConnectionArgs, ScopeArgs, key_value};
use super::audit;
use super::connect::Environment;
use super::delegated;
use super::exit::{Exit, Failure, Outcome};
use super::permissions;
use super::select::{SelectArgs, Selected};
use super::survey;
use super::ui::{Ui, pretty};
use crate::aws::{Dates, Purpose, Sessions};
use crate::checks::Thresholds;
use crate::collect::{self, CollectOptions, Wanted};
use crate::config::{DEFAULT_APPLY_ROLE, DEFAULT_ROLE, Settings};
use crate::doctor::{self, Diagnosis, Doctor, Entry, Ground, Line, Probe, Section};
use crate::grants::{self, Needs};
use crate::model::check::Fact;
use crate::model::scope::{RegionRequest, Scope};
use crate::model::{AccountFacts, AccountId, CauseKind, OrgFacts};
use crate::playbook::{Planner, Playbook};
use crate::store::StateDir;
use clap::{Args, ValueEnum};
use futures::{StreamExt, stream};
use pace::Timed;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

/// Look at everything an audit or roll-out rests on, and tell what mends each problem; nothing is changed
#[derive(Debug, Args)]
pub struct DoctorArgs {
    #[command(flatten)]
    connection: ConnectionArgs,
    #[command(flatten)]
    scope: ScopeArgs,
    #[command(flatten)]
    select: SelectArgs,
    /// Also evaluate whether what this playbook writes is allowed: a YAML file, or the name of a shipped one; repeatable
    #[arg(long = "playbook", value_name = "PLAYBOOK", help_heading = "Playbooks")]
    playbooks: Vec<String>,
    /// Value of a playbook's parameter; repeatable
    #[arg(long = "set", value_name = "NAME=VALUE", value_parser = key_value, requires = "playbooks", help_heading = "Playbooks")]
    values: Vec<(String, String)>,
    /// Also assume each audit role without its ExternalId, which has to fail. Only if asked for: each denial is an unauthorized
    /// call in CloudTrail, which alarms count; without it the trust policies are read
    #[arg(long)]
    probe_external_id: bool,
    /// Form of the output
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

/// Forms of the output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people
    Text,
    /// For machines: versioned (`orgward schema doctor`)
    Json,
}

/// Roles that are assumed at once without their ExternalId.
const PROBES_AT_ONCE: usize = 16;

/// Runs the command.
pub async fn run(args: &DoctorArgs, ui: &Ui, cancel: &CancellationToken) -> Outcome {
    let settings = args.connection.settings()?;
    let chosen = Chosen::of(args, &settings)?;
    let (memory, machine) = match StateDir::open(&settings.state_dir) {
        Ok(state) => {
            let text = format!("runs are kept in {}", settings.state_dir.display());
            (audit::remembered(&state, ui), Line::ok(Section::Machine, "state_dir", text))
        }
        Err(why) => (Default::default(), no_state(&settings, &why.to_string())),
    };
    let environment = Environment { memory, ..Environment::real() };
    let diagnosis = diagnose(environment, &settings, (args, &chosen), machine, ui, cancel).await?;
    let text = match args.format {
        Format::Text => text::render(&diagnosis, settings.share, ui.out),
        Format::Json => pretty(&diagnosis)?,
    };
    ui.data(&text)?;
    Ok(exit(&diagnosis))
}

/// The exit code: what could not be told outranks what is in the way.
fn exit(diagnosis: &Diagnosis) -> Exit {
    match diagnosis.summary {
        summary if summary.unknown > 0 => Exit::Incomplete,
        summary if summary.problems > 0 => Exit::Findings,
        _ => Exit::Clean,
    }
}

fn no_state(settings: &Settings, why: &str) -> Line {
    let fix = format!(
        "chmod 700 {0} # or name another: --state-dir",
        doctor::shell(&settings.state_dir.display().to_string())
    );
    Line::problem(Section::Machine, "state_dir", format!("runs can't be kept: {why}"), fix)
}

/// What the flags choose, read before anything is asked.
struct Chosen {
    selected: Selected,
    playbooks: Vec<Playbook>,
    wanted: Wanted,
    thresholds: Thresholds,
}

impl Chosen {
    fn of(args: &DoctorArgs, settings: &Settings) -> Result<Self, Failure> {
        let selected = args.select.resolve()?;
        let playbooks = permissions::playbooks(&args.playbooks, &args.values, settings)?;
        let mut wanted = selected.wanted.clone();
        if !playbooks.is_empty() {
            // Whose policies are evaluated has to be read.
            wanted = wanted.and(Wanted::of_a_plan().facts()).and(Planner::FACTS).and(Needs::EVALUATED);
        }
        Ok(Self { selected, playbooks, wanted, thresholds: survey::thresholds(settings)? })
    }
}

/// Asks, measures and judges.
async fn diagnose(
    environment: Environment,
    settings: &Settings,
    (args, chosen): (&DoctorArgs, &Chosen),
    machine: Line,
    ui: &Ui,
    cancel: &CancellationToken,
) -> Result<Diagnosis, Failure> {
    let dates = Dates::new(environment.clock.clone());
    let (as_of, learned) = (environment.clock.now(), environment.memory.limits().len());
    let environment = Environment { http: dates.over(environment.http.clone()), ..environment };
    let profile = settings.profile.as_deref();
    let sessions = match environment.try_connect(settings).await? {
        Ok(sessions) => sessions,
        Err(cause)
            if cause.kind == CauseKind::NoCertificates
                || ["credentials", "sts:GetCallerIdentity"].contains(&cause.operation.as_str()) =>
        {
            let mut lines = vec![doctor::unconnected(&cause, profile), machine];
            lines.extend(dates.ahead().map(|ahead| doctor::clock(Some(ahead))));
            return Ok(Diagnosis::new(as_of, None, None, lines));
        }
        Err(cause) => return Err(Failure::usage([cause])),
    };
    ui.say("Enumerating the organization ...");
    let request = args.scope.request();
    let tags = chosen.selected.selection.wants_tags() || !request.tags.is_empty();
    let began = sessions.clock().elapsed();
    let caller = sessions.caller();
    let mut org = match collect::organization_facts(&sessions, tags, &chosen.wanted, cancel).await {
        Ok(org) => org,
        Err(_) if cancel.is_cancelled() => return Err(interrupted()),
        Err(error) => {
            let signed_in = Line::ok(Section::Caller, "caller", format!("signed in as {}", caller.arn));
            let lines = vec![signed_in, doctor::refused(&error, profile), doctor::clock(dates.ahead()), machine];
            return Ok(Diagnosis::new(as_of, Some(caller.arn.clone()), None, lines));
        }
    };
    let wrong = request.regions.unknown(&org);
    if !wrong.is_empty() {
        return Err(survey::no_such_regions(wrong));
    }
    let scope = Scope::resolve(&request, &org).map_err(Failure::usage)?;
    let enumerated = sessions.clock().elapsed().saturating_sub(began);
    if chosen.wanted.has(Fact::OrganizationAnalyzers) {
        let home = RegionRequest::Only(vec![sessions.home_region().clone()]);
        org.services.analyzers = collect::organization_analyzers(&sessions, &org, &home, cancel).await;
    }
    let look = Look { sessions: &sessions, settings, args, chosen, org, scope, ui, cancel };
    let (mut lines, mut measured) = look.around().await?;
    measured.enumerated = enumerated;
    lines.push(doctor::clock(dates.ahead()));
    lines.push(machine);
    let id = look.org.organization.id.clone();
    let mut diagnosis = Diagnosis::new(as_of, Some(caller.arn.clone()), Some(id), lines);
    diagnosis.rates = pace::rates(&sessions);
    diagnosis.learned_limits = learned;
    diagnosis.estimate = measured.estimate(&sessions, settings.max_concurrency, look.org.ous.len());
    Ok(diagnosis)
}

fn interrupted() -> Failure {
    Failure::new(Exit::Interrupted, "interrupted before everything was looked at; nothing was changed")
}

/// A look at an organization that is enumerated.
struct Look<'a> {
    sessions: &'a Sessions,
    settings: &'a Settings,
    args: &'a DoctorArgs,
    chosen: &'a Chosen,
    org: OrgFacts,
    scope: Scope,
    ui: &'a Ui,
    cancel: &'a CancellationToken,
}

impl Look<'_> {
    /// The caller's own account in every Region, then every member in the home Region: what differs between Regions does not
    /// differ between members, but for what policies say, and those are evaluated.
    async fn around(&self) -> Result<(Vec<Line>, pace::Measured), Failure> {
        let Self { sessions, org, scope, ui, cancel, .. } = self;
        let caller = sessions.caller().account.clone();
        let home = RegionRequest::Only(vec![sessions.home_region().clone()]);
        let mut doctor = Doctor::new(self.ground(org));
        let mut measured = pace::Measured::default();
        ui.say("Looking at the caller's account in every Region ...");
        let timed = self.collect(std::slice::from_ref(&caller), &self.args.scope.regions, &mut doctor).await;
        measured.caller = timed.0;
        measured.regions = timed.1;
        let members: Vec<AccountId> = scope.accounts.iter().filter(|id| **id != caller).cloned().collect();
        measured.accounts = scope.accounts.len();
        if !members.is_empty() {
            ui.say(&format!(
                "Looking at {} in {} ...",
                crate::report::text::count(members.len(), "member"),
                sessions.home_region()
            ));
            measured.members = self.collect(&members, &home, &mut doctor).await.0;
        }
        if self.args.probe_external_id {
            self.probe(&mut doctor).await;
        }
        if cancel.is_cancelled() {
            return Err(interrupted());
        }
        let mut lines = doctor.lines();
        lines.extend(self.delegation(&doctor).await);
        Ok((lines, measured))
    }

    /// Whether a delegated administrator may write the organization's policies, as the delegation policy says.
    async fn delegation(&self, doctor: &Doctor<'_>) -> Option<Line> {
        let organization = &self.org.organization;
        let caller = organization.delegated_caller()?;
        let wanted = doctor.organization_writes();
        if wanted.is_empty() {
            return None;
        }
        let missing = delegated::missing(self.sessions, &caller, wanted).await;
        Some(doctor::delegation(missing, &caller, &organization.management_account))
    }

    fn ground<'o>(&self, org: &'o OrgFacts) -> Ground<'o> {
        let Self { sessions, settings, chosen, args, .. } = self;
        let organization = &org.organization;
        let management = Some(organization.management_account.clone());
        let names = permissions::names(settings, &organization.partition, management, organization.delegated_caller());
        let needs = permissions::needs(settings, chosen.selected.wanted.facts()).and_playbooks(&chosen.playbooks);
        let (checks, playbooks) = flags(args);
        Ground {
            org,
            account: sessions.caller().account.clone(),
            arn: sessions.caller().arn.clone(),
            global: sessions.base().global_region(),
            regions: args.scope.regions.clone(),
            selection: chosen.selected.selection.clone(),
            thresholds: chosen.thresholds.clone(),
            grants: grants::grants(&needs, &names),
            playbooks: chosen.playbooks.len(),
            checks,
            chosen: playbooks,
        }
    }

    fn entry(&self, account: &AccountId) -> Entry {
        Entry {
            audit: self.sessions.role_arn(account, Purpose::Audit),
            apply: self.sessions.role_arn(account, Purpose::Apply),
            apply_external_id: self.sessions.external_id(account, Purpose::Apply),
        }
    }

    /// Collects accounts and has the doctor look at each; what it took, and in how many Regions the last was looked at.
    async fn collect(
        &self,
        accounts: &[AccountId],
        regions: &RegionRequest,
        doctor: &mut Doctor<'_>,
    ) -> (pace::Taken, usize) {
        let Self { sessions, settings, chosen, org, ui, cancel, .. } = self;
        let options = CollectOptions {
            regions: regions.clone(),
            wanted: chosen.wanted.clone(),
            max_concurrency: settings.max_concurrency,
            ..CollectOptions::default()
        };
        let timed = Arc::new(Timed::new(ui, sessions));
        collect::Progress::total(&*timed, accounts.len(), true);
        let before = sessions.stats().calls;
        let mut seen = 1;
        let mut look = |facts: AccountFacts| {
            seen = facts.watchers.len().max(1);
            doctor.account(&facts, &self.entry(&facts.account));
        };
        let told = Arc::clone(&timed);
        timed.beside(collect::each_account(sessions, org, accounts, &options, cancel, told, &mut look)).await;
        (timed.taken(sessions.stats().calls.saturating_sub(before)), seen)
    }

    /// Assumes every audit role that could be assumed, without its ExternalId.
    async fn probe(&self, doctor: &mut Doctor<'_>) {
        self.ui.say("Assuming each audit role without its ExternalId ...");
        let tried = stream::iter(doctor.entered().clone()).map(|account| async move {
            let probe = match self.sessions.enters_without_external_id(&account).await {
                Ok(Some(true)) => Some(Probe::LetIn),
                Ok(Some(false)) => Some(Probe::KeptOut),
                Ok(None) => None,
                Err(cause) => Some(Probe::Untold(cause)),
            };
            (account, probe)
        });
        let mut tried = std::pin::pin!(tried.buffer_unordered(PROBES_AT_ONCE).take_until(self.cancel.cancelled()));
        while let Some((account, probe)) = tried.next().await {
            if let Some(probe) = probe {
                doctor.probed(&account, &self.entry(&account), &probe);
            }
        }
    }
}

/// The flags of `permissions` and `bootstrap` that say what doctor was asked, ready for a shell, each with a blank before it:
/// those that choose checks and roles, and those that choose playbooks.
fn flags(args: &DoctorArgs) -> (String, String) {
    let asked = args.select.asked();
    let connection = &args.connection;
    let flag = |name: &str, value: &str| format!(" --{name} {}", doctor::shell(value));
    let path = |path: &std::path::PathBuf| path.display().to_string();
    let mut checks = String::new();
    checks.extend(connection.config.iter().map(|file| flag("config", &path(file))));
    let other = |given: &&String, usual: &str| given.as_str() != usual;
    let audit = connection.role_name.iter().filter(|name| other(name, DEFAULT_ROLE));
    checks.extend(audit.map(|name| flag("role-name", name)));
    let apply = connection.apply_role_name.iter().filter(|name| other(name, DEFAULT_APPLY_ROLE));
    checks.extend(apply.map(|name| flag("apply-role-name", name)));
    checks.extend(asked.frameworks.iter().map(|name| flag("framework", name)));
    checks.extend((!asked.checks.is_empty()).then(|| flag("checks", &asked.checks.join(","))));
    checks.extend(asked.severity.map(|least| flag("severity", least.as_str())));
    checks.extend(asked.deep.then(|| " --deep".to_owned()));
    checks.extend(asked.events.map(|days| format!(" --events {days}")));
    checks.extend(asked.checks_dir.iter().map(|folder| flag("checks-dir", &path(folder))));
    let mut playbooks = String::new();
    playbooks.extend(args.playbooks.iter().map(|name| flag("playbook", name)));
    playbooks.extend(args.values.iter().map(|(name, value)| flag("set", &format!("{name}={value}"))));
    (checks, playbooks)
}
