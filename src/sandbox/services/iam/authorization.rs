//! `GetAccountAuthorizationDetails`: users, groups, roles and policies in pages.
//!
//! Owns: the order of the pages and what each detail shows. Must not: evaluate a policy.
//!
//! Source: IAM API reference, `GetAccountAuthorizationDetails`.

use super::{boundary_value, encoded, pages, role_last_used, tag_list};
use crate::sandbox::generate::managed::{self, AwsPolicy};
use crate::sandbox::state::{AccountState, Group, Policy, Role, User};
use crate::sandbox::{ApiError, Caller, Org, input, wire};
use jiff::Timestamp;
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// Where a page's item goes.
#[derive(Clone, Copy)]
enum Item<'a> {
    User(&'a User),
    Group(&'a Group),
    Role(&'a Role),
    Customer(&'a str, &'a Policy),
    Aws(&'static AwsPolicy),
}

const KINDS: [&str; 5] = ["User", "Group", "Role", "LocalManagedPolicy", "AWSManagedPolicy"];

pub(super) fn details(org: &mut Org, caller: &Caller, input: Value) -> Result<Value, ApiError> {
    let wanted = input::texts(&input, "Filter")?;
    if let Some(wrong) = wanted.iter().find(|kind| !KINDS.contains(&kind.as_str())) {
        return Err(ApiError::validation(format!(
            "1 validation error detected: Value '[{wrong}]' at 'filter' failed to satisfy constraint: Member must \
             satisfy constraint: [Member must satisfy enum value set: [{}]]",
            KINDS.join(", ")
        )));
    }
    let state = org.state(&caller.account);
    let all = items(&state, &wanted);
    let (part, marker) = pages(&all, &input)?;
    let counts = attachment_counts(&state);
    let mut lists: BTreeMap<&str, Vec<Value>> =
        ["UserDetailList", "GroupDetailList", "RoleDetailList", "Policies"].map(|name| (name, Vec::new())).into();
    for item in part {
        let (list, value) = match *item {
            Item::User(user) => ("UserDetailList", user_detail(&state, user)),
            Item::Group(group) => ("GroupDetailList", group_detail(&state, group)),
            Item::Role(role) => ("RoleDetailList", role_detail(&state, role)),
            Item::Customer(arn, policy) => ("Policies", customer_policy(attachments(&counts, arn), arn, policy)),
            Item::Aws(policy) => ("Policies", aws_policy(&state, attachments(&counts, policy.arn), policy)),
        };
        lists.entry(list).or_default().push(value);
    }
    let mut answer: Map<String, Value> =
        lists.into_iter().map(|(name, list)| (name.to_owned(), Value::Array(list))).collect();
    answer.insert("IsTruncated".to_owned(), marker.is_some().into());
    answer.insert("Marker".to_owned(), marker.into());
    Ok(Value::Object(answer))
}

/// Everything wanted, in the order of the pages. Of AWS's policies, those that are attached.
fn items<'a>(state: &'a AccountState, wanted: &[String]) -> Vec<Item<'a>> {
    let want = |kind: &str| wanted.is_empty() || wanted.iter().any(|w| w == kind);
    let mut items = Vec::new();
    if want("User") {
        items.extend(state.users.values().map(Item::User));
    }
    if want("Group") {
        items.extend(state.groups.values().map(Item::Group));
    }
    if want("Role") {
        items.extend(state.roles.values().map(Item::Role));
    }
    if want("LocalManagedPolicy") {
        items.extend(state.policies.iter().map(|(arn, policy)| Item::Customer(arn, policy)));
    }
    if want("AWSManagedPolicy") {
        let lists = state.users.values().map(|u| &u.attached).chain(state.groups.values().map(|g| &g.attached));
        let attached: BTreeSet<&String> = lists.chain(state.roles.values().map(|r| &r.attached)).flatten().collect();
        items.extend(attached.into_iter().filter_map(|arn| managed::find(arn)).map(Item::Aws));
    }
    items
}

fn inline(policies: &BTreeMap<String, String>) -> Vec<Value> {
    let detail =
        |(name, document): (&String, &String)| json!({ "PolicyName": name, "PolicyDocument": encoded(document) });
    policies.iter().map(detail).collect()
}

fn attached(arns: &[String]) -> Vec<Value> {
    let name = |arn: &String| arn.rsplit('/').next().unwrap_or_default().to_owned();
    arns.iter().map(|arn| json!({ "PolicyName": name(arn), "PolicyArn": arn })).collect()
}

fn user_detail(state: &AccountState, user: &User) -> Value {
    json!({
        "Path": user.path,
        "UserName": user.name,
        "UserId": user.id,
        "Arn": state.user_arn(user),
        "CreateDate": wire::timestamp(user.created),
        "UserPolicyList": Some(inline(&user.inline)).filter(|list| !list.is_empty()),
        "GroupList": user.groups,
        "AttachedManagedPolicies": attached(&user.attached),
        "PermissionsBoundary": user.boundary.as_deref().map(boundary_value),
        "Tags": tag_list(&user.tags),
    })
}

fn group_detail(state: &AccountState, group: &Group) -> Value {
    json!({
        "Path": group.path,
        "GroupName": group.name,
        "GroupId": group.id,
        "Arn": format!("arn:aws:iam::{}:group{}{}", state.account, group.path, group.name),
        "CreateDate": wire::timestamp(group.created),
        "GroupPolicyList": inline(&group.inline),
        "AttachedManagedPolicies": attached(&group.attached),
    })
}

fn role_detail(state: &AccountState, role: &Role) -> Value {
    json!({
        "Path": role.path,
        "RoleName": role.name,
        "RoleId": role.id,
        "Arn": role.arn(&state.account),
        "CreateDate": wire::timestamp(role.created),
        "AssumeRolePolicyDocument": encoded(&role.trust_policy),
        "InstanceProfileList": [],
        "RolePolicyList": inline(&role.inline),
        "AttachedManagedPolicies": attached(&role.attached),
        "PermissionsBoundary": role.boundary.as_deref().map(boundary_value),
        "Tags": tag_list(&role.tags),
        "RoleLastUsed": role_last_used(role),
    })
}

fn versions(document: &str, created: Timestamp) -> Value {
    json!([{
        "Document": encoded(document),
        "VersionId": "v1",
        "IsDefaultVersion": true,
        "CreateDate": wire::timestamp(created),
    }])
}

/// How many principals each policy is attached to.
fn attachment_counts(state: &AccountState) -> HashMap<&str, usize> {
    let lists =
        state.users.values().map(|user| &user.attached).chain(state.groups.values().map(|group| &group.attached));
    let mut counts = HashMap::new();
    for list in lists.chain(state.roles.values().map(|role| &role.attached)) {
        for arn in list.iter().map(String::as_str).collect::<BTreeSet<&str>>() {
            *counts.entry(arn).or_default() += 1;
        }
    }
    counts
}

fn attachments(counts: &HashMap<&str, usize>, arn: &str) -> usize {
    counts.get(arn).copied().unwrap_or_default()
}

fn customer_policy(attachments: usize, arn: &str, policy: &Policy) -> Value {
    json!({
        "PolicyName": policy.name,
        "PolicyId": policy.id,
        "Arn": arn,
        "Path": policy.path,
        "DefaultVersionId": "v1",
        "AttachmentCount": attachments,
        "PermissionsBoundaryUsageCount": 0,
        "IsAttachable": true,
        "CreateDate": wire::timestamp(policy.created),
        "UpdateDate": wire::timestamp(policy.created),
        "PolicyVersionList": versions(&policy.document, policy.created),
    })
}

fn aws_policy(state: &AccountState, attachments: usize, policy: &AwsPolicy) -> Value {
    // AWS's own policies are older than any account here.
    let created = Timestamp::from_second(1_423_180_800).unwrap_or(state.created);
    json!({
        "PolicyName": policy.name(),
        "PolicyId": policy.id,
        "Arn": policy.arn,
        "Path": policy.path(),
        "DefaultVersionId": "v1",
        "AttachmentCount": attachments,
        "PermissionsBoundaryUsageCount": 0,
        "IsAttachable": true,
        "CreateDate": wire::timestamp(created),
        "UpdateDate": wire::timestamp(created),
        "PolicyVersionList": versions(policy.document, created),
    })
}
