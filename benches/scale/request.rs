//! CPU time of a request through orgward over that of a bare SDK call: the same call over the same connector, in one run.
//!
//! Owns: the two loops. Must not: touch a network, or judge the ratio.

use crate::replay::Replay;
use crate::run;
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use orgward::aws::{AccountSession, Clock, Quotas, Sessions};
use orgward::model::Cause;
use orgward::sandbox::{Sandbox, Scenario, scenario};
use std::time::{Duration, Instant};
use tokio::runtime::Runtime;

/// Calls in a round, and rounds of each side in turn; the quickest of each counts.
const CALLS: u32 = 400;
const ROUNDS: u32 = 25;
/// The call: small, so that what is around it shows.
const OPERATION: &str = "iam:GetAccountSummary";
/// Nothing waits.
const FREE: &str = "version: 1\nunlisted: { share: operation, rate: 100000, burst: 100000 }\nservices:\n  iam:\n    groups: \
                    [{ name: free, operations: [GetAccountSummary], rate: 100000, burst: 100000 }]\n";

/// Microseconds for each request.
#[derive(Debug, Clone, Copy)]
pub struct Cost {
    pub through_orgward: f64,
    pub bare: f64,
}

/// Measures both. One thread does nothing else, so time by the clock is CPU time.
///
/// # Errors
/// If the sandbox can't be reached.
pub fn measure() -> Result<Cost, String> {
    let text = |error: &dyn std::fmt::Display| format!("the request can't be measured: {error}");
    let sandbox = Sandbox::with_latency(Scenario::small(), Duration::ZERO);
    let http = Replay::over(sandbox.http_client());
    let quotas = Quotas::embedded().with_overrides("bench", FREE).map_err(|error| text(&error))?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|error| text(&error))?;
    let clock = Clock::virtual_from(scenario::EPOCH);
    let settings = run::settings(sandbox.credentials());
    let sessions = runtime.block_on(Sessions::connect(http.clone(), clock.clone(), settings, quotas));
    let session = sessions.map_err(|error| text(&error))?.base();
    let bare = bare(&http, &sandbox, clock);
    let (mut ours, mut theirs) = (Duration::MAX, Duration::MAX);
    for _ in 0..ROUNDS {
        theirs = theirs.min(alone(&runtime, &bare)?);
        ours = ours.min(gated(&runtime, &session)?);
    }
    let each = |round: Duration| round.as_secs_f64() * 1e6 / f64::from(CALLS);
    Ok(Cost { through_orgward: each(ours), bare: each(theirs) })
}

/// A round as an audit asks: through the gate, and made a fact with its source.
fn gated(runtime: &Runtime, session: &AccountSession) -> Result<Duration, String> {
    let region = session.global_region();
    runtime.block_on(async {
        let start = Instant::now();
        for _ in 0..CALLS {
            let call = async { Ok::<_, Cause>(session.iam().get_account_summary().send().await.ok()) };
            if session.observe(OPERATION, &region, call).await.value().is_none() {
                return Err(format!("{OPERATION} through orgward failed"));
            }
        }
        Ok(start.elapsed())
    })
}

/// A round of bare calls.
fn alone(runtime: &Runtime, client: &aws_sdk_iam::Client) -> Result<Duration, String> {
    runtime.block_on(async {
        let start = Instant::now();
        for _ in 0..CALLS {
            client.get_account_summary().send().await.map_err(|error| format!("{OPERATION} failed: {error}"))?;
        }
        Ok(start.elapsed())
    })
}

/// The SDK's own client, as its documentation makes one; the sandbox wants its own time in signatures.
fn bare(http: &SharedHttpClient, sandbox: &Sandbox, clock: Clock) -> aws_sdk_iam::Client {
    let (access_key_id, secret) = sandbox.credentials();
    let config = aws_sdk_iam::Config::builder()
        .behavior_version(aws_sdk_iam::config::BehaviorVersion::latest())
        .region(aws_sdk_iam::config::Region::new("us-east-1"))
        .credentials_provider(aws_credential_types::Credentials::new(access_key_id, secret, None, None, "bench"))
        .http_client(http.clone())
        .time_source(clock)
        .build();
    aws_sdk_iam::Client::from_conf(config)
}
