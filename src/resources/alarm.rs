//! CloudWatch metric alarms.
//!
//! Owns: their read and their write. Must not: judge an alarm.
//!
//! Source: CloudWatch API reference, `DescribeAlarms`, `PutMetricAlarm`, `DeleteAlarms`. A put replaces the whole alarm, so
//! every field is sent, and what the document does not hold (OK actions, actions on insufficient data) is taken over from the
//! alarm it replaces. An alarm over expressions is neither replaced nor deleted: no document could bring it back.

use super::call::{done, incomplete, pages, present, refused};
use super::document;
use crate::aws::AccountSession;
use crate::model::address::Doc;
use crate::model::ids::Region;
use crate::model::monitoring::Alarm;
use crate::model::observed::{Cause, Observed};
use aws_sdk_cloudwatch::types::{AlarmType, ComparisonOperator, Dimension, MetricAlarm, StandardUnit, Statistic};
use std::collections::BTreeMap;

const READ: &str = "cloudwatch:DescribeAlarms";
const WRITE: &str = "cloudwatch:PutMetricAlarm";
const DELETE: &str = "cloudwatch:DeleteAlarms";

/// The most that `DescribeAlarms` gives in one page.
const PAGE: i32 = 100;

/// Every metric alarm of a Region, in AWS's order.
pub(crate) async fn list(session: &AccountSession, region: &Region) -> Observed<Vec<Alarm>> {
    let work = async {
        let request =
            session.cloudwatch(region).describe_alarms().alarm_types(AlarmType::MetricAlarm).max_records(PAGE);
        let mut alarms = Vec::new();
        pages(
            READ,
            request.into_paginator().send(),
            |page| page.next_token(),
            |page| alarms.extend(page.metric_alarms.unwrap_or_default()),
        )
        .await?;
        alarms.iter().map(from_aws).collect::<Result<Vec<_>, _>>().map(Some)
    };
    session.observe(READ, region, work).await
}

fn from_aws(alarm: &MetricAlarm) -> Result<Alarm, Cause> {
    Ok(Alarm {
        name: alarm.alarm_name.clone().ok_or_else(|| incomplete(READ, "alarm name"))?,
        description: alarm.alarm_description.clone(),
        namespace: alarm.namespace.clone(),
        metric_name: alarm.metric_name.clone(),
        statistic: alarm.statistic.as_ref().map(|statistic| statistic.as_str().to_owned()),
        comparison: alarm.comparison_operator.as_ref().map(|operator| operator.as_str().to_owned()),
        threshold: alarm.threshold,
        period: alarm.period,
        evaluation_periods: alarm.evaluation_periods,
        treat_missing_data: alarm.treat_missing_data.clone(),
        // AWS runs actions unless they were turned off.
        actions_enabled: alarm.actions_enabled.unwrap_or(true),
        alarm_actions: alarm.alarm_actions().to_vec(),
        dimensions: dimensions(alarm.dimensions())?,
        unit: alarm.unit.as_ref().map(|unit| unit.as_str().to_owned()),
        // All of the evaluation periods is what leaving it out means.
        datapoints_to_alarm: alarm.datapoints_to_alarm.filter(|points| Some(*points) != alarm.evaluation_periods),
        extended_statistic: alarm.extended_statistic.clone(),
        expression: !alarm.metrics().is_empty() || alarm.metric_name.is_none(),
    })
}

fn dimensions(dimensions: &[Dimension]) -> Result<BTreeMap<String, String>, Cause> {
    let pair = |dimension: &Dimension| Some((dimension.name.clone()?, dimension.value.clone()?));
    dimensions.iter().map(|dimension| pair(dimension).ok_or_else(|| incomplete(READ, "whole dimension"))).collect()
}

/// The alarm as AWS holds it.
async fn find(session: &AccountSession, region: &Region, name: &str) -> Result<Option<MetricAlarm>, Cause> {
    let request = session.cloudwatch(region).describe_alarms().alarm_types(AlarmType::MetricAlarm).alarm_names(name);
    let answer = done(READ, request.send().await)?;
    Ok(answer.metric_alarms.unwrap_or_default().into_iter().find(|alarm| alarm.alarm_name() == Some(name)))
}

/// The alarm as a document.
pub(super) async fn read(session: &AccountSession, region: &Region, name: &str) -> Observed<Doc> {
    let work = async {
        let alarm = find(session, region, name).await?;
        alarm.map(|alarm| document::nameless(READ, &from_aws(&alarm)?)).transpose()
    };
    session.observe(READ, region, work).await
}

/// Refuses to touch an alarm over expressions.
fn single(operation: &str, name: &str, alarm: &Alarm) -> Result<(), Cause> {
    match alarm.expression {
        true => {
            Err(refused(operation, format!("alarm `{name}` is over expressions or several metrics: change it by hand")))
        }
        false => Ok(()),
    }
}

/// Puts the alarm, or deletes it.
pub(super) async fn write(
    session: &AccountSession,
    region: &Region,
    name: &str,
    before: Option<&Doc>,
    after: Option<&Doc>,
) -> Result<(), Cause> {
    let client = session.cloudwatch(region);
    if let Some(before) = before {
        single(WRITE, name, &document::named(WRITE, before, name)?)?;
    }
    let Some(after) = after else {
        return present(DELETE, client.delete_alarms().alarm_names(name).send().await, &["ResourceNotFound"]).map(drop);
    };
    let alarm: Alarm = document::named(WRITE, after, name)?;
    single(WRITE, name, &alarm)?;
    let (Some(namespace), Some(metric_name)) = (&alarm.namespace, &alarm.metric_name) else {
        return Err(refused(WRITE, "an alarm over an expression can't be written, only one on a single metric"));
    };
    let replaced = match before {
        Some(_) => find(session, region, name).await?,
        None => None,
    };
    let mut request = client
        .put_metric_alarm()
        .alarm_name(name)
        .set_alarm_description(alarm.description.clone())
        .namespace(namespace)
        .metric_name(metric_name)
        .set_statistic(alarm.statistic.as_deref().map(Statistic::from))
        .set_comparison_operator(alarm.comparison.as_deref().map(ComparisonOperator::from))
        .set_threshold(alarm.threshold)
        .set_period(alarm.period)
        .set_evaluation_periods(alarm.evaluation_periods)
        .set_treat_missing_data(alarm.treat_missing_data.clone())
        .actions_enabled(alarm.actions_enabled)
        .set_alarm_actions(Some(alarm.alarm_actions.clone()))
        .set_unit(alarm.unit.as_deref().map(StandardUnit::from))
        .set_datapoints_to_alarm(alarm.datapoints_to_alarm)
        .set_extended_statistic(alarm.extended_statistic.clone());
    for (name, value) in &alarm.dimensions {
        request = request.dimensions(Dimension::builder().name(name).value(value).build());
    }
    if let Some(old) = replaced {
        single(WRITE, name, &from_aws(&old)?)?;
        request = request.set_ok_actions(old.ok_actions).set_insufficient_data_actions(old.insufficient_data_actions);
        if alarm.extended_statistic.is_some() {
            request = request.set_evaluate_low_sample_count_percentile(old.evaluate_low_sample_count_percentile);
        }
    }
    done(WRITE, request.send().await).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_sdk_cloudwatch::types::MetricDataQuery;

    #[test]
    fn what_keeps_an_alarm_from_ringing_is_seen() {
        let seen = MetricAlarm::builder().alarm_name("root").namespace("ns").metric_name("m").evaluation_periods(3);
        let plain = from_aws(&seen.clone().datapoints_to_alarm(3).build()).unwrap();
        assert_eq!((plain.datapoints_to_alarm, plain.expression), (None, false));
        let narrow = seen
            .clone()
            .dimensions(Dimension::builder().name("Account").value("111122223333").build())
            .unit(StandardUnit::Count)
            .datapoints_to_alarm(2)
            .extended_statistic("p99");
        let narrow = from_aws(&narrow.build()).unwrap();
        assert_eq!(narrow.dimensions.get("Account").map(String::as_str), Some("111122223333"));
        assert_eq!((narrow.unit.as_deref(), narrow.datapoints_to_alarm), (Some("Count"), Some(2)));
        assert_eq!(narrow.extended_statistic.as_deref(), Some("p99"));
        // The document holds them all, and only where they are set.
        let doc = document::nameless(READ, &narrow).unwrap();
        assert_eq!(document::named::<Alarm>(WRITE, &doc, "root").unwrap(), narrow);
        assert_eq!(document::nameless(READ, &plain).unwrap().0.get("dimensions"), None);
        let half = seen.dimensions(Dimension::builder().name("Account").build());
        assert!(from_aws(&half.build()).is_err());
    }

    #[test]
    fn an_alarm_over_expressions_is_not_touched() {
        let query = MetricDataQuery::builder().id("e").expression("m1 + m2").build();
        let alarm = from_aws(&MetricAlarm::builder().alarm_name("sum").metrics(query).build()).unwrap();
        let error = single(WRITE, "sum", &alarm).unwrap_err();
        assert_eq!(error.message, "alarm `sum` is over expressions or several metrics: change it by hand");
    }
}
