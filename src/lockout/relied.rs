//! What a plan was decided on besides the documents it changes.
//!
//! Owns: which parents, attachments and texts those are. Must not: judge whether a difference matters.

use super::standing::Standing;
use crate::model::org::PolicyType;
use crate::model::plan::{Reliance, Subject};
use crate::model::{AccountId, Address, Change, OrgFacts, Plan, TargetId};
use std::collections::{BTreeMap, BTreeSet};

/// What a plan relies on: for every target that one of its changes reaches, the accounts there; for every account
/// among them its parents up to the root, what is attached to each, and the texts of those policies but for the ones that
/// the plan itself writes. In order, each once; what is unknown is left out, and the proof refuses it.
pub fn relied_on(org: &OrgFacts, plan: &Plan) -> Vec<Reliance> {
    let standing = Standing::now(org);
    let written: BTreeSet<(&PolicyType, &str)> = plan.changes.iter().filter_map(policy_of).collect();
    let mut subjects = BTreeSet::new();
    for (kind, targets) in touched(&standing, plan) {
        for account in reached(org, &targets) {
            for at in org.chain(&account.clone().into()) {
                subjects.insert(Subject::Attached { policy_type: kind.clone(), target: at.clone() });
                for name in standing.names(&kind, &at).into_iter().flatten() {
                    if !written.contains(&(&kind, name.as_str())) {
                        subjects.insert(Subject::Content { policy_type: kind.clone(), name: name.clone() });
                    }
                }
                if at != org.root.id {
                    subjects.insert(Subject::Parent { target: at });
                }
            }
        }
        for target in targets {
            subjects.insert(Subject::Attached { policy_type: kind.clone(), target: target.clone() });
            if target.account().is_none() {
                subjects.insert(Subject::Accounts { target });
            }
        }
    }
    let known = |on: Subject| standing.value_of(&on).map(|value| Reliance { on, value });
    subjects.into_iter().filter_map(known).collect()
}

/// What a subject is in these facts; `None` if it can't be told or is not there. For many subjects, or for a moment in the
/// middle of a plan, ask [`Standing::value_of`].
pub fn value_of(subject: &Subject, org: &OrgFacts) -> Option<String> {
    Standing::now(org).value_of(subject)
}

fn policy_of(change: &Change) -> Option<(&PolicyType, &str)> {
    match &change.address {
        Address::Policy { policy_type, name } => Some((policy_type, name)),
        _ => None,
    }
}

/// The targets at which a plan's changes can be felt, by type of policy: where it attaches and detaches, and where a
/// policy is attached that it writes.
pub(super) fn touched(standing: &Standing<'_>, plan: &Plan) -> BTreeMap<PolicyType, BTreeSet<TargetId>> {
    let mut touched: BTreeMap<PolicyType, BTreeSet<TargetId>> = BTreeMap::new();
    for change in &plan.changes {
        match &change.address {
            Address::Attachment { policy_type, target, .. } => {
                touched.entry(policy_type.clone()).or_default().insert(target.clone());
            }
            Address::Policy { policy_type, name } => {
                touched.entry(policy_type.clone()).or_default().extend(standing.targets_of(policy_type, name));
            }
            _ => {}
        }
    }
    touched
}

/// The accounts at or below the targets that policies bind: all but the management account.
pub(super) fn reached<'o>(org: &'o OrgFacts, targets: &BTreeSet<TargetId>) -> Vec<&'o AccountId> {
    let members = org.accounts.keys().filter(|account| !org.is_management(account));
    members.filter(|account| org.chain(&(*account).clone().into()).iter().any(|at| targets.contains(at))).collect()
}
