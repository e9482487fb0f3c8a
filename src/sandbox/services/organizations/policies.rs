//! Policies: create, change, delete, list, describe; and switching a policy type on.
//!
//! Owns: the rules on names, sizes and documents. Must not: attach (`attachments`).

use super::{admit, admit_write, constraint, invalid, paged, policy_id};
use crate::model::org::PolicyType;
use crate::model::{PolicyId, TargetId};
use crate::policy::{self, Document, Quotas, Rules};
use crate::sandbox::org::Policy;
use crate::sandbox::services::Operations;
use crate::sandbox::{ApiError, Caller, Org, input};
use serde_json::{Value, json};

pub(super) const OPERATIONS: Operations = &[
    ("ListPolicies", list_policies),
    ("DescribePolicy", describe_policy),
    ("CreatePolicy", create_policy),
    ("UpdatePolicy", update_policy),
    ("DeletePolicy", delete_policy),
    ("EnablePolicyType", enable_policy_type),
];

/// Policy types AWS knows; the sandbox holds documents of the first two only.
const TYPES: &[&str] = &[
    "SERVICE_CONTROL_POLICY",
    "RESOURCE_CONTROL_POLICY",
    "TAG_POLICY",
    "BACKUP_POLICY",
    "AISERVICES_OPT_OUT_POLICY",
    "CHATBOT_POLICY",
    "DECLARATIVE_POLICY_EC2",
    "SECURITYHUB_POLICY",
];

/// The type that `member` names.
pub(super) fn kind(request: &Value, member: &str) -> Result<PolicyType, ApiError> {
    let name = input::text(request, member)?;
    if TYPES.contains(&name) {
        Ok(PolicyType::from(name.to_owned()))
    } else {
        Err(invalid("INVALID_ENUM_POLICY_TYPE", "You specified an invalid value for the policy type."))
    }
}

/// `PolicyNotFoundException`.
pub(super) fn find<'a>(org: &'a Org, id: &PolicyId) -> Result<&'a Policy, ApiError> {
    org.policies.get(id).ok_or_else(not_found)
}

fn not_found() -> ApiError {
    ApiError::new("PolicyNotFoundException", "You specified a policy that doesn't exist.")
}

/// `PolicySummary`.
pub(super) fn summary(org: &Org, policy: &Policy) -> Value {
    json!({
        "Id": policy.id.as_str(),
        "Arn": org.policy_arn(policy),
        "Name": policy.name,
        "Description": policy.description,
        "Type": policy.kind.as_str(),
        "AwsManaged": policy.aws_managed,
    })
}

fn full(org: &Org, policy: &Policy) -> Value {
    json!({"Policy": {"PolicySummary": summary(org, policy), "Content": policy.content}})
}

fn list_policies(org: &mut Org, caller: &Caller, request: Value) -> Result<Value, ApiError> {
    admit(org, caller, true)?;
    let kind = kind(&request, "Filter")?;
    let policies: Vec<&Policy> = org.policies.values().filter(|policy| policy.kind == kind).collect();
    paged(&request, "Policies", &policies, |policy| summary(org, policy))
}

fn describe_policy(org: &mut Org, caller: &Caller, request: Value) -> Result<Value, ApiError> {
    admit(org, caller, true)?;
    Ok(full(org, find(org, &policy_id(&request)?)?))
}

fn create_policy(org: &mut Org, caller: &Caller, request: Value) -> Result<Value, ApiError> {
    admit_write(org, caller, "organizations:CreatePolicy")?;
    let kind = kind(&request, "Type")?;
    if org.info.feature_set != "ALL" {
        let message = "You can't use the specified policy type with the feature set of this organization.";
        return Err(ApiError::new("PolicyTypeNotAvailableForOrganizationException", message));
    }
    let name = name(input::text(&request, "Name")?)?;
    let description = description(input::opt_text(&request, "Description")?.unwrap_or_default())?;
    let content = input::text(&request, "Content")?;
    check_document(&kind, content)?;
    check_unique(org, &kind, name, None)?;
    let tags = super::tags::read(&request)?;
    let id = org.add_policy(kind, name, description, content, []);
    if !tags.is_empty() {
        org.tags.insert(id.as_str().to_owned(), tags);
    }
    Ok(full(org, find(org, &id)?))
}

fn update_policy(org: &mut Org, caller: &Caller, request: Value) -> Result<Value, ApiError> {
    admit_write(org, caller, "organizations:UpdatePolicy")?;
    let id = policy_id(&request)?;
    let policy = editable(org, &id)?;
    let kind = policy.kind.clone();
    let new_name = input::opt_text(&request, "Name")?.map(name).transpose()?;
    let new_description = input::opt_text(&request, "Description")?.map(description).transpose()?;
    let new_content = input::opt_text(&request, "Content")?;
    if let Some(content) = new_content {
        check_document(&kind, content)?;
    }
    if let Some(name) = new_name {
        check_unique(org, &kind, name, Some(&id))?;
    }
    let policy = org.policies.get_mut(&id).ok_or_else(not_found)?;
    for (field, value) in
        [(&mut policy.name, new_name), (&mut policy.description, new_description), (&mut policy.content, new_content)]
    {
        if let Some(value) = value {
            value.clone_into(field);
        }
    }
    Ok(full(org, find(org, &id)?))
}

fn delete_policy(org: &mut Org, caller: &Caller, request: Value) -> Result<Value, ApiError> {
    admit_write(org, caller, "organizations:DeletePolicy")?;
    let id = policy_id(&request)?;
    if !editable(org, &id)?.targets.is_empty() {
        let message = "The policy is attached to one or more entities. You must detach it from all roots, OUs, and \
            accounts before performing this operation.";
        return Err(ApiError::new("PolicyInUseException", message));
    }
    org.policies.remove(&id);
    org.tags.remove(id.as_str());
    org.retired.insert(id);
    Ok(Value::Null)
}

fn enable_policy_type(org: &mut Org, caller: &Caller, request: Value) -> Result<Value, ApiError> {
    admit(org, caller, false)?;
    let kind = kind(&request, "PolicyType")?;
    if input::text(&request, "RootId")? != org.info.root.as_str() {
        return Err(ApiError::new("RootNotFoundException", "You specified a root that doesn't exist."));
    }
    if org.info.feature_set != "ALL" {
        let message = "You can't use the specified policy type with the feature set of this organization.";
        return Err(ApiError::new("PolicyTypeNotAvailableForOrganizationException", message));
    }
    if !org.info.enabled_types.insert(kind.clone()) {
        let message = "The specified policy type is already enabled in the specified root.";
        return Err(ApiError::new("PolicyTypeAlreadyEnabledException", message));
    }
    // AWS attaches its own policy of the type to the root and to everything in it.
    let accounts = org.members.keys().map(|id| TargetId::Account(id.clone()));
    let everything: Vec<TargetId> =
        std::iter::once(org.info.root.clone()).chain(org.tree.keys().cloned()).chain(accounts).collect();
    for policy in org.policies.values_mut().filter(|policy| policy.aws_managed && policy.kind == kind) {
        policy.targets.extend(everything.iter().cloned());
    }
    let types: Vec<Value> =
        org.info.enabled_types.iter().map(|kind| json!({"Type": kind.as_str(), "Status": "ENABLED"})).collect();
    let arn = format!("arn:aws:organizations::{}:root/{}/{}", org.info.management_account, org.info.id, org.info.root);
    Ok(json!({"Root": {"Id": org.info.root.as_str(), "Arn": arn, "Name": "Root", "PolicyTypes": types}}))
}

/// A policy that customers may change.
fn editable<'a>(org: &'a Org, id: &PolicyId) -> Result<&'a Policy, ApiError> {
    let policy = find(org, id)?;
    if policy.aws_managed {
        let message = "You specified a policy that is managed by AWS and can't be modified.";
        return Err(invalid("IMMUTABLE_POLICY", message));
    }
    Ok(policy)
}

fn name(name: &str) -> Result<&str, ApiError> {
    if (1..=128).contains(&name.chars().count()) {
        Ok(name)
    } else {
        Err(invalid("MAX_LENGTH_EXCEEDED", "You provided a string parameter that is longer than allowed."))
    }
}

fn description(description: &str) -> Result<&str, ApiError> {
    if description.chars().count() <= 512 {
        Ok(description)
    } else {
        Err(invalid("MAX_LENGTH_EXCEEDED", "You provided a string parameter that is longer than allowed."))
    }
}

fn check_unique(org: &Org, kind: &PolicyType, name: &str, but: Option<&PolicyId>) -> Result<(), ApiError> {
    let mut same = org.policies.values().filter(|policy| policy.kind == *kind && policy.name == name);
    if same.any(|policy| Some(&policy.id) != but) {
        return Err(ApiError::new("DuplicatePolicyException", "A policy with the same name already exists."));
    }
    Ok(())
}

/// Size first, then form: a document is refused for what AWS would refuse it for.
fn check_document(kind: &PolicyType, content: &str) -> Result<(), ApiError> {
    let quotas = Quotas::embedded();
    let (rules, limit) = match kind {
        PolicyType::Scp => (Rules::Scp, quotas.scp.size),
        PolicyType::Rcp => (Rules::Rcp, quotas.rcp.size),
        PolicyType::Other(other) => {
            return Err(ApiError::not_implemented(format!("the sandbox has no rules for policies of type {other}")));
        }
    };
    if policy::size(content).characters > limit {
        let message = format!("You have exceeded the maximum policy size of {limit} characters.");
        return Err(constraint("POLICY_CONTENT_LIMIT_EXCEEDED", &message));
    }
    let malformed = |why: String| {
        let message =
            format!("The provided policy document does not meet the requirements of the specified policy type: {why}.");
        Err(ApiError::new("MalformedPolicyDocumentException", message))
    };
    match Document::parse(content) {
        Err(errors) => malformed(errors.first().map(ToString::to_string).unwrap_or_default()),
        Ok(document) => match policy::lint(&document, rules).first() {
            Some(error) => malformed(error.to_string()),
            None => Ok(()),
        },
    }
}
