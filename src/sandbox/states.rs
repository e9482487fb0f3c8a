//! The states of accounts as they are read: what was written, else what the population says, with the last few kept.
//!
//! Owns: how many generated states are kept, and which. Must not: generate one, or keep what somebody could change.

use super::org::Population;
use super::state::AccountState;
use crate::model::AccountId;
use std::collections::VecDeque;
use std::ops::Deref;
use std::sync::{Arc, Mutex, PoisonError};

/// Whole states kept. The calls about an account's users, roles and policies come close together.
const WHOLE: usize = 12;
/// States without people kept; each is a few kilobytes.
const UNPEOPLED: usize = 128;

/// An account's state, to read.
#[derive(Debug, Clone)]
pub enum Read<'a> {
    /// Somebody wrote to it.
    Written(&'a AccountState),
    /// As it was generated.
    Generated(Arc<AccountState>),
}

impl Deref for Read<'_> {
    type Target = AccountState;

    fn deref(&self) -> &AccountState {
        match self {
            Self::Written(state) => state,
            Self::Generated(state) => state,
        }
    }
}

/// The population, and the states it gave last.
pub(super) struct States {
    population: Arc<dyn Population>,
    whole: Mutex<Recent>,
    unpeopled: Mutex<Recent>,
}

/// The last states, the most recently read at the end.
#[derive(Default)]
struct Recent(VecDeque<Arc<AccountState>>);

impl Recent {
    fn read(&mut self, id: &AccountId, most: usize, generate: impl FnOnce() -> AccountState) -> Arc<AccountState> {
        let found = self.0.iter().rposition(|state| state.account == *id).and_then(|place| self.0.remove(place));
        let state = found.unwrap_or_else(|| Arc::new(generate()));
        if self.0.len() >= most {
            self.0.pop_front();
        }
        self.0.push_back(Arc::clone(&state));
        state
    }
}

impl States {
    pub(super) fn new(population: Arc<dyn Population>) -> Self {
        Self { population, whole: Mutex::default(), unpeopled: Mutex::default() }
    }

    /// As generated, to own.
    pub(super) fn generate(&self, id: &AccountId) -> AccountState {
        self.population.account(id)
    }

    pub(super) fn whole(&self, id: &AccountId) -> Arc<AccountState> {
        let mut recent = self.whole.lock().unwrap_or_else(PoisonError::into_inner);
        recent.read(id, WHOLE, || self.population.account(id))
    }

    pub(super) fn unpeopled(&self, id: &AccountId) -> Arc<AccountState> {
        let mut recent = self.unpeopled.lock().unwrap_or_else(PoisonError::into_inner);
        recent.read(id, UNPEOPLED, || self.population.unpeopled(id))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sandbox::Scenario;
    use std::sync::atomic::{AtomicUsize, Ordering};

    /// Generates, and counts how often.
    struct Counted {
        generator: crate::sandbox::generate::Generator,
        times: AtomicUsize,
    }

    impl Population for Counted {
        fn account(&self, id: &AccountId) -> AccountState {
            self.times.fetch_add(1, Ordering::Relaxed);
            self.generator.account(id, &[])
        }
    }

    #[test]
    fn the_last_states_are_generated_once_and_no_more_are_kept() {
        let generator = Scenario::small().generator();
        let population = Arc::new(Counted { generator, times: AtomicUsize::new(0) });
        let states = States::new(population.clone());
        let id = |n: usize| format!("{:012}", 100_000_000_000_usize + n).parse::<AccountId>().unwrap();
        for round in 0..3 {
            for n in 0..WHOLE {
                assert_eq!(*states.whole(&id(n)), population.generator.account(&id(n), &[]), "{round} {n}");
            }
        }
        assert_eq!(population.times.load(Ordering::Relaxed), WHOLE);
        states.whole(&id(WHOLE));
        states.whole(&id(0));
        assert_eq!(population.times.load(Ordering::Relaxed), WHOLE + 2, "the one read longest ago made room");
        assert!((0..1_000).all(|n| states.unpeopled(&id(n)).account == id(n)));
        let kept = |recent: &Mutex<Recent>| recent.lock().unwrap().0.len();
        assert_eq!([kept(&states.whole), kept(&states.unpeopled)], [WHOLE, UNPEOPLED]);
    }
}
