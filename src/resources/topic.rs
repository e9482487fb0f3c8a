//! SNS topics.
//!
//! Owns: their read, their write, and a message to one. Must not: subscribe anyone.
//!
//! Source: SNS API reference, `ListTopics`, `ListTagsForResource`, `CreateTopic`, `TagResource`, `UntagResource`, `DeleteTopic`,
//! `Publish`.

use super::call::{Calls, done, incomplete, pages, present, refused, tag_change};
use super::document;
use super::subscription;
use crate::aws::AccountSession;
use crate::model::address::Doc;
use crate::model::ids::Region;
use crate::model::observed::{Cause, Observed};
use aws_sdk_sns::types::Tag;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

const PUBLISH: &str = "sns:Publish";
const LIST: &str = "sns:ListTopics";
const READ: &str = "sns:ListTagsForResource";
const CREATE: &str = "sns:CreateTopic";
const TAG: &str = "sns:TagResource";
const UNTAG: &str = "sns:UntagResource";
const DELETE: &str = "sns:DeleteTopic";

/// What SNS answers where the topic is not there.
pub(super) const GONE: [&str; 4] = ["NotFound", "ResourceNotFound", "NotFoundException", "ResourceNotFoundException"];

/// The document of a topic.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct TopicDoc {
    tags: BTreeMap<String, String>,
}

/// ARNs of every topic of a Region.
pub(crate) async fn list(session: &AccountSession, region: &Region) -> Observed<Vec<String>> {
    let work = async {
        let mut topics = Vec::new();
        let stream = session.sns(region).list_topics().into_paginator().send();
        pages(
            LIST,
            stream,
            |page| page.next_token(),
            |page| {
                topics.extend(page.topics.unwrap_or_default().into_iter().filter_map(|topic| topic.topic_arn));
            },
        )
        .await?;
        Ok(Some(topics))
    };
    session.observe(LIST, region, work).await
}

/// The topic's document, from its tags.
pub(super) async fn read(session: &AccountSession, region: &Region, arn: &str) -> Observed<Doc> {
    let work = async {
        let answer = session.sns(region).list_tags_for_resource().resource_arn(arn).send().await;
        let Some(answer) = present(READ, answer, &GONE)? else { return Ok(None) };
        let tags = answer.tags.unwrap_or_default().into_iter().map(|tag| (tag.key, tag.value)).collect();
        document::of(READ, &TopicDoc { tags }).map(Some)
    };
    session.observe(READ, region, work).await
}

/// Creates the topic, changes its tags, or deletes it, unless somebody else listens: with the topic its subscriptions go. Gives
/// the ARN on creation.
pub(super) async fn write(
    session: &AccountSession,
    region: &Region,
    (arn, name): (&str, &str),
    before: Option<&Doc>,
    after: Option<&Doc>,
) -> Result<Option<String>, Cause> {
    let client = session.sns(region);
    let Some(after) = after else {
        // Ours were removed before.
        let others = subscription::confirmed(session, region, arn).await?;
        if others > 0 {
            let message = format!(
                "topic `{name}` still has confirmed subscriptions that somebody else made ({others}): remove them, or delete it by hand"
            );
            return Err(refused(DELETE, message));
        }
        return present(DELETE, client.delete_topic().topic_arn(arn).send().await, &GONE).map(|_| None);
    };
    let wanted: TopicDoc = document::read(CREATE, after)?;
    let Some(before) = before else {
        let tags = sns_tags(CREATE, wanted.tags)?;
        let answer = client.create_topic().name(name).set_tags(Some(tags).filter(|tags| !tags.is_empty())).send().await;
        let created = done(CREATE, answer)?.topic_arn.ok_or_else(|| incomplete(CREATE, "topic ARN"))?;
        return Ok(Some(created));
    };
    let had: TopicDoc = document::read(TAG, before)?;
    let change = tag_change(&had.tags, &wanted.tags);
    let mut calls = Calls::default();
    if !change.set.is_empty() {
        let tags = sns_tags(TAG, change.set)?;
        calls.next(done(TAG, client.tag_resource().resource_arn(arn).set_tags(Some(tags)).send().await))?;
    }
    if !change.remove.is_empty() {
        let request = client.untag_resource().resource_arn(arn).set_tag_keys(Some(change.remove));
        calls.next(done(UNTAG, request.send().await))?;
    }
    Ok(None)
}

/// Tells whoever is subscribed to a topic. Nothing of the account changes.
///
/// # Errors
/// As AWS answers.
pub async fn publish(
    session: &AccountSession,
    region: &Region,
    arn: &str,
    subject: &str,
    message: &str,
) -> Result<(), Cause> {
    let client = session.sns(region);
    done(PUBLISH, client.publish().topic_arn(arn).subject(subject).message(message).send().await).map(drop)
}

fn sns_tags(operation: &str, tags: impl IntoIterator<Item = (String, String)>) -> Result<Vec<Tag>, Cause> {
    tags.into_iter()
        .map(|(key, value)| {
            Tag::builder().key(key).value(value).build().map_err(|error| refused(operation, error.to_string()))
        })
        .collect()
}
