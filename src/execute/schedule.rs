//! Which change may start next: dependencies first, one at a time in each account and in the organization.
//!
//! Pure: it is told what ended and says what may start. Within a lane (an account, or the organization) changes keep the
//! plan's order. As the plan lists dependencies first, its earliest open change can always start: there is no deadlock.

use crate::model::{AccountId, Address, Plan};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// Why the changes of a plan cannot be put in order. A plan orgward made has none of these.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlanFault {
    /// Two changes of one thing in one wave, or the second does not start from where the first ends.
    #[error("the plan changes {address} twice")]
    Twice {
        /// The thing, in words.
        address: String,
    },
    /// A change waits for one that comes later or not at all.
    #[error("the change of {address} waits for {on}, which the plan does not change before it")]
    Order {
        /// The waiting change, in words.
        address: String,
        /// What it waits for, in words.
        on: String,
    },
    /// A change belongs to a wave that the plan does not have, or comes before one of an earlier wave.
    #[error("the change of {address} stands in the wrong wave")]
    Wave {
        /// The change, in words.
        address: String,
    },
}

/// The order of a plan's changes, as far as it has come.
#[derive(Debug)]
pub struct Schedule {
    /// Changes of each lane, not yet started, in plan order; `None` is the organization.
    lanes: BTreeMap<Option<AccountId>, VecDeque<usize>>,
    /// The lane of each change.
    lane_of: Vec<Option<AccountId>>,
    /// Changes that wait for each change.
    dependents: Vec<Vec<usize>>,
    /// How many changes each change still waits for.
    open: Vec<usize>,
    /// Changes that will not start, and because of which.
    skipped: BTreeMap<usize, usize>,
    /// Lanes with a change at work.
    busy: BTreeSet<Option<AccountId>>,
    /// Changes that may start now: heads of idle lanes that wait for nothing.
    ready: BTreeSet<usize>,
}

impl Schedule {
    /// Puts the changes of a plan in order.
    ///
    /// # Errors
    /// If a thing is changed twice, or a change waits for one that does not come before it.
    pub fn new(plan: &Plan) -> Result<Self, PlanFault> {
        Self::beyond(plan, |_| false)
    }

    /// Puts those changes of a plan in order that are not over, by their index. Nothing waits for what is over; one that
    /// is over and failed is to be told with [`Schedule::ended`].
    ///
    /// # Errors
    /// As [`Schedule::new`].
    pub fn beyond(plan: &Plan, over: impl Fn(usize) -> bool) -> Result<Self, PlanFault> {
        let mut index: BTreeMap<&Address, usize> = BTreeMap::new();
        let mut schedule = Self {
            lanes: BTreeMap::new(),
            lane_of: Vec::new(),
            dependents: vec![Vec::new(); plan.changes.len()],
            open: Vec::new(),
            skipped: BTreeMap::new(),
            busy: BTreeSet::new(),
            ready: BTreeSet::new(),
        };
        let mut wave = 0;
        for (at, change) in plan.changes.iter().enumerate() {
            if change.wave < wave || change.wave >= plan.waves.len().max(1) {
                return Err(PlanFault::Wave { address: change.address.to_string() });
            }
            wave = change.wave;
            let needs: BTreeSet<&Address> = change.depends_on.iter().collect();
            for on in &needs {
                let waits = index.get(on).and_then(|on| schedule.dependents.get_mut(*on));
                waits
                    .ok_or_else(|| PlanFault::Order { address: change.address.to_string(), on: on.to_string() })?
                    .push(at);
            }
            // A thing may change again in a later wave, from what the earlier one made of it.
            let earlier = index.insert(&change.address, at).and_then(|earlier| plan.changes.get(earlier));
            if earlier.is_some_and(|first| first.wave == change.wave || first.after != change.before) {
                return Err(PlanFault::Twice { address: change.address.to_string() });
            }
            let lane = change.address.account().cloned();
            let queue = schedule.lanes.entry(lane.clone()).or_default();
            if !over(at) {
                queue.push_back(at);
            }
            schedule.lane_of.push(lane);
            let open = needs.iter().filter(|on| index.get(*on).is_some_and(|on| !over(*on))).count();
            schedule.open.push(open);
        }
        let lanes: Vec<_> = schedule.lanes.keys().cloned().collect();
        lanes.iter().for_each(|lane| schedule.look_at(lane));
        Ok(schedule)
    }

    /// Takes the next change that may start, the earliest of the plan first, if its index is below `limit` (the end of a
    /// wave). Its lane is busy until it is ended.
    pub fn start_below(&mut self, limit: usize) -> Option<usize> {
        self.ready.first().filter(|change| **change < limit)?;
        self.start()
    }

    /// Takes the next change that may start, the earliest of the plan first. Its lane is busy until it is ended.
    pub fn start(&mut self) -> Option<usize> {
        let change = self.ready.pop_first()?;
        let lane = self.lane_of.get(change)?.clone();
        if let Some(queue) = self.lanes.get_mut(&lane) {
            queue.pop_front();
        }
        self.busy.insert(lane);
        Some(change)
    }

    /// A started change has ended. If it did not succeed, everything that waits for it is skipped: gives those.
    pub fn ended(&mut self, change: usize, succeeded: bool) -> Vec<usize> {
        let lane = self.lane_of.get(change).cloned().unwrap_or_default();
        self.busy.remove(&lane);
        let mut touched = BTreeSet::from([lane]);
        let mut skipped = Vec::new();
        if succeeded {
            for waiting in self.dependents.get(change).cloned().unwrap_or_default() {
                if let Some(open) = self.open.get_mut(waiting) {
                    *open = open.saturating_sub(1);
                }
                touched.extend(self.lane_of.get(waiting).cloned());
            }
        } else {
            let mut failed = vec![change];
            while let Some(cause) = failed.pop() {
                for waiting in self.dependents.get(cause).cloned().unwrap_or_default() {
                    if let std::collections::btree_map::Entry::Vacant(slot) = self.skipped.entry(waiting) {
                        slot.insert(cause);
                        self.ready.remove(&waiting);
                        skipped.push(waiting);
                        failed.push(waiting);
                        touched.extend(self.lane_of.get(waiting).cloned());
                    }
                }
            }
        }
        touched.iter().for_each(|lane| self.look_at(lane));
        skipped.sort_unstable();
        skipped
    }

    /// The change because of which another was skipped.
    pub fn because(&self, change: usize) -> Option<usize> {
        self.skipped.get(&change).copied()
    }

    /// Sees whether the head of a lane may start.
    fn look_at(&mut self, lane: &Option<AccountId>) {
        let Some(queue) = self.lanes.get_mut(lane) else { return };
        while queue.front().is_some_and(|head| self.skipped.contains_key(head)) {
            queue.pop_front();
        }
        if self.busy.contains(lane) {
            return;
        }
        if let Some(head) = queue.front().copied()
            && self.open.get(head) == Some(&0)
        {
            self.ready.insert(head);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::execute::tests::{account_change, org_change, plan};
    use proptest::prelude::*;

    #[test]
    fn each_lane_has_one_change_at_work() {
        let plan = plan(vec![
            org_change("a", &[]),
            org_change("b", &[]),
            account_change(1, "x", &[]),
            account_change(2, "x", &[]),
            account_change(1, "y", &[]),
        ]);
        let mut schedule = Schedule::new(&plan).unwrap();
        let first: Vec<_> = std::iter::from_fn(|| schedule.start()).collect();
        assert_eq!(first, [0, 2, 3]);
        assert_eq!(schedule.ended(2, true), Vec::<usize>::new());
        assert_eq!(schedule.start(), Some(4));
        assert_eq!(schedule.start(), None);
        schedule.ended(0, false);
        assert_eq!(schedule.start(), Some(1));
    }

    #[test]
    fn a_failure_skips_all_that_hang_on_it_and_nothing_else() {
        let a = org_change("a", &[]);
        let b = org_change("b", &[&a]);
        let c = account_change(1, "c", &[&b]);
        let d = account_change(1, "d", &[]);
        let mut schedule = Schedule::new(&plan(vec![a, b, c, d])).unwrap();
        assert_eq!(schedule.start(), Some(0));
        assert_eq!(schedule.start(), None, "account 1 keeps the plan's order");
        assert_eq!(schedule.ended(0, false), [1, 2]);
        assert_eq!((schedule.because(1), schedule.because(2)), (Some(0), Some(1)));
        assert_eq!(schedule.start(), Some(3));
    }

    #[test]
    fn a_plan_out_of_order_is_refused() {
        let a = org_change("a", &[]);
        let b = org_change("b", &[&a]);
        assert!(matches!(Schedule::new(&plan(vec![b.clone(), a.clone()])), Err(PlanFault::Order { .. })));
        assert!(matches!(Schedule::new(&plan(vec![b])), Err(PlanFault::Order { .. })));
        assert!(matches!(Schedule::new(&plan(vec![a.clone(), a])), Err(PlanFault::Twice { .. })));
        let mut own = org_change("c", &[]);
        own.depends_on.push(own.address.clone());
        assert!(matches!(Schedule::new(&plan(vec![own])), Err(PlanFault::Order { .. })));
    }

    #[test]
    fn what_is_over_is_not_started_again_and_holds_nothing_up() {
        let a = org_change("a", &[]);
        let b = org_change("b", &[&a]);
        let c = account_change(1, "c", &[&a, &b]);
        let d = account_change(1, "d", &[]);
        let plan = plan(vec![a, b, c, d]);
        let mut schedule = Schedule::beyond(&plan, |change| change == 0).unwrap();
        assert_eq!(schedule.start(), Some(1));
        assert_eq!(schedule.start(), None);
        schedule.ended(1, true);
        assert_eq!(schedule.start(), Some(2));
        let mut schedule = Schedule::beyond(&plan, |change| change == 0).unwrap();
        assert_eq!(schedule.ended(0, false), [1, 2], "over and failed");
        assert_eq!(schedule.start(), Some(3));
    }

    proptest! {
        /// Every change is started or skipped, after what it waits for, whatever fails and in whatever order they end.
        #[test]
        fn nothing_is_left_behind(
            shape in proptest::collection::vec((0usize..5, proptest::collection::vec(any::<prop::sample::Index>(), 0..3)), 1..40),
            fails in proptest::collection::vec(any::<bool>(), 40),
            picks in proptest::collection::vec(any::<prop::sample::Index>(), 40),
        ) {
            let mut changes: Vec<crate::model::Change> = Vec::new();
            for (at, (lane, needs)) in shape.iter().enumerate() {
                let needs: Vec<_> = if at == 0 { vec![] } else { needs.iter().map(|i| changes[i.index(at)].clone()).collect() };
                let needs: Vec<_> = needs.iter().collect();
                let name = format!("n{at}");
                let change = if *lane == 0 { org_change(&name, &needs) } else { account_change(*lane, &name, &needs) };
                changes.push(change);
            }
            let plan = plan(changes);
            let mut schedule = Schedule::new(&plan).unwrap();
            let (mut flying, mut seen, mut good) = (Vec::new(), BTreeSet::new(), BTreeSet::new());
            let mut turn = 0;
            loop {
                while let Some(change) = schedule.start() {
                    prop_assert!(seen.insert(change), "started twice");
                    for on in &plan.changes[change].depends_on {
                        let on = plan.changes.iter().position(|c| c.address == *on).unwrap();
                        prop_assert!(good.contains(&on), "started before what it waits for");
                    }
                    let lane = plan.changes[change].address.account();
                    prop_assert!(flying.iter().all(|other: &usize| plan.changes[*other].address.account() != lane));
                    flying.push(change);
                }
                if flying.is_empty() { break; }
                let change = flying.swap_remove(picks[turn % 40].index(flying.len()));
                let succeeded = !fails[turn % 40];
                turn += 1;
                if succeeded { good.insert(change); }
                for skipped in schedule.ended(change, succeeded) {
                    prop_assert!(seen.insert(skipped), "skipped twice or after its start");
                }
            }
            prop_assert_eq!(seen.len(), plan.changes.len());
        }
    }
}
