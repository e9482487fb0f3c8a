//! What a journal says, and the one state machine over it.
//!
//! [`Progress::accept`] with [`next`] is the only place that knows which record may follow which; apply asks it before it
//! writes a record, and [`replay`] when it reads one.

use crate::model::plan::Plan;
use crate::model::{Address, Cause, Doc};
use crate::store::JournalContents;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A record of the journal. `change` is the index of the change in the plan.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "record", rename_all = "snake_case", deny_unknown_fields)]
pub enum Record {
    /// A plan is begun.
    Begin {
        /// Its digest.
        plan: String,
        /// The organization.
        organization: String,
        /// How many changes it has.
        changes: usize,
        /// Who approved it, if somebody was named.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        approver: Option<String>,
        /// The ticket it belongs to, if one was named.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        ticket: Option<String>,
        /// The run it undoes, if it undoes one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        undoes: Option<String>,
    },
    /// The plan is gone on with after an end or a crash. What was announced and is not settled is to be read back first;
    /// everything else that is not settled waits again.
    Resumed {
        /// Who approved that, if somebody was named.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        approver: Option<String>,
        /// The ticket it belongs to, if one was named.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        ticket: Option<String>,
    },
    /// A write is about to be sent.
    Intent {
        /// The change.
        change: usize,
        /// What it is about.
        address: Address,
        /// What was there a moment ago.
        before: Option<Doc>,
        /// What will be.
        after: Option<Doc>,
    },
    /// How it ended.
    Outcome {
        /// The change.
        change: usize,
        /// How.
        outcome: Outcome,
    },
    /// Reading back showed `after`.
    Verified {
        /// The change.
        change: usize,
    },
    /// AWS said done, and reading back did not show it.
    NotVerified {
        /// The change.
        change: usize,
        /// What was seen instead.
        why: String,
    },
    /// A wave of the plan begins, or begins anew after denials held it.
    WaveBegun {
        /// Its index in the plan.
        wave: usize,
        /// When: denials before are none of its doing.
        at: Timestamp,
    },
    /// The wave's changes are done and its time has passed; its gates are read next.
    WaveBaked {
        /// Its index.
        wave: usize,
    },
    /// A gate did not open: the next wave does not start.
    GateHeld {
        /// The index of the wave before the gate.
        wave: usize,
        /// What the gate saw, or why it could not tell.
        why: String,
        /// Whether it saw denials. Whoever goes on has seen to those: the wave begins anew.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        denied: bool,
    },
    /// Every gate behind the wave opened.
    WavePassed {
        /// Its index.
        wave: usize,
    },
    /// Nothing more is done under this plan.
    End {
        /// How it ended.
        status: EndStatus,
    },
}

/// How a change ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "is", rename_all = "snake_case", deny_unknown_fields)]
pub enum Outcome {
    /// AWS did it.
    Done {
        /// AWS's id, on creation.
        aws_id: Option<String>,
    },
    /// `after` was there already; nothing was sent.
    AlreadyDone,
    /// AWS refused it, or it could not be tried; nothing changed.
    Failed {
        /// Why.
        cause: Cause,
    },
    /// Something else than `before` (and `after`) is there.
    Conflict {
        /// What is.
        found: Option<Doc>,
    },
    /// No answer: it may or may not have happened.
    Unknown {
        /// Why.
        cause: Cause,
    },
    /// Read back after a crash: `after` is not there, nobody else wrote, and it may be tried again.
    NotDone,
}

/// How a run under a plan ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum EndStatus {
    /// Every change is done and verified.
    Done,
    /// Some failed or conflicted.
    Failed,
    /// The operator stopped it.
    Interrupted,
    /// It was to undo another run, and some of it could not be undone: an operator is needed.
    UndoFailed,
    /// A gate between two waves held it.
    Held,
}

/// Where a change stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Stage {
    /// Nothing was sent.
    #[default]
    Waiting,
    /// A write was announced; what came of it is not known yet.
    Intended,
    /// A write was sent and its answer was lost: read back before anything else.
    Unknown,
    /// AWS did it; not read back yet.
    Done,
    /// Read back, or there already.
    Settled,
    /// AWS said done, and reading back showed something else.
    NotVerified,
    /// Refused; nothing changed.
    Failed,
    /// Something else is there.
    Conflict,
}

impl Stage {
    /// The word used in lists and JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Intended => "intended",
            Self::Unknown => "unknown",
            Self::Done => "done_unverified",
            Self::Settled => "done",
            Self::NotVerified => "not_verified",
            Self::Failed => "failed",
            Self::Conflict => "conflict",
        }
    }
}

/// Where a change stands after a record about it; `None` if the record may not come now.
pub fn next(stage: Stage, record: &Record) -> Option<Stage> {
    match (stage, record) {
        (Stage::Waiting, Record::Intent { .. }) => Some(Stage::Intended),
        (Stage::Waiting, Record::Outcome { outcome, .. }) => match outcome {
            Outcome::AlreadyDone => Some(Stage::Settled),
            Outcome::Failed { .. } => Some(Stage::Failed),
            Outcome::Conflict { .. } => Some(Stage::Conflict),
            // Without an intent nothing was sent, so nothing can have come of it.
            Outcome::Done { .. } | Outcome::Unknown { .. } | Outcome::NotDone => None,
        },
        (Stage::Intended, Record::Outcome { outcome: Outcome::Unknown { .. }, .. }) => Some(Stage::Unknown),
        (Stage::Unknown, Record::Outcome { outcome: Outcome::NotDone, .. }) => Some(Stage::Waiting),
        (Stage::Intended | Stage::Unknown, Record::Outcome { outcome, .. }) => match outcome {
            Outcome::Done { .. } => Some(Stage::Done),
            Outcome::Failed { .. } => Some(Stage::Failed),
            Outcome::Conflict { .. } => Some(Stage::Conflict),
            Outcome::AlreadyDone | Outcome::Unknown { .. } | Outcome::NotDone => None,
        },
        (Stage::Done, Record::Verified { .. }) => Some(Stage::Settled),
        (Stage::Done, Record::NotVerified { .. }) => Some(Stage::NotVerified),
        _ => None,
    }
}

/// A record that may not come where it came.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a `{record}` record may not come here: {why}")]
pub struct Illegal {
    /// The record's name.
    pub record: &'static str,
    /// Why not.
    pub why: String,
}

/// How far a journal has come.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Progress {
    /// The digest of the plan, once begun.
    pub plan: Option<String>,
    /// Where each change stands.
    pub stages: Vec<Stage>,
    /// AWS's id of what was created, by change.
    pub aws_ids: Vec<Option<String>>,
    /// Whether a write of the change was ever announced: what was never announced is not ours to undo.
    pub announced: Vec<bool>,
    /// The run it undoes, if it undoes one.
    pub undoes: Option<String>,
    /// How often it was gone on with.
    pub resumed: usize,
    /// The wave that has begun and is not passed yet.
    pub wave: Option<WaveProgress>,
    /// How many waves are passed.
    pub waves_passed: usize,
    /// When a write was last announced: a gate that asks after a crash waits for the trail to have come that far too.
    pub last_write: Option<Timestamp>,
    /// How it ended, if it did.
    pub ended: Option<EndStatus>,
}

/// How far a wave has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WaveProgress {
    /// Its index in the plan.
    pub wave: usize,
    /// When it began.
    pub begun: Timestamp,
    /// Whether its time has passed since its last change.
    pub baked: bool,
    /// Whether the gate behind it was held by denials since it began.
    pub denied: bool,
}

impl Progress {
    /// Takes the next record.
    ///
    /// # Errors
    /// If it may not come now; then nothing has changed.
    pub fn accept(&mut self, record: &Record) -> Result<(), Illegal> {
        let illegal = |why: String| Illegal { record: record.name(), why };
        match (record, &self.plan, self.ended) {
            (Record::Resumed { .. }, Some(_), ended) if ended != Some(EndStatus::Done) => {
                self.resume();
                return Ok(());
            }
            (_, _, Some(_)) => return Err(illegal("the journal has ended".into())),
            (Record::Begin { plan, changes, undoes, .. }, None, None) => {
                self.plan = Some(plan.clone());
                self.undoes.clone_from(undoes);
                self.announced = vec![false; *changes];
                self.stages = vec![Stage::Waiting; *changes];
                self.aws_ids = vec![None; *changes];
                return Ok(());
            }
            (Record::Begin { .. }, Some(_), None) => return Err(illegal("a plan has begun already".into())),
            (_, None, None) => return Err(illegal("no plan has begun".into())),
            (Record::End { status }, Some(_), None) => {
                if self.stages.contains(&Stage::Intended) {
                    return Err(illegal("a write is announced and has no outcome".into()));
                }
                if *status == EndStatus::Done && self.stages.iter().any(|stage| *stage != Stage::Settled) {
                    return Err(illegal("not every change is done".into()));
                }
                self.ended = Some(*status);
                return Ok(());
            }
            (
                Record::WaveBegun { .. }
                | Record::WaveBaked { .. }
                | Record::GateHeld { .. }
                | Record::WavePassed { .. },
                ..,
            ) => return self.accept_wave(record),
            _ => {}
        }
        let change = record.change().unwrap_or(usize::MAX);
        let Some(stage) = self.stages.get_mut(change) else {
            return Err(illegal(format!("the plan has no change number {change}")));
        };
        *stage = next(*stage, record).ok_or_else(|| illegal(format!("change number {change} is {stage:?}")))?;
        if matches!(record, Record::Intent { .. })
            && let Some(announced) = self.announced.get_mut(change)
        {
            *announced = true;
        }
        if let (Record::Intent { .. }, Some(wave)) = (record, &mut self.wave) {
            // What is written after a bake has to bake too.
            wave.baked = false;
        }
        if let Record::Outcome { outcome: Outcome::Done { aws_id }, .. } = record
            && let Some(slot) = self.aws_ids.get_mut(change)
        {
            slot.clone_from(aws_id);
        }
        Ok(())
    }

    /// Takes an end or a crash back: nothing is taken for done that was not read back.
    fn resume(&mut self) {
        self.ended = None;
        self.resumed += 1;
        for stage in &mut self.stages {
            *stage = match stage {
                Stage::Waiting | Stage::Failed | Stage::Conflict => Stage::Waiting,
                Stage::Intended | Stage::Unknown | Stage::Done | Stage::NotVerified => Stage::Unknown,
                Stage::Settled => Stage::Settled,
            };
        }
    }

    /// Whether a write of the change was ever announced.
    pub fn was_announced(&self, change: usize) -> bool {
        self.announced.get(change).copied().unwrap_or_default()
    }

    /// How many changes are done and read back, or were so already.
    pub fn settled(&self) -> usize {
        self.stages.iter().filter(|stage| **stage == Stage::Settled).count()
    }

    /// Where a change stands; `Waiting` for one the plan does not have.
    pub fn stage(&self, change: usize) -> Stage {
        self.stages.get(change).copied().unwrap_or_default()
    }

    /// Changes of which it is not certain whether something of them is there, though a write was announced: whoever undoes
    /// the plan reads these first. What failed counts too: a write of several calls may have failed after the first.
    pub fn uncertain(&self) -> Vec<usize> {
        let certain = |stage: &Stage| matches!(stage, Stage::Done | Stage::Settled);
        let open = |(index, stage): (usize, &Stage)| (self.was_announced(index) && !certain(stage)).then_some(index);
        self.stages.iter().enumerate().filter_map(open).collect()
    }

    /// Takes a record about a wave: each begins after the one before is passed, and is passed after its bake.
    fn accept_wave(&mut self, record: &Record) -> Result<(), Illegal> {
        let illegal = |why: String| Err(Illegal { record: record.name(), why });
        match (record, self.wave) {
            (Record::WaveBegun { wave, at }, now) if *wave == self.waves_passed && now.is_none_or(|now| now.denied) => {
                self.wave = Some(WaveProgress { wave: *wave, begun: *at, baked: false, denied: false });
            }
            (Record::WaveBegun { wave, .. }, _) => {
                return illegal(format!("wave number {wave} begins, {} are passed", self.waves_passed));
            }
            (Record::WaveBaked { wave }, Some(now)) if *wave == now.wave => {
                if self.stages.contains(&Stage::Intended) {
                    return illegal("a write is announced and has no outcome".into());
                }
                self.wave = Some(WaveProgress { baked: true, ..now });
            }
            (Record::GateHeld { wave, denied, .. }, Some(now)) if *wave == now.wave => {
                self.wave = Some(WaveProgress { denied: *denied, ..now });
            }
            (Record::WavePassed { wave }, Some(now)) if *wave == now.wave && now.baked && !now.denied => {
                self.wave = None;
                self.waves_passed += 1;
            }
            _ => return illegal("that wave is not at work, or has not baked".into()),
        }
        Ok(())
    }

    /// Changes whose write was announced or sent and whose outcome is not known: to be read back first.
    pub fn to_read_back(&self) -> Vec<usize> {
        let open = |(index, stage): (usize, &Stage)| matches!(stage, Stage::Intended | Stage::Unknown).then_some(index);
        self.stages.iter().enumerate().filter_map(open).collect()
    }
}

impl Record {
    /// The change it is about, if one.
    pub fn change(&self) -> Option<usize> {
        match self {
            Self::Begin { .. }
            | Self::Resumed { .. }
            | Self::WaveBegun { .. }
            | Self::WaveBaked { .. }
            | Self::GateHeld { .. }
            | Self::WavePassed { .. }
            | Self::End { .. } => None,
            Self::Intent { change, .. }
            | Self::Outcome { change, .. }
            | Self::Verified { change }
            | Self::NotVerified { change, .. } => Some(*change),
        }
    }

    /// Its name in the journal.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Begin { .. } => "begin",
            Self::Resumed { .. } => "resumed",
            Self::Intent { .. } => "intent",
            Self::Outcome { .. } => "outcome",
            Self::Verified { .. } => "verified",
            Self::NotVerified { .. } => "not_verified",
            Self::WaveBegun { .. } => "wave_begun",
            Self::WaveBaked { .. } => "wave_baked",
            Self::GateHeld { .. } => "gate_held",
            Self::WavePassed { .. } => "wave_passed",
            Self::End { .. } => "end",
        }
    }
}

/// Why a journal does not tell how far its plan has come.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReplayError {
    /// A line that is no record.
    #[error("journal line {line}: {why}")]
    NotARecord {
        /// Its number, from 1.
        line: usize,
        /// What is wrong.
        why: String,
    },
    /// A record in the wrong place.
    #[error("journal line {line}: {illegal}")]
    Illegal {
        /// Its number, from 1.
        line: usize,
        /// What is wrong.
        illegal: Illegal,
    },
    /// The journal of another plan.
    #[error("the journal is about another plan (`{found}`)")]
    OtherPlan {
        /// The digest it names.
        found: String,
    },
}

/// How far a plan has come, from its journal.
///
/// # Errors
/// If a line is no record, is in the wrong place, or is about something else than the plan.
pub fn replay(contents: &JournalContents, plan: &Plan, plan_digest: &str) -> Result<Progress, ReplayError> {
    let mut progress = Progress::default();
    for (index, entry) in contents.entries.iter().enumerate() {
        let line = index + 1;
        let record: Record = serde_json::from_value(entry.record.clone())
            .map_err(|error| ReplayError::NotARecord { line, why: error.to_string() })?;
        match &record {
            Record::Begin { plan: found, changes, .. } if found != plan_digest || *changes != plan.changes.len() => {
                return Err(ReplayError::OtherPlan { found: found.clone() });
            }
            Record::Intent { change, address, .. }
                if plan.changes.get(*change).is_some_and(|planned| planned.address != *address) =>
            {
                let why = format!("change number {change} of the plan is not about {address}");
                return Err(ReplayError::NotARecord { line, why });
            }
            _ => {}
        }
        progress.accept(&record).map_err(|illegal| ReplayError::Illegal { line, illegal })?;
        if matches!(record, Record::Intent { .. }) {
            progress.last_write = Some(entry.at);
        }
    }
    Ok(progress)
}

#[cfg(test)]
mod tests;
