//! Reads the `root_usage_alarm` action.
//!
//! Must not: look at an organization.

use crate::playbook::errors::nearest;
use crate::playbook::load::Loading;
use crate::playbook::node::Node;
use crate::playbook::read::{Fields, Reader};
use crate::playbook::schema::{RootUsageAlarmSpec, SubscriptionSpec};

/// The name orgward's metric filters and topics start with: they have no other mark that the facts show.
pub const OUR_PREFIX: &str = "orgward-";

/// Protocols of SNS subscriptions, and what their endpoints start with.
const PROTOCOLS: [(&str, &str); 7] = [
    ("email", ""),
    ("email-json", ""),
    ("https", "https://"),
    ("http", "http://"),
    ("sms", "+"),
    ("sqs", "arn:"),
    ("lambda", "arn:"),
];

/// Reads `root_usage_alarm`.
pub fn read(loading: &mut Loading<'_>, body: &Node) -> Option<RootUsageAlarmSpec> {
    let reader = &mut loading.reader;
    let mut fields = reader.fields(body, "`root_usage_alarm`")?;
    let filter = |c: char| !c.is_control() && c != ':' && c != '*';
    let filter_name = name(reader, &mut fields, "filter_name", "orgward-root-usage", 512, filter);
    let metric = |c: char| c.is_ascii_graphic() && c != ':' && c != '*' && c != '$';
    let namespace = name(reader, &mut fields, "namespace", "orgward", 255, metric);
    if let Some(node) = fields.get("namespace").filter(|_| namespace.as_deref().is_some_and(|n| n.starts_with("AWS/")))
    {
        reader.error(node.at, "`namespace` can't start with `AWS/`: those are AWS's own");
    }
    let metric_name = name(reader, &mut fields, "metric_name", "RootUsage", 255, metric);
    let alarm_name = name(reader, &mut fields, "alarm_name", "orgward-root-usage", 255, |c| !c.is_control());
    let topic = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    let topic_name = name(reader, &mut fields, "topic_name", "orgward-alerts", 256, topic);
    let adopt = fields.get("adopt").and_then(|node| reader.flag(node, "adopt")).unwrap_or(false);
    for (key, value) in [("filter_name", &filter_name), ("topic_name", &topic_name)] {
        let unmarked = value.as_ref().filter(|value| !adopt && !value.starts_with(OUR_PREFIX));
        if let (Some(value), Some(node)) = (unmarked, fields.get(key)) {
            let message = format!("`{key}` has to start with `{OUR_PREFIX}`, by which orgward knows its own");
            reader.error_with(node.at, message, format!("`{OUR_PREFIX}{value}`, or `adopt: true`"));
        }
    }
    let subscriptions = reader.required(&mut fields, "subscriptions").and_then(|node| subscriptions(reader, node));
    reader.done(&fields);
    Some(RootUsageAlarmSpec {
        filter_name: filter_name?,
        namespace: namespace?,
        metric_name: metric_name?,
        alarm_name: alarm_name?,
        topic_name: topic_name?,
        subscriptions: subscriptions?,
        adopt,
    })
}

fn name(
    reader: &mut Reader,
    fields: &mut Fields<'_>,
    key: &'static str,
    default: &str,
    most: usize,
    good: fn(char) -> bool,
) -> Option<String> {
    match fields.get(key) {
        Some(node) => reader.word(node, key, most, good, "the characters AWS allows there"),
        None => Some(default.to_owned()),
    }
}

fn subscriptions(reader: &mut Reader, node: &Node) -> Option<Vec<SubscriptionSpec>> {
    let items = reader.list(node, "subscriptions")?;
    let found: Vec<Option<SubscriptionSpec>> = items.iter().map(|item| subscription(reader, item)).collect();
    found.into_iter().collect()
}

fn subscription(reader: &mut Reader, node: &Node) -> Option<SubscriptionSpec> {
    let mut fields = reader.fields(node, "a subscription")?;
    let protocol = reader.required(&mut fields, "protocol").and_then(|node| {
        let word = reader.text(node, "protocol")?;
        if PROTOCOLS.iter().any(|(known, _)| *known == word) {
            return Some(word);
        }
        let words: Vec<&str> = PROTOCOLS.iter().map(|(known, _)| *known).collect();
        reader.error_with(node.at, format!("unknown protocol `{word}`"), nearest(&word, &words));
        None
    });
    let endpoint = reader.required(&mut fields, "endpoint").and_then(|node| {
        let form = "characters without spaces";
        let text = reader.word(node, "endpoint", 2048, |c| !c.is_control() && !c.is_whitespace(), form)?;
        let protocol = protocol.as_deref()?;
        let start = PROTOCOLS.iter().find(|(known, _)| *known == protocol).map_or("", |(_, start)| start);
        let good = match protocol {
            "email" | "email-json" => {
                text.split_once('@').is_some_and(|(user, host)| !user.is_empty() && host.contains('.'))
            }
            _ => text.starts_with(start),
        };
        if good {
            return Some(text);
        }
        let expected = if start.is_empty() {
            "an e-mail address".to_owned()
        } else {
            format!("a text that starts with `{start}`")
        };
        reader.error(node.at, format!("the endpoint of protocol `{protocol}` has to be {expected}"));
        None
    });
    reader.done(&fields);
    Some(SubscriptionSpec { protocol: protocol?, endpoint: endpoint? })
}
