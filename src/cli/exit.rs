//! Exit codes as a type: one exhaustive list, documented in the README.

use crate::store::StoreError;
use std::process::ExitCode;

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// 0: clean.
    Clean,
    /// 1: an error.
    Error,
    /// 2: wrong use (clap uses the same code).
    Usage,
    /// 3: findings at or above `--fail-on`.
    Findings,
    /// 4: coverage is not complete; outranks 3.
    Incomplete,
    /// 5: the plan has changes (only with `--detailed-exitcode`).
    Changes,
    /// 6: refused: a plan (stale, edited, lock-out, conflict, disagreement), or changed evidence.
    Refused,
    /// 7: apply failed and was rolled back.
    RolledBack,
    /// 8: apply failed, an operator is needed.
    OperatorNeeded,
    /// 130: interrupted.
    Interrupted,
}

impl Exit {
    /// The number.
    pub fn code(self) -> u8 {
        match self {
            Self::Clean => 0,
            Self::Error => 1,
            Self::Usage => 2,
            Self::Findings => 3,
            Self::Incomplete => 4,
            Self::Changes => 5,
            Self::Refused => 6,
            Self::RolledBack => 7,
            Self::OperatorNeeded => 8,
            Self::Interrupted => 130,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

/// Why a command stopped: what people read, and the exit code.
#[derive(Debug)]
pub struct Failure {
    /// The exit code.
    pub exit: Exit,
    /// One error for each line.
    pub messages: Vec<String>,
}

impl Failure {
    /// A failure with one message.
    pub fn new(exit: Exit, message: impl ToString) -> Self {
        Self { exit, messages: vec![message.to_string()] }
    }

    /// A plain error.
    pub fn error(message: impl ToString) -> Self {
        Self::new(Exit::Error, message)
    }

    /// Wrong use: several messages at once.
    pub fn usage<T: ToString>(messages: impl IntoIterator<Item = T>) -> Self {
        Self { exit: Exit::Usage, messages: messages.into_iter().map(|message| message.to_string()).collect() }
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::error(error)
    }
}

/// What a command returns.
pub type Outcome = Result<Exit, Failure>;
