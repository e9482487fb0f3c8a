//! Attachments of policies to the root, OUs and accounts.
//!
//! Owns: attachment limits, the last SCP, duplicates. Must not: change a policy.

use super::policies::{find, kind, summary};
use super::{admit, admit_write, constraint, paged, policy_id, target_id};
use crate::model::TargetId;
use crate::model::org::PolicyType;
use crate::sandbox::org::Policy;
use crate::sandbox::services::Operations;
use crate::sandbox::{ApiError, Caller, Org};
use serde_json::{Value, json};

pub(super) const OPERATIONS: Operations = &[
    ("AttachPolicy", attach_policy),
    ("DetachPolicy", detach_policy),
    ("ListTargetsForPolicy", list_targets),
    ("ListPoliciesForTarget", list_policies_for_target),
];

/// How many policies of the type may be attached to one target directly.
fn slots(kind: &PolicyType) -> usize {
    match kind {
        PolicyType::Scp => 10,
        PolicyType::Rcp => 5,
        PolicyType::Other(_) => 10,
    }
}

fn attached(org: &Org, kind: &PolicyType, target: &TargetId) -> usize {
    org.policies.values().filter(|policy| policy.kind == *kind && policy.targets.contains(target)).count()
}

/// The target in the request.
///
/// # Errors
/// `TargetNotFoundException`.
fn target(org: &Org, request: &Value) -> Result<TargetId, ApiError> {
    let target = target_id(request, "TargetId")?;
    if org.exists(&target) {
        Ok(target)
    } else {
        Err(ApiError::new("TargetNotFoundException", "You specified a target that doesn't exist."))
    }
}

fn check_enabled(org: &Org, kind: &PolicyType) -> Result<(), ApiError> {
    if org.info.enabled_types.contains(kind) {
        return Ok(());
    }
    let message = "The specified policy type isn't currently enabled in this root.";
    Err(ApiError::new("PolicyTypeNotEnabledException", message))
}

fn attach_policy(org: &mut Org, caller: &Caller, request: Value) -> Result<Value, ApiError> {
    admit_write(org, caller, "organizations:AttachPolicy")?;
    let id = policy_id(&request)?;
    let kind = find(org, &id)?.kind.clone();
    let target = target(org, &request)?;
    check_enabled(org, &kind)?;
    if find(org, &id)?.targets.contains(&target) {
        let message = "The selected policy is already attached to the specified target.";
        return Err(ApiError::new("DuplicatePolicyAttachmentException", message));
    }
    if attached(org, &kind, &target) >= slots(&kind) {
        let message = format!(
            "You have attached the maximum number of policies of the specified type ({}) to the specified target.",
            slots(&kind)
        );
        return Err(constraint("MAX_POLICY_TYPE_ATTACHMENT_LIMIT_EXCEEDED", &message));
    }
    if let Some(policy) = org.policies.get_mut(&id) {
        policy.targets.insert(target);
    }
    Ok(Value::Null)
}

fn detach_policy(org: &mut Org, caller: &Caller, request: Value) -> Result<Value, ApiError> {
    admit_write(org, caller, "organizations:DetachPolicy")?;
    let id = policy_id(&request)?;
    let policy = find(org, &id)?;
    let (kind, aws_managed) = (policy.kind.clone(), policy.aws_managed);
    let attached_here = {
        let target = target(org, &request)?;
        find(org, &id)?.targets.contains(&target).then_some(target)
    };
    check_enabled(org, &kind)?;
    let Some(target) = attached_here else {
        let message = "The policy isn't attached to the specified target in the specified root.";
        return Err(ApiError::new("PolicyNotAttachedException", message));
    };
    // The last SCP stays, and AWS's own RCP always does.
    let last = kind == PolicyType::Scp && attached(org, &kind, &target) <= 1;
    if last || (kind == PolicyType::Rcp && aws_managed) {
        let message = "You can't detach the last policy of the specified type from the specified target: at least one must stay attached.";
        return Err(constraint("MIN_POLICY_TYPE_ATTACHMENT_LIMIT_EXCEEDED", message));
    }
    if let Some(policy) = org.policies.get_mut(&id) {
        policy.targets.remove(&target);
    }
    Ok(Value::Null)
}

fn list_targets(org: &mut Org, caller: &Caller, request: Value) -> Result<Value, ApiError> {
    admit(org, caller, true)?;
    let policy = find(org, &policy_id(&request)?)?;
    let targets: Vec<&TargetId> = policy.targets.iter().collect();
    paged(&request, "Targets", &targets, |target| describe(org, target))
}

fn list_policies_for_target(org: &mut Org, caller: &Caller, request: Value) -> Result<Value, ApiError> {
    admit(org, caller, true)?;
    let target = target(org, &request)?;
    let kind = kind(&request, "Filter")?;
    let here = org.policies.values().filter(|policy| policy.kind == kind && policy.targets.contains(&target));
    let policies: Vec<&Policy> = here.collect();
    paged(&request, "Policies", &policies, |policy| summary(org, policy))
}

/// `PolicyTargetSummary`.
fn describe(org: &Org, target: &TargetId) -> Value {
    let (kind, name) = match target {
        TargetId::Root(_) => ("ROOT", "Root"),
        TargetId::Ou(_) => ("ORGANIZATIONAL_UNIT", org.tree.get(target).map_or("", |ou| &ou.name)),
        TargetId::Account(id) => ("ACCOUNT", org.members.get(id).map_or("", |member| &member.name)),
    };
    json!({"TargetId": target.as_str(), "Arn": org.target_arn(target), "Name": name, "Type": kind})
}
