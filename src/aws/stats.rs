//! What the calls of a run came to: counted at the gate, shown while it runs and in the summary.
//!
//! Its memory does not grow with the organization: an account has a row as long as somebody works in it. Must not: read a
//! clock; who counts says when.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

/// The seconds that requests per second are taken over.
const RECENT: u64 = 10;
/// Rows kept before those of accounts that are done are dropped.
const KEEP: usize = 64;

/// Figures of a run so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
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
}

/// What is going on in an account that is in work. Times are those of the run's clock since it was made.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Asking {
    /// Requests sent for the account, retries counted; AssumeRole is the caller's.
    pub requests: u64,
    /// When the first was sent.
    pub first: Option<Duration>,
    /// When AWS answered last.
    pub last_answer: Option<Duration>,
    /// What is waited for: the call that waits longest for its bucket or its answer, else the one made last; as
    /// `service:Operation`.
    pub operation: Option<String>,
}

/// The counters.
#[derive(Debug, Default)]
pub(super) struct Stats {
    totals: Mutex<Totals>,
    rows: Mutex<Rows>,
}

#[derive(Debug, Default)]
struct Totals {
    figures: CallStats,
    /// Requests in each of the last seconds in which there were any.
    recent: VecDeque<(u64, u32)>,
    first: Option<u64>,
}

#[derive(Debug, Default)]
struct Rows {
    by_account: HashMap<Arc<str>, Weak<Row>>,
    sweep_at: usize,
}

/// The row of an account, alive as long as somebody works in it.
#[derive(Debug, Default)]
pub(super) struct Row(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    requests: u64,
    first: Option<Duration>,
    last_answer: Option<Duration>,
    /// The calls under way in the order they began, each with its number.
    under_way: Vec<(u64, &'static str, Arc<str>)>,
    begun: u64,
    last: Option<(&'static str, Arc<str>)>,
}

/// A call that waits, for its bucket or its answer, until this is dropped.
#[derive(Debug)]
pub(super) struct UnderWay {
    row: Arc<Row>,
    number: u64,
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        lock(&self.row.0).under_way.retain(|(number, ..)| *number != self.number);
    }
}

impl Row {
    /// A call waits from now on.
    pub(super) fn waits(self: &Arc<Self>, service: &'static str, operation: &Arc<str>) -> UnderWay {
        let mut state = lock(&self.0);
        let number = state.begun;
        state.begun = state.begun.wrapping_add(1);
        state.under_way.push((number, service, Arc::clone(operation)));
        state.last = Some((service, Arc::clone(operation)));
        UnderWay { row: Arc::clone(self), number }
    }

    fn asking(&self) -> Asking {
        let state = lock(&self.0);
        let oldest = state.under_way.first().map(|(_, service, operation)| (*service, operation));
        let named = oldest.or_else(|| state.last.as_ref().map(|(service, operation)| (*service, operation)));
        Asking {
            requests: state.requests,
            first: state.first,
            last_answer: state.last_answer,
            operation: named.map(|(service, operation)| format!("{service}:{operation}")),
        }
    }
}

impl Stats {
    /// The row of an account: the one it has, if somebody works in it already.
    pub(super) fn row(&self, account: &Arc<str>) -> Arc<Row> {
        let mut rows = lock(&self.rows);
        if let Some(row) = rows.by_account.get(account).and_then(Weak::upgrade) {
            return row;
        }
        if rows.by_account.len() >= rows.sweep_at.max(KEEP) {
            rows.by_account.retain(|_, row| row.strong_count() > 0);
            rows.sweep_at = rows.by_account.len().saturating_mul(2);
        }
        let row = Arc::new(Row::default());
        rows.by_account.insert(Arc::clone(account), Arc::downgrade(&row));
        row
    }

    /// What is going on in an account; `None` if nobody works in it.
    pub(super) fn asking(&self, account: &str) -> Option<Asking> {
        let row = lock(&self.rows).by_account.get(account).and_then(Weak::upgrade)?;
        Some(row.asking())
    }

    /// A request is sent.
    pub(super) fn attempt(&self, row: &Row, first: bool, now: Duration) {
        {
            let mut totals = lock(&self.totals);
            totals.figures.attempts += 1;
            totals.figures.calls += u64::from(first);
            totals.count(now.as_secs());
        }
        let mut state = lock(&row.0);
        state.requests += 1;
        state.first.get_or_insert(now);
    }

    /// AWS answered.
    pub(super) fn answered(&self, row: &Row, throttled: bool, now: Duration) {
        if throttled {
            lock(&self.totals).figures.throttled += 1;
        }
        lock(&row.0).last_answer = Some(now);
    }

    pub(super) fn unanswered(&self) {
        lock(&self.totals).figures.unanswered += 1;
    }

    pub(super) fn waited(&self, time: Duration) {
        if !time.is_zero() {
            lock(&self.totals).figures.waited += time;
        }
    }

    pub(super) fn so_far(&self) -> CallStats {
        lock(&self.totals).figures
    }

    /// Requests sent per second, over the last ten seconds, or since the first if that is less.
    pub(super) fn per_second(&self, now: Duration) -> f64 {
        let totals = lock(&self.totals);
        let Some(first) = totals.first else { return 0.0 };
        let now = now.as_secs();
        let counted = totals.recent.iter().filter(|(second, _)| second + RECENT > now);
        let sent: u64 = counted.map(|(_, count)| u64::from(*count)).sum();
        let seconds = (now.saturating_sub(first) + 1).min(RECENT);
        // Both are small.
        sent as f64 / seconds as f64
    }
}

impl Totals {
    fn count(&mut self, second: u64) {
        self.first.get_or_insert(second);
        match self.recent.back_mut() {
            // A thread that read the clock earlier may count later.
            Some((last, count)) if *last >= second => *count = count.saturating_add(1),
            _ => self.recent.push_back((second, 1)),
        }
        while self.recent.front().is_some_and(|(oldest, _)| oldest + RECENT <= second) {
            self.recent.pop_front();
        }
    }
}

/// Locks; a panic elsewhere leaves figures that are still good enough.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: &str = "111111111111";

    fn at(seconds: f64) -> Duration {
        Duration::from_secs_f64(seconds)
    }

    #[test]
    fn requests_per_second_are_those_of_the_last_ten() {
        let stats = Stats::default();
        assert_eq!(stats.per_second(at(100.0)), 0.0);
        let row = stats.row(&Arc::from(ONE));
        for tenth in 0..50 {
            stats.attempt(&row, tenth % 2 == 0, at(100.0 + f64::from(tenth) / 10.0));
        }
        assert_eq!(stats.per_second(at(104.9)), 10.0, "from the first on");
        assert_eq!(stats.per_second(at(111.5)), 3.0, "three of the five seconds are in the last ten");
        assert_eq!(stats.per_second(at(200.0)), 0.0);
        assert_eq!((stats.so_far().attempts, stats.so_far().calls), (50, 25));
        stats.attempt(&row, true, at(500.0));
        assert_eq!(lock(&stats.totals).recent.len(), 1, "nothing older is kept");
    }

    #[test]
    fn a_row_tells_what_is_waited_for_longest() {
        let stats = Stats::default();
        let row = stats.row(&Arc::from(ONE));
        assert_eq!(stats.asking(ONE), Some(Asking::default()));
        let (report, roles): (Arc<str>, Arc<str>) = ("GetCredentialReport".into(), "ListRoles".into());
        let first = row.waits("iam", &report);
        let second = row.waits("iam", &roles);
        stats.attempt(&row, true, at(1.0));
        stats.attempt(&row, true, at(2.0));
        let asking = stats.asking(ONE).unwrap();
        assert_eq!(asking.operation.as_deref(), Some("iam:GetCredentialReport"));
        assert_eq!((asking.requests, asking.first, asking.last_answer), (2, Some(at(1.0)), None));
        drop(first);
        stats.answered(&row, true, at(3.0));
        assert_eq!(stats.asking(ONE).unwrap().operation.as_deref(), Some("iam:ListRoles"));
        drop(second);
        let asking = stats.asking(ONE).unwrap();
        assert_eq!(asking.operation.as_deref(), Some("iam:ListRoles"), "the last, when none is under way");
        assert_eq!((asking.last_answer, stats.so_far().throttled), (Some(at(3.0)), 1));
    }

    #[test]
    fn rows_are_shared_while_somebody_works_in_the_account_and_gone_after() {
        let stats = Stats::default();
        let name: Arc<str> = Arc::from(ONE);
        let row = stats.row(&name);
        assert!(Arc::ptr_eq(&row, &stats.row(&name)));
        drop(row);
        assert_eq!(stats.asking(ONE), None);
        let held = stats.row(&name);
        for account in 0..10_000 {
            stats.row(&Arc::from(account.to_string()));
        }
        assert!(lock(&stats.rows).by_account.len() <= KEEP + 1);
        assert!(stats.asking(ONE).is_some());
        drop(held);
    }
}
