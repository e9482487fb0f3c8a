//! Plans and a world in memory for the tests of `execute`.

mod applying;
mod crash;
mod memory;
mod undoing;
mod waves;

pub(super) use memory::{Memory, Trouble};

use super::{ApplyOptions, ApplyReport, Event, Patience, apply};
use crate::model::ids::TargetId;
use crate::model::org::PolicyType;
use crate::model::plan::PLAN_VERSION;
use crate::model::{AccountId, Address, Change, Doc, Plan};
use crate::store::Journal;
use jiff::Timestamp;
use serde_json::json;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

pub(super) fn account(number: usize) -> AccountId {
    format!("{number}").repeat(12).parse().unwrap()
}

pub(super) fn plan(changes: Vec<Change>) -> Plan {
    Plan {
        version: PLAN_VERSION,
        organization: "o-abc123".into(),
        management_account: account(1),
        caller_arn: "arn:aws:iam::111111111111:user/admin".into(),
        as_of: "2026-07-18T10:00:00Z".parse().unwrap(),
        playbooks: Vec::new(),
        waves: Vec::new(),
        relied_on: Vec::new(),
        changes,
        refusals: Vec::new(),
        unknowns: Vec::new(),
        operator_steps: Vec::new(),
        regions: Vec::new(),
        undoes: None,
        notes: Vec::new(),
    }
}

pub(super) fn change(address: Address, needs: &[&Change]) -> Change {
    Change {
        address,
        before: None,
        after: Some(Doc(json!({"made": true}))),
        step: "baseline/step".into(),
        reason: "it is not there".into(),
        depends_on: needs.iter().map(|need| need.address.clone()).collect(),
        impact: Vec::new(),
        confirmations: Vec::new(),
        wave: 0,
        origins: Vec::new(),
    }
}

pub(super) fn org_change(name: &str, needs: &[&Change]) -> Change {
    change(Address::Policy { policy_type: PolicyType::Scp, name: name.into() }, needs)
}

pub(super) fn attachment(policy: &str, target: &str, needs: &[&Change]) -> Change {
    let target: TargetId = target.parse().unwrap();
    change(Address::Attachment { policy_type: PolicyType::Scp, policy: policy.into(), target }, needs)
}

pub(super) fn account_change(number: usize, name: &str, needs: &[&Change]) -> Change {
    let region = "eu-central-1".parse().unwrap();
    change(Address::Alarm { account: account(number), region, name: name.into() }, needs)
}

pub(super) fn now() -> Timestamp {
    "2026-07-18T10:00:00Z".parse().unwrap()
}

pub(super) fn options() -> ApplyOptions<'static> {
    let patience = Patience { reads: 4, first: Duration::from_millis(100), longest: Duration::from_secs(1) };
    ApplyOptions {
        max_concurrency: 4,
        keep_going: false,
        patience,
        now: &now,
        approver: None,
        ticket: None,
        undoes: None,
        denials: None,
    }
}

/// Applies a plan with a journal of its own; gives the report, the events and the journal's bytes.
pub(super) async fn run(
    plan: &Plan,
    world: &Memory,
    options: &ApplyOptions<'_>,
    cancel: &CancellationToken,
) -> (ApplyReport, Vec<Event>, Vec<u8>) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("journal.jsonl");
    let mut journal = Journal::create(&path).unwrap();
    let mut events = Vec::new();
    let report = apply(plan, world, &mut journal, options, cancel, &mut |event| events.push(event)).await;
    (report, events, std::fs::read(&path).unwrap())
}
