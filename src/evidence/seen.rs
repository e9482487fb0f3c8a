//! Where facts came from: what findings cite has to be among it.
//!
//! Owns: finding the sources in facts, whatever else those are made of. Must not: keep a fact.

use crate::model::finding::{Evidence, Finding};
use crate::model::{AccountId, Source, digest};
use serde::Deserialize;
use serde_json::Value;
use std::collections::{BTreeMap, HashSet};

/// The sources of facts, as digests: those of ten thousand accounts take a few hundred MiB less than as they are.
#[derive(Debug, Default)]
pub(super) struct Seen {
    organization: HashSet<[u8; 16]>,
    accounts: BTreeMap<AccountId, HashSet<[u8; 16]>>,
}

/// What was cited.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Cited {
    /// Sources that are among those of the facts.
    pub(super) found: usize,
    /// Sources of accounts whose facts are not there.
    pub(super) without_facts: usize,
}

impl Seen {
    /// Takes the sources of the organization's facts.
    pub(super) fn organization(&mut self, facts: &Value) {
        sources(facts, &mut |source| {
            self.organization.insert(of(source));
        });
    }

    /// Takes those of an account's.
    pub(super) fn account(&mut self, account: AccountId, facts: &Value) {
        let seen = self.accounts.entry(account).or_default();
        sources(facts, &mut |source| {
            seen.insert(of(source));
        });
    }

    /// Accounts with facts.
    pub(super) fn accounts(&self) -> usize {
        self.accounts.len()
    }

    /// Holds what a finding cites against the facts.
    ///
    /// # Errors
    /// The first source that no fact has.
    pub(super) fn cites<'f>(&self, finding: &'f Finding, cited: &mut Cited) -> Result<(), &'f Source> {
        let account = finding.target.account().map(|id| self.accounts.get(id));
        for Evidence { source } in &finding.evidence {
            let key = of(source);
            match account {
                _ if self.organization.contains(&key) => cited.found += 1,
                Some(Some(seen)) if seen.contains(&key) => cited.found += 1,
                Some(None) => cited.without_facts += 1,
                Some(Some(_)) | None => return Err(source),
            }
        }
        Ok(())
    }
}

fn of(source: &Source) -> [u8; 16] {
    // It has a form as JSON as long as its parts have.
    let text = serde_json::to_vec(source).unwrap_or_default();
    let hex = digest(&text);
    let mut key = [0; 16];
    let bytes = hex.as_bytes().iter().skip("sha256:".len());
    // 16 of the 64 digits would tell 2^64 apart; two digits a byte tell 2^128.
    let mut digits = bytes.map(|digit| char::from(*digit).to_digit(16).unwrap_or_default());
    for byte in &mut key {
        let (high, low) = (digits.next().unwrap_or_default(), digits.next().unwrap_or_default());
        *byte = u8::try_from(high * 16 + low).unwrap_or_default();
    }
    key
}

/// Every source in some facts: what stands under `source`, or in a list under `sources`.
fn sources(facts: &Value, take: &mut dyn FnMut(&Source)) {
    match facts {
        Value::Object(fields) => {
            for (name, value) in fields {
                match (name.as_str(), value) {
                    ("source", Value::Object(_)) => told(value, take),
                    ("sources", Value::Array(items)) => items.iter().for_each(|item| told(item, take)),
                    _ => sources(value, take),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| sources(item, take)),
        _ => {}
    }
}

fn told(value: &Value, take: &mut dyn FnMut(&Source)) {
    if let Ok(source) = Source::deserialize(value) {
        take(&source);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::{Selection, Thresholds, fixtures};

    #[test]
    fn what_the_checks_cite_is_among_the_facts() {
        let (org, account) = (fixtures::org(), fixtures::account());
        let mut seen = Seen::default();
        seen.organization(&serde_json::json!({ "organization": org }));
        seen.account(account.account.clone(), &serde_json::to_value(&account).unwrap());
        let mut findings = Selection::all().organization(&org, &Thresholds::default());
        findings.extend(Selection::all().account(&org, &account, &Thresholds::default()));
        let mut cited = Cited::default();
        findings.iter().for_each(|finding| seen.cites(finding, &mut cited).unwrap());
        assert!(cited.found > 100 && cited.without_facts == 0, "{cited:?}");
        assert_eq!(seen.accounts(), 1);
    }

    #[test]
    fn a_source_that_differs_in_anything_is_another() {
        let (org, account) = (fixtures::org(), fixtures::account());
        let mut seen = Seen::default();
        seen.account(account.account.clone(), &serde_json::to_value(&account).unwrap());
        let finding = Selection::all()
            .account(&org, &account, &Thresholds::default())
            .into_iter()
            .find(|finding| finding.check == "root-mfa")
            .unwrap();
        let cites = |finding: &Finding| {
            let mut cited = Cited::default();
            seen.cites(finding, &mut cited).map(|()| cited).map_err(|source| Box::new(source.clone()))
        };
        assert!(cites(&finding).unwrap().found > 0);
        let changes: [fn(&mut Source); 4] = [
            |source| source.digest = Some("sha256:00".to_owned()),
            |source| source.request_id = Some("another".to_owned()),
            |source| source.pages += 1,
            |source| source.operation.push('x'),
        ];
        for change in changes {
            let mut changed = finding.clone();
            change(&mut changed.evidence[0].source);
            assert_eq!(*cites(&changed).unwrap_err(), changed.evidence[0].source);
        }
        let mut elsewhere = finding;
        elsewhere.target = crate::model::finding::Target::Account(fixtures::id("999999999999"));
        assert_eq!(cites(&elsewhere).unwrap(), Cited { found: 0, without_facts: elsewhere.evidence.len() });
    }
}
