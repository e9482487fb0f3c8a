//! The SCPs or RCPs from the root down to an account.
//!
//! Owns: which policies stand at which level. Must not: know whom they bind.
//!
//! Source: Organizations User Guide, "SCP evaluation" and "RCP evaluation".

use super::documents::{Cache, Parsed};
use crate::model::org::PolicyType;
use crate::model::{AccountId, PolicyId};
use crate::policy::{self, Decision, Request, StatementRef};
use crate::sandbox::{ApiError, Org};
use std::sync::Arc;

/// The documents at each level, the root first.
pub(super) struct Levels(Vec<Vec<(PolicyId, Arc<Parsed>)>>);

/// The levels above and at an account; `None` while the type is not enabled.
///
/// # Errors
/// 501 for a document that can't be read.
pub(super) fn levels(
    org: &Org,
    cache: &mut Cache,
    account: &AccountId,
    kind: &PolicyType,
) -> Result<Option<Levels>, ApiError> {
    if !org.info.enabled_types.contains(kind) {
        return Ok(None);
    }
    let policies: Vec<_> = org.policies.values().filter(|policy| policy.kind == *kind).collect();
    let mut levels = Vec::new();
    for target in org.chain(&account.clone().into()) {
        let mut level = Vec::new();
        for policy in policies.iter().filter(|policy| policy.targets.contains(&target)) {
            level.push((policy.id.clone(), cache.parse(&policy.content, policy.id.as_str())?));
        }
        levels.push(level);
    }
    Ok(Some(Levels(levels)))
}

impl Levels {
    /// Every document, the root's first.
    pub(super) fn documents(&self) -> impl Iterator<Item = &Parsed> {
        self.0.iter().flatten().map(|(_, parsed)| parsed.as_ref())
    }

    /// What they decide together: each level has to allow, a denial at any wins. RCPs reach some services only.
    pub(super) fn evaluate(&self, rcps: bool, request: &Request) -> Decision {
        let levels: Vec<Vec<_>> =
            self.0.iter().map(|level| level.iter().map(|(_, parsed)| parsed.document()).collect()).collect();
        if rcps { policy::evaluate_rcp_chain(&levels, request) } else { policy::evaluate_chain(&levels, request) }
    }

    /// The ARN of the policy that a statement is in.
    pub(super) fn arn(&self, org: &Org, statement: &StatementRef) -> Option<String> {
        let (id, _) = self.0.get(statement.level)?.get(statement.document)?;
        org.policies.get(id).map(|policy| org.policy_arn(policy))
    }
}
