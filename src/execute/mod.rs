//! Carrying a plan out: re-read, write down, write, verify.
//!
//! Owns: the order of changes, the journal's records and the one state machine over them, verification and
//! confirmations. Takes a [`crate::model::Plan`], never a playbook. Must not: decide what to change, name a
//! type of the AWS SDK, ask anybody anything, or print.

mod apply;
mod confirm;
mod denials;
mod flight;
mod journal;
mod report;
mod rollback;
mod same;
mod schedule;
mod stale;
mod waves;
mod world;

pub use apply::{ApplyOptions, apply, resume};
pub use confirm::{missing_confirmations, needed_confirmations};
pub use denials::{DenialSource, Verdict, verdict};
pub use flight::Patience;
pub use journal::{EndStatus, Illegal, Outcome, Progress, Record, ReplayError, Stage, WaveProgress, next, replay};
pub use report::{ApplyReport, ChangeResult, Event, Fate, Stop};
pub use rollback::{Undo, rollback};
pub use same::{between, same};
pub use schedule::{PlanFault, Schedule};
pub use stale::{Stale, stale, without};
pub use world::World;

#[cfg(test)]
mod tests;
