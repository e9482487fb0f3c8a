//! The chain around a log group: metric filters, alarms on their metrics, the topics alarms tell, who listens.
//!
//! Owns: which of these are asked for, in which order. Must not: judge whether the chain holds.

use super::watch::Watch;
use crate::aws::AccountSession;
use crate::model::ids::{Arn, Region};
use crate::model::monitoring::{Alarm, MetricFilter, Monitoring, Subscription};
use crate::model::observed::{Cause, Observed};
use crate::model::trail::LogGroup;
use crate::resources::{alarm, metric_filter, subscription, topic};
use futures::{StreamExt, future, stream};
use std::collections::{BTreeMap, BTreeSet};

pub(super) const FILTERS: &str = "logs:DescribeMetricFilters";
pub(super) const ALARMS: &str = "cloudwatch:DescribeAlarms";
pub(super) const TOPICS: &str = "sns:ListTopics";
pub(super) const SUBSCRIPTIONS: &str = "sns:ListSubscriptionsByTopic";

/// How many topics are asked at a time; SNS allows 30 a second.
const TOPICS_AT_ONCE: usize = 8;

/// The most topics asked for subscriptions beyond those that alarms name: about 17 s at what SNS allows.
const MOST_OTHER_TOPICS: usize = 500;

/// The chains around log groups of one Region, as an account's own trails need them: subscriptions only of topics named by
/// alarms on a metric of one of the filters. Alarms are asked for once.
pub(super) async fn of_account(
    session: &AccountSession,
    watch: &Watch,
    region: &Region,
    groups: &[LogGroup],
) -> Vec<Monitoring> {
    let filters = future::join_all(
        groups.iter().map(|group| watch.observed(FILTERS, metric_filter::list(session, region, &group.name))),
    );
    let (filters, alarms) = future::join(filters, watch.observed(ALARMS, alarm::list(session, region))).await;
    let named = filters.iter().flat_map(|filters| topics_of(&alarms, |alarm| watches(alarm, filters))).collect();
    let subscriptions = subscriptions(session, watch, region, &named).await;
    let chain = |(group, filters): (&LogGroup, Observed<Vec<MetricFilter>>)| {
        let topics = topics_of(&alarms, |alarm| watches(alarm, &filters));
        Monitoring {
            log_group: group.clone(),
            alarms: alarms.clone(),
            subscriptions: topics
                .into_iter()
                .filter_map(|topic| subscriptions.get(&topic).map(|seen| (topic, seen.clone())))
                .collect(),
            filters,
            topics: Observed::not_collected(TOPICS),
        }
    };
    groups.iter().zip(filters).map(chain).collect()
}

/// The whole chain around an organization trail's log group: every topic named by an alarm, and every other topic of that
/// account and Region (at most [`MOST_OTHER_TOPICS`]; the rest are named as not collected).
pub(super) async fn of_organization(session: &AccountSession, watch: &Watch, group: &LogGroup) -> Monitoring {
    let region = &group.region;
    let (filters, alarms, topics) = future::join3(
        watch.observed(FILTERS, metric_filter::list(session, region, &group.name)),
        watch.observed(ALARMS, alarm::list(session, region)),
        watch.observed(TOPICS, topic::list(session, region)),
    )
    .await;
    let mut asked = topics_of(&alarms, |_| true);
    let others: Vec<&String> = topics.value().into_iter().flatten().filter(|topic| !asked.contains(*topic)).collect();
    let (near, far) = others.split_at(others.len().min(MOST_OTHER_TOPICS));
    let (near, far): (Vec<String>, Vec<String>) =
        (near.iter().map(|topic| (*topic).clone()).collect(), far.iter().map(|topic| (*topic).clone()).collect());
    asked.extend(near);
    let mut subscriptions = subscriptions(session, watch, region, &asked).await;
    subscriptions.extend(far.into_iter().map(|topic| (topic, Observed::not_collected(SUBSCRIPTIONS))));
    Monitoring { log_group: group.clone(), filters, alarms, subscriptions, topics }
}

/// A chain whose account could not be entered.
pub(super) fn unknown(group: &LogGroup, cause: &Cause) -> Monitoring {
    Monitoring {
        log_group: group.clone(),
        filters: Observed::unknown(cause.clone()),
        alarms: Observed::unknown(cause.clone()),
        subscriptions: BTreeMap::new(),
        topics: Observed::unknown(cause.clone()),
    }
}

/// Whether the alarm is on the metric of one of the filters.
fn watches(alarm: &Alarm, filters: &Observed<Vec<MetricFilter>>) -> bool {
    filters.value().into_iter().flatten().any(|filter| {
        alarm.namespace.as_deref() == Some(&filter.metric_namespace)
            && alarm.metric_name.as_deref() == Some(&filter.metric_name)
    })
}

/// ARNs of the topics that alarms of a kind name.
fn topics_of(alarms: &Observed<Vec<Alarm>>, wanted: impl Fn(&Alarm) -> bool) -> BTreeSet<String> {
    let alarms = alarms.value().into_iter().flatten().filter(|alarm| wanted(alarm));
    alarms.flat_map(|alarm| &alarm.alarm_actions).filter(|action| is_topic(action)).cloned().collect()
}

fn is_topic(action: &str) -> bool {
    Arn::parse(action).is_some_and(|arn| arn.service == "sns" && !arn.resource.is_empty())
}

/// Who hears of these alarms: the subscriptions of every topic they name.
pub(super) async fn told_by(
    session: &AccountSession,
    watch: &Watch,
    region: &Region,
    alarms: &[Alarm],
) -> BTreeMap<String, Observed<Vec<Subscription>>> {
    let named = alarms.iter().flat_map(|alarm| &alarm.alarm_actions).filter(|action| is_topic(action)).cloned();
    subscriptions(session, watch, region, &named.collect()).await
}

/// Subscriptions by topic. A topic is asked for in its own Region.
async fn subscriptions(
    session: &AccountSession,
    watch: &Watch,
    region: &Region,
    topics: &BTreeSet<String>,
) -> BTreeMap<String, Observed<Vec<Subscription>>> {
    stream::iter(topics.iter().cloned())
        .map(|topic| async move {
            let own = Arn::parse(&topic).and_then(|arn| arn.region.parse().ok()).unwrap_or_else(|| region.clone());
            let seen = watch.observed(SUBSCRIPTIONS, subscription::list(session, &own, &topic)).await;
            (topic, seen)
        })
        .buffer_unordered(TOPICS_AT_ONCE)
        .collect()
        .await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::observed::Source;

    fn seen<T>(value: T) -> Observed<T> {
        let source = Source {
            operation: ALARMS.into(),
            region: "us-east-1".parse().unwrap(),
            observed_at: jiff::Timestamp::UNIX_EPOCH,
            made_at: None,
            request_id: None,
            digest: None,
            pages: 1,
        };
        Observed::Present { value, source }
    }

    fn alarm(metric: &str, actions: &[&str]) -> Alarm {
        Alarm {
            name: metric.into(),
            namespace: Some("ns".into()),
            metric_name: Some(metric.into()),
            actions_enabled: true,
            alarm_actions: actions.iter().map(|action| (*action).to_owned()).collect(),
            ..Alarm::default()
        }
    }

    #[test]
    fn only_topics_of_alarms_on_a_filters_metric_are_asked() {
        let topic = "arn:aws:sns:us-east-1:111122223333:security";
        let lambda = "arn:aws:lambda:us-east-1:111122223333:function:page";
        let other = "arn:aws:sns:us-east-1:111122223333:other";
        let alarms = seen(vec![alarm("root", &[topic, lambda]), alarm("cpu", &[other, "not an arn"])]);
        let filter = MetricFilter {
            name: "root".into(),
            pattern: String::new(),
            metric_namespace: "ns".into(),
            metric_name: "root".into(),
            metric_value: "1".into(),
            ..MetricFilter::default()
        };
        let filters = seen(vec![filter]);
        assert_eq!(topics_of(&alarms, |alarm| watches(alarm, &filters)), BTreeSet::from([topic.to_owned()]));
        assert_eq!(topics_of(&alarms, |_| true).len(), 2);
        assert!(topics_of(&Observed::not_collected(ALARMS), |_| true).is_empty());
    }
}
