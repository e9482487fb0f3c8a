//! Workloads that a rollout hits: they act in the sandbox, their denials reach the trail late, and the gate behind the canary
//! reads them there or in the account's own event history.

use crate::rolling::{carry_out, planned, progress, records};
use crate::sandboxed::operator;
use jiff::SignedDuration;
use orgward::aws::Sessions;
use orgward::execute::{ApplyReport, EndStatus, Record, Stop};
use orgward::model::{AccountId, Address, OrgFacts, Plan, TargetId};
use orgward::sandbox::workload::Act;
use orgward::sandbox::{Sandbox, Scenario};
use std::path::PathBuf;
use std::time::Duration;

const PLAYBOOK: &str = r#"version: 1
name: guard
description: d
rollout:
  bake: 20m
  waves:
    - { name: canary, count: 1 }
    - { name: rest }
steps:
  - id: ec2
    scp:
      name: guard-ec2
      targets: [/Workloads]
      content:
        Version: "2012-10-17"
        Statement: [{ Effect: Deny, Action: "ec2:RunInstances", Resource: "*" }]
"#;

/// Where the gate can look.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Source {
    /// The organization trail's log group.
    LogGroup,
    /// Each account's event history: the trail has no log group.
    History,
}

/// A sandbox whose events arrive late, and the rollout in it.
struct Case {
    sandbox: Sandbox,
    sessions: Sessions,
    org: OrgFacts,
    plan: Plan,
    canary: AccountId,
    dir: tempfile::TempDir,
}

impl Case {
    async fn new(source: Source, delivery_minutes: i64) -> Self {
        let sandbox = Sandbox::new(Scenario::small());
        sandbox.with(|org| {
            org.delivery = SignedDuration::from_mins(delivery_minutes);
            if source == Source::History {
                let management = org.info.management_account.clone();
                org.state_mut(&management).trails.values_mut().for_each(|trail| trail.log_group_arn = None);
            }
        });
        let sessions = operator(&sandbox).await;
        let (org, plan) = planned(&sessions, PLAYBOOK).await;
        let canary = plan.changes.iter().find_map(|change| match &change.address {
            Address::Attachment { target: TargetId::Account(id), .. } => Some(id.clone()),
            _ => None,
        });
        let (canary, dir) = (canary.expect("the canary is an account"), tempfile::tempdir().unwrap());
        Self { sandbox, sessions, org, plan, canary, dir }
    }

    /// Lets instances of the canary and of the account behind it make this call every five minutes for so many hours.
    fn works(&self, operation: &str, hours: u64) {
        for name in ["app-one", "app-two"] {
            let id = &Scenario::small().account(name).unwrap().id.clone();
            let act = Act::new(id, "instance", "ec2", operation, &Scenario::small().home);
            self.sandbox.schedule((0..hours * 12).map(|n| (Duration::from_secs(60 + n * 300), act.clone())));
        }
    }

    fn journal(&self) -> PathBuf {
        self.dir.path().join("journal.jsonl")
    }

    async fn go(&self) -> ApplyReport {
        carry_out(&self.sessions, &self.org, &self.plan, &self.journal(), None).await.unwrap()
    }

    /// Whether the whole OU has the policy: the second wave came.
    fn is_everywhere(&self) -> bool {
        let workloads = |target: &TargetId| matches!(target, TargetId::Ou(_));
        self.sandbox.with(|org| {
            org.policies.values().any(|policy| policy.name == "guard-ec2" && policy.targets.iter().any(workloads))
        })
    }

    /// The run is held behind the canary, and the journal says why.
    #[track_caller]
    fn is_held(&self, report: &ApplyReport) -> String {
        let why = match report.stopped.as_ref().expect("it stopped") {
            Stop::Gate { wave: 0, why } | Stop::CannotTell { wave: 0, why } => why.clone(),
            other => panic!("{other:?}"),
        };
        assert_eq!(report.exit_code(), 8);
        assert!(!self.is_everywhere());
        let progress = progress(&self.plan, &self.journal());
        assert_eq!((progress.waves_passed, progress.ended), (0, Some(EndStatus::Held)));
        let written = records(&self.journal());
        let denied = matches!(report.stopped, Some(Stop::Gate { .. }));
        assert!(written.contains(&Record::GateHeld { wave: 0, why: why.clone(), denied }), "{written:?}");
        why
    }
}

#[tokio::test(start_paused = true)]
async fn a_workload_that_is_denied_stops_the_rollout_behind_the_canary() {
    for source in [Source::LogGroup, Source::History] {
        let case = Case::new(source, 10).await;
        case.works("RunInstances", 1);
        let report = case.go().await;
        let why = case.is_held(&report);
        assert!(matches!(report.stopped, Some(Stop::Gate { .. })), "{source:?}: {why}");
        for words in ["ec2:RunInstances", case.canary.as_str(), "web-instance", "by our policy"] {
            assert!(why.contains(words), "{source:?}: {why}");
        }
        // Asked again while the workload still is denied: held again, by what is denied now.
        let why = case.is_held(&case.go().await);
        assert!(why.contains("ec2:RunInstances"), "{source:?}: {why}");
        // The workload was mended.
        tokio::time::sleep(Duration::from_secs(3600)).await;
        case.works("DescribeInstances", 4);
        let report = case.go().await;
        assert!(report.clean() && case.is_everywhere(), "{source:?}: {report:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_workload_that_is_not_denied_lets_the_rollout_pass() {
    for source in [Source::LogGroup, Source::History] {
        let case = Case::new(source, 10).await;
        case.works("DescribeInstances", 4);
        let report = case.go().await;
        assert!(report.clean() && case.is_everywhere(), "{source:?}: {report:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_trail_that_is_late_holds_the_wave_until_it_has_come_so_far() {
    for (source, denied) in
        [(Source::LogGroup, false), (Source::History, false), (Source::LogGroup, true), (Source::History, true)]
    {
        let case = Case::new(source, 40).await;
        case.works(if denied { "RunInstances" } else { "DescribeInstances" }, 4);
        let report = case.go().await;
        let why = case.is_held(&report);
        assert!(matches!(report.stopped, Some(Stop::CannotTell { .. })), "{source:?}: {why}");
        assert!(why.contains("as late as the wave's last write"), "{source:?}: {why}");
        // Asked again once the events have arrived, it tells.
        case.sandbox.with(|org| org.delivery = SignedDuration::from_mins(10));
        let report = case.go().await;
        if denied {
            let why = case.is_held(&report);
            assert!(why.contains("ec2:RunInstances"), "{source:?}: {why}");
        } else {
            assert!(report.clean() && case.is_everywhere(), "{source:?}: {report:?}");
        }
    }
}
