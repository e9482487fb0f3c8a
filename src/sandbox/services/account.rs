//! Account Management: Regions and contacts.
//!
//! Owns: three reads, for the caller's own account or, from the management account, a member. Must not: switch Regions.
//!
//! Source: Account Management API reference.

use super::Operations;
use crate::model::AccountId;
use crate::sandbox::{ApiError, Caller, Org, input, page::page};
use serde_json::{Value, json};

/// The operations.
pub const OPERATIONS: Operations = &[
    ("GetAlternateContact", get_alternate_contact),
    ("GetContactInformation", get_contact_information),
    ("ListRegions", list_regions),
];

/// The account a call is about.
fn account(org: &Org, caller: &Caller, request: &Value, operation: &str) -> Result<AccountId, ApiError> {
    let Some(id) = input::opt_text(request, "AccountId")? else { return Ok(caller.account.clone()) };
    let id: AccountId = id.parse().map_err(|_| ApiError::validation("the account id is not 12 digits"))?;
    let denied = |message: String| ApiError::new("AccessDeniedException", message).with_status(403);
    // The parameter is for the management account asking about a member, never about itself.
    let member = org.members.contains_key(&id) && !org.is_management(&id);
    if !(org.is_management(&caller.account) && member) {
        return Err(denied(format!("User doesn't have permission to call account:{operation} on this account")));
    }
    if !org.service_access.contains_key("account.amazonaws.com") {
        return Err(denied("AWS Account Management is not a trusted service of the organization".to_owned()));
    }
    Ok(id)
}

/// `ResourceNotFoundException`, status 404.
fn not_found(what: &str) -> ApiError {
    ApiError::new("ResourceNotFoundException", format!("No {what} found for the inputs provided.")).with_status(404)
}

/// The types of alternate contacts.
const KINDS: [&str; 3] = ["BILLING", "OPERATIONS", "SECURITY"];

fn get_alternate_contact(org: &mut Org, caller: &Caller, request: Value) -> Result<Value, ApiError> {
    let account = account(org, caller, &request, "GetAlternateContact")?;
    let kind = input::text(&request, "AlternateContactType")?;
    if !KINDS.contains(&kind) {
        return Err(ApiError::validation(format!("AlternateContactType must be one of {}", KINDS.join(", "))));
    }
    let state = org.unpeopled(&account);
    let contact = state
        .contacts
        .alternate
        .get(kind)
        .ok_or_else(|| not_found("contact of the inputted alternate contact type"))?;
    let mut contact = json!(contact);
    if let Some(contact) = contact.as_object_mut() {
        contact.insert("AlternateContactType".to_owned(), kind.into());
    }
    Ok(json!({ "AlternateContact": contact }))
}

fn get_contact_information(org: &mut Org, caller: &Caller, request: Value) -> Result<Value, ApiError> {
    let account = account(org, caller, &request, "GetContactInformation")?;
    let state = org.unpeopled(&account);
    let information = Some(&state.contacts.information).filter(|information| !information.is_empty());
    let information = information.ok_or_else(|| not_found("contact information"))?;
    Ok(json!({ "ContactInformation": information }))
}

fn list_regions(org: &mut Org, caller: &Caller, request: Value) -> Result<Value, ApiError> {
    let account = account(org, caller, &request, "ListRegions")?;
    let wanted = input::texts(&request, "RegionOptStatusContains")?;
    let size = input::opt_int(&request, "MaxResults")?.unwrap_or(50);
    let size = usize::try_from(size).ok().filter(|size| (1..=50).contains(size));
    let size = size.ok_or_else(|| ApiError::validation("MaxResults must be between 1 and 50"))?;
    let state = org.unpeopled(&account);
    let regions: Vec<Value> = state
        .regions
        .iter()
        .filter(|(_, status)| wanted.is_empty() || wanted.iter().any(|word| word == status.as_str()))
        .map(|(region, status)| json!({"RegionName": region.as_str(), "RegionOptStatus": status.as_str()}))
        .collect();
    let (part, next) = page(&regions, input::opt_text(&request, "NextToken")?, size, "ValidationException")?;
    Ok(json!({"Regions": part, "NextToken": next}))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sandbox::services::testing::{call, caller, small};

    #[test]
    fn contacts_are_told_or_not_found() {
        let mut org = small();
        let caller = caller(&org, "app-one", "eu-central-1");
        let ask = |org: &mut Org, operation: &str, input: Value| call(OPERATIONS, org, &caller, operation, input);
        let security = json!({"AlternateContactType": "SECURITY"});
        let contact = ask(&mut org, "GetAlternateContact", security.clone()).unwrap();
        assert_eq!(contact["AlternateContact"]["AlternateContactType"], "SECURITY");
        assert_eq!(contact["AlternateContact"]["EmailAddress"], "security@example.com");
        let billing = ask(&mut org, "GetAlternateContact", json!({"AlternateContactType": "BILLING"})).unwrap_err();
        assert_eq!((billing.code.as_str(), billing.status), ("ResourceNotFoundException", 404));
        assert!(ask(&mut org, "GetAlternateContact", json!({"AlternateContactType": "LEGAL"})).is_err());
        let information = ask(&mut org, "GetContactInformation", json!({})).unwrap();
        assert_eq!(information["ContactInformation"]["CountryCode"], "US");
        let account = caller.account.clone();
        org.state_mut(&account).contacts = crate::sandbox::state::Contacts::default();
        let gone = ask(&mut org, "GetContactInformation", json!({})).unwrap_err();
        assert_eq!(gone.code, "ResourceNotFoundException");
        let other = json!({"AccountId": org.info.management_account.as_str()});
        assert_eq!(ask(&mut org, "GetContactInformation", other).unwrap_err().code, "AccessDeniedException");
    }
}
