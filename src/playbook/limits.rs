//! AWS limits that a plan must stay within, with AWS's published values as defaults.
//!
//! Source: `config/policies.yaml` for policies; "CloudWatch Logs quotas".

use crate::policy::{Quota, Quotas};
use serde::{Deserialize, Serialize};

/// Limits checked before anything is written. AWS can raise them for an organization, so each can be overridden.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// The size of an SCP as saved, and how many are attached directly to the root, an OU or an account.
    pub scp: Quota,
    /// Most metric filters of a log group.
    pub metric_filters_per_log_group: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self::of(Quotas::embedded())
    }
}

impl Limits {
    /// With these quotas of policies.
    pub fn of(quotas: &Quotas) -> Self {
        Self { scp: quotas.scp, metric_filters_per_log_group: 100 }
    }
}
