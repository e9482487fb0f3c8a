//! What a run learned of limits that AWS does not publish, as the next one begins with: for accounts that throttled only.
//!
//! Pure: a versioned JSON form, and how memories are joined and forgotten. Must not: open a file, or read a clock.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::time::Duration;

/// The version of the JSON form.
const VERSION: u32 = 1;
/// How long a limit is believed that AWS did not confirm by throttling again.
pub const BELIEVED: Duration = Duration::from_secs(30 * 24 * 3600);
/// Limits kept at most, the latest of them: five for each account of the largest organization.
const MOST: usize = 50_000;

/// Which bucket.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Place {
    /// The account whose bucket it is.
    pub account: String,
    /// The Region it is asked in.
    pub region: String,
    /// The prefix of the service's IAM actions.
    pub service: String,
    /// The group of operations as in the quotas file; `*`: all of the service.
    pub group: String,
}

/// A limit that AWS let us find out by throttling.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Learned {
    /// Which bucket.
    #[serde(flatten)]
    pub place: Place,
    /// Requests per second that went through, had the whole quota been asked for.
    pub rate: f64,
    /// When AWS throttled it last.
    pub seen: Timestamp,
}

/// All limits that were learned, one for each place.
///
/// It is serialized in its versioned form, and what is read is checked, wherever it is kept.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "serde_json::Value", into = "Written")]
pub struct Memory(Vec<Learned>);

/// Why a memory can't be used. A run goes on without it: it learns again.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MemoryError {
    /// A later orgward wrote it.
    #[error("remembered request limits have version `{0}`, this orgward reads version {VERSION}: they are left alone")]
    Later(u32),
    /// It is not what was written.
    #[error("remembered request limits can't be read: {0}")]
    Damaged(String),
}

#[derive(Serialize, Deserialize)]
struct Written {
    version: u32,
    limits: Vec<Learned>,
}

#[derive(Deserialize)]
struct Version {
    version: u32,
}

impl Memory {
    /// Of these limits; of two for one place the later counts.
    pub fn of(limits: impl IntoIterator<Item = Learned>) -> Self {
        let mut by_place: BTreeMap<Place, Learned> = BTreeMap::new();
        for limit in limits {
            match by_place.get(&limit.place) {
                Some(known) if known.seen > limit.seen => {}
                _ => drop(by_place.insert(limit.place.clone(), limit)),
            }
        }
        let mut limits: Vec<Learned> = by_place.into_values().collect();
        if limits.len() > MOST {
            limits.sort_by_key(|limit| std::cmp::Reverse(limit.seen));
            limits.truncate(MOST);
            limits.sort_by(|a, b| a.place.cmp(&b.place));
        }
        Self(limits)
    }

    /// From its JSON form.
    ///
    /// # Errors
    /// If a later orgward wrote it, by the version's name, or it is damaged.
    pub fn read(json: &str) -> Result<Self, MemoryError> {
        let value: serde_json::Value = serde_json::from_str(json).map_err(damaged)?;
        Self::try_from(value)
    }

    /// Its JSON form.
    ///
    /// # Errors
    /// Never in practice: every value has a form in JSON.
    pub fn write(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string(self)
    }

    /// The limits, by place.
    pub fn limits(&self) -> &[Learned] {
        &self.0
    }

    /// What is to be kept at the end of a run that began with `began` and learned `learned`, where `self` is what is kept
    /// now: another run may have written meanwhile. What the run began with and no longer knows has come back to normal and
    /// is forgotten, unless another run met it since; so is what is older than [`BELIEVED`].
    #[must_use]
    pub fn after(&self, began: &Self, learned: Vec<Learned>, now: Timestamp) -> Self {
        let by_place = |memory: &[Learned]| -> BTreeMap<Place, Timestamp> {
            memory.iter().map(|limit| (limit.place.clone(), limit.seen)).collect()
        };
        let (before, still) = (by_place(&began.0), by_place(&learned));
        let recovered = |limit: &Learned| {
            !still.contains_key(&limit.place) && before.get(&limit.place).is_some_and(|seen| limit.seen <= *seen)
        };
        let kept = self.0.iter().filter(|limit| !recovered(limit)).cloned();
        Self::of(kept.chain(learned)).believed(now)
    }

    /// Without what is older than [`BELIEVED`].
    #[must_use]
    pub fn believed(mut self, now: Timestamp) -> Self {
        let young = |limit: &Learned| now.duration_since(limit.seen).as_secs().unsigned_abs() <= BELIEVED.as_secs();
        self.0.retain(young);
        self
    }
}

impl TryFrom<serde_json::Value> for Memory {
    type Error = MemoryError;

    fn try_from(value: serde_json::Value) -> Result<Self, MemoryError> {
        let Version { version } = Version::deserialize(&value).map_err(damaged)?;
        match version {
            VERSION => {}
            0 => return Err(MemoryError::Damaged("there is no version `0`".to_owned())),
            later => return Err(MemoryError::Later(later)),
        }
        let written: Written = serde_json::from_value(value).map_err(damaged)?;
        match written.limits.iter().find(|limit| !limit.sane()) {
            None => Ok(Self::of(written.limits)),
            Some(wrong) => {
                let Learned { place: Place { account, service, .. }, rate, .. } = wrong;
                let (account, service) = (account.escape_debug(), service.escape_debug());
                Err(MemoryError::Damaged(format!(
                    "`{rate}` requests a second of `{service}` in `{account}` is no limit"
                )))
            }
        }
    }
}

impl From<Memory> for Written {
    fn from(memory: Memory) -> Self {
        Self { version: VERSION, limits: memory.0 }
    }
}

fn damaged(error: serde_json::Error) -> MemoryError {
    MemoryError::Damaged(error.to_string())
}

impl Learned {
    /// Whether it can be a limit of a bucket.
    fn sane(&self) -> bool {
        let Place { account, region, service, group } = &self.place;
        self.rate.is_finite()
            && (0.000_1..=100_000.0).contains(&self.rate)
            && account.len() == 12
            && account.bytes().all(|byte| byte.is_ascii_digit())
            && [region, service, group].into_iter().all(|word| (1..=128).contains(&word.len()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn limit(account: &str, rate: f64, seen: &str) -> Learned {
        let place =
            Place { account: account.into(), region: "us-east-1".into(), service: "iam".into(), group: "*".into() };
        Learned { place, rate, seen: at(seen) }
    }

    const ONE: &str = "111111111111";
    const TWO: &str = "222222222222";

    fn rates(memory: &Memory) -> Vec<(&str, f64)> {
        memory.limits().iter().map(|limit| (limit.place.account.as_str(), limit.rate)).collect()
    }

    #[test]
    fn the_json_form_is_versioned_and_comes_back() {
        let memory = Memory::of([limit(TWO, 3.5, "2026-11-02T00:00:00Z"), limit(ONE, 1.25, "2026-11-02T00:00:00Z")]);
        let json = memory.write().unwrap();
        assert_eq!(Memory::read(&json), Ok(memory.clone()));
        assert_eq!(serde_json::from_str::<Memory>(&json).unwrap(), memory, "also within another file");
        assert!(
            serde_json::from_str::<Memory>(&json.replace("\"version\":1", "\"version\":3"))
                .unwrap_err()
                .to_string()
                .contains("version `3`")
        );
        insta::assert_snapshot!(json, @r#"{"version":1,"limits":[{"account":"111111111111","region":"us-east-1","service":"iam","group":"*","rate":1.25,"seen":"2026-11-02T00:00:00Z"},{"account":"222222222222","region":"us-east-1","service":"iam","group":"*","rate":3.5,"seen":"2026-11-02T00:00:00Z"}]}"#);
    }

    #[test]
    fn a_later_form_is_refused_by_name_and_a_damaged_one_told() {
        let later = Memory::read(r#"{"version":2,"limits":"who knows","more":1}"#).unwrap_err();
        assert_eq!(later, MemoryError::Later(2));
        assert!(later.to_string().contains("version `2`, this orgward reads version 1"), "{later}");
        let good = Memory::of([limit(ONE, 1.0, "2026-11-02T00:00:00Z")]).write().unwrap();
        for damaged in [
            "",
            "{}",
            "[]",
            "null",
            r#"{"version":0,"limits":[]}"#,
            r#"{"version":1}"#,
            &good[..good.len() - 2],
            &good.replace("1.0", "0.0"),
            &good.replace("1.0", "-1.0"),
            &good.replace("1.0", "1e300"),
            &good.replace("1.0", "null"),
            &good.replace(ONE, "\\u001b[2J"),
            &good.replace("us-east-1", ""),
            &good.replace("2026", "last year"),
        ] {
            let error = Memory::read(damaged).unwrap_err();
            assert!(matches!(error, MemoryError::Damaged(_)), "{damaged}: {error:?}");
            assert!(!error.to_string().contains('\u{1b}'), "{error}");
        }
    }

    #[test]
    fn of_two_limits_for_a_place_the_later_counts() {
        let kept = Memory::of([limit(ONE, 1.0, "2026-11-02T00:00:00Z"), limit(TWO, 4.0, "2026-11-05T00:00:00Z")]);
        let learned = vec![limit(ONE, 2.0, "2026-11-06T00:00:00Z"), limit(TWO, 5.0, "2026-11-01T00:00:00Z")];
        let after = kept.after(&Memory::default(), learned, at("2026-11-06T00:00:00Z"));
        assert_eq!(rates(&after), [(ONE, 2.0), (TWO, 4.0)]);
    }

    #[test]
    fn what_came_back_to_normal_is_forgotten_unless_another_run_met_it_since() {
        let began = Memory::of([limit(ONE, 1.0, "2026-11-02T00:00:00Z"), limit(TWO, 4.0, "2026-11-02T00:00:00Z")]);
        let now = at("2026-11-06T00:00:00Z");
        let still = vec![limit(TWO, 4.5, "2026-11-02T00:00:00Z")];
        assert_eq!(rates(&began.after(&began, still.clone(), now)), [(TWO, 4.5)]);
        let meanwhile = Memory::of([limit(ONE, 0.5, "2026-11-05T00:00:00Z"), limit(TWO, 4.0, "2026-11-02T00:00:00Z")]);
        assert_eq!(rates(&meanwhile.after(&began, still, now)), [(ONE, 0.5), (TWO, 4.5)]);
    }

    #[test]
    fn a_limit_is_believed_for_thirty_days() {
        let kept = Memory::of([limit(ONE, 1.0, "2026-11-01T00:00:00Z"), limit(TWO, 2.0, "2026-11-02T00:00:00Z")]);
        let after = kept.after(&kept, kept.limits().to_vec(), at("2026-12-01T00:00:01Z"));
        assert_eq!(rates(&after), [(TWO, 2.0)]);
        // Written by a clock that was far ahead.
        assert_eq!(rates(&kept.believed(at("2026-01-01T00:00:00Z"))), []);
    }

    #[test]
    fn a_memory_is_bounded_and_keeps_the_latest() {
        let old = (0..MOST).map(|number| limit(&format!("{number:012}"), 1.0, "2026-11-01T00:00:00Z"));
        let new = limit("999999999999", 2.0, "2026-11-02T00:00:00Z");
        let memory = Memory::of(old.chain([new.clone()]));
        assert_eq!((memory.limits().len(), memory.limits().last()), (MOST, Some(&new)));
    }
}
