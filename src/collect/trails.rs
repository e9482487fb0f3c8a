//! CloudTrail trails as one account sees them, with status and selectors of those it owns.
//!
//! Owns: three calls and how their answers become the model's. Must not: follow a trail to its log group.
//!
//! Source: CloudTrail API reference, `DescribeTrails`, `GetTrailStatus`, `GetEventSelectors`.

use super::decode::maybe_time;
use super::watch::Watch;
use crate::aws::AccountSession;
use crate::model::ids::Region;
use crate::model::observed::{Cause, Observed};
use crate::model::trail::{AdvancedSelector, BasicSelector, EventSelectors, FieldSelector, Trail, TrailStatus};
use crate::resources::call::{done, incomplete, present};
use aws_sdk_cloudtrail::types;
use futures::future;

pub(super) const DESCRIBE: &str = "cloudtrail:DescribeTrails";
pub(super) const STATUS: &str = "cloudtrail:GetTrailStatus";
pub(super) const SELECTORS: &str = "cloudtrail:GetEventSelectors";

/// The trails seen in a Region, with `shadows` also replicas of multi-Region and organization trails of other Regions; status and
/// selectors are not collected yet. The answer has no pages.
pub(super) async fn describe(session: &AccountSession, region: &Region, shadows: bool) -> Observed<Vec<Trail>> {
    let work = async {
        let request = session.cloudtrail(region).describe_trails().include_shadow_trails(shadows);
        let answer = done(DESCRIBE, request.send().await)?;
        answer.trail_list().iter().map(|trail| from_aws(trail, region)).collect::<Result<Vec<_>, _>>().map(Some)
    };
    session.observe(DESCRIBE, region, work).await
}

fn from_aws(trail: &types::Trail, seen_in: &Region) -> Result<Trail, Cause> {
    let arn = trail.trail_arn.clone().ok_or_else(|| incomplete(DESCRIBE, "trail ARN"))?;
    Ok(Trail {
        name: trail.name.clone().unwrap_or_default(),
        arn,
        home_region: trail.home_region().and_then(|region| region.parse().ok()).unwrap_or_else(|| seen_in.clone()),
        multi_region: trail.is_multi_region_trail.unwrap_or(false),
        organization_trail: trail.is_organization_trail.unwrap_or(false),
        log_file_validation: trail.log_file_validation_enabled.unwrap_or(false),
        s3_bucket: trail.s3_bucket_name.clone(),
        kms_key: trail.kms_key_id.clone(),
        log_group_arn: trail.cloud_watch_logs_log_group_arn.clone().filter(|arn| !arn.is_empty()),
        status: Observed::not_collected(STATUS),
        selectors: Observed::not_collected(SELECTORS),
    })
}

/// Asks for status and selectors of a trail, as its owner, in its home Region.
pub(super) async fn complete(session: &AccountSession, watch: &Watch, trail: &mut Trail) {
    let (status, selectors) = future::join(
        watch.observed(STATUS, status(session, trail)),
        watch.observed(SELECTORS, selectors(session, trail)),
    )
    .await;
    trail.status = status;
    trail.selectors = selectors;
}

/// What a trail that was deleted between two calls answers.
const GONE: [&str; 1] = ["TrailNotFoundException"];

async fn status(session: &AccountSession, trail: &Trail) -> Observed<TrailStatus> {
    let work = async {
        let request = session.cloudtrail(&trail.home_region).get_trail_status().name(&trail.arn);
        let answer = present(STATUS, request.send().await, &GONE)?;
        Ok(answer.map(|status| TrailStatus {
            is_logging: status.is_logging.unwrap_or(false),
            latest_delivery: maybe_time(status.latest_delivery_time()),
            latest_log_group_delivery: maybe_time(status.latest_cloud_watch_logs_delivery_time()),
            delivery_error: status.latest_delivery_error.filter(|error| !error.is_empty()),
            log_group_delivery_error: status.latest_cloud_watch_logs_delivery_error.filter(|error| !error.is_empty()),
        }))
    };
    session.observe(STATUS, &trail.home_region, work).await
}

async fn selectors(session: &AccountSession, trail: &Trail) -> Observed<EventSelectors> {
    let work = async {
        let request = session.cloudtrail(&trail.home_region).get_event_selectors().trail_name(&trail.arn);
        let answer = present(SELECTORS, request.send().await, &GONE)?;
        Ok(answer.map(|answer| EventSelectors {
            basic: answer.event_selectors().iter().map(basic).collect(),
            advanced: answer.advanced_event_selectors().iter().map(advanced).collect(),
        }))
    };
    session.observe(SELECTORS, &trail.home_region, work).await
}

fn basic(selector: &types::EventSelector) -> BasicSelector {
    BasicSelector {
        // CloudTrail's defaults, where it leaves a field out.
        read_write_type: selector.read_write_type.as_ref().map_or("All", |kind| kind.as_str()).to_owned(),
        include_management_events: selector.include_management_events.unwrap_or(true),
        excluded_sources: selector.exclude_management_event_sources().to_vec(),
    }
}

fn advanced(selector: &types::AdvancedEventSelector) -> AdvancedSelector {
    let field = |field: &types::AdvancedFieldSelector| FieldSelector {
        field: field.field.clone(),
        equals: field.equals().to_vec(),
        not_equals: field.not_equals().to_vec(),
        starts_with: field.starts_with().to_vec(),
        not_starts_with: field.not_starts_with().to_vec(),
        ends_with: field.ends_with().to_vec(),
        not_ends_with: field.not_ends_with().to_vec(),
    };
    AdvancedSelector { name: selector.name.clone(), fields: selector.field_selectors().iter().map(field).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trail_without_an_arn_is_not_a_trail() {
        let region: Region = "eu-central-1".parse().unwrap();
        assert!(from_aws(&types::Trail::builder().name("x").build(), &region).is_err());
        let arn = "arn:aws:cloudtrail:us-east-1:111122223333:trail/x";
        let trail = types::Trail::builder().trail_arn(arn).home_region("us-east-1").cloud_watch_logs_log_group_arn("");
        let trail = from_aws(&trail.build(), &region).unwrap();
        assert_eq!((trail.home_region.as_str(), trail.log_group_arn), ("us-east-1", None));
        assert!(!trail.multi_region && !trail.log_file_validation);
    }

    #[test]
    fn a_basic_selector_left_empty_records_everything() {
        let selector = basic(&types::EventSelector::builder().build());
        assert_eq!(selector.read_write_type, "All");
        assert!(selector.include_management_events && selector.excluded_sources.is_empty());
    }
}
