//! What the calls of a run came to: counted at the gate, shown in the summary.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// Figures of a run so far.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CallStats {
    /// Calls made, retries not counted. A page is a call.
    pub calls: u64,
    /// Requests sent, retries counted.
    pub attempts: u64,
    /// Requests that AWS answered with a throttle.
    pub throttled: u64,
    /// Requests without an answer: timed out, or the connection failed.
    pub unanswered: u64,
    /// Time spent waiting for the limiter, summed over everything that waited at the same time.
    pub waited: Duration,
    /// Requests sent, by the account they were sent for.
    pub requests_by_account: BTreeMap<String, u64>,
}

/// The counters.
#[derive(Debug, Default)]
pub(super) struct Stats(Mutex<CallStats>);

impl Stats {
    fn change(&self, change: impl FnOnce(&mut CallStats)) {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }

    pub(super) fn attempt(&self, account: &str, first: bool) {
        self.change(|stats| {
            stats.attempts += 1;
            stats.calls += u64::from(first);
            match stats.requests_by_account.get_mut(account) {
                Some(count) => *count += 1,
                None => {
                    stats.requests_by_account.insert(account.to_owned(), 1);
                }
            }
        });
    }

    pub(super) fn throttled(&self) {
        self.change(|stats| stats.throttled += 1);
    }

    pub(super) fn unanswered(&self) {
        self.change(|stats| stats.unanswered += 1);
    }

    pub(super) fn waited(&self, time: Duration) {
        self.change(|stats| stats.waited += time);
    }

    pub(super) fn so_far(&self) -> CallStats {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
