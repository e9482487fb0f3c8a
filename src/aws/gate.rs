//! The gate: every attempt of every call waits for its bucket, is counted, and has its answer looked at.
//!
//! A [`Lane`] is the gate as one SDK client sees it (one account, service and Region). It takes three places in a client:
//! - as identity cache it waits for the bucket. That happens in each attempt, before signing, so that a signature never
//!   ages in a queue;
//! - as interceptor it tags the signed request with its bucket;
//! - as HTTP client it sends through the one pool, reads the body, feeds throttles back, refuses what AWS did not write
//!   and stamps answers for [`super::observe`].
//!
//! It does not forward `validate_base_client_config`: that would build a TLS configuration for each client.

use super::answer::{self, Format};
use super::clock::Clock;
use super::doubt::Doubt;
use super::errors::{NoAnswer, why_unreachable};
use super::limiter::{Bucket, Limiter};
use super::observe::Stamper;
use super::stats::{Row, Stats, UnderWay};
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::identity::{
    IdentityFuture, ResolveCachedIdentity, ResolveIdentity, SharedIdentityResolver,
};
use aws_smithy_runtime_api::client::interceptors::Intercept;
use aws_smithy_runtime_api::client::interceptors::context::{BeforeTransmitInterceptorContextMut, InterceptorContext};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse, Metadata};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::retries::RequestAttempts;
use aws_smithy_runtime_api::client::retries::classifiers::{ClassifyRetry, RetryAction, RetryClassifierPriority};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::byte_stream::ByteStream;
use aws_smithy_types::config_bag::ConfigBag;
use aws_smithy_types::retry::ErrorKind;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{Notify, Semaphore, SemaphorePermit};

/// Attempts after which a call that timed out is given up.
const TIMED_OUT_ATTEMPTS: u32 = 2;
/// Attempts after which a call whose connection failed or broke is given up.
const BROKEN_ATTEMPTS: u32 = 4;
/// So many more attempts has a call whose attempts were throttled: each waits for its turn again, and none is lost to
/// somebody else's burst.
pub const THROTTLED_FACTOR: u32 = 4;
/// How long a first throttled attempt rests before it waits for its bucket again, which by then is the slower one.
const THROTTLED_REST: Duration = Duration::from_millis(50);
/// The longest such rest.
const THROTTLED_REST_LIMIT: Duration = Duration::from_secs(5);
/// Over the client's own connect and read time-outs, for clients that keep none.
const GRACE: Duration = Duration::from_secs(2);
/// For a body, after its head arrived.
const BODY_LIMIT: Duration = Duration::from_secs(60);

/// A service that orgward calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Service {
    AccessAnalyzer,
    Account,
    Budgets,
    CloudTrail,
    CloudWatch,
    Config,
    GuardDuty,
    Iam,
    Logs,
    Organizations,
    S3,
    SecurityHub,
    Sns,
    Sts,
}

impl Service {
    /// The prefix of its IAM actions, which is its name in the quotas.
    pub(super) fn prefix(self) -> &'static str {
        match self {
            Self::AccessAnalyzer => "access-analyzer",
            Self::Account => "account",
            Self::Budgets => "budgets",
            Self::CloudTrail => "cloudtrail",
            Self::CloudWatch => "cloudwatch",
            Self::Config => "config",
            Self::GuardDuty => "guardduty",
            Self::Iam => "iam",
            Self::Logs => "logs",
            Self::Organizations => "organizations",
            Self::S3 => "s3",
            Self::SecurityHub => "securityhub",
            Self::Sns => "sns",
            Self::Sts => "sts",
        }
    }

    fn format(self) -> Format {
        match self {
            Self::AccessAnalyzer
            | Self::Account
            | Self::Budgets
            | Self::CloudTrail
            | Self::Config
            | Self::GuardDuty
            | Self::Logs
            | Self::Organizations
            | Self::SecurityHub => Format::Json,
            Self::Iam | Self::Sns | Self::Sts => Format::Xml,
            Self::S3 => Format::RestXml,
            Self::CloudWatch => Format::Cbor,
        }
    }
}

/// What all lanes share.
pub(super) struct Gate {
    pub(super) clock: Clock,
    pub(super) limiter: Limiter,
    pub(super) stats: Stats,
    pub(super) http: SharedHttpClient,
    /// Requests on the wire at once: each is a connection and an open file.
    pub(super) wire: Semaphore,
    /// Attempts for a call that is not throttled.
    pub(super) attempts: u32,
}

/// The gate as one SDK client sees it.
#[derive(Clone)]
pub(super) struct Lane {
    pub(super) gate: Arc<Gate>,
    pub(super) account: Arc<str>,
    pub(super) service: Service,
    pub(super) region: Arc<str>,
    /// Who wants to know that the session is throttled.
    pub(super) throttled: Arc<Notify>,
    /// Where what is asked is counted.
    pub(super) row: Arc<Row>,
    /// The operations called so far: a client knows few.
    pub(super) routes: Routes,
}

/// The buckets of the operations that a lane was asked for.
pub(super) type Routes = Arc<Mutex<Vec<Route>>>;

/// An operation and its bucket.
#[derive(Debug, Clone)]
pub(super) struct Route {
    operation: Arc<str>,
    bucket: Arc<Bucket>,
}

impl fmt::Debug for Lane {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Lane({}/{}/{})", self.account, self.region, self.service.prefix())
    }
}

/// What a request carries from the interceptor to the connector.
#[derive(Debug, Clone)]
struct Tag {
    route: Route,
    attempt: u32,
    doubt: Option<Doubt>,
}

impl Lane {
    fn route(&self, cfg: &ConfigBag) -> Route {
        let operation = operation(cfg);
        let mut routes = self.routes.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(route) = routes.iter().find(|route| &*route.operation == operation) {
            return route.clone();
        }
        let bucket = self.gate.limiter.bucket(&self.account, &self.region, self.service.prefix(), operation);
        let route = Route { operation: Arc::from(operation), bucket };
        routes.push(route.clone());
        route
    }

    /// A call waits until what is returned is dropped.
    fn waits(&self, route: &Route) -> UnderWay {
        self.row.waits(self.service.prefix(), &route.operation)
    }
}

/// The name of the operation that is called.
fn operation(cfg: &ConfigBag) -> &str {
    cfg.load::<Metadata>().map_or("unknown", Metadata::name)
}

impl ResolveCachedIdentity for Lane {
    fn resolve_cached_identity<'a>(
        &'a self,
        resolver: SharedIdentityResolver,
        components: &'a RuntimeComponents,
        cfg: &'a ConfigBag,
    ) -> IdentityFuture<'a> {
        let route = self.route(cfg);
        IdentityFuture::new(async move {
            let waits = self.waits(&route);
            let waited = route.bucket.pass().await;
            drop(waits);
            self.gate.stats.waited(waited);
            resolver.resolve_identity(components, cfg).await.map_err(|error| match cfg.load::<Doubt>() {
                Some(doubt) => doubt.explain(&format!("{}:{}", self.service.prefix(), operation(cfg)), error),
                None => error,
            })
        })
    }
}

impl Intercept for Lane {
    fn name(&self) -> &'static str {
        "orgward::aws::gate"
    }

    fn modify_before_transmit(
        &self,
        context: &mut BeforeTransmitInterceptorContextMut<'_>,
        _components: &RuntimeComponents,
        cfg: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let attempt = cfg.load::<RequestAttempts>().map_or(1, RequestAttempts::attempts);
        let doubt = cfg.load::<Doubt>().cloned().or_else(|| Doubt::of(operation(cfg)));
        if let Some(doubt) = &doubt {
            cfg.interceptor_state().store_put(doubt.clone());
        }
        context.request_mut().add_extension(Tag { route: self.route(cfg), attempt, doubt });
        Ok(())
    }
}

impl HttpClient for Lane {
    fn http_connector(&self, settings: &HttpConnectorSettings, components: &RuntimeComponents) -> SharedHttpConnector {
        let limit = settings.connect_timeout().unwrap_or_default() + settings.read_timeout().unwrap_or_default();
        let limit = (!limit.is_zero()).then(|| limit + GRACE);
        let pool = self.gate.http.http_connector(settings, components);
        SharedHttpConnector::new(LaneConnector { lane: self.clone(), pool, limit })
    }
}

/// Sends through the pool and looks at the answer.
#[derive(Debug)]
struct LaneConnector {
    lane: Lane,
    pool: SharedHttpConnector,
    limit: Option<Duration>,
}

impl HttpConnector for LaneConnector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let tag = request.extension::<Tag>().cloned();
        let lane = self.lane.clone();
        let stamper = Stamper::current();
        let attempt = tag.as_ref().map_or(1, |tag| tag.attempt);
        lane.gate.stats.attempt(&lane.row, attempt == 1, lane.gate.clock.elapsed());
        let waits = tag.as_ref().map(|tag| lane.waits(&tag.route));
        let (pool, limit) = (self.pool.clone(), self.limit);
        HttpConnectorFuture::new(async move {
            let _on_the_wire = lane.place_on_the_wire().await;
            let sent = pool.call(request);
            let doubt = tag.as_ref().and_then(|tag| tag.doubt.as_ref());
            let raise = || doubt.into_iter().for_each(Doubt::raise);
            let received = receive(sent, limit).await;
            drop(waits);
            let mut response = match received {
                Ok(response) => response,
                Err(error) => {
                    raise();
                    lane.gate.stats.unanswered();
                    return Err(give_up(error, attempt, lane.gate.attempts));
                }
            };
            doubt.into_iter().for_each(|doubt| doubt.mark(&mut response));
            response.add_extension(Attempt { number: attempt, of: lane.gate.attempts });
            if response.status().is_server_error() {
                raise();
            }
            lane.look_at(&response, tag.as_ref(), attempt, &stamper).inspect_err(|_| raise())?;
            Ok(response)
        })
    }
}

impl Lane {
    /// Waits for room on the wire. Organizations' few calls, which a whole run may wait for, pass by.
    async fn place_on_the_wire(&self) -> Option<SemaphorePermit<'_>> {
        match self.service {
            Service::Organizations => None,
            // Never closed.
            _ => self.gate.wire.acquire().await.ok(),
        }
    }

    /// Feeds a throttle back, refuses a stranger's answer, stamps the rest.
    fn look_at(
        &self,
        response: &HttpResponse,
        tag: Option<&Tag>,
        attempt: u32,
        stamper: &Stamper,
    ) -> Result<(), ConnectorError> {
        let status = response.status().as_u16();
        let code = answer::error_code(response);
        let throttled = answer::is_throttle(status, code.as_deref());
        self.gate.stats.answered(&self.row, throttled, self.gate.clock.elapsed());
        if throttled {
            self.throttled.notify_waiters();
            if let Some(tag) = tag {
                tag.route.bucket.throttled();
            }
            return Ok(());
        }
        // A proxy's error page may pass, as a broken connection may; a page that says "fine" will not.
        let strange = response.status().is_success() || (code.is_none() && attempt >= BROKEN_ATTEMPTS);
        if let Some(why) = strange.then(|| answer::foreign(response, self.service.format())).flatten() {
            return Err(ConnectorError::other(NoAnswer::Foreign(why).into(), None));
        }
        if status >= 500 {
            return Ok(());
        }
        if let Some(tag) = tag {
            tag.route.bucket.succeeded();
        }
        if self.service != Service::Sts {
            let headers = response.headers();
            let id = headers.get("x-amzn-requestid").or_else(|| headers.get("x-amz-request-id"));
            stamper.stamp(response.body().bytes().unwrap_or_default(), id, self.gate.clock.now());
        }
        Ok(())
    }
}

/// The answer with its body in memory.
async fn receive(sent: HttpConnectorFuture, limit: Option<Duration>) -> Result<HttpResponse, ConnectorError> {
    let timed_out = |_| ConnectorError::timeout(NoAnswer::TimedOut.into());
    let mut response = match limit {
        Some(limit) => tokio::time::timeout(limit, sent).await.map_err(timed_out)??,
        None => sent.await?,
    };
    if response.body().bytes().is_none() {
        let body = std::mem::replace(response.body_mut(), SdkBody::taken());
        let whole = tokio::time::timeout(BODY_LIMIT, ByteStream::new(body).collect()).await.map_err(timed_out)?;
        let whole = whole.map_err(|error| ConnectorError::io(error.into()))?;
        *response.body_mut() = SdkBody::from(whole.into_bytes());
    }
    Ok(response)
}

/// An error that the SDK won't retry, once waiting longer makes no sense; the same error before that.
fn give_up(error: ConnectorError, attempt: u32, attempts: u32) -> ConnectorError {
    if error.is_timeout() && attempt >= TIMED_OUT_ATTEMPTS.min(attempts) {
        ConnectorError::other(NoAnswer::TimedOut.into(), None)
    } else if !error.is_timeout() && attempt >= BROKEN_ATTEMPTS.min(attempts) {
        ConnectorError::other(NoAnswer::Unreachable(why_unreachable(&error)).into(), None)
    } else {
        error
    }
}

/// Attempts of a call some of which are throttled, where a call that is not has `attempts`. One stays one.
pub(super) fn throttled_attempts(attempts: u32) -> u32 {
    if attempts > 1 { attempts.saturating_mul(THROTTLED_FACTOR) } else { attempts }
}

/// How long a throttled attempt rests. The bucket paces what follows; the rest only keeps a call from coming back before the
/// throttles of those sent with it, and from asking on and on where AWS lets nothing through.
pub(super) fn retry_after(attempt: u32) -> Duration {
    let doublings = attempt.saturating_sub(1).min(16);
    THROTTLED_REST.saturating_mul(1 << doublings).min(THROTTLED_REST_LIMIT)
}

/// Which attempt an answer is to, of how many that a call has which is not throttled.
#[derive(Debug, Clone, Copy)]
struct Attempt {
    number: u32,
    of: u32,
}

/// What to retry beyond the SDK's own list, and what not.
#[derive(Debug, Clone, Copy)]
pub(super) struct Retries;

/// Errors that pass with time although the SDK doesn't list them: others write at the same moment.
const IN_PROGRESS: [&str; 6] = [
    "ConcurrentModification",
    "ConcurrentModificationException",
    "EntityTemporarilyUnmodifiable",
    "OperationAbortedException",
    "PolicyChangesInProgress",
    "PolicyChangesInProgressException",
];

impl ClassifyRetry for Retries {
    fn classify_retry(&self, context: &InterceptorContext) -> RetryAction {
        let code = context.response().and_then(answer::error_code);
        let slower =
            context.response().is_some_and(|answer| answer::is_throttle(answer.status().as_u16(), code.as_deref()));
        let attempt = context.response().and_then(|answer| answer.extension::<Attempt>().copied());
        if slower && let Some(attempt) = attempt {
            let rest = retry_after(attempt.number);
            return RetryAction::retryable_error_with_explicit_delay(ErrorKind::ThrottlingError, rest);
        }
        if attempt.is_some_and(|attempt| attempt.number >= attempt.of) {
            return RetryAction::RetryForbidden;
        }
        match code.as_deref() {
            Some(code) if IN_PROGRESS.contains(&code) => RetryAction::transient_error(),
            // A quota: no waiting cures it.
            Some("LimitExceededException") if !slower => RetryAction::RetryForbidden,
            _ => RetryAction::NoActionIndicated,
        }
    }

    fn name(&self) -> &'static str {
        "orgward::aws::retries"
    }

    fn priority(&self) -> RetryClassifierPriority {
        RetryClassifierPriority::run_after(RetryClassifierPriority::transient_error_classifier())
    }
}
