//! The limiter: a token bucket for each (account, Region, service, API group) that slows down when AWS throttles.
//!
//! Additive increase, multiplicative decrease: a throttle multiplies the bucket's rate by [`CUT`], at most once per window;
//! successes after it raise the rate step by step, never above the ceiling. Buckets are governor's direct limiters over our
//! clock; their quotas can't be changed, so a new one takes the old one's place.

use super::clock::Clock;
use super::quotas::{Allowance, Quotas};
use super::sharing::Sharing;
use governor::middleware::NoOpMiddleware;
use governor::state::{InMemoryState, NotKeyed};
use governor::{Quota, RateLimiter};
use std::collections::HashMap;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

/// What a throttle multiplies the rate by.
const CUT: f64 = 0.7;
/// The part of the ceiling that one step up adds.
const STEP: f64 = 0.05;
/// The lowest rate, as a part of the ceiling.
const FLOOR: f64 = 0.05;
/// No more than one step up in this time.
const STEP_WINDOW: Duration = Duration::from_secs(1);
/// No more than one cut in this time, or in the time three requests take at the rate after it.
const CUT_WINDOW: Duration = Duration::from_secs(2);
/// Buckets kept before idle ones are dropped.
const KEEP: usize = 4096;

type Direct = RateLimiter<NotKeyed, InMemoryState, Clock, NoOpMiddleware<Duration>>;

/// Which bucket.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Key {
    account: String,
    region: String,
    service: &'static str,
    group: String,
}

/// All buckets of a run.
#[derive(Debug)]
pub struct Limiter {
    clock: Clock,
    quotas: Quotas,
    sharing: Sharing,
    caller: OnceLock<String>,
    buckets: Mutex<Buckets>,
}

#[derive(Debug, Default)]
struct Buckets {
    by_key: HashMap<Key, Arc<Bucket>>,
    sweep_at: usize,
}

impl Limiter {
    /// A limiter whose buckets are all full, each with this run's part of its quota.
    pub fn new(clock: Clock, quotas: Quotas, sharing: Sharing) -> Self {
        let buckets = Mutex::new(Buckets { by_key: HashMap::new(), sweep_at: KEEP });
        Self { clock, quotas, sharing, caller: OnceLock::new(), buckets }
    }

    /// Tells which account the caller's own is. Only the first word counts; until then, every account counts as it, so that
    /// nothing is too fast.
    pub fn caller_is(&self, account: &str) {
        // A second word is of the same caller.
        let _ = self.caller.set(account.to_owned());
    }

    /// The bucket that an operation in an account and Region drains.
    pub fn bucket(&self, account: &str, region: &str, service: &'static str, operation: &str) -> Arc<Bucket> {
        let (group, allowance) = self.quotas.lookup(service, operation);
        let own = self.caller.get().is_none_or(|caller| caller == account);
        let allowance = self.sharing.of(allowance, own, service);
        let key = Key { account: account.to_owned(), region: region.to_owned(), service, group };
        let mut buckets = lock(&self.buckets);
        if buckets.by_key.len() >= buckets.sweep_at {
            let now = self.clock.elapsed();
            buckets.by_key.retain(|_, bucket| Arc::strong_count(bucket) > 1 || !bucket.forgettable(now));
            buckets.sweep_at = KEEP.max(buckets.by_key.len().saturating_mul(2));
        }
        let fresh = || Arc::new(Bucket::new(allowance, self.clock.clone()));
        Arc::clone(buckets.by_key.entry(key).or_insert_with(fresh))
    }
}

/// One token bucket.
#[derive(Debug)]
pub struct Bucket {
    allowance: Allowance,
    clock: Clock,
    /// First come, first served: only the first in the queue sleeps.
    queue: tokio::sync::Mutex<()>,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    rate: f64,
    direct: Arc<Direct>,
    last_cut: Option<Duration>,
    last_step: Duration,
    last_used: Duration,
}

impl Bucket {
    fn new(allowance: Allowance, clock: Clock) -> Self {
        let now = clock.elapsed();
        let direct = direct(allowance.rate, allowance.burst, &clock);
        let state = State { rate: allowance.rate, direct, last_cut: None, last_step: now, last_used: now };
        Self { allowance, clock, queue: tokio::sync::Mutex::new(()), state: Mutex::new(state) }
    }

    /// Waits for a token and takes it; tells how long that took.
    pub async fn pass(&self) -> Duration {
        let arrived = self.clock.elapsed();
        let _turn = self.queue.lock().await;
        loop {
            // Looked up again after each sleep: the rate may have changed meanwhile.
            let direct = Arc::clone(&lock(&self.state).direct);
            let Err(not_until) = direct.check() else { break };
            let wait = not_until.wait_time_from(self.clock.elapsed());
            self.clock.wait(wait.max(Duration::from_millis(1))).await;
        }
        let now = self.clock.elapsed();
        lock(&self.state).last_used = now;
        now.saturating_sub(arrived)
    }

    /// AWS throttled a request of this bucket: slow down, unless that was done within the window.
    pub fn throttled(&self) {
        let now = self.clock.elapsed();
        let mut state = lock(&self.state);
        let window = CUT_WINDOW.max(Duration::from_secs_f64(3.0 / state.rate));
        if state.last_cut.is_some_and(|last| now.saturating_sub(last) < window) {
            return;
        }
        state.last_cut = Some(now);
        state.last_step = now;
        let floor = (self.allowance.ceiling * FLOOR).min(self.allowance.rate);
        let rate = (state.rate * CUT).max(floor);
        self.set_rate(&mut state, rate);
    }

    /// AWS answered a request of this bucket: step up, unless that was done within the window.
    pub fn succeeded(&self) {
        let mut state = lock(&self.state);
        let ceiling = self.allowance.ceiling;
        let now = self.clock.elapsed();
        if state.rate >= ceiling || now.saturating_sub(state.last_step) < STEP_WINDOW {
            return;
        }
        state.last_step = now;
        let rate = (state.rate + ceiling * STEP).min(ceiling);
        self.set_rate(&mut state, rate);
    }

    /// Requests per second allowed now.
    pub fn rate(&self) -> f64 {
        lock(&self.state).rate
    }

    /// Whether it is slower than it started.
    pub fn slowed(&self) -> bool {
        self.rate() < self.allowance.rate
    }

    /// Puts a bucket of another rate in the place of the present one: empty after a cut, with one token after a step.
    fn set_rate(&self, state: &mut State, rate: f64) {
        let share = (rate / self.allowance.rate).min(1.0);
        let burst = (f64::from(self.allowance.burst) * share).floor().max(1.0);
        // Between 1 and `burst`, so the cast keeps its value.
        let burst = burst as u32;
        let keep = u32::from(rate > state.rate);
        state.rate = rate;
        state.direct = direct(rate, burst, &self.clock);
        if let Some(spent) = NonZeroU32::new(burst.saturating_sub(keep)) {
            // Always granted: the bucket is new and holds `burst`.
            drop(state.direct.check_n(spent));
        }
    }

    /// Whether a new bucket would do as well: at its first rate, full, and unused for a while.
    fn forgettable(&self, now: Duration) -> bool {
        let state = lock(&self.state);
        let refill = Duration::from_secs_f64(f64::from(self.allowance.burst) / self.allowance.rate);
        state.rate >= self.allowance.rate && now.saturating_sub(state.last_used) > refill + CUT_WINDOW
    }
}

/// A governor limiter of `rate` requests a second.
fn direct(rate: f64, burst: u32, clock: &Clock) -> Arc<Direct> {
    let period = Duration::from_secs_f64(1.0 / rate.clamp(0.000_1, 1_000_000.0));
    let burst = NonZeroU32::new(burst).unwrap_or(NonZeroU32::MIN);
    // A period is never zero: the rate is clamped.
    let quota = Quota::with_period(period).unwrap_or(Quota::per_second(NonZeroU32::MIN)).allow_burst(burst);
    Arc::new(RateLimiter::direct_with_clock(quota, clock.clone()))
}

/// Locks; a panic elsewhere leaves figures that are still good enough.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::Timestamp;

    fn limiter(text: &str) -> Limiter {
        let quotas = Quotas::embedded().with_overrides("test", &format!("version: 1\nunlisted: {text}\n"));
        Limiter::new(Clock::virtual_from(Timestamp::UNIX_EPOCH), quotas.unwrap(), Sharing::default())
    }

    #[tokio::test(start_paused = true)]
    async fn one_cut_per_window_however_many_throttles() {
        let bucket = limiter("{ share: operation, rate: 10, burst: 10 }").bucket("1", "r", "x", "Y");
        for _ in 0..50 {
            bucket.throttled();
        }
        assert!((bucket.rate() - 7.0).abs() < 1e-9 && bucket.slowed());
        bucket.clock.wait(Duration::from_secs(1)).await;
        bucket.throttled();
        assert!((bucket.rate() - 7.0).abs() < 1e-9, "still in the window");
        bucket.clock.wait(Duration::from_secs(2)).await;
        bucket.throttled();
        assert!((bucket.rate() - 4.9).abs() < 1e-9);
        for _ in 0..100 {
            bucket.clock.wait(Duration::from_secs(30)).await;
            bucket.throttled();
        }
        assert!((bucket.rate() - 0.5).abs() < 1e-9, "never under the floor: {}", bucket.rate());
    }

    #[tokio::test(start_paused = true)]
    async fn successes_bring_the_rate_back_step_by_step_up_to_the_ceiling() {
        let bucket = limiter("{ share: operation, rate: 10, burst: 10 }").bucket("1", "r", "x", "Y");
        bucket.throttled();
        for _ in 0..100 {
            bucket.succeeded();
        }
        assert!((bucket.rate() - 7.0).abs() < 1e-9, "one step a second");
        for _ in 0..60 {
            bucket.clock.wait(Duration::from_secs(1)).await;
            bucket.succeeded();
        }
        assert!((bucket.rate() - 10.0).abs() < 1e-9 && !bucket.slowed());
        let unpublished = limiter("{ share: operation, rate: 2, burst: 2, ceiling: 4 }").bucket("1", "r", "x", "Y");
        for _ in 0..60 {
            unpublished.clock.wait(Duration::from_secs(1)).await;
            unpublished.succeeded();
        }
        assert!((unpublished.rate() - 4.0).abs() < 1e-9, "found out, and not exceeded");
    }

    #[tokio::test(start_paused = true)]
    async fn a_cut_empties_the_bucket_and_those_waiting_go_at_the_new_rate() {
        let bucket = limiter("{ share: operation, rate: 10, burst: 10 }").bucket("1", "r", "x", "Y");
        for _ in 0..10 {
            assert_eq!(bucket.pass().await, Duration::ZERO);
        }
        bucket.throttled();
        let start = bucket.clock.elapsed();
        for _ in 0..7 {
            bucket.pass().await;
        }
        let took = (bucket.clock.elapsed() - start).as_secs_f64();
        assert!((0.95..1.1).contains(&took), "seven at 7 a second took {took}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_queue_is_served_in_order_and_leaving_it_costs_nothing() {
        let bucket = limiter("{ share: operation, rate: 1, burst: 1 }").bucket("1", "r", "x", "Y");
        bucket.pass().await;
        let impatient = tokio::time::timeout(Duration::from_millis(10), bucket.pass()).await;
        assert!(impatient.is_err());
        let order = Mutex::new(Vec::new());
        let visit = |id: u32| {
            let (bucket, order) = (&bucket, &order);
            async move {
                bucket.pass().await;
                lock(order).push(id);
            }
        };
        futures::future::join_all((0..5).map(visit)).await;
        assert_eq!(*lock(&order), [0, 1, 2, 3, 4]);
        let took = bucket.clock.elapsed().as_secs_f64();
        assert!((4.9..5.2).contains(&took), "the one who left took no token: {took}");
    }

    #[tokio::test(start_paused = true)]
    async fn shards_share_the_buckets_of_the_caller() {
        let sharing = Sharing { share: "50%".parse().unwrap(), shards: 2 };
        let limiter = Limiter::new(Clock::virtual_from(Timestamp::UNIX_EPOCH), Quotas::embedded(), sharing);
        limiter.caller_is("1");
        let took = async |account: &str, operation: &str, count: u32| {
            let bucket = limiter.bucket(account, "r", "organizations", operation);
            let start = limiter.clock.elapsed();
            for _ in 0..count {
                bucket.pass().await;
            }
            (limiter.clock.elapsed() - start).as_secs_f64()
        };
        let own = took("1", "ListAccounts", 3 + 20).await;
        assert!((9.9..10.2).contains(&own), "burst 12/4, then 8/4 a second: {own}");
        let other = took("2", "ListAccounts", 6 + 20).await;
        assert!((4.9..5.2).contains(&other), "burst 12/2, then 8/2 a second: {other}");
    }

    #[tokio::test(start_paused = true)]
    async fn buckets_are_apart_and_idle_ones_are_dropped() {
        let limiter = limiter("{ share: operation, rate: 1, burst: 1 }");
        let one = limiter.bucket("1", "r", "x", "Y");
        for other in [("2", "r", "Y"), ("1", "s", "Y"), ("1", "r", "Z")] {
            assert!(!Arc::ptr_eq(&one, &limiter.bucket(other.0, other.1, "x", other.2)), "{other:?}");
        }
        one.throttled();
        for account in 0..KEEP {
            limiter.bucket(&account.to_string(), "r", "x", "Q");
        }
        limiter.clock.wait(Duration::from_secs(60)).await;
        let slowed = Arc::downgrade(&one);
        drop(one);
        for account in 0..KEEP {
            limiter.bucket(&account.to_string(), "r", "x", "R");
        }
        assert!(lock(&limiter.buckets).by_key.len() <= KEEP + 10);
        assert!(slowed.upgrade().is_some(), "one that was slowed down is remembered");
    }
}
