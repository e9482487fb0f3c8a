//! Metric filters of a log group.
//!
//! Owns: their read and their write. Must not: judge a pattern.
//!
//! Source: CloudWatch Logs API reference, `DescribeMetricFilters`, `PutMetricFilter`, `DeleteMetricFilter`. A put replaces
//! the whole filter, so every field is sent, and what the document does not hold (whether it looks at transformed logs) is
//! taken over from the filter it replaces.

use super::call::{Tokens, done, incomplete, present, refused};
use super::document;
use crate::aws::AccountSession;
use crate::model::address::Doc;
use crate::model::ids::Region;
use crate::model::monitoring::MetricFilter;
use crate::model::observed::{Cause, Observed};
use aws_sdk_cloudwatchlogs::types::{self, MetricTransformation, StandardUnit};

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
        dimensions: transformation.dimensions.clone().unwrap_or_default().into_iter().collect(),
        system_dimensions: filter.emit_system_field_dimensions().to_vec(),
        // The unit `None` is what leaving it out means.
        unit: transformation.unit.as_ref().map(|unit| unit.as_str().to_owned()).filter(|unit| unit != "None"),
        field_selection: filter.field_selection_criteria.clone().filter(|criteria| !criteria.trim().is_empty()),
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
    let system_dimensions = Some(filter.system_dimensions.clone()).filter(|fields| !fields.is_empty());
    let mut request = client
        .put_metric_filter()
        .log_group_name(log_group)
        .filter_name(name)
        .filter_pattern(&filter.pattern)
        .metric_transformations(transformation(&filter)?)
        .set_field_selection_criteria(filter.field_selection)
        .set_emit_system_field_dimensions(system_dimensions);
    if let Some(replaced) = replaced {
        request = request.set_apply_on_transformed_logs(Some(replaced.apply_on_transformed_logs).filter(|on| *on));
    }
    done(WRITE, request.send().await).map(drop)
}

/// The one transformation of a filter.
fn transformation(filter: &MetricFilter) -> Result<MetricTransformation, Cause> {
    let default_value = match &filter.default_value {
        Some(text) => {
            let number = text.parse::<f64>().ok().filter(|number| number.is_finite());
            Some(number.ok_or_else(|| refused(WRITE, format!("the default value `{text}` is not a number")))?)
        }
        None => None,
    };
    let dimensions = filter.dimensions.clone().into_iter().collect();
    MetricTransformation::builder()
        .metric_name(&filter.metric_name)
        .metric_namespace(&filter.metric_namespace)
        .metric_value(&filter.metric_value)
        .set_default_value(default_value)
        .set_dimensions(Some(dimensions).filter(|_| !filter.dimensions.is_empty()))
        .set_unit(filter.unit.as_deref().map(StandardUnit::from))
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
            ..MetricFilter::default()
        }
    }

    #[test]
    fn a_default_value_is_a_number() {
        assert_eq!(transformation(&filter(Some("0"))).unwrap().default_value, Some(0.0));
        assert_eq!(transformation(&filter(None)).unwrap().default_value, None);
        for bad in ["zero", "NaN", "inf", ""] {
            assert!(transformation(&filter(Some(bad))).is_err(), "{bad}");
        }
    }

    #[test]
    fn what_narrows_a_filter_is_seen_and_written_as_the_document_says() {
        let narrow = MetricFilter {
            dimensions: [("Account".to_owned(), "$.recipientAccountId".to_owned())].into(),
            system_dimensions: vec!["@aws.region".to_owned()],
            unit: Some("Count".to_owned()),
            field_selection: Some("@aws.account = \"111122223333\"".to_owned()),
            ..filter(None)
        };
        let aws = types::MetricFilter::builder()
            .filter_name("root")
            .filter_pattern(&narrow.pattern)
            .metric_transformations(transformation(&narrow).unwrap())
            .emit_system_field_dimensions("@aws.region")
            .field_selection_criteria("@aws.account = \"111122223333\"");
        assert_eq!(from_aws(&aws.build()).unwrap(), narrow);
        let doc = document::nameless(READ, &narrow).unwrap();
        assert_eq!(document::named::<MetricFilter>(WRITE, &doc, "root").unwrap(), narrow);
        // Planned to nothing, nothing of it is sent.
        let plain = transformation(&filter(None)).unwrap();
        assert_eq!((plain.dimensions, plain.unit), (None, None));
    }

    #[test]
    fn a_default_of_zero_reads_as_written() {
        let written = transformation(&filter(Some("0"))).unwrap();
        let aws = types::MetricFilter::builder().filter_name("root").metric_transformations(written);
        assert_eq!(from_aws(&aws.clone().filter_pattern(filter(None).pattern).build()).unwrap(), filter(Some("0")));
        assert!(from_aws(&types::MetricFilter::builder().filter_name("root").build()).is_err());
    }
}
