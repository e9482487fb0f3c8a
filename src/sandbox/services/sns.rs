//! SNS: topics, their tags, and subscriptions that wait until their receiver confirms.
//!
//! Owns: who must confirm and what a waiting subscription is called. Must not: see a wire format, or deliver messages.
//!
//! Source: SNS API reference.

mod subscriptions;
#[cfg(test)]
mod tests;

pub use subscriptions::confirm;

use crate::model::ids::Arn;
use crate::sandbox::state::{Tags, Topic};
use crate::sandbox::{ApiError, Caller, Handler, Org, input, page, wire};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// The operations of SNS that the sandbox has.
pub const OPERATIONS: &[(&str, Handler)] = &[
    ("CreateTopic", create_topic),
    ("DeleteTopic", delete_topic),
    ("GetTopicAttributes", get_topic_attributes),
    ("ListSubscriptionsByTopic", subscriptions::list_by_topic),
    ("ListTagsForResource", list_tags),
    ("ListTopics", list_topics),
    ("Publish", publish),
    ("Subscribe", subscriptions::subscribe),
    ("TagResource", tag_resource),
    ("Unsubscribe", subscriptions::unsubscribe),
    ("UntagResource", untag_resource),
];

/// Topics or subscriptions on a page.
const PAGE: usize = 100;
/// The longest message, in bytes.
const MOST_MESSAGE: usize = 256 * 1024;
/// The longest subject, in characters.
const MOST_SUBJECT: usize = 100;
/// Tags a topic may have.
const MOST_TAGS: usize = 50;

/// `InvalidParameter`.
fn invalid(message: impl Into<String>) -> ApiError {
    ApiError::new("InvalidParameter", message)
}

/// `NotFound`, status 404.
fn not_found(message: &str) -> ApiError {
    ApiError::new("NotFound", message).with_status(404)
}

/// Checks that an ARN names something of this account and Region. Topics here have no policies that let others in.
fn own(caller: &Caller, member: &str, arn: &str) -> Result<(), ApiError> {
    let parts = Arn::parse(arn).filter(|parts| parts.service == "sns" && !parts.resource.is_empty());
    let Some(parts) = parts else {
        let count = arn.split(':').count();
        return Err(invalid(format!(
            "Invalid parameter: {member} Reason: An ARN must have at least 6 elements, not {count}"
        )));
    };
    if parts.region != caller.region.as_str() {
        return Err(invalid(format!("Invalid parameter: {member}")));
    }
    if parts.account != caller.account.as_str() {
        let message = format!("User: {} is not authorized to perform this action on resource: {arn}", caller.arn);
        return Err(ApiError::new("AuthorizationError", message).with_status(403));
    }
    Ok(())
}

/// The ARN of an existing topic in the member `member`.
fn topic_arn(org: &Org, caller: &Caller, input: &Value, member: &str) -> Result<String, ApiError> {
    let arn = input::text(input, member)?;
    own(caller, member, arn)?;
    if org.unpeopled(&caller.account).topics.contains_key(arn) {
        Ok(arn.to_owned())
    } else {
        Err(not_found("Topic does not exist"))
    }
}

fn list_topics(org: &mut Org, caller: &Caller, input: Value) -> Result<Value, ApiError> {
    let state = org.unpeopled(&caller.account);
    let here = |arn: &&String| Arn::parse(arn).is_some_and(|parts| parts.region == caller.region.as_str());
    let arns: Vec<&String> = state.topics.keys().filter(here).collect();
    let (part, next) = page::page(&arns, input::opt_text(&input, "NextToken")?, PAGE, "InvalidParameter")?;
    let list: Vec<Value> = part.iter().map(|arn| json!({ "TopicArn": arn })).collect();
    Ok(json!({ "Topics": list, "NextToken": next }))
}

fn create_topic(org: &mut Org, caller: &Caller, input: Value) -> Result<Value, ApiError> {
    let name = input::text(&input, "Name")?;
    let stem = name.strip_suffix(".fifo").unwrap_or(name);
    let fits = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if stem.is_empty() || name.len() > 256 || !stem.chars().all(fits) {
        return Err(invalid("Invalid parameter: Topic Name"));
    }
    let attributes = input::map(&input, "Attributes")?;
    let tags = checked(input::tags(&input, "Tags")?)?;
    let arn = format!("arn:aws:sns:{}:{}:{name}", caller.region, caller.account);
    if let Some(topic) = org.unpeopled(&caller.account).topics.get(&arn) {
        // Creating a topic that exists is fine, unless it would have to change.
        if attributes.iter().any(|(key, value)| topic.attributes.get(key) != Some(value)) {
            let message = "Invalid parameter: Attributes Reason: Topic already exists with different attributes";
            return Err(invalid(message));
        }
        if !tags.is_empty() && tags != topic.tags {
            return Err(invalid("Invalid parameter: Tags Reason: Topic already exists with different tags"));
        }
        return Ok(json!({ "TopicArn": arn }));
    }
    let topic = Topic { name: name.to_owned(), attributes, tags, subscriptions: Vec::new() };
    org.state_mut(&caller.account).topics.insert(arn.clone(), topic);
    Ok(json!({ "TopicArn": arn }))
}

fn get_topic_attributes(org: &mut Org, caller: &Caller, input: Value) -> Result<Value, ApiError> {
    let arn = topic_arn(org, caller, &input, "TopicArn")?;
    let state = org.unpeopled(&caller.account);
    let topic = state.topics.get(&arn).ok_or_else(|| not_found("Topic does not exist"))?;
    let confirmed = topic.subscriptions.iter().filter(|subscription| subscription.confirmed).count();
    let mut attributes: BTreeMap<String, String> = BTreeMap::from([
        ("TopicArn", arn.clone()),
        ("Owner", caller.account.to_string()),
        ("DisplayName", String::new()),
        ("SubscriptionsConfirmed", confirmed.to_string()),
        ("SubscriptionsPending", (topic.subscriptions.len() - confirmed).to_string()),
        ("SubscriptionsDeleted", "0".to_owned()),
        ("Policy", default_policy(&arn, caller)),
    ])
    .into_iter()
    .map(|(key, value)| (key.to_owned(), value))
    .collect();
    attributes.extend(topic.attributes.clone());
    Ok(json!({ "Attributes": wire::map(attributes) }))
}

/// The policy SNS gives a new topic: its own account may use it.
fn default_policy(arn: &str, caller: &Caller) -> String {
    json!({
        "Version": "2008-10-17",
        "Id": "__default_policy_ID",
        "Statement": [{
            "Sid": "__default_statement_ID",
            "Effect": "Allow",
            "Principal": { "AWS": "*" },
            "Action": ["SNS:GetTopicAttributes", "SNS:SetTopicAttributes", "SNS:DeleteTopic", "SNS:Subscribe", "SNS:Publish"],
            "Resource": arn,
            "Condition": { "StringEquals": { "AWS:SourceOwner": caller.account.as_str() } },
        }],
    })
    .to_string()
}

fn delete_topic(org: &mut Org, caller: &Caller, input: Value) -> Result<Value, ApiError> {
    let arn = input::text(&input, "TopicArn")?;
    own(caller, "TopicArn", arn)?;
    // Deleting a topic that does not exist is no error.
    if org.unpeopled(&caller.account).topics.contains_key(arn) {
        org.state_mut(&caller.account).topics.remove(arn);
    }
    Ok(Value::Null)
}

/// Takes a message, and delivers it to nobody.
fn publish(org: &mut Org, caller: &Caller, input: Value) -> Result<Value, ApiError> {
    topic_arn(org, caller, &input, "TopicArn")?;
    let message = input::text(&input, "Message")?;
    if message.is_empty() {
        return Err(invalid("Invalid parameter: Empty message"));
    }
    if message.len() > MOST_MESSAGE {
        return Err(invalid("Invalid parameter: Message too long"));
    }
    let subject = input::opt_text(&input, "Subject")?;
    let fits = |subject: &str| {
        let text =
            (1..=MOST_SUBJECT).contains(&subject.chars().count()) && subject.chars().all(|c| matches!(c, ' '..='~'));
        text && !subject.starts_with(' ')
    };
    if subject.is_some_and(|subject| !fits(subject)) {
        return Err(invalid("Invalid parameter: Subject"));
    }
    Ok(json!({ "MessageId": "00000000-0000-4000-8000-000000000000" }))
}

fn checked(tags: Tags) -> Result<Tags, ApiError> {
    if tags.len() > MOST_TAGS {
        let message = "Could not complete request: tag quota of per resource exceeded";
        return Err(ApiError::new("TagLimitExceeded", message));
    }
    Ok(tags)
}

/// The topic of a tag operation, which has a code of its own for one that is not there.
fn tagged(org: &Org, caller: &Caller, input: &Value) -> Result<String, ApiError> {
    topic_arn(org, caller, input, "ResourceArn").map_err(|error| match error.code.as_str() {
        "NotFound" => ApiError::new("ResourceNotFound", "Resource does not exist").with_status(404),
        _ => error,
    })
}

fn list_tags(org: &mut Org, caller: &Caller, input: Value) -> Result<Value, ApiError> {
    let arn = tagged(org, caller, &input)?;
    let state = org.unpeopled(&caller.account);
    let tags = state.topics.get(&arn).map(|topic| &topic.tags);
    let list: Vec<Value> =
        tags.into_iter().flatten().map(|(key, value)| json!({ "Key": key, "Value": value })).collect();
    Ok(json!({ "Tags": list }))
}

fn tag_resource(org: &mut Org, caller: &Caller, input: Value) -> Result<Value, ApiError> {
    let arn = tagged(org, caller, &input)?;
    let mut tags = org.unpeopled(&caller.account).topics.get(&arn).map(|topic| topic.tags.clone()).unwrap_or_default();
    tags.extend(input::tags(&input, "Tags")?);
    let tags = checked(tags)?;
    if let Some(topic) = org.state_mut(&caller.account).topics.get_mut(&arn) {
        topic.tags = tags;
    }
    Ok(json!({}))
}

fn untag_resource(org: &mut Org, caller: &Caller, input: Value) -> Result<Value, ApiError> {
    let arn = tagged(org, caller, &input)?;
    let keys = input::texts(&input, "TagKeys")?;
    if let Some(topic) = org.state_mut(&caller.account).topics.get_mut(&arn) {
        topic.tags.retain(|key, _| !keys.contains(key));
    }
    Ok(json!({}))
}
