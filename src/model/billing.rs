//! Who hears when the bill grows: alarms on estimated charges, and budgets.
//!
//! Owns: their facts. Must not: judge. Source: "Create a billing alarm to monitor your estimated AWS charges"; AWS Budgets API
//! reference.

use super::monitoring::{Alarm, Subscription};
use super::observed::{Cause, Observed};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Alarms of namespace `AWS/Billing` in `us-east-1`, where AWS publishes the metric `EstimatedCharges`, and who they tell.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BillingAlarms {
    /// The alarms on `EstimatedCharges`.
    pub alarms: Vec<Alarm>,
    /// Subscriptions of each topic they name.
    pub subscriptions: BTreeMap<String, Observed<Vec<Subscription>>>,
}

/// Why alarms on charges, or who hears them, are unknown.
pub fn causes(seen: &Observed<BillingAlarms>) -> impl Iterator<Item = &Cause> {
    let heard = seen.value().into_iter().flat_map(|alarms| alarms.subscriptions.values());
    seen.cause().into_iter().chain(heard.filter_map(Observed::cause))
}

impl BillingAlarms {
    /// Whether somebody surely hears when the whole bill grows: of an alarm on all charges whose actions run, a topic has a
    /// confirmed subscription.
    pub fn heard(&self) -> bool {
        let confirmed = |topic: &String| {
            let seen = self.subscriptions.get(topic).and_then(Observed::value);
            seen.into_iter().flatten().any(Subscription::confirmed)
        };
        let heard = |alarm: &Alarm| alarm.actions_enabled && alarm.alarm_actions.iter().any(confirmed);
        self.alarms.iter().any(|alarm| of_all(alarm) && rings_above(alarm) && heard(alarm))
    }
}

/// Whether an alarm watches all charges: without further dimensions than the currency the metric is the whole bill, for the
/// management account that of all members.
fn of_all(alarm: &Alarm) -> bool {
    alarm.dimensions.keys().all(|name| name == "Currency")
}

/// Whether an alarm rings when charges grow above its threshold.
pub fn rings_above(alarm: &Alarm) -> bool {
    matches!(alarm.comparison.as_deref(), Some("GreaterThanOrEqualToThreshold" | "GreaterThanThreshold"))
}

/// A budget of the management account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Budget {
    /// Its name.
    pub name: String,
    /// `COST`, `USAGE`, `RI_UTILIZATION` ...
    pub kind: String,
    /// How many notifications it has; AWS creates none without a subscriber.
    pub notifications: u32,
    /// What narrows it to some of the costs, such as `Service` or `LinkedAccount`, sorted; empty where it counts everything.
    #[serde(default)]
    pub filters: Vec<String>,
    /// When it begins to count; `None` if AWS did not say.
    #[serde(default)]
    pub starts: Option<Timestamp>,
    /// When it ends; `None` if AWS did not say. AWS puts 2087-06-15 where nobody gave an end.
    #[serde(default)]
    pub ends: Option<Timestamp>,
}

impl Budget {
    /// Whether it is about costs, all of them, counts at `now`, and notifies somebody.
    pub fn watches_costs(&self, now: Timestamp) -> bool {
        self.kind == "COST" && self.unheard(now).is_none()
    }

    /// Why nobody hears of it when the whole bill grows, in words that follow its name; `None` if somebody does.
    pub fn unheard(&self, now: Timestamp) -> Option<String> {
        if self.notifications == 0 {
            return Some("notifies nobody".to_owned());
        }
        if !self.filters.is_empty() {
            return Some(format!("is narrowed by {} to some costs", self.filters.join(", ")));
        }
        if let Some(starts) = self.starts.filter(|starts| *starts > now) {
            return Some(format!("starts at {starts} only"));
        }
        self.ends.filter(|ends| *ends <= now).map(|ends| format!("ended at {ends}"))
    }
}
