//! Who hears when the bill grows: alarms on estimated charges, and budgets.
//!
//! Owns: their facts. Must not: judge. Source: "Create a billing alarm to monitor your estimated AWS charges"; AWS Budgets API
//! reference.

use super::monitoring::{Alarm, Subscription};
use super::observed::Observed;
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

/// A budget of the management account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Budget {
    /// Its name.
    pub name: String,
    /// `COST`, `USAGE`, `RI_UTILIZATION` ...
    pub kind: String,
    /// How many notifications it has; AWS creates none without a subscriber.
    pub notifications: u32,
}
