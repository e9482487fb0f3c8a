//! An AWS organization inside the process: the real wire formats of the services orgward calls, and AWS's rules.
//!
//! Owns: the [`Sandbox`] handle and what requests pass on their way to a handler. A request is taken apart by
//! `dispatch`, its caller found by `auth`, held against `gate` (published quotas), `faults` and `access` (policies),
//! decoded by `wire`, answered by a [`Handler`] in `services`, and encoded again. Must not: know orgward's own modules beyond `model`,
//! `policy` and `pattern`; allow what it can't evaluate (it answers 501); answer for an operation it does not have.

mod access;
mod auth;
mod connector;
mod dispatch;
mod error;
pub mod faults;
mod gate;
pub mod generate;
pub mod input;
pub mod log;
pub mod org;
pub mod page;
pub mod scenario;
mod server;
pub mod services;
pub mod state;
pub mod states;
#[cfg(test)]
mod tests;
pub mod wire;
pub mod workload;

pub use auth::Caller;
pub use error::ApiError;
pub use faults::{Fault, FaultKind, Faults};
pub use gate::Load;
pub use log::{LoggedRequest, Tally};
pub use org::{Event, Member, Org, OrgInfo, Population};
pub use scenario::Scenario;
pub use workload::{Act, Actor};

use crate::model::AccountId;
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use serde_json::Value;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// What answers one operation: members in and out carry AWS's names, whatever the protocol. An operation that AWS models
/// without output answers null, which is not the same as an output without members.
///
/// # Errors
/// An [`ApiError`] that each protocol encodes as its service does.
pub type Handler = fn(&mut Org, &Caller, Value) -> Result<Value, ApiError>;

/// A handle on one sandbox organization. Clones share it.
#[derive(Clone)]
pub struct Sandbox {
    inner: Arc<Inner>,
}

/// What the clones of a handle share.
struct Inner {
    org: Mutex<Org>,
    gate: Mutex<gate::Gate>,
    faults: Faults,
    log: log::RequestLog,
    latency: Duration,
    /// Requests so far; request ids come from it.
    served: std::sync::atomic::AtomicU64,
    credentials: (String, String),
    account: AccountId,
}

impl Sandbox {
    /// The time an in-process request takes unless a fault says otherwise.
    pub const LATENCY: Duration = Duration::from_millis(50);

    /// A sandbox around an organization, or around what builds one (a `Scenario`).
    pub fn new(org: impl Into<Org>) -> Self {
        Self::with_latency(org, Self::LATENCY)
    }

    /// The same with another latency of in-process requests.
    pub fn with_latency(org: impl Into<Org>, latency: Duration) -> Self {
        let mut org = org.into();
        let credentials = org.first_key();
        let account = org.info.management_account.clone();
        let faults = Faults::new(org.seed);
        for fault in std::mem::take(&mut org.faults) {
            faults.add(fault);
        }
        Self {
            inner: Arc::new(Inner {
                org: Mutex::new(org),
                gate: Mutex::new(gate::Gate::new(&account)),
                faults,
                log: log::RequestLog::default(),
                latency,
                served: std::sync::atomic::AtomicU64::new(0),
                credentials,
                account,
            }),
        }
    }

    /// The access key id and the secret of the operator in the management account, or in the member that orgward is run from.
    pub fn credentials(&self) -> (String, String) {
        self.inner.credentials.clone()
    }

    /// The access key id and the secret of the operator in an account, if it has one.
    pub fn operator_of(&self, account: &AccountId) -> Option<(String, String)> {
        let org = self.org();
        let of_account = org.keys.iter().find(|(_, key)| {
            &key.account == account && key.arn.ends_with(&format!("user/{}", generate::OPERATOR_USER))
        });
        of_account.map(|(id, key)| (id.clone(), key.secret.clone()))
    }

    /// The management account.
    pub fn management_account(&self) -> AccountId {
        self.inner.account.clone()
    }

    /// An HTTP client that reaches the sandbox without a socket. Any host name goes.
    pub fn http_client(&self) -> SharedHttpClient {
        connector::http_client(self.clone())
    }

    /// Answers one request as a client of [`Sandbox::http_client`] gets it.
    ///
    /// # Errors
    /// If a fault breaks the connection, or the body can't be read.
    pub async fn answer(&self, request: HttpRequest) -> Result<HttpResponse, ConnectorError> {
        connector::answer(self, request).await
    }

    /// Serves the sandbox over HTTP/1.1 until `stop` is cancelled.
    ///
    /// # Errors
    /// If the listener fails.
    pub async fn serve(&self, listener: TcpListener, stop: CancellationToken) -> std::io::Result<()> {
        server::serve(self.clone(), listener, stop).await
    }

    /// The faults in force: add and clear them here.
    pub fn faults(&self) -> &Faults {
        &self.inner.faults
    }

    /// Switches the published quotas off (or on again), for tests that are not about them.
    pub fn set_quotas(&self, enforced: bool) {
        self.gate().off = !enforced;
    }

    /// Every request that reached the sandbox so far, in order of arrival.
    pub fn requests(&self) -> Vec<LoggedRequest> {
        self.inner.log.all()
    }

    /// From now on requests are counted and not kept, nor the events that CloudTrail would have of them: what a run over
    /// thousands of accounts asks for would outweigh everything else in the process.
    pub fn only_count(&self) {
        self.inner.log.only_count();
        let mut org = self.org();
        org.keeps_events = false;
        org.events = Vec::new();
    }

    /// How many requests there were so far.
    pub fn tally(&self) -> Tally {
        self.inner.log.tally()
    }

    /// What the published quotas and the limits of faults let through so far, in the busiest bucket of each group, the one
    /// that needs the longest first. Those of quotas are missing while they are switched off.
    pub fn loads(&self) -> Vec<Load> {
        self.gate().loads()
    }

    /// Forgets the requests logged and counted so far; what the buckets gave is not forgotten.
    pub fn forget_requests(&self) {
        self.inner.log.clear();
    }

    /// Reads or changes the organization behind AWS's back. The clock is set to now first.
    pub fn with<R>(&self, act: impl FnOnce(&mut Org) -> R) -> R {
        let mut org = self.org();
        org.tick();
        act(&mut org)
    }

    fn org(&self) -> MutexGuard<'_, Org> {
        self.inner.org.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn gate(&self) -> MutexGuard<'_, gate::Gate> {
        self.inner.gate.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Sandbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sandbox").field("management_account", &self.inner.account).finish_non_exhaustive()
    }
}
