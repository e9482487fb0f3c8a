//! What a run asks for: the facts that its checks or playbooks read, and what those rest on.
//!
//! Owns: the choice, and the words for a fact that was not chosen. Must not: call anything.

use super::catalog;
use crate::model::check::Fact;
use crate::model::observed::{Cause, CauseKind, Observed};
use std::collections::BTreeSet;

/// What a plan reads of the organization, whatever its playbooks.
const OF_A_PLAN: [Fact; 5] = [
    Fact::Organization,
    Fact::ServiceControlPolicies,
    Fact::ResourceControlPolicies,
    Fact::OrganizationTrails,
    Fact::OrganizationMonitoring,
];

/// Facts that cost too much to be asked for unless someone says so, each with its flag.
const OPT_IN: [(Fact, &str); 2] = [(Fact::SshPublicKeys, "--deep"), (Fact::RecentEvents, "--events DAYS")];

/// What a fact rests on: facts that have to be collected with it.
const fn rests_on(fact: Fact) -> &'static [Fact] {
    match fact {
        Fact::OrganizationMonitoring => &[Fact::OrganizationTrails],
        // Status and selectors of an organization trail are read once, with the organization.
        Fact::Trails => &[Fact::Regions, Fact::OrganizationTrails],
        Fact::Monitoring => &[Fact::Trails, Fact::OrganizationMonitoring],
        Fact::TrailBuckets => &[Fact::Trails],
        Fact::Analyzers | Fact::ConfigRecorders | Fact::SecurityHub | Fact::Detectors | Fact::RecentEvents => {
            &[Fact::Regions]
        }
        // Whose keys to ask for.
        Fact::SshPublicKeys => &[Fact::Authorization],
        // Asked only where the management account's does not speak for the members.
        Fact::BillingAlarms => &[Fact::OrganizationBilling],
        _ => &[],
    }
}

/// The facts a run asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    facts: BTreeSet<Fact>,
    events_days: u16,
}

impl Wanted {
    /// These facts with what they rest on. Those that need a flag are left out: see [`Wanted::deep`], [`Wanted::events`].
    pub fn of(facts: impl IntoIterator<Item = Fact>) -> Self {
        let mut wanted = Self { facts: BTreeSet::from([Fact::Organization]), events_days: 0 };
        facts.into_iter().filter(|fact| flag_of(*fact).is_none()).for_each(|fact| wanted.add(fact));
        wanted
    }

    /// Every fact but those that need a flag.
    pub fn everything() -> Self {
        Self::of(Fact::ALL)
    }

    /// What a plan reads of the organization. What it reads of accounts depends on its playbooks.
    pub fn of_a_plan() -> Self {
        Self::of(OF_A_PLAN)
    }

    /// The same with these facts too.
    #[must_use]
    pub fn and(mut self, facts: impl IntoIterator<Item = Fact>) -> Self {
        facts.into_iter().filter(|fact| flag_of(*fact).is_none()).for_each(|fact| self.add(fact));
        self
    }

    /// The same with the SSH keys of every user, one call each (`--deep`).
    #[must_use]
    pub fn deep(mut self) -> Self {
        self.add(Fact::SshPublicKeys);
        self
    }

    /// The same with the management events of so many days (`--events`): CloudTrail keeps 90.
    #[must_use]
    pub fn events(mut self, days: u16) -> Self {
        self.events_days = days;
        self.add(Fact::RecentEvents);
        self
    }

    /// How many days of events are wanted; 0 without [`Wanted::events`].
    pub fn events_days(&self) -> u16 {
        self.events_days
    }

    /// Without these, whatever rests on them.
    #[must_use]
    pub(super) fn without(&self, facts: &BTreeSet<Fact>) -> Self {
        Self { facts: self.facts.difference(facts).copied().collect(), events_days: self.events_days }
    }

    /// Whether anything is asked of accounts themselves.
    pub(super) fn asks_accounts(&self) -> bool {
        self.facts.iter().any(|fact| !fact.of_organization() && *fact != Fact::AuditRole)
    }

    /// Every fact that is wanted, in order.
    pub fn facts(&self) -> impl Iterator<Item = Fact> {
        self.facts.iter().copied()
    }

    /// Whether a fact is wanted.
    pub fn has(&self, fact: Fact) -> bool {
        self.facts.contains(&fact)
    }

    /// Whether any of these facts is wanted.
    pub fn any(&self, facts: &[Fact]) -> bool {
        facts.iter().any(|fact| self.has(*fact))
    }

    fn add(&mut self, fact: Fact) {
        if self.facts.insert(fact) {
            rests_on(fact).iter().for_each(|under| self.add(*under));
        }
    }
}

impl Default for Wanted {
    fn default() -> Self {
        Self::everything()
    }
}

/// The flag that a fact needs, if it needs one.
pub fn flag_of(fact: Fact) -> Option<&'static str> {
    OPT_IN.iter().find(|(opt_in, _)| *opt_in == fact).map(|(_, flag)| *flag)
}

/// Why a fact that is not wanted is unknown.
pub(super) fn not_wanted(fact: Fact) -> Cause {
    let calls = catalog::CATALOG.iter().find(|source| source.fact == fact).map_or(&[][..], |source| source.calls);
    let operation = calls.first().copied().unwrap_or("none");
    match flag_of(fact) {
        Some(flag) => Cause::new(CauseKind::OptIn, operation, format!("not collected: it is asked for with `{flag}`")),
        None => Cause::not_collected(operation),
    }
}

/// A fact that is not wanted.
pub(super) fn not_asked<T>(fact: Fact) -> Observed<T> {
    Observed::unknown(not_wanted(fact))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn facts_bring_what_they_rest_on() {
        let wanted = Wanted::of([Fact::Monitoring]);
        for fact in [Fact::Trails, Fact::Regions, Fact::OrganizationTrails, Fact::OrganizationMonitoring] {
            assert!(wanted.has(fact), "{fact:?}");
        }
        assert!(!wanted.any(&[Fact::Authorization, Fact::BillingAlarms, Fact::ServiceControlPolicies]));
        assert!(Wanted::of([]).has(Fact::Organization), "without it there is no run");
    }

    #[test]
    fn what_needs_a_flag_is_told_with_it() {
        let wanted = Wanted::everything();
        let left: Vec<Fact> = Fact::ALL.into_iter().filter(|fact| !wanted.has(*fact)).collect();
        assert_eq!(left, [Fact::SshPublicKeys, Fact::RecentEvents]);
        assert!(!Wanted::of_a_plan().and([Fact::SshPublicKeys]).has(Fact::SshPublicKeys));
        let cause = not_wanted(Fact::RecentEvents);
        assert_eq!(cause.to_string(), "cloudtrail:LookupEvents: not collected: it is asked for with `--events DAYS`");
        assert_eq!(cause.kind, CauseKind::OptIn);
        assert_eq!(not_wanted(Fact::Authorization).kind, CauseKind::NotCollected);
        let all = wanted.deep().events(7);
        assert!(Fact::ALL.into_iter().all(|fact| all.has(fact)) && all.events_days() == 7);
    }
}
