//! What surrounds a call: the context keys that policies ask for.
//!
//! Owns: which keys the sandbox knows, with their values or as absent. Must not: make a value up. A key that AWS would set
//! and the sandbox does not model stays unknown, so that a condition on it can't be told.
//!
//! Source: IAM User Guide, "AWS global condition context keys".

use super::documents::Parsed;
use crate::model::AccountId;
use crate::model::ids::Arn;
use crate::policy::{Context, Principal};
use crate::sandbox::state::Tags;
use crate::sandbox::{Caller, Org};
use serde_json::Value;

/// Where every request of the sandbox comes from.
const SOURCE_IP: &str = "127.0.0.1";

/// Global keys that no call here carries, in small letters: nothing calls on somebody's behalf, from a VPC, or from outside
/// the organization's own identities.
const ABSENT: &[&str] = &[
    "aws:assumedroot",
    "aws:calledvia",
    "aws:calledviafirst",
    "aws:calledvialast",
    "aws:chatbotsourcearn",
    "aws:federatedprovider",
    "aws:multifactorauthage",
    "aws:principalservicename",
    "aws:principalservicenameslist",
    "aws:referer",
    "aws:sourceaccount",
    "aws:sourcearn",
    "aws:sourceorgid",
    "aws:sourceorgpaths",
    "aws:sourceowner",
    "aws:sourcevpc",
    "aws:sourcevpcarn",
    "aws:sourcevpce",
    "aws:vpceaccount",
    "aws:vpceorgid",
    "aws:vpceorgpaths",
    "aws:vpcsourceip",
];

/// Keys of a family whose members are known from the principal or the request: one that is not given is absent.
const FAMILIES: [&str; 2] = ["aws:principaltag/", "aws:requesttag/"];

/// Whether no call carries the key (in small letters) unless the principal or the request brings it.
pub(super) fn is_absent(key: &str) -> bool {
    ABSENT.contains(&key) || FAMILIES.iter().any(|family| key.starts_with(family))
}

/// Who asks, as policies see it.
pub(crate) fn principal(caller: &Caller) -> Principal {
    match &caller.role_arn {
        Some(role) => Principal::session(role, &caller.arn),
        None => Principal::iam(&caller.arn),
    }
}

/// The context of a call to `region` on `resource`. `documents` are those it will be held against.
pub(crate) fn context<'a>(
    org: &Org,
    caller: &Caller,
    tags: &Tags,
    (region, resource): (&str, &str),
    input: &Value,
    documents: impl IntoIterator<Item = &'a Parsed>,
) -> Context {
    let mut context = Context::partial()
        .with("aws:PrincipalAccount", caller.account.as_str())
        .with("aws:PrincipalIsAWSService", "false")
        .with("aws:RequestedRegion", region)
        .with("aws:CurrentTime", &org.now.strftime("%Y-%m-%dT%H:%M:%SZ").to_string())
        .with("aws:EpochTime", &org.now.as_second().to_string())
        .with("aws:SourceIp", SOURCE_IP)
        .with("aws:SecureTransport", "true")
        .with("aws:ViaAWSService", "false")
        .with("aws:userid", &caller.user_id);
    for key in documents.into_iter().flat_map(Parsed::absent) {
        context = context.without(key);
    }
    context = belonging(context, org, &caller.account, "Principal");
    let owner = Arn::parse(resource).and_then(|arn| arn.account.parse().ok());
    let owner = owner.as_ref().unwrap_or(&caller.account);
    context = belonging(context.with("aws:ResourceAccount", owner.as_str()), org, owner, "Resource");
    context = credentials(context, caller);
    let session = caller.session.as_ref().map(|session| &session.tags);
    for (key, value) in tags.iter().chain(session.into_iter().flatten()) {
        context = context.with(&format!("aws:PrincipalTag/{key}"), value);
    }
    requested(context, input)
}

/// The organization that an account is in, if it is in this one.
fn belonging(context: Context, org: &Org, account: &AccountId, whose: &str) -> Context {
    let (id, paths, master) =
        (format!("aws:{whose}OrgID"), format!("aws:{whose}OrgPaths"), format!("aws:{whose}OrgMasterAccountId"));
    if !org.members.contains_key(account) {
        return context.without(&id).without(&paths).without(&master);
    }
    let chain = org.chain(&account.clone().into());
    let above: Vec<&str> = chain.iter().take(chain.len().saturating_sub(1)).map(|id| id.as_str()).collect();
    context
        .with(&id, &org.info.id)
        .with(&master, org.info.management_account.as_str())
        .with_all(&paths, [format!("{}/{}/", org.info.id, above.join("/")).as_str()])
}

/// What follows from the kind of credentials. No session here was got with MFA; long-term keys say nothing of it.
fn credentials(context: Context, caller: &Caller) -> Context {
    let context = match caller.role_arn {
        Some(_) => context.with("aws:MultiFactorAuthPresent", "false"),
        None => context.without("aws:MultiFactorAuthPresent"),
    };
    let Some(session) = &caller.session else {
        let context = context.without("aws:SourceIdentity");
        return if caller.role_arn.is_none() { context.without("aws:TokenIssueTime") } else { context };
    };
    let context = context.with("aws:TokenIssueTime", &session.issued.strftime("%Y-%m-%dT%H:%M:%SZ").to_string());
    match &session.source_identity {
        Some(identity) => context.with("aws:SourceIdentity", identity),
        None => context.without("aws:SourceIdentity"),
    }
}

/// The tags that a request brings.
fn requested(mut context: Context, input: &Value) -> Context {
    let tags = input.get("Tags").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let mut keys: Vec<&str> = Vec::new();
    for tag in tags {
        let text = |member| tag.get(member).and_then(Value::as_str);
        if let (Some(key), Some(value)) = (text("Key"), text("Value")) {
            keys.push(key);
            context = context.with(&format!("aws:RequestTag/{key}"), value);
        }
    }
    let removed = input.get("TagKeys").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    keys.extend(removed.iter().filter_map(Value::as_str));
    if keys.is_empty() { context.without("aws:TagKeys") } else { context.with_all("aws:TagKeys", keys) }
}
