//! An audit from end to end: accounts stream through the run store.
//!
//! ```text
//! enumerate ──head──> collect accounts ──> facts frame ─┐
//!     └─────whole organization────────────────────────> judge ──> findings frame ──> report, in account order
//! ```
//!
//! Owns: the order of the pieces, what is kept of a run, going on with one, and joining those of several machines. An
//! account's facts are in memory from its first call until it is judged, or until they are in a frame where the organization
//! is not whole yet; findings are read back one account at a time. Must not: print, choose checks, or know how a fact is asked
//! for.

mod audit_run;
mod became;
mod diff;
mod exemptions;
mod history;
mod job;
mod join;
mod merge;
mod pipeline;
mod rejudge;
mod reopen;
mod reuse;
mod shared;
mod verdicts;

pub use audit_run::{AuditRun, Judged, Known, RunFindings, Went, finished, job, known};
pub use diff::{Compared, Diff, DiffError};
pub use exemptions::exemptions;
pub use history::{History, earlier, history, standing, trend};
pub use job::{Asked, JOB_VERSION, Job, JobError, KeptOf, Reuse};
pub use join::{Part, Refusal, refusals};
pub use merge::{MergeError, Merged, merge};
pub use pipeline::{AuditError, Audited, Begin, Ending, Request, Watcher, run};
pub use rejudge::{Again, KeptFacts, RejudgeError};
pub use reopen::{ReopenError, Reopened, reopen};
pub use reuse::{Earlier, young};
