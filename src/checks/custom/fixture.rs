//! Fixtures of custom checks: a view, and the verdict it must give. `orgward checks test` runs them.
//!
//! Owns: their form and how they are run. Must not: read a fact.

use super::view::{UNKNOWN, View};
use super::{CustomCheck, quoted};
use crate::model::check::Granularity;
use crate::model::finding::Verdict;
use crate::model::{Cause, CauseKind};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;

/// A fixture as written.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct FixtureFile {
    name: String,
    #[serde(default)]
    account: BTreeMap<String, Value>,
    #[serde(default)]
    org: BTreeMap<String, Value>,
    region: Option<String>,
    now: Option<String>,
    verdict: VerdictFile,
    resources: Option<Vec<String>>,
}

#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum VerdictFile {
    Pass,
    Fail,
    Unknown,
    NotApplicable,
}

impl FixtureFile {
    /// What it is called.
    pub(super) fn name(&self) -> &str {
        &self.name
    }
}

/// A fixture.
#[derive(Debug)]
pub struct Fixture {
    /// What it shows.
    pub name: String,
    pub(super) variables: BTreeMap<&'static str, View>,
    /// The verdict it must give.
    pub verdict: Verdict,
    /// The resources that must fail, if it names them.
    pub resources: Option<Vec<String>>,
}

/// The moment of a fixture that names none.
const NOW: &str = "2026-01-01T00:00:00Z";

impl Fixture {
    pub(super) fn read(file: FixtureFile, granularity: Granularity) -> Result<Self, String> {
        let name = file.name;
        if granularity == Granularity::Organization && !file.account.is_empty() {
            return Err(format!("fixture `{name}` has an `account`, but the check is about the organization"));
        }
        if (granularity == Granularity::AccountRegion) != file.region.is_some() {
            let needs =
                if file.region.is_some() { "has a `region` that the check doesn't take" } else { "needs a `region`" };
            return Err(format!("fixture `{name}` {needs}"));
        }
        let now = file.now.unwrap_or_else(|| NOW.to_owned());
        if now.parse::<jiff::Timestamp>().is_err() {
            return Err(format!("fixture `{name}`: `now` must be a time such as `{NOW}`, not `{now}`"));
        }
        let verdict = match file.verdict {
            VerdictFile::Pass => Verdict::Pass,
            VerdictFile::Fail => Verdict::Fail,
            VerdictFile::Unknown => Verdict::Unknown,
            VerdictFile::NotApplicable => Verdict::NotApplicable,
        };
        let fields = |fields: BTreeMap<String, Value>| {
            View::Map(fields.iter().map(|(name, value)| (name.clone(), View::of_fixture(value))).collect())
        };
        let mut variables =
            BTreeMap::from([("account", fields(file.account)), ("org", fields(file.org)), ("now", View::Text(now))]);
        variables.extend(file.region.map(|region| ("region", View::Text(region))));
        Ok(Self { name, variables, verdict, resources: file.resources })
    }
}

/// How a fixture went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// The check.
    pub check: &'static str,
    /// The fixture.
    pub fixture: String,
    /// Why it failed; `None` if it did not.
    pub problem: Option<String>,
}

impl CustomCheck {
    /// Runs its fixtures. A field that a fixture leaves out is unknown.
    pub fn test(&self) -> Vec<Outcome> {
        let run = |fixture: &Fixture| {
            let mut variables = fixture.variables.clone();
            for (variable, field) in &self.reads {
                if let Some(View::Map(fields)) = variables.get_mut(variable.as_str()) {
                    let why = format!("the fixture has no `{variable}.{field}`, nor `{{{UNKNOWN}: why}}`");
                    let left_out = || View::Unknown(Cause::new(CauseKind::NotCollected, "fixture", why));
                    fields.entry(field.clone()).or_insert_with(left_out);
                }
            }
            let judged = self.judge(&variables);
            let (verdict, said) = (judged.verdict(), judged.words(self.meta));
            let problem = if verdict != fixture.verdict {
                Some(format!("is {}, not {}: {said}", verdict.as_str(), fixture.verdict.as_str()))
            } else {
                fixture
                    .resources
                    .as_ref()
                    .filter(|wanted| **wanted != judged.resources())
                    .map(|wanted| format!("fails for {}, not for {}", listed(&judged.resources()), listed(wanted)))
            };
            Outcome { check: self.meta.id, fixture: fixture.name.clone(), problem }
        };
        self.fixtures.iter().map(run).collect()
    }
}

fn listed(names: &[String]) -> String {
    if names.is_empty() { "nothing".to_owned() } else { quoted(names) }
}
