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
use tokio::time::Instant;

pub(super) const GENERATE: &str = "iam:GenerateCredentialReport";
pub(super) const GET: &str = "iam:GetCredentialReport";

/// The shortest wait before another poll.
const SHORTEST_WAIT: Duration = Duration::from_secs(1);

/// The longest.
const LONGEST_WAIT: Duration = Duration::from_secs(10);

/// How long IAM may take in all.
const PATIENCE: Duration = Duration::from_secs(180);

/// What asking for a report gave, and when that was.
pub(super) struct Generated {
    outcome: Result<(), Cause>,
    at: Instant,
}

impl Generated {
    /// Asks for a report.
    pub(super) async fn ask(session: &AccountSession, watch: &Watch) -> Self {
        Self { outcome: watch.attempt(GENERATE, generate(session)).await, at: Instant::now() }
    }
}

/// Asks IAM to make a report. That one is being made already is success.
async fn generate(session: &AccountSession) -> Result<(), Cause> {
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
/// made. The longer IAM has taken already, the longer it is left alone before the next poll.
pub(super) async fn fetch(
    session: &AccountSession,
    watch: &Watch,
    generated: &Generated,
) -> Observed<CredentialReport> {
    let mut asked_again = false;
    let started = Instant::now();
    loop {
        let region = session.global_region();
        let polled = session.observe(GET, &region, async { poll(&session.apart()).await.map(Some) });
        match watch.observed(GET, polled).await {
            Observed::Present { value: Poll::Ready(value), mut source } => {
                source.made_at = Some(value.generated_at);
                return Observed::Present { value, source };
            }
            Observed::Present { value: Poll::InProgress, .. } => {}
            Observed::Present { value: Poll::Missing, .. } => match &generated.outcome {
                Err(cause) => return Observed::unknown(cause.clone()),
                Ok(()) if asked_again => {}
                Ok(()) => {
                    asked_again = true;
                    if let Err(cause) = watch.attempt(GENERATE, generate(&session.apart())).await {
                        return Observed::unknown(cause);
                    }
                }
            },
            Observed::Absent { source } => return Observed::Absent { source },
            Observed::Unknown { cause } => return Observed::Unknown { cause },
        }
        let waited = started.elapsed();
        if waited >= PATIENCE {
            let message = format!("IAM had not finished the report after {} s", waited.as_secs());
            return Observed::unknown(Cause::new(CauseKind::TimedOut, GET, message));
        }
        let wait = (generated.at.elapsed() / 4).clamp(SHORTEST_WAIT, LONGEST_WAIT);
        let slept = watch.attempt(GET, async {
            tokio::time::sleep(wait).await;
            Ok(())
        });
        if let Err(cause) = slept.await {
            return Observed::unknown(cause);
        }
    }
}
