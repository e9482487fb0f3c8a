//! Which wave takes which account, and the waves of a whole plan.
//!
//! Owns: the way from `rollout:` and an organization to indices of [`Plan::waves`]. Deterministic: accounts are taken in the
//! order of their ids. Must not: decide changes.

use super::planner::Draft;
use super::rollout::{DELIVERY_SECONDS, Rollout, Take};
use super::schema::Playbook;
use super::targets::{resolve, under};
use crate::model::plan::{Change, Wave};
use crate::model::{AccountId, Cause, OrgFacts, TargetId};
use std::collections::{BTreeMap, BTreeSet};

/// The waves of one playbook's rollout within those of the plan.
#[derive(Debug, Clone, Copy)]
pub(super) struct Placed<'p> {
    /// The rollout.
    pub rollout: &'p Rollout,
    /// The index of its first wave in the plan, before empty ones are dropped.
    base: usize,
}

impl Placed<'_> {
    /// The index of the wave with this number of the rollout.
    pub fn index(&self, number: usize) -> usize {
        self.base + number
    }

    /// The number of the last wave that the playbook names.
    pub fn last(&self) -> usize {
        self.rollout.waves.len().saturating_sub(1)
    }

    /// The wave behind the last, in which replaced policies are detached.
    pub fn retire(&self) -> usize {
        self.rollout.waves.len()
    }

    /// The wave behind that, in which they are deleted.
    pub fn delete(&self) -> usize {
        self.rollout.waves.len() + 1
    }

    /// The number of the wave of each account.
    ///
    /// # Errors
    /// The cause, if a wave takes accounts by tags and those of one are not known.
    pub fn assign(&self, org: &OrgFacts, accounts: &BTreeSet<AccountId>) -> Result<BTreeMap<AccountId, usize>, Cause> {
        let mut left: BTreeSet<&AccountId> = accounts.iter().collect();
        let mut assigned = BTreeMap::new();
        for (number, wave) in self.rollout.waves.iter().enumerate() {
            let taken: Vec<&AccountId> = match &wave.take {
                Take::Ous(_) => {
                    let ous = self.ous(org, number);
                    let inside = |id: &AccountId| {
                        let chain = org.chain(&id.clone().into());
                        ous.iter().any(|ou| chain.contains(ou))
                    };
                    left.iter().copied().filter(|id| inside(id)).collect()
                }
                Take::Tags(wanted) => {
                    let mut taken = Vec::new();
                    for id in &left {
                        let Some(account) = org.accounts.get(*id) else { continue };
                        let tags = account.tags.known().map_err(Clone::clone)?;
                        let has = |(key, value)| tags.is_some_and(|tags| tags.get(key) == Some(value));
                        if wanted.iter().all(has) {
                            taken.push(*id);
                        }
                    }
                    taken
                }
                Take::Count(n) => left.iter().copied().take(*n).collect(),
                Take::Percent(n) => {
                    let n = accounts.len().saturating_mul(*n).div_ceil(100);
                    left.iter().copied().take(n).collect()
                }
                Take::Rest => left.iter().copied().collect(),
            };
            for id in taken {
                left.remove(id);
                assigned.insert(id.clone(), number);
            }
        }
        Ok(assigned)
    }

    /// The OUs that a wave takes whole. Those that the organization does not have are reported with the targets.
    pub fn ous(&self, org: &OrgFacts, number: usize) -> Vec<TargetId> {
        match self.rollout.waves.get(number).map(|wave| &wave.take) {
            Some(Take::Ous(ous)) => ous.iter().filter_map(|ou| resolve(&ou.text, org).ok()).collect(),
            _ => Vec::new(),
        }
    }
}

/// Where the waves of each playbook stand. Index 0 is for changes without a rollout; each rollout has two waves more than it
/// names, for what it replaces.
pub(super) fn place(playbooks: &[Playbook]) -> Vec<Option<Placed<'_>>> {
    let mut base = 1;
    let mut placed = Vec::new();
    for playbook in playbooks {
        placed.push(playbook.rollout.as_ref().map(|rollout| Placed { rollout, base }));
        base += playbook.rollout.as_ref().map_or(0, |rollout| rollout.waves.len() + 2);
    }
    placed
}

/// Puts the changes in the order of their waves and gives the waves that have any. None, if no change has a rollout.
pub(super) fn settle(playbooks: &[Playbook], placed: &[Option<Placed<'_>>], draft: &mut Draft) -> Vec<Wave> {
    let mut all = vec![plain("without a rollout")];
    let several = placed.iter().flatten().count() > 1;
    for (playbook, placed) in playbooks.iter().zip(placed) {
        let Some(placed) = placed else { continue };
        let name = |wave: &str| if several { format!("{}/{wave}", playbook.name) } else { wave.to_owned() };
        for spec in &placed.rollout.waves {
            all.push(Wave {
                name: name(&spec.name),
                max_failures: spec.max_failures,
                max_concurrency: spec.max_concurrency,
                bake_seconds: spec.bake_seconds,
                watch_denials: spec.watch_denials,
                rollback_on_stop: spec.rollback_on_stop,
            });
        }
        let last = all.last().cloned().unwrap_or_else(|| plain("rest"));
        // What an Allow of the old policy let through ends where it is detached: that is watched like any other wave.
        let retire = match draft.narrowing.contains(&placed.index(placed.retire())) {
            true => Wave { name: name("retire"), max_failures: 0, ..last.clone() },
            false => Wave { rollback_on_stop: last.rollback_on_stop, ..plain(&name("retire")) },
        };
        all.push(retire);
        all.push(plain(&name("delete")));
    }
    draft.changes.sort_by_key(|change| change.wave);
    let used: BTreeSet<usize> = draft.changes.iter().map(|change| change.wave).collect();
    if used.iter().all(|wave| *wave == 0) {
        return Vec::new();
    }
    let order: BTreeMap<usize, usize> = used.iter().enumerate().map(|(new, old)| (*old, new)).collect();
    let mut waves: Vec<Wave> = used.iter().filter_map(|old| all.get(*old).cloned()).collect();
    for change in &mut draft.changes {
        change.wave = order.get(&change.wave).copied().unwrap_or(change.wave);
    }
    for (index, wave) in waves.iter_mut().enumerate() {
        wave.watch_denials &= draft.changes.iter().any(|change| change.wave == index && may_deny(change));
        if wave.watch_denials && wave.bake_seconds < DELIVERY_SECONDS {
            draft.notes.push(format!(
                "wave `{}` bakes for {}: CloudTrail takes up to 15 minutes to show a denial, so its gate may not be able \
                 to tell and hold the rollout",
                wave.name,
                in_words(wave.bake_seconds)
            ));
        }
    }
    waves
}

/// Whether somebody may be denied something by the change.
fn may_deny(change: &Change) -> bool {
    matches!(change.address, crate::model::Address::Attachment { .. } | crate::model::Address::Policy { .. })
}

fn plain(name: &str) -> Wave {
    Wave {
        name: name.to_owned(),
        max_failures: 0,
        max_concurrency: None,
        bake_seconds: 0,
        watch_denials: false,
        rollback_on_stop: false,
    }
}

fn in_words(seconds: u64) -> String {
    match seconds {
        0 => "no time".to_owned(),
        seconds if seconds % 60 == 0 => format!("{} min", seconds / 60),
        seconds => format!("{seconds} s"),
    }
}

/// The accounts that a rollout to these targets counts: in scope, bound by policies, and alive.
pub(super) fn universe(
    org: &OrgFacts,
    scope: &crate::model::scope::Scope,
    targets: &BTreeSet<TargetId>,
) -> BTreeSet<AccountId> {
    let accounts = targets.iter().flat_map(|target| under(org, target));
    accounts
        .filter(|account| !org.is_management(&account.id) && account.state.why_not_audited().is_none())
        .filter(|account| scope.contains(&account.id))
        .map(|account| account.id.clone())
        .collect()
}
