//! The organization, its root, OUs and accounts, delegated administrators and trusted services: all reads.
//!
//! Owns: the shapes of these answers, old and new. Must not: change anything.

use super::{admit, invalid, paged, target_id};
use crate::model::TargetId;
use crate::model::org::AccountState as Lifecycle;
use crate::sandbox::org::{Member, Ou};
use crate::sandbox::page;
use crate::sandbox::services::Operations;
use crate::sandbox::{ApiError, Caller, Org, input, wire};
use serde_json::{Value, json};

pub(super) const OPERATIONS: Operations = &[
    ("DescribeOrganization", describe_organization),
    ("DescribeResourcePolicy", describe_resource_policy),
    ("ListRoots", list_roots),
    ("ListAccounts", list_accounts),
    ("DescribeAccount", describe_account),
    ("ListOrganizationalUnitsForParent", list_ous),
    ("ListAccountsForParent", list_accounts_for_parent),
    ("ListChildren", list_children),
    ("ListParents", list_parents),
    ("DescribeOrganizationalUnit", describe_ou),
    ("ListDelegatedAdministrators", list_delegated),
    ("ListAWSServiceAccessForOrganization", list_service_access),
    ("ListDelegatedServicesForAccount", list_delegated_services),
];

/// Any member may ask this.
fn describe_organization(org: &mut Org, caller: &Caller, _: Value) -> Result<Value, ApiError> {
    if !org.members.contains_key(&caller.account) {
        return Err(ApiError::new(
            "AWSOrganizationsNotInUseException",
            "Your account is not a member of an organization.",
        ));
    }
    let management = &org.info.management_account;
    let account_arn = account_arn(org, management.as_str());
    // AWS says of this list that it is not to be relied on: it holds SCPs, whatever is enabled.
    let types = json!([{"Type": "SERVICE_CONTROL_POLICY", "Status": "ENABLED"}]);
    Ok(json!({"Organization": {
        "Id": org.info.id,
        "Arn": org.arn(),
        "FeatureSet": org.info.feature_set,
        "MasterAccountArn": account_arn,
        "MasterAccountId": management.as_str(),
        "MasterAccountEmail": org.info.email,
        "AvailablePolicyTypes": if org.info.feature_set == "ALL" { types } else { json!([]) },
    }}))
}

fn describe_resource_policy(org: &mut Org, caller: &Caller, _: Value) -> Result<Value, ApiError> {
    admit(org, caller, true)?;
    let content = org.resource_policy.clone().ok_or_else(|| {
        ApiError::new("ResourcePolicyNotFoundException", "We can't find a resource policy for the organization.")
    })?;
    let id = "rp-0123456789abcdef0";
    let (management, organization) = (&org.info.management_account, &org.info.id);
    let arn = format!("arn:aws:organizations::{management}:resourcepolicy/{organization}/{id}");
    Ok(json!({"ResourcePolicy": {"ResourcePolicySummary": {"Id": id, "Arn": arn}, "Content": content}}))
}

fn list_roots(org: &mut Org, caller: &Caller, request: Value) -> Result<Value, ApiError> {
    admit(org, caller, true)?;
    let types: Vec<Value> =
        org.info.enabled_types.iter().map(|kind| json!({"Type": kind.as_str(), "Status": "ENABLED"})).collect();
    let management = &org.info.management_account;
    let arn = format!("arn:aws:organizations::{management}:root/{}/{}", org.info.id, org.info.root);
    let root = json!({"Id": org.info.root.as_str(), "Arn": arn, "Name": "Root", "PolicyTypes": types});
    paged(&request, "Roots", &[root], Value::clone)
}

/// Pages of 20, and in an organization of more than one page, one empty page among them.
fn list_accounts(org: &mut Org, caller: &Caller, request: Value) -> Result<Value, ApiError> {
    admit(org, caller, true)?;
    let accounts: Vec<&Member> = org.members.values().collect();
    let first = paged(&request, "Accounts", &accounts, |member| account(org, member))?;
    if input::opt_text(&request, "NextToken")?.is_none() && accounts.len() > super::PAGE {
        // AWS may send a page without items and with a NextToken at any time; the sandbox does so at once.
        return Ok(json!({"Accounts": [], "NextToken": page::token_at(0)}));
    }
    Ok(first)
}

fn describe_account(org: &mut Org, caller: &Caller, request: Value) -> Result<Value, ApiError> {
    admit(org, caller, true)?;
    let found = match target_id(&request, "AccountId")? {
        TargetId::Account(id) => org.members.get(&id),
        _ => None,
    };
    let member = found
        .ok_or_else(|| ApiError::new("AccountNotFoundException", "You specified an account that doesn't exist."))?;
    Ok(json!({"Account": account(org, member)}))
}

fn list_ous(org: &mut Org, caller: &Caller, request: Value) -> Result<Value, ApiError> {
    admit(org, caller, true)?;
    let parent = parent(org, &request)?;
    let ous: Vec<&Ou> = org.tree.values().filter(|ou| ou.parent == parent).collect();
    paged(&request, "OrganizationalUnits", &ous, |found| ou(org, found))
}

fn list_accounts_for_parent(org: &mut Org, caller: &Caller, request: Value) -> Result<Value, ApiError> {
    admit(org, caller, true)?;
    let parent = parent(org, &request)?;
    let accounts: Vec<&Member> = org.members.values().filter(|member| member.parent == parent).collect();
    paged(&request, "Accounts", &accounts, |member| account(org, member))
}

fn list_children(org: &mut Org, caller: &Caller, request: Value) -> Result<Value, ApiError> {
    admit(org, caller, true)?;
    let parent = parent(org, &request)?;
    let kind = input::text(&request, "ChildType")?;
    let children: Vec<&str> = match kind {
        "ACCOUNT" => org.members.values().filter(|m| m.parent == parent).map(|m| m.id.as_str()).collect(),
        "ORGANIZATIONAL_UNIT" => org.tree.values().filter(|o| o.parent == parent).map(|o| o.id.as_str()).collect(),
        _ => return Err(invalid("INVALID_ENUM", "ChildType must be ACCOUNT or ORGANIZATIONAL_UNIT.")),
    };
    paged(&request, "Children", &children, |id| json!({"Id": id, "Type": kind}))
}

fn list_parents(org: &mut Org, caller: &Caller, request: Value) -> Result<Value, ApiError> {
    admit(org, caller, true)?;
    let child = target_id(&request, "ChildId")?;
    let parent = org
        .parent(&child)
        .ok_or_else(|| ApiError::new("ChildNotFoundException", "You specified a child that doesn't exist."))?;
    let kind = if matches!(parent, TargetId::Root(_)) { "ROOT" } else { "ORGANIZATIONAL_UNIT" };
    paged(&request, "Parents", &[parent], |parent| json!({"Id": parent.as_str(), "Type": kind}))
}

fn describe_ou(org: &mut Org, caller: &Caller, request: Value) -> Result<Value, ApiError> {
    admit(org, caller, true)?;
    let found = org.tree.get(&target_id(&request, "OrganizationalUnitId")?).ok_or_else(|| {
        ApiError::new("OrganizationalUnitNotFoundException", "You specified an organizational unit that doesn't exist.")
    })?;
    Ok(json!({"OrganizationalUnit": ou(org, found)}))
}

fn list_delegated(org: &mut Org, caller: &Caller, request: Value) -> Result<Value, ApiError> {
    admit(org, caller, true)?;
    let service = input::opt_text(&request, "ServicePrincipal")?;
    let mut administrators = Vec::new();
    for (id, services) in &org.delegated {
        let first = match service {
            Some(service) => services.get(service),
            None => services.values().min(),
        };
        if let (Some(since), Some(member)) = (first, org.members.get(id)) {
            let mut administrator = account(org, member);
            if let Some(members) = administrator.as_object_mut() {
                members.remove("Paths");
                members.insert("DelegationEnabledDate".to_owned(), wire::timestamp(*since));
            }
            administrators.push(administrator);
        }
    }
    paged(&request, "DelegatedAdministrators", &administrators, Value::clone)
}

fn list_delegated_services(org: &mut Org, caller: &Caller, request: Value) -> Result<Value, ApiError> {
    admit(org, caller, true)?;
    let TargetId::Account(account) = target_id(&request, "AccountId")? else {
        let message = "You provided a value that does not match the required pattern.";
        return Err(ApiError::new("InvalidInputException", message).with("Reason", "INVALID_PATTERN"));
    };
    if !org.members.contains_key(&account) {
        let message = "You specified an account that doesn't exist.";
        return Err(ApiError::new("AccountNotFoundException", message));
    }
    let services = org.delegated.get(&account).filter(|services| !services.is_empty()).ok_or_else(|| {
        let message = "The provided account is not a registered delegated administrator for your organization.";
        ApiError::new("AccountNotRegisteredException", message)
    })?;
    let services: Vec<Value> = services
        .iter()
        .map(|(service, since)| json!({"ServicePrincipal": service, "DelegationEnabledDate": wire::timestamp(*since)}))
        .collect();
    paged(&request, "DelegatedServices", &services, Value::clone)
}

fn list_service_access(org: &mut Org, caller: &Caller, request: Value) -> Result<Value, ApiError> {
    admit(org, caller, true)?;
    let services: Vec<Value> = org
        .service_access
        .iter()
        .map(|(service, since)| json!({"ServicePrincipal": service, "DateEnabled": wire::timestamp(*since)}))
        .collect();
    paged(&request, "EnabledServicePrincipals", &services, Value::clone)
}

/// The root or OU in `ParentId`.
fn parent(org: &Org, request: &Value) -> Result<TargetId, ApiError> {
    let parent = target_id(request, "ParentId")?;
    if parent.account().is_none() && org.exists(&parent) {
        Ok(parent)
    } else {
        Err(ApiError::new("ParentNotFoundException", "You specified parent that doesn't exist."))
    }
}

fn account_arn(org: &Org, id: &str) -> String {
    format!("arn:aws:organizations::{}:account/{}/{id}", org.info.management_account, org.info.id)
}

/// An account as AWS tells it.
fn account(org: &Org, member: &Member) -> Value {
    let state = match member.state {
        Lifecycle::PendingActivation => "PENDING_ACTIVATION",
        Lifecycle::Active | Lifecycle::Unknown => "ACTIVE",
        Lifecycle::Suspended => "SUSPENDED",
        Lifecycle::PendingClosure => "PENDING_CLOSURE",
        Lifecycle::Closed => "CLOSED",
    };
    let mut answer = json!({
        "Id": member.id.as_str(),
        "Arn": account_arn(org, member.id.as_str()),
        "Email": member.email,
        "Name": member.name,
        "JoinedMethod": if member.invited { "INVITED" } else { "CREATED" },
        "JoinedTimestamp": wire::timestamp(member.joined),
    });
    let Some(members) = answer.as_object_mut() else { return answer };
    if org.info.older_responses {
        // The older field knows three words; a closed account was called suspended.
        let status = match state {
            "ACTIVE" | "PENDING_CLOSURE" | "SUSPENDED" => state,
            "PENDING_ACTIVATION" => "ACTIVE",
            _ => "SUSPENDED",
        };
        members.insert("Status".to_owned(), status.into());
    } else {
        members.insert("State".to_owned(), state.into());
        members.insert("Paths".to_owned(), json!([path(org, &member.id.clone().into())]));
    }
    answer
}

/// An OU as AWS tells it.
fn ou(org: &Org, ou: &Ou) -> Value {
    let management = &org.info.management_account;
    json!({
        "Id": ou.id.as_str(),
        "Arn": format!("arn:aws:organizations::{management}:ou/{}/{}", org.info.id, ou.id),
        "Name": ou.name,
        "Path": (!org.info.older_responses).then(|| path(org, &ou.id)),
    })
}

/// `o-xxxxxxxxxx/r-xxxx/ou-xxxx-xxxxxxxx/.../`, the form of `aws:PrincipalOrgPaths`, the target itself last.
fn path(org: &Org, target: &TargetId) -> String {
    let ids: Vec<String> = org.chain(target).iter().map(|id| id.as_str().to_owned()).collect();
    format!("{}/{}/", org.info.id, ids.join("/"))
}
