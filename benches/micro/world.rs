//! What the small measurements share: a sandbox whose answers are recorded and replayed, sessions into it, and what they found.
//!
//! Owns: making the world that is measured in. Must not: measure.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::missing_panics_doc,
    reason = "a bench may stop at what it does not expect"
)]

#[path = "../replay.rs"]
mod replay;

use aws_smithy_runtime_api::client::http::SharedHttpClient;
use orgward::aws::{Clock, Quotas, SessionSettings, Sessions, StaticCredentials};
use orgward::checks::Selection;
use orgward::collect::{self, CollectOptions, Wanted};
use orgward::model::{AccountFacts, AccountId, OrgFacts};
use orgward::sandbox::generate::{self, Population};
use orgward::sandbox::{Sandbox, Scenario, scenario};
use replay::Replay;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::Runtime;
use tokio_util::sync::CancellationToken;

/// A sandbox, sessions into it, and what they found.
#[derive(Debug)]
pub struct World {
    /// One thread.
    pub runtime: Runtime,
    /// Into every account.
    pub sessions: Sessions,
    /// The organization.
    pub org: OrgFacts,
    /// Everything of one member.
    pub facts: AccountFacts,
}

impl World {
    /// A sandbox without quotas or latency, asked once for everything.
    pub fn new() -> Self {
        let population = Population { users: (50, 50), roles: (100, 100), policies: (60, 60) };
        let sandbox = Sandbox::with_latency(Scenario::sized(20, 11).with_population(population), Duration::ZERO);
        sandbox.set_quotas(false);
        sandbox.with(|org| {
            let requested_at = org.now - jiff::SignedDuration::from_mins(1);
            let accounts: Vec<AccountId> = org.members.keys().cloned().collect();
            let asked = orgward::sandbox::state::ReportRequest { requested_at, max_password_age: None };
            org.reports = accounts.into_iter().map(|account| (account, asked)).collect();
        });
        let http = Replay::over(sandbox.http_client());
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let (sessions, org, facts) = runtime.block_on(found(&http, sandbox.credentials()));
        Self { runtime, sessions, org, facts }
    }
}

impl Default for World {
    fn default() -> Self {
        Self::new()
    }
}

/// Sessions without quotas, the organization, and everything of one member.
async fn found(
    http: &SharedHttpClient,
    (access_key_id, secret): (String, String),
) -> (Sessions, OrgFacts, AccountFacts) {
    let settings = SessionSettings {
        role_name: generate::AUDIT_ROLE.to_owned(),
        external_id: Some(generate::AUDIT_EXTERNAL_ID.into()),
        region: Some(Scenario::small().home),
        credentials: Some(StaticCredentials { access_key_id, secret_access_key: secret.into(), session_token: None }),
        ..SessionSettings::default()
    };
    let mut services: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    let calls = collect::CATALOG.iter().flat_map(|source| source.calls).chain(collect::ENTERING);
    for (service, operation) in calls.filter_map(|call| call.split_once(':')) {
        services.entry(service).or_default().insert(operation);
    }
    let free = services.into_iter().map(|(service, operations)| {
        let operations = operations.into_iter().collect::<Vec<_>>().join(", ");
        let group = format!("{{ name: free, operations: [{operations}], rate: 100000, burst: 100000 }}");
        format!("  {service}:\n    groups: [{group}]\n")
    });
    let text = format!("version: 1\nservices:\n{}", free.collect::<String>());
    let quotas = Quotas::embedded().with_overrides("bench", &text).unwrap();
    let clock = Clock::virtual_from(scenario::EPOCH);
    let sessions = Sessions::connect(http.clone(), clock, settings, quotas).await.unwrap();
    let (wanted, cancel) = (Wanted::of(Selection::all().facts()), CancellationToken::new());
    let org = collect::organization_facts(&sessions, true, &wanted, &cancel).await.unwrap();
    let account = [Scenario::sized(20, 11).account("audit").unwrap().id.clone()];
    let options = CollectOptions { wanted, ..CollectOptions::default() };
    let mut facts = None;
    let mut take = |seen| facts = Some(seen);
    collect::each_account(&sessions, &org, &account, &options, &cancel, Arc::new(()), &mut take).await;
    (sessions, org, facts.unwrap())
}
