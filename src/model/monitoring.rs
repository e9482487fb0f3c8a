//! What watches a log group: metric filters, alarms on their metrics, and who is told.
//!
//! Source: CloudWatch Logs `DescribeMetricFilters`, CloudWatch `DescribeAlarms`, SNS `ListSubscriptionsByTopic`.

use super::observed::{Cause, Observed};
use super::trail::LogGroup;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The filter-alarm-topic chain around one log group.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Monitoring {
    /// The log group.
    pub log_group: LogGroup,
    /// Its metric filters.
    pub filters: Observed<Vec<MetricFilter>>,
    /// The metric alarms of that account and Region.
    pub alarms: Observed<Vec<Alarm>>,
    /// Subscriptions by topic ARN, for topics that alarms above name (and, for the organization trail's log group,
    /// every topic of the account and Region).
    pub subscriptions: BTreeMap<String, Observed<Vec<Subscription>>>,
    /// Topic ARNs of that account and Region; collected for the organization trail's log group only.
    pub topics: Observed<Vec<String>>,
}

impl Monitoring {
    /// Why parts of the chain are unknown.
    pub fn causes(&self) -> impl Iterator<Item = &Cause> {
        let Self { filters, alarms, subscriptions, topics, .. } = self;
        let whole = [filters.cause(), alarms.cause(), topics.cause()].into_iter().flatten();
        whole.chain(subscriptions.values().filter_map(Observed::cause))
    }
}

/// A metric filter. CloudWatch Logs allows exactly one transformation.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MetricFilter {
    /// Its name.
    pub name: String,
    /// Its pattern, at most 1,024 characters.
    pub pattern: String,
    /// The metric's namespace.
    pub metric_namespace: String,
    /// The metric's name.
    pub metric_name: String,
    /// The value a match adds, as text.
    pub metric_value: String,
    /// The value when nothing matches.
    pub default_value: Option<String>,
    /// Dimensions by name, with the field each is read from. Each set of values is a metric of its own, and there is none
    /// without dimensions.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub dimensions: BTreeMap<String, String>,
    /// System fields emitted as further dimensions: `@aws.account`, `@aws.region`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub system_dimensions: Vec<String>,
    /// The metric's unit; none is CloudWatch's unit `None`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    /// Which log events are looked at, by system field; none is all of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field_selection: Option<String>,
}

/// A metric alarm.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Alarm {
    /// Its name.
    pub name: String,
    /// Its description.
    pub description: Option<String>,
    /// The metric's namespace; `None` for alarms over expressions.
    pub namespace: Option<String>,
    /// The metric's name; `None` for alarms over expressions.
    pub metric_name: Option<String>,
    /// `Sum`, `Average` ...
    pub statistic: Option<String>,
    /// `GreaterThanOrEqualToThreshold` ...
    pub comparison: Option<String>,
    /// The threshold.
    pub threshold: Option<f64>,
    /// The period in seconds.
    pub period: Option<i32>,
    /// Evaluation periods.
    pub evaluation_periods: Option<i32>,
    /// `notBreaching`, `breaching`, `ignore`, `missing`.
    pub treat_missing_data: Option<String>,
    /// Whether actions run at all.
    pub actions_enabled: bool,
    /// What happens on ALARM: topic ARNs and others.
    pub alarm_actions: Vec<String>,
    /// Dimensions by name: it watches the metric with exactly these.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub dimensions: BTreeMap<String, String>,
    /// It watches data points of this unit only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    /// How many of the evaluation periods must breach; none is all of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub datapoints_to_alarm: Option<i32>,
    /// A percentile such as `p99`, in place of `statistic`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub extended_statistic: Option<String>,
    /// Whether it is over expressions or several metrics, which are not held here: such an alarm is never written.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub expression: bool,
}

/// A subscription to a topic.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subscription {
    /// Its ARN, or `PendingConfirmation`.
    pub arn: String,
    /// `email`, `https`, `lambda` ...
    pub protocol: String,
    /// Where it goes.
    pub endpoint: String,
}

impl Subscription {
    /// Whether the receiver confirmed: only then does anyone hear of it.
    pub fn confirmed(&self) -> bool {
        self.arn.starts_with("arn:")
    }
}
