//! One step of one change that waits for AWS: the re-read, the write, the read-back.
//!
//! A step knows nothing of the journal; it lands with what it saw and `apply` decides what that means.

use super::same::same;
use super::world::World;
use crate::model::{Cause, CauseKind, Change, Doc, Observed};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// How long to wait for what was written to show: AWS is eventually consistent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// How often to read at most, at least once.
    pub reads: u32,
    /// The wait before the second read; it doubles each time.
    pub first: Duration,
    /// The longest wait.
    pub longest: Duration,
}

impl Default for Patience {
    /// Eight reads over about 20 seconds.
    fn default() -> Self {
        Self { reads: 8, first: Duration::from_millis(250), longest: Duration::from_secs(5) }
    }
}

/// Which step of a change.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Leg {
    /// Read what is there before writing.
    Reread,
    /// Write over what was read.
    Write {
        /// What was read.
        before: Option<Doc>,
    },
    /// Read until `after` shows.
    ReadBack,
}

/// What a step saw.
#[derive(Debug)]
pub(super) enum Landed {
    /// What was there before writing.
    Reread(Observed<Doc>),
    /// What the write answered.
    Written(Result<Option<String>, Cause>),
    /// Whether `after` showed.
    ReadBack(Seen),
}

/// What reading back showed in the end.
#[derive(Debug)]
pub(super) enum Seen {
    /// `after` is there.
    After,
    /// Something else is there.
    Other(Option<Doc>),
    /// It could not be read.
    Unreadable(Cause),
    /// The operator stopped the wait.
    Interrupted,
}

/// Flies one step of the change with index `index`.
pub(super) async fn fly(
    world: &impl World,
    index: usize,
    change: &Change,
    leg: Leg,
    patience: Patience,
    cancel: &CancellationToken,
) -> (usize, Landed) {
    let landed = match leg {
        Leg::Reread => Landed::Reread(world.read(&change.address).await),
        Leg::Write { before } => {
            Landed::Written(world.write(&change.address, before.as_ref(), change.after.as_ref()).await)
        }
        Leg::ReadBack => Landed::ReadBack(read_back(world, change, patience, cancel).await),
    };
    (index, landed)
}

async fn read_back(world: &impl World, change: &Change, patience: Patience, cancel: &CancellationToken) -> Seen {
    let mut wait = patience.first;
    let mut left = patience.reads.max(1);
    loop {
        if cancel.is_cancelled() {
            return Seen::Interrupted;
        }
        let seen = match world.read(&change.address).await {
            Observed::Unknown { cause } => Seen::Unreadable(cause),
            Observed::Present { value, .. } if same(Some(&value), change.after.as_ref()) => Seen::After,
            Observed::Absent { .. } if change.after.is_none() => Seen::After,
            Observed::Present { value, .. } => Seen::Other(Some(value)),
            Observed::Absent { .. } => Seen::Other(None),
        };
        left -= 1;
        if left == 0 || matches!(seen, Seen::After) {
            return seen;
        }
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            () = cancel.cancelled() => return Seen::Interrupted,
        }
        wait = wait.saturating_mul(2).min(patience.longest);
    }
}

/// Whether a failed write may have happened all the same: the answer was lost, was not AWS's, or was an error of the
/// service itself. A refusal (denied, throttled, malformed) is certain; where it answers a retry of an attempt that was lost,
/// `aws` calls it interrupted.
pub(super) fn in_doubt(cause: &Cause) -> bool {
    const SERVER_SIDE: &[&str] = &[
        "InternalFailure",
        "InternalError",
        "InternalServer",
        "InternalService",
        "ServiceException",
        "ServiceFailure",
        "ServiceUnavailable",
    ];
    match cause.kind {
        CauseKind::Unreachable | CauseKind::TimedOut | CauseKind::NotAnAwsAnswer | CauseKind::Interrupted => true,
        // An answer without a code is told by its status.
        CauseKind::Other => {
            cause.message.starts_with("HTTP 5") || SERVER_SIDE.iter().any(|code| cause.message.contains(code))
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_of_the_service_itself_leaves_a_write_in_doubt() {
        let of = |message: &str| in_doubt(&Cause::new(CauseKind::Other, "cloudwatch:PutMetricAlarm", message));
        for message in
            ["InternalServiceFault: try again", "InternalServiceError", "ServiceException", "HTTP 500", "HTTP 503"]
        {
            assert!(of(message), "{message}");
        }
        for message in ["LimitExceeded: no more alarms", "PolicyInUseException", "HTTP 400"] {
            assert!(!of(message), "{message}");
        }
    }
}
