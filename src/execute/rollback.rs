//! The way back: from a plan and what its journal says, a plan that restores what was there before.
//!
//! Pure. No undo is written by hand: every change is turned around, its documents swapped, and carried out like any other
//! plan. Only what the run itself changed is undone; what was so already, or was never announced, is left alone.

use super::journal::{Progress, Stage};
use super::same::{between, same};
use crate::model::address::shown_endpoint;
use crate::model::iam::PasswordPolicy;
use crate::model::org::PolicyType;
use crate::model::plan::{AFTERWARDS, Confirmation, ConfirmationReason, Operation, PLAN_VERSION, Unplanned};
use crate::model::{Address, Cause, CauseKind, Change, Doc, Observed, Plan};
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};

/// What a rollback is made for.
#[derive(Debug, Clone, Copy)]
pub struct Undo<'a> {
    /// The run that is undone.
    pub run: &'a str,
    /// Who undoes it.
    pub caller_arn: &'a str,
    /// The moment.
    pub now: Timestamp,
    /// What is there now of the changes that [`Progress::uncertain`] names.
    pub found: &'a BTreeMap<usize, Observed<Doc>>,
}

/// What has to be undone of one change.
enum Undone {
    /// Nothing: it was never done.
    Nothing,
    /// This is there now.
    From(Option<Doc>),
    /// It can't be told, or is not ours any more.
    CannotTell(Cause),
}

/// The plan that undoes what a run did. What can't be restored is named in its notes; what can't be undone, because it can't
/// be read or somebody changed it since, is among its unknowns, and with it everything it stands on.
pub fn rollback(plan: &Plan, progress: &Progress, undo: &Undo<'_>) -> Plan {
    let mut unknowns = Vec::new();
    let mut kept: BTreeSet<&Address> = BTreeSet::new();
    let mut undone: Vec<(&Change, Change)> = Vec::new();
    for (index, change) in plan.changes.iter().enumerate().rev() {
        let cause = match state(index, change, progress, undo) {
            Undone::Nothing => {
                if kept.contains(&change.address) {
                    kept.extend(&change.depends_on);
                }
                continue;
            }
            Undone::From(_) if kept.contains(&change.address) => {
                let message = format!("something that stays depends on {}, so it stays too", change.address);
                Cause::new(CauseKind::Other, "orgward:rollback", message)
            }
            Undone::From(now) => {
                undone.push((change, reversed(change, now, undo)));
                continue;
            }
            Undone::CannotTell(cause) => cause,
        };
        kept.extend(&change.depends_on);
        unknowns.push(Unplanned { step: change.step.clone(), account: change.address.account().cloned(), cause });
    }
    let undone = merged(undone);
    let notes = notes(&undone);
    let changes = wired(undone);
    Plan {
        version: PLAN_VERSION,
        organization: plan.organization.clone(),
        management_account: plan.management_account.clone(),
        caller_arn: undo.caller_arn.to_owned(),
        as_of: undo.now,
        playbooks: plan.playbooks.clone(),
        waves: Vec::new(),
        changes,
        relied_on: Vec::new(),
        refusals: Vec::new(),
        unknowns,
        operator_steps: Vec::new(),
        regions: plan.regions.clone(),
        undoes: Some(undo.run.to_owned()),
        notes,
    }
}

fn state(index: usize, change: &Change, progress: &Progress, undo: &Undo<'_>) -> Undone {
    if !progress.was_announced(index) {
        return Undone::Nothing;
    }
    if matches!(progress.stage(index), Stage::Done | Stage::Settled) {
        return Undone::From(change.after.clone());
    }
    let found = match undo.found.get(&index) {
        Some(Observed::Present { value, .. }) => Some(value.clone()),
        Some(Observed::Absent { .. }) => None,
        Some(Observed::Unknown { cause }) => return Undone::CannotTell(cause.clone()),
        None => {
            let message = format!("{} was not read back", change.address);
            return Undone::CannotTell(Cause::new(CauseKind::NotCollected, "orgward:rollback", message));
        }
    };
    if same(found.as_ref(), change.before.as_ref()) {
        return Undone::Nothing;
    }
    if between(found.as_ref(), change.before.as_ref(), change.after.as_ref()) {
        return Undone::From(found);
    }
    let message = format!("{} was changed by somebody else since: it is left as it is", change.address);
    Undone::CannotTell(Cause::new(CauseKind::Other, "orgward:rollback", message))
}

/// One change turned around.
fn reversed(change: &Change, now: Option<Doc>, undo: &Undo<'_>) -> Change {
    let verb = match change.operation() {
        Operation::Create => "created",
        Operation::Update => "changed",
        Operation::Delete => "deleted",
    };
    let mut reversed = Change {
        address: change.address.clone(),
        before: now,
        after: change.before.clone(),
        step: change.step.clone(),
        reason: format!("run {} {verb} it", undo.run),
        depends_on: Vec::new(),
        impact: Vec::new(),
        confirmations: Vec::new(),
        wave: 0,
        origins: Vec::new(),
    };
    if matches!(change.address, Address::Attachment { .. }) {
        // What the change says of how much is taken afterwards is not so after its undoing.
        let lasting = change.impact.iter().filter(|line| !line.starts_with(AFTERWARDS));
        reversed.impact = lasting.cloned().collect();
    }
    reversed.confirmations = password_confirmations(&reversed);
    reversed
}

/// One change for each thing: what a run attached in one wave and removed in another is left as it was before the first.
fn merged(undone: Vec<(&Change, Change)>) -> Vec<(&Change, Change)> {
    let mut merged: Vec<(&Change, Change)> = Vec::with_capacity(undone.len());
    for (original, change) in undone {
        // The later change of the run comes first here: what is there now is its `before`.
        match merged.iter_mut().find(|(_, later)| later.address == change.address) {
            Some((_, later)) => {
                later.after = change.after;
                later.confirmations = password_confirmations(later);
            }
            None => merged.push((original, change)),
        }
    }
    merged.retain(|(_, change)| !same(change.before.as_ref(), change.after.as_ref()));
    merged
}

/// The changes in their order, each waiting for those that waited for it.
fn wired(undone: Vec<(&Change, Change)>) -> Vec<Change> {
    let mut changes: Vec<Change> = Vec::with_capacity(undone.len());
    let mut waits: BTreeMap<&Address, Vec<Address>> = BTreeMap::new();
    for (original, mut change) in undone {
        change.depends_on = waits.get(&original.address).cloned().unwrap_or_default();
        for on in &original.depends_on {
            waits.entry(on).or_default().push(original.address.clone());
        }
        changes.push(change);
    }
    changes
}

/// Restoring an older password policy can expire passwords as writing a new one can.
fn password_confirmations(change: &Change) -> Vec<Confirmation> {
    let Address::PasswordPolicy { account } = &change.address else { return Vec::new() };
    let policy = |doc: &Option<Doc>| doc.as_ref().and_then(|doc| doc.read::<PasswordPolicy>().ok());
    let (was, Some(will)) = (policy(&change.before), policy(&change.after)) else { return Vec::new() };
    let ask = |why, message: String| Confirmation { target: account.clone().into(), why, message };
    let mut confirmations = Vec::new();
    let had = was.as_ref().and_then(|was| was.max_password_age);
    if let Some(days) = will.max_password_age.filter(|days| had.is_none_or(|had| *days < had)) {
        let message = format!("passwords of account {account} older than {days} days expire at once");
        confirmations.push(ask(ConfirmationReason::PasswordsExpire, message));
    }
    if will.hard_expiry && !was.is_some_and(|was| was.hard_expiry) {
        let message = format!(
            "hard expiry in account {account} again: whoever's password expires is locked out until an administrator resets it"
        );
        confirmations.push(ask(ConfirmationReason::HardExpiry, message));
    }
    confirmations
}

/// What stays different although every document is restored. Equal notes once.
fn notes(undone: &[(&Change, Change)]) -> Vec<String> {
    let mut notes: Vec<String> = Vec::new();
    for (_, change) in undone {
        let note = match (&change.address, change.operation()) {
            (Address::Policy { policy_type, name }, Operation::Create) => Some(format!(
                "the {} `{name}` is created anew and gets another id: whatever names the old id has to be changed by hand",
                short(policy_type)
            )),
            (Address::Subscription { protocol, endpoint, .. }, Operation::Create) => {
                let whom = shown_endpoint(endpoint);
                Some(format!("AWS asks {protocol} {whom} to confirm its subscription again; until then nobody is told"))
            }
            (Address::Subscription { protocol, endpoint, .. }, Operation::Delete) => Some(format!(
                "the subscription of {protocol} {}, if it is not confirmed yet, can't be removed: it ends with its \
                 topic, or AWS drops it; the confirmation message that was sent stays sent",
                shown_endpoint(endpoint)
            )),
            (Address::Topic { name, .. }, Operation::Delete) => Some(format!(
                "the topic `{name}` is deleted unless somebody else has subscribed to it since; alarms of others that name it tell \
                 nobody then"
            )),
            (Address::MetricFilter { .. }, Operation::Delete) => {
                Some("what metric filters have counted stays in CloudWatch until AWS lets it expire".to_owned())
            }
            (Address::MetricFilter { .. }, Operation::Create) => {
                Some("metrics have a gap for the time in which their filters were away".to_owned())
            }
            (Address::Alarm { .. }, Operation::Create | Operation::Delete) => {
                Some("an alarm that is deleted loses its state, and one that is created anew starts without any".to_owned())
            }
            (Address::PasswordPolicy { .. }, _) => Some(
                "passwords that expired or had to be changed in the meantime stay as they are: users keep their new ones"
                    .to_owned(),
            ),
            _ => None,
        };
        notes.extend(note.filter(|note| !notes.contains(note)));
    }
    notes
}

fn short(policy_type: &PolicyType) -> &str {
    match policy_type {
        PolicyType::Scp => "SCP",
        PolicyType::Rcp => "RCP",
        other => other.as_str(),
    }
}
