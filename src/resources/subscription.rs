//! Subscriptions to SNS topics.
//!
//! Owns: their read and their write. Must not: confirm one; only its receiver can.
//!
//! Source: SNS API reference, `ListSubscriptionsByTopic`, `Subscribe`, `Unsubscribe`.

use super::call::{Tokens, done, present};
use super::document;
use super::topic::GONE;
use crate::aws::AccountSession;
use crate::model::address::Doc;
use crate::model::ids::Region;
use crate::model::monitoring::Subscription;
use crate::model::observed::{Cause, Observed};

const READ: &str = "sns:ListSubscriptionsByTopic";
const WRITE: &str = "sns:Subscribe";
const DELETE: &str = "sns:Unsubscribe";

/// Every subscription of a topic, pending ones included; absent where there is no such topic.
pub(crate) async fn list(session: &AccountSession, region: &Region, topic_arn: &str) -> Observed<Vec<Subscription>> {
    session.observe(READ, region, fetch(session, region, topic_arn)).await
}

async fn fetch(session: &AccountSession, region: &Region, topic: &str) -> Result<Option<Vec<Subscription>>, Cause> {
    let client = session.sns(region);
    let mut subscriptions = Vec::new();
    let (mut token, mut tokens) = (None, Tokens::default());
    loop {
        let answer = client.list_subscriptions_by_topic().topic_arn(topic).set_next_token(token).send().await;
        let Some(page) = present(READ, answer, &GONE)? else { return Ok(None) };
        subscriptions.extend(page.subscriptions.unwrap_or_default().into_iter().map(|found| Subscription {
            arn: found.subscription_arn.unwrap_or_default(),
            protocol: found.protocol.unwrap_or_default(),
            endpoint: found.endpoint.unwrap_or_default(),
        }));
        token = tokens.next(READ, page.next_token)?;
        if token.is_none() {
            return Ok(Some(subscriptions));
        }
    }
}

/// How many receivers hear of what is sent to a topic; none where there is no such topic.
pub(super) async fn confirmed(session: &AccountSession, region: &Region, topic: &str) -> Result<usize, Cause> {
    let all = fetch(session, region, topic).await?.unwrap_or_default();
    Ok(all.iter().filter(|subscription| subscription.confirmed()).count())
}

/// What a subscription is, apart from its ARN.
#[derive(Debug, Clone, Copy)]
pub(super) struct Receiver<'a> {
    pub(super) topic_arn: &'a str,
    pub(super) protocol: &'a str,
    pub(super) endpoint: &'a str,
}

impl Receiver<'_> {
    fn is(&self, subscription: &Subscription) -> bool {
        subscription.protocol == self.protocol
            && subscription.endpoint == self.endpoint
            // SNS goes on listing a removed one for a while.
            && subscription.arn != "Deleted"
    }
}

/// The empty document, if the receiver is subscribed, confirmed or not.
pub(super) async fn read(session: &AccountSession, region: &Region, receiver: Receiver<'_>) -> Observed<Doc> {
    let work = async {
        let all = fetch(session, region, receiver.topic_arn).await?.unwrap_or_default();
        Ok(all.iter().any(|subscription| receiver.is(subscription)).then(document::empty))
    };
    session.observe(READ, region, work).await
}

/// What became of a deletion.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Removal {
    /// It is gone, or was not there.
    Gone,
    /// It awaits confirmation. AWS refuses to remove such a one; it lapses by itself, or with its topic.
    Pending,
}

/// Subscribes the receiver; gives the ARN.
pub(super) async fn subscribe(
    session: &AccountSession,
    region: &Region,
    receiver: Receiver<'_>,
) -> Result<Option<String>, Cause> {
    let request = session
        .sns(region)
        .subscribe()
        .topic_arn(receiver.topic_arn)
        .protocol(receiver.protocol)
        .endpoint(receiver.endpoint)
        .return_subscription_arn(true);
    Ok(done(WRITE, request.send().await)?.subscription_arn)
}

/// Removes the receiver.
pub(super) async fn unsubscribe(
    session: &AccountSession,
    region: &Region,
    receiver: Receiver<'_>,
) -> Result<Removal, Cause> {
    let all = fetch(session, region, receiver.topic_arn).await?.unwrap_or_default();
    let mut removal = Removal::Gone;
    for subscription in all.iter().filter(|subscription| receiver.is(subscription)) {
        if subscription.confirmed() {
            let answer = session.sns(region).unsubscribe().subscription_arn(&subscription.arn).send().await;
            present(DELETE, answer, &GONE)?;
        } else {
            removal = Removal::Pending;
        }
    }
    Ok(removal)
}
