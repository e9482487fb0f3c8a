//! S3: the buckets of an account, and what their owner can ask about them.
//!
//! Owns: four reads. Must not: hold objects.
//!
//! Source: Amazon S3 API reference, `ListBuckets`, `GetBucketPolicyStatus`, `GetBucketAcl`, `GetBucketLogging`; Amazon S3
//! User Guide, "List of error codes".

#[cfg(test)]
mod tests;

use super::Operations;
use crate::model::AccountId;
use crate::sandbox::state::Bucket;
use crate::sandbox::wire::rest::Route;
use crate::sandbox::{ApiError, Caller, Org, input, page::page, wire};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// The operations.
pub const OPERATIONS: Operations = &[
    ("GetBucketAcl", |org, caller, request| {
        find(org, caller, &request).map(|bucket| json!({ "AccessControlPolicy": acl(&caller.account, &bucket) }))
    }),
    ("GetBucketLogging", |org, caller, request| {
        let bucket = find(org, caller, &request)?;
        let target = bucket.log_bucket.map(|target| json!({ "TargetBucket": target, "TargetPrefix": "s3/" }));
        Ok(json!({ "BucketLoggingStatus": { "LoggingEnabled": target } }))
    }),
    ("GetBucketPolicyStatus", policy_status),
    ("ListBuckets", list_buckets),
];

/// Where they are asked for.
pub(crate) const ROUTES: &[Route] = &[
    ("GET", "/{Bucket}?acl", "GetBucketAcl"),
    ("GET", "/{Bucket}?logging", "GetBucketLogging"),
    ("GET", "/{Bucket}?policyStatus", "GetBucketPolicyStatus"),
    ("GET", "/", "ListBuckets"),
];

fn policy_status(org: &mut Org, caller: &Caller, request: Value) -> Result<Value, ApiError> {
    let bucket = find(org, caller, &request)?;
    let none = || missing("NoSuchBucketPolicy", "The bucket policy does not exist", &request);
    Ok(json!({ "PolicyStatus": { "IsPublic": bucket.public_policy.ok_or_else(none)? } }))
}

/// Buckets on a page, at most.
const PAGE: i64 = 10_000;
const INVALID: &str = "InvalidArgument";

fn list_buckets(org: &mut Org, caller: &Caller, request: Value) -> Result<Value, ApiError> {
    let size = input::opt_int(&request, "max-buckets")?.unwrap_or(PAGE);
    let size = usize::try_from(size).ok().filter(|size| (1..=PAGE as usize).contains(size));
    let size = size.ok_or_else(|| ApiError::new(INVALID, "Argument max-buckets must be between 1 and 10000"))?;
    let (prefix, region) = (input::opt_text(&request, "prefix")?, input::opt_text(&request, "bucket-region")?);
    // An answer to a request without any parameter does not say where buckets are.
    let told = ["max-buckets", "continuation-token", "prefix", "bucket-region"];
    let told = told.iter().any(|parameter| request.get(*parameter).is_some());
    let state = org.unpeopled(&caller.account);
    let buckets: Vec<Value> = state
        .buckets
        .iter()
        .filter(|(name, _)| prefix.is_none_or(|prefix| name.starts_with(prefix)))
        .filter(|(_, bucket)| region.is_none_or(|region| bucket.region.as_str() == region))
        .map(|(name, bucket)| {
            let region = told.then(|| bucket.region.as_str());
            json!({ "Name": name, "CreationDate": wire::timestamp(bucket.created), "BucketRegion": region })
        })
        .collect();
    let (part, next) = page(&buckets, input::opt_text(&request, "continuation-token")?, size, INVALID)?;
    Ok(json!({ "ListAllMyBucketsResult": {
        "Owner": { "ID": canonical_id(&caller.account) },
        "Buckets": { "Bucket": part },
        "ContinuationToken": next,
        "Prefix": prefix,
    } }))
}

/// The bucket of the caller's account that a request names.
fn find(org: &Org, caller: &Caller, request: &Value) -> Result<Bucket, ApiError> {
    let name = input::text(request, "Bucket")?;
    let denied = || ApiError::new("AccessDenied", "Access Denied").with_status(403);
    let state = org.unpeopled(&caller.account);
    let Some(bucket) = state.buckets.get(name) else {
        let elsewhere = org.members.keys().any(|account| org.unpeopled(account).buckets.contains_key(name));
        return Err(if elsewhere {
            denied()
        } else {
            missing("NoSuchBucket", "The specified bucket does not exist", request)
        });
    };
    let owner = input::opt_text(request, "ExpectedBucketOwner")?;
    if owner.is_some_and(|owner| owner != caller.account.as_str()) {
        return Err(denied());
    }
    if bucket.region != caller.region {
        let message = format!(
            "The authorization header is malformed; the region '{}' is wrong; expecting '{}'",
            caller.region, bucket.region
        );
        return Err(ApiError::new("AuthorizationHeaderMalformed", message).with("Region", bucket.region.as_str()));
    }
    Ok(bucket.clone())
}

fn missing(code: &str, message: &str, request: &Value) -> ApiError {
    let name = request.get("Bucket").cloned().unwrap_or_default();
    ApiError::new(code, message).with_status(404).with("BucketName", name)
}

/// Full control for the owner, and what groups are granted.
fn acl(account: &AccountId, bucket: &Bucket) -> Value {
    let owner = canonical_id(account);
    let own = json!({ "Grantee": { "@xsi:type": "CanonicalUser", "ID": owner }, "Permission": "FULL_CONTROL" });
    let groups = bucket.group_grants.iter().map(
        |(group, permission)| json!({ "Grantee": { "@xsi:type": "Group", "URI": group }, "Permission": permission }),
    );
    let grants: Vec<Value> = std::iter::once(own).chain(groups).collect();
    json!({ "Owner": { "ID": owner }, "AccessControlList": { "Grant": grants } })
}

/// 64 hexadecimal digits, as S3 names an account.
fn canonical_id(account: &AccountId) -> String {
    Sha256::digest(account.as_str().as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}
