//! What orgward keeps on disk: the state directory with its locks and runs, the journal and the frames of a run, plan files,
//! organization files, outputs.
//!
//! Owns: file formats, modes (0700 for directories, 0600 for files), atomic replacement, fsync, checksums. It is the only
//! module that opens the state directory. Must not: know what a journal record means (that is `execute`), talk to AWS, or
//! read a clock (moments are passed in).

mod error;
mod files;
mod folder;
mod frames;
mod journal;
mod kept;
mod learned;
mod lock;
mod org_file;
mod plan_file;
mod remove;
mod run;
mod state;

pub use error::StoreError;
pub use files::{Streamed, check_writable, place, stream, user, write_output, write_output_with};
pub use folder::write_folder;
pub use frames::{Cut, FRAMES_VERSION, Frame, FrameError, FrameFile, FrameKey, FrameReader, MAX_JSON, Reopened};
pub use journal::{Entry, JOURNAL_VERSION, Journal, JournalContents, JournalDamage, Torn, parse_journal, read_journal};
pub use kept::Kept;
pub use lock::{Holder, Lock};
pub use org_file::{
    Enumerated, ORG_FILE_VERSION, OrgFile, OrgFileError, OrgHeader, WrittenOrg, org_bytes, parse_org, read_org,
    write_org,
};
pub use plan_file::{PlanFileError, parse_plan, plan_digest, plan_text, read_plan, write_plan};
pub use run::{MANIFEST_VERSION, Manifest, Run, RunId, RunStatus};
pub use state::StateDir;
