//! What audit, plan, apply and demo share: enumerate, resolve the scope, collect, check.

use super::args::{ScopeArgs, regions_in_words};
use super::exit::{Exit, Failure};
use super::progress::AuditProgress;
use super::select::Selected;
use super::ui::Ui;
use crate::aws::Sessions;
use crate::checks::{Thresholds, frameworks};
use crate::collect::{self, CollectOptions, Wanted};
use crate::config::Settings;
use crate::model::check::{CheckMeta, Fact};
use crate::model::framework::JudgedFramework;
use crate::model::scope::{RegionRequest, Scope};
use crate::model::{AccountFacts, AccountId, Finding, OrgFacts, Tally};
use crate::report::{Audit, RunStats, org_tree};
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

/// The organization and the scope within it.
pub struct Survey {
    /// The organization.
    pub org: OrgFacts,
    /// Who has verdicts.
    pub scope: Scope,
}

/// Enumerates the organization and resolves the scope, which is shown before anything else.
///
/// # Errors
/// If the organization can't be enumerated, or the scope names what is not there.
pub async fn survey(
    sessions: &Sessions,
    args: &ScopeArgs,
    ui: &Ui,
    cancel: &CancellationToken,
) -> Result<Survey, Failure> {
    survey_with(sessions, args, (false, &Wanted::of_a_plan()), ui, cancel).await
}

/// The same; `tags`: with the tags of every account, whether or not the scope asks for any; `wanted`: with these facts, and
/// no others, beyond the tree.
///
/// # Errors
/// As [`survey`].
pub async fn survey_with(
    sessions: &Sessions,
    args: &ScopeArgs,
    (tags, wanted): (bool, &Wanted),
    ui: &Ui,
    cancel: &CancellationToken,
) -> Result<Survey, Failure> {
    let request = args.request();
    ui.say("Enumerating the organization ...");
    let tags = tags || !request.tags.is_empty();
    let org = collect::organization_facts(sessions, tags, wanted, cancel).await.map_err(|error| {
        let exit = if cancel.is_cancelled() { Exit::Interrupted } else { Exit::Error };
        Failure::new(exit, error)
    })?;
    check_regions(&request.regions, &org)?;
    let scope = Scope::resolve(&request, &org).map_err(Failure::usage)?;
    ui.say(&org_tree::scope(&org, &scope, &regions_in_words(&request.regions)));
    for monitoring in &org.monitoring {
        let owner = &monitoring.log_group.account;
        if !scope.contains(owner) {
            ui.say(&format!("Account {owner} is out of scope but owns the organization trail's log group: its filters and alarms are read"));
        }
    }
    Ok(Survey { org, scope })
}

/// Refuses Regions that the partition does not have.
fn check_regions(regions: &RegionRequest, org: &OrgFacts) -> Result<(), Failure> {
    let RegionRequest::Only(named) = regions else { return Ok(()) };
    let wrong = org.unknown_regions(named);
    if wrong.is_empty() {
        return Ok(());
    }
    Err(Failure::usage(wrong.into_iter().map(|(region, near)| match near {
        Some(near) => format!("there is no Region `{region}`, did you mean `{near}`?"),
        None => format!("there is no Region `{region}`"),
    })))
}

/// Collects the wanted facts of `accounts`, handing each account's facts over as they arrive.
pub async fn collect_each(
    sessions: &Sessions,
    org: &OrgFacts,
    accounts: &[AccountId],
    (settings, args, wanted): (&Settings, &ScopeArgs, &Wanted),
    ui: &Ui,
    cancel: &CancellationToken,
    on_facts: &mut dyn FnMut(AccountFacts),
) {
    let options = CollectOptions {
        regions: args.regions.clone(),
        wanted: wanted.clone(),
        max_concurrency: settings.max_concurrency,
        ..CollectOptions::default()
    };
    let progress = Arc::new(AuditProgress::new(ui, sessions));
    progress.tree(org.ous.len());
    progress.listed();
    collect::Progress::total(&*progress, accounts.len(), true);
    let told = Arc::clone(&progress);
    progress.beside(collect::each_account(sessions, org, accounts, &options, cancel, told, on_facts)).await;
}

/// An audit's outcome.
pub struct Audited {
    /// The organization and scope.
    pub survey: Survey,
    /// The checks that ran, in catalogue order.
    pub checks: Vec<&'static CheckMeta>,
    /// One finding for each cell, in the order of reports.
    pub findings: Vec<Finding>,
    /// What was counted of them.
    pub tally: Tally,
    /// What the findings say of each framework that was asked for.
    pub frameworks: Vec<JudgedFramework<'static>>,
    /// What it cost.
    pub stats: RunStats,
    /// Whether it was cut short.
    pub interrupted: bool,
}

impl Audited {
    /// As a report takes it.
    pub fn report(&self) -> Audit<'_> {
        Audit {
            org: &self.survey.org,
            scope: &self.survey.scope,
            checks: &self.checks,
            findings: &self.findings,
            tally: &self.tally,
            frameworks: &self.frameworks,
            stats: self.stats,
            interrupted: self.interrupted,
        }
    }
}

/// Enumerates, collects every account in scope and runs the selected checks on it.
///
/// # Errors
/// If the organization or the scope can't be resolved. An account that can't be read is a row, not an error.
pub async fn audit(
    sessions: &Sessions,
    settings: &Settings,
    args: &ScopeArgs,
    selected: &Selected,
    ui: &Ui,
    cancel: &CancellationToken,
) -> Result<Audited, Failure> {
    let thresholds = thresholds(settings)?;
    let wanted = &selected.wanted;
    let mut survey = survey_with(sessions, args, (selected.selection.wants_tags(), wanted), ui, cancel).await?;
    if wanted.has(Fact::OrganizationAnalyzers) {
        let analyzers = collect::organization_analyzers(sessions, &survey.org, &args.regions, cancel).await;
        survey.org.services.analyzers = analyzers;
    }
    if !selected.frameworks.is_empty() && matches!(args.regions, RegionRequest::Only(_)) {
        ui.warn("controls that ask for every Region are judged by the Regions named with --regions alone");
    }
    let mut findings = selected.selection.organization(&survey.org, &thresholds);
    let org = &survey.org;
    collect_each(sessions, org, &survey.scope.accounts, (settings, args, wanted), ui, cancel, &mut |facts| {
        findings.extend(selected.selection.account(org, &facts, &thresholds));
    })
    .await;
    // Accounts arrive as they are done; reports list them in one order, always.
    findings.sort_by(Finding::in_order);
    let tally = Tally::of(&findings);
    Ok(Audited {
        checks: selected.selection.metas(),
        frameworks: selected.frameworks.iter().map(|framework| frameworks::judge(framework, &tally)).collect(),
        findings,
        tally,
        stats: stats(sessions),
        interrupted: cancel.is_cancelled(),
        survey,
    })
}

/// What the sessions spent so far.
pub fn stats(sessions: &Sessions) -> RunStats {
    let stats = sessions.stats();
    RunStats {
        calls: stats.calls,
        attempts: stats.attempts,
        throttled: stats.throttled,
        waited_ms: u64::try_from(stats.waited.as_millis()).unwrap_or(u64::MAX),
    }
}

/// Thresholds from the config file over CIS defaults.
fn thresholds(settings: &Settings) -> Result<Thresholds, Failure> {
    let given = serde_json::to_value(&settings.thresholds).map_err(Failure::error)?;
    let numbers: Thresholds = serde_json::from_value(given)
        .map_err(|error| Failure::usage([format!("thresholds in the config file: {error}")]))?;
    let thresholds = Thresholds { root_email_patterns: settings.root_email_patterns.clone(), ..numbers };
    let problems = thresholds.problems();
    if problems.is_empty() { Ok(thresholds) } else { Err(Failure::usage(problems)) }
}
