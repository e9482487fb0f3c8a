//! Subscriptions: confirmed at once where AWS can tell that the receiver agrees, waiting for a click where it can't.
//!
//! Owns: endpoints and their checks. Must not: send the mail with the link.
//!
//! Source: SNS API reference, `Subscribe`, `Unsubscribe`, `ListSubscriptionsByTopic`.

use super::{PAGE, invalid, not_found, own, topic_arn};
use crate::sandbox::state::Subscription;
use crate::sandbox::{ApiError, Caller, Org, input, page};
use serde_json::{Value, json};

/// The word for a waiting subscription in lists.
const WAITING: &str = "PendingConfirmation";
/// The word for it in the answer of `Subscribe`.
const WAITING_ANSWER: &str = "pending confirmation";

/// What an endpoint of a protocol must look like, and whether AWS confirms it by itself.
fn endpoint_fits(protocol: &str, endpoint: &str) -> Option<(bool, bool)> {
    let arn_of = |service: &str| crate::model::ids::Arn::parse(endpoint).is_some_and(|arn| arn.service == service);
    Some(match protocol {
        "email" | "email-json" => {
            let fits = endpoint.split_once('@').is_some_and(|(user, host)| !user.is_empty() && host.contains('.'));
            (fits, false)
        }
        "http" => (endpoint.starts_with("http://"), false),
        "https" => (endpoint.starts_with("https://"), false),
        "sms" => (endpoint.chars().any(|c| c.is_ascii_digit()), true),
        "sqs" => (arn_of("sqs"), true),
        "lambda" => (arn_of("lambda"), true),
        "firehose" => (arn_of("firehose"), true),
        "application" => (arn_of("sns"), true),
        _ => return None,
    })
}

pub(super) fn subscribe(org: &mut Org, caller: &Caller, input: Value) -> Result<Value, ApiError> {
    let topic = topic_arn(org, caller, &input, "TopicArn")?;
    let protocol = input::text(&input, "Protocol")?.to_owned();
    let endpoint = input::text(&input, "Endpoint")?.to_owned();
    let Some((fits, confirmed)) = endpoint_fits(&protocol, &endpoint) else {
        let message = format!("Invalid parameter: Amazon SNS does not support this protocol string: {protocol}");
        return Err(invalid(message));
    };
    if !fits {
        return Err(invalid("Invalid parameter: Endpoint"));
    }
    let whole = input::opt_bool(&input, "ReturnSubscriptionArn")?.unwrap_or(false);
    let state = org.unpeopled(&caller.account);
    let there = state.topics.get(&topic).and_then(|topic| {
        topic.subscriptions.iter().find(|held| held.protocol == protocol && held.endpoint == endpoint).cloned()
    });
    drop(state);
    let subscription = match there {
        Some(subscription) => subscription,
        None => {
            let arn = format!("{topic}:{}", org.fresh_uuid());
            let subscription = Subscription { arn, protocol, endpoint, confirmed };
            if let Some(topic) = org.state_mut(&caller.account).topics.get_mut(&topic) {
                topic.subscriptions.push(subscription.clone());
            }
            subscription
        }
    };
    let arn = if subscription.confirmed || whole { subscription.arn.as_str() } else { WAITING_ANSWER };
    Ok(json!({ "SubscriptionArn": arn }))
}

pub(super) fn unsubscribe(org: &mut Org, caller: &Caller, input: Value) -> Result<Value, ApiError> {
    let arn = input::text(&input, "SubscriptionArn")?.to_owned();
    own(caller, "SubscriptionArn", &arn)?;
    let has = |subscription: &Subscription| subscription.arn == arn;
    let state = org.unpeopled(&caller.account);
    let topic = state.topics.iter().find(|(_, topic)| topic.subscriptions.iter().any(has));
    let (topic, held) = topic.ok_or_else(|| not_found("Subscription does not exist"))?;
    // Nobody can delete a subscription that waits: it goes by itself after some days, or with its topic.
    if held.subscriptions.iter().any(|subscription| has(subscription) && !subscription.confirmed) {
        let reason = "Cannot unsubscribe a subscription that is pending confirmation";
        return Err(invalid(format!("Invalid parameter: SubscriptionArn Reason: {reason}")));
    }
    let topic = topic.clone();
    drop(state);
    if let Some(topic) = org.state_mut(&caller.account).topics.get_mut(&topic) {
        topic.subscriptions.retain(|subscription| !has(subscription));
    }
    Ok(Value::Null)
}

pub(super) fn list_by_topic(org: &mut Org, caller: &Caller, input: Value) -> Result<Value, ApiError> {
    let arn = topic_arn(org, caller, &input, "TopicArn")?;
    let state = org.unpeopled(&caller.account);
    let held = state.topics.get(&arn).map(|topic| topic.subscriptions.as_slice()).unwrap_or_default();
    let (part, next) = page::page(held, input::opt_text(&input, "NextToken")?, PAGE, "InvalidParameter")?;
    let list: Vec<Value> = part
        .iter()
        .map(|subscription| {
            json!({
                "SubscriptionArn": if subscription.confirmed { subscription.arn.as_str() } else { WAITING },
                "Owner": caller.account.as_str(),
                "Protocol": subscription.protocol,
                "Endpoint": subscription.endpoint,
                "TopicArn": arn,
            })
        })
        .collect();
    Ok(json!({ "Subscriptions": list, "NextToken": next }))
}

/// Confirms a waiting subscription, as its receiver does with the link in the mail. `false` if there is none.
pub fn confirm(org: &mut Org, topic_arn: &str, endpoint: &str) -> bool {
    let owner = crate::model::ids::Arn::parse(topic_arn).and_then(|arn| arn.account.parse().ok());
    let Some(owner) = owner else { return false };
    let waits = |held: &Subscription| held.endpoint == endpoint && !held.confirmed;
    let waiting =
        org.unpeopled(&owner).topics.get(topic_arn).is_some_and(|topic| topic.subscriptions.iter().any(waits));
    if waiting && let Some(topic) = org.state_mut(&owner).topics.get_mut(topic_arn) {
        for subscription in topic.subscriptions.iter_mut().filter(|held| waits(held)) {
            subscription.confirmed = true;
        }
    }
    waiting
}
