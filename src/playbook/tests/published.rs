//! The published schema against the loader: the keys of every mapping, and the bounds of every number.

use crate::playbook::examples::EXAMPLES;
use crate::playbook::{Documents, LoadErrors, Values, load_example, load_str, published};
use schemars::generate::SchemaSettings;
use serde_json::Value;
use std::collections::BTreeSet;

fn schema() -> Value {
    published::schema(SchemaSettings::draft2020_12().for_deserialize().into_generator()).into()
}

/// The keys that the schema knows in a mapping.
fn published_keys(mapping: &str) -> BTreeSet<String> {
    let schema = schema();
    let of = if mapping.is_empty() { &schema } else { &schema["$defs"][mapping] };
    assert_eq!(of["additionalProperties"], false, "{mapping} refuses what it does not know");
    of["properties"].as_object().unwrap_or_else(|| panic!("{mapping} in {schema}")).keys().cloned().collect()
}

fn errors(text: &str) -> LoadErrors {
    load_str("p.yaml", text, &Documents::Embedded(&[]), &Values::new()).map(drop).unwrap_err()
}

/// The keys that the loader knows where `nobody-knows-this` stands, those that are there besides.
fn loaded_keys(text: &str, there: &[&str]) -> BTreeSet<String> {
    let errors = errors(text);
    let unknown = errors.0.iter().find(|error| error.message.contains("unknown key `nobody-knows-this`"));
    let hint = unknown.and_then(|error| error.hint.clone()).unwrap_or_else(|| panic!("{text}:\n{errors}"));
    let words = hint.strip_prefix("valid words: ").unwrap_or_else(|| panic!("{hint}"));
    let words = words.split(", ").map(|word| word.trim_matches('`').to_owned());
    words.chain(there.iter().map(|word| (*word).to_owned())).collect()
}

const HEAD: &str = "version: 1\nname: a\ndescription: d\n";

#[test]
fn the_schema_has_the_keys_of_the_loader() {
    let step = |step: &str| format!("{HEAD}steps: [{{id: a, {step}}}]\n");
    let rollout = |rollout: &str| format!("{HEAD}rollout: {rollout}\nsteps: []\n");
    for (mapping, text, there) in [
        ("", format!("{HEAD}nobody-knows-this: 1\n"), &["version", "name", "description"][..]),
        ("Declared", format!("{HEAD}parameters: {{p: {{nobody-knows-this: 1}}}}\nsteps: []\n"), &[]),
        ("Step", step("nobody-knows-this: 1"), &["id"]),
        ("Scp", step("scp: {nobody-knows-this: 1}"), &[]),
        ("Packed", step("scp: {name: n, targets: [a], pack: [{nobody-knows-this: 1}]}"), &[]),
        ("PasswordPolicy", step("password_policy: {nobody-knows-this: 1}"), &[]),
        ("RootUsageAlarm", step("root_usage_alarm: {nobody-knows-this: 1}"), &[]),
        ("EventAlarms", step("event_alarms: {nobody-knows-this: 1}"), &[]),
        ("Subscription", step("root_usage_alarm: {subscriptions: [{nobody-knows-this: 1}]}"), &[]),
        ("Rollout", rollout("{nobody-knows-this: 1}"), &[]),
        ("Wave", rollout("{waves: [{nobody-knows-this: 1}]}"), &[]),
    ] {
        assert_eq!(published_keys(mapping), loaded_keys(&text, there), "{mapping}");
    }
    let described = schema()["$defs"].as_object().unwrap().values().filter(|d| d["properties"].is_object()).count();
    assert_eq!(described, 10, "every mapping of the schema is held against the loader");
}

#[test]
fn the_schema_has_the_bounds_of_the_loader() {
    let schema = schema();
    let policy = |key: &str, n: i64| format!("{HEAD}steps: [{{id: a, password_policy: {{{key}: {n}}}}}]\n");
    let wave = |key: &str, n: i64| {
        let selector = if key.starts_with("max") { "count: 1, " } else { "" };
        format!(
            "{HEAD}rollout: {{waves: [{{name: a, {selector}{key}: {n}}}, {{name: b}}]}}\nsteps: [{{id: a, password_policy: \
             {{max_age: 9}}}}]\n"
        )
    };
    type Make<'m> = &'m dyn Fn(&str, i64) -> String;
    let cases: [(&str, &str, Make<'_>); 7] = [
        ("minimum_length", "Length", &policy),
        ("max_age", "Days", &policy),
        ("reuse_prevention", "Reuse", &policy),
        ("count", "Many", &wave),
        ("percent", "Percent", &wave),
        ("max_failures", "Failures", &wave),
        ("max_concurrency", "Many", &wave),
    ];
    for (key, bounds, make) in cases {
        let bound = |name: &str| schema["$defs"][bounds][name].as_i64().unwrap_or_else(|| panic!("{bounds} {name}"));
        let (least, most) = (bound("minimum"), bound("maximum"));
        for (n, good) in [(least - 1, false), (least, true), (most, true), (most + 1, false)] {
            let text = make(key, n);
            let loaded = load_str("p.yaml", &text, &Documents::Embedded(&[]), &Values::new());
            assert_eq!(loaded.is_ok(), good, "{key}: {n}: {:?}", loaded.err().map(|errors| errors.to_string()));
        }
    }
}

#[test]
fn a_key_without_a_value_is_refused_by_both() {
    fn nulls(schema: &Value) -> usize {
        match schema {
            Value::Object(members) => {
                let own = usize::from(members.get("type").is_some_and(|kind| *kind == "null" || kind[1] == "null"));
                own + members.values().map(nulls).sum::<usize>()
            }
            Value::Array(items) => items.iter().map(nulls).sum(),
            _ => 0,
        }
    }
    assert_eq!(nulls(&schema()), 0);
    errors(&format!("{HEAD}steps: [{{id: a, password_policy: {{minimum_length: null}}}}]\n"));
}

/// A key that is given its published default changes nothing.
#[test]
fn the_defaults_of_the_schema_are_those_of_the_loader() {
    let schema = schema();
    let policy =
        "{\"Version\": \"2012-10-17\", \"Statement\": {\"Effect\": \"Deny\", \"Action\": \"*\", \"Resource\": \"*\"}}";
    let mut count = 0;
    for (mapping, text) in [
        (
            "Declared",
            "parameters: {p: {description: d, default: a@}}\nsteps: [{id: a, password_policy: {max_age: 9}}]\n"
                .to_owned(),
        ),
        ("Scp", format!("steps: [{{id: a, scp: {{name: n, targets: [/], content: {policy}@}}}}]\n")),
        ("PasswordPolicy", "steps: [{id: a, password_policy: {max_age: 9@}}]\n".to_owned()),
        (
            "RootUsageAlarm",
            "steps: [{id: a, root_usage_alarm: {subscriptions: [{protocol: sms, endpoint: \"+1\"}]@}}]\n".to_owned(),
        ),
        (
            "EventAlarms",
            "steps: [{id: a, event_alarms: {events: [vpc], subscriptions: [{protocol: sms, endpoint: \"+1\"}]@}}]\n"
                .to_owned(),
        ),
        ("Rollout", "rollout: {waves: [{name: a}]@}\nsteps: [{id: a, password_policy: {max_age: 9}}]\n".to_owned()),
    ] {
        let load = |more: &str| {
            let text = format!("{HEAD}{}", text.replace('@', more));
            load_str("p.yaml", &text, &Documents::Embedded(&[]), &Values::new())
                .unwrap_or_else(|errors| panic!("{text}:\n{errors}"))
        };
        let usual = load("");
        for (key, property) in schema["$defs"][mapping]["properties"].as_object().unwrap() {
            let Some(default) = property.get("default") else { continue };
            let given = load(&format!(", {key}: {default}"));
            assert_eq!(
                (&given.steps, &given.rollout, &given.parameters),
                (&usual.steps, &usual.rollout, &usual.parameters),
                "{mapping}: {key}: {default}"
            );
            count += 1;
        }
    }
    let published = schema["$defs"].as_object().unwrap().values().filter_map(|def| def["properties"].as_object());
    let defaults = published.flat_map(|all| all.values()).filter(|one| one.get("default").is_some()).count();
    assert_eq!(count, defaults, "every default of the schema is held against the loader");
    assert!(count > 10, "{count}");
}

#[test]
fn every_example_loads_and_every_action_has_one() {
    for example in EXAMPLES {
        let playbook = load_example(&example).unwrap_or_else(|errors| panic!("{}:\n{errors}", example.of));
        assert!(!playbook.steps.is_empty());
        assert!(schema()["$defs"][example.of]["properties"].is_object(), "{}", example.of);
    }
    let words = crate::playbook::schema::Action::WORDS;
    for word in words {
        let shown = EXAMPLES.iter().any(|example| example.text.contains(&format!("    {word}:")));
        assert!(shown, "{word} has no example");
    }
}
