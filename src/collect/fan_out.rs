//! The one bounded fan-out over accounts.
//!
//! Owns: how many accounts are in work, progress, deadlines and cancellation. Must not: know what is collected from one.

use super::account::Run;
use super::wanted::Wanted;
use super::watch::Watch;
use crate::aws::Sessions;
use crate::model::account::AccountFacts;
use crate::model::ids::AccountId;
use crate::model::org::OrgFacts;
use crate::model::scope::RegionRequest;
use futures::{StreamExt, stream};
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

/// How accounts are collected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CollectOptions {
    /// Regions to look at.
    pub regions: RegionRequest,
    /// What is asked for; any other fact is unknown, not collected.
    pub wanted: Wanted,
    /// How many accounts are in work at once; 0 counts as 1.
    pub max_concurrency: usize,
    /// How long one account may take, from its first call; facts not seen by then are unknown, timed out.
    pub account_deadline: Duration,
}

impl Default for CollectOptions {
    fn default() -> Self {
        Self {
            regions: RegionRequest::default(),
            wanted: Wanted::default(),
            max_concurrency: 32,
            account_deadline: Duration::from_secs(600),
        }
    }
}

/// Who is told how far collecting is.
pub trait Progress: Sync {
    /// An account is in work.
    fn started(&self, _account: &AccountId) {}
    /// An account is done, whatever came of it.
    fn finished(&self, _account: &AccountId, _facts: &AccountFacts) {}
}

/// Nobody.
impl Progress for () {}

/// An account that waits for its credential report gives up its slot; this many accounts per slot may be waiting.
const WAITING_PER_SLOT: usize = 4;

/// Collects the accounts and hands the facts of each to `on_facts` as it is done, in no particular order. Every account
/// comes exactly once: one that can't be entered with facts that are unknown, and after `cancel` fires, with facts that were
/// interrupted and no further call.
pub async fn accounts(
    sessions: &Sessions,
    org: &OrgFacts,
    accounts: &[AccountId],
    options: &CollectOptions,
    cancel: &CancellationToken,
    progress: &dyn Progress,
    on_facts: &mut dyn FnMut(AccountFacts),
) {
    let slots = options.max_concurrency.max(1);
    let home = sessions.home_region().clone();
    let run = &Run { sessions, org, regions: &options.regions, wanted: &options.wanted, home };
    let watch = &Watch::new(cancel);
    let semaphore = &Semaphore::new(slots);
    let collected = stream::iter(accounts)
        .map(|account| {
            // A future of this size is better moved as a pointer.
            Box::pin(async move {
                let slot = watch.attempt(super::account::ENTER, async {
                    // The semaphore is never closed.
                    Ok(semaphore.acquire().await.ok())
                });
                let mut slot = match slot.await {
                    Ok(slot) => slot,
                    Err(cause) => return run.unknown(account, &cause),
                };
                progress.started(account);
                let watch = watch.within(options.account_deadline);
                run.collect(account, &watch, || drop(slot.take())).await
            })
        })
        .buffer_unordered(slots.saturating_mul(WAITING_PER_SLOT));
    let mut collected = std::pin::pin!(collected);
    while let Some(facts) = collected.next().await {
        progress.finished(&facts.account, &facts);
        on_facts(facts);
    }
}
