//! AWS Organizations, as far as orgward calls it.
//!
//! Owns: the table of operations, who may call what, and readers all of them share. Must not: evaluate policies.
//!
//! Source: Organizations API reference; Organizations User Guide, "Quotas" and "SCP syntax".

mod attachments;
mod policies;
mod tags;
mod tree;

use super::Operations;
use crate::model::{PolicyId, TargetId};
use crate::policy::{self, Context, Decision, Document, Request};
use crate::sandbox::access;
use crate::sandbox::page::page;
use crate::sandbox::{ApiError, Caller, Org, input};
use serde_json::{Value, json};

/// The operations.
pub(crate) const OPERATIONS: &[Operations] =
    &[tree::OPERATIONS, tags::OPERATIONS, policies::OPERATIONS, attachments::OPERATIONS];

/// At most so many items on a page.
pub(crate) const PAGE: usize = 20;

/// Lets the management account through; and delegated administrators, to read.
///
/// # Errors
/// `AccessDeniedException`, as for any member; `AWSOrganizationsNotInUseException` outside the organization.
fn admit(org: &Org, caller: &Caller, reads: bool) -> Result<(), ApiError> {
    if !org.members.contains_key(&caller.account) {
        return Err(ApiError::new(
            "AWSOrganizationsNotInUseException",
            "Your account is not a member of an organization.",
        ));
    }
    let delegated = org.delegated.get(&caller.account).is_some_and(|services| !services.is_empty());
    if org.is_management(&caller.account) || (reads && delegated) {
        Ok(())
    } else {
        Err(ApiError::new("AccessDeniedException", "You don't have permissions to access this resource."))
    }
}

/// Lets the management account through to write; and a member that the organization's delegation policy lets.
///
/// # Errors
/// As [`admit`]; 501 for a delegation policy that can't be evaluated.
fn admit_write(org: &Org, caller: &Caller, action: &str) -> Result<(), ApiError> {
    let Some(text) = org.resource_policy.as_ref().filter(|_| org.members.contains_key(&caller.account)) else {
        return admit(org, caller, false);
    };
    let unread =
        |why: String| ApiError::not_implemented(format!("the sandbox cannot evaluate the delegation policy: {why}"));
    let document =
        Document::parse(text).map_err(|errors| unread(errors.first().map(ToString::to_string).unwrap_or_default()))?;
    let request = Request {
        principal: access::principal(caller),
        action: action.to_owned(),
        resource: "*".to_owned(),
        context: Context::partial(),
    };
    match policy::evaluate(&[&document], &request) {
        Decision::Allow => Ok(()),
        Decision::CannotTell { why } => Err(unread(why)),
        _ => admit(org, caller, false),
    }
}

/// Cuts the page that the request asks for; only its items are shown, since a list may have 50,000.
fn paged<T>(request: &Value, member: &str, items: &[T], show: impl Fn(&T) -> Value) -> Result<Value, ApiError> {
    let size = input::opt_int(request, "MaxResults")?.unwrap_or(20);
    let size = usize::try_from(size).ok().filter(|size| (1..=PAGE).contains(size));
    let size = size.ok_or_else(|| invalid("MAX_VALUE_EXCEEDED", "MaxResults must be between 1 and 20."))?;
    let (part, next) = page(items, input::opt_text(request, "NextToken")?, size, "InvalidInputException")
        .map_err(|error| error.with("Reason", "INVALID_NEXT_TOKEN"))?;
    let part: Vec<Value> = part.iter().map(show).collect();
    Ok(json!({ member: part, "NextToken": next }))
}

/// `InvalidInputException` with its reason.
fn invalid(reason: &str, message: &str) -> ApiError {
    ApiError::new("InvalidInputException", message).with("Reason", reason)
}

/// `ConstraintViolationException` with its reason.
fn constraint(reason: &str, message: &str) -> ApiError {
    ApiError::new("ConstraintViolationException", message).with("Reason", reason)
}

/// A policy id from the request.
fn policy_id(request: &Value) -> Result<PolicyId, ApiError> {
    input::text(request, "PolicyId")?
        .parse()
        .map_err(|_| invalid("INVALID_PATTERN", "You provided a value that does not match the required pattern."))
}

/// A target id from the request; it has the right form, but may not exist.
fn target_id(request: &Value, member: &str) -> Result<TargetId, ApiError> {
    input::text(request, member)?.parse().map_err(|_| {
        invalid("INVALID_PATTERN_TARGET_ID", "You specified a target ID that does not match the required pattern.")
    })
}
