//! The page of playbooks: every key of the JSON Schema that editors get, in tables, with examples that load.
//!
//! Owns: the order of the parts, and how a schema is said in words. Must not: know any key.

use super::super::exit::Failure;
use super::super::schema::SCHEMAS;
use super::markdown::{block, code, prose, table};
use crate::grants::Needs;
use crate::playbook::examples::EXAMPLES;
use crate::playbook::{load_example, shipped};
use crate::resources;
use serde_json::{Map, Value};
use std::collections::BTreeSet;
use std::fmt::Write as _;

/// The parts: name in the schema (the whole has none), level of the heading, heading.
const PARTS: [(&str, &str, &str); 13] = [
    ("", "##", "The whole"),
    ("Declared", "##", "Parameters"),
    ("Step", "##", "Steps"),
    ("Scp", "##", "`scp`"),
    ("Packed", "###", "Policies of `pack`"),
    ("PasswordPolicy", "##", "`password_policy`"),
    ("RootUsageAlarm", "##", "`root_usage_alarm`"),
    ("EventAlarms", "##", "`event_alarms`"),
    ("Subscription", "###", "Subscriptions"),
    ("Target", "##", "Targets"),
    ("Rollout", "##", "`rollout`"),
    ("Wave", "###", "Waves"),
    ("Bake", "###", "Times"),
];

/// The page.
///
/// # Errors
/// If the schema can't be made, which is not known to happen.
pub fn page() -> Result<String, Failure> {
    let published = SCHEMAS.iter().find(|one| one.name == "playbook");
    let text = published.ok_or_else(|| Failure::error("there is no schema of playbooks"))?.text();
    let schema: Value = serde_json::from_str(&text.map_err(Failure::error)?).map_err(Failure::error)?;
    let form = Form { schema: &schema };
    let mut out = "# Playbook reference\n\nA playbook is YAML. `orgward schema playbook` prints its form as a JSON Schema, which the shipped \
                   playbooks name for editors; `orgward playbooks NAME --out DIR` writes a shipped one to start from, with its policy documents. A key that is not known is \
                   refused with the nearest one.\n\n\
                   In `steps`, `rollout` and policy documents `${name}` stands for a parameter: inside a text, or as a whole value, which \
                   then has the parameter's type. `audit_role` and `apply_role` are the names of orgward's roles where a playbook declares \
                   them.\n"
        .to_owned();
    for (name, level, heading) in PARTS {
        // Writing to a String cannot fail.
        let _ = write!(out, "\n{level} {heading}\n\n{}", form.part(name));
        for example in EXAMPLES.iter().filter(|example| example.of == name) {
            let _ = write!(out, "\n{}", block("yaml", example.text));
        }
        out.push_str(&permissions(name).unwrap_or_default());
    }
    let _ = write!(out, "\n## Shipped playbooks\n\n{}", shipped_ones());
    Ok(out)
}

/// A schema, to be said in words.
struct Form<'s> {
    schema: &'s Value,
}

impl Form<'_> {
    /// A part by its name.
    fn named(&self, name: &str) -> &Value {
        let within = if name.is_empty() { Some(self.schema) } else { self.schema.pointer(&format!("/$defs/{name}")) };
        within.unwrap_or(&Value::Null)
    }

    /// What a part is, and its keys.
    fn part(&self, name: &str) -> String {
        let part = self.named(name);
        let mut out = format!("{}\n", prose(text(part, "description")));
        let Some(properties) = part.get("properties").and_then(Value::as_object) else { return out };
        if let Some(choice) = choice(part) {
            let _ = write!(out, "\nExactly one of {choice}.\n");
        }
        let required: BTreeSet<&str> =
            part.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect();
        let rows = properties.iter().map(|(key, property)| {
            let default = match property.get("default") {
                Some(default) => code(default.as_str().map_or_else(|| default.to_string(), str::to_owned).as_str()),
                None if required.contains(key.as_str()) => "**required**".to_owned(),
                None => "none".to_owned(),
            };
            vec![code(key), self.words(property), default, prose(text(property, "description"))]
        });
        let _ = write!(out, "\n{}", table(&["key", "type", "default", "what it is"], &rows.collect::<Vec<_>>()));
        out
    }

    /// The type of a value.
    fn words(&self, schema: &Value) -> String {
        if let Some(name) = schema.get("$ref").and_then(Value::as_str).and_then(|path| path.strip_prefix("#/$defs/")) {
            return match PARTS.iter().find(|(known, _, _)| *known == name) {
                Some((_, _, heading)) => link(heading),
                None => self.words(self.named(name)),
            };
        }
        for several in ["anyOf", "oneOf"] {
            let Some(all) = schema.get(several).and_then(Value::as_array) else { continue };
            // Any value can be a parameter: that is said once.
            let all = all.iter().filter(|one| text(one, "$ref") != "#/$defs/Parameter");
            let mut words: Vec<String> = all.map(|one| self.words(one)).collect();
            words.dedup();
            return words.join(" or ");
        }
        if let Some(all) = schema.get("enum").and_then(Value::as_array) {
            return all.iter().filter_map(Value::as_str).map(code).collect::<Vec<_>>().join(" or ");
        }
        if let Some(one) = schema.get("const").and_then(Value::as_str) {
            return code(one);
        }
        let kind = schema.get("type").map(|kind| kind.get(0).unwrap_or(kind)).and_then(Value::as_str);
        match kind.unwrap_or_default() {
            "string" => match text(schema, "pattern") {
                "" => format!("text{}", bounds(schema, "minLength", "maxLength", " characters")),
                pattern => format!("text, {}", code(pattern)),
            },
            "integer" => format!("whole number{}", bounds(schema, "minimum", "maximum", "")),
            "boolean" => format!("{} or {}", code("true"), code("false")),
            "array" => format!("list of {}", schema.get("items").map(|items| self.words(items)).unwrap_or_default()),
            "object" => match schema.get("additionalProperties").filter(|more| more.is_object()) {
                Some(values) => format!("mapping of names to {}", self.words(values)),
                None => "mapping".to_owned(),
            },
            other => other.to_owned(),
        }
    }
}

/// The keys of which exactly one is given, if that is all that the schema says of them.
fn choice(part: &Value) -> Option<String> {
    let all = part.get("oneOf")?.as_array()?;
    let keys: Option<Vec<String>> = all.iter().map(|one| Some(code(one.pointer("/required/0")?.as_str()?))).collect();
    keys.map(|keys| keys.join(", "))
}

fn text<'v>(value: &'v Value, key: &str) -> &'v str {
    value.get(key).and_then(Value::as_str).unwrap_or_default()
}

/// `, 6 to 128`; nothing where the schema only says what the type says already.
fn bounds(schema: &Value, least: &str, most: &str, unit: &str) -> String {
    let bound = |name: &str| schema.get(name).and_then(Value::as_i64);
    match (bound(least), bound(most)) {
        (Some(least), Some(most)) if least == most => format!(", {least}{unit}"),
        (Some(least), Some(most)) => format!(", {least} to {most}{unit}"),
        (None, Some(most)) => format!(", {most}{unit} at most"),
        (Some(1), None) if unit.contains("characters") => ", not empty".to_owned(),
        _ => String::new(),
    }
}

/// A link to a part by its heading, as hosts make anchors of headings.
fn link(heading: &str) -> String {
    let words = heading.trim_matches('`');
    let kept: String = words.to_lowercase().chars().filter(|c| c.is_alphanumeric() || " -_".contains(*c)).collect();
    format!("[{heading}](#{})", kept.replace(' ', "-"))
}

/// What applying the action of an example takes beside reading; nothing for parts that are no action.
fn permissions(part: &str) -> Option<String> {
    let example = EXAMPLES.iter().find(|example| example.of == part && part != "Rollout" && part != "Packed")?;
    let needs = Needs::default().and_playbooks(&[load_example(example).ok()?]);
    let kinds = resources::CATALOG.iter().filter(|source| needs.kinds.contains(&source.kind));
    let writes: BTreeSet<&str> = kinds.flat_map(|source| source.writes).map(|(action, _)| *action).collect();
    let writes: Vec<String> = writes.into_iter().map(code).collect();
    Some(format!(
        "\nApplying it calls {}. `orgward permissions --playbook PLAYBOOK` writes the whole policies.\n",
        writes.join(", ")
    ))
}

/// Name, description and parameters of what is shipped.
fn shipped_ones() -> String {
    let rows = shipped().iter().map(|one| {
        let tree: Value = serde_yaml::from_str(one.text).unwrap_or_default();
        let parameters = tree.get("parameters").and_then(Value::as_object).cloned().unwrap_or_else(Map::new);
        let words = parameters.iter().map(|(name, declared)| {
            let default = declared.get("default").map(|default| format!(", default {}", code(&default.to_string())));
            format!("{}: {}{}", code(name), prose(text(declared, "description")), default.unwrap_or_default())
        });
        let words: Vec<String> = words.collect();
        let words = if words.is_empty() { "none".to_owned() } else { words.join("; ") };
        vec![code(one.name), prose(text(&tree, "description")), words]
    });
    table(&["playbook", "what it does", "parameters"], &rows.collect::<Vec<_>>())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::playbook::schema::Action;

    #[test]
    fn every_key_of_the_schema_stands_in_the_table_of_its_part() {
        let text = SCHEMAS.iter().find(|one| one.name == "playbook").unwrap().text().unwrap();
        let schema: Value = serde_json::from_str(&text).unwrap();
        let form = Form { schema: &schema };
        let defined = schema["$defs"].as_object().unwrap();
        for (name, part) in defined.iter().filter(|(_, part)| part["properties"].is_object()) {
            assert!(PARTS.iter().any(|(known, _, _)| known == name), "{name} has no part on the page");
            let told = form.part(name);
            for key in part["properties"].as_object().unwrap().keys() {
                assert!(told.contains(&format!("\n| `{key}` | ")), "{name}: {key}:\n{told}");
            }
        }
        for (name, _, _) in PARTS {
            assert!(form.named(name).is_object(), "{name} is no part of the schema");
        }
    }

    #[test]
    fn types_are_said_in_words() {
        let page = page().unwrap_or_else(|failure| panic!("{failure:?}"));
        for row in [
            "| `minimum_length` | whole number, 6 to 128 | none | ",
            "| `targets` | list of [Targets](#targets) | **required** | ",
            "| `adopt` | `true` or `false` | `false` | ",
            "| `pack` | list of [Policies of `pack`](#policies-of-pack) | none | ",
            "| `parameters` | mapping of names to [Parameters](#parameters) | none | ",
            "| `bake` | [Times](#times) | `15m` | ",
            "| `type` | `text` or `number` or `list` or `regions` | `text` | ",
        ] {
            assert!(page.contains(row), "{row}\n{page}");
        }
        assert!(page.contains("Exactly one of `document`, `content`, `pack`."), "{page}");
        for word in Action::WORDS {
            assert!(page.contains(&format!("\n## `{word}`\n")), "{word}");
        }
        assert_eq!(page.matches("\nApplying it calls ").count(), Action::WORDS.len());
    }
}
