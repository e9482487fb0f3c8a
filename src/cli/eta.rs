//! How long a run over many accounts will take: from what is left in each shared bucket, and from how fast accounts were done
//! so far; the slower of the two decides.
//!
//! Pure. Must not: read a clock, ask anybody, or print.

use std::time::Duration;

/// Beyond this nobody believes a figure that a few accounts are the measure of.
const ABSURD: f64 = 7.0 * 24.0 * 3600.0;
/// Accounts, and in a tree OUs, on a page of Organizations.
const PAGE: u64 = 20;

/// What is left of a bucket that all accounts share.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Shared {
    /// Requests still to come.
    pub requests: u64,
    /// Requests per second.
    pub rate: f64,
}

/// How far a run is.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Pace {
    /// Accounts done.
    pub done: u64,
    /// Accounts in work.
    pub in_work: u64,
    /// Accounts known so far, these included.
    pub total: u64,
    /// Time since the first account was begun.
    pub elapsed: Duration,
    /// What is left of each shared bucket.
    pub shared: Vec<Shared>,
}

/// How long it takes from now on; `None` as long as nothing is known that a figure could rest on.
pub fn eta(pace: &Pace) -> Option<Duration> {
    let left = pace.total.saturating_sub(pace.done);
    // The first accounts come all at once after the time that one takes: until they are through, or are many of all there
    // are, their pace is not that of the others.
    let settled = pace.done > 0 && (pace.done >= pace.in_work || pace.done.saturating_mul(4) >= pace.total);
    let seconds = pace.elapsed.as_secs_f64();
    if pace.total == 0 || !settled || seconds <= 0.0 {
        return None;
    }
    // Counts of accounts are far below what a float holds exactly.
    let of_accounts = left as f64 * seconds / pace.done as f64;
    let of_buckets = pace.shared.iter().map(|bucket| bucket.requests as f64 / bucket.rate);
    let longest = of_buckets.fold(of_accounts, f64::max);
    // Not a number, from a rate that is none, is not below anything.
    (longest <= ABSURD).then(|| Duration::from_secs_f64(longest.max(0.0)))
}

/// Pages of targets still to come for the policy that is attached everywhere, of which `asked` were asked for.
pub fn target_pages_left(accounts: u64, ous: u64, asked: u64) -> u64 {
    // The root is a target as well.
    (accounts.saturating_add(ous).saturating_add(1)).div_ceil(PAGE).saturating_sub(asked)
}

/// In words; `whole`: all accounts are known, else there may be more to do than that.
pub fn words(eta: Option<Duration>, whole: bool) -> String {
    let Some(eta) = eta else { return "time left unknown yet".to_owned() };
    let about = if whole { "about" } else { "at least" };
    match eta.as_secs() {
        0..10 if whole => "seconds left".to_owned(),
        seconds => format!("{about} {} left", round(seconds)),
    }
}

/// So many seconds as a round figure, never less.
pub fn round(seconds: u64) -> String {
    match seconds {
        0..90 => format!("{} s", seconds.div_ceil(10).max(1) * 10),
        90..5_400 => format!("{} min", seconds.div_ceil(60)),
        5_400..172_800 => format!("{} h", seconds.div_ceil(3_600)),
        _ => format!("{} days", seconds.div_ceil(86_400)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn pace(done: u64, in_work: u64, total: u64, seconds: u64) -> Pace {
        Pace { done, in_work, total, elapsed: Duration::from_secs(seconds), shared: Vec::new() }
    }

    fn seconds(pace: &Pace) -> Option<u64> {
        eta(pace).map(|eta| eta.as_secs())
    }

    #[test]
    fn nothing_is_known_before_the_first_accounts_are_through() {
        assert_eq!(eta(&Pace::default()), None);
        assert_eq!(eta(&pace(0, 32, 10_000, 60)), None);
        assert_eq!(eta(&pace(1, 32, 10_000, 15)), None, "41 hours, were the first account the measure");
        assert_eq!(eta(&pace(5, 0, 10, 0)), None);
        assert_eq!(seconds(&pace(2, 6, 8, 20)), Some(60), "a quarter of all there are");
    }

    #[test]
    fn the_slower_of_accounts_and_buckets_decides() {
        assert_eq!(seconds(&pace(100, 32, 1_000, 10)), Some(90));
        let listing = Shared { requests: target_pages_left(10_000, 200, 11), rate: 5.0 };
        let roles = Shared { requests: 9_000, rate: 600.0 };
        let mut both = pace(1_000, 32, 10_000, 5);
        both.shared = vec![listing, roles];
        assert_eq!(seconds(&both), Some(100), "511 pages, 11 of them asked for, at 5 a second");
        both.elapsed = Duration::from_secs(50);
        assert_eq!(seconds(&both), Some(450));
    }

    #[test]
    fn the_end_is_near_and_never_negative() {
        assert_eq!(seconds(&pace(10, 0, 10, 100)), Some(0));
        assert_eq!(seconds(&pace(12, 0, 10, 100)), Some(0), "more than were announced");
        assert_eq!(target_pages_left(10, 2, 500), 0);
    }

    #[test]
    fn no_absurd_figure_is_told() {
        assert_eq!(eta(&pace(1, 1, u64::MAX, 1_000)), None);
        for rate in [0.0, f64::NAN, f64::MIN_POSITIVE] {
            let mut stuck = pace(5, 1, 10, 10);
            stuck.shared = vec![Shared { requests: 7, rate }];
            let told = eta(&stuck);
            assert!(told.is_none() || rate.is_nan(), "{rate}: {told:?}");
        }
    }

    #[test]
    fn words_are_round_and_say_what_they_rest_on() {
        let said = |seconds, whole| words(Some(Duration::from_secs(seconds)), whole);
        let all = [0, 9, 10, 41, 89, 90, 200, 5_399, 5_400, 90_000, 172_800, 604_800];
        let lines: Vec<String> =
            all.map(|seconds| format!("{seconds}: {} / {}", said(seconds, true), said(seconds, false))).into();
        insta::assert_snapshot!(lines.join("\n"), @"
        0: seconds left / at least 10 s left
        9: seconds left / at least 10 s left
        10: about 10 s left / at least 10 s left
        41: about 50 s left / at least 50 s left
        89: about 90 s left / at least 90 s left
        90: about 2 min left / at least 2 min left
        200: about 4 min left / at least 4 min left
        5399: about 90 min left / at least 90 min left
        5400: about 2 h left / at least 2 h left
        90000: about 25 h left / at least 25 h left
        172800: about 2 days left / at least 2 days left
        604800: about 7 days left / at least 7 days left
        ");
        assert_eq!(words(None, true), "time left unknown yet");
    }

    proptest! {
        #[test]
        fn a_figure_is_never_negative_nor_beyond_a_week(
            done in 0u64..20_000, in_work in 0u64..200, total in 0u64..60_000, millis in 0u64..100_000_000,
            requests in 0u64..1_000_000, rate in -1.0f64..1_000.0,
        ) {
            let pace = Pace { done, in_work, total, elapsed: Duration::from_millis(millis), shared: vec![Shared { requests, rate }] };
            if let Some(eta) = eta(&pace) {
                prop_assert!(eta.as_secs_f64() <= ABSURD);
                prop_assert!(words(Some(eta), false).len() <= 20);
            }
        }
    }
}
