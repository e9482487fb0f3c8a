//! Reads the actions `event_alarms` and `root_usage_alarm`.
//!
//! Must not: look at an organization.

use crate::pattern::watched::{ROOT_USAGE, WATCHED, Watched};
use crate::playbook::errors::{nearest, plain};
use crate::playbook::load::Loading;
use crate::playbook::node::Node;
use crate::playbook::read::{Fields, Reader};
use crate::playbook::schema::{EventAlarmSpec, SubscriptionSpec};

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

/// Characters of a metric and its namespace.
fn metric(c: char) -> bool {
    c.is_ascii_graphic() && c != ':' && c != '*' && c != '$'
}

/// Reads `root_usage_alarm`.
pub fn root_usage(loading: &mut Loading<'_>, body: &Node) -> Option<EventAlarmSpec> {
    let reader = &mut loading.reader;
    let mut fields = reader.fields(body, "`root_usage_alarm`")?;
    let own = format!("{OUR_PREFIX}{}", ROOT_USAGE.name);
    let filter = |c: char| !c.is_control() && c != ':' && c != '*';
    let filter_name = name(reader, &mut fields, "filter_name", &own, 512, filter);
    let metric_name = name(reader, &mut fields, "metric_name", ROOT_USAGE.metric, 255, metric);
    let alarm_name = name(reader, &mut fields, "alarm_name", &own, 255, |c| !c.is_control());
    let told = Told::read(reader, &mut fields);
    told.marked(reader, &mut fields, ("filter_name", filter_name.as_deref()));
    reader.done(&fields);
    told.alarm(ROOT_USAGE, (filter_name?, metric_name?, alarm_name?))
}

/// Reads `event_alarms`: an alarm for each event that it names, under orgward's own names.
pub fn events(loading: &mut Loading<'_>, body: &Node) -> Option<Vec<EventAlarmSpec>> {
    let reader = &mut loading.reader;
    let mut fields = reader.fields(body, "`event_alarms`")?;
    let events = reader.required(&mut fields, "events").and_then(|node| watched(reader, node));
    let told = Told::read(reader, &mut fields);
    reader.done(&fields);
    let alarm = |event: &'static Watched| {
        let own = format!("{OUR_PREFIX}{}", event.name);
        told.alarm(event, (own.clone(), event.metric.to_owned(), own))
    };
    events?.into_iter().map(alarm).collect()
}

/// Events by name, each once.
fn watched(reader: &mut Reader, node: &Node) -> Option<Vec<&'static Watched>> {
    let items = reader.list(node, "events")?;
    let mut found: Vec<&'static Watched> = Vec::new();
    for item in items {
        let Some(word) = reader.text(item, "an event") else { continue };
        match Watched::find(&word) {
            Some(event) if found.contains(&event) => reader.error(item.at, format!("event `{word}` stands here twice")),
            Some(event) => found.push(event),
            None => {
                let names: Vec<&str> = WATCHED.iter().map(|event| event.name).collect();
                reader.error_with(item.at, format!("unknown event `{}`", plain(&word)), nearest(&word, &names));
            }
        }
    }
    Some(found)
}

/// What the alarms of a step have in common: where they count, and who is told.
struct Told {
    namespace: Option<String>,
    topic_name: Option<String>,
    subscriptions: Option<Vec<SubscriptionSpec>>,
    adopt: bool,
}

impl Told {
    fn read(reader: &mut Reader, fields: &mut Fields<'_>) -> Self {
        let namespace = name(reader, fields, "namespace", "orgward", 255, metric);
        let aws = namespace.as_deref().is_some_and(|namespace| namespace.starts_with("AWS/"));
        if let Some(node) = fields.get("namespace").filter(|_| aws) {
            reader.error(node.at, "`namespace` can't start with `AWS/`: those are AWS's own");
        }
        let topic = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        let topic_name = name(reader, fields, "topic_name", "orgward-alerts", 256, topic);
        let adopt = fields.get("adopt").and_then(|node| reader.flag(node, "adopt")).unwrap_or(false);
        let subscriptions = reader.required(fields, "subscriptions").and_then(|node| subscriptions(reader, node));
        let told = Self { namespace, topic_name, subscriptions, adopt };
        told.marked(reader, fields, ("topic_name", told.topic_name.as_deref()));
        told
    }

    /// One alarm: the names of its filter, its metric and itself.
    fn alarm(&self, event: &'static Watched, names: (String, String, String)) -> Option<EventAlarmSpec> {
        let (filter_name, metric_name, alarm_name) = names;
        Some(EventAlarmSpec {
            event,
            filter_name,
            namespace: self.namespace.clone()?,
            metric_name,
            alarm_name,
            topic_name: self.topic_name.clone()?,
            subscriptions: self.subscriptions.clone()?,
            adopt: self.adopt,
        })
    }

    /// Says so where something has not the name by which orgward knows its own.
    fn marked(&self, reader: &mut Reader, fields: &mut Fields<'_>, (key, value): (&'static str, Option<&str>)) {
        let unmarked = value.filter(|value| !self.adopt && !value.starts_with(OUR_PREFIX));
        if let (Some(value), Some(node)) = (unmarked, fields.get(key)) {
            let message = format!("`{key}` has to start with `{OUR_PREFIX}`, by which orgward knows its own");
            reader.error_with(node.at, message, format!("`{OUR_PREFIX}{value}`, or `adopt: true`"));
        }
    }
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
