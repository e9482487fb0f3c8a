//! Which facts of an earlier run are young enough to stand in for asking again (`--since RUN --max-age D`).
//!
//! Owns: the choice. Must not: reuse what was unknown, or a fact of which any part is older than it may be.

use crate::collect::Known;
use crate::model::{AccountFacts, AccountId, Cause, Observed, Source};
use crate::store::{Kept, Run, StoreError};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// The facts of an earlier run, as far as they are young enough: those of an account that it does not have, or that can't be
/// read, are asked for again.
#[derive(Clone)]
pub struct Earlier {
    pub(super) known: Arc<Known>,
    /// How far its file is good, if not to its end.
    pub damage: Option<String>,
}

impl fmt::Debug for Earlier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Earlier")
    }
}

impl Earlier {
    /// Of a run that kept its facts, as of a moment.
    ///
    /// # Errors
    /// If its facts can't be read, or are not kept any more.
    pub fn open(run: &Run, as_of: Timestamp, max_age: Duration) -> Result<Self, StoreError> {
        let Some(facts) = run.read_frames(Kept::Facts)? else {
            let gone = std::io::Error::other("the facts of this run are not kept any more");
            return Err(StoreError::io("reuse", run.dir(), gone));
        };
        let damage = facts.cut().map(|cut| format!("`{}`: {cut}", facts.path().display()));
        let known = Arc::new(move |account: &AccountId| {
            let kept: Value = facts.read(&account.into()).ok()??;
            young(kept, as_of, max_age).ok()
        });
        Ok(Self { known, damage })
    }
}

/// Trails, the chains around their log groups and their buckets were read one from the other: all are reused, or none is.
const TOGETHER: [&str; 3] = ["trails", "monitoring", "trail_buckets"];

/// Facts that are about a span of time that has moved on.
const NEVER: &str = "recent_events";

/// The facts of `kept` that were no older than `max_age` at `as_of`; every other is unknown, not collected.
///
/// # Errors
/// If `kept` are no facts of an account.
pub fn young(mut kept: Value, as_of: Timestamp, max_age: Duration) -> Result<AccountFacts, serde_json::Error> {
    let limit = Limit { as_of, seconds: i64::try_from(max_age.as_secs()).unwrap_or(i64::MAX) };
    if let Value::Object(facts) = &mut kept {
        for (name, fact) in facts.iter_mut() {
            if name == NEVER {
                limit.leave_out_all(fact);
            } else {
                limit.leave_out_old(fact);
            }
        }
        let whole = TOGETHER.iter().all(|name| facts.get(*name).is_some_and(|fact| limit.holds(fact)));
        if !whole {
            for name in TOGETHER {
                facts.get_mut(name).into_iter().for_each(|fact| limit.leave_out_all(fact));
            }
            if let Some(chains) = facts.get_mut("monitoring") {
                *chains = Value::Array(Vec::new());
            }
        }
    }
    serde_json::from_value(kept)
}

struct Limit {
    as_of: Timestamp,
    seconds: i64,
}

impl Limit {
    /// Replaces whatever was seen, and can't be reused as a whole, with what says that it was not collected.
    fn leave_out_old(&self, value: &mut Value) {
        self.leave_out(value, false);
    }

    fn leave_out_all(&self, value: &mut Value) {
        self.leave_out(value, true);
    }

    fn leave_out(&self, value: &mut Value, all: bool) {
        if let Some(operation) = observed(value) {
            if all || !self.holds(value) {
                let unknown: Observed<()> = Observed::unknown(Cause::not_collected(operation));
                *value = serde_json::to_value(unknown).unwrap_or_default();
            }
            return;
        }
        match value {
            Value::Object(fields) => fields.values_mut().for_each(|field| self.leave_out(field, all)),
            Value::Array(items) => items.iter_mut().for_each(|item| self.leave_out(item, all)),
            _ => {}
        }
    }

    /// Whether everything seen in `value` is known and young enough.
    fn holds(&self, value: &Value) -> bool {
        match value {
            Value::Object(fields) => {
                let known = observed(value).is_none()
                    || fields.get("source").is_some_and(|source| {
                        Source::deserialize(source).is_ok_and(|source| source.age_seconds(self.as_of) <= self.seconds)
                    });
                known && fields.values().all(|field| self.holds(field))
            }
            Value::Array(items) => items.iter().all(|item| self.holds(item)),
            _ => true,
        }
    }
}

/// The operation of an [`Observed`]; `None` for any other value.
fn observed(value: &Value) -> Option<String> {
    let state = value.get("state")?.as_str()?;
    let of = match state {
        "present" | "absent" => value.get("source")?,
        "unknown" => value.get("cause")?,
        _ => return None,
    };
    Some(of.get("operation")?.as_str()?.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::fixtures;
    use crate::model::Region;

    const HOUR: Duration = Duration::from_secs(3600);

    /// The fixture's facts, and the moment they were seen.
    fn seen() -> (AccountFacts, Timestamp) {
        let mut facts = fixtures::account();
        // The fixture's trail is not looked into, which would spoil all that is read with it.
        facts.trails.values_mut().for_each(|seen| {
            if let Observed::Present { value, .. } = seen {
                value.clear();
            }
        });
        let at = facts.summary.source().unwrap().observed_at;
        (facts, at)
    }

    fn later(at: Timestamp, seconds: i64) -> Timestamp {
        at + jiff::SignedDuration::from_secs(seconds)
    }

    fn reused(facts: &AccountFacts, as_of: Timestamp) -> AccountFacts {
        young(serde_json::to_value(facts).unwrap(), as_of, HOUR).unwrap()
    }

    fn home(facts: &AccountFacts) -> Region {
        facts.regions_in_scope.first().unwrap().clone()
    }

    #[test]
    fn what_is_young_and_known_is_kept_as_it_was() {
        let (facts, at) = seen();
        let kept = reused(&facts, later(at, 3_599));
        assert_eq!(kept.summary, facts.summary);
        assert_eq!((&kept.trails, &kept.monitoring), (&facts.trails, &facts.monitoring));
        assert_eq!(kept.watchers, facts.watchers);
    }

    #[test]
    fn what_is_old_is_asked_again() {
        let (facts, at) = seen();
        let kept = reused(&facts, later(at, 3_601));
        assert!(kept.summary.cause().is_some() && kept.authorization.cause().is_some());
        assert!(kept.trails.values().all(|seen| seen.cause().is_some()) && kept.monitoring.is_empty());
        assert!(kept.watchers.values().all(|region| region.analyzers.cause().is_some()));
    }

    #[test]
    fn a_report_is_as_old_as_iam_made_it() {
        let (mut facts, at) = seen();
        if let Observed::Present { source, .. } = &mut facts.credential_report {
            source.made_at = Some(later(at, -7_200));
        }
        let kept = reused(&facts, later(at, 60));
        assert!(kept.credential_report.cause().is_some() && kept.summary.value().is_some());
    }

    #[test]
    fn one_old_or_unknown_part_spoils_what_was_read_together() {
        let (mut facts, at) = seen();
        facts.trail_buckets = Observed::not_collected("s3:ListBuckets");
        let kept = reused(&facts, later(at, 60));
        assert!(kept.trails.values().all(|seen| seen.cause().is_some()), "trails without their buckets");
        assert!(kept.summary.value().is_some());
        let (mut facts, at) = seen();
        let region = home(&facts);
        if let Some(Observed::Present { value, .. }) = facts.watchers.get_mut(&region).map(|seen| &mut seen.analyzers) {
            let first = value.first_mut().unwrap();
            first.findings = Observed::not_collected("access-analyzer:ListFindingsV2");
        }
        let kept = reused(&facts, later(at, 60));
        let watchers = kept.watchers.get(&region).unwrap();
        assert!(watchers.analyzers.cause().is_some() && watchers.security_hub.cause().is_none());
    }

    #[test]
    fn what_is_no_account_is_an_error() {
        assert!(young(serde_json::json!({"state": "present"}), Timestamp::UNIX_EPOCH, HOUR).is_err());
    }
}
