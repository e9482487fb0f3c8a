//! `orgward org`: the tree of the organization.

use super::args::{ConnectionArgs, ScopeArgs};
use super::connect::Environment;
use super::exit::{Exit, Failure, Outcome};
use super::survey;
use super::ui::{Ui, pretty};
use crate::aws::Sessions;
use crate::collect::{self, Wanted};
use crate::model::address::shown_endpoint;
use crate::model::check::Fact;
use crate::model::{Cause, CauseKind, Observed, OrgFacts};
use crate::report::org_tree;
use crate::report::text::plain;
use crate::store::{self, Enumerated};
use clap::{Args, ValueEnum};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use tokio_util::sync::CancellationToken;

/// Print the tree of OUs and accounts, with the SCPs attached to each
#[derive(Debug, Args)]
pub struct OrgArgs {
    #[command(flatten)]
    connection: ConnectionArgs,
    #[command(flatten)]
    scope: ScopeArgs,
    /// Form of the output
    #[arg(long, value_enum, default_value_t = Format::Tree)]
    format: Format,
    /// Write the whole organization, whatever the scope, to a file for `orgward audit --org FILE --shard I/N`. It is private:
    /// it holds addresses of root users, policies, and endpoints of subscriptions. One that is there is replaced
    #[arg(long, alias = "output", value_name = "FILE", conflicts_with = "format")]
    out: Option<PathBuf>,
    /// Also ask for the tags of every account, one call each, for `--tag` and custom checks
    #[arg(long, requires = "out")]
    account_tags: bool,
}

/// Forms of the output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people
    Tree,
    /// Every fact that was enumerated, as JSON
    Json,
}

/// Runs the command.
pub async fn run(args: &OrgArgs, ui: &Ui, cancel: &CancellationToken) -> Outcome {
    if let Some(path) = &args.out {
        store::check_writable(path).map_err(Failure::error)?;
    }
    let settings = args.connection.settings()?;
    let sessions = Environment::real().connect(&settings).await?;
    if let Some(path) = &args.out {
        return write(path, args, &sessions, ui, cancel).await;
    }
    let wanted = match args.format {
        Format::Tree => Wanted::of_a_plan(),
        Format::Json => Wanted::of(of_organization()),
    };
    let mut survey = survey::survey_with(&sessions, &args.scope, (false, &wanted), ui, cancel).await?;
    hide_endpoints(&mut survey.org);
    let text = match args.format {
        Format::Tree => org_tree::render(&survey.org, ui.out),
        Format::Json => {
            let document = serde_json::json!({
                "format": "orgward.org", "version": 1, "organization": survey.org, "scope": survey.scope,
            });
            pretty(&document)?
        }
    };
    ui.data(&text)?;
    Ok(Exit::Clean)
}

fn of_organization() -> impl Iterator<Item = Fact> {
    Fact::ALL.into_iter().filter(|fact| fact.of_organization())
}

/// Enumerates everything that an audit reads of the organization and writes it to a file. The scope is resolved, so that a
/// word that names nothing is found before any shard starts, but cuts nothing.
async fn write(path: &Path, args: &OrgArgs, sessions: &Sessions, ui: &Ui, cancel: &CancellationToken) -> Outcome {
    let wanted = Wanted::of(of_organization());
    let survey = survey::survey_with(sessions, &args.scope, (args.account_tags, &wanted), ui, cancel).await?;
    let mut org = survey.org;
    org.services.analyzers = collect::organization_analyzers(sessions, &org, &args.scope.regions, cancel).await;
    if cancel.is_cancelled() {
        return Err(Failure::new(Exit::Interrupted, "interrupted: no organization file was written"));
    }
    let asked = Enumerated {
        regions: args.scope.regions.clone(),
        tags: args.account_tags || !args.scope.tags.is_empty(),
        facts: of_organization().collect(),
    };
    let written = store::write_org(path, env!("CARGO_PKG_VERSION"), &asked, &org).map_err(Failure::error)?;
    for (cause, count) in untold(&org) {
        ui.warn(&format!("unknown in the file, and so in every shard ({count}): {}", plain(&cause)));
    }
    ui.say(&format!(
        "Organization of {} accounts written to {}: {} bytes, {}",
        org.accounts.len(),
        path.display(),
        written.bytes,
        written.digest
    ));
    Ok(Exit::Clean)
}

/// Why something that was asked for could not be told, and how often.
fn untold(org: &OrgFacts) -> BTreeMap<String, usize> {
    let services = &org.services;
    let policies = org.policies.values();
    let parts = policies
        .clone()
        .filter_map(Observed::value)
        .flatten()
        .flat_map(|policy| [policy.content.cause(), policy.targets.cause(), policy.tags.cause()]);
    let trails = org.organization_trails.value().into_iter().flatten();
    let causes = parts
        .chain(policies.map(Observed::cause))
        .chain(trails.flat_map(|trail| [trail.status.cause(), trail.selectors.cause()]))
        .chain(org.accounts.values().map(|account| account.tags.cause()))
        .chain(org.monitoring.iter().flat_map(|chain| [chain.filters.cause(), chain.alarms.cause()]))
        .chain(services.delegated.values().map(Observed::cause))
        .chain(services.analyzers.values().map(Observed::cause))
        .chain([
            org.regions.cause(),
            org.delegated_administrators.cause(),
            org.organization_trails.cause(),
            services.root_features.cause(),
            services.trusted.cause(),
            services.billing_alarms.cause(),
            services.budgets.cause(),
        ]);
    let mut counts = BTreeMap::new();
    let asked = |cause: &&Cause| !matches!(cause.kind, CauseKind::NotCollected | CauseKind::OptIn);
    causes.flatten().filter(asked).for_each(|cause| *counts.entry(cause.to_string()).or_default() += 1);
    counts
}

/// Webhooks among the subscriptions carry their key in the URL.
fn hide_endpoints(org: &mut OrgFacts) {
    let watched = org.monitoring.iter_mut().flat_map(|monitoring| monitoring.subscriptions.values_mut());
    let billed = match &mut org.services.billing_alarms {
        Observed::Present { value, .. } => Some(&mut value.subscriptions),
        _ => None,
    };
    for seen in watched.chain(billed.into_iter().flat_map(|subscriptions| subscriptions.values_mut())) {
        if let Observed::Present { value, .. } = seen {
            value.iter_mut().for_each(|subscription| subscription.endpoint = shown_endpoint(&subscription.endpoint));
        }
    }
}
