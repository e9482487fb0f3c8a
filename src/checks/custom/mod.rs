//! Custom checks: a YAML file with a CEL expression over the published view of the facts.
//!
//! Owns: how a custom check becomes a finding like any other. Must not: open a file (`cli` does), call AWS, read a clock.
//!
//! The rule of all checks holds here too: an expression that touches an unknown value has no answer, whatever it says.

mod expression;
mod fields;
mod file;
mod fixture;
mod iam;
#[cfg(test)]
mod tests;
mod value;
mod view;

pub use fields::VIEW_VERSION;
pub use file::{CustomError, load, schema};
pub use fixture::{Fixture, Outcome};

use crate::model::check::{CheckMeta, Fact, Granularity};
use crate::model::finding::{Evidence, FailingResource, Finding, Target, Verdict};
use crate::model::{AccountFacts, Cause, OrgFacts, Region, Source};
use expression::{Expression, Reads};
use fields::{ACCOUNT, ORG};
use std::collections::BTreeMap;
use view::{Seen, View};

/// A check that is not orgward's own.
#[derive(Debug)]
pub struct CustomCheck {
    /// What it says of itself, as every check does.
    pub meta: &'static CheckMeta,
    /// Whether it needs the tags of accounts.
    pub wants_tags: bool,
    /// The file it came from.
    pub file: String,
    /// `sha256:<hex>` over the whole text of that file.
    pub file_digest: String,
    /// Its fixtures.
    pub fixtures: Vec<Fixture>,
    applies: Option<Expression>,
    expression: Expression,
    resources: Option<Expression>,
    reads: Reads,
}

/// A field of the view, for those who write checks.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct FieldInfo {
    /// `account.users`.
    pub name: String,
    /// The fact it comes from; `None` for what is known before anything is collected.
    pub fact: Option<Fact>,
    /// Its type and what it holds.
    pub about: &'static str,
}

/// Every variable and field an expression may name, in the order of the view.
pub fn view_fields() -> Vec<FieldInfo> {
    let account = ACCOUNT.iter().map(|field| ("account", field.name, field.fact, field.about));
    let org = ORG.iter().map(|field| ("org", field.name, field.fact, field.about));
    let variable = |name: &str, about| FieldInfo { name: name.to_owned(), fact: None, about };
    let fields = account.chain(org).map(|(variable, name, fact, about)| FieldInfo {
        name: format!("{variable}.{name}"),
        fact,
        about,
    });
    fields
        .chain([
            variable("now", "string: the moment of the run, RFC 3339"),
            variable("region", "string: the Region, for `target: account_region` only"),
        ])
        .collect()
}

/// Words in backticks, with commas between.
fn quoted<S: AsRef<str>>(words: &[S]) -> String {
    words.iter().map(|word| format!("`{}`", word.as_ref())).collect::<Vec<_>>().join(", ")
}

/// What the expressions of a check said of one target.
enum Judged {
    Pass,
    Fail(Vec<String>),
    NotApplicable,
    Unknown(Cause),
}

impl Judged {
    fn verdict(&self) -> Verdict {
        match self {
            Self::Pass => Verdict::Pass,
            Self::Fail(_) => Verdict::Fail,
            Self::NotApplicable => Verdict::NotApplicable,
            Self::Unknown(_) => Verdict::Unknown,
        }
    }

    fn resources(&self) -> Vec<String> {
        if let Self::Fail(resources) = self { resources.clone() } else { Vec::new() }
    }

    /// One sentence, lower case, no full stop.
    fn words(&self, meta: &CheckMeta) -> String {
        match self {
            Self::Pass => format!("as it should be: {}", meta.title),
            Self::Fail(resources) if resources.len() > 1 => {
                format!("{} resources are not so: {}", resources.len(), meta.title)
            }
            Self::Fail(_) => format!("not so: {}", meta.title),
            Self::NotApplicable => "the check's condition `applies` is false here".to_owned(),
            Self::Unknown(cause) => format!("can't tell: {cause}"),
        }
    }
}

impl CustomCheck {
    /// Its findings about the organization; none if it is about accounts.
    pub fn organization(&self, org: &OrgFacts) -> Option<Finding> {
        (self.meta.granularity == Granularity::Organization).then(|| self.finding(org, None, Target::Organization))
    }

    /// Its findings about an account: one, or one for each Region in scope; none if it is about the organization.
    pub fn account(&self, org: &OrgFacts, account: &AccountFacts) -> Vec<Finding> {
        let id = &account.account;
        match self.meta.granularity {
            Granularity::Organization => Vec::new(),
            Granularity::Account => vec![self.finding(org, Some(account), Target::Account(id.clone()))],
            Granularity::AccountRegion => {
                let target = |region: &Region| Target::AccountRegion(id.clone(), region.clone());
                account
                    .regions_to_judge()
                    .into_iter()
                    .map(|region| self.finding(org, Some(account), target(region)))
                    .collect()
            }
        }
    }

    fn finding(&self, org: &OrgFacts, account: Option<&AccountFacts>, target: Target) -> Finding {
        let mut seen = Seen::default();
        let mut of_org = BTreeMap::new();
        let mut of_account = BTreeMap::new();
        for (variable, name) in &self.reads {
            if variable == "org" {
                let field = ORG.iter().find(|field| field.name == name);
                of_org.extend(field.map(|field| (name.clone(), (field.view)(&mut seen, org))));
            } else if let Some(facts) = account {
                let field = ACCOUNT.iter().find(|field| field.name == name);
                of_account.extend(field.map(|field| (name.clone(), (field.view)(&mut seen, org, facts))));
            }
        }
        let mut variables = BTreeMap::from([
            ("org", View::Map(of_org)),
            ("account", View::Map(of_account)),
            ("now", View::text(org.as_of.to_string())),
        ]);
        variables.extend(target.region().map(|region| ("region", View::text(region.as_str()))));
        let judged = self.judge(&variables);
        let message = judged.words(self.meta);
        let single = format!("not so: {}", self.meta.title);
        let failing = |resource: String| FailingResource { resource, message: single.clone() };
        let mut resources: Vec<FailingResource> = judged.resources().into_iter().map(failing).collect();
        if resources.is_empty() && judged.verdict() == Verdict::Fail {
            let whole = target.account().map_or_else(|| org.organization.id.clone(), ToString::to_string);
            resources.push(failing(whole));
        }
        resources.sort();
        resources.dedup();
        let mut sources: Vec<Source> = Vec::new();
        for source in seen.sources {
            if !sources.contains(&source) {
                sources.push(source);
            }
        }
        Finding {
            check: self.meta.id.to_owned(),
            target,
            verdict: judged.verdict(),
            severity: self.meta.severity,
            resources,
            exempt: Vec::new(),
            doubt: None,
            evidence: sources.into_iter().map(|source| Evidence { source }).collect(),
            cause: if let Judged::Unknown(cause) = judged { Some(cause) } else { None },
            message,
        }
    }

    fn judge(&self, variables: &BTreeMap<&'static str, View>) -> Judged {
        let said = || {
            if let Some(applies) = &self.applies
                && !applies.test(variables)?
            {
                return Ok(Judged::NotApplicable);
            }
            if self.expression.test(variables)? {
                return Ok(Judged::Pass);
            }
            // It fails, whether or not it can be told for what.
            let resources = self.resources.as_ref().and_then(|resources| resources.texts(variables).ok());
            Ok(Judged::Fail(resources.unwrap_or_default()))
        };
        said().unwrap_or_else(Judged::Unknown)
    }
}
