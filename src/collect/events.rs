//! Recent management events that checks look for, from an account's own event history.
//!
//! Owns: which events are asked for where, and what is kept of a record. Must not: judge an event, or keep more of a record
//! than checks read.
//!
//! Source: CloudTrail user guide, "CloudTrail record contents", "Global service events": IAM's are in the partition's main
//! Region. One lookup takes one attribute, and pages of 2 a second: that is why this is asked for with a flag.

use super::decode::time;
use super::lookup::{LOOKUP, lookup};
use super::watch::Watch;
use crate::aws::AccountSession;
use crate::model::event::{Event, RecentEvents};
use crate::model::ids::Region;
use crate::model::observed::{Cause, Observed};
use aws_sdk_cloudtrail::types::{self, LookupAttributeKey};
use futures::future;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// IAM's events.
const GLOBAL: [&str; 8] = [
    "AttachGroupPolicy",
    "AttachRolePolicy",
    "AttachUserPolicy",
    "CreateAccessKey",
    "CreateRole",
    "CreateUser",
    "PutUserPolicy",
    "UpdateAssumeRolePolicy",
];

/// Events of every Region.
const REGIONAL: [&str; 6] =
    ["AssumeRoleWithWebIdentity", "ConsoleLogin", "DeleteTrail", "PutEventSelectors", "StopLogging", "UpdateTrail"];

/// The name under which the root user's calls are found, and under which a cut-off list of them is told.
const ROOT: &str = "root";

/// What is kept of a record besides its own members.
const FIELDS: [&str; 26] = [
    "additionalEventData.MFAIdentifier",
    "additionalEventData.MFAUsed",
    "additionalEventData.SamlProviderArn",
    "errorMessage",
    "eventType",
    "readOnly",
    "requestParameters.groupName",
    "requestParameters.includeGlobalServiceEvents",
    "requestParameters.isMultiRegionTrail",
    "requestParameters.name",
    "requestParameters.policyArn",
    "requestParameters.policyName",
    "requestParameters.roleArn",
    "requestParameters.roleName",
    "requestParameters.roleSessionName",
    "requestParameters.trailName",
    "requestParameters.userName",
    "responseElements.ConsoleLogin",
    "responseElements.audience",
    "responseElements.provider",
    "responseElements.subjectFromWebIdentityToken",
    "userIdentity.accountId",
    "userIdentity.identityProvider",
    "userIdentity.invokedBy",
    "userIdentity.sessionContext.attributes.mfaAuthenticated",
    "userIdentity.userName",
];

/// The longest value of a field that is kept, in characters: a record is hostile input.
const LONGEST: usize = 512;

/// What is asked for.
pub(super) struct Search {
    /// From when on.
    since: Timestamp,
}

impl Search {
    /// The last `days` days before `as_of`.
    pub(super) fn new(as_of: Timestamp, days: u16) -> Self {
        let back = SignedDuration::from_hours(i64::from(days) * 24);
        Self { since: as_of.checked_sub(back).unwrap_or(Timestamp::UNIX_EPOCH) }
    }

    /// The events of each of these Regions, and IAM's of the partition's main Region, which is asked in any case.
    pub(super) async fn regions(
        &self,
        session: &AccountSession,
        watch: &Watch,
        regions: &[&Region],
    ) -> BTreeMap<Region, Observed<RecentEvents>> {
        let main = session.global_region();
        let all: BTreeSet<Region> = regions.iter().map(|region| (*region).clone()).chain([main.clone()]).collect();
        let main = &main;
        let seen = all.into_iter().map(async |region| {
            let events = watch.observed(LOOKUP, self.region(session, &region, region == *main)).await;
            (region, events)
        });
        future::join_all(seen).await.into_iter().collect()
    }

    async fn region(&self, session: &AccountSession, region: &Region, main: bool) -> Observed<RecentEvents> {
        let work = async {
            let mut found = RecentEvents { since: self.since, cut_off: Vec::new(), events: Vec::new() };
            for name in GLOBAL.iter().filter(|_| main).chain(&REGIONAL) {
                self.ask(session, region, (LookupAttributeKey::EventName, name), &mut found).await?;
            }
            self.ask(session, region, (LookupAttributeKey::Username, ROOT), &mut found).await?;
            // The root user's calls may be among the named ones.
            found.events.sort_by(|a, b| (b.at, &a.id).cmp(&(a.at, &b.id)));
            found.events.dedup_by(|a, b| a.id == b.id);
            Ok(Some(found))
        };
        session.observe(LOOKUP, region, work).await
    }

    async fn ask(
        &self,
        session: &AccountSession,
        region: &Region,
        (key, value): (LookupAttributeKey, &str),
        found: &mut RecentEvents,
    ) -> Result<(), Cause> {
        let events = &mut found.events;
        let whole = lookup(session, region, self.since, Some((key, value)), &mut |event| {
            events.extend(from_aws(event, region));
        })
        .await?;
        if !whole {
            found.cut_off.push(value.to_owned());
        }
        Ok(())
    }
}

/// The parts of an event that are kept.
fn from_aws(event: &types::Event, asked: &Region) -> Option<Event> {
    let record: Value = event.cloud_trail_event().and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
    let at = scalar(&record, "eventTime").and_then(|at| at.parse().ok());
    let identity = |key: &str| scalar(&record, &format!("userIdentity.{key}"));
    let names = ["arn", "userName", "identityProvider", "principalId", "type"];
    Some(Event {
        id: event.event_id().map(str::to_owned).or_else(|| scalar(&record, "eventID"))?,
        name: event.event_name().map(str::to_owned).or_else(|| scalar(&record, "eventName"))?,
        source: event.event_source().unwrap_or_default().to_owned(),
        at: at.or_else(|| event.event_time().and_then(time))?,
        region: scalar(&record, "awsRegion").and_then(|region| region.parse().ok()).unwrap_or_else(|| asked.clone()),
        actor_kind: identity("type").unwrap_or_default(),
        actor: names.iter().find_map(|name| identity(name)).unwrap_or_else(|| "somebody".to_owned()),
        error: scalar(&record, "errorCode"),
        fields: FIELDS.iter().filter_map(|path| Some(((*path).to_owned(), scalar(&record, path)?))).collect(),
    })
}

/// A text, number or boolean of a record by its path, as text, cut to [`LONGEST`].
fn scalar(record: &Value, path: &str) -> Option<String> {
    let value = path.split('.').try_fold(record, |value, key| value.get(key))?;
    let text = match value {
        Value::String(text) => text.chars().take(LONGEST).collect(),
        Value::Bool(_) | Value::Number(_) => value.to_string(),
        _ => return None,
    };
    Some(text).filter(|text: &String| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn event(record: &Value) -> types::Event {
        let event =
            types::Event::builder().event_id("e-1").event_name("ConsoleLogin").event_source("signin.amazonaws.com");
        event.event_time(aws_smithy_types::DateTime::from_secs(5)).cloud_trail_event(record.to_string()).build()
    }

    fn asked() -> Region {
        "eu-central-1".parse().unwrap()
    }

    #[test]
    fn what_checks_read_is_kept_and_nothing_else() {
        let record = json!({
            "eventTime": "2026-11-02T08:00:00Z", "awsRegion": "us-east-1", "eventType": "AwsConsoleSignIn",
            "userIdentity": {"type": "IAMUser", "arn": "arn:aws:iam::111122223333:user/a", "userName": "a"},
            "additionalEventData": {"MFAUsed": "No", "LoginTo": "https://console.aws.amazon.com/secret"},
            "responseElements": {"ConsoleLogin": "Success"}, "sourceIPAddress": "203.0.113.1",
            "requestParameters": {"policyDocument": "{}", "includeGlobalServiceEvents": false},
        });
        let kept = from_aws(&event(&record), &asked()).unwrap();
        assert_eq!((kept.actor_kind.as_str(), kept.region.as_str()), ("IAMUser", "us-east-1"));
        assert_eq!((kept.field("additionalEventData.MFAUsed"), kept.succeeded()), (Some("No"), true));
        assert_eq!(kept.field("requestParameters.includeGlobalServiceEvents"), Some("false"));
        let shown = format!("{kept:?}");
        assert!(!shown.contains("secret") && !shown.contains("203.0.113.1") && !shown.contains("policyDocument"));
    }

    #[test]
    fn a_record_that_can_not_be_read_is_still_an_event_and_long_values_are_cut() {
        let broken = types::Event::builder().event_id("e").event_name("CreateUser").cloud_trail_event("{");
        let broken = broken.event_time(aws_smithy_types::DateTime::from_secs(5)).build();
        let kept = from_aws(&broken, &asked()).unwrap();
        assert_eq!((kept.actor.as_str(), kept.region, kept.at.as_second()), ("somebody", asked(), 5));
        assert!(from_aws(&types::Event::builder().event_name("CreateUser").build(), &asked()).is_none(), "no id");
        let long = json!({"userIdentity": {"arn": "a".repeat(9_000)}});
        assert_eq!(from_aws(&event(&long), &asked()).map(|event| event.actor.len()), Some(LONGEST));
    }

    #[test]
    fn tables_are_sorted_and_name_an_event_once() {
        assert!(GLOBAL.is_sorted() && REGIONAL.is_sorted() && FIELDS.is_sorted());
        assert!(GLOBAL.iter().all(|name| !REGIONAL.contains(name)));
        let search = Search::new("2026-11-02T08:00:00Z".parse().unwrap(), 7);
        assert_eq!(search.since.to_string(), "2026-10-26T08:00:00Z");
    }
}
