//! `cis-monitoring` by the real binary: with the policies that `orgward bootstrap` writes for it and no other, and every check of
//! the events passes once the receiver has confirmed.

use crate::installed::Installed;
use orgward::sandbox::Scenario;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

const PLAYBOOK: [&str; 3] = ["cis-monitoring", "--set", "endpoint=security@example.com"];
const AUDIT: [&str; 7] = ["audit", "--checks", "monitor-*", "--allow-partial", "--fail-on", "none", "--format=json"];

/// Failing verdicts by check.
fn failing(report: &Value) -> BTreeMap<String, usize> {
    let mut failing = BTreeMap::new();
    for finding in report["findings"].as_array().unwrap() {
        let fails = usize::from(finding["verdict"] == "fail");
        *failing.entry(finding["check"].as_str().unwrap().to_owned()).or_default() += fails;
    }
    failing
}

#[test]
fn what_the_section_watches_is_watched_once_the_playbook_is_applied() {
    let rights = [&["--playbook"], &PLAYBOOK[..]].concat();
    let installed = Installed::with(Scenario::small(), "management", &rights);
    let before = failing(&installed.run(&AUDIT).json());
    let watched: BTreeSet<&str> = before.iter().filter(|(_, n)| **n > 0).map(|(check, _)| check.as_str()).collect();
    assert!(watched.len() > 14, "{before:?}");

    installed.sandbox.forget_requests();
    installed.run(&[&["apply"], &PLAYBOOK[..], &["--yes"]].concat()).ends(0).shows(&["30 done", "has to confirm"]);
    assert_eq!(installed.denied(), BTreeSet::new());
    let waiting = failing(&installed.run(&AUDIT).json());
    assert_eq!(waiting, before, "nobody is told until the subscription is confirmed");

    installed.sandbox.with(|org| {
        let accounts: Vec<_> = org.members.keys().cloned().collect();
        for account in accounts {
            let topics = org.state_mut(&account).topics.values_mut();
            topics.flat_map(|topic| &mut topic.subscriptions).for_each(|subscription| subscription.confirmed = true);
        }
    });
    let after = failing(&installed.run(&AUDIT).json());
    let left: BTreeSet<&str> = after.iter().filter(|(_, n)| **n > 0).map(|(check, _)| check.as_str()).collect();
    // Watched by another playbook, or by none: what CIS does not ask for.
    let others = BTreeSet::from([
        "monitor-access-key-created",
        "monitor-admin-attached",
        "monitor-role-created",
        "monitor-root-usage",
        "monitor-trust-policy-changed",
        "monitor-user-created",
        "monitor-user-inline-policy",
        "monitor-web-identity",
    ]);
    // What is one of the changes of IAM policies is caught with them.
    let caught = BTreeSet::from(["monitor-admin-attached", "monitor-user-inline-policy"]);
    assert_eq!(left, others.difference(&caught).copied().collect());
    installed.run(&[&["plan", "--detailed-exitcode"], &PLAYBOOK[..]].concat()).ends(0);
}
