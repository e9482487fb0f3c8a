//! What became of the failures of one account (or of the organization) between two audits.
//!
//! The rule: each row that fails in either audit is in exactly one class. What is not known now was not fixed, and what was not
//! known before is not told as new: a row is only said to have changed where both audits looked and judged alike. Must not: read
//! a run, or keep a row.

use crate::model::check::Severity;
use crate::model::finding::{Exempted, FailingResource, Target, Verdict, has_whole_row};
use crate::model::history::{Became, Changed, Changes};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};

/// A finding, as far as differences look at it: what it rests on is passed over unread.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(super) struct Said {
    check: String,
    target: Target,
    verdict: Verdict,
    severity: Severity,
    message: String,
    resources: Vec<FailingResource>,
    #[serde(default)]
    exempt: Vec<Exempted>,
}

/// One audit's word on an account, or on the organization.
#[derive(Debug, Clone, Copy)]
pub(super) struct Word<'a> {
    /// Whether it is in the audit's scope.
    pub in_scope: bool,
    /// Its findings; none where it was not judged.
    pub findings: &'a [Said],
}

impl Said {
    /// What fails, by resource; `None` is a cell that names none.
    fn failing(&self) -> BTreeMap<Option<&str>, &str> {
        match (self.verdict, self.resources.as_slice()) {
            (Verdict::Fail, []) => BTreeMap::from([(None, self.message.as_str())]),
            (Verdict::Fail, some) => {
                some.iter().map(|failing| (Some(failing.resource.as_str()), failing.message.as_str())).collect()
            }
            _ => BTreeMap::new(),
        }
    }

    /// Whether someone answers for a resource, or for the whole cell.
    fn is_exempt(&self, resource: Option<&str>) -> bool {
        self.exempt.iter().any(|exempt| exempt.resource.is_none() || exempt.resource.as_deref() == resource)
    }
}

/// The findings of a side by target and check, as reports are ordered.
fn cells<'a>(word: Word<'a>) -> BTreeMap<(&'a Target, &'a str), &'a Said> {
    word.findings.iter().map(|said| ((&said.target, said.check.as_str()), said)).collect()
}

/// Hands over every row that fails in one of the two, in order. `check_changed`: whether a check judged otherwise before.
pub(super) fn compare<E>(
    before: Word<'_>,
    after: Word<'_>,
    check_changed: &dyn Fn(&str) -> bool,
    each: &mut dyn FnMut(&Changed<'_>) -> Result<(), E>,
) -> Result<(), E> {
    let (was, is) = (cells(before), cells(after));
    let keys: BTreeSet<&(&Target, &str)> = was.keys().chain(is.keys()).collect();
    for key in keys {
        let (old, new) = (was.get(key).copied(), is.get(key).copied());
        let (failed, fails) = (old.map(Said::failing).unwrap_or_default(), new.map(Said::failing).unwrap_or_default());
        let rows: BTreeSet<Option<&str>> = failed.keys().chain(fails.keys()).copied().collect();
        for resource in rows {
            let told = |said: Option<&Said>| said.is_some_and(|said| said.verdict != Verdict::Unknown);
            let changed = || check_changed(key.1);
            let became = match (failed.contains_key(&resource), fails.contains_key(&resource)) {
                (true, true) => Became::Unchanged,
                (false, _) if !before.in_scope => Became::AccountJoined,
                (false, _) if !told(old) => Became::NewlyEvaluated,
                (false, _) if changed() => Became::CheckChanged,
                (false, _) => Became::New,
                (true, _) if !after.in_scope => Became::AccountLeft,
                (true, _) if !told(new) => Became::NoLongerEvaluated,
                (true, _) if new.is_some_and(|said| said.is_exempt(resource)) => Became::NowExempt,
                (true, _) if changed() => Became::CheckChanged,
                (true, _) => Became::Fixed,
            };
            let said = if fails.contains_key(&resource) { new } else { old };
            let message = fails.get(&resource).or_else(|| failed.get(&resource)).copied().unwrap_or_default();
            let Some(Said { check, target, severity, .. }) = said else { continue };
            let fails = fails.contains_key(&resource);
            let looked = !fails && matches!(became, Became::Fixed | Became::CheckChanged);
            let gone = looked
                && (resource.is_some()
                    || new.is_some_and(|said| !has_whole_row(said.verdict, &said.resources, &said.exempt)));
            each(&Changed { became, check, target, resource, severity: *severity, message, fails, gone })?;
        }
    }
    Ok(())
}

/// Counts rows.
pub(super) fn count(changes: &mut Changes, row: &Changed<'_>) {
    *changes.rows.entry(row.became).or_default() += 1;
    match changes.checks.get_mut(row.check) {
        Some(rows) => *rows.entry(row.became).or_default() += 1,
        None => {
            changes.checks.insert(row.check.to_owned(), BTreeMap::from([(row.became, 1)]));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn said(check: &str, region: bool, verdict: Verdict, failing: &[&str], exempt: &[Option<&str>]) -> Said {
        let account = || "222222222222".parse().unwrap();
        Said {
            check: check.to_owned(),
            target: match region {
                true => Target::AccountRegion(account(), "eu-central-1".parse().unwrap()),
                false => Target::Account(account()),
            },
            verdict,
            severity: Severity::High,
            message: "the cell".to_owned(),
            resources: failing
                .iter()
                .map(|name| FailingResource { resource: (*name).to_owned(), message: format!("{name} is wrong") })
                .collect(),
            exempt: exempt
                .iter()
                .map(|name| Exempted {
                    exemption: "x".to_owned(),
                    resource: name.map(str::to_owned),
                    message: "agreed".to_owned(),
                })
                .collect(),
        }
    }

    #[test]
    fn a_row_is_gone_where_the_later_audit_looked_and_has_none_of_it() {
        let gone = |was: &[&str], is: Option<Said>, changed| -> Vec<Option<String>> {
            let (was, mut told) = (said("c", false, Verdict::Fail, was, &[]), Vec::new());
            let word = |findings| Word { in_scope: true, findings };
            compare::<()>(word(&[was]), word(is.as_slice()), &|_| changed, &mut |row| {
                told.extend(row.gone.then(|| row.resource.map(str::to_owned)));
                Ok(())
            })
            .unwrap();
            told
        };
        let is = |verdict, failing: &[&str], exempt: &[Option<&str>]| Some(said("c", false, verdict, failing, exempt));
        let a = [Some("a".to_owned())];
        for changed in [false, true] {
            assert_eq!(gone(&["a"], is(Verdict::Pass, &[], &[]), changed), a);
            assert_eq!(gone(&["a", "b"], is(Verdict::Fail, &["b"], &[]), changed), a);
            assert_eq!(gone(&["a"], is(Verdict::NotApplicable, &[], &[]), changed), a);
            assert_eq!(gone(&[], is(Verdict::Pass, &[], &[]), changed), [], "the cell has its own row");
            assert_eq!(gone(&[], is(Verdict::Fail, &["a"], &[]), changed), [None], "and here it has not");
            assert_eq!(gone(&["a"], is(Verdict::Fail, &["a"], &[]), changed), []);
            assert_eq!(gone(&["a"], is(Verdict::Unknown, &[], &[]), changed), [], "nobody can say");
            assert_eq!(gone(&["a"], None, changed), [], "nobody looked");
            assert_eq!(gone(&["a"], is(Verdict::Exempt, &[], &[Some("a")]), changed), [], "someone answers for it");
        }
    }

    type Rows = Vec<(Became, Option<String>, bool)>;

    fn rows(before: (bool, &[Said]), after: (bool, &[Said]), changed: bool) -> Rows {
        let mut rows = Rows::new();
        let word = |(in_scope, findings)| Word { in_scope, findings };
        compare::<()>(word(before), word(after), &|_| changed, &mut |row| {
            rows.push((row.became, row.resource.map(str::to_owned), row.fails));
            Ok(())
        })
        .unwrap();
        rows
    }

    /// What became of the row `a`, which failed before, for each cell after.
    fn after(is: Option<Said>) -> Became {
        let was = said("c", false, Verdict::Fail, &["a"], &[]);
        let told = rows((true, &[was]), (true, is.as_slice()), false);
        told.iter().find(|(_, resource, _)| resource.as_deref() == Some("a")).unwrap().0
    }

    #[test]
    fn what_is_not_known_now_was_not_fixed() {
        let is = |verdict, failing: &[&str], exempt: &[Option<&str>]| Some(said("c", false, verdict, failing, exempt));
        assert_eq!(after(is(Verdict::Fail, &["a", "b"], &[])), Became::Unchanged);
        assert_eq!(after(is(Verdict::Pass, &[], &[])), Became::Fixed);
        assert_eq!(after(is(Verdict::NotApplicable, &[], &[])), Became::Fixed);
        assert_eq!(after(is(Verdict::Fail, &["b"], &[])), Became::Fixed);
        assert_eq!(after(is(Verdict::Unknown, &[], &[])), Became::NoLongerEvaluated);
        assert_eq!(after(None), Became::NoLongerEvaluated, "the check did not run, or the Region was not looked at");
        assert_eq!(after(is(Verdict::Exempt, &[], &[Some("a")])), Became::NowExempt);
        assert_eq!(after(is(Verdict::Exempt, &[], &[None])), Became::NowExempt);
        assert_eq!(after(is(Verdict::Fail, &["b"], &[Some("a")])), Became::NowExempt);
        assert_eq!(after(is(Verdict::Exempt, &[], &[Some("b")])), Became::Fixed, "another is exempt");
    }

    #[test]
    fn what_was_not_known_before_is_not_told_as_new() {
        let fails = [said("c", false, Verdict::Fail, &["a"], &[])];
        let before = |was: &[Said], changed| rows((true, was), (true, &fails), changed)[0].0;
        let was = |verdict, exempt: &[Option<&str>]| [said("c", false, verdict, &[], exempt)];
        assert_eq!(before(&was(Verdict::Pass, &[]), false), Became::New);
        assert_eq!(before(&was(Verdict::NotApplicable, &[]), false), Became::New);
        assert_eq!(before(&was(Verdict::Exempt, &[Some("a")]), false), Became::New, "its exemption is over");
        assert_eq!(before(&was(Verdict::Unknown, &[]), false), Became::NewlyEvaluated);
        assert_eq!(before(&[], false), Became::NewlyEvaluated);
        assert_eq!(before(&was(Verdict::Pass, &[]), true), Became::CheckChanged);
        assert_eq!(rows((true, &fails), (true, &was(Verdict::Pass, &[])), true)[0].0, Became::CheckChanged);
        assert_eq!(rows((true, &fails), (true, &fails), true)[0].0, Became::Unchanged, "it fails by either");
    }

    #[test]
    fn accounts_come_and_go_whatever_their_checks_say() {
        let fails = [said("c", false, Verdict::Fail, &[], &[]), said("d", true, Verdict::Fail, &["a"], &[])];
        let joined = rows((false, &[]), (true, &fails), true);
        assert_eq!(joined, [(Became::AccountJoined, None, true), (Became::AccountJoined, Some("a".to_owned()), true)]);
        let left = rows((true, &fails), (false, &[]), true);
        assert_eq!(left, [(Became::AccountLeft, None, false), (Became::AccountLeft, Some("a".to_owned()), false)]);
    }

    type Key = (&'static str, bool);
    type Cell = (Verdict, BTreeSet<&'static str>, BTreeSet<&'static str>);

    fn some() -> impl Strategy<Value = Vec<Said>> {
        let verdict = prop_oneof![
            3 => Just(Verdict::Fail),
            1 => Just(Verdict::Pass),
            1 => Just(Verdict::Unknown),
            1 => Just(Verdict::NotApplicable),
            1 => Just(Verdict::Exempt),
        ];
        let names = || proptest::collection::btree_set(prop_oneof![Just("a"), Just("b"), Just("c")], 0..4);
        let cell = (verdict, names(), names());
        proptest::collection::btree_map((prop_oneof![Just("c"), Just("d")], any::<bool>()), cell, 0..5).prop_map(
            |cells| {
                let one = |((check, region), (verdict, failing, exempt)): (Key, Cell)| {
                    let failing: Vec<&str> =
                        if verdict == Verdict::Fail { failing.into_iter().collect() } else { Vec::new() };
                    let exempt = exempt.into_iter().filter(|name| !failing.contains(name)).map(Some);
                    let exempt: Vec<Option<&str>> =
                        if matches!(verdict, Verdict::Fail | Verdict::Exempt) { exempt.collect() } else { Vec::new() };
                    said(check, region, verdict, &failing, &exempt)
                };
                cells.into_iter().map(one).collect()
            },
        )
    }

    /// Every row that fails: the cell with its resource.
    fn failing(findings: &[Said]) -> BTreeSet<(Target, String, Option<String>)> {
        let of = |said: &Said| -> Vec<_> {
            let row = |resource: Option<&str>| (said.target.clone(), said.check.clone(), resource.map(str::to_owned));
            said.failing().into_keys().map(row).collect()
        };
        findings.iter().flat_map(of).collect()
    }

    proptest! {
        #[test]
        fn an_audit_differs_in_nothing_from_itself(one in some(), in_scope: bool, changed: bool) {
            let told = rows((in_scope, &one), (in_scope, &one), changed);
            prop_assert!(told.iter().all(|(became, _, fails)| *became == Became::Unchanged && *fails));
            prop_assert_eq!(told.len(), failing(&one).len());
        }

        /// Every row that fails in either is told once, and the counts add up to what fails on each side.
        #[test]
        fn every_row_is_in_one_class_and_counts_add_up(
            before in some(), after in some(), scopes: (bool, bool), changed: bool,
        ) {
            let mut seen = BTreeSet::new();
            let mut changes = Changes::default();
            let word = |in_scope, findings| Word { in_scope, findings };
            compare::<()>(word(scopes.0, &before), word(scopes.1, &after), &|_| changed, &mut |row| {
                let row_of = (row.target.clone(), row.check.to_owned(), row.resource.map(str::to_owned));
                assert!(seen.insert(row_of), "twice");
                count(&mut changes, row);
                Ok(())
            }).unwrap();
            let (was, is) = (failing(&before), failing(&after));
            prop_assert_eq!(&seen, &was.union(&is).cloned().collect());
            let n = |became| changes.rows.get(&became).copied().unwrap_or(0);
            prop_assert_eq!(changes.rows.values().sum::<usize>(), seen.len());
            prop_assert_eq!(changes.checks.values().flat_map(BTreeMap::values).sum::<usize>(), seen.len());
            prop_assert_eq!(n(Became::Unchanged), was.intersection(&is).count());
            if !changed {
                let came = n(Became::New) + n(Became::NewlyEvaluated) + n(Became::AccountJoined);
                prop_assert_eq!(n(Became::Unchanged) + came, is.len());
                let went = n(Became::Fixed) + n(Became::NoLongerEvaluated) + n(Became::NowExempt) + n(Became::AccountLeft);
                prop_assert_eq!(n(Became::Unchanged) + went, was.len());
            }
            // Nothing is called fixed that the later audit does not vouch for.
            let vouched = |target: &Target, check: &str| after.iter().any(|said| {
                said.target == *target && said.check == check && said.verdict != Verdict::Unknown
            });
            compare::<()>(word(scopes.0, &before), word(scopes.1, &after), &|_| changed, &mut |row| {
                assert!(row.became != Became::Fixed || vouched(row.target, row.check));
                Ok(())
            }).unwrap();
        }
    }
}
