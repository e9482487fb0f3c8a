//! Organizations policies: service control policies and every other type.
//!
//! Owns: their read and their write. Must not: attach them, or edit one that AWS owns.
//!
//! Source: Organizations API reference, `ListPolicies`, `DescribePolicy`, `ListTagsForResource`, `CreatePolicy`,
//! `UpdatePolicy`, `DeletePolicy`, `TagResource`, `UntagResource`. Organizations keeps no versions.

use super::call::{Calls, done, incomplete, is, pages, present, present_pages, refused, tag_change};
use super::document;
use crate::aws::AccountSession;
use crate::model::address::Doc;
use crate::model::ids::{PolicyId, TargetId};
use crate::model::observed::{Cause, Observed};
use crate::model::org::PolicyType;
use aws_sdk_organizations::operation::list_tags_for_resource::ListTagsForResourceOutput;
use aws_sdk_organizations::operation::list_targets_for_policy::ListTargetsForPolicyOutput;
use aws_sdk_organizations::types::{self, Tag};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

const LIST: &str = "organizations:ListPolicies";
const READ: &str = "organizations:DescribePolicy";
const TARGETS: &str = "organizations:ListTargetsForPolicy";
const TAGS: &str = "organizations:ListTagsForResource";
const CREATE: &str = "organizations:CreatePolicy";
const UPDATE: &str = "organizations:UpdatePolicy";
const DELETE: &str = "organizations:DeletePolicy";
const TAG: &str = "organizations:TagResource";
const UNTAG: &str = "organizations:UntagResource";

/// What Organizations answers where the policy is not there.
const GONE: [&str; 2] = ["PolicyNotFoundException", "TargetNotFoundException"];

/// The document of a policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PolicyDoc {
    description: String,
    content: String,
    tags: BTreeMap<String, String>,
}

/// A policy without its document, as a list shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Summary {
    pub(crate) id: PolicyId,
    pub(crate) arn: String,
    pub(crate) name: String,
    pub(crate) description: String,
    pub(crate) aws_managed: bool,
}

/// Every policy of a type.
pub(crate) async fn list(session: &AccountSession, kind: &PolicyType) -> Observed<Vec<Summary>> {
    session.observe(LIST, &session.global_region(), async { fetch_all(session, kind).await.map(Some) }).await
}

/// Every policy of a type.
pub(super) async fn fetch_all(session: &AccountSession, kind: &PolicyType) -> Result<Vec<Summary>, Cause> {
    let mut found = Vec::new();
    let filter = types::PolicyType::from(kind.as_str());
    let stream = session.organizations().list_policies().filter(filter).into_paginator().send();
    pages(LIST, stream, |page| page.next_token(), |page| found.extend(page.policies.unwrap_or_default())).await?;
    found.iter().map(|summary| from_aws(LIST, summary)).collect()
}

fn from_aws(operation: &str, summary: &types::PolicySummary) -> Result<Summary, Cause> {
    let id = summary.id().and_then(|id| id.parse().ok()).ok_or_else(|| incomplete(operation, "valid policy id"))?;
    Ok(Summary {
        id,
        arn: summary.arn.clone().unwrap_or_default(),
        name: summary.name.clone().ok_or_else(|| incomplete(operation, "policy name"))?,
        description: summary.description.clone().unwrap_or_default(),
        aws_managed: summary.aws_managed,
    })
}

/// A policy's document, exactly as saved; absent where the policy is not there.
pub(crate) async fn content(session: &AccountSession, id: &PolicyId) -> Observed<String> {
    session
        .observe(READ, &session.global_region(), async { Ok(describe(session, id).await?.map(|(_, content)| content)) })
        .await
}

async fn describe(session: &AccountSession, id: &PolicyId) -> Result<Option<(Summary, String)>, Cause> {
    let answer = session.organizations().describe_policy().policy_id(id.as_str()).send().await;
    let Some(answer) = present(READ, answer, &GONE)? else { return Ok(None) };
    let policy = answer.policy.ok_or_else(|| incomplete(READ, "policy"))?;
    let summary = policy.policy_summary().ok_or_else(|| incomplete(READ, "policy summary"))?;
    let content = policy.content().ok_or_else(|| incomplete(READ, "policy content"))?;
    Ok(Some((from_aws(READ, summary)?, content.to_owned())))
}

/// Where a policy is attached; absent where the policy is not there.
pub(crate) async fn targets(session: &AccountSession, id: &PolicyId) -> Observed<BTreeSet<TargetId>> {
    let work = async {
        let mut found = Vec::new();
        let stream = session.organizations().list_targets_for_policy().policy_id(id.as_str()).into_paginator().send();
        let take = |page: ListTargetsForPolicyOutput| found.extend(page.targets.unwrap_or_default());
        if present_pages(TARGETS, stream, &GONE, |page| page.next_token(), take).await?.is_none() {
            return Ok(None);
        }
        let id = |target: &types::PolicyTargetSummary| target.target_id().and_then(|id| id.parse().ok());
        let ids = found.iter().map(|target| id(target).ok_or_else(|| incomplete(TARGETS, "valid target id")));
        ids.collect::<Result<BTreeSet<TargetId>, Cause>>().map(Some)
    };
    session.observe(TARGETS, &session.global_region(), work).await
}

/// The tags of a policy, an OU or an account.
pub(crate) async fn tags(session: &AccountSession, id: &str) -> Observed<BTreeMap<String, String>> {
    session.observe(TAGS, &session.global_region(), fetch_tags(session, id)).await
}

async fn fetch_tags(session: &AccountSession, id: &str) -> Result<Option<BTreeMap<String, String>>, Cause> {
    let mut tags = BTreeMap::new();
    let stream = session.organizations().list_tags_for_resource().resource_id(id).into_paginator().send();
    let take = |page: ListTagsForResourceOutput| {
        tags.extend(page.tags.unwrap_or_default().into_iter().map(|tag| (tag.key, tag.value)));
    };
    let there = present_pages(TAGS, stream, &GONE, |page| page.next_token(), take).await?;
    Ok(there.map(|()| tags))
}

/// The policy as a document; AWS-managed policies have no tags.
pub(super) async fn read(session: &AccountSession, id: &PolicyId) -> Observed<Doc> {
    let work = async {
        let Some((summary, content)) = describe(session, id).await? else { return Ok(None) };
        let tags = match summary.aws_managed {
            true => BTreeMap::new(),
            false => fetch_tags(session, id.as_str()).await?.unwrap_or_default(),
        };
        document::of(READ, &PolicyDoc { description: summary.description, content, tags }).map(Some)
    };
    session.observe(READ, &session.global_region(), work).await
}

/// Creates a policy. `None` if one of that name is already there.
pub(super) async fn create(
    session: &AccountSession,
    kind: &PolicyType,
    name: &str,
    after: &Doc,
) -> Result<Option<Summary>, Cause> {
    let wanted: PolicyDoc = document::read(CREATE, after)?;
    let tags = organization_tags(CREATE, wanted.tags)?;
    let request = session
        .organizations()
        .create_policy()
        .name(name)
        .description(wanted.description)
        .content(wanted.content)
        .r#type(types::PolicyType::from(kind.as_str()))
        .set_tags(Some(tags).filter(|tags| !tags.is_empty()));
    match request.send().await {
        Err(error) if is(&error, &["DuplicatePolicyException"]) => Ok(None),
        answer => {
            let policy = done(CREATE, answer)?.policy;
            let summary = policy.and_then(|policy| policy.policy_summary);
            from_aws(CREATE, &summary.ok_or_else(|| incomplete(CREATE, "policy summary"))?).map(Some)
        }
    }
}

/// Makes a policy what the document says. Only what differs is sent, the text last: a policy whose tags can't be written is
/// enforced as before.
pub(super) async fn update(session: &AccountSession, policy: &Summary, before: &Doc, after: &Doc) -> Result<(), Cause> {
    editable(UPDATE, policy)?;
    let had: PolicyDoc = document::read(UPDATE, before)?;
    let wanted: PolicyDoc = document::read(UPDATE, after)?;
    let client = session.organizations();
    let id = policy.id.as_str();
    let change = tag_change(&had.tags, &wanted.tags);
    let mut calls = Calls::default();
    if !change.set.is_empty() {
        let tags = organization_tags(TAG, change.set)?;
        calls.next(done(TAG, client.tag_resource().resource_id(id).set_tags(Some(tags)).send().await))?;
    }
    if !change.remove.is_empty() {
        let request = client.untag_resource().resource_id(id).set_tag_keys(Some(change.remove));
        calls.next(done(UNTAG, request.send().await))?;
    }
    if (&had.description, &had.content) != (&wanted.description, &wanted.content) {
        let request = client
            .update_policy()
            .policy_id(id)
            .description(wanted.description)
            .set_content(Some(wanted.content).filter(|content| *content != had.content));
        calls.next(done(UPDATE, request.send().await))?;
    }
    Ok(())
}

/// Deletes a policy that is attached nowhere.
pub(super) async fn delete(session: &AccountSession, policy: &Summary) -> Result<(), Cause> {
    editable(DELETE, policy)?;
    let client = session.organizations();
    let answer = client.delete_policy().policy_id(policy.id.as_str()).send().await;
    present(DELETE, answer, &GONE).map(drop)
}

fn editable(operation: &str, policy: &Summary) -> Result<(), Cause> {
    match policy.aws_managed {
        true => Err(refused(operation, format!("`{}` is an AWS-managed policy and is never edited", policy.name))),
        false => Ok(()),
    }
}

fn organization_tags(operation: &str, tags: impl IntoIterator<Item = (String, String)>) -> Result<Vec<Tag>, Cause> {
    tags.into_iter()
        .map(|(key, value)| {
            Tag::builder().key(key).value(value).build().map_err(|error| refused(operation, error.to_string()))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn aws_managed_policies_are_never_edited() {
        let mut policy = Summary {
            id: "p-FullAWSAccess".parse().unwrap(),
            arn: String::new(),
            name: "FullAWSAccess".into(),
            description: String::new(),
            aws_managed: true,
        };
        let error = editable(UPDATE, &policy).unwrap_err();
        assert_eq!(error.message, "`FullAWSAccess` is an AWS-managed policy and is never edited");
        policy.aws_managed = false;
        assert!(editable(DELETE, &policy).is_ok());
    }

    #[test]
    fn a_summary_needs_an_id_and_a_name() {
        let summary = types::PolicySummary::builder().id("p-examplepolicyid111").name("x");
        assert_eq!(from_aws(LIST, &summary.clone().build()).unwrap().name, "x");
        assert!(from_aws(LIST, &summary.id("../../x").build()).is_err());
        assert!(from_aws(LIST, &types::PolicySummary::builder().id("p-examplepolicyid111").build()).is_err());
    }
}
