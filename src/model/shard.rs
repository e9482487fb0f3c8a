//! A shard: the part of an organization's accounts that one machine of several audits.
//!
//! Owns: which account belongs to which shard. Must not: know which machine that is, or what is done with the accounts.

use super::ids::AccountId;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// One of several equal parts, written `I/N` and counted from 0, as Kubernetes (`JOB_COMPLETION_INDEX`) and AWS Batch
/// (`AWS_BATCH_JOB_ARRAY_INDEX`) count: `0/8` to `7/8`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Shard {
    index: u32,
    count: u32,
}

/// Why a text is no shard.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ShardError {
    /// Not two numbers.
    #[error("`{0}` is not a shard: write I/N, counted from 0, such as `0/8`")]
    Form(String),
    /// No part at all.
    #[error("`{index}/0` is not a shard: there has to be one part at least, such as `0/1`")]
    None {
        /// The part asked for.
        index: u32,
    },
    /// Past the last part.
    #[error("there is no shard `{index}/{count}`: shards are counted from 0, so the last is `{last}/{count}`", last = count.saturating_sub(1))]
    Past {
        /// The part asked for.
        index: u32,
        /// How many there are, 1 at least.
        count: u32,
    },
}

impl Shard {
    /// The one shard of a run on one machine.
    pub const WHOLE: Self = Self { index: 0, count: 1 };

    /// Part `index` of `count`.
    ///
    /// # Errors
    /// If there is no such part.
    pub fn new(index: u32, count: u32) -> Result<Self, ShardError> {
        match count {
            0 => Err(ShardError::None { index }),
            _ if index >= count => Err(ShardError::Past { index, count }),
            _ => Ok(Self { index, count }),
        }
    }

    /// Which part, from 0.
    pub fn index(self) -> u32 {
        self.index
    }

    /// How many parts there are; 1 at least.
    pub fn count(self) -> u32 {
        self.count
    }

    /// Whether the account at this place of the scope (from 0, in the order of ids) is in it. Neighbours go to different
    /// shards, so that accounts made together, which are often alike, do not burden one machine.
    pub fn contains(self, position: usize) -> bool {
        // Two numbers of 32 bits fit into 64.
        position as u64 % u64::from(self.count) == u64::from(self.index)
    }

    /// Its accounts among those of the scope, in their order. Every machine has to hand in the same accounts in the same
    /// order: those of the scope by id, resolved in the same organization file.
    pub fn part(self, accounts: &[AccountId]) -> Vec<AccountId> {
        let own = accounts.iter().enumerate().filter(|(position, _)| self.contains(*position));
        own.map(|(_, account)| account.clone()).collect()
    }

    /// How many of `accounts` accounts are in it: of two shards one has at most one more than the other.
    pub fn size(self, accounts: usize) -> usize {
        let count = usize::try_from(self.count).unwrap_or(usize::MAX);
        let one_more = usize::try_from(self.index).is_ok_and(|index| index < accounts % count);
        accounts / count + usize::from(one_more)
    }
}

impl FromStr for Shard {
    type Err = ShardError;
    fn from_str(text: &str) -> Result<Self, ShardError> {
        let number = |text: &str| {
            // `u32` would take a plus sign.
            text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten()
        };
        let parts = text.split_once('/').and_then(|(index, count)| Some((number(index)?, number(count)?)));
        match parts {
            Some((index, count)) => Self::new(index, count),
            None => Err(ShardError::Form(text.chars().take(64).collect())),
        }
    }
}

impl TryFrom<String> for Shard {
    type Error = ShardError;
    fn try_from(text: String) -> Result<Self, ShardError> {
        text.parse()
    }
}

impl From<Shard> for String {
    fn from(shard: Shard) -> Self {
        shard.to_string()
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.index, self.count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_shard_is_counted_from_nought() {
        let all: Vec<Shard> = ["0/8", "7/8"].map(|text| text.parse().unwrap()).to_vec();
        assert_eq!(all.iter().map(|shard| (shard.index(), shard.count())).collect::<Vec<_>>(), [(0, 8), (7, 8)]);
        assert_eq!("0/1".parse(), Ok(Shard::WHOLE));
        assert_eq!(serde_json::to_string(&all[1]).unwrap(), "\"7/8\"");
        assert_eq!(serde_json::from_str::<Shard>("\"7/8\"").unwrap(), all[1]);
        assert!(serde_json::from_str::<Shard>("\"8/8\"").is_err());
    }

    #[test]
    fn what_is_no_shard_is_said_to_be_none() {
        let wrong = |text: &str| text.parse::<Shard>().unwrap_err().to_string();
        assert_eq!(wrong("8/8"), "there is no shard `8/8`: shards are counted from 0, so the last is `7/8`");
        assert_eq!(wrong("0/0"), "`0/0` is not a shard: there has to be one part at least, such as `0/1`");
        // An index of an engine that starts at 1, a missing variable, and what is no number.
        assert_eq!(wrong("1/1"), "there is no shard `1/1`: shards are counted from 0, so the last is `0/1`");
        for text in ["1", "/8", "1/", "", "-1/8", "+1/8", "1/8/8", "1 / 8", "a/b", "0/99999999999", "0x1/2"] {
            assert_eq!(wrong(text), format!("`{text}` is not a shard: write I/N, counted from 0, such as `0/8`"));
        }
        assert!(wrong(&"1".repeat(10_000)).len() < 200);
    }

    fn accounts(count: usize) -> Vec<AccountId> {
        (0..count).map(|number| format!("{number:012}").parse().unwrap()).collect()
    }

    proptest! {
        #[test]
        fn every_account_is_in_exactly_one_shard_and_shards_are_even(count in 1u32..200, total in 0usize..700) {
            let accounts = accounts(total);
            let parts: Vec<Vec<AccountId>> =
                (0..count).map(|index| Shard::new(index, count).unwrap().part(&accounts)).collect();
            let sizes: Vec<usize> = parts.iter().map(Vec::len).collect();
            prop_assert!(sizes.iter().max().unwrap() - sizes.iter().min().unwrap() <= 1, "{:?}", sizes);
            for (index, part) in (0..count).zip(&parts) {
                let shard = Shard::new(index, count).unwrap();
                prop_assert_eq!(shard.size(total), part.len());
                prop_assert!(part.is_sorted());
                prop_assert_eq!(&shard.part(&accounts), part, "the same each time");
            }
            let mut together: Vec<AccountId> = parts.into_iter().flatten().collect();
            together.sort();
            prop_assert_eq!(together, accounts);
        }

        #[test]
        fn a_shard_is_read_as_it_was_written(index in any::<u32>(), count in any::<u32>()) {
            match Shard::new(index, count) {
                Ok(shard) => prop_assert_eq!(shard.to_string().parse(), Ok(shard)),
                Err(error) => prop_assert_eq!(format!("{index}/{count}").parse::<Shard>(), Err(error)),
            }
        }
    }
}
