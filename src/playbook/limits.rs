//! AWS limits that a plan must stay within, with AWS's published values as defaults.
//!
//! Source: "Quotas and service limits for AWS Organizations" (since 2026-05-15), "CloudWatch Logs quotas".

use serde::{Deserialize, Serialize};

/// Limits checked before anything is written. AWS can raise them for an organization, so each can be overridden.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Most characters, and most UTF-8 bytes, of an SCP as saved.
    pub scp_size: usize,
    /// Most SCPs attached directly to the root, an OU or an account.
    pub scps_per_target: usize,
    /// Most metric filters of a log group.
    pub metric_filters_per_log_group: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { scp_size: 10_240, scps_per_target: 10, metric_filters_per_log_group: 100 }
    }
}
