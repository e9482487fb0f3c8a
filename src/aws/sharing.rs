//! How much of AWS's request quotas is this process's: the rest is others', and the other shards'.
//!
//! Must not: know a quota, or enforce one.

use super::quotas::Allowance;
use crate::model::Share;

/// Services whose requests the caller's own account pays for, whichever account they are about: every shard drains these.
const PAID_BY_THE_CALLER: [&str; 2] = ["organizations", "sts"];

/// How much of every bucket a run may take.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sharing {
    /// Of every bucket; the rest is left to whoever else asks.
    pub share: Share,
    /// How many processes work on the organization at the same time, this one included; 0 counts as 1. They divide the
    /// caller's own buckets of Organizations and STS. Those of members are not divided: each account is one shard's, and so
    /// is the management account as far as it is audited.
    pub shards: u32,
}

impl Default for Sharing {
    fn default() -> Self {
        Self { share: Share::ALL, shards: 1 }
    }
}

impl Sharing {
    /// This run's part of a bucket. `own`: the bucket is in the caller's own account.
    pub(super) fn factor(self, own: bool, service: &str) -> f64 {
        let shards = if own && PAID_BY_THE_CALLER.contains(&service) { f64::from(self.shards.max(1)) } else { 1.0 };
        self.share.factor() / shards
    }

    /// What is left of an allowance. A burst is never below 1.
    pub(super) fn of(self, allowance: Allowance, own: bool, service: &str) -> Allowance {
        let factor = self.factor(own, service);
        // Not above the burst that was there, so the cast keeps its value.
        let burst = (f64::from(allowance.burst) * factor).floor() as u32;
        Allowance { rate: allowance.rate * factor, burst: burst.max(1), ceiling: allowance.ceiling * factor }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(allowance: Allowance) -> (f64, u32, f64) {
        (allowance.rate, allowance.burst, allowance.ceiling)
    }

    #[test]
    fn a_share_takes_its_part_of_rate_burst_and_ceiling() {
        let half = Sharing { share: "50%".parse().unwrap(), ..Sharing::default() };
        let iam = Allowance { rate: 5.0, burst: 9, ceiling: 15.0 };
        assert_eq!(given(half.of(iam, false, "iam")), (2.5, 4, 7.5));
        let slow = Allowance { rate: 1.0, burst: 1, ceiling: 1.0 };
        assert_eq!(given(half.of(slow, true, "organizations")), (0.5, 1, 0.5), "one at a time is the least");
        assert_eq!(given(Sharing::default().of(iam, true, "iam")), (5.0, 9, 15.0));
    }

    #[test]
    fn shards_divide_what_all_of_them_drain_and_nothing_else() {
        let shards = Sharing { share: "50%".parse().unwrap(), shards: 4 };
        let sts = Allowance { rate: 600.0, burst: 600, ceiling: 600.0 };
        assert_eq!(given(shards.of(sts, true, "sts")), (75.0, 75, 75.0));
        assert_eq!(given(shards.of(sts, false, "sts")), (300.0, 300, 300.0), "a member's");
        assert_eq!(given(shards.of(sts, true, "iam")), (300.0, 300, 300.0), "one shard audits the management account");
        let list = Allowance { rate: 8.0, burst: 12, ceiling: 8.0 };
        assert_eq!(given(Sharing { shards: 16, ..Sharing::default() }.of(list, true, "organizations")), (0.5, 1, 0.5));
        assert_eq!(given(Sharing { shards: 0, ..Sharing::default() }.of(list, true, "organizations")), (8.0, 12, 8.0));
    }
}
