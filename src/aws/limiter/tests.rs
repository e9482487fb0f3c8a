//! Which bucket is drained, what is kept and remembered; and limits that nobody announced, on virtual time.

use super::*;
use crate::aws::paced::CUT_WINDOW;
use futures::future::join_all;
use jiff::Timestamp;
use proptest::prelude::*;

/// A member; the caller is another account.
const ONE: &str = "111111111111";

fn clock() -> Clock {
    Clock::virtual_from("2026-11-02T00:00:00Z".parse::<Timestamp>().unwrap())
}

fn limiter(text: &str) -> Limiter {
    let quotas = Quotas::embedded().with_overrides("test", &format!("version: 1\nunlisted: {text}\n"));
    Limiter::new(clock(), quotas.unwrap(), Sharing::default(), &Memory::default())
}

fn embedded(sharing: Sharing, memory: &Memory) -> Limiter {
    let limiter = Limiter::new(clock(), Quotas::embedded(), sharing, memory);
    limiter.caller_is("999999999999");
    limiter
}

fn iam(limiter: &Limiter, operation: &str) -> Arc<Bucket> {
    limiter.bucket(ONE, "us-east-1", "iam", operation)
}

fn learned(limiter: &Limiter) -> Vec<(String, f64)> {
    let limits = limiter.learned().into_iter();
    limits.map(|limit| (format!("{}:{}", limit.place.service, limit.place.group), limit.rate)).collect()
}

#[tokio::test(start_paused = true)]
async fn shards_share_the_buckets_of_the_caller() {
    let sharing = Sharing { share: "50%".parse().unwrap(), shards: 2 };
    let limiter = Limiter::new(clock(), Quotas::embedded(), sharing, &Memory::default());
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
    assert_eq!(limiter.pace("1", "r", "organizations", "ListAccounts"), Pace { rate: 2.0, taken: 23 });
    assert_eq!(limiter.pace("1", "r", "organizations", "ListRoots"), Pace { rate: 0.25, taken: 0 });
    let other = took("2", "ListAccounts", 6 + 20).await;
    assert!((4.9..5.2).contains(&other), "burst 12/2, then 8/2 a second: {other}");
}

#[tokio::test(start_paused = true)]
async fn buckets_are_apart_and_idle_ones_are_dropped() {
    let limiter = limiter("{ share: operation, rate: 1, burst: 1, ceiling: 2 }");
    let one = limiter.bucket(ONE, "r", "x", "Y");
    for other in [("2", "r", "Y"), (ONE, "s", "Y"), (ONE, "r", "Z")] {
        assert!(!Arc::ptr_eq(&one, &limiter.bucket(other.0, other.1, "x", other.2)), "{other:?}");
    }
    one.throttled();
    let rate = one.rate();
    assert!(one.slowed() && rate < 1.0);
    for account in 0..KEEP {
        limiter.bucket(&account.to_string(), "r", "x", "Q");
    }
    limiter.clock.wait(CUT_WINDOW * 30).await;
    let (slowed, siblings) = (Arc::downgrade(&one), Arc::downgrade(one.siblings.as_ref().unwrap()));
    drop(one);
    for account in 0..KEEP {
        limiter.bucket(&account.to_string(), "r", "x", "R");
    }
    assert!(lock(&limiter.buckets).by_key.len() <= KEEP + 10);
    assert!(slowed.upgrade().is_none() && siblings.upgrade().is_none(), "it was dropped");
    assert_eq!(limiter.bucket(ONE, "r", "x", "Y").rate(), rate, "and is as slow as it was when it is asked again");
}

#[tokio::test(start_paused = true)]
async fn two_operations_throttled_together_share_a_bucket_and_one_alone_does_not() {
    let limiter = embedded(Sharing::default(), &Memory::default());
    let (roles, users, keys) =
        (iam(&limiter, "ListRoles"), iam(&limiter, "ListUsers"), iam(&limiter, "ListAccessKeys"));
    roles.throttled();
    limiter.clock.wait(Duration::from_secs(3)).await;
    roles.throttled();
    assert!(roles.rate() < 2.5 && (users.rate() - 5.0).abs() < 1e-9, "an operation's own limit");
    limiter.clock.wait(Duration::from_secs(60)).await;
    users.throttled();
    assert!((users.rate() - 3.5).abs() < 1e-9 && (keys.rate() - 5.0).abs() < 1e-9, "too long ago to be one limit");
    keys.throttled();
    assert!(keys.rate() <= 5.0 && keys.slowed(), "now it is one");
    assert_eq!((users.rate(), users.paced.rate()), (3.5, 5.0), "all share it, and it was not the operation's own");
    let elsewhere = [("222222222222", "us-east-1", "iam"), (ONE, "us-east-1", "s3"), (ONE, "us-west-1", "config")];
    for (account, region, service) in elsewhere {
        assert!(!limiter.bucket(account, region, service, "X").slowed(), "{account} {region} {service}");
    }
    // AWS publishes CloudTrail's rates: each bucket slows down alone.
    let trails = limiter.bucket(ONE, "us-east-1", "cloudtrail", "DescribeTrails");
    trails.throttled();
    limiter.bucket(ONE, "us-east-1", "cloudtrail", "ListTrails").throttled();
    assert!(trails.siblings.is_none() && (trails.rate() - 7.0).abs() < 1e-9);
    let found = keys.rate();
    for _ in 0..20 {
        limiter.clock.wait(Duration::from_secs(1)).await;
        keys.succeeded();
    }
    assert_eq!(keys.rate(), found, "nobody waited for it, so nothing says that it could be faster");
    for _ in 0..60 {
        users.paced.succeeded();
        roles.paced.succeeded();
        limiter.clock.wait(Duration::from_secs(5)).await;
    }
    ask(&limiter, &Hidden::new(1e6, 1e6), 8, 800, f64::INFINITY).await;
    assert!(keys.siblings.as_ref().unwrap().shared().is_none(), "without throttles it is gone");
    assert_eq!(learned(&limiter), [], "nothing is slow any more");
}

#[tokio::test(start_paused = true)]
async fn what_throttled_is_learned_and_the_next_run_begins_with_it() {
    let limiter = embedded(Sharing::default(), &Memory::default());
    let (roles, users) = (iam(&limiter, "ListRoles"), iam(&limiter, "ListUsers"));
    roles.throttled();
    limiter.bucket(ONE, "us-east-1", "organizations", "ListRoots").throttled();
    assert_eq!(learned(&limiter), [("iam:ListRoles".to_owned(), 3.5)], "a published limit is known");
    users.throttled();
    assert_eq!(learned(&limiter), [("iam:*".to_owned(), 3.5)], "it was all operations");
    let memory = Memory::of(limiter.learned());

    // With half of the quotas, half of what was found.
    let half = Sharing { share: "50%".parse().unwrap(), ..Sharing::default() };
    let next = embedded(half, &memory);
    let roles = iam(&next, "ListRoles");
    assert!((roles.rate() - 1.75).abs() < 1e-9 && roles.slowed());
    assert!(
        (next.bucket("222222222222", "us-east-1", "iam", "ListRoles").rate() - 2.5).abs() < 1e-9,
        "no throttle, no limit"
    );
    let kept = next.learned();
    assert_eq!(
        (kept[0].rate, kept[0].seen),
        (3.5, memory.limits()[0].seen),
        "as old as before: AWS did not say so again"
    );
    next.clock.wait(Duration::from_secs(5)).await;
    roles.throttled();
    let again = next.learned();
    assert!(again[0].rate < 3.5 && again[0].seen > kept[0].seen, "{again:?}");
    ask(&next, &Hidden::new(1e6, 1e6), 8, 800, f64::INFINITY).await;
    assert_eq!(learned(&next), [], "it came back");
}

/// What AWS enforces and nobody announced.
struct Hidden {
    rate: f64,
    burst: f64,
    state: Mutex<(f64, Duration)>,
}

impl Hidden {
    fn new(rate: f64, burst: f64) -> Self {
        Self { rate, burst, state: Mutex::new((burst, Duration::ZERO)) }
    }

    fn passes(&self, now: Duration) -> bool {
        let mut state = lock(&self.state);
        let (tokens, at) = *state;
        let tokens = now.saturating_sub(at).as_secs_f64().mul_add(self.rate, tokens).min(self.burst);
        let pass = tokens + 1e-6 >= 1.0;
        *state = (tokens - f64::from(u8::from(pass)), now);
        pass
    }
}

/// What came of asking.
#[derive(Debug, Default)]
struct Asked {
    /// When each request was let through, in seconds.
    passed: Vec<f64>,
    /// When each was throttled.
    throttled: Vec<f64>,
    /// The most attempts that one request took.
    attempts: u32,
    lowest: f64,
}

impl Asked {
    fn note(&mut self, now: Duration, passes: bool, attempt: u32, rate: f64) {
        self.attempts = self.attempts.max(attempt);
        self.lowest = self.lowest.min(rate);
        let times = if passes { &mut self.passed } else { &mut self.throttled };
        times.push(now.as_secs_f64());
    }

    fn rate(&self, from: f64, to: f64) -> f64 {
        self.passed.iter().filter(|at| (from..to).contains(*at)).count() as f64 / (to - from)
    }

    fn throttled_share(&self, from: f64) -> f64 {
        let later = |times: &Vec<f64>| times.iter().filter(|at| **at >= from).count() as f64;
        later(&self.throttled) / (later(&self.throttled) + later(&self.passed)).max(1.0)
    }
}

/// Asks `operations` side by side, each `pages` times one after the other (or until `until`), at a latency of 50 ms.
async fn ask(limiter: &Limiter, hidden: &Hidden, operations: usize, pages: usize, until: f64) -> Asked {
    let asked = Mutex::new(Asked { lowest: f64::INFINITY, ..Asked::default() });
    let half = Duration::from_millis(25);
    let one = async |operation: usize| {
        let bucket = iam(limiter, &format!("Op{operation}"));
        for _ in 0..pages {
            for attempt in 1.. {
                bucket.pass().await;
                limiter.clock.wait(half).await;
                let now = limiter.clock.elapsed();
                let passes = hidden.passes(now);
                limiter.clock.wait(half).await;
                lock(&asked).note(now, passes, attempt, bucket.rate());
                if passes {
                    bucket.succeeded();
                    break;
                }
                bucket.throttled();
                limiter.clock.wait(crate::aws::gate::retry_after(attempt)).await;
            }
            if limiter.clock.elapsed().as_secs_f64() > until {
                break;
            }
        }
    };
    join_all((0..operations).map(one)).await;
    asked.into_inner().unwrap()
}

fn run<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap().block_on(work)
}

#[tokio::test(start_paused = true)]
async fn an_unannounced_limit_over_all_operations_costs_little() {
    // An audit's requests to IAM: a dozen operations, a few with pages, over a limit of 5 a second.
    for (operations, pages) in [(12, 1), (12, 3), (4, 25)] {
        let limiter = embedded(Sharing::default(), &Memory::default());
        let asked = ask(&limiter, &Hidden::new(5.0, 5.0), operations, pages, f64::INFINITY).await;
        let took = limiter.clock.elapsed().as_secs_f64();
        let requests = (operations * pages) as f64;
        // The last pages of each operation come one after the other, at 50 ms each.
        let bound = ((requests - 5.0) / 5.0).max(pages as f64 * 0.05) + 0.05;
        assert_eq!(asked.passed.len(), operations * pages);
        assert!(took <= 1.25 * bound, "{operations}x{pages}: {took} s, bound {bound} s");
        assert!(asked.attempts <= 4, "{}", asked.attempts);
    }
}

#[tokio::test(start_paused = true)]
async fn a_limit_that_is_never_met_slows_nobody() {
    let limiter = embedded(Sharing::default(), &Memory::default());
    let asked = ask(&limiter, &Hidden::new(150.0, 300.0), 12, 10, f64::INFINITY).await;
    assert_eq!(asked.throttled.len(), 0);
    // Each has a burst of its own.
    let took = limiter.clock.elapsed().as_secs_f64();
    assert!(took < 10.0 * 0.05 + 0.1, "{took}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn the_rate_settles_below_an_unannounced_limit(
        rate in 1.0f64..20.0, seconds_of_burst in 0.5f64..3.0, operations in 3usize..12,
    ) {
        run(async {
            let limiter = embedded(Sharing::default(), &Memory::default());
            let hidden = Hidden::new(rate, (rate * seconds_of_burst).max(1.0));
            let asked = ask(&limiter, &hidden, operations, usize::MAX, 120.0).await;
            // What the operations could ask for, were nothing in the way.
            let wanted = rate.min(operations as f64 * 15.0);
            let settled = asked.rate(20.0, 120.0);
            let at_most = (rate * 100.0 + hidden.burst) / 100.0 + 0.1;
            prop_assert!(settled >= 0.6 * wanted && settled <= at_most, "{settled} a second of {rate}");
            let throttled = asked.throttled_share(20.0);
            // One probe in a while, which weighs more where little passes.
            prop_assert!(throttled < 0.05 + 0.06 / rate, "{throttled} throttled of {rate} a second");
            prop_assert!(asked.attempts <= 8, "{} attempts", asked.attempts);
            prop_assert!(asked.lowest >= 0.75 - 1e-9, "{}", asked.lowest);
            Ok(())
        })?;
    }

    #[test]
    fn the_rate_comes_back_when_a_limit_is_lifted(rate in 0.8f64..8.0, operations in 3usize..10) {
        run(async {
            let limiter = embedded(Sharing::default(), &Memory::default());
            ask(&limiter, &Hidden::new(rate, rate.max(1.0)), operations, usize::MAX, 60.0).await;
            let lifted = limiter.clock.elapsed().as_secs_f64();
            let asked = ask(&limiter, &Hidden::new(1e6, 1e6), operations, usize::MAX, lifted + 60.0).await;
            let wanted = 15.0;
            prop_assert!(asked.rate(lifted + 45.0, lifted + 60.0) >= wanted, "{}", asked.rate(lifted + 45.0, lifted + 60.0));
            Ok(())
        })?;
    }

    #[test]
    fn a_limit_far_below_the_first_rate_loses_nothing(rate in 0.3f64..1.5, operations in 3usize..14) {
        run(async {
            let limiter = embedded(Sharing::default(), &Memory::default());
            let asked = ask(&limiter, &Hidden::new(rate, 1.0), operations, 3, f64::INFINITY).await;
            prop_assert_eq!(asked.passed.len(), operations * 3);
            prop_assert!(asked.attempts <= 16, "{} attempts", asked.attempts);
            let took = limiter.clock.elapsed().as_secs_f64();
            let bound = (operations as f64 * 3.0 - 1.0) / rate;
            prop_assert!(took <= 2.5 * bound + 5.0, "{took} s, bound {bound} s");
            Ok(())
        })?;
    }
}
