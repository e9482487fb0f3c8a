//! Why there is no bundle, and what of one does not match.
//!
//! Must not: hold what is in a bundle; names come from outside and are told escaped.

use crate::report::ReportError;
use crate::store::StoreError;
use std::io;

/// Why a run has no evidence bundle.
#[derive(Debug, thiserror::Error)]
pub enum NoBundle {
    /// The audit is not over.
    #[error(
        "run `{run}` {stands}: {judged} of {accounts} accounts are judged; evidence is of an audit that is over, go on with `orgward audit --resume {run}`"
    )]
    NotOver {
        /// The run.
        run: String,
        /// How it stands, in words.
        stands: String,
        /// Accounts whose findings are complete.
        judged: usize,
        /// Accounts in scope.
        accounts: usize,
    },
    /// It changed while it was written.
    #[error(
        "`{name}` changed while the bundle was written: is an orgward at work on the run? wait for it and bundle again"
    )]
    Changed {
        /// The part.
        name: &'static str,
    },
    /// The run can't be read, or the bundle not be written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Its findings can't be read.
    #[error(transparent)]
    Report(#[from] ReportError),
    /// What is written goes nowhere.
    #[error("the bundle can't be written: {0}")]
    Write(#[from] io::Error),
    /// A value has no form as JSON, which no value orgward makes is known to do.
    #[error("a part of the bundle has no form as JSON: {0}")]
    Json(#[from] serde_json::Error),
    /// It can't be signed.
    #[error(transparent)]
    Key(#[from] super::KeyError),
}

/// The first thing of a bundle that does not match.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Mismatch {
    /// It is something else.
    #[error("it is no evidence bundle: {why}")]
    Foreign {
        /// How it is told.
        why: &'static str,
    },
    /// The file can't be read.
    #[error("it can't be read: {why}")]
    Unread {
        /// What the system said.
        why: String,
    },
    /// A later orgward wrote it.
    #[error(
        "it is an evidence bundle of version {found}, and this orgward reads up to version {}: use the orgward that wrote it, or a later one",
        super::EVIDENCE_VERSION
    )]
    Newer {
        /// Its version.
        found: u64,
    },
    /// Its end is missing.
    #[error("it is cut short in {place}: copy it again")]
    CutShort {
        /// Where.
        place: String,
    },
    /// The compressed bytes are not as they were written.
    #[error("its bytes were changed in {place}: {why}")]
    Compressed {
        /// Where.
        place: String,
        /// What the decompression said.
        why: String,
    },
    /// A header that orgward does not write.
    #[error("the header of {place} is not as orgward writes one")]
    Header {
        /// Which entry.
        place: String,
    },
    /// Something is between two entries.
    #[error("there is something behind `{name}` that belongs to no entry")]
    Padding {
        /// The entry before it.
        name: String,
    },
    /// Something follows.
    #[error("there is something behind its end")]
    Behind,
    /// An entry is not where it belongs.
    #[error("entry {number} is `{}`, where `{wanted}` belongs", found.escape_debug())]
    Order {
        /// Which entry.
        number: usize,
        /// What is there.
        found: String,
        /// What belongs there.
        wanted: String,
    },
    /// An entry is missing.
    #[error("`{wanted}` is missing")]
    Missing {
        /// Which.
        wanted: String,
    },
    /// An entry too many.
    #[error("`{}` does not belong into it: the manifest does not name it", found.escape_debug())]
    Added {
        /// Which.
        found: String,
    },
    /// An entry has another length.
    #[error("`{name}` has {found} bytes, and the manifest says {wanted}")]
    Size {
        /// Which.
        name: String,
        /// Its length.
        found: u64,
        /// What the manifest says.
        wanted: u64,
    },
    /// An entry is too large to be what it is said to be.
    #[error("`{name}` has {found} bytes, more than any orgward writes")]
    TooLarge {
        /// Which.
        name: String,
        /// Its length.
        found: u64,
    },
    /// An entry was changed.
    #[error("`{name}` was changed: its digest is {found}, and the manifest says {wanted}")]
    Digest {
        /// Which.
        name: String,
        /// Its digest.
        found: String,
        /// What the manifest says.
        wanted: String,
    },
    /// The signature does not hold.
    #[error("the signature does not hold: {why}")]
    Signature {
        /// Why.
        why: String,
    },
    /// There is none, and a key was given.
    #[error("it is not signed, and a public key was given")]
    NotSigned,
    /// It is signed for another run.
    #[error("its signature is of run `{}`, and the manifest of run `{run}`", signed.escape_debug())]
    OtherRun {
        /// What the trusted comment says.
        signed: String,
        /// What the manifest says.
        run: String,
    },
    /// What is in a part does not agree with the rest.
    #[error("{place}: {why}")]
    Content {
        /// Which part, and where in it.
        place: String,
        /// What does not agree.
        why: String,
    },
}

impl Mismatch {
    /// What the system said.
    pub(super) fn unread(error: &io::Error) -> Self {
        Self::Unread { why: error.to_string() }
    }

    /// What is in a part does not agree with the rest.
    pub(super) fn content(place: impl Into<String>, why: impl Into<String>) -> Self {
        Self::Content { place: place.into(), why: why.into() }
    }

    /// Whether the bundle is not what it says, rather than not readable here.
    pub fn is_refusal(&self) -> bool {
        !matches!(self, Self::Unread { .. } | Self::Newer { .. } | Self::Foreign { .. })
    }
}
