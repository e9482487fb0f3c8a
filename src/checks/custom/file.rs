//! A file of custom checks: its form, and every mistake in it with file, line and fix.
//!
//! Owns: the YAML. Must not: open a file, or evaluate.

use super::CustomCheck;
use super::expression::{Expression, Reads, Vocabulary};
use super::fields::{ACCOUNT, ORG, TAGS, VIEW_VERSION};
use super::fixture::{Fixture, FixtureFile};
use crate::model::check::{CheckMeta, Fact, Granularity, Reference, Remediation, Severity};
use crate::model::{digest, hidden};
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::Deserialize;
use serde_saphyr::Spanned;
use std::collections::BTreeSet;

/// A mistake in a file of custom checks.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{file}:{line}: {message}")]
pub struct CustomError {
    /// The file.
    pub file: String,
    /// The line, from 1.
    pub line: u64,
    /// What is wrong, with the fix.
    pub message: String,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Checks")]
struct File {
    /// The version of this form, and of the view that expressions read.
    #[schemars(with = "u32", range(min = 1, max = 1))]
    version: Spanned<u32>,
    /// The checks.
    checks: Vec<CheckFile>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct CheckFile {
    /// Fixed for good: lower-case letters, digits and `-`.
    #[schemars(with = "String", extend("pattern" = "^[a-z][a-z0-9-]{0,63}$"))]
    id: Spanned<String>,
    /// What is right when the check passes, as a sentence without a full stop.
    #[schemars(with = "String")]
    title: Spanned<String>,
    /// How bad a failure is.
    severity: Severity,
    /// What it gives a verdict for.
    #[serde(default)]
    target: TargetFile,
    /// Why it matters.
    #[schemars(with = "String")]
    rationale: Spanned<String>,
    /// How to mend a failure.
    remediation: RemediationFile,
    /// Documents that say so.
    #[serde(default)]
    references: Vec<ReferenceFile>,
    /// CEL: whether the check applies; without it, it does.
    #[schemars(with = "Option<String>")]
    applies: Option<Spanned<String>>,
    /// CEL: true where all is as it should be.
    #[schemars(with = "String")]
    expression: Spanned<String>,
    /// CEL: the names of what fails.
    #[schemars(with = "Option<String>")]
    resources: Option<Spanned<String>>,
    /// Cases that `orgward checks test` runs.
    #[serde(default)]
    #[schemars(with = "Vec<FixtureFile>")]
    fixtures: Vec<Spanned<FixtureFile>>,
}

#[derive(Debug, Clone, Copy, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum TargetFile {
    Organization,
    #[default]
    Account,
    AccountRegion,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct RemediationFile {
    console: String,
    cli: String,
    playbook: Option<String>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ReferenceFile {
    document: String,
    section: String,
}

/// The form of the file as a JSON Schema, for editors.
pub fn schema(generator: SchemaGenerator) -> Schema {
    generator.into_root_schema_for::<File>()
}

/// Reads a file of custom checks. `taken` are ids that are in use; those read are added.
///
/// # Errors
/// Every mistake.
pub fn load(name: &str, text: &str, taken: &mut BTreeSet<String>) -> Result<Vec<CustomCheck>, Vec<CustomError>> {
    let error = |line: u64, message: String| CustomError { file: name.to_owned(), line: line.max(1), message };
    let options = serde_saphyr::options! { strict_booleans: true, with_snippet: false };
    let file: File = serde_saphyr::from_str_with_options(text, options).map_err(|problem| {
        let line = problem.location().map_or(1, |at| at.line());
        let words = problem.to_string();
        let words = words.split_once(" at line ").map_or(words.as_str(), |(words, _)| words);
        vec![error(line, words.to_owned())]
    })?;
    if file.version.value != VIEW_VERSION {
        let message = format!(
            "version `{}` is not known to this orgward, which reads version {VIEW_VERSION}",
            file.version.value
        );
        return Err(vec![error(file.version.referenced.line(), message)]);
    }
    let mut errors = Vec::new();
    let mut checks = Vec::new();
    for check in file.checks {
        let mut reading = Reading { file: name, text, errors: &mut errors };
        checks.extend(reading.check(check, taken));
    }
    if errors.is_empty() { Ok(checks) } else { Err(errors) }
}

struct Reading<'r> {
    file: &'r str,
    text: &'r str,
    errors: &'r mut Vec<CustomError>,
}

impl Reading<'_> {
    fn error(&mut self, line: u64, message: String) {
        self.errors.push(CustomError { file: self.file.to_owned(), line: line.max(1), message });
    }

    fn check(&mut self, check: CheckFile, taken: &mut BTreeSet<String>) -> Option<CustomCheck> {
        let before = self.errors.len();
        self.id(&check.id, taken);
        for (name, text) in [("title", &check.title), ("rationale", &check.rationale)] {
            if text.value.trim().is_empty() {
                self.error(text.referenced.line(), format!("`{name}` is empty: say it in a sentence"));
            }
            self.line(text.referenced.line(), name, &text.value);
        }
        let beside =
            check.references.iter().flat_map(|told| [("document", &told.document), ("section", &told.section)]);
        let playbook = check.remediation.playbook.iter().map(|name| ("playbook", name));
        for (name, text) in beside.chain(playbook) {
            self.line(check.id.referenced.line(), name, text);
        }
        if check.title.value.ends_with('.') {
            self.error(check.title.referenced.line(), "`title` ends with a full stop: leave it out".to_owned());
        }
        let vocabulary = vocabulary(check.target);
        let expression = self.expression("expression", &check.expression, &vocabulary);
        let applies = check.applies.as_ref().map(|text| self.expression("applies", text, &vocabulary));
        let resources = check.resources.as_ref().map(|text| self.expression("resources", text, &vocabulary));
        let granularity = match check.target {
            TargetFile::Organization => Granularity::Organization,
            TargetFile::Account => Granularity::Account,
            TargetFile::AccountRegion => Granularity::AccountRegion,
        };
        let mut fixtures = Vec::new();
        for fixture in check.fixtures {
            let line = fixture.referenced.line();
            self.line(line, "name", fixture.value.name());
            match Fixture::read(fixture.value, granularity) {
                Ok(fixture) => fixtures.push(fixture),
                Err(message) => self.error(line, message),
            }
        }
        let (applies, resources) = (transposed(applies)?, transposed(resources)?);
        let expression = expression.filter(|_| self.errors.len() == before)?;
        let read: Reads = [Some(&expression), applies.as_ref(), resources.as_ref()]
            .into_iter()
            .flatten()
            .flat_map(|expression| expression.fields.iter().cloned())
            .collect();
        let meta = CheckMeta {
            id: leaked(check.id.value),
            title: leaked(check.title.value),
            severity: check.severity,
            granularity,
            rationale: leaked(check.rationale.value),
            remediation: Remediation {
                console: leaked(check.remediation.console),
                // A block of YAML ends with a line feed.
                cli: leaked(check.remediation.cli.trim_end().to_owned()),
                playbook: check.remediation.playbook.map(leaked),
            },
            references: leaked_list(check.references.into_iter().map(|reference| Reference {
                document: leaked(reference.document),
                section: leaked(reference.section),
            })),
            facts: leaked_list(facts(&read)),
        };
        let wants_tags = read.contains(&("account".to_owned(), TAGS.to_owned()));
        let meta: &'static CheckMeta = Box::leak(Box::new(meta));
        Some(CustomCheck {
            file_digest: digest(self.text.as_bytes()),
            meta,
            applies,
            expression,
            resources,
            reads: read,
            wants_tags,
            fixtures,
            file: self.file.to_owned(),
        })
    }

    /// Refuses what does not fit a line, or would not be seen in it.
    fn line(&mut self, line: u64, name: &str, text: &str) {
        if text.contains(hidden) {
            self.error(line, format!("`{name}` has a line break, control or invisible character: write one line"));
        }
    }

    fn id(&mut self, id: &Spanned<String>, taken: &mut BTreeSet<String>) {
        let line = id.referenced.line();
        let name = id.value.as_str();
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if name.len() > 64 || !name.starts_with(|c: char| c.is_ascii_lowercase()) || !name.chars().all(plain) {
            self.error(line, format!("`id` must be lower-case letters, digits and `-`, at most 64, not `{name}`"));
        } else if !taken.insert(name.to_owned()) {
            self.error(line, format!("there is another check `{name}`: choose another `id`, such as `custom-{name}`"));
        }
    }

    fn expression(&mut self, key: &str, text: &Spanned<String>, vocabulary: &Vocabulary<'_>) -> Option<Expression> {
        let problems = match Expression::read(&text.value, vocabulary) {
            Ok(expression) => return Some(expression),
            Err(problems) => problems,
        };
        let start = text.referenced.line();
        // The text of a block scalar begins on the line below its key.
        let opened = usize::try_from(start).ok().and_then(|line| self.text.lines().nth(line.saturating_sub(1)));
        let block = opened.is_some_and(|line| {
            line.split_once(':').is_some_and(|(_, rest)| rest.trim_start().starts_with(['|', '>']))
        });
        for problem in problems {
            let below = u64::try_from(problem.line).unwrap_or(0) + u64::from(block);
            self.error(start + below, format!("`{key}` {}", problem.message));
        }
        None
    }
}

/// `None` if a part was there and could not be read.
fn transposed(part: Option<Option<Expression>>) -> Option<Option<Expression>> {
    match part {
        Some(None) => None,
        Some(read) => Some(read),
        None => Some(None),
    }
}

/// What the expressions of a target may name.
fn vocabulary(target: TargetFile) -> Vocabulary<'static> {
    let org: Vec<&str> = ORG.iter().map(|field| field.name).collect();
    let account: Vec<&str> = ACCOUNT.iter().map(|field| field.name).collect();
    let mut names = Vocabulary::from([("org", Some(org)), ("now", None)]);
    if !matches!(target, TargetFile::Organization) {
        names.insert("account", Some(account));
    }
    if matches!(target, TargetFile::AccountRegion) {
        names.insert("region", None);
    }
    names
}

/// The facts behind fields.
fn facts(read: &Reads) -> BTreeSet<Fact> {
    let of = |(variable, name): &(String, String)| match variable.as_str() {
        "account" => ACCOUNT.iter().find(|field| field.name == name).and_then(|field| field.fact),
        _ => ORG.iter().find(|field| field.name == name).and_then(|field| field.fact),
    };
    read.iter().filter_map(of).collect()
}

/// A text that lives as long as the process: a check's metadata is `'static` for every reader, and custom checks are read once,
/// at the start of a run.
fn leaked(text: String) -> &'static str {
    Box::leak(text.into_boxed_str())
}

fn leaked_list<T>(items: impl IntoIterator<Item = T>) -> &'static [T] {
    Box::leak(items.into_iter().collect::<Vec<T>>().into_boxed_slice())
}
