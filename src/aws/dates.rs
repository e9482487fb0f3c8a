//! How far this machine's clock is from AWS's, read off the `Date` of the answers that pass.
//!
//! Owns: a look at answers on their way in. Must not: change one, or read the time any other way than from the run's clock.
//!
//! Source: RFC 9110, section 6.6.1 (`Date` has whole seconds). IAM User Guide, "Signature Version 4": a request is refused
//! whose time is more than five minutes from AWS's.

use super::clock::Clock;
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::date_time::{DateTime, Format};
use jiff::{SignedDuration, Timestamp};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Looks at the dates of answers. Cloning shares what was seen.
#[derive(Debug, Clone)]
pub struct Dates {
    clock: Clock,
    nearest: Arc<Mutex<Option<Seen>>>,
}

/// The answer that took the shortest way: its date says the most.
#[derive(Debug, Clone, Copy)]
struct Seen {
    way: Duration,
    ahead: SignedDuration,
}

impl Dates {
    /// Nothing is seen yet.
    pub fn new(clock: Clock) -> Self {
        Self { clock, nearest: Arc::default() }
    }

    /// The same client, with its answers looked at.
    pub fn over(&self, http: SharedHttpClient) -> SharedHttpClient {
        SharedHttpClient::new(Looking { dates: self.clone(), http })
    }

    /// How far this machine's clock is ahead of AWS's, to the second; negative: behind. `None`: no answer of AWS had a date.
    pub fn ahead(&self) -> Option<SignedDuration> {
        let seen = *self.nearest.lock().unwrap_or_else(PoisonError::into_inner);
        seen.map(|seen| SignedDuration::from_secs(seen.ahead.as_secs()))
    }

    /// An answer to a request that was sent at `sent` is there, after `way`.
    fn look_at(&self, response: &HttpResponse, sent: Timestamp, way: Duration) {
        let headers = response.headers();
        // A proxy has a clock of its own.
        let from_aws = ["x-amzn-requestid", "x-amz-request-id"].iter().any(|name| headers.get(*name).is_some());
        let Some(ahead) = headers.get("date").filter(|_| from_aws).and_then(|date| ahead(date, sent, way)) else {
            return;
        };
        let mut nearest = self.nearest.lock().unwrap_or_else(PoisonError::into_inner);
        if nearest.is_none_or(|nearest| way < nearest.way) {
            *nearest = Some(Seen { way, ahead });
        }
    }
}

/// How far a clock is ahead that showed `sent` when the request left, and whose answer was there `way` later. The date was
/// written between the two; cut to whole seconds, it is half a second late on average.
fn ahead(date: &str, sent: Timestamp, way: Duration) -> Option<SignedDuration> {
    let date = DateTime::from_str(date, Format::HttpDate).ok()?;
    let date = Timestamp::from_second(date.secs()).ok()?;
    let middle = sent.checked_add(SignedDuration::try_from(way / 2).ok()?).ok()?;
    let off = middle.duration_since(date) - SignedDuration::from_millis(500);
    Some(if off.unsigned_abs() <= Duration::from_millis(500) + way / 2 { SignedDuration::ZERO } else { off })
}

#[derive(Debug)]
struct Looking {
    dates: Dates,
    http: SharedHttpClient,
}

impl HttpClient for Looking {
    fn http_connector(&self, settings: &HttpConnectorSettings, components: &RuntimeComponents) -> SharedHttpConnector {
        let connector = self.http.http_connector(settings, components);
        SharedHttpConnector::new(LookingConnector { dates: self.dates.clone(), connector })
    }
}

#[derive(Debug)]
struct LookingConnector {
    dates: Dates,
    connector: SharedHttpConnector,
}

impl HttpConnector for LookingConnector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let dates = self.dates.clone();
        let (sent, began) = (dates.clock.now(), dates.clock.elapsed());
        let answer = self.connector.call(request);
        HttpConnectorFuture::new(async move {
            let answer = answer.await?;
            dates.look_at(&answer, sent, dates.clock.elapsed().saturating_sub(began));
            Ok(answer)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DATE: &str = "Mon, 02 Nov 2026 08:00:00 GMT";

    fn seconds(sent: &str, way: u64) -> Option<i64> {
        ahead(DATE, sent.parse().unwrap(), Duration::from_millis(way)).map(|ahead| ahead.as_secs())
    }

    #[test]
    fn a_clock_is_compared_with_the_middle_of_the_way() {
        assert_eq!(seconds("2026-11-02T08:00:00.3Z", 100), Some(0));
        assert_eq!(seconds("2026-11-02T08:00:01Z", 100), Some(0), "a date has no part of a second");
        assert_eq!(seconds("2026-11-02T08:06:40Z", 100), Some(399));
        assert_eq!(seconds("2026-11-02T07:53:20Z", 1_000), Some(-400));
        assert_eq!(seconds("2026-11-02T07:59:50Z", 30_000), Some(0), "a slow answer says little");
        assert_eq!(ahead("yesterday", Timestamp::UNIX_EPOCH, Duration::ZERO), None);
    }
}
