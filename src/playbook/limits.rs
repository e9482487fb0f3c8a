//! AWS limits that a plan must stay within, with AWS's published values as defaults.
//!
//! Source: `config/policies.yaml` for policies; "CloudWatch Logs quotas".

use crate::policy::Quotas;
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
        let scp = Quotas::embedded().scp;
        Self { scp_size: scp.size, scps_per_target: scp.per_target, metric_filters_per_log_group: 100 }
    }
}
