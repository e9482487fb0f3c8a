//! What audit, plan, apply and demo share: enumerate, resolve the scope, collect, check.

use super::args::{ScopeArgs, regions_in_words};
use super::exit::{Exit, Failure};
use super::progress::AuditProgress;
use super::ui::Ui;
use crate::aws::Sessions;
use crate::checks::Thresholds;
use crate::collect::{self, CollectOptions, Wanted};
use crate::config::Settings;
use crate::model::scope::{RegionRequest, Scope};
use crate::model::{self, AccountFacts, AccountId, OrgFacts};
use crate::report::text::plain;
use crate::report::{RunStats, org_tree};
use jiff::Timestamp;
use std::fmt::Display;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

/// The organization and the scope within it.
pub struct Survey {
    /// The organization.
    pub org: OrgFacts,
    /// Who has verdicts.
    pub scope: Scope,
    /// When it was begun: nothing of it is older.
    pub since: Timestamp,
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
    let (request, since) = (args.request(), sessions.clock().now());
    ui.say("Enumerating the organization ...");
    let tags = tags || !request.tags.is_empty();
    let org = collect::organization_facts(sessions, tags, wanted, cancel).await.map_err(|error| {
        let exit = if cancel.is_cancelled() { Exit::Interrupted } else { Exit::Error };
        Failure::new(exit, error)
    })?;
    let wrong = request.regions.unknown(&org);
    if !wrong.is_empty() {
        return Err(no_such_regions(wrong));
    }
    let scope = Scope::resolve(&request, &org).map_err(Failure::usage)?;
    say_scope(&org, &scope, &request.regions, ui);
    Ok(Survey { org, scope, since })
}

/// Says who is in scope, and whose log group is read besides; warns of a caller whom SCPs bind.
pub fn say_scope(org: &OrgFacts, scope: &Scope, regions: &RegionRequest, ui: &Ui) {
    if let Some(caller) = org.organization.delegated_caller() {
        ui.warn(&format!(
            "the caller is delegated administrator {}, and not the management account {}: service control policies apply to it \
             and can deny it what they can't deny the management account, which is entered through its role like a member",
            named(org, &caller),
            org.organization.management_account
        ));
    }
    ui.say(&org_tree::scope(org, scope, &regions_in_words(regions)));
    for monitoring in &org.monitoring {
        let owner = &monitoring.log_group.account;
        if !scope.contains(owner) {
            ui.say(&format!("Account {owner} is out of scope but owns the organization trail's log group: its filters and alarms are read"));
        }
    }
}

/// An account with its name.
fn named(org: &OrgFacts, account: &AccountId) -> String {
    org.accounts.get(account).map_or_else(|| account.to_string(), |known| format!("{account} ({})", plain(&known.name)))
}

/// Refuses Regions that the partition does not have, each with the nearest one that it has.
pub fn no_such_regions<R: Display>(wrong: impl IntoIterator<Item = (R, Option<R>)>) -> Failure {
    Failure::usage(wrong.into_iter().map(|(region, near)| match near {
        Some(near) => format!("there is no Region `{region}`, did you mean `{near}`?"),
        None => format!("there is no Region `{region}`"),
    }))
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
///
/// # Errors
/// If a threshold is out of its range.
pub fn thresholds(settings: &Settings) -> Result<Thresholds, Failure> {
    let place =
        |name: &str| settings.threshold_places.get(name).map_or("thresholds in the config file", String::as_str);
    let mut wrong = Vec::new();
    for (name, value) in &settings.thresholds {
        let alone = serde_json::json!({ name.as_str(): value });
        match serde_json::from_value::<Thresholds>(alone) {
            Ok(one) => wrong.extend(one.problems().into_iter().map(|why| format!("{}: {why}", place(name)))),
            Err(error) => wrong.push(format!("{}: {}", place(name), nearest_threshold(name, &error.to_string()))),
        }
    }
    if !wrong.is_empty() {
        return Err(Failure::usage(wrong));
    }
    let given = serde_json::to_value(&settings.thresholds).map_err(Failure::error)?;
    let numbers: Thresholds = serde_json::from_value(given).map_err(Failure::error)?;
    Ok(Thresholds { root_email_patterns: settings.root_email_patterns.clone(), ..numbers })
}

/// What serde says of a threshold, with the nearest that there is.
fn nearest_threshold(name: &str, error: &str) -> String {
    let known = error.split_once("expected one of ").map_or("", |(_, known)| known);
    let near = model::nearest(name, known.split(", ").map(|word| word.trim_matches('`')), 0.0);
    match (near, error.contains("unknown field")) {
        (Some(near), true) => {
            format!("there is no threshold `{}`, did you mean `{near}`?", name.escape_debug())
        }
        _ => format!("`{}`: {error}", name.escape_debug()),
    }
}
