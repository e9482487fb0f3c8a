//! `orgward schema`: JSON Schemas (draft 2020-12) of the files that orgward reads and writes, made from the types.
//!
//! Owns: which there are, and what stands around a type in its file. Must not: judge a file.

use super::exit::{Exit, Failure, Outcome};
use super::ui::Ui;
use crate::checks::{self, Thresholds};
use crate::config::ConfigFile;
use crate::doctor::Diagnosis;
use crate::execute::Record;
use crate::model::{Plan, nearest};
use crate::playbook;
use crate::report::table::{row, table};
use crate::report::{audit_json, ndjson};
use crate::store::JOURNAL_VERSION;
use clap::Args;
use jiff::Timestamp;
use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde_json::{Value, json};

/// Print the JSON Schema of a file that orgward reads or writes; without a name, which there are
#[derive(Debug, Args)]
pub struct SchemaArgs {
    /// playbook, config, checks, exemptions, plan, journal, findings, finding or doctor
    #[arg(value_name = "NAME")]
    name: Option<String>,
}

/// A schema that is published.
pub struct Published {
    /// Its name.
    pub name: &'static str,
    /// What it is of.
    about: &'static str,
    make: fn() -> Schema,
}

/// Every schema, in the order of the list.
pub const SCHEMAS: [Published; 9] = [
    Published { name: "playbook", about: "playbooks (YAML)", make: || playbook::published::schema(read()) },
    Published { name: "config", about: "the config file, orgward.yaml", make: config },
    Published { name: "checks", about: "files of custom checks (YAML)", make: || checks::custom::schema(read()) },
    Published {
        name: "exemptions",
        about: "files of exemptions and attestations (YAML)",
        make: || checks::exempt::published::schema(read()),
    },
    Published { name: "plan", about: "plan files of `plan --out`", make: plan },
    Published { name: "journal", about: "a line of a run's journal", make: journal },
    Published { name: "findings", about: "the report of `--format json`", make: findings },
    Published { name: "finding", about: "a line of `--format ndjson`", make: finding },
    Published { name: "doctor", about: "the diagnosis of `doctor --format json`", make: doctor },
];

/// Runs the command.
pub fn run(args: &SchemaArgs, ui: &Ui) -> Outcome {
    let Some(name) = &args.name else {
        let schemas = SCHEMAS.iter().map(|one| row([one.name, one.about]));
        ui.data(&table(["SCHEMA", "WHAT IT DESCRIBES"], schemas, &[], ui.out))?;
        return Ok(Exit::Clean);
    };
    let found = SCHEMAS.iter().find(|one| one.name == name).ok_or_else(|| {
        let names: Vec<&str> = SCHEMAS.iter().map(|one| one.name).collect();
        let near = match nearest(name, names.iter().copied(), 0.7) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("there are {}", names.join(", ")),
        };
        Failure::usage([format!("there is no schema `{}`, {near}", name.escape_debug())])
    })?;
    ui.data(&found.text().map_err(Failure::error)?)?;
    Ok(Exit::Clean)
}

impl Published {
    /// The schema as it is written, with a line feed at its end.
    ///
    /// # Errors
    /// None that is known: a schema is JSON.
    pub fn text(&self) -> Result<String, serde_json::Error> {
        let mut schema = (self.make)();
        schema.insert("$id".to_owned(), json!(format!("urn:orgward:schema:{}", self.name)));
        schema.insert("title".to_owned(), json!(format!("orgward: {}", self.about)));
        Ok(serde_json::to_string_pretty(&schema)? + "\n")
    }
}

/// Of what orgward reads.
fn read() -> SchemaGenerator {
    SchemaSettings::draft2020_12().for_deserialize().into_generator()
}

/// Of what orgward only writes.
fn written() -> SchemaGenerator {
    SchemaSettings::draft2020_12().for_serialize().into_generator()
}

fn findings() -> Schema {
    written().into_root_schema_for::<audit_json::Report<'_>>()
}

fn finding() -> Schema {
    written().into_root_schema_for::<ndjson::Line<'_>>()
}

fn doctor() -> Schema {
    written().into_root_schema_for::<Diagnosis>()
}

/// The config file does not know the names of thresholds: the checks do.
fn config() -> Schema {
    let mut schema = read().into_root_schema_for::<ConfigFile>();
    let mut thresholds = read().into_root_schema_for::<Thresholds>();
    let known = thresholds.get_mut("properties").and_then(Value::as_object_mut).map(|properties| {
        // A key of its own in the config file.
        properties.remove("root_email_patterns");
        properties.clone()
    });
    if let Some(property) = schema.pointer_mut("/properties/thresholds") {
        *property = json!({
            "description": "Thresholds of checks, by name.",
            "type": "object",
            "properties": known,
            "additionalProperties": false,
        });
    }
    schema
}

/// A plan file is a plan with its digest and what follows from it.
fn plan() -> Schema {
    let mut schema = read().into_root_schema_for::<Plan>();
    if let Some(Value::Object(properties)) = schema.get_mut("properties") {
        let digest = json!({
            "description": "`sha256:<hex>` over everything else: a plan that was edited is refused.",
            "type": "string",
            "pattern": "^sha256:[0-9a-f]{64}$",
        });
        properties.insert("digest".to_owned(), digest);
        for (flag, about) in [
            ("complete", "Whether it covers everything the playbooks ask for."),
            ("applyable", "Whether it may be applied."),
        ] {
            properties.insert(flag.to_owned(), json!({"description": about, "type": "boolean"}));
        }
    }
    if let Some(Value::Array(required)) = schema.get_mut("required") {
        required.push(json!("digest"));
    }
    schema
}

/// A line of the journal: one JSON object, numbered, with a checksum over the text of the line before it.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
#[allow(dead_code, reason = "its shape is what it is for; `store` writes the lines")]
struct JournalLine {
    /// The version of the line.
    #[schemars(extend("const" = JOURNAL_VERSION))]
    version: u32,
    /// Its number, from 0.
    sequence: u64,
    /// When it was written.
    at: Timestamp,
    /// What it says.
    record: Record,
    /// The first 16 hex digits of the SHA-256 of the line up to `,"checksum":`.
    #[schemars(regex(pattern = "^[0-9a-f]{16}$"))]
    checksum: String,
}

fn journal() -> Schema {
    read().into_root_schema_for::<JournalLine>()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    /// The schemas that editors read are committed. After a wanted change: `ORGWARD_WRITE_SCHEMAS=1 cargo test --lib schema`.
    #[test]
    fn the_committed_schemas_are_those_of_the_types() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/schemas");
        for one in SCHEMAS {
            let (path, text) = (folder.join(format!("{}.json", one.name)), one.text().unwrap());
            if std::env::var_os("ORGWARD_WRITE_SCHEMAS").is_some() {
                std::fs::create_dir_all(&folder).unwrap();
                std::fs::write(&path, &text).unwrap();
            }
            let kept = std::fs::read_to_string(&path).unwrap_or_default();
            assert!(kept == text, "{} is not `orgward schema {}`: write it again", path.display(), one.name);
        }
        let files = std::fs::read_dir(&folder).unwrap().count();
        assert_eq!(files, SCHEMAS.len(), "config/schemas holds nothing else");
    }

    #[test]
    fn every_name_stands_in_the_help() {
        let help =
            <SchemaArgs as clap::Args>::augment_args(clap::Command::new("schema")).render_long_help().to_string();
        for one in SCHEMAS {
            assert!(help.contains(one.name), "{}:\n{help}", one.name);
        }
    }

    #[test]
    fn thresholds_are_known_by_name() {
        let schema = config();
        let known = schema.pointer("/properties/thresholds/properties").unwrap();
        assert!(known.get("password_length").is_some() && known.get("root_email_patterns").is_none(), "{known}");
    }
}
