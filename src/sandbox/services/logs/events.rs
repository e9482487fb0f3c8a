//! `FilterLogEvents`: in the log group of a trail, the calls made; in any other, nothing.
//!
//! Owns: which calls a log group received, and the pages. Must not: decide how late events
//! arrive ([`Org::delivery`] does).
//!
//! Source: CloudWatch Logs API reference, `FilterLogEvents`.

use super::{arn, invalid, name_of, no_log_group, pattern};
use crate::model::AccountId;
use crate::pattern::Pattern;
use crate::sandbox::state::Trail;
use crate::sandbox::{ApiError, Caller, Event, Org, input, page};
use serde_json::{Value, json};

/// Bytes of messages on a page.
const PAGE_BYTES: usize = 1_000_000;
/// Events on the longest page.
const LONGEST_PAGE: i64 = 10_000;

/// A trail that delivers to the log group, and whose it is.
struct Source {
    owner: AccountId,
    trail: Trail,
}

impl Source {
    fn delivers(&self, event: &Event) -> bool {
        let account = self.trail.organization || event.account == self.owner;
        let region = self.trail.multi_region || event.region == self.trail.home_region;
        self.trail.logging && account && region
    }
}

pub(super) fn filter(org: &mut Org, caller: &Caller, input: Value) -> Result<Value, ApiError> {
    let named = input::opt_text(&input, "logGroupName")?;
    let identified = input::opt_text(&input, "logGroupIdentifier")?;
    let name = match (named, identified) {
        (Some(name), None) => name.to_owned(),
        (None, Some(identifier)) => name_of(identifier, caller)?,
        _ => return Err(invalid("Exactly one of logGroupName and logGroupIdentifier must be given.")),
    };
    if !org.unpeopled(&caller.account).log_groups.contains_key(&(caller.region.clone(), name.clone())) {
        return Err(no_log_group());
    }
    let (from, to) = (input::opt_int(&input, "startTime")?, input::opt_int(&input, "endTime")?);
    if from.zip(to).is_some_and(|(from, to)| from > to) {
        return Err(invalid("startTime must not be after endTime."));
    }
    let limit = input::opt_int(&input, "limit")?.unwrap_or(LONGEST_PAGE);
    if !(1..=LONGEST_PAGE).contains(&limit) {
        return Err(invalid(format!("limit must be between 1 and {LONGEST_PAGE}.")));
    }
    let delivery = i64::try_from(org.delivery.as_millis()).unwrap_or(i64::MAX);
    let search = Search {
        sources: sources(org, caller, &name),
        stream: format!("{}_CloudTrail_{}", org.info.id, caller.region),
        pattern: pattern(input::opt_text(&input, "filterPattern")?.unwrap_or_default())?,
        from,
        to,
        delivery: (delivery, org.now.as_millisecond().saturating_sub(delivery)),
        limit: usize::try_from(limit).unwrap_or(1),
    };
    let start = match input::opt_text(&input, "nextToken")? {
        None => 0,
        Some(token) => page::offset(token).ok_or_else(|| invalid("The specified nextToken is invalid."))?,
    };
    let (events, next) = search.run(&org.events, start);
    Ok(json!({ "events": events, "searchedLogStreams": [], "nextToken": next.map(page::token_at) }))
}

/// The trails that deliver to the log group: the account's own, and the organization's.
fn sources(org: &Org, caller: &Caller, name: &str) -> Vec<Source> {
    let target = arn(caller, &caller.region, name);
    let mut found = Vec::new();
    let mut owners = vec![caller.account.clone()];
    if owners.first() != Some(&org.info.management_account) {
        owners.push(org.info.management_account.clone());
    }
    for owner in owners {
        for trail in org.unpeopled(&owner).trails.values() {
            let group = trail.log_group_arn.as_deref().unwrap_or_default();
            if group.strip_suffix(":*").unwrap_or(group) == target {
                found.push(Source { owner: owner.clone(), trail: trail.clone() });
            }
        }
    }
    found
}

/// What to look for.
struct Search {
    sources: Vec<Source>,
    stream: String,
    pattern: Option<Pattern>,
    from: Option<i64>,
    to: Option<i64>,
    /// How long an event takes to arrive, and the last moment of which one has.
    delivery: (i64, i64),
    limit: usize,
}

impl Search {
    /// The events from `start` on, oldest first, and where the next page starts.
    fn run(&self, events: &[Event], start: usize) -> (Vec<Value>, Option<usize>) {
        let (mut found, mut bytes) = (Vec::new(), 0);
        for (place, event) in events.iter().enumerate().skip(start) {
            let at = event.at.as_millisecond();
            let in_time =
                self.from.is_none_or(|from| at >= from) && self.to.is_none_or(|to| at <= to) && at <= self.delivery.1;
            if !in_time || !self.sources.iter().any(|source| source.delivers(event)) {
                continue;
            }
            let record = event.record();
            if self.pattern.as_ref().is_some_and(|pattern| !pattern.matches(&record)) {
                continue;
            }
            let message = record.to_string();
            if found.len() >= self.limit || (bytes > 0 && bytes + message.len() > PAGE_BYTES) {
                return (found, Some(place));
            }
            bytes += message.len();
            found.push(json!({
                "logStreamName": self.stream,
                "timestamp": at,
                "message": message,
                "ingestionTime": at.saturating_add(self.delivery.0),
                "eventId": format!("{place:056}"),
            }));
        }
        (found, None)
    }
}
