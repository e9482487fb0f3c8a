//! `scp` under a rollout: attached wave by wave, converged on its targets, and what it replaces retired.
//!
//! In a wave the policy is attached to accounts (or to the OUs the wave names). In the wave that completes a target it is
//! attached there, and the attachments below, which it makes idle, are removed. A replaced policy is detached after the bake
//! of the wave that attached its successor in the same place, or behind the last wave, and deleted at the end.

use super::scp::{Attach, attach, content_of, list};
use crate::model::org::{Policy, PolicyType};
use crate::model::plan::{Change, Confirmation, ConfirmationReason, RefusalKind};
use crate::model::{AccountId, Address, Cause, Doc, OrgFacts, TargetId};
use crate::playbook::errors::plain;
use crate::playbook::planner::{Draft, Planning};
use crate::playbook::schema::ScpSpec;
use crate::playbook::targets::{out_of_scope, reached};
use crate::playbook::waves::{Placed, universe};
use crate::policy::{Document, Effect};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};

/// One step's rollout.
pub(super) struct Rolling<'r> {
    pub planning: &'r Planning<'r>,
    pub placed: Placed<'r>,
    /// The step, with the name of the policy in use.
    pub spec: &'r ScpSpec,
    /// Every service control policy.
    pub policies: &'r [Policy],
    /// Where the policy in use is attached.
    pub attached: &'r BTreeSet<TargetId>,
    /// What it replaces.
    pub replaced: &'r [&'r Policy],
    /// The change of the policy itself, if one is planned.
    pub depends_on: &'r [Address],
}

/// What is attached where in which wave, by number of the rollout.
#[derive(Default)]
struct Layout {
    /// By target: the wave that attaches.
    attach: BTreeMap<TargetId, usize>,
    /// Attachments that a wider one makes idle: the wave that removes them, and the wider target.
    remove: BTreeMap<TargetId, (usize, TargetId)>,
}

impl Layout {
    /// Notes an attachment that a wider one makes idle; of several wider ones the last counts.
    fn idle(&mut self, place: TargetId, number: usize, wider: &TargetId) {
        let entry = self.remove.entry(place).or_insert_with(|| (number, wider.clone()));
        if entry.0 < number {
            *entry = (number, wider.clone());
        }
    }
}

impl Rolling<'_> {
    /// Adds the changes. `targets`: those of the step, resolved.
    ///
    /// # Errors
    /// The cause, if a fact that the waves depend on is not known.
    pub fn plan(&self, targets: &BTreeSet<TargetId>, draft: &mut Draft) -> Result<(), Cause> {
        let org = self.planning.org;
        let mut targets = targets.clone();
        let mut live: Vec<(&Policy, BTreeSet<TargetId>)> = Vec::new();
        for policy in self.replaced {
            let places = policy.targets.known().map_err(Clone::clone)?.cloned().unwrap_or_default();
            // Where only the replaced policy is attached, the step's takes over too: an update would have reached it.
            let extra: Vec<TargetId> = places.iter().filter(|place| !within(org, place, &targets)).cloned().collect();
            targets.extend(extra);
            live.push((*policy, places));
        }
        let layout = self.layout(&targets)?;
        let from = draft.changes.len();
        self.attach(&layout, draft);
        self.remove(&layout, draft);
        self.retire(&layout, &live, draft)?;
        // The policy comes with the first wave that attaches it.
        let first = draft.changes.iter().skip(from).map(|change| change.wave).min();
        if let (Some(first), Some(address)) = (first, self.depends_on.first())
            && let Some(change) = draft.changes.iter_mut().find(|change| change.address == *address)
        {
            change.wave = first;
        }
        Ok(())
    }

    fn layout(&self, targets: &BTreeSet<TargetId>) -> Result<Layout, Cause> {
        let (org, placed) = (self.planning.org, self.placed);
        let accounts = universe(org, self.planning.scope, targets);
        let waves = placed.assign(org, &accounts)?;
        let mut layout = Layout::default();
        for target in targets {
            if self.attached.contains(target) {
                // Complete already: what is left below it is removed last.
                self.leftovers(&mut layout, target, placed.last(), targets);
                continue;
            }
            let complete = match target {
                TargetId::Root(_) => placed.last(),
                TargetId::Account(id) => waves.get(id).copied().unwrap_or(placed.last()),
                TargetId::Ou(_) => {
                    let chain = org.chain(target);
                    let whole = |number: &usize| placed.ous(org, *number).iter().any(|ou| chain.contains(ou));
                    (0..placed.last()).find(whole).unwrap_or(placed.last())
                }
            };
            layout.attach.insert(target.clone(), complete);
            if matches!(target, TargetId::Ou(_)) {
                for (place, number) in self.below(target, complete, &waves) {
                    if targets.contains(&place) {
                        continue;
                    }
                    if !self.attached.contains(&place) {
                        layout.attach.entry(place.clone()).and_modify(|n| *n = number.min(*n)).or_insert(number);
                    }
                    layout.idle(place, complete, target);
                }
            }
            self.leftovers(&mut layout, target, complete, targets);
        }
        Ok(layout)
    }

    /// Where below an OU the waves before `complete` attach: OUs that a wave names, and accounts.
    fn below(&self, target: &TargetId, complete: usize, waves: &BTreeMap<AccountId, usize>) -> Vec<(TargetId, usize)> {
        let org = self.planning.org;
        let mut places: Vec<(TargetId, usize)> = Vec::new();
        for number in 0..complete {
            for ou in self.placed.ous(org, number) {
                if ou != *target && org.chain(&ou).contains(target) {
                    places.push((ou, number));
                }
            }
        }
        let named = places.clone();
        for (account, number) in waves.iter().filter(|(_, number)| **number < complete) {
            let place: TargetId = account.clone().into();
            let chain = org.chain(&place);
            let covered = named.iter().any(|(ou, at)| at <= number && chain.contains(ou));
            if chain.contains(target) && !covered {
                places.push((place, *number));
            }
        }
        places
    }

    /// Attachments of the policy that are there and lie below an OU which has, or gets, its own.
    fn leftovers(&self, layout: &mut Layout, target: &TargetId, number: usize, targets: &BTreeSet<TargetId>) {
        if !matches!(target, TargetId::Ou(_)) {
            return;
        }
        for place in self.attached.iter().filter(|place| *place != target && !targets.contains(*place)) {
            if self.planning.org.chain(place).contains(target) {
                layout.idle(place.clone(), number, target);
            }
        }
    }

    fn attach(&self, layout: &Layout, draft: &mut Draft) {
        let org = self.planning.org;
        let mut order: Vec<(usize, &TargetId)> =
            layout.attach.iter().map(|(target, number)| (*number, target)).collect();
        order.sort();
        for (number, target) in order {
            let name = self.placed.rollout.waves.get(number).map(|wave| wave.name.as_str()).unwrap_or_default();
            let reason = match layout.remove.get(target) {
                Some((_, wider)) => format!("wave `{name}` comes before the rest of {}", org.describe(wider)),
                None => format!("it is not attached to {}", org.describe(target)),
            };
            if *target == org.root.id {
                draft.notes.push(format!(
                    "{}: the root can't be split into waves, wave `{name}` reaches every account under it at once",
                    self.planning.name
                ));
            }
            let wave = self.placed.index(number);
            let one = Attach { target, depends_on: self.depends_on, wave, reason };
            attach(self.planning, self.spec, self.policies, one, draft);
        }
    }

    fn remove(&self, layout: &Layout, draft: &mut Draft) {
        for (target, (number, wider)) in &layout.remove {
            let reason = format!("it is attached to {}, which reaches further", self.planning.org.describe(wider));
            let mut change = self.detachment(&self.spec.name, target, *number, &reason);
            if layout.attach.contains_key(wider) {
                change.depends_on.push(self.address(&self.spec.name, wider));
            }
            draft.changes.push(change);
        }
    }

    /// Detaches and deletes what is replaced.
    fn retire(&self, layout: &Layout, live: &[(&Policy, BTreeSet<TargetId>)], draft: &mut Draft) -> Result<(), Cause> {
        let (org, placed) = (self.planning.org, self.placed);
        for (policy, places) in live {
            if narrows(policy) {
                draft.narrowing.insert(placed.index(placed.retire()));
            }
            let mut detached = Vec::new();
            for place in places {
                let outside = out_of_scope(org, self.planning.scope, place);
                if !outside.is_empty() {
                    let message = format!(
                        "replacing `{}` detaches it from {}, which reaches accounts out of scope: {}",
                        policy.name,
                        org.describe(place),
                        list(&outside)
                    );
                    let address = self.address(&policy.name, place);
                    draft.refuse(self.planning, Some(address), RefusalKind::OutOfScope, message);
                    continue;
                }
                // Its successor is attached in the same place: gone after that wave has baked. Else behind the last.
                let number = layout.attach.get(place).map_or(placed.retire(), |number| number + 1);
                let mut change =
                    self.detachment(&policy.name, place, number, &format!("`{}` takes its place", self.spec.name));
                if layout.attach.contains_key(place) {
                    change.depends_on.push(self.address(&self.spec.name, place));
                }
                change.impact = reached(org, place);
                let message = format!("`{}` is detached, `{}` takes its place", policy.name, self.spec.name);
                let why = ConfirmationReason::Detach;
                change.confirmations.push(Confirmation { target: place.clone(), why, message: plain(&message) });
                detached.push(change.address.clone());
                draft.changes.push(change);
            }
            if placed.last() > 0 && !places.is_empty() {
                draft.notes.push(format!(
                    "{}: `{}` takes over from `{}`; an account that has both obeys both",
                    self.planning.name, self.spec.name, policy.name
                ));
            }
            draft.changes.push(self.deletion(policy, detached)?);
        }
        Ok(())
    }

    fn deletion(&self, policy: &Policy, detached: Vec<Address>) -> Result<Change, Cause> {
        let address = Address::Policy { policy_type: PolicyType::Scp, name: policy.name.clone() };
        let reason = format!("`{}` has taken its place", self.spec.name);
        let tags = policy.tags.known().map_err(Clone::clone)?.cloned().unwrap_or_default();
        let before = Doc(json!({ "description": policy.description, "content": content_of(policy)?, "tags": tags }));
        let mut change = self.planning.change(address, Some(before), Doc(json!({})), &reason);
        change.after = None;
        change.depends_on = detached;
        change.wave = self.placed.index(self.placed.delete());
        let message = format!("the policy `{}` is deleted, Organizations keeps no copy", policy.name);
        change.confirmations.push(Confirmation {
            target: self.planning.org.organization.management_account.clone().into(),
            why: ConfirmationReason::Detach,
            message: plain(&message),
        });
        Ok(change)
    }

    fn address(&self, policy: &str, target: &TargetId) -> Address {
        Address::Attachment { policy_type: PolicyType::Scp, policy: policy.to_owned(), target: target.clone() }
    }

    fn detachment(&self, policy: &str, target: &TargetId, number: usize, reason: &str) -> Change {
        let empty = Doc(json!({}));
        let mut change = self.planning.change(self.address(policy, target), Some(empty.clone()), empty, reason);
        (change.after, change.wave) = (None, self.placed.index(number));
        change
    }
}

/// Whether the place is one of the targets, or below one that is an OU.
fn within(org: &OrgFacts, place: &TargetId, targets: &BTreeSet<TargetId>) -> bool {
    let above = |at: &TargetId| matches!(at, TargetId::Ou(_)) && targets.contains(at);
    targets.contains(place) || org.chain(place).iter().any(above)
}

/// Whether detaching the policy can take something away: it allows something, or can't be read.
fn narrows(policy: &Policy) -> bool {
    let text = policy.content.value().map(String::as_str).unwrap_or_default();
    match Document::parse(text) {
        Ok(document) => document.statements().iter().any(|statement| statement.effect() == Effect::Allow),
        Err(_) => true,
    }
}
