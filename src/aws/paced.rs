//! One token bucket that slows down when AWS throttles, and finds out how fast it may go.
//!
//! Additive increase, multiplicative decrease: a throttle multiplies the rate by [`CUT`], at most once per window, or brings
//! it to what AWS was seen to let through if most requests were refused; successes after it raise the rate step by step, never
//! above the ceiling. A step is a part of the rate that grows with the time since the last cut: near a hidden limit the rate
//! moves little, and far below it comes back soon.
//!
//! The bucket is governor's direct limiter over our clock; its quota can't be changed, so a new one takes the old one's
//! place with the tokens that were left. Must not: know whose bucket it is.

use super::clock::Clock;
use super::quotas::Allowance;
use governor::middleware::StateInformationMiddleware;
use governor::state::{InMemoryState, NotKeyed};
use governor::{Quota, RateLimiter};
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// What a throttle multiplies the rate by.
pub(super) const CUT: f64 = 0.7;
/// The most that a throttle may multiply the rate by, however little was let through.
const DEEPEST_CUT: f64 = 0.25;
/// The part of the ceiling that one step up adds before any cut and at most after one, and of the rate after a cut.
const STEP: f64 = 0.05;
/// In this time since the last cut a step grows by its first size.
const STEP_GROWS: Duration = Duration::from_secs(10);
/// Steps are half as long where the rate is this near to what it was when AWS throttled last.
const NEAR: std::ops::Range<f64> = 0.9..1.1;
/// The lowest rate, as a part of the ceiling, or of the first rate if that is less.
const FLOOR: f64 = 0.05;
const FLOOR_OF_FIRST: f64 = 0.15;
/// No more than one step up in this time, or in the time two requests take, and none in it after a throttle.
const STEP_WINDOW: Duration = Duration::from_secs(1);
/// No more than one cut in this time, or in the time three requests take at the rate after it.
pub(super) const CUT_WINDOW: Duration = Duration::from_secs(2);
/// Throttles in this time after a cut answer requests from before it.
const IN_FLIGHT: Duration = Duration::from_millis(250);
/// What AWS let through is believed if it is known from this many requests.
const SAMPLE: u32 = 4;

type Direct = RateLimiter<NotKeyed, InMemoryState, Clock, StateInformationMiddleware>;

/// A token bucket.
#[derive(Debug)]
pub(super) struct Paced {
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
    /// Tokens left when the last was taken.
    left: u32,
    last_used: Duration,
    last_cut: Option<Duration>,
    /// The rate that was too fast.
    too_fast: Option<f64>,
    last_step: Duration,
    /// Since when it is slower than it may be at first; `None` if it never was.
    slow_since: Option<Duration>,
    last_refused: Option<Duration>,
    /// Answers since the rate was last changed, which is when the last step was made.
    passed: u32,
    refused: u32,
    taken: u64,
    /// Somebody had to wait since the rate was last changed.
    waited: bool,
}

impl Paced {
    /// A full bucket at the allowance's rate.
    pub(super) fn new(allowance: Allowance, clock: Clock) -> Self {
        let now = clock.elapsed();
        let state = State {
            rate: allowance.rate,
            direct: direct(allowance.rate, allowance.burst, &clock),
            left: allowance.burst,
            last_used: now,
            last_cut: None,
            too_fast: None,
            last_step: now,
            slow_since: None,
            last_refused: None,
            passed: 0,
            refused: 0,
            taken: 0,
            waited: false,
        };
        Self { allowance, clock, queue: tokio::sync::Mutex::new(()), state: Mutex::new(state) }
    }

    /// A bucket with one token, at a rate other than the allowance's: as after a cut to it a while ago.
    pub(super) fn slowed_to(allowance: Allowance, rate: f64, clock: Clock) -> Self {
        let paced = Self::new(allowance, clock);
        {
            let mut state = paced.lock();
            let rate = rate.clamp(paced.floor(), allowance.ceiling);
            state.slow_since = Some(state.last_used);
            paced.set_rate(&mut state, rate, 1);
        }
        paced
    }

    /// The same, made because AWS throttled just now: what was sent before does not cut it again.
    pub(super) fn slowed_now(allowance: Allowance, rate: f64, clock: Clock) -> Self {
        let paced = Self::slowed_to(allowance, rate, clock);
        {
            let mut state = paced.lock();
            (state.last_cut, state.last_refused) = (state.slow_since, state.slow_since);
        }
        paced
    }

    /// Waits for a token and takes it; tells how long that took.
    pub(super) async fn pass(&self) -> Duration {
        let arrived = self.clock.elapsed();
        let _turn = self.queue.lock().await;
        loop {
            // Looked up again after each sleep: the rate may have changed meanwhile.
            let wait = {
                let mut state = self.lock();
                let now = self.clock.elapsed();
                match state.direct.check() {
                    Ok(snapshot) => {
                        state.left = snapshot.remaining_burst_capacity();
                        state.last_used = now;
                        state.taken = state.taken.saturating_add(1);
                        let waited = now.saturating_sub(arrived);
                        state.waited |= !waited.is_zero();
                        return waited;
                    }
                    Err(not_until) => not_until.wait_time_from(now),
                }
            };
            self.clock.wait(wait.max(Duration::from_millis(1))).await;
        }
    }

    /// AWS throttled a request of this bucket: slow down, unless that was done within the window. Tells the rate before,
    /// if it is another now.
    pub(super) fn throttled(&self) -> Option<f64> {
        let now = self.clock.elapsed();
        let mut state = self.lock();
        state.last_refused = Some(now);
        if state.last_cut.is_some_and(|last| now.saturating_sub(last) < IN_FLIGHT) {
            return None;
        }
        state.refused = state.refused.saturating_add(1);
        let window = CUT_WINDOW.max(Duration::from_secs_f64(3.0 / state.rate));
        if state.last_cut.is_some_and(|last| now.saturating_sub(last) < window) {
            return None;
        }
        let before = state.rate;
        let rate = self.cut(&state, now).max(self.floor()).min(before);
        state.last_cut = Some(now);
        state.slow_since = Some(now);
        state.too_fast = Some(before);
        self.set_rate(&mut state, rate, 0);
        Some(before)
    }

    /// The rate after a cut: [`CUT`], or what was let through where most was refused.
    fn cut(&self, state: &State, now: Duration) -> f64 {
        let usual = state.rate * CUT;
        let seconds = now.saturating_sub(state.last_step).as_secs_f64();
        let known = state.passed.saturating_add(state.refused) >= SAMPLE && seconds >= STEP_WINDOW.as_secs_f64();
        if !known || state.refused < state.passed {
            return usual;
        }
        (f64::from(state.passed) / seconds).clamp(state.rate * DEEPEST_CUT, usual)
    }

    /// AWS answered a request of this bucket: step up, unless that was done, or AWS throttled, within the window.
    pub(super) fn succeeded(&self) {
        let mut state = self.lock();
        state.passed = state.passed.saturating_add(1);
        let ceiling = self.allowance.ceiling;
        if state.rate >= ceiling {
            return;
        }
        let now = self.clock.elapsed();
        let quiet_since = state.last_step.max(state.last_refused.unwrap_or_default());
        let window = STEP_WINDOW.max(Duration::from_secs_f64(2.0 / state.rate));
        if now.saturating_sub(quiet_since) < window {
            return;
        }
        let most = ceiling * STEP;
        let step = state.slow_since.map_or(most, |since| {
            let grown = 1.0 + now.saturating_sub(since).as_secs_f64() / STEP_GROWS.as_secs_f64();
            let near = state.too_fast.is_some_and(|limit| NEAR.contains(&(state.rate / limit)));
            (state.rate * STEP * grown).min(most) * if near { 0.5 } else { 1.0 }
        });
        let rate = (state.rate + step).min(ceiling);
        // What came in meanwhile stays.
        let came = now.saturating_sub(state.last_used).as_secs_f64() * state.rate;
        let left = state.left.saturating_add(whole(came)).max(1);
        self.set_rate(&mut state, rate, left);
    }

    /// Whether it was put to the test since the rate was last changed: a rate that nobody waited for is no evidence that a
    /// higher one would do.
    pub(super) fn was_tried(&self) -> bool {
        self.lock().waited
    }

    /// Takes a cut back that was made for another bucket's sake. Tokens stay as they are.
    pub(super) fn restore(&self, rate: f64) {
        let mut state = self.lock();
        if rate > state.rate {
            state.slow_since = None;
            state.last_cut = None;
            self.set_rate(&mut state, rate.min(self.allowance.ceiling), 1);
        }
    }

    /// Requests per second allowed now.
    pub(super) fn rate(&self) -> f64 {
        self.lock().rate
    }

    /// Requests that took a token so far, retries among them.
    pub(super) fn taken(&self) -> u64 {
        self.lock().taken
    }

    /// Requests per second to begin with.
    pub(super) fn first_rate(&self) -> f64 {
        self.allowance.rate
    }

    /// Requests per second never exceeded.
    pub(super) fn ceiling(&self) -> f64 {
        self.allowance.ceiling
    }

    /// The lowest rate.
    fn floor(&self) -> f64 {
        (self.allowance.ceiling * FLOOR).min(self.allowance.rate * FLOOR_OF_FIRST)
    }

    /// Whether AWS throttled it since it was made.
    pub(super) fn was_throttled(&self) -> bool {
        self.lock().last_refused.is_some()
    }

    /// Whether a new one would do as well: it is full, and either at its first rate and never throttled, or unused for a while.
    pub(super) fn idle(&self, now: Duration) -> bool {
        let state = self.lock();
        let spent = self.allowance.burst.saturating_sub(state.left);
        let as_new = state.last_refused.is_none() && state.rate.total_cmp(&self.allowance.rate).is_eq();
        let rest = if as_new { Duration::ZERO } else { CUT_WINDOW };
        now.saturating_sub(state.last_used) > Duration::from_secs_f64(f64::from(spent) / state.rate) + rest
    }

    /// Puts a bucket of another rate, with `left` tokens, in the place of the present one.
    fn set_rate(&self, state: &mut State, rate: f64, left: u32) {
        let share = (rate / self.allowance.rate).min(1.0);
        let burst = whole(f64::from(self.allowance.burst) * share).max(1);
        let now = self.clock.elapsed();
        state.rate = rate;
        state.left = left.min(burst);
        state.last_used = state.last_used.max(now);
        state.last_step = now;
        (state.passed, state.refused, state.waited) = (0, 0, false);
        state.direct = direct(rate, burst, &self.clock);
        if let Some(spent) = NonZeroU32::new(burst.saturating_sub(state.left)) {
            // Always granted: the bucket is new and holds `burst`.
            drop(state.direct.check_n(spent));
        }
    }

    /// Locks; a panic elsewhere leaves figures that are still good enough.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The whole part, as a count of requests.
fn whole(number: f64) -> u32 {
    // A float's cast saturates: never below 0 nor above the type.
    number as u32
}

/// A governor limiter of `rate` requests a second.
fn direct(rate: f64, burst: u32, clock: &Clock) -> Arc<Direct> {
    let period = Duration::from_secs_f64(1.0 / rate.clamp(0.000_1, 1_000_000.0));
    let burst = NonZeroU32::new(burst).unwrap_or(NonZeroU32::MIN);
    // A period is never zero: the rate is clamped.
    let quota = Quota::with_period(period).unwrap_or(Quota::per_second(NonZeroU32::MIN)).allow_burst(burst);
    Arc::new(RateLimiter::direct_with_clock(quota, clock.clone()).with_middleware())
}

#[cfg(test)]
mod tests;
