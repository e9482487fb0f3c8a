//! Why something on disk could not be read or written, in words with the fix.
//!
//! Must not: hold file contents; paths and reasons only.

use super::lock::Holder;
use crate::model::{disk_full, os_words};
use std::io;
use std::path::{Path, PathBuf};

/// Why something on disk could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The operating system said no.
    #[error("can't {doing} `{}`: {}", path.display(), os_words(source))]
    Io {
        /// What was being done: a verb.
        doing: &'static str,
        /// To what.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Written by a later orgward.
    #[error(
        "`{}` is a {what} of version {found}, and this orgward reads up to version {supported}: use the orgward that wrote it, or a later one",
        path.display()
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// What it is: `journal`, `manifest`.
        what: &'static str,
        /// Its version.
        found: u64,
        /// The version this build knows.
        supported: u64,
    },
    /// Not as orgward wrote it.
    #[error("`{}` is damaged: {why}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Where and how.
        why: String,
    },
    /// Others can look into the state directory.
    #[error(
        "the state directory `{}` is open to others (mode {mode:04o}), and it holds findings: run `chmod 700` on it, or name another",
        path.display()
    )]
    NotPrivate {
        /// The directory.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// Another run works on the same organization.
    #[error("another orgward is at work on organization `{organization}`: {}; wait for it to end, or stop it", held(holder.as_ref()))]
    Held {
        /// The organization.
        organization: String,
        /// Who holds the lock, if it could be read.
        holder: Option<Holder>,
    },
    /// No run is named like this.
    #[error("there is no run `{0}`: runs have names such as `20260718T100000Z-4000`")]
    NoRun(String),
    /// A name that can't be a file's.
    #[error("`{name}` can't be the name of a {what}: use letters, digits, `.`, `_` and `-`, not starting with `.`")]
    Name {
        /// The name, cut.
        name: String,
        /// Of what.
        what: &'static str,
    },
    /// The journal could not be written before: nothing more may be done under it.
    #[error("the journal `{}` could not be written before, so nothing more is written to it", path.display())]
    JournalStopped {
        /// The journal.
        path: PathBuf,
    },
    /// A file that only grows could not be written before: what it lacks is not to be hidden by what would follow.
    #[error("`{}` could not be written before, so nothing more is written to it", path.display())]
    Stopped {
        /// The file.
        path: PathBuf,
    },
    /// Another process writes the file.
    #[error("another orgward is at work on `{}`: wait for it to end, or stop it", path.display())]
    InUse {
        /// The file.
        path: PathBuf,
    },
}

impl StoreError {
    /// An error of the operating system.
    pub(crate) fn io(doing: &'static str, path: &Path, source: io::Error) -> Self {
        Self::Io { doing, path: path.to_owned(), source }
    }

    /// Whether the disk is full.
    pub fn is_full_disk(&self) -> bool {
        matches!(self, Self::Io { source, .. } if disk_full(source))
    }
}

fn held(holder: Option<&Holder>) -> String {
    match holder {
        Some(h) => format!("`{}` with process id {} on {}, since {}", h.command, h.pid, h.host, h.since),
        None => "its name could not be read".to_owned(),
    }
}
