//! Scenarios: size and shape of the tree, unique ids, the demo's planted problems.

use super::*;
use std::collections::BTreeMap;

/// How many OUs lie between the root and `target`.
fn depth(scenario: &Scenario, target: &TargetId) -> usize {
    let parents: BTreeMap<_, _> = scenario.ous.iter().map(|ou| (&ou.id, &ou.parent)).collect();
    let (mut at, mut depth) = (target, 0);
    while let Some(parent) = parents.get(at) {
        at = parent;
        depth += 1;
    }
    assert_eq!(at, &scenario.root);
    depth
}

#[test]
fn the_epoch_is_the_morning_of_2_november_2026() {
    assert_eq!(EPOCH.to_string(), "2026-11-02T08:00:00Z");
}

#[test]
fn the_demo_has_24_accounts_five_levels_deep() {
    let scenario = Scenario::demo();
    assert_eq!(scenario.accounts.len(), 24);
    assert_eq!(scenario.accounts.iter().map(|a| depth(&scenario, &a.parent)).max(), Some(5));
    assert_eq!(scenario.accounts[0].id, scenario.management);
    assert_eq!(scenario.accounts.iter().filter(|a| a.state == Standing::Suspended).count(), 1);
    assert_eq!(scenario, Scenario::demo());
    for (name, _) in demo::problems() {
        assert!(scenario.account(name).is_some_and(|a| a.state == Standing::Active), "{name}");
    }
    assert_eq!(scenario.faults.len(), 1);
}

#[test]
fn ids_and_addresses_are_unique_and_ous_come_after_their_parents() {
    let scenario = Scenario::sized(3_000, 11);
    assert_eq!(scenario.accounts.len(), 3_000);
    let ids: BTreeSet<_> = scenario.accounts.iter().map(|a| &a.id).collect();
    let addresses: BTreeSet<_> = scenario.accounts.iter().map(|a| &a.email).collect();
    assert_eq!((ids.len(), addresses.len()), (3_000, 3_000));
    let mut known = BTreeSet::from([&scenario.root]);
    for ou in &scenario.ous {
        assert!(known.contains(&ou.parent), "{}", ou.name);
        assert!(ou.id.as_str().parse::<TargetId>().is_ok());
        known.insert(&ou.id);
    }
    assert!(scenario.accounts.iter().all(|a| known.contains(&a.parent)));
    assert_eq!(scenario.ous.iter().map(|ou| depth(&scenario, &ou.id)).max(), Some(5));
}

#[test]
fn another_seed_is_another_organization() {
    let (a, b) = (Scenario::sized(40, 1), Scenario::sized(40, 2));
    assert_ne!(a.organization, b.organization);
    assert_ne!(a.accounts[5].id, b.accounts[5].id);
    assert_ne!(
        a.accounts.iter().map(|a| a.name.clone()).collect::<Vec<_>>(),
        b.accounts.iter().map(|a| a.name.clone()).collect::<Vec<_>>()
    );
    assert_eq!(a, Scenario::sized(40, 1));
    assert_eq!(Scenario::sized(0, 1).accounts.len(), 2);
}

#[test]
fn the_organization_trail_has_an_owner_and_a_log_group() {
    for scenario in [Scenario::demo(), Scenario::small(), Scenario::sized(30, 3)] {
        let generator = scenario.generator();
        let management = &scenario.accounts[0];
        let state = generator.account(&management.id, &management.problems);
        let trail = state.trails.values().next().unwrap();
        let group = crate::model::trail::LogGroup::parse(trail.log_group_arn.as_deref().unwrap()).unwrap();
        let owner = scenario.accounts.iter().find(|a| a.id == group.account).unwrap();
        let state = generator.account(&owner.id, &owner.problems);
        assert!(state.log_groups.contains_key(&(group.region, group.name)));
        assert!(scenario.delegated.iter().any(|(account, _)| account == &owner.id));
    }
}

#[test]
fn a_scenario_becomes_an_organization_with_states_on_demand() {
    let scenario = Scenario::demo();
    let org = crate::sandbox::Org::from(scenario.clone());
    assert_eq!(org.members.len(), 24);
    assert_eq!(org.tree.len(), scenario.ous.len());
    assert!(org.written.is_empty());
    assert_eq!(org.faults, scenario.faults);
    let mei = scenario.account("sandbox-mei").unwrap();
    assert_eq!(*org.state(&mei.id), scenario.generator().account(&mei.id, &mei.problems));
    assert_eq!(org.tags[mei.id.as_str()]["env"], "sandbox");
    assert_eq!(org.chain(&mei.id.clone().into()).len(), 3);
    assert!(org.delegated.contains_key(&scenario.account("audit").unwrap().id));
}

#[test]
fn a_state_without_people_is_the_whole_one_less_its_people() {
    for scenario in [Scenario::demo(), Scenario::small(), Scenario::sized(150, 5)] {
        let generator = scenario.generator();
        for account in &scenario.accounts {
            let whole = generator.account(&account.id, &account.problems);
            let unpeopled = generator.unpeopled(&account.id, &account.problems);
            assert_eq!(unpeopled, whole.unpeopled(), "{}", account.name);
        }
    }
}
