//! What orgward keeps on disk: the state directory with its locks and runs, the journal of a run, plan files,
//! organization files, outputs.
//!
//! Owns: file formats, modes (0700 for directories, 0600 for files), atomic replacement, fsync, checksums. It is the only
//! module that opens the state directory. Must not: know what a journal record means (that is `execute`), talk to AWS, or
//! read a clock (moments are passed in).

mod error;
mod files;
mod journal;
mod lock;
mod org_file;
mod plan_file;
mod run;
mod state;

pub use error::StoreError;
pub use files::{check_writable, write_output};
pub use journal::{Entry, JOURNAL_VERSION, Journal, JournalContents, JournalDamage, Torn, parse_journal, read_journal};
pub use lock::{Holder, Lock};
pub use org_file::{
    Enumerated, ORG_FILE_VERSION, OrgFile, OrgFileError, OrgHeader, WrittenOrg, org_bytes, parse_org, read_org,
    write_org,
};
pub use plan_file::{PlanFileError, parse_plan, plan_digest, plan_text, read_plan, write_plan};
pub use run::{MANIFEST_VERSION, Manifest, Run, RunId, RunStatus};
pub use state::StateDir;
