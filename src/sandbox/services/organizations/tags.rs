//! Tags of roots, OUs, accounts and policies.
//!
//! Owns: their limits. Must not: tag what is in an account.

use super::{admit, admit_write, constraint, invalid, paged};
use crate::model::{PolicyId, TargetId};
use crate::sandbox::services::Operations;
use crate::sandbox::state::Tags;
use crate::sandbox::{ApiError, Caller, Org, input};
use serde_json::{Value, json};

pub(super) const OPERATIONS: Operations =
    &[("ListTagsForResource", list_tags), ("TagResource", tag_resource), ("UntagResource", untag_resource)];

/// Tags of one resource.
const MOST: usize = 50;

/// Reads `Tags`.
///
/// # Errors
/// `InvalidInputException` for keys and values AWS does not take.
pub(super) fn read(request: &Value) -> Result<Tags, ApiError> {
    let listed = input::list(request, "Tags")?.len();
    let tags = input::tags(request, "Tags")?;
    if tags.len() != listed {
        return Err(invalid(
            "DUPLICATE_TAG_KEY",
            "Tag keys must be unique among the tags attached to the same entity.",
        ));
    }
    for (key, value) in &tags {
        if key.to_ascii_lowercase().starts_with("aws:") {
            let message =
                "You specified a tag key that is a system tag. You can't add, edit, or delete system tag keys.";
            return Err(invalid("INVALID_SYSTEM_TAGS_PARAMETER", message));
        }
        if key.chars().count() > 128 || value.chars().count() > 256 {
            return Err(invalid("MAX_LENGTH_EXCEEDED", "You provided a string parameter that is longer than allowed."));
        }
    }
    Ok(tags)
}

/// The id in the request, if something has it; and whether AWS owns it.
fn resource(org: &Org, request: &Value) -> Result<(String, bool), ApiError> {
    let id = input::text(request, "ResourceId")?;
    let policy = id.parse::<PolicyId>().ok().and_then(|id| org.policies.get(&id));
    let target = id.parse::<TargetId>().is_ok_and(|target| org.exists(&target));
    if policy.is_some() || target {
        Ok((id.to_owned(), policy.is_some_and(|policy| policy.aws_managed)))
    } else {
        Err(ApiError::new("TargetNotFoundException", "You specified a target that doesn't exist."))
    }
}

fn list_tags(org: &mut Org, caller: &Caller, request: Value) -> Result<Value, ApiError> {
    admit(org, caller, true)?;
    let (id, _) = resource(org, &request)?;
    let tags: Vec<(&String, &String)> = org.tags.get(&id).into_iter().flatten().collect();
    paged(&request, "Tags", &tags, |(key, value)| json!({"Key": key, "Value": value}))
}

fn writable(org: &Org, caller: &Caller, request: &Value, action: &str) -> Result<String, ApiError> {
    admit_write(org, caller, action)?;
    match resource(org, request)? {
        (id, false) => Ok(id),
        (_, true) => {
            Err(invalid("IMMUTABLE_POLICY", "You specified a policy that is managed by AWS and can't be modified."))
        }
    }
}

fn tag_resource(org: &mut Org, caller: &Caller, request: Value) -> Result<Value, ApiError> {
    let id = writable(org, caller, &request, "organizations:TagResource")?;
    let mut all = org.tags.get(&id).cloned().unwrap_or_default();
    all.extend(read(&request)?);
    if all.len() > MOST {
        return Err(constraint(
            "MAX_TAG_LIMIT_EXCEEDED",
            "You have exceeded the number of tags allowed on this resource.",
        ));
    }
    org.tags.insert(id, all);
    Ok(Value::Null)
}

fn untag_resource(org: &mut Org, caller: &Caller, request: Value) -> Result<Value, ApiError> {
    let id = writable(org, caller, &request, "organizations:UntagResource")?;
    let keys = input::texts(&request, "TagKeys")?;
    if let Some(tags) = org.tags.get_mut(&id) {
        tags.retain(|key, _| !keys.contains(key));
    }
    Ok(Value::Null)
}
