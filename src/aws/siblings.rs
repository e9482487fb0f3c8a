//! The bucket behind the buckets: what all operations of a service share in an account and Region, if it turns out that AWS
//! limits them together.
//!
//! Where AWS publishes no rates nobody knows whether an operation has a limit of its own. So there is none for all of them
//! until two operations are throttled in a short time: then a bucket appears that every operation passes after its own, at
//! what AWS was seen to let through. From then on throttles slow that one down. Must not: know a quota.

use super::clock::Clock;
use super::paced::{CUT, Paced};
use super::quotas::Allowance;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

/// Two operations throttled within this time share a limit.
const TOGETHER: Duration = Duration::from_secs(10);
/// The shared bucket is gone once its rate is this many times the ceiling of a single operation.
const GONE_AT: f64 = 4.0;
/// What was let through is counted over this time, and the one of the same length before it.
const MEASURED: Duration = Duration::from_secs(1);

/// The operations of a service in an account and Region.
#[derive(Debug)]
pub(super) struct Siblings {
    allowance: Allowance,
    clock: Clock,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    shared: Option<Arc<Paced>>,
    /// The operation throttled last, and its rate before if that slowed it down.
    throttled: Option<Throttled>,
    /// Successes in the present stretch of time, which began then, and in the one before.
    passed: (Duration, u32, u32),
}

#[derive(Debug)]
struct Throttled {
    own: Weak<Paced>,
    at: Duration,
    before: Option<f64>,
}

impl Siblings {
    /// No limit; `others` is what an operation of the service is allowed of which nothing else is known.
    pub(super) fn new(others: Allowance, clock: Clock) -> Self {
        // Half a second's worth at once: whoever found a limit by hitting it does not try a burst.
        let burst = ((others.rate / 2.0).ceil() as u32).max(1);
        let allowance = Allowance { rate: others.rate, burst, ceiling: others.ceiling * GONE_AT };
        Self { allowance, clock, state: Mutex::default() }
    }

    /// With the limit found before.
    pub(super) fn limited_to(others: Allowance, rate: f64, clock: Clock) -> Self {
        let siblings = Self::new(others, clock.clone());
        let shared = Paced::slowed_to(siblings.allowance, rate, clock);
        siblings.lock().shared = Some(Arc::new(shared));
        siblings
    }

    /// The shared bucket, if there is one.
    pub(super) fn shared(&self) -> Option<Arc<Paced>> {
        self.lock().shared.clone()
    }

    /// AWS throttled a request of `own`.
    pub(super) fn throttled(&self, own: &Arc<Paced>) {
        let now = self.clock.elapsed();
        let mut state = self.lock();
        if let Some(shared) = &state.shared {
            shared.throttled();
            return;
        }
        let last = state.throttled.take().filter(|last| now.saturating_sub(last.at) <= TOGETHER);
        match last {
            Some(last) if !std::ptr::eq(last.own.as_ptr(), Arc::as_ptr(own)) => {
                let seen = state.let_through(now);
                let rate = seen.clamp(self.allowance.rate * CUT, self.allowance.rate);
                state.shared = Some(Arc::new(Paced::slowed_now(self.allowance, rate, self.clock.clone())));
                // It was not the first operation's own limit either.
                if let (Some(own), Some(before)) = (last.own.upgrade(), last.before) {
                    own.restore(before);
                }
            }
            last => {
                let before = own.throttled().or(last.and_then(|last| last.before));
                state.throttled = Some(Throttled { own: Arc::downgrade(own), at: now, before });
            }
        }
    }

    /// AWS answered a request of one of the operations.
    pub(super) fn succeeded(&self) {
        let now = self.clock.elapsed();
        let mut state = self.lock();
        state.count(now);
        let Some(shared) = &state.shared else { return };
        if shared.was_tried() {
            shared.succeeded();
        }
        if shared.rate() >= shared.ceiling() {
            (state.shared, state.throttled) = (None, None);
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn count(&mut self, now: Duration) {
        let (began, count, _) = self.passed;
        let age = now.saturating_sub(began);
        self.passed = match age {
            age if age < MEASURED => (began, count.saturating_add(1), self.passed.2),
            age if age < MEASURED * 2 => (began + MEASURED, 1, count),
            _ => (now, 1, 0),
        };
    }

    /// Successes per second lately: the better of the last two stretches.
    fn let_through(&self, now: Duration) -> f64 {
        let (began, count, before) = self.passed;
        if now.saturating_sub(began) >= MEASURED * 2 {
            return 0.0;
        }
        f64::from(count.max(before)) / MEASURED.as_secs_f64()
    }
}
