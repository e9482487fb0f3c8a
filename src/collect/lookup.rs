//! An account's event history in one Region, page by page.
//!
//! Owns: asking `LookupEvents` and when to stop. Must not: know what is looked for.
//!
//! Source: CloudTrail API reference, `LookupEvents`: one attribute, 50 events a page, newest first, 90 days, 2 calls a second
//! for each account and Region.

use crate::aws::AccountSession;
use crate::model::ids::Region;
use crate::model::observed::Cause;
use crate::resources::call::{Tokens, done};
use aws_sdk_cloudtrail::types::{Event, LookupAttribute, LookupAttributeKey};
use aws_smithy_types::DateTime;
use jiff::Timestamp;

pub(super) const LOOKUP: &str = "cloudtrail:LookupEvents";

/// The most pages read for one lookup.
pub(super) const PAGES: usize = 20;
/// Events on a page.
const PAGE: i32 = 50;

/// The most events one lookup gives.
pub(super) const MOST: usize = PAGES * 50;

/// Hands every event since `since` to `take`, newest first, of those that have the attribute. Answers whether that was all:
/// `false` if [`PAGES`] were not enough.
///
/// # Errors
/// Why CloudTrail could not be asked; events may have been handed over before.
pub(super) async fn lookup(
    session: &AccountSession,
    region: &Region,
    since: Timestamp,
    attribute: Option<(LookupAttributeKey, &str)>,
    take: &mut (dyn FnMut(&Event) + Send),
) -> Result<bool, Cause> {
    let attribute = attribute.map(|(key, value)| {
        let attribute = LookupAttribute::builder().attribute_key(key).attribute_value(value).build();
        attribute.map_err(|error| Cause::new(crate::model::observed::CauseKind::Other, LOOKUP, error.to_string()))
    });
    let attribute = attribute.transpose()?;
    let (mut tokens, mut token) = (Tokens::default(), None);
    for _ in 0..PAGES {
        let request = session
            .cloudtrail(region)
            .lookup_events()
            .set_lookup_attributes(attribute.clone().map(|attribute| vec![attribute]))
            .start_time(DateTime::from_secs(since.as_second()))
            .max_results(PAGE)
            .set_next_token(token);
        let answer = done(LOOKUP, request.send().await)?;
        answer.events().iter().for_each(&mut *take);
        token = tokens.next(LOOKUP, answer.next_token)?;
        if token.is_none() {
            return Ok(true);
        }
    }
    Ok(false)
}
