//! One measured run: a sandbox, sessions into it, the audit, and what both sides counted.
//!
//! Owns: driving orgward's library under virtual time. Must not: judge what it measures.

use crate::far::{Far, Told};
use crate::job::{Job, Kind};
use crate::machine;
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use orgward::audit;
use orgward::aws::{Clock, Quotas, SessionSettings, Sessions, StaticCredentials};
use orgward::checks::{Selection, Thresholds};
use orgward::collect::{self, CollectOptions, Wanted};
use orgward::model::exemption::Exemptions;
use orgward::model::{AccountFacts, AccountId, CauseKind, Finding, OrgFacts, Verdict};
use orgward::report::Findings;
use orgward::sandbox::{Scenario, generate, scenario};
use orgward::store::StateDir;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// Seconds until every bucket is full again.
const IDLE: Duration = Duration::from_secs(900);

/// What one run came to. Times are virtual but for the CPU's.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Measured {
    pub accounts: usize,
    /// Seconds from the first call to the last finding.
    pub makespan: f64,
    /// What reached AWS.
    pub sandbox: Told,
    /// Accounts in scope without a finding, and findings.
    pub missing: usize,
    pub findings: usize,
    /// Findings that could not be told because of throttling or time: what was lost.
    pub lost: usize,
    /// MiB of this process: before anything, at the most.
    pub empty: f64,
    pub peak: f64,
    pub cpu_seconds: f64,
    pub wall_seconds: f64,
    pub bytes_on_disk: u64,
}

/// Runs a job in this process.
///
/// # Errors
/// If the sandbox can't be reached or enumerated.
pub fn measure(job: &Job) -> Result<Measured, String> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()
        .map_err(|error| error.to_string())?;
    runtime.block_on(measured(job))
}

async fn measured(job: &Job) -> Result<Measured, String> {
    let empty = machine::resident();
    let far = Far::start(job)?;
    let (wall, cpu) = (std::time::Instant::now(), machine::cpu_seconds());
    let mut start = Instant::now();
    let audit = Audit::new(connect(&far).await?)?;
    let outcome = match job.kind {
        Kind::Audit => audit.everyone().await?,
        Kind::Alone => {
            let org = audit.organization().await?;
            tokio::time::sleep(IDLE).await;
            start = Instant::now();
            audit.last(&org).await
        }
    };
    Ok(Measured {
        accounts: job.accounts,
        makespan: start.elapsed().as_secs_f64(),
        sandbox: far.tell()?,
        missing: outcome.missing,
        findings: outcome.findings,
        lost: outcome.lost,
        empty,
        peak: machine::peak(),
        cpu_seconds: machine::cpu_seconds() - cpu,
        wall_seconds: wall.elapsed().as_secs_f64(),
        bytes_on_disk: outcome.bytes_on_disk,
    })
}

/// Into the sandbox as its owner.
pub fn settings((access_key_id, secret): (String, String)) -> SessionSettings {
    SessionSettings {
        role_name: generate::AUDIT_ROLE.to_owned(),
        external_id: Some(generate::AUDIT_EXTERNAL_ID.into()),
        region: Some(Scenario::small().home),
        credentials: Some(StaticCredentials { access_key_id, secret_access_key: secret.into(), session_token: None }),
        ..SessionSettings::default()
    }
}

async fn connect(far: &Far) -> Result<Sessions, String> {
    let (clock, http) = (Clock::virtual_from(scenario::EPOCH), SharedHttpClient::new(far.clone()));
    let sessions = Sessions::connect(http, clock, settings(far.tell()?.credentials), Quotas::embedded()).await;
    sessions.map_err(|cause| format!("the sandbox can't be reached: {cause}"))
}

/// An audit with every check, kept in a folder of its own.
struct Audit {
    sessions: Sessions,
    selection: Selection,
    options: CollectOptions,
    folder: tempfile::TempDir,
    cancel: CancellationToken,
}

#[derive(Debug, Default)]
struct Outcome {
    missing: usize,
    findings: usize,
    lost: usize,
    bytes_on_disk: u64,
}

impl Audit {
    fn new(sessions: Sessions) -> Result<Self, String> {
        let selection = Selection::all();
        let options = CollectOptions { wanted: Wanted::of(selection.facts()), ..CollectOptions::default() };
        let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
        Ok(Self { sessions, selection, options, folder, cancel: CancellationToken::new() })
    }

    /// Every account, through the run store, and each finding read back as a report reads it.
    async fn everyone(&self) -> Result<Outcome, String> {
        let checks = self.selection.metas().iter().map(|meta| meta.id.to_owned()).collect();
        let job = audit::Job::new(
            scenario::EPOCH,
            self.sessions.home_region().clone(),
            audit::Asked::default(),
            checks,
            String::new(),
        );
        let request = audit::Request {
            job,
            selection: self.selection.clone(),
            thresholds: Thresholds::default(),
            options: self.options.clone(),
            keep_facts: false,
            known: None,
            exemptions: Exemptions::default(),
        };
        let state = StateDir::open(&self.folder.path().join("state")).map_err(|error| error.to_string())?;
        let begin = audit::Begin::Enumerating;
        let audited = audit::run(&self.sessions, request, &state, begin, Arc::new(()), &self.cancel).await;
        let audited = audited.map_err(|error| format!("the audit failed: {error}"))?;
        let findings = audit::RunFindings::open(&audited.run).map_err(|error| error.to_string())?;
        let (mut outcome, mut seen) = (Outcome::default(), BTreeSet::new());
        let read = findings.each(&mut |finding: &Finding| {
            outcome.findings += 1;
            let cause = finding.cause.as_ref().filter(|_| finding.verdict == Verdict::Unknown);
            outcome.lost += usize::from(cause.is_some_and(|cause| lost(cause.kind)));
            if let Some(account) = finding.target.account().filter(|account| !seen.contains(*account)) {
                seen.insert(account.clone());
            }
            Ok(())
        });
        read.map_err(|error| error.to_string())?;
        outcome.missing = audited.scope.accounts.iter().filter(|account| !seen.contains(*account)).count();
        outcome.bytes_on_disk = machine::bytes_in(self.folder.path());
        Ok(outcome)
    }

    /// The organization, for an account by itself.
    async fn organization(&self) -> Result<OrgFacts, String> {
        let (wanted, tags) = (&self.options.wanted, self.selection.wants_tags());
        let org = collect::organization_facts(&self.sessions, tags, wanted, &self.cancel).await;
        org.map_err(|error| format!("the organization can't be enumerated: {error}"))
    }

    /// The last account that can be entered.
    async fn last(&self, org: &OrgFacts) -> Outcome {
        let open = org.accounts.values().filter(|account| account.state.why_not_audited().is_none());
        let last: Vec<AccountId> = open.map(|account| account.id.clone()).next_back().into_iter().collect();
        let mut missing = last.len();
        let mut take = |_: AccountFacts| missing -= 1;
        collect::each_account(&self.sessions, org, &last, &self.options, &self.cancel, Arc::new(()), &mut take).await;
        Outcome { missing, ..Outcome::default() }
    }
}

/// Whether a cause is that AWS was asked too much, or gave no answer in time.
fn lost(kind: CauseKind) -> bool {
    matches!(kind, CauseKind::Throttled | CauseKind::TimedOut | CauseKind::Unreachable)
}
