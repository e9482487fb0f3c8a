//! How many accounts are in which stage at once.
//!
//! Owns: the bounds, and when a slot is given up before its work is done. Must not: know what that work is.
//!
//! An account passes a door to be entered; then it waits, holding nothing but credentials, while IAM makes its credential
//! report. In a slot it is asked for everything that is light; without one it waits for its report; in one of the few slots for
//! heavy facts it is asked for those last, so that few accounts hold them at any moment.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// How long a slot is kept at most: an account that takes longer goes on without one, so that it holds up nobody.
const KEPT: Duration = Duration::from_secs(10);

/// Accounts with facts in memory, for each slot: some 100 KB each while they wait for their credential report. That was asked for
/// long before, so that few wait.
const OPEN_PER_SLOT: usize = 2;

/// The least room for accounts that wait: few slots are not to stand idle.
const LEAST_OPEN: usize = 8;

/// Slots for each slot for heavy facts.
const SLOTS_PER_HEAVY: usize = 4;

/// Facts asked for at once, for each slot: an account has about that many on the wire on average, and three times as many at the
/// most. A call with its client weighs about 37 KB, so that the peaks of all accounts together are better cut off. Fewer, and
/// the last accounts of a thousand come late; more, and memory grows with nothing done sooner (benches/RESULTS.md).
const FACTS_PER_SLOT: usize = 11;

/// The fewest facts asked for at once: few slots are not to be slow.
const FEWEST_FACTS: usize = 48;

/// The bounds of one fan-out.
#[derive(Debug)]
pub(super) struct Slots {
    ahead: Arc<Semaphore>,
    doors: Arc<Semaphore>,
    open: Arc<Semaphore>,
    light: Arc<Semaphore>,
    heavy: Arc<Semaphore>,
    facts: Arc<Semaphore>,
}

/// A place in one of the stages, until it is dropped.
pub(super) type Slot = Option<OwnedSemaphorePermit>;

impl Slots {
    /// Bounds for so many slots, and so many accounts entered ahead of them.
    pub(super) fn new(slots: usize, look_ahead: usize) -> Self {
        let bound = |places: usize| Arc::new(Semaphore::new(places.clamp(1, Semaphore::MAX_PERMITS)));
        let slots = slots.max(1);
        Self {
            ahead: bound(look_ahead),
            doors: bound(slots),
            open: bound(slots.saturating_mul(OPEN_PER_SLOT).max(LEAST_OPEN)),
            light: bound(slots),
            heavy: bound(slots.div_ceil(SLOTS_PER_HEAVY)),
            facts: bound(slots.saturating_mul(FACTS_PER_SLOT).max(FEWEST_FACTS)),
        }
    }

    /// Room for one more account that is not in a slot yet.
    pub(super) async fn ahead(&self) -> Slot {
        place(&self.ahead).await
    }

    /// A door.
    pub(super) async fn door(&self) -> Slot {
        place(&self.doors).await
    }

    /// Room for the facts of one more account.
    pub(super) async fn open(&self) -> Slot {
        place(&self.open).await
    }

    /// A slot.
    pub(super) async fn light(&self) -> Slot {
        place(&self.light).await
    }

    /// A place for one fact of any account that is asked for.
    pub(super) async fn fact(&self) -> Slot {
        place(&self.facts).await
    }

    /// A slot for heavy facts.
    pub(super) async fn heavy(&self) -> Slot {
        place(&self.heavy).await
    }
}

async fn place(of: &Arc<Semaphore>) -> Slot {
    // Never closed.
    Arc::clone(of).acquire_owned().await.ok()
}

/// Does the work in a slot, which is given up when `relief` comes or after [`KEPT`]; the work goes on. With what came of it
/// comes the slot, unless it was given up.
pub(super) async fn keeping<T>(
    slot: Slot,
    relief: impl Future<Output = ()>,
    work: impl Future<Output = T>,
) -> (T, Slot) {
    let mut work = pin!(work);
    tokio::select! {
        biased;
        done = &mut work => return (done, slot),
        () = relief => {}
        () = tokio::time::sleep(KEPT) => {}
    }
    drop(slot);
    (work.await, None)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::pending;
    use tokio::time::{Instant, sleep};

    #[tokio::test(start_paused = true)]
    async fn a_slot_is_given_up_on_relief_or_when_it_was_kept_long_and_the_work_goes_on() {
        for (relieved, free_after) in [(Some(2), 2), (None, 10), (Some(30), 10)] {
            let slots = Slots::new(1, 1);
            let start = Instant::now();
            let slot = slots.light().await;
            let relief = async {
                match relieved {
                    Some(seconds) => sleep(Duration::from_secs(seconds)).await,
                    None => pending().await,
                }
            };
            let work = async {
                sleep(Duration::from_secs(60)).await;
                start.elapsed().as_secs()
            };
            let next = async {
                slots.light().await;
                start.elapsed().as_secs()
            };
            let ((done, kept), next) = tokio::join!(keeping(slot, relief, work), next);
            assert_eq!((done, kept.is_none(), next), (60, true, free_after));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn work_that_is_quick_hands_its_slot_back() {
        let slots = Slots::new(1, 1);
        let slot = slots.heavy().await;
        let (done, slot) = keeping(slot, pending(), async { 5 }).await;
        assert!(done == 5 && slot.is_some(), "there is one for heavy facts however few slots there are");
        let next = tokio::time::timeout(Duration::from_secs(60), slots.heavy());
        assert!(next.await.is_err(), "and no more than one");
        drop(slot);
        assert!(slots.heavy().await.is_some());
    }
}
