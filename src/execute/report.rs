//! What came of a plan: the fate of each change, and the exit code that follows.

use super::journal::Illegal;
use crate::model::{Address, Cause, Doc, Plan};
use crate::store::StoreError;

/// What came of a change.
#[derive(Debug, Clone, PartialEq)]
pub enum Fate {
    /// Done and read back.
    Done {
        /// AWS's id, on creation.
        aws_id: Option<String>,
    },
    /// It was so already; nothing was written.
    AlreadyDone,
    /// Done, and not read back because the operator stopped the run.
    DoneUnverified {
        /// AWS's id, on creation.
        aws_id: Option<String>,
    },
    /// AWS said done, and reading back showed something else.
    NotVerified {
        /// What was seen.
        why: String,
    },
    /// Refused; nothing changed.
    Failed {
        /// Why.
        cause: Cause,
    },
    /// Something else is there than when the plan was made; nothing was written over it.
    Conflict {
        /// What is there.
        found: Option<Doc>,
    },
    /// The answer was lost and it could not be read back: it may or may not have happened.
    Unknown {
        /// Why.
        cause: Cause,
    },
    /// Not tried, because a change it waits for did not succeed.
    Skipped {
        /// The index of that change.
        because: usize,
    },
    /// Not tried, because the run stopped before it.
    NotStarted,
}

impl Fate {
    /// Whether what the plan wants is there.
    pub fn succeeded(&self) -> bool {
        matches!(self, Self::Done { .. } | Self::AlreadyDone | Self::DoneUnverified { .. })
    }

    /// The name used in summaries and JSON.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Done { .. } => "done",
            Self::AlreadyDone => "already_done",
            Self::DoneUnverified { .. } => "done_unverified",
            Self::NotVerified { .. } => "not_verified",
            Self::Failed { .. } => "failed",
            Self::Conflict { .. } => "conflict",
            Self::Unknown { .. } => "unknown",
            Self::Skipped { .. } => "skipped",
            Self::NotStarted => "not_started",
        }
    }
}

/// What happens while a plan is applied, for progress lines. `change` is the index in the plan.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// A change is looked at again.
    Started {
        /// The change.
        change: usize,
    },
    /// Its intent is on the disk and its write is sent.
    Writing {
        /// The change.
        change: usize,
    },
    /// Its answer was lost: it is read back.
    ReadingBack {
        /// The change.
        change: usize,
        /// Why.
        cause: Cause,
    },
    /// A wave begins.
    WaveBegun {
        /// Its index in the plan.
        wave: usize,
    },
    /// The wave's changes are done: its time runs, then its gates are read.
    Baking {
        /// Its index in the plan.
        wave: usize,
    },
    /// A gate holds: the next wave does not start.
    Held {
        /// The index of the wave before the gate.
        wave: usize,
        /// What the gate saw, or why it can't tell.
        why: String,
    },
    /// It has ended.
    Ended {
        /// The change.
        change: usize,
        /// How.
        fate: Fate,
    },
}

/// The fate of one change.
#[derive(Debug, Clone, PartialEq)]
pub struct ChangeResult {
    /// What it is about.
    pub address: Address,
    /// The playbook and step that want it.
    pub step: String,
    /// What came of it.
    pub fate: Fate,
}

/// Why a run under a plan stopped before its end.
#[derive(Debug, thiserror::Error)]
pub enum Stop {
    /// The plan may not be applied as it is; nothing was done.
    #[error("the plan may not be applied: {0}")]
    Refused(String),
    /// The operator stopped it.
    #[error("by the operator")]
    Interrupted,
    /// A change failed or conflicted, and `keep_going` was not asked for.
    #[error(
        "a change failed or met something else than the plan saw; what does not depend on it goes on with --keep-going"
    )]
    Failure,
    /// A gate behind a wave saw what stops a rollout: too many failures, a mismatch, denials.
    #[error("the gate behind wave {} stops the rollout: {why}", wave + 1)]
    Gate {
        /// The index of the wave.
        wave: usize,
        /// What it saw.
        why: String,
    },
    /// A gate behind a wave can't tell whether the rollout may go on.
    #[error("the gate behind wave {} can't tell whether the rollout may go on: {why}", wave + 1)]
    CannotTell {
        /// The index of the wave.
        wave: usize,
        /// Why not.
        why: String,
    },
    /// The journal can't be written, so nothing more may be done.
    #[error("the journal can't be written, so nothing more may be done: {0}")]
    Journal(StoreError),
    /// A record came where it may not: a bug of orgward, and nothing more is done.
    #[error("a bug of orgward, please report it: {0}")]
    Internal(Illegal),
}

/// What came of a plan.
#[derive(Debug)]
pub struct ApplyReport {
    /// In plan order.
    pub results: Vec<ChangeResult>,
    /// Why it stopped early, if it did.
    pub stopped: Option<Stop>,
}

impl ApplyReport {
    /// How many changes have a fate of this name ([`Fate::as_str`]).
    pub fn count(&self, name: &str) -> usize {
        self.results.iter().filter(|result| result.fate.as_str() == name).count()
    }

    /// Whether everything the plan wants is there and read back.
    pub fn clean(&self) -> bool {
        self.stopped.is_none() && self.results.iter().all(|r| matches!(r.fate, Fate::Done { .. } | Fate::AlreadyDone))
    }

    /// The exit code: 0 clean; 6 refused, or conflicts and nothing changed; 8 something failed and needs an operator; 130 interrupted;
    /// 1 the journal could not be written before anything was.
    pub fn exit_code(&self) -> u8 {
        let any = |test: fn(&Fate) -> bool| self.results.iter().any(|result| test(&result.fate));
        let failed = any(|fate| matches!(fate, Fate::Failed { .. } | Fate::NotVerified { .. }));
        let in_doubt = any(|fate| matches!(fate, Fate::Unknown { .. }));
        let touched = any(|fate| matches!(fate, Fate::Done { .. } | Fate::DoneUnverified { .. }));
        match &self.stopped {
            Some(Stop::Refused(_)) => 6,
            Some(Stop::Journal(_)) if !touched && !failed && !in_doubt => 1,
            Some(Stop::Journal(_) | Stop::Internal(_)) => 8,
            _ if failed => 8,
            Some(Stop::Gate { .. } | Stop::CannotTell { .. }) => 8,
            Some(Stop::Interrupted) => 130,
            _ if in_doubt => 8,
            // Refused only if nothing was changed; else somebody has to look at what stands half done.
            _ if any(|fate| matches!(fate, Fate::Conflict { .. })) => {
                if touched {
                    8
                } else {
                    6
                }
            }
            _ => 0,
        }
    }

    /// Whether the playbook asks to undo at once what a stopped rollout did: a gate saw a reason, or a change of a wave
    /// failed. A gate that can't tell is no reason to undo anything.
    pub fn asks_for_rollback(&self, plan: &Plan) -> bool {
        let asks = |wave: usize| plan.waves.get(wave).is_some_and(|wave| wave.rollback_on_stop);
        match &self.stopped {
            Some(Stop::Gate { wave, .. }) => asks(*wave),
            Some(Stop::Failure) => plan.changes.iter().zip(&self.results).any(|(change, result)| {
                let bad = matches!(result.fate, Fate::Failed { .. } | Fate::NotVerified { .. } | Fate::Conflict { .. });
                bad && asks(change.wave)
            }),
            _ => false,
        }
    }

    /// One line with the figures, such as `3 done, 1 conflict, 2 not started`.
    pub fn summary(&self) -> String {
        const NAMES: [&str; 9] = [
            "done",
            "already_done",
            "done_unverified",
            "not_verified",
            "failed",
            "conflict",
            "unknown",
            "skipped",
            "not_started",
        ];
        let parts: Vec<String> = NAMES
            .iter()
            .map(|name| (self.count(name), name.replace('_', " ")))
            .filter(|(count, _)| *count > 0)
            .map(|(count, name)| format!("{count} {name}"))
            .collect();
        if parts.is_empty() { "nothing to do".to_owned() } else { parts.join(", ") }
    }
}
