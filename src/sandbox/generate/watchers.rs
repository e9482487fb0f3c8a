//! What watches the Regions of an account: everything everywhere, but for planted flaws.
//!
//! Owns: what a healthy Region has and how each flaw changes it. Must not: hold a healthy Region, which costs nothing.

use super::dice::Dice;
use super::{Flaw, Generator, names, uuid};
use crate::model::{AccountId, Region};
use crate::sandbox::state::{AccountState, Analyzer, AnalyzerFinding, Detector, Recorder, Rule, Watched};
use jiff::Timestamp;
use std::borrow::Cow;
use std::collections::BTreeMap;

/// The name of every account's analyzer.
pub const ANALYZER: &str = "account-external-access";
/// The name of the organization's analyzer.
pub const ORGANIZATION_ANALYZER: &str = "organization-external-access";

/// The name that Config gives a recorder.
pub const RECORDER: &str = "default";
/// The rule that access keys are rotated, in every account's home Region.
pub const KEY_RULE: &str = "access-keys-rotated";

/// What watches a Region of the account.
pub fn watched<'a>(state: &'a AccountState, region: &Region) -> Cow<'a, Watched> {
    match state.watched.get(region) {
        Some(watched) => Cow::Borrowed(watched),
        None => Cow::Owned(healthy(&state.account, state.created, region)),
    }
}

/// The same to change it.
pub fn watched_mut<'a>(state: &'a mut AccountState, region: &Region) -> &'a mut Watched {
    let (account, created) = (&state.account, state.created);
    state.watched.entry(region.clone()).or_insert_with(|| healthy(account, created, region))
}

/// A Region as it should be, since the account was created.
fn healthy(account: &AccountId, created: Timestamp, region: &Region) -> Watched {
    let mut dice = Dice::new(0, account.as_str()).fork(region.as_str());
    let detector = format!("{:016x}{:016x}", dice.roll(), dice.roll());
    Watched {
        analyzers: BTreeMap::from([(ANALYZER.to_owned(), analyzer("ACCOUNT", created))]),
        recorders: BTreeMap::from([(RECORDER.to_owned(), recorder(created))]),
        rules: BTreeMap::new(),
        hub: Some(created),
        detectors: BTreeMap::from([(detector, Detector { enabled: true, created })]),
    }
}

fn recorder(started: Timestamp) -> Recorder {
    Recorder {
        all_supported: true,
        include_global: false,
        strategy: "ALL_SUPPORTED_RESOURCE_TYPES".into(),
        included: Vec::new(),
        excluded: Vec::new(),
        started,
        stopped: None,
        last_status: Some("Success".into()),
    }
}

/// The home Region, whose recorder records IAM too, and whose rule watches the age of access keys.
pub(super) fn home(generator: &Generator, state: &mut AccountState, dice: &Dice) {
    let id = format!("config-rule-{}", dice.fork("config rules").lower(6));
    let watched = watched_mut(state, &generator.home);
    if let Some(recorder) = watched.recorders.get_mut(RECORDER) {
        recorder.include_global = true;
    }
    let rule = Rule {
        id,
        owner: "AWS".into(),
        identifier: "ACCESS_KEYS_ROTATED".into(),
        parameters: Some(r#"{"maxAccessKeyAge":"90"}"#.into()),
        state: "ACTIVE".into(),
    };
    watched.rules.insert(KEY_RULE.to_owned(), rule);
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
        Flaw::NoRecorder => watched.recorders.clear(),
        Flaw::RecorderStopped => {
            let stopped = dice.ago(generator.epoch, 5, 60);
            watched.recorders.values_mut().for_each(|recorder| recorder.stopped = Some(stopped));
        }
        Flaw::NoKeyRule => drop(watched.rules.remove(KEY_RULE)),
        Flaw::NoSecurityHub => watched.hub = None,
        Flaw::NoDetector => watched.detectors.clear(),
        Flaw::DetectorDisabled => watched.detectors.values_mut().for_each(|detector| detector.enabled = false),
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
