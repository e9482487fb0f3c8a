//! Metric filters of a log group.
//!
//! Owns: their read and their write. Must not: judge a pattern.
//!
//! Source: CloudWatch Logs API reference, `DescribeMetricFilters`, `PutMetricFilter`, `DeleteMetricFilter`. A put replaces
//! the whole filter, so every field is sent, and what the document does not hold (dimensions, a unit, field selection)
//! is taken over from the filter it replaces.

use super::call::{Tokens, done, incomplete, present, refused};
use super::document;
use crate::aws::AccountSession;
use crate::model::address::Doc;
use crate::model::ids::Region;
use crate::model::monitoring::MetricFilter;
use crate::model::observed::{Cause, Observed};
use aws_sdk_cloudwatchlogs::types::{self, MetricTransformation};

const READ: &str = "logs:DescribeMetricFilters";
const WRITE: &str = "logs:PutMetricFilter";
const DELETE: &str = "logs:DeleteMetricFilter";

/// The most that `DescribeMetricFilters` gives in one page.
const PAGE: i32 = 50;

/// What CloudWatch Logs answers where the log group or the filter is not there.
const GONE: [&str; 1] = ["ResourceNotFoundException"];

/// Every metric filter of a log group, in AWS's order; absent where there is no such log group.
pub(crate) async fn list(session: &AccountSession, region: &Region, log_group: &str) -> Observed<Vec<MetricFilter>> {
    let work = async {
        let filters = fetch(session, region, log_group, None).await?;
        filters.map(|filters| filters.iter().map(from_aws).collect()).transpose()
    };
    session.observe(READ, region, work).await
}

/// The filters whose names start with `prefix`; `None` where there is no such log group.
async fn fetch(
    session: &AccountSession,
    region: &Region,
    log_group: &str,
    prefix: Option<&str>,
) -> Result<Option<Vec<types::MetricFilter>>, Cause> {
    let client = session.logs(region);
    let (mut token, mut tokens) = (None, Tokens::default());
    let mut filters = Vec::new();
    loop {
        let request = client
            .describe_metric_filters()
            .log_group_name(log_group)
            .set_filter_name_prefix(prefix.map(str::to_owned))
            .set_next_token(token)
            .limit(PAGE);
        let Some(page) = present(READ, request.send().await, &GONE)? else { return Ok(None) };
        filters.extend(page.metric_filters.unwrap_or_default());
        token = tokens.next(READ, page.next_token)?;
        if token.is_none() {
            return Ok(Some(filters));
        }
    }
}

fn from_aws(filter: &types::MetricFilter) -> Result<MetricFilter, Cause> {
    let name = filter.filter_name.clone().ok_or_else(|| incomplete(READ, "filter name"))?;
    let transformation = filter.metric_transformations().first().ok_or_else(|| incomplete(READ, "transformation"))?;
    Ok(MetricFilter {
        name,
        pattern: filter.filter_pattern.clone().unwrap_or_default(),
        metric_namespace: transformation.metric_namespace.clone(),
        metric_name: transformation.metric_name.clone(),
        metric_value: transformation.metric_value.clone(),
        default_value: transformation.default_value.map(|value| value.to_string()),
    })
}

/// The filter as AWS holds it.
async fn find(
    session: &AccountSession,
    region: &Region,
    log_group: &str,
    name: &str,
) -> Result<Option<types::MetricFilter>, Cause> {
    let filters = fetch(session, region, log_group, Some(name)).await?.unwrap_or_default();
    Ok(filters.into_iter().find(|filter| filter.filter_name() == Some(name)))
}

/// The filter as a document; absent where the filter or its log group is not there.
pub(super) async fn read(session: &AccountSession, region: &Region, log_group: &str, name: &str) -> Observed<Doc> {
    let work = async {
        let filter = find(session, region, log_group, name).await?;
        filter.map(|filter| document::nameless(READ, &from_aws(&filter)?)).transpose()
    };
    session.observe(READ, region, work).await
}

/// Puts the filter, or deletes it.
pub(super) async fn write(
    session: &AccountSession,
    region: &Region,
    (log_group, name): (&str, &str),
    before: Option<&Doc>,
    after: Option<&Doc>,
) -> Result<(), Cause> {
    let client = session.logs(region);
    let Some(after) = after else {
        let answer = client.delete_metric_filter().log_group_name(log_group).filter_name(name).send().await;
        return present(DELETE, answer, &GONE).map(drop);
    };
    let filter: MetricFilter = document::named(WRITE, after, name)?;
    let replaced = match before {
        Some(_) => find(session, region, log_group, name).await?,
        None => None,
    };
    let transformation = transformation(&filter, replaced.as_ref())?;
    let mut request = client
        .put_metric_filter()
        .log_group_name(log_group)
        .filter_name(name)
        .filter_pattern(&filter.pattern)
        .metric_transformations(transformation);
    if let Some(replaced) = replaced {
        request = request
            .set_apply_on_transformed_logs(Some(replaced.apply_on_transformed_logs).filter(|on| *on))
            .set_field_selection_criteria(replaced.field_selection_criteria)
            .set_emit_system_field_dimensions(replaced.emit_system_field_dimensions);
    }
    done(WRITE, request.send().await).map(drop)
}

/// The one transformation of a filter.
fn transformation(
    filter: &MetricFilter,
    replaced: Option<&types::MetricFilter>,
) -> Result<MetricTransformation, Cause> {
    let default_value = match &filter.default_value {
        Some(text) => {
            let number = text.parse::<f64>().ok().filter(|number| number.is_finite());
            Some(number.ok_or_else(|| refused(WRITE, format!("the default value `{text}` is not a number")))?)
        }
        None => None,
    };
    let old = replaced.and_then(|filter| filter.metric_transformations().first());
    MetricTransformation::builder()
        .metric_name(&filter.metric_name)
        .metric_namespace(&filter.metric_namespace)
        .metric_value(&filter.metric_value)
        .set_default_value(default_value)
        .set_dimensions(old.and_then(|old| old.dimensions.clone()))
        .set_unit(old.and_then(|old| old.unit.clone()))
        .build()
        .map_err(|error| refused(WRITE, error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filter(default_value: Option<&str>) -> MetricFilter {
        MetricFilter {
            name: "root".into(),
            pattern: "{ $.userIdentity.type = \"Root\" }".into(),
            metric_namespace: "orgward".into(),
            metric_name: "root".into(),
            metric_value: "1".into(),
            default_value: default_value.map(str::to_owned),
        }
    }

    #[test]
    fn a_default_value_is_a_number() {
        assert_eq!(transformation(&filter(Some("0")), None).unwrap().default_value, Some(0.0));
        assert_eq!(transformation(&filter(None), None).unwrap().default_value, None);
        for bad in ["zero", "NaN", "inf", ""] {
            assert!(transformation(&filter(Some(bad)), None).is_err(), "{bad}");
        }
    }

    #[test]
    fn what_the_document_does_not_hold_is_taken_over() {
        let old = MetricTransformation::builder()
            .metric_name("x")
            .metric_namespace("x")
            .metric_value("1")
            .dimensions("Account", "$.recipientAccountId")
            .build()
            .unwrap();
        let old = types::MetricFilter::builder().filter_name("root").metric_transformations(old).build();
        let new = transformation(&filter(None), Some(&old)).unwrap();
        assert_eq!(new.metric_name, "root");
        assert_eq!(new.dimensions.unwrap().get("Account").map(String::as_str), Some("$.recipientAccountId"));
    }

    #[test]
    fn a_default_of_zero_reads_as_written() {
        let written = transformation(&filter(Some("0")), None).unwrap();
        let aws = types::MetricFilter::builder().filter_name("root").metric_transformations(written);
        assert_eq!(from_aws(&aws.clone().filter_pattern(filter(None).pattern).build()).unwrap(), filter(Some("0")));
        assert!(from_aws(&types::MetricFilter::builder().filter_name("root").build()).is_err());
    }
}
