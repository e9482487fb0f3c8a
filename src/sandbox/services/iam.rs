//! IAM: summary, roles, aliases and MFA devices; the password policy, the credential report and the authorization
//! details have files of their own.
//!
//! Owns: IAM's answers and error codes. Must not: see a wire format, or decide whether the caller may ask (dispatch
//! does).
//!
//! Source: IAM API reference.

mod authorization;
mod identity;
mod password;
mod report;
mod simulate;
#[cfg(test)]
mod tests;

use crate::sandbox::state::{AccountState, MfaUser, Role, RootMfa, Tags, User};
use crate::sandbox::{ApiError, Caller, Handler, Org, input, page, wire};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// The operations of IAM that the sandbox has.
pub const OPERATIONS: &[(&str, Handler)] = &[
    ("DeleteAccountPasswordPolicy", password::delete),
    ("GenerateCredentialReport", report::generate),
    ("GetAccountAuthorizationDetails", authorization::details),
    ("GetAccountPasswordPolicy", password::get),
    ("GetAccountSummary", summary),
    ("GetCredentialReport", report::get),
    ("GetRole", get_role),
    ("ListAccountAliases", list_aliases),
    ("ListOrganizationsFeatures", identity::organizations_features),
    ("ListRoles", list_roles),
    ("ListSAMLProviders", identity::saml_providers),
    ("ListSSHPublicKeys", identity::ssh_public_keys),
    ("ListServerCertificates", identity::server_certificates),
    ("ListServiceSpecificCredentials", identity::service_specific_credentials),
    ("ListVirtualMFADevices", list_virtual_mfa_devices),
    ("SimulateCustomPolicy", simulate::custom_policy),
    ("UpdateAccountPasswordPolicy", password::update),
];

/// Items on a page where the caller does not say.
const PAGE: usize = 100;
/// Items on the longest page.
const LONGEST_PAGE: i64 = 1_000;

/// `NoSuchEntity`, status 404.
fn no_such_entity(message: String) -> ApiError {
    ApiError::new("NoSuchEntity", message).with_status(404)
}

/// How a member out of its range is refused.
fn out_of_range(member: &str, value: i64, constraint: &str) -> ApiError {
    ApiError::validation(format!(
        "1 validation error detected: Value '{value}' at '{member}' failed to satisfy constraint: Member must have value {constraint}"
    ))
}

/// The page that `Marker` and `MaxItems` ask for, and the marker of the next.
fn pages<'a, T>(items: &'a [T], input: &Value) -> Result<(&'a [T], Option<String>), ApiError> {
    let size = match input::opt_int(input, "MaxItems")? {
        None => PAGE,
        Some(size) if size < 1 => return Err(out_of_range("maxItems", size, "greater than or equal to 1")),
        Some(size) if size > LONGEST_PAGE => {
            return Err(out_of_range("maxItems", size, "less than or equal to 1000"));
        }
        Some(size) => usize::try_from(size).unwrap_or(PAGE),
    };
    page::page(items, input::opt_text(input, "Marker")?, size, "ValidationError")
}

/// Adds `IsTruncated` and `Marker` to an answer.
fn paged(member: &str, items: Vec<Value>, marker: Option<String>) -> Value {
    let mut answer = Map::new();
    answer.insert(member.to_owned(), Value::Array(items));
    answer.insert("IsTruncated".to_owned(), marker.is_some().into());
    answer.insert("Marker".to_owned(), marker.into());
    Value::Object(answer)
}

/// Tags as IAM lists them.
fn tag_list(tags: &Tags) -> Vec<Value> {
    tags.iter().map(|(key, value)| json!({ "Key": key, "Value": value })).collect()
}

/// A document as IAM sends it: percent-encoded (RFC 3986).
fn encoded(document: &str) -> String {
    urlencoding::encode(document).into_owned()
}

/// When and where a role was last used; an empty object if never.
fn role_last_used(role: &Role) -> Value {
    match &role.last_used {
        Some((at, region)) => json!({ "LastUsedDate": wire::timestamp(*at), "Region": region }),
        None => json!({}),
    }
}

fn summary(org: &mut Org, caller: &Caller, _input: Value) -> Result<Value, ApiError> {
    let state = org.state(&caller.account);
    let root = &state.root;
    let count = |number: usize| i64::try_from(number).unwrap_or(i64::MAX);
    let entries = [
        ("AccessKeysPerUserQuota", 2),
        ("AccountAccessKeysPresent", i64::from(!root.keys.is_empty())),
        ("AccountMFAEnabled", i64::from(root.mfa != RootMfa::None)),
        ("AccountPasswordPresent", i64::from(root.has_password)),
        ("AccountSigningCertificatesPresent", 0),
        ("AssumeRolePolicySizeQuota", 2_048),
        ("AttachedPoliciesPerGroupQuota", 10),
        ("AttachedPoliciesPerRoleQuota", 10),
        ("AttachedPoliciesPerUserQuota", 10),
        ("GlobalEndpointTokenVersion", 1),
        ("GroupPolicySizeQuota", 5_120),
        ("Groups", count(state.groups.len())),
        ("GroupsPerUserQuota", 10),
        ("GroupsQuota", 300),
        ("InstanceProfiles", 0),
        ("InstanceProfilesQuota", 1_000),
        ("MFADevices", count(state.virtual_mfa.len())),
        ("MFADevicesInUse", count(devices_in_use(&state))),
        ("Policies", count(state.policies.len())),
        ("PoliciesQuota", 1_500),
        ("PolicySizeQuota", 6_144),
        ("PolicyVersionsInUse", count(state.policies.len())),
        ("PolicyVersionsInUseQuota", 10_000),
        ("Providers", count(state.identity.saml_providers.len())),
        ("RolePolicySizeQuota", 10_240),
        ("Roles", count(state.roles.len())),
        ("RolesQuota", 1_000),
        ("ServerCertificates", count(state.identity.certificates.len())),
        ("ServerCertificatesQuota", 20),
        ("SigningCertificatesPerUserQuota", 2),
        ("UserPolicySizeQuota", 2_048),
        ("Users", count(state.users.len())),
        ("UsersQuota", 5_000),
        ("VersionsPerPolicyQuota", 5),
    ];
    let entries: BTreeMap<String, i64> = entries.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    Ok(json!({ "SummaryMap": wire::map(entries) }))
}

/// Every MFA device in use: the users', and the root user's.
fn devices_in_use(state: &AccountState) -> usize {
    state.users.values().filter(|user| user.mfa).count() + usize::from(state.root.mfa != RootMfa::None)
}

fn list_aliases(org: &mut Org, caller: &Caller, input: Value) -> Result<Value, ApiError> {
    let aliases: Vec<Value> = org.state(&caller.account).alias.iter().map(|alias| alias.clone().into()).collect();
    let (part, marker) = pages(&aliases, &input)?;
    Ok(paged("AccountAliases", part.to_vec(), marker))
}

fn get_role(org: &mut Org, caller: &Caller, input: Value) -> Result<Value, ApiError> {
    let name = input::text(&input, "RoleName")?;
    let state = org.state(&caller.account);
    // Role names are unique whatever their case.
    let role = state.roles.get(name).or_else(|| state.roles.values().find(|r| r.name.eq_ignore_ascii_case(name)));
    let role = role.ok_or_else(|| no_such_entity(format!("The role with name {name} cannot be found.")))?;
    let mut detail = role_value(&state, role);
    if let Some(detail) = detail.as_object_mut() {
        if !role.tags.is_empty() {
            detail.insert("Tags".to_owned(), tag_list(&role.tags).into());
        }
        detail.insert("RoleLastUsed".to_owned(), role_last_used(role));
        if let Some(boundary) = &role.boundary {
            detail.insert("PermissionsBoundary".to_owned(), boundary_value(boundary));
        }
    }
    Ok(json!({ "Role": detail }))
}

/// A role as `ListRoles` shows it: without tags, boundary and last use.
fn role_value(state: &AccountState, role: &Role) -> Value {
    json!({
        "Path": role.path,
        "RoleName": role.name,
        "RoleId": role.id,
        "Arn": role.arn(&state.account),
        "CreateDate": wire::timestamp(role.created),
        "AssumeRolePolicyDocument": encoded(&role.trust_policy),
        "Description": Some(&role.description).filter(|text| !text.is_empty()),
        "MaxSessionDuration": role.max_session_seconds,
    })
}

/// A permissions boundary.
fn boundary_value(arn: &str) -> Value {
    json!({ "PermissionsBoundaryType": "Policy", "PermissionsBoundaryArn": arn })
}

fn list_roles(org: &mut Org, caller: &Caller, input: Value) -> Result<Value, ApiError> {
    let prefix = input::opt_text(&input, "PathPrefix")?.unwrap_or("/");
    let state = org.state(&caller.account);
    let roles: Vec<&Role> = state.roles.values().filter(|role| role.path.starts_with(prefix)).collect();
    let (part, marker) = pages(&roles, &input)?;
    Ok(paged("Roles", part.iter().map(|role| role_value(&state, role)).collect(), marker))
}

fn list_virtual_mfa_devices(org: &mut Org, caller: &Caller, input: Value) -> Result<Value, ApiError> {
    let assigned = match input::opt_text(&input, "AssignmentStatus")? {
        None | Some("Any") => None,
        Some("Assigned") => Some(true),
        Some("Unassigned") => Some(false),
        Some(other) => {
            return Err(ApiError::validation(format!(
                "1 validation error detected: Value '{other}' at 'assignmentStatus' failed to satisfy constraint: \
                 Member must satisfy enum value set: [Unassigned, Any, Assigned]"
            )));
        }
    };
    let state = org.state(&caller.account);
    let devices: Vec<Value> = state
        .virtual_mfa
        .iter()
        .filter(|(_, device)| assigned.is_none_or(|wanted| wanted == device.assigned.is_some()))
        .map(|(serial, device)| match &device.assigned {
            None => json!({ "SerialNumber": serial }),
            Some((user, since)) => json!({
                "SerialNumber": serial,
                "User": device_user(&state, user),
                "EnableDate": wire::timestamp(*since),
            }),
        })
        .collect();
    let (part, marker) = pages(&devices, &input)?;
    Ok(paged("VirtualMFADevices", part.to_vec(), marker))
}

/// The user of a device. The root user's id is the account's and it has no name.
fn device_user(state: &AccountState, user: &MfaUser) -> Value {
    match user {
        MfaUser::Root => json!({
            "Path": "/",
            "UserId": state.account.as_str(),
            "Arn": format!("arn:aws:iam::{}:root", state.account),
            "CreateDate": wire::timestamp(state.created),
            "PasswordLastUsed": state.root.password_last_used.map(wire::timestamp),
        }),
        MfaUser::User(name) => match state.users.get(name) {
            Some(user) => user_value(state, user),
            None => Value::Null,
        },
    }
}

fn user_value(state: &AccountState, user: &User) -> Value {
    json!({
        "Path": user.path,
        "UserName": user.name,
        "UserId": user.id,
        "Arn": state.user_arn(user),
        "CreateDate": wire::timestamp(user.created),
        "PasswordLastUsed": user.password.as_ref().and_then(|password| password.last_used).map(wire::timestamp),
    })
}
