//! The one bounded fan-out over accounts.
//!
//! Owns: a task for each account, what comes back and in which order, and what ends it all. Must not: know what is collected
//! from one account, or keep what came back.

use super::account::{Room, Run};
use super::feed::ListedAccount;
use super::slots::Slot;
use super::wanted::Wanted;
use crate::aws::Sessions;
use crate::model::account::AccountFacts;
use crate::model::ids::AccountId;
use crate::model::observed::Cause;
use crate::model::org::{OrgFacts, OrgServices};
use crate::model::scope::RegionRequest;
use futures::{Stream, StreamExt, stream};
use std::collections::BTreeMap;
use std::fmt;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::{JoinError, JoinSet};
use tokio_util::sync::CancellationToken;

/// How accounts are collected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CollectOptions {
    /// Regions to look at.
    pub regions: RegionRequest,
    /// What is asked for; any other fact is unknown, not collected.
    pub wanted: Wanted,
    /// How many accounts are in work at once; 0 counts as 1. An account gives up its slot while it waits for its credential
    /// report, when AWS throttles it, and after 10 s; at most twice as many accounts (8 at least) have facts in
    /// memory.
    pub max_concurrency: usize,
    /// How many accounts are entered, and asked to make their credential report, before it is their turn; 0 counts as 1.
    /// Each holds its credentials, a few kilobytes.
    pub look_ahead: usize,
    /// How long one account may take once it has a slot, and for being entered; facts not seen by then are unknown, timed
    /// out.
    pub account_deadline: Duration,
}

impl Default for CollectOptions {
    fn default() -> Self {
        Self {
            regions: RegionRequest::default(),
            wanted: Wanted::default(),
            max_concurrency: 64,
            look_ahead: 1024,
            account_deadline: Duration::from_secs(600),
        }
    }
}

/// Who is told how far collecting is. Called from the accounts' own tasks.
pub trait Progress: Send + Sync {
    /// How many accounts there are to collect, as far as is known; `last`: no more will come.
    fn total(&self, _accounts: usize, _last: bool) {}
    /// An account is being entered.
    fn started(&self, _account: &AccountId) {}
    /// It has a slot: its facts are asked for.
    fn asking(&self, _account: &AccountId) {}
    /// An account is done, whatever came of it.
    fn finished(&self, _account: &AccountId, _facts: &AccountFacts) {}
}

/// Nobody.
impl Progress for () {}

/// What becomes of the facts of one account, done in the account's own task.
pub type Work<T> = dyn Fn(AccountFacts) -> T + Send + Sync;

/// What an earlier run saw of an account and is still young enough; what is not is unknown. Called in the account's own task.
pub type Known = dyn Fn(&AccountId) -> Option<AccountFacts> + Send + Sync;

/// What a fan-out over accounts is given.
pub struct FanOut<T> {
    /// Into every account.
    pub sessions: Sessions,
    /// The organization, whole or its head: see [`super::Arrivals`].
    pub org: Arc<OrgFacts>,
    /// How.
    pub options: CollectOptions,
    /// Fires when to stop.
    pub cancel: CancellationToken,
    /// Who is told.
    pub progress: Arc<dyn Progress>,
    /// Facts that need not be asked for.
    pub known: Option<Arc<Known>>,
    /// What becomes of each account's facts.
    pub work: Arc<Work<T>>,
}

impl<T> fmt::Debug for FanOut<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FanOut")
            .field("sessions", &self.sessions)
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}

/// How a fan-out ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ended {
    /// Every account was looked into, as far as it let us.
    Complete,
    /// It was cancelled: accounts that were not done by then lack facts, which are unknown, interrupted.
    Cancelled,
    /// The caller's credentials no longer hold, for this cause. Accounts that had been entered are complete; of the others no
    /// fact is known: those that were about to be entered for this cause, the rest interrupted and never called.
    ExpiredCredentials(Cause),
}

/// Collects accounts as they come, each in a task of its own, and hands what `work` makes of its facts to `sink`, in the order
/// they are done. Every account comes exactly once: one that can't be entered with facts that are unknown, and once `cancel` has
/// fired, or the caller's credentials have expired, with facts that were interrupted and no further call. Accounts are taken from
/// `listed` no faster than there is room, and nothing goes on while `sink` works.
///
/// Dropping the future ends every task.
///
/// # Panics
/// If `work` or `progress` panics, with what it panicked with.
pub async fn accounts<T: Send + 'static>(
    fan_out: FanOut<T>,
    listed: impl Stream<Item = ListedAccount>,
    mut sink: impl FnMut(T),
) -> Ended {
    let FanOut { sessions, org, options, cancel, progress, known, work } = fan_out;
    let run = Arc::new(Run::new(sessions, org, options, &cancel, progress, known));
    let mut tasks: JoinSet<(T, Slot)> = JoinSet::new();
    let mut listed = pin!(listed.fuse());
    let mut more = true;
    loop {
        let next = async { (run.slots.ahead().await, listed.next().await) };
        tokio::select! {
            biased;
            Some(done) = tasks.join_next() => sink(done.map_or_else(broken, |(made, _)| made)),
            (ahead, account) = next, if more => match account {
                Some(account) => {
                    let (run, work) = (Arc::clone(&run), Arc::clone(&work));
                    tasks.spawn(async move {
                        let (facts, Room { open, heavy }) = run.collect(account, ahead).await;
                        let made = work(facts);
                        drop(heavy);
                        (made, open)
                    });
                }
                None => more = false,
            },
            else => return run.ended(),
        }
    }
}

/// A task that did not end: none is aborted, so it panicked.
fn broken<T>(error: JoinError) -> T {
    std::panic::resume_unwind(error.into_panic())
}

/// Collects these accounts of an organization that was enumerated whole, and hands the facts of each to `on_facts`: as
/// [`accounts`].
///
/// # Panics
/// If `progress` panics.
pub async fn each_account(
    sessions: &Sessions,
    org: &OrgFacts,
    accounts: &[AccountId],
    options: &CollectOptions,
    cancel: &CancellationToken,
    progress: Arc<dyn Progress>,
    on_facts: &mut dyn FnMut(AccountFacts),
) -> Ended {
    let listed: Vec<ListedAccount> = accounts.iter().map(|id| ListedAccount::of(org, id)).collect();
    let fan_out = FanOut {
        sessions: sessions.clone(),
        org: Arc::new(head_of(org)),
        options: options.clone(),
        cancel: cancel.clone(),
        progress,
        known: None,
        work: Arc::new(|facts| facts),
    };
    self::accounts(fan_out, stream::iter(listed), on_facts).await
}

/// What collecting reads of an organization.
fn head_of(org: &OrgFacts) -> OrgFacts {
    let (billing_alarms, budgets) = (org.services.billing_alarms.clone(), org.services.budgets.clone());
    OrgFacts {
        organization: org.organization.clone(),
        root: org.root.clone(),
        ous: BTreeMap::new(),
        accounts: BTreeMap::new(),
        policies: BTreeMap::new(),
        regions: org.regions.clone(),
        delegated_administrators: org.delegated_administrators.clone(),
        organization_trails: org.organization_trails.clone(),
        monitoring: org.monitoring.clone(),
        services: OrgServices { billing_alarms, budgets, ..OrgServices::not_collected() },
        sources: org.sources.clone(),
        as_of: org.as_of,
    }
}
