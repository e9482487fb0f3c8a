//! Account Management: `ListRegions`.
//!
//! Owns: that operation, for the caller's own account or, from the management account, a member. Must not: switch Regions.

use super::Operations;
use crate::model::AccountId;
use crate::sandbox::{ApiError, Caller, Org, input, page::page};
use serde_json::{Value, json};

/// The operations.
pub const OPERATIONS: Operations = &[("ListRegions", list_regions)];

fn list_regions(org: &mut Org, caller: &Caller, request: Value) -> Result<Value, ApiError> {
    let account = match input::opt_text(&request, "AccountId")? {
        None => caller.account.clone(),
        Some(id) => {
            let id: AccountId = id.parse().map_err(|_| ApiError::validation("the account id is not 12 digits"))?;
            // The parameter is for the management account asking about a member, never about itself.
            let member = org.members.contains_key(&id) && !org.is_management(&id);
            if !(org.is_management(&caller.account) && member) {
                return Err(ApiError::new(
                    "AccessDeniedException",
                    "User doesn't have permission to call account:ListRegions on this account",
                )
                .with_status(403));
            }
            if !org.service_access.contains_key("account.amazonaws.com") {
                return Err(ApiError::new(
                    "AccessDeniedException",
                    "AWS Account Management is not a trusted service of the organization",
                )
                .with_status(403));
            }
            id
        }
    };
    let wanted = input::texts(&request, "RegionOptStatusContains")?;
    let size = input::opt_int(&request, "MaxResults")?.unwrap_or(50);
    let size = usize::try_from(size).ok().filter(|size| (1..=50).contains(size));
    let size = size.ok_or_else(|| ApiError::validation("MaxResults must be between 1 and 50"))?;
    let state = org.state(&account);
    let regions: Vec<Value> = state
        .regions
        .iter()
        .filter(|(_, status)| wanted.is_empty() || wanted.iter().any(|word| word == status.as_str()))
        .map(|(region, status)| json!({"RegionName": region.as_str(), "RegionOptStatus": status.as_str()}))
        .collect();
    let (part, next) = page(&regions, input::opt_text(&request, "NextToken")?, size, "ValidationException")?;
    Ok(json!({"Regions": part, "NextToken": next}))
}
