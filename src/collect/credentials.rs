//! The credential report: asked for first, fetched last.
//!
//! Owns: the order and the waiting. Must not: read the CSV (`credential_report` does).
//!
//! Source: IAM API reference, `GenerateCredentialReport`, `GetCredentialReport`. IAM makes at most one report in 4 hours and
//! gives the last one until then.

use super::credential_report;
use super::decode::maybe_time;
use super::watch::Watch;
use crate::aws::AccountSession;
use crate::model::iam::CredentialReport;
use crate::model::observed::{Cause, CauseKind, Observed};
use crate::resources::call::{done, incomplete, is};
use std::time::Duration;

pub(super) const GENERATE: &str = "iam:GenerateCredentialReport";
pub(super) const GET: &str = "iam:GetCredentialReport";

/// The wait before the second poll; it doubles up to [`LONGEST_WAIT`].
const FIRST_WAIT: Duration = Duration::from_secs(1);

/// The longest wait between polls.
const LONGEST_WAIT: Duration = Duration::from_secs(10);

/// How long IAM may take in all.
const PATIENCE: Duration = Duration::from_secs(180);

/// Asks IAM to make a report. That one is being made already is success.
pub(super) async fn generate(session: &AccountSession) -> Result<(), Cause> {
    done(GENERATE, session.iam().generate_credential_report().send().await).map(drop)
}

/// What a poll gave.
enum Poll {
    Ready(CredentialReport),
    InProgress,
    /// There is none, or it is too old.
    Missing,
}

async fn poll(session: &AccountSession) -> Result<Poll, Cause> {
    let answer = session.iam().get_credential_report().send().await;
    match answer {
        Err(error) if is(&error, &["ReportInProgress", "CredentialReportNotReadyException"]) => Ok(Poll::InProgress),
        Err(error) if is(&error, &["ReportNotPresent", "ReportExpired"]) => Ok(Poll::Missing),
        answer => {
            let answer = done(GET, answer)?;
            let content = answer.content().ok_or_else(|| incomplete(GET, "content"))?;
            let made = maybe_time(answer.generated_time()).ok_or_else(|| incomplete(GET, "time of generation"))?;
            let report = credential_report::parse(content.as_ref(), made);
            report.map(Poll::Ready).map_err(|error| Cause::new(CauseKind::Other, GET, error.to_string()))
        }
    }
}

/// Fetches the report. `generated` is what asking for it gave: a role that may not ask can still fetch one that another
/// made. `give_up_slot` is called once before the first wait.
pub(super) async fn fetch(
    session: &AccountSession,
    watch: &Watch,
    generated: Result<(), Cause>,
    give_up_slot: impl FnOnce(),
) -> Observed<CredentialReport> {
    let mut give_up_slot = Some(give_up_slot);
    let mut asked_again = false;
    let mut wait = FIRST_WAIT;
    let mut waited = Duration::ZERO;
    loop {
        let region = session.global_region();
        let polled = session.observe(GET, &region, async { poll(session).await.map(Some) });
        match watch.observed(GET, polled).await {
            Observed::Present { value: Poll::Ready(value), mut source } => {
                source.made_at = Some(value.generated_at);
                return Observed::Present { value, source };
            }
            Observed::Present { value: Poll::InProgress, .. } => {}
            Observed::Present { value: Poll::Missing, .. } => match &generated {
                Err(cause) => return Observed::unknown(cause.clone()),
                Ok(()) if asked_again => {}
                Ok(()) => {
                    asked_again = true;
                    if let Err(cause) = watch.attempt(GENERATE, generate(session)).await {
                        return Observed::unknown(cause);
                    }
                }
            },
            Observed::Absent { source } => return Observed::Absent { source },
            Observed::Unknown { cause } => return Observed::Unknown { cause },
        }
        if waited >= PATIENCE {
            let message = format!("IAM had not finished the report after {} s", waited.as_secs());
            return Observed::unknown(Cause::new(CauseKind::TimedOut, GET, message));
        }
        if let Some(give_up) = give_up_slot.take() {
            give_up();
        }
        let slept = watch.attempt(GET, async {
            tokio::time::sleep(wait).await;
            Ok(())
        });
        if let Err(cause) = slept.await {
            return Observed::unknown(cause);
        }
        waited += wait;
        wait = (wait * 2).min(LONGEST_WAIT);
    }
}
