//! The buckets that trails write to, as the account that owns them sees them.
//!
//! Owns: four calls and how their answers become the model's. Must not: ask about a bucket of another account, or judge.
//!
//! Source: Amazon S3 API reference, `ListBuckets`, `GetBucketPolicyStatus`, `GetBucketAcl`, `GetBucketLogging`.

use super::account::Ask;
use super::watch::Watch;
use crate::aws::AccountSession;
use crate::model::bucket::{GroupGrant, TrailBucket};
use crate::model::ids::{AccountId, Region};
use crate::model::observed::{Cause, Observed};
use crate::model::trail::Trail;
use crate::resources::call::{done, incomplete, pages, present};
use aws_sdk_s3::types::{self, Type};
use futures::future;
use std::collections::BTreeMap;

pub(super) const BUCKETS: &str = "s3:ListBuckets";
pub(super) const POLICY_STATUS: &str = "s3:GetBucketPolicyStatus";
pub(super) const ACL: &str = "s3:GetBucketAcl";
pub(super) const LOGGING: &str = "s3:GetBucketLogging";

/// Buckets in a page, the most there can be. With any parameter S3 also says where each bucket is.
const PAGE: i32 = 10_000;

/// The account's buckets that its own trails or an organization trail write to, as far as those were seen: whoever says that there
/// are no more has to look at every Region's trails. Where there is none, nothing is asked.
pub(super) async fn of_trails(
    ask: &Ask<'_>,
    trails: &BTreeMap<Region, Observed<Vec<Trail>>>,
) -> Observed<Vec<TrailBucket>> {
    let (session, watch, home) = (ask.session, ask.watch, &ask.run.home);
    let of_organization = &ask.run.org.organization_trails;
    let all = || trails.values().chain([of_organization]);
    let at_home = trails.get(home).and_then(Observed::cause);
    if let Some(cause) = at_home.or(of_organization.cause()) {
        return Observed::unknown(cause.clone());
    }
    let wanted = written_to(session.account(), all().filter_map(Observed::value).flatten());
    if wanted.is_empty() {
        let source = all().find_map(Observed::source).cloned();
        return match source {
            Some(source) => Observed::Present { value: Vec::new(), source },
            None => Observed::not_collected(BUCKETS),
        };
    }
    let owned = watch.observed(BUCKETS, owned(session, home, &wanted)).await;
    match owned {
        Observed::Present { value, source } => {
            let asked = value.into_iter().map(|(name, region)| bucket(session, watch, name, region));
            Observed::Present { value: future::join_all(asked).await, source }
        }
        Observed::Absent { source } => Observed::Absent { source },
        Observed::Unknown { cause } => Observed::Unknown { cause },
    }
}

/// The buckets that the account's own trails and organization trails write to, each with the home Region of such a trail.
fn written_to<'a>(account: &AccountId, trails: impl Iterator<Item = &'a Trail>) -> BTreeMap<String, Region> {
    trails
        .filter(|trail| trail.organization_trail || trail.owner().as_ref() == Some(account))
        .filter_map(|trail| Some((trail.s3_bucket.clone()?, trail.home_region.clone())))
        .collect()
}

/// Those of the wanted buckets that the account owns, and where each is: where S3 does not say, the trail's home Region is
/// asked, and answers if it is not there.
async fn owned(
    session: &AccountSession,
    home: &Region,
    wanted: &BTreeMap<String, Region>,
) -> Observed<Vec<(String, Region)>> {
    let work = async {
        let mut found = Vec::new();
        let stream = session.s3(home).list_buckets().max_buckets(PAGE).into_paginator().send();
        pages(
            BUCKETS,
            stream,
            |page| page.continuation_token(),
            |page| {
                found.extend(page.buckets().iter().filter_map(|bucket| {
                    let (name, of_trail) = wanted.get_key_value(bucket.name()?)?;
                    let region = bucket.bucket_region().and_then(|region| region.parse().ok());
                    Some((name.clone(), region.unwrap_or_else(|| of_trail.clone())))
                }));
            },
        )
        .await?;
        Ok(Some(found))
    };
    session.observe(BUCKETS, home, work).await
}

async fn bucket(session: &AccountSession, watch: &Watch, name: String, region: Region) -> TrailBucket {
    let (public_policy, group_grants, access_log_bucket) = future::join3(
        watch.observed(POLICY_STATUS, public_policy(session, &region, &name)),
        watch.observed(ACL, group_grants(session, &region, &name)),
        watch.observed(LOGGING, access_log_bucket(session, &region, &name)),
    )
    .await;
    TrailBucket { name, region, public_policy, group_grants, access_log_bucket }
}

/// Whether the policy makes the bucket public; absent without a policy.
async fn public_policy(session: &AccountSession, region: &Region, name: &str) -> Observed<bool> {
    let work = async {
        let request = session.s3(region).get_bucket_policy_status().bucket(name);
        let answer = request.expected_bucket_owner(session.account().as_str()).send().await;
        let Some(answer) = present(POLICY_STATUS, answer, &["NoSuchBucketPolicy"])? else { return Ok(None) };
        let public = answer.policy_status().and_then(|status| status.is_public);
        public.map(Some).ok_or_else(|| incomplete(POLICY_STATUS, "policy status"))
    };
    session.observe(POLICY_STATUS, region, work).await
}

/// What the ACL grants to predefined groups.
async fn group_grants(session: &AccountSession, region: &Region, name: &str) -> Observed<Vec<GroupGrant>> {
    let work = async {
        let request = session.s3(region).get_bucket_acl().bucket(name);
        let answer = done(ACL, request.expected_bucket_owner(session.account().as_str()).send().await)?;
        let grants = answer.grants().iter().filter_map(|grant| grants_group(grant).transpose());
        grants.collect::<Result<Vec<_>, _>>().map(Some)
    };
    session.observe(ACL, region, work).await
}

/// The grant, if it is to a group.
fn grants_group(grant: &types::Grant) -> Result<Option<GroupGrant>, Cause> {
    let Some(grantee) = grant.grantee().filter(|grantee| *grantee.r#type() == Type::Group) else { return Ok(None) };
    let group = grantee.uri().ok_or_else(|| incomplete(ACL, "URI of a group"))?.to_owned();
    let permission = grant.permission().ok_or_else(|| incomplete(ACL, "permission of a grant"))?;
    Ok(Some(GroupGrant { group, permission: permission.as_str().to_owned() }))
}

/// Where access logs go; absent where access is not logged.
async fn access_log_bucket(session: &AccountSession, region: &Region, name: &str) -> Observed<String> {
    let work = async {
        let request = session.s3(region).get_bucket_logging().bucket(name);
        let answer = done(LOGGING, request.expected_bucket_owner(session.account().as_str()).send().await)?;
        Ok(answer.logging_enabled.map(|logging| logging.target_bucket))
    };
    session.observe(LOGGING, region, work).await
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_sdk_s3::types::{Grant, Grantee, Permission};

    fn trail(account: &str, bucket: &str, organization_trail: bool) -> Trail {
        Trail {
            name: "t".into(),
            arn: format!("arn:aws:cloudtrail:eu-central-1:{account}:trail/t"),
            home_region: "eu-central-1".parse().unwrap(),
            multi_region: true,
            organization_trail,
            log_file_validation: true,
            s3_bucket: Some(bucket.into()),
            kms_key: None,
            log_group_arn: None,
            status: Observed::not_collected("x:Y"),
            selectors: Observed::not_collected("x:Y"),
        }
    }

    #[test]
    fn only_buckets_of_own_and_organization_trails_are_wanted() {
        let own: AccountId = "111122223333".parse().unwrap();
        let trails = [
            trail("111122223333", "own", false),
            trail("444455556666", "organization", true),
            trail("444455556666", "another", false),
        ];
        let wanted = written_to(&own, trails.iter());
        assert_eq!(wanted.keys().collect::<Vec<_>>(), ["organization", "own"]);
    }

    #[test]
    fn a_grant_to_a_group_needs_its_name() {
        let grant = |kind: Type, uri: Option<&str>| {
            let grantee = Grantee::builder().r#type(kind).set_uri(uri.map(str::to_owned)).build().unwrap();
            grants_group(&Grant::builder().grantee(grantee).permission(Permission::Read).build())
        };
        assert_eq!(grant(Type::CanonicalUser, None), Ok(None));
        assert_eq!(grant(Type::Group, Some("g")).unwrap().unwrap().permission, "READ");
        assert!(grant(Type::Group, None).unwrap_err().message.contains("URI"));
        assert_eq!(grants_group(&Grant::builder().build()), Ok(None));
    }
}
