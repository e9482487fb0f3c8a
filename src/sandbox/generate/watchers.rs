//! What watches the Regions of an account: everything everywhere, but for planted flaws.
//!
//! Owns: what a healthy Region has and how each flaw changes it. Must not: hold a healthy Region, which costs nothing.

use super::dice::Dice;
use super::{Flaw, Generator, names, uuid};
use crate::model::{AccountId, Region};
use crate::sandbox::state::{AccountState, Analyzer, AnalyzerFinding, Watched};
use jiff::Timestamp;
use std::borrow::Cow;
use std::collections::BTreeMap;

/// The name of every account's analyzer.
pub const ANALYZER: &str = "account-external-access";
/// The name of the organization's analyzer.
pub const ORGANIZATION_ANALYZER: &str = "organization-external-access";

/// What watches a Region of the account.
pub fn watched<'a>(state: &'a AccountState, region: &Region) -> Cow<'a, Watched> {
    match state.watched.get(region) {
        Some(watched) => Cow::Borrowed(watched),
        None => Cow::Owned(healthy(state.created)),
    }
}

/// The same to change it.
pub fn watched_mut<'a>(state: &'a mut AccountState, region: &Region) -> &'a mut Watched {
    let created = state.created;
    state.watched.entry(region.clone()).or_insert_with(|| healthy(created))
}

/// A Region as it should be, since the account was created.
fn healthy(created: Timestamp) -> Watched {
    Watched { analyzers: BTreeMap::from([(ANALYZER.to_owned(), analyzer("ACCOUNT", created))]) }
}

fn analyzer(kind: &str, created: Timestamp) -> Analyzer {
    Analyzer { kind: kind.into(), status: "ACTIVE".into(), created, findings: Vec::new() }
}

/// The analyzer of the whole organization, in its home Region.
pub(super) fn organization_analyzer(generator: &Generator, state: &mut AccountState) {
    let created = state.created;
    let watched = watched_mut(state, &generator.home);
    watched.analyzers.insert(ORGANIZATION_ANALYZER.to_owned(), analyzer("ORGANIZATION", created));
}

/// Changes a Region by a flaw.
pub(super) fn plant(generator: &Generator, state: &mut AccountState, region: &Region, flaw: &Flaw, dice: &mut Dice) {
    let account = state.account.clone();
    let watched = watched_mut(state, region);
    match flaw {
        Flaw::NoAnalyzer => watched.analyzers.clear(),
        Flaw::Findings(count) => {
            let found = (0..*count).map(|_| finding(generator, &account, dice, "ACTIVE"));
            let mut findings: Vec<AnalyzerFinding> = found.collect();
            findings.push(finding(generator, &account, dice, "ARCHIVED"));
            if let Some(analyzer) = watched.analyzers.get_mut(ANALYZER) {
                analyzer.findings.extend(findings);
            }
        }
    }
}

fn finding(generator: &Generator, account: &AccountId, dice: &mut Dice, status: &str) -> AnalyzerFinding {
    let name = format!("{}-{}-{}", dice.pick(names::WORKLOADS), dice.pick(names::PARTS), dice.lower(6));
    AnalyzerFinding {
        id: uuid(dice),
        resource: format!("arn:aws:s3:::{name}"),
        resource_type: "AWS::S3::Bucket".into(),
        owner: account.clone(),
        kind: "ExternalAccess".into(),
        status: status.into(),
        found: dice.ago(generator.epoch, 3, 90),
    }
}
