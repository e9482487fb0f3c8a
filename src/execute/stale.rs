//! Why a plan no longer fits: what changed since it was made, where, from what to what.
//!
//! Owns: holding a plan against what is there now, and what is left of it without the changes that no longer fit. Must not:
//! read anything itself, or decide that a stale change is good enough.

use super::same::same;
use crate::lockout::value_of;
use crate::model::plan::{Reliance, Subject};
use crate::model::{Address, Doc, Observed, OrgFacts, Plan, TargetId};
use std::collections::{BTreeMap, BTreeSet};

/// Something that is different from what the plan saw.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stale {
    /// What, in words.
    pub what: String,
    /// What the plan saw.
    pub was: String,
    /// What is there now.
    pub is: String,
    /// The changes it invalidates, by index.
    pub changes: BTreeSet<usize>,
}

/// Everything that is different now. `found` is what each change's address holds now, by index; one that could not be read is
/// left to apply, which reads again before it writes.
pub fn stale(plan: &Plan, org: &OrgFacts, found: &BTreeMap<usize, Observed<Doc>>) -> Vec<Stale> {
    let documents = found.iter().filter_map(|(index, seen)| document(plan, *index, seen));
    let reliances = plan.relied_on.iter().filter_map(|reliance| reliance_now(plan, org, reliance));
    reliances.chain(documents).collect()
}

/// The plan without some changes and without whatever depends on them, and the addresses that went. Waves that have nothing left
/// go too: there would be nothing to bake.
pub fn without(plan: &Plan, stale: &BTreeSet<usize>) -> (Plan, Vec<Address>) {
    let mut gone: BTreeSet<Address> =
        stale.iter().filter_map(|index| plan.changes.get(*index)).map(|change| change.address.clone()).collect();
    loop {
        let before = gone.len();
        let follow = plan.changes.iter().filter(|change| change.depends_on.iter().any(|on| gone.contains(on)));
        let follow: Vec<Address> = follow.map(|change| change.address.clone()).collect();
        gone.extend(follow);
        if gone.len() == before {
            break;
        }
    }
    let mut rest = plan.clone();
    rest.changes.retain(|change| !gone.contains(&change.address));
    drop_empty_waves(&mut rest);
    (rest, gone.into_iter().collect())
}

fn drop_empty_waves(plan: &mut Plan) {
    let used: BTreeSet<usize> = plan.changes.iter().map(|change| change.wave).collect();
    let mut index = 0;
    plan.waves.retain(|_| {
        index += 1;
        used.contains(&(index - 1))
    });
    for change in &mut plan.changes {
        change.wave = used.range(..change.wave).count();
    }
}

fn document(plan: &Plan, index: usize, seen: &Observed<Doc>) -> Option<Stale> {
    let change = plan.changes.get(index)?;
    let found = seen.known().ok()?;
    // Already as wanted is no conflict: apply has nothing to write there.
    let fits = |doc: Option<&Doc>| same(doc, found);
    if fits(change.before.as_ref()) || fits(change.after.as_ref()) {
        return None;
    }
    let (was, is) = differing(change.before.as_ref(), found);
    Some(Stale { what: change.address.to_string(), was, is, changes: BTreeSet::from([index]) })
}

/// Only the fields that differ, so that the reader sees the one that matters.
fn differing(was: Option<&Doc>, is: Option<&Doc>) -> (String, String) {
    let fields = |doc: Option<&Doc>| doc.and_then(|doc| doc.0.as_object().cloned());
    let words = |doc: Option<&Doc>, other: Option<&Doc>| match (fields(doc), fields(other)) {
        (None, _) => "nothing there".to_owned(),
        (Some(mine), theirs) => {
            let theirs = theirs.unwrap_or_default();
            let parts: Vec<String> = mine
                .iter()
                .filter(|(key, value)| theirs.get(*key) != Some(value))
                .map(|(key, value)| format!("{key} {value}"))
                .collect();
            if parts.is_empty() { "there".to_owned() } else { parts.join(", ") }
        }
    };
    (words(was, is), words(is, was))
}

fn reliance_now(plan: &Plan, org: &OrgFacts, reliance: &Reliance) -> Option<Stale> {
    let now = value_of(&reliance.on, org);
    if now.as_deref() == Some(reliance.value.as_str()) || own_doing(plan, &reliance.on, &reliance.value, now.as_deref())
    {
        return None;
    }
    let (was, is) = match &reliance.on {
        Subject::Accounts { .. } => joined_and_left(&reliance.value, now.as_deref().unwrap_or_default(), org),
        Subject::Parent { .. } => (place(&reliance.value, org), now.map_or_else(gone, |id| place(&id, org))),
        Subject::Attached { .. } | Subject::Content { .. } => (reliance.value.clone(), now.unwrap_or_else(gone)),
    };
    Some(Stale { what: subject(&reliance.on, org), was, is, changes: invalidated(plan, org, &reliance.on) })
}

/// Whether the difference is only what this plan itself does: a plan that was applied in part can be applied again.
fn own_doing(plan: &Plan, on: &Subject, was: &str, is: Option<&str>) -> bool {
    match on {
        Subject::Attached { policy_type, target } => {
            let names = |list: &str| list.split(',').filter(|n| !n.is_empty()).map(str::to_owned).collect::<BTreeSet<_>>();
            let ours: BTreeSet<String> = plan
                .changes
                .iter()
                .filter_map(|change| match &change.address {
                    Address::Attachment { policy_type: kind, policy, target: at } if kind == policy_type && at == target => {
                        Some(policy.clone())
                    }
                    _ => None,
                })
                .collect();
            names(was).symmetric_difference(&names(is.unwrap_or_default())).all(|name| ours.contains(name))
        }
        // What is at the address of a change is compared with its document.
        Subject::Content { policy_type, name } => plan.changes.iter().any(|change| {
            matches!(&change.address, Address::Policy { policy_type: kind, name: own } if kind == policy_type && own == name)
        }),
        Subject::Parent { .. } | Subject::Accounts { .. } => false,
    }
}

fn gone() -> String {
    "not there any more".to_owned()
}

fn place(id: &str, org: &OrgFacts) -> String {
    id.parse::<TargetId>().map_or_else(|_| id.to_owned(), |target| org.describe(&target))
}

/// Accounts that are in one list only.
fn joined_and_left(was: &str, is: &str, org: &OrgFacts) -> (String, String) {
    let ids = |list: &str| list.split(',').filter(|id| !id.is_empty()).map(str::to_owned).collect::<BTreeSet<_>>();
    let (was, is) = (ids(was), ids(is));
    let name = |id: &String| place(id, org);
    let joined: Vec<String> = is.difference(&was).map(name).collect();
    let left: Vec<String> = was.difference(&is).map(name).collect();
    let mut now = Vec::new();
    if !joined.is_empty() {
        now.push(format!("joined: {}", joined.join(", ")));
    }
    if !left.is_empty() {
        now.push(format!("left: {}", left.join(", ")));
    }
    let count = match was.len() {
        1 => "1 account".to_owned(),
        n => format!("{n} accounts"),
    };
    (count, now.join("; "))
}

fn subject(on: &Subject, org: &OrgFacts) -> String {
    match on {
        Subject::Parent { target } => format!("the place of {}", org.describe(target)),
        Subject::Accounts { target } => format!("the accounts at or below {}", org.describe(target)),
        Subject::Attached { policy_type, target } => {
            format!("the {} policies attached to {}", policy_type.as_str(), org.describe(target))
        }
        Subject::Content { name, .. } => format!("the document of policy `{name}`"),
    }
}

/// The changes that mean something else now. A changed policy elsewhere on a chain invalidates none by itself: the lock-out
/// proof is made again on what is left.
fn invalidated(plan: &Plan, org: &OrgFacts, on: &Subject) -> BTreeSet<usize> {
    let made_here = |name: &str| {
        plan.changes.iter().any(|c| matches!(&c.address, Address::Policy { name: own, .. } if own == name))
    };
    let hit = |address: &Address| match (address, on) {
        (Address::Attachment { policy_type, policy, .. }, Subject::Content { policy_type: kind, name }) => {
            policy_type == kind && policy == name && !made_here(policy)
        }
        (Address::Attachment { target, .. }, Subject::Accounts { target: over }) => target == over,
        (Address::Attachment { target, .. }, Subject::Parent { target: moved }) => {
            target == moved || org.chain(moved).contains(target)
        }
        (address, Subject::Parent { target: TargetId::Account(moved) }) => address.account() == Some(moved),
        _ => false,
    };
    plan.changes.iter().enumerate().filter(|(_, change)| hit(&change.address)).map(|(index, _)| index).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::execute::tests::{account_change, attachment, org_change, plan};
    use crate::model::Source;
    use serde_json::json;

    fn seen(doc: Option<serde_json::Value>) -> Observed<Doc> {
        let source = Source {
            operation: "x:Y".into(),
            region: "eu-central-1".parse().unwrap(),
            observed_at: jiff::Timestamp::UNIX_EPOCH,
            made_at: None,
            request_id: None,
            digest: None,
            pages: 1,
        };
        match doc {
            Some(doc) => Observed::Present { value: Doc(doc), source },
            None => Observed::Absent { source },
        }
    }

    #[test]
    fn a_plan_without_its_stale_changes_loses_what_depends_on_them() {
        let guard = org_change("guard", &[]);
        let attached = attachment("guard", "ou-ab12-11111111", &[&guard]);
        let plan = plan(vec![guard, attached, account_change(2, "alarm", &[])]);
        let (rest, gone) = without(&plan, &BTreeSet::from([0]));
        assert_eq!(rest.changes.len(), 1, "{:?}", rest.changes);
        assert_eq!(gone.len(), 2);
        let (rest, gone) = without(&plan, &BTreeSet::from([2]));
        assert_eq!((rest.changes.len(), gone.len()), (2, 1));
    }

    #[test]
    fn a_wave_without_changes_is_no_wave() {
        let wave = |name: &str| crate::model::plan::Wave {
            name: name.into(),
            max_failures: 0,
            max_concurrency: None,
            bake_seconds: 900,
            watch_denials: false,
            rollback_on_stop: false,
        };
        let mut changes = vec![account_change(2, "a", &[]), account_change(3, "a", &[]), account_change(4, "a", &[])];
        changes.iter_mut().enumerate().for_each(|(index, change)| change.wave = index);
        let plan = Plan { waves: vec![wave("canary"), wave("some"), wave("rest")], ..plan(changes) };
        for (stale, names, waves) in [
            (vec![1], vec!["canary", "rest"], vec![0, 1]),
            (vec![0, 1], vec!["rest"], vec![0]),
            (vec![], vec!["canary", "some", "rest"], vec![0, 1, 2]),
        ] {
            let (rest, _) = without(&plan, &stale.into_iter().collect());
            assert_eq!(rest.waves.iter().map(|wave| wave.name.as_str()).collect::<Vec<_>>(), names);
            assert_eq!(rest.changes.iter().map(|change| change.wave).collect::<Vec<_>>(), waves);
            assert!(crate::execute::Schedule::new(&rest).is_ok());
        }
    }

    #[test]
    fn accounts_that_joined_left_or_moved_are_named_and_hit_the_attachments_that_reach_them() {
        use crate::checks::fixtures;
        let org = fixtures::org();
        let (ou, root) = (org.ous.keys().next().cloned().unwrap(), org.root.id.clone());
        let member = org.accounts.values().find(|account| account.parent == ou).unwrap().id.clone();
        let plan_before =
            plan(vec![attachment("deny-leave-organization", ou.as_str(), &[]), account_change(2, "a", &[])]);
        let mut plan = plan_before;
        plan.relied_on = crate::lockout::relied_on(&org, &plan);
        assert_eq!(stale(&plan, &org, &BTreeMap::new()), [], "nothing moved");

        let mut moved = org.clone();
        moved.accounts.get_mut(&member).unwrap().parent = root.clone();
        let found = stale(&plan, &moved, &BTreeMap::new());
        let place = found.iter().find(|s| s.what.starts_with("the place of")).unwrap();
        assert!(place.was.starts_with("OU /Workloads") && place.is.starts_with("root"), "{place:?}");
        let left = found.iter().find(|s| s.what.starts_with("the accounts at or below OU")).unwrap();
        assert!(left.is.starts_with("left: account"), "{left:?}");
        assert_eq!(left.changes, BTreeSet::from([0]));

        let mut edited = org.clone();
        if let Some(Observed::Present { value, .. }) = edited.policies.get_mut(&crate::model::org::PolicyType::Scp) {
            for policy in value.iter_mut().filter(|policy| policy.name == "deny-leave-organization") {
                if let Observed::Present { value, .. } = &mut policy.content {
                    value.push(' ');
                }
            }
        }
        let found = stale(&plan, &edited, &BTreeMap::new());
        assert!(
            found.iter().any(|s| s.what.contains("`deny-leave-organization`") && s.changes == BTreeSet::from([0])),
            "{found:?}"
        );
    }

    #[test]
    fn the_field_that_differs_is_named_from_what_to_what() {
        let mut change = account_change(2, "alarm", &[]);
        change.before = Some(Doc(json!({"minimum_password_length": 8, "require_symbols": true})));
        change.after = Some(Doc(json!({"minimum_password_length": 14, "require_symbols": true})));
        let plan = plan(vec![change]);
        let found = document(&plan, 0, &seen(Some(json!({"minimum_password_length": 10, "require_symbols": true}))));
        let found = found.unwrap();
        assert_eq!(
            (found.was.as_str(), found.is.as_str()),
            ("minimum_password_length 8", "minimum_password_length 10")
        );
        assert_eq!(
            document(&plan, 0, &seen(Some(json!({"minimum_password_length": 14, "require_symbols": true})))),
            None
        );
        assert_eq!(document(&plan, 0, &seen(None)).map(|s| s.is), Some("nothing there".to_owned()));
    }
}
