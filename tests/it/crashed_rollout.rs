//! A crash at every record of a rollout in waves, in process: the sandbox lives on, the orgward does not. A service control
//! policy takes over from another, canary first; the gates read the organization's trail.

use crate::crashes::tear;
use crate::rolling::{carry_out, planned, progress, records, survey};
use crate::sandboxed::operator;
use orgward::aws::{Purpose, Sessions};
use orgward::execute::{self, ApplyReport, Outcome, Record, Undo};
use orgward::model::{Doc, Observed, OrgFacts, Plan, TargetId};
use orgward::resources::World;
use orgward::sandbox::{Fault, FaultKind, Sandbox, Scenario};
use orgward::store::Journal;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// The rollout; `ACTION` is what its policy denies. Accounts come before their OU: a wave attaches what a later one removes.
const PLAYBOOK: &str = r#"version: 1
name: guard
description: d
rollout:
  waves:
    - { name: canary, count: 1 }
    - { name: half, count: 1 }
    - { name: rest }
steps:
  - id: s3
    scp:
      name: guard-s3
      targets: [/Workloads, /Security]
      content:
        Version: "2012-10-17"
        Statement: [{ Effect: Deny, Action: "ACTION", Resource: "*" }]
"#;

fn playbook(action: &str) -> String {
    PLAYBOOK.replace("ACTION", action)
}

/// The policies that are not AWS's own: name, and what they are without their ids.
type Policies = BTreeMap<String, (String, Option<String>, Option<BTreeMap<String, String>>, BTreeSet<TargetId>)>;

/// Where the crash is.
#[derive(Debug, Clone, Copy)]
struct Crash {
    /// The look at the clock at which the process dies: every record is written after one, and every call but reads sent
    /// after one.
    look: usize,
    /// Whether half of the record that was about to be written is on the disk.
    torn: bool,
}

/// A sandbox in which the first policy is rolled out, and the plan of the one that takes over.
struct Case {
    sandbox: Sandbox,
    sessions: Sessions,
    org: OrgFacts,
    plan: Plan,
    dir: tempfile::TempDir,
}

impl Case {
    async fn new() -> Self {
        let sandbox = Sandbox::new(Scenario::small());
        let sessions = operator(&sandbox).await;
        let dir = tempfile::tempdir().unwrap();
        let (org, first) = planned(&sessions, &playbook("s3:DeleteBucket")).await;
        let report = carry_out(&sessions, &org, &first, &dir.path().join("first.jsonl"), None).await.unwrap();
        assert!(report.clean(), "{report:?}");
        let (org, plan) = planned(&sessions, &playbook("s3:DeleteBucketPolicy")).await;
        Self { sandbox, sessions, org, plan, dir }
    }

    fn journal(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Applies the plan, from where its journal stands. `None`: it crashed.
    async fn apply(&self, crash: Option<Crash>) -> Option<ApplyReport> {
        let journal = self.journal("apply.jsonl");
        let report = carry_out(&self.sessions, &self.org, &self.plan, &journal, crash.map(|crash| crash.look)).await;
        if report.is_none() && crash.is_some_and(|crash| crash.torn) {
            half_a_record(&journal);
        }
        report
    }

    /// The way back as `orgward rollback` makes it: from the journal and what is there now. `None`: nothing was begun.
    async fn way_back(&self) -> Option<(OrgFacts, Plan)> {
        let progress = progress(&self.plan, &self.journal("apply.jsonl"));
        progress.plan.as_ref()?;
        let org = survey(&self.sessions).await;
        let world = World::new(&self.sessions, &org, Purpose::Audit);
        let mut found: BTreeMap<usize, Observed<Doc>> = BTreeMap::new();
        for index in progress.uncertain() {
            found.insert(index, world.read(&self.plan.changes[index].address).await);
        }
        let now = self.sessions.clock().now();
        let undo = Undo { run: "20261102T080000Z-4000", caller_arn: &self.plan.caller_arn, now, found: &found };
        let back = execute::rollback(&self.plan, &progress, &undo);
        assert!(back.complete(), "{:?}", back.unknowns);
        Some((org, back))
    }

    async fn undo(&self) {
        let Some((org, back)) = self.way_back().await else { return };
        let report = carry_out(&self.sessions, &org, &back, &self.journal("undo.jsonl"), None).await.unwrap();
        assert!(report.clean(), "{report:?}");
    }

    /// Every policy as the organization has it now.
    async fn policies(&self) -> Policies {
        let org = survey(&self.sessions).await;
        let all = org.policies.values().filter_map(|of_kind| of_kind.value()).flatten();
        all.filter(|policy| !policy.aws_managed)
            .map(|policy| {
                let targets = policy.targets.value().cloned().unwrap_or_default();
                let (content, tags) = (policy.content.value().cloned(), policy.tags.value().cloned());
                (policy.name.clone(), (policy.description.clone(), content, tags, targets))
            })
            .collect()
    }

    /// Successful writes so far, by operation.
    fn writes(&self) -> BTreeMap<String, usize> {
        let mut writes = BTreeMap::new();
        for request in self.sandbox.requests() {
            let writes_policies = ["Create", "Update", "Attach", "Detach", "Delete"];
            if request.service == "organizations"
                && writes_policies.iter().any(|word| request.operation.starts_with(word))
            {
                *writes.entry(request.operation).or_default() += 1;
            }
        }
        writes
    }
}

/// Appends half of a record, as a process that dies while writing it leaves it.
fn half_a_record(journal: &Path) {
    let (mut open, contents) = Journal::reopen(journal).unwrap();
    let record = if contents.entries.is_empty() {
        Record::Resumed { approver: None, ticket: None }
    } else {
        Record::Verified { change: 0 }
    };
    open.append("2026-11-02T08:00:00Z".parse().unwrap(), &record).unwrap();
    drop(open);
    tear(journal);
}

/// Crashes at every look at the clock, with and without half a record, and gives every case to `then`.
async fn crash_everywhere(then: impl AsyncFn(Case, &str)) {
    let mut seen: BTreeMap<&'static str, usize> = BTreeMap::new();
    for look in 1.. {
        for torn in [false, true] {
            let case = Case::new().await;
            if case.apply(Some(Crash { look, torn })).await.is_some() {
                for name in ["begin", "wave_begun", "intent", "outcome", "verified", "wave_baked", "wave_passed"] {
                    assert!(seen.contains_key(name), "never behind a `{name}`: {seen:?}");
                }
                assert!(seen["wave_passed"] >= 6, "{seen:?}");
                return;
            }
            let last = records(&case.journal("apply.jsonl")).last().map_or("nothing", Record::name);
            *seen.entry(last).or_default() += 1;
            then(case, &format!("look {look}, torn {torn}, behind `{last}`")).await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_rollout_that_crashed_at_any_record_is_resumed() {
    let undisturbed = Case::new().await;
    let initial = undisturbed.policies().await;
    assert!(undisturbed.plan.waves.len() >= 3, "{:?}", undisturbed.plan.waves);
    let report = undisturbed.apply(None).await.unwrap();
    assert!(report.clean(), "{report:?}");
    let (done, writes) = (undisturbed.policies().await, undisturbed.writes());
    assert_ne!(initial, done);
    crash_everywhere(async |case, at| {
        let report = case.apply(None).await.unwrap();
        assert!(report.clean(), "{at}: {report:?}");
        assert_eq!(case.policies().await, done, "{at}");
        assert_eq!(case.writes(), writes, "nothing done is done again: {at}");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_rollout_that_crashed_at_any_record_is_rolled_back() {
    let undisturbed = Case::new().await;
    let initial = undisturbed.policies().await;
    assert!(undisturbed.apply(None).await.unwrap().clean());
    undisturbed.undo().await;
    assert_eq!(undisturbed.policies().await, initial, "after the whole run");
    crash_everywhere(async |case, at| {
        case.undo().await;
        assert_eq!(case.policies().await, initial, "{at}");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_rollback_that_crashed_at_any_record_is_resumed() {
    for look in 1.. {
        let case = Case::new().await;
        let initial = case.policies().await;
        assert!(case.apply(None).await.unwrap().clean());
        let (org, back) = case.way_back().await.unwrap();
        let journal = case.journal("undo.jsonl");
        if carry_out(&case.sessions, &org, &back, &journal, Some(look)).await.is_some() {
            assert!(look > 4 * back.changes.len(), "only {look} looks at the clock");
            return;
        }
        let report = carry_out(&case.sessions, &org, &back, &journal, None).await.unwrap();
        assert!(report.clean(), "look {look}: {report:?}");
        assert_eq!(case.policies().await, initial, "look {look}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_write_whose_answer_was_lost_is_read_back_whatever_its_retry_is_told() {
    for refusal in [FaultKind::Deny, FaultKind::Throttle { rate: 1.0 }, FaultKind::ExpiredToken] {
        for carried_out in [true, false] {
            let case = Case::new().await;
            let fault = |kind| Fault::new(kind).operation("organizations", "AttachPolicy");
            let lost = fault(FaultKind::Drop).times(1);
            case.sandbox.faults().add(if carried_out { lost.after_the_call() } else { lost });
            // As often as the call is retried, and no more.
            let times = if matches!(refusal, FaultKind::Throttle { .. }) { retries() } else { 1 };
            case.sandbox.faults().add(fault(refusal.clone()).times(times));
            let report = case.apply(None).await.unwrap();
            let outcomes: Vec<Outcome> = records(&case.journal("apply.jsonl"))
                .into_iter()
                .filter_map(|record| match record {
                    Record::Outcome { outcome, .. } => Some(outcome),
                    _ => None,
                })
                .collect();
            let doubts = outcomes.iter().filter(|outcome| matches!(outcome, Outcome::Unknown { .. })).count();
            assert_eq!(doubts, 1, "{refusal:?} {carried_out}: {outcomes:?}");
            assert_eq!(report.clean(), carried_out, "{refusal:?}: {report:?}");
            if !carried_out {
                assert!(case.apply(None).await.unwrap().clean(), "{refusal:?}: it was not done, and is done now");
            }
        }
    }
}

/// Attempts of a call behind its first.
fn retries() -> u32 {
    orgward::aws::DEFAULT_MAX_ATTEMPTS * orgward::aws::THROTTLED_FACTOR - 1
}
