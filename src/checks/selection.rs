//! Which checks run: all, or those that were asked for.
//!
//! Owns: running the selected checks over facts. Must not: know why a check was selected.

use super::custom::CustomCheck;
use super::evaluate::{Facts, Judge, settle};
use super::{CATALOG, Thresholds, checks, whole};
use crate::model::check::{CheckMeta, Fact, Granularity};
use crate::model::finding::Target;
use crate::model::{AccountFacts, Finding, OrgFacts, digest};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::sync::Arc;

/// Which checks run.
#[derive(Debug, Clone, Default)]
pub struct Selection {
    /// Their ids; `None` for all.
    only: Option<BTreeSet<String>>,
    /// Checks that are not orgward's own; they run after the others.
    custom: Arc<[CustomCheck]>,
}

impl Selection {
    /// Every check.
    pub fn all() -> Self {
        Self::default()
    }

    /// The checks of these ids; an id that no check has selects nothing.
    pub fn of<'a>(ids: impl IntoIterator<Item = &'a str>) -> Self {
        Self { only: Some(ids.into_iter().map(str::to_owned).collect()), ..Self::default() }
    }

    /// The same, and these checks.
    pub fn with(self, custom: Vec<CustomCheck>) -> Self {
        Self { custom: custom.into(), ..self }
    }

    /// Whether a check needs the tags of accounts.
    pub fn wants_tags(&self) -> bool {
        self.custom.iter().any(|check| check.wants_tags)
    }

    /// Whether a check runs.
    pub fn contains(&self, id: &str) -> bool {
        self.only.as_ref().is_none_or(|only| only.contains(id))
    }

    /// What the checks that run say of themselves, in the order of reports.
    pub fn metas(&self) -> Vec<&'static CheckMeta> {
        let ours = CATALOG.iter().copied().filter(|meta| self.contains(meta.id));
        ours.chain(self.custom.iter().map(|check| check.meta)).collect()
    }

    /// Every fact that the checks that run read.
    pub fn facts(&self) -> BTreeSet<Fact> {
        let mut facts: BTreeSet<Fact> = self.metas().iter().flat_map(|meta| meta.facts).copied().collect();
        if self.metas().iter().any(|meta| meta.granularity == Granularity::AccountRegion) {
            // Which Regions have verdicts.
            facts.insert(Fact::Regions);
        }
        facts
    }

    /// What decides a verdict besides the facts, as `sha256:<hex>`: this orgward's version, which checks run, the text of
    /// the custom ones and the thresholds. Two runs with the same digest judge the same facts alike.
    pub fn digest(&self, thresholds: &Thresholds) -> String {
        let ids: Vec<&str> = self.metas().iter().map(|meta| meta.id).collect();
        let custom: Vec<(&str, &str)> =
            self.custom.iter().map(|check| (check.meta.id, check.file_digest.as_str())).collect();
        let rules = (env!("CARGO_PKG_VERSION"), ids, custom, thresholds);
        digest(format!("{rules:?}").as_bytes())
    }

    /// What decides each check that runs besides the facts, by its id, as the first 16 hexadecimal digits of a SHA-256: this
    /// orgward's version, what the check says of itself, its thresholds, and the text of a custom one. A check with the same
    /// digest in two runs judges the same facts alike.
    pub fn deciding(&self, thresholds: &Thresholds) -> BTreeMap<String, String> {
        let of = |meta: &'static CheckMeta| {
            let text =
                self.custom.iter().find(|check| check.meta.id == meta.id).map(|check| check.file_digest.as_str());
            let rules = (env!("CARGO_PKG_VERSION"), meta, thresholds.of(meta.id), text);
            let digest = digest(format!("{rules:?}").as_bytes());
            let digits = digest.trim_start_matches("sha256:").chars().take(16).collect();
            (meta.id.to_owned(), digits)
        };
        self.metas().into_iter().map(of).collect()
    }

    /// As [`super::organization`], of the checks that run.
    pub fn organization(&self, org: &OrgFacts, thresholds: &Thresholds) -> Vec<Finding> {
        checks(|granularity| granularity == Granularity::Organization)
            .filter(|check| self.contains(check.meta.id))
            .filter_map(|check| whole(check, Target::Organization, Facts::new(&check.meta, org, None), thresholds))
            .chain(self.custom.iter().filter_map(|check| check.organization(org)))
            .collect()
    }

    /// As [`super::account`], of the checks that run.
    pub fn account(&self, org: &OrgFacts, account: &AccountFacts, thresholds: &Thresholds) -> Vec<Finding> {
        let id = &account.account;
        let (regions, shared) = (account.regions_to_judge(), Rc::default());
        checks(|granularity| granularity != Granularity::Organization)
            .filter(|check| self.contains(check.meta.id))
            .flat_map(|check| match check.judge {
                Judge::Whole(_) => {
                    let facts = Facts::sharing(&check.meta, org, Some(account), &shared);
                    Vec::from_iter(whole(check, Target::Account(id.clone()), facts, thresholds))
                }
                Judge::Region(judge) => regions
                    .iter()
                    .map(|region| {
                        let mut facts = Facts::sharing(&check.meta, org, Some(account), &shared);
                        let judgement = judge(&mut facts, region, thresholds);
                        settle(&check.meta, Target::AccountRegion(id.clone(), (*region).clone()), facts, judgement)
                    })
                    .collect(),
            })
            .chain(self.custom.iter().flat_map(|check| check.account(org, account)))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixtures;
    use super::*;

    #[test]
    fn only_what_is_selected_runs_and_says_the_same() {
        let (org, facts, thresholds) = (fixtures::org(), fixtures::account(), Thresholds::default());
        let some = Selection::of(["root-mfa", "trail-multi-region", "org-deny-leave", "no-such-check"]);
        let wanted = |found: Vec<Finding>| -> Vec<Finding> {
            found.into_iter().filter(|finding| some.contains(&finding.check)).collect()
        };
        let of_account = some.account(&org, &facts, &thresholds);
        assert_eq!(of_account, wanted(super::super::account(&org, &facts, &thresholds)));
        let of_organization = some.organization(&org, &thresholds);
        assert_eq!(of_organization, wanted(super::super::organization(&org, &thresholds)));
        assert_eq!(of_organization.len(), 1);
        let ids: Vec<&str> = some.metas().iter().map(|meta| meta.id).collect();
        assert_eq!(ids, ["root-mfa", "trail-multi-region", "org-deny-leave"]);
        assert!(of_account.len() > 2, "one of the account, one for each Region");
    }

    #[test]
    fn the_facts_are_those_that_the_checks_read() {
        assert_eq!(
            Selection::of(["root-mfa"]).facts(),
            BTreeSet::from_iter(super::super::meta("root-mfa").unwrap().facts.iter().copied())
        );
        assert!(Selection::of(["trail-multi-region"]).facts().contains(&Fact::Regions));
        assert!(Selection::of([]).facts().is_empty());
    }

    #[test]
    fn the_digest_tells_rules_apart() {
        let usual = Thresholds::default();
        let strict = Thresholds { key_age_days: 30, ..usual.clone() };
        let some = Selection::of(["root-mfa"]);
        assert_eq!(some.digest(&usual), Selection::of(["root-mfa", "no-such-check"]).digest(&usual));
        assert_ne!(some.digest(&usual), some.digest(&strict));
        assert_ne!(some.digest(&usual), Selection::all().digest(&usual));
    }

    #[test]
    fn a_threshold_decides_its_own_checks_alone() {
        let usual = Thresholds::default();
        let strict = Thresholds { key_age_days: 30, ..usual.clone() };
        let (one, other) = (Selection::all().deciding(&usual), Selection::all().deciding(&strict));
        assert_eq!(one.len(), CATALOG.len());
        let differ: Vec<&str> =
            one.iter().filter(|(id, digest)| other[*id] != **digest).map(|(id, _)| id.as_str()).collect();
        assert_eq!(differ, ["access-key-age", "config-rule-access-keys-rotated"]);
        assert!(one.values().all(|digest| digest.len() == 16));
    }

    #[test]
    fn all_is_the_catalogue_and_an_empty_selection_is_empty() {
        assert_eq!(Selection::all().metas(), CATALOG);
        assert!(Selection::of([]).metas().is_empty());
        assert!(Selection::of([]).organization(&fixtures::org(), &Thresholds::default()).is_empty());
    }
}
