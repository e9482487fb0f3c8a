//! The form of a playbook as a JSON Schema, for editors: what `load` reads, written down a second time.
//!
//! Owns: the shapes. Tests hold them against the loader: its keys, and the bounds of its numbers. Must not: be more lenient
//! than the loader about keys; what only the loader can know (a document that exists, a name used twice) is its own.

#![allow(dead_code, reason = "these types are never made: their shape is what they are for")]

use crate::pattern::watched::WATCHED;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// The schema.
pub fn schema(generator: SchemaGenerator) -> Schema {
    let mut schema = generator.into_root_schema_for::<Playbook>();
    schema.as_object_mut().into_iter().flat_map(Map::values_mut).for_each(without_null);
    schema
}

/// A key that may be left out may not be there without a value either.
fn without_null(schema: &mut Value) {
    match schema {
        Value::Object(members) => {
            members.values_mut().for_each(without_null);
            if let Some(Value::Array(all)) = members.get_mut("anyOf") {
                all.retain(|one| one.get("type") != Some(&Value::from("null")));
            }
            if let Some(Value::Array(all)) = members.get_mut("type") {
                all.retain(|one| one != "null");
            }
        }
        Value::Array(items) => items.iter_mut().for_each(without_null),
        _ => {}
    }
}

/// A parameter that stands for a value: `${name}`.
#[derive(JsonSchema)]
#[schemars(transparent)]
struct Parameter(#[schemars(regex(pattern = r"^\$\{[a-z][a-z0-9_]*\}$"))] String);

/// A value, or a parameter that stands for it.
#[derive(JsonSchema)]
#[schemars(untagged)]
enum Or<T> {
    Value(T),
    Parameter(Parameter),
}

/// What should be, in steps: each service control policy, password policy or alarm.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Playbook {
    /// The version of this form.
    #[schemars(range(min = 1, max = 1))]
    version: u32,
    /// Part of every mark that orgward leaves: lower-case letters, digits and `-`.
    #[schemars(regex(pattern = "^[a-z0-9-]{1,64}$"))]
    name: String,
    /// What it is for.
    #[schemars(length(min = 1))]
    description: String,
    /// Values that it asks for, by name: lower-case letters, digits and `_`.
    #[schemars(extend("propertyNames" = {"pattern": "^[a-z][a-z0-9_]*$"}))]
    #[serde(default)]
    parameters: BTreeMap<String, Declared>,
    /// How its changes reach their accounts, canary first; without it all at once.
    rollout: Option<Rollout>,
    /// What it does, in order.
    #[schemars(length(min = 1))]
    steps: Vec<Step>,
}

/// A parameter as it is declared.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Declared {
    /// What it is for: told where its value is missing.
    #[schemars(length(min = 1))]
    description: String,
    /// Its kind.
    #[schemars(rename = "type", extend("default" = "text"))]
    kind: Option<Kind>,
    /// Its value where none is given; without it, it has to be given with `--set`.
    default: Option<Given>,
}

/// A kind of parameter.
#[derive(JsonSchema)]
#[schemars(rename_all = "snake_case")]
enum Kind {
    /// One text.
    Text,
    /// One whole number.
    Number,
    /// Texts.
    List,
    /// Region codes.
    Regions,
}

/// A value of a parameter.
#[derive(JsonSchema)]
#[schemars(untagged)]
enum Given {
    Number(i64),
    Text(String),
    List(Vec<String>),
}

/// A step: exactly one action.
#[derive(JsonSchema)]
#[schemars(
    deny_unknown_fields,
    extend("oneOf" = [{"required": ["scp"]}, {"required": ["password_policy"]}, {"required": ["root_usage_alarm"]}, {"required": ["event_alarms"]}])
)]
struct Step {
    /// Unique in the playbook: lower-case letters, digits and `-`.
    id: String,
    /// Create or update a service control policy, and attach it.
    scp: Option<Scp>,
    /// Raise accounts' IAM password policies: values are floors, a setting that is left out keeps its live value.
    password_policy: Option<PasswordPolicy>,
    /// Tell people when a root user is used: metric filter, alarm, topic and subscriptions beside the organization trail.
    root_usage_alarm: Option<RootUsageAlarm>,
    /// Tell people of events in any account: for each a metric filter and an alarm beside the organization trail, with one topic.
    event_alarms: Option<EventAlarms>,
}

/// A service control policy.
#[derive(JsonSchema)]
#[schemars(
    deny_unknown_fields,
    extend("oneOf" = [{"required": ["document"]}, {"required": ["content"]}, {"required": ["pack"]}])
)]
struct Scp {
    /// Its name, unique among service control policies.
    #[schemars(length(min = 1, max = 128))]
    name: String,
    /// Its description; without one, what is there stays.
    #[schemars(length(max = 512))]
    description: Option<String>,
    /// A file with the policy as JSON, beside the playbook.
    document: Option<String>,
    /// The policy itself.
    content: Option<Document>,
    /// Several policies in as few documents as they fit into.
    #[schemars(length(min = 1))]
    pack: Option<Vec<Packed>>,
    /// Where it is attached: the root (`/`), OUs (ids or paths), accounts.
    targets: Targets,
    /// Take over a policy of this name that orgward did not make for this step.
    #[schemars(extend("default" = false))]
    adopt: Option<Or<bool>>,
}

/// A policy document.
#[derive(JsonSchema)]
#[schemars(transparent)]
struct Document(Map<String, Value>);

/// A policy of `pack`.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields, extend("oneOf" = [{"required": ["document"]}, {"required": ["content"]}]))]
struct Packed {
    /// What plans call it.
    #[schemars(length(min = 1, max = 128))]
    name: Option<String>,
    /// A file with the policy as JSON, beside the playbook.
    document: Option<String>,
    /// The policy itself.
    content: Option<Document>,
}

/// Targets, or a parameter of type `list` that stands for them.
type Targets = Or<Vec<Target>>;

/// The root (`/`, `root` or its id), an OU (id or path), an account id, or a parameter.
#[derive(JsonSchema)]
#[schemars(untagged)]
enum Target {
    Text(String),
    Account(u64),
}

/// An IAM password policy.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields, extend("minProperties" = 1))]
struct PasswordPolicy {
    /// Where; without it every account in scope.
    targets: Option<Targets>,
    /// Characters at least; without it, what is live stays.
    minimum_length: Option<Or<Length>>,
    /// At least one symbol; without it, what is live stays.
    require_symbols: Option<Or<bool>>,
    /// At least one digit; without it, what is live stays.
    require_numbers: Option<Or<bool>>,
    /// At least one upper-case letter; without it, what is live stays.
    require_uppercase: Option<Or<bool>>,
    /// At least one lower-case letter; without it, what is live stays.
    require_lowercase: Option<Or<bool>>,
    /// Days until a password expires; without it, what is live stays.
    max_age: Option<Or<Days>>,
    /// How many old passwords may not be used again; without it, what is live stays.
    reuse_prevention: Option<Or<Reuse>>,
    /// An expired password locks its user out until an administrator resets it; without it, what is live stays.
    hard_expiry: Option<Or<bool>>,
    /// Users may change their own; without it, what is live stays.
    allow_users_to_change: Option<Or<bool>>,
    /// Values are set as given, even where that weakens a live setting.
    #[schemars(extend("default" = false))]
    exact: Option<Or<bool>>,
}

#[derive(JsonSchema)]
#[schemars(transparent)]
struct Length(#[schemars(range(min = 6, max = 128))] i32);

#[derive(JsonSchema)]
#[schemars(transparent)]
struct Days(#[schemars(range(min = 1, max = 1095))] i32);

#[derive(JsonSchema)]
#[schemars(transparent)]
struct Reuse(#[schemars(range(min = 1, max = 24))] i32);

/// An alarm on use of a root user.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct RootUsageAlarm {
    /// The metric filter's name; begins with `orgward-` unless `adopt`.
    #[schemars(length(max = 512), extend("default" = "orgward-root-usage"))]
    filter_name: Option<String>,
    /// The metric's namespace.
    #[schemars(length(max = 255), extend("default" = "orgward"))]
    namespace: Option<String>,
    /// The metric's name.
    #[schemars(length(max = 255), extend("default" = "RootUsage"))]
    metric_name: Option<String>,
    /// The alarm's name.
    #[schemars(length(max = 255), extend("default" = "orgward-root-usage"))]
    alarm_name: Option<String>,
    /// The topic's name; begins with `orgward-` unless `adopt`.
    #[schemars(length(max = 256), extend("default" = "orgward-alerts"))]
    topic_name: Option<String>,
    /// Who is told.
    subscriptions: Or<Vec<Subscription>>,
    /// Take over things of these names that orgward did not make for this step.
    #[schemars(extend("default" = false))]
    adopt: Option<Or<bool>>,
}

/// Alarms on events, each with a metric filter; both are named `orgward-` and the event.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct EventAlarms {
    /// The events.
    events: Or<Vec<Event>>,
    /// The namespace of the metrics.
    #[schemars(length(max = 255), extend("default" = "orgward"))]
    namespace: Option<String>,
    /// The topic's name; begins with `orgward-` unless `adopt`.
    #[schemars(length(max = 256), extend("default" = "orgward-alerts"))]
    topic_name: Option<String>,
    /// Who is told.
    subscriptions: Or<Vec<Subscription>>,
    /// Take over things of these names that orgward did not make for this step.
    #[schemars(extend("default" = false))]
    adopt: Option<Or<bool>>,
}

/// An event that someone should be told of: a check `monitor-...` without `monitor-`.
#[derive(JsonSchema)]
#[schemars(transparent)]
struct Event(#[schemars(extend("enum" = watched()))] String);

/// The names of the events.
fn watched() -> Vec<&'static str> {
    WATCHED.iter().map(|event| event.name).collect()
}

/// Who is told.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Subscription {
    /// How.
    protocol: Or<Protocol>,
    /// The address of that protocol.
    #[schemars(length(min = 1, max = 2048))]
    endpoint: String,
}

/// A protocol of SNS.
#[derive(JsonSchema)]
#[schemars(rename_all = "kebab-case")]
enum Protocol {
    Email,
    EmailJson,
    Https,
    Http,
    Sms,
    Sqs,
    Lambda,
}

/// How changes reach their accounts: settings for every wave, and the waves.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Rollout {
    /// In order; the last takes every account that is left.
    waves: Or<Vec<Wave>>,
    /// Failed changes that a wave tolerates.
    #[schemars(extend("default" = 0))]
    max_failures: Option<Or<Failures>>,
    /// Changes at work at once; without it, as many as `--max-concurrency` says, and never more.
    max_concurrency: Option<Or<Many>>,
    /// Time between a wave's last change and its gates.
    #[schemars(extend("default" = "15m"))]
    bake: Option<Bake>,
    /// New denials stop the rollout.
    #[schemars(extend("default" = true))]
    watch_denials: Option<Or<bool>>,
    /// A stopped rollout is undone at once.
    #[schemars(extend("default" = false))]
    rollback_on_stop: Option<Or<bool>>,
}

/// A wave: it takes accounts by one of `ous`, `tags`, `count` and `percent`; the last goes without.
#[derive(JsonSchema)]
#[schemars(
    deny_unknown_fields,
    extend("oneOf" = [
        {"required": ["ous"]}, {"required": ["tags"]}, {"required": ["count"]}, {"required": ["percent"]},
        {"not": {"anyOf": [
            {"required": ["ous"]}, {"required": ["tags"]}, {"required": ["count"]}, {"required": ["percent"]}
        ]}}
    ])
)]
struct Wave {
    /// Its name: lower-case letters, digits and `-`.
    name: String,
    /// The accounts under these OUs.
    ous: Option<Targets>,
    /// Accounts with all of these tags.
    #[schemars(extend("minProperties" = 1))]
    tags: Option<BTreeMap<String, String>>,
    /// So many accounts.
    count: Option<Or<Many>>,
    /// So many hundredths of all accounts.
    percent: Option<Or<Percent>>,
    /// As in the rollout, for this wave.
    max_failures: Option<Or<Failures>>,
    /// As in the rollout, for this wave.
    max_concurrency: Option<Or<Many>>,
    /// As in the rollout, for this wave.
    bake: Option<Bake>,
    /// As in the rollout, for this wave.
    watch_denials: Option<Or<bool>>,
    /// As in the rollout, for this wave.
    rollback_on_stop: Option<Or<bool>>,
}

#[derive(JsonSchema)]
#[schemars(transparent)]
struct Failures(#[schemars(range(min = 0, max = 50_000))] i32);

#[derive(JsonSchema)]
#[schemars(transparent)]
struct Many(#[schemars(range(min = 1, max = 50_000))] i32);

#[derive(JsonSchema)]
#[schemars(transparent)]
struct Percent(#[schemars(range(min = 1, max = 100))] i32);

/// A time, a week at most: `90s`, `15m`, `2h`, `1d`, or 0.
#[derive(JsonSchema)]
#[schemars(untagged)]
enum Bake {
    None(#[schemars(range(min = 0, max = 0))] i32),
    Time(#[schemars(regex(pattern = r"^\s*([0-9]+[smhd]|\$\{[a-z][a-z0-9_]*\})\s*$"))] String),
}
