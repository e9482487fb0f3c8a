//! CloudWatch metric alarms.
//!
//! Owns: their read and their write. Must not: judge an alarm.
//!
//! Source: CloudWatch API reference, `DescribeAlarms`, `PutMetricAlarm`, `DeleteAlarms`. A put replaces the whole alarm, so
//! every field is sent, and what the document does not hold (OK actions, dimensions, datapoints to alarm) is taken over
//! from the alarm it replaces.

use super::call::{done, incomplete, pages, present, refused};
use super::document;
use crate::aws::AccountSession;
use crate::model::address::Doc;
use crate::model::ids::Region;
use crate::model::monitoring::Alarm;
use crate::model::observed::{Cause, Observed};
use aws_sdk_cloudwatch::types::{AlarmType, ComparisonOperator, MetricAlarm, Statistic};

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
        pages(READ, request.into_paginator().send(), |page| alarms.extend(page.metric_alarms.unwrap_or_default()))
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
    })
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

/// Puts the alarm, or deletes it.
pub(super) async fn write(
    session: &AccountSession,
    region: &Region,
    name: &str,
    before: Option<&Doc>,
    after: Option<&Doc>,
) -> Result<(), Cause> {
    let client = session.cloudwatch(region);
    let Some(after) = after else {
        return present(DELETE, client.delete_alarms().alarm_names(name).send().await, &["ResourceNotFound"]).map(drop);
    };
    let alarm: Alarm = document::named(WRITE, after, name)?;
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
        .set_alarm_actions(Some(alarm.alarm_actions.clone()));
    if let Some(old) = replaced {
        let same_metric = old.namespace.as_ref() == Some(namespace) && old.metric_name.as_ref() == Some(metric_name);
        let fits = old.datapoints_to_alarm.filter(|points| alarm.evaluation_periods.is_some_and(|all| *points <= all));
        request = request
            .set_ok_actions(old.ok_actions)
            .set_insufficient_data_actions(old.insufficient_data_actions)
            .set_unit(old.unit)
            .set_datapoints_to_alarm(fits);
        if same_metric {
            request = request.set_dimensions(old.dimensions);
        }
        if alarm.statistic.is_none() {
            request = request
                .set_extended_statistic(old.extended_statistic)
                .set_evaluate_low_sample_count_percentile(old.evaluate_low_sample_count_percentile);
        }
    }
    done(WRITE, request.send().await).map(drop)
}
