//! The gate, the sessions and the error classes against canned answers, on virtual time.

use super::*;
use crate::model::ids::{AccountId, Region};
use crate::model::observed::{Cause, CauseKind, Observed};
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_runtime_api::http::StatusCode;
use aws_smithy_types::body::SdkBody;
use jiff::Timestamp;
use secrecy::SecretString;
use sha2::{Digest, Sha256};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::time::Instant;

const EXTERNAL_ID: &str = "Ex-Ternal-Id-42";
const MANAGEMENT: &str = "111111111111";
const MEMBER: &str = "222222222222";
const USER: &str = "arn:aws:iam::111111111111:user/ops";
const IAM_RATE: &str = "<ErrorResponse><Error><Type>Sender</Type><Code>Throttling</Code><Message>Rate exceeded</Message></Error>\
                        <RequestId>r</RequestId></ErrorResponse>";
const SUMMARY: &str = "<GetAccountSummaryResponse xmlns=\"https://iam.amazonaws.com/doc/2010-05-08/\"><GetAccountSummaryResult>\
                       <SummaryMap><entry><key>Users</key><value>3</value></entry></SummaryMap></GetAccountSummaryResult>\
                       </GetAccountSummaryResponse>";

/// What the fake answers.
enum Reply {
    Answer(u16, Vec<u8>),
    Dropped,
    Silence,
}

fn ok(body: &str) -> Reply {
    Reply::Answer(200, body.as_bytes().to_vec())
}

fn error(status: u16, body: &str) -> Reply {
    Reply::Answer(status, body.as_bytes().to_vec())
}

/// A request the fake saw.
#[derive(Debug, Clone)]
struct Seen {
    service: String,
    region: String,
    target: String,
    body: String,
    key: String,
    signed: String,
    at: Duration,
}

type Script = dyn Fn(&Seen, usize) -> Reply + Send + Sync;

/// An AWS that follows a script: called with each request other than GetCallerIdentity and its number, from 1.
#[derive(Clone)]
struct Fake {
    script: Arc<Script>,
    seen: Arc<Mutex<Vec<Seen>>>,
    caller: &'static str,
    started: Instant,
}

impl std::fmt::Debug for Fake {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Fake")
    }
}

impl Fake {
    fn new(script: impl Fn(&Seen, usize) -> Reply + Send + Sync + 'static) -> Self {
        Self { script: Arc::new(script), seen: Arc::default(), caller: USER, started: Instant::now() }
    }

    fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    async fn sessions(&self, settings: SessionSettings) -> Result<Sessions, Cause> {
        let credentials = StaticCredentials {
            access_key_id: "AKIDCALLER".into(),
            secret_access_key: "secret".into(),
            session_token: None,
        };
        let settings = SessionSettings {
            credentials: Some(credentials),
            region: settings.region.or("eu-central-1".parse().ok()),
            ..settings
        };
        let epoch: Timestamp = "2026-11-02T09:00:00Z".parse().unwrap();
        Sessions::connect(SharedHttpClient::new(self.clone()), Clock::virtual_from(epoch), settings, Quotas::embedded())
            .await
    }

    async fn base(&self) -> (Sessions, AccountSession) {
        let sessions = self.sessions(SessionSettings::default()).await.unwrap();
        let base = sessions.base();
        (sessions, base)
    }
}

impl HttpClient for Fake {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl HttpConnector for Fake {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let header = |name: &str| request.headers().get(name).unwrap_or_default().to_owned();
        let authorization = header("authorization");
        let scope: Vec<&str> = authorization
            .split_once("Credential=")
            .map(|(_, rest)| rest.split(['/', ',']).collect())
            .unwrap_or_default();
        let part = |index: usize| scope.get(index).copied().unwrap_or_default().to_owned();
        let seen = Seen {
            key: part(0),
            region: part(2),
            service: part(3),
            target: header("x-amz-target"),
            body: String::from_utf8_lossy(request.body().bytes().unwrap_or_default()).into_owned(),
            signed: header("x-amz-date"),
            at: self.started.elapsed(),
        };
        let reply = if seen.body.contains("Action=GetCallerIdentity") {
            ok(&format!(
                "<GetCallerIdentityResponse><GetCallerIdentityResult><Arn>{}</Arn><UserId>U</UserId><Account>{MANAGEMENT}\
                 </Account></GetCallerIdentityResult></GetCallerIdentityResponse>",
                self.caller
            ))
        } else {
            let number = {
                let mut all = self.seen.lock().unwrap();
                all.push(seen.clone());
                all.len()
            };
            (self.script)(&seen, number)
        };
        HttpConnectorFuture::new(async move {
            match reply {
                Reply::Answer(status, body) => {
                    let mut response = HttpResponse::new(StatusCode::try_from(status).unwrap(), SdkBody::from(body));
                    response.headers_mut().insert("x-amzn-requestid", "req-1");
                    Ok(response)
                }
                Reply::Dropped => Err(ConnectorError::io("connection reset by peer".into())),
                Reply::Silence => std::future::pending().await,
            }
        })
    }
}

/// An AssumeRole answer with credentials that last.
fn granted(key: &str, expires: &str) -> Reply {
    ok(&format!(
        "<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>{key}</AccessKeyId><SecretAccessKey>s\
         </SecretAccessKey><SessionToken>t</SessionToken><Expiration>{expires}</Expiration></Credentials></AssumeRoleResult>\
         </AssumeRoleResponse>"
    ))
}

fn region() -> Region {
    "us-east-1".parse().unwrap()
}

fn member() -> AccountId {
    MEMBER.parse().unwrap()
}

async fn summary(session: &AccountSession) -> Result<(), Cause> {
    session.iam().get_account_summary().send().await.map(drop).map_err(|e| cause("iam:GetAccountSummary", &e))
}

async fn describe(session: &AccountSession) -> Result<(), Cause> {
    let call = session.organizations().describe_organization();
    call.send().await.map(drop).map_err(|e| cause("organizations:DescribeOrganization", &e))
}

#[tokio::test(start_paused = true)]
async fn the_caller_is_known_after_connecting() {
    let fake = Fake::new(|_, _| ok(""));
    let (sessions, base) = fake.base().await;
    assert_eq!(sessions.caller().account.as_str(), MANAGEMENT);
    assert_eq!(sessions.caller().partition, "aws");
    assert!(!sessions.caller().is_role_session());
    assert_eq!(base.account().as_str(), MANAGEMENT);
    assert_eq!(base.global_region(), region());
    assert_eq!(sessions.home_region().as_str(), "eu-central-1");
    assert!(!format!("{sessions:?} {base:?}").contains("secret"));
}

#[tokio::test(start_paused = true)]
async fn a_fact_carries_the_digest_of_its_answers() {
    let fake = Fake::new(|_, number| if number == 1 { error(400, IAM_RATE) } else { ok(SUMMARY) });
    let (_, base) = fake.base().await;
    let sts = base.sts();
    let observed = base
        .observe("iam:GetAccountSummary", &region(), async {
            sts.get_caller_identity().send().await.map_err(|e| cause("sts:GetCallerIdentity", &e))?;
            summary(&base).await?;
            summary(&base).await.map(Some)
        })
        .await;
    let source = observed.source().unwrap();
    let want: String = Sha256::digest([SUMMARY, SUMMARY].concat()).iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(
        source.digest.as_deref(),
        Some(format!("sha256:{want}").as_str()),
        "neither the throttle nor STS counts"
    );
    assert_eq!((source.pages, source.request_id.as_deref()), (2, Some("req-1")));
    assert!(source.observed_at >= "2026-11-02T09:00:00Z".parse().unwrap());
    let absent: Observed<()> = base.observe("iam:X", &region(), async { Ok(None) }).await;
    assert!(matches!(absent, Observed::Absent { source } if source.pages == 0 && source.digest.is_none()));
}

#[tokio::test(start_paused = true)]
async fn throttles_of_every_shape_are_retried_and_slow_their_bucket() {
    let fake = Fake::new(|seen, number| match (seen.service.as_str(), number % 3) {
        ("iam", 0) => ok(SUMMARY),
        ("iam", _) => error(400, IAM_RATE),
        ("organizations", 0) => ok("{}"),
        ("organizations", _) => error(400, r#"{"__type":"TooManyRequestsException","Type":"RateExceeded"}"#),
        (_, 0) => Reply::Answer(200, b"\xa0".to_vec()),
        (_, _) => Reply::Answer(400, b"\xa1\x66__type\x78\x20com.amazon.x#ThrottlingException".to_vec()),
    });
    let (sessions, base) = fake.base().await;
    summary(&base).await.unwrap();
    describe(&base).await.unwrap();
    base.cloudwatch(&region()).describe_alarms().send().await.unwrap();
    let stats = sessions.stats();
    assert_eq!((stats.calls, stats.attempts, stats.throttled), (4, 10, 6), "{stats:?}");
    assert_eq!(stats.requests_by_account.get(MANAGEMENT), Some(&9));
}

#[tokio::test(start_paused = true)]
async fn a_throttle_that_never_ends_is_told_as_such() {
    let fake = Fake::new(|_, _| error(400, IAM_RATE));
    let (sessions, base) = fake.base().await;
    let cause = summary(&base).await.unwrap_err();
    assert_eq!((cause.kind, cause.message.as_str()), (CauseKind::Throttled, "Throttling: Rate exceeded"));
    assert_eq!(fake.seen().len() as u32, DEFAULT_MAX_ATTEMPTS);
    assert_eq!(sessions.stats().throttled, u64::from(DEFAULT_MAX_ATTEMPTS));
}

#[tokio::test(start_paused = true)]
async fn a_quota_is_neither_retried_nor_a_throttle_and_a_conflict_is_retried() {
    let quota = Fake::new(|_, _| error(400, r#"{"__type":"LimitExceededException","message":"too many filters"}"#));
    let (sessions, base) = quota.base().await;
    let call = base.logs(&region()).describe_metric_filters();
    let cause = call.send().await.map_err(|e| cause("logs:DescribeMetricFilters", &e)).unwrap_err();
    assert_eq!(cause.kind, CauseKind::Other);
    assert_eq!((quota.seen().len(), sessions.stats().throttled), (1, 0));

    for code in ["ConcurrentModificationException", "PolicyChangesInProgressException"] {
        let busy = Fake::new(move |_, number| {
            if number < 3 { error(400, &format!(r#"{{"__type":"{code}","Message":"busy"}}"#)) } else { ok("{}") }
        });
        let (sessions, base) = busy.base().await;
        describe(&base).await.unwrap();
        assert_eq!((busy.seen().len(), sessions.stats().throttled), (3, 0), "{code}");
    }
}

#[tokio::test(start_paused = true)]
async fn attempts_wait_for_their_bucket_before_they_are_signed() {
    let fake = Fake::new(|_, _| ok("{}"));
    let (sessions, base) = fake.base().await;
    let calls = (0..12).map(|_| describe(&base));
    futures::future::try_join_all(calls).await.unwrap();
    let seen = fake.seen();
    let last = seen.last().unwrap();
    assert!((9.9..10.1).contains(&last.at.as_secs_f64()), "burst 2, then 1 a second: {last:?}");
    assert_eq!(last.signed, "20261102T090010Z", "signed when sent, not when queued");
    assert!(sessions.stats().waited > Duration::from_secs(50));
    // Another account has buckets of its own; another API of the same account too.
    let before = Instant::now();
    base.organizations().list_accounts().send().await.unwrap();
    assert!(before.elapsed() < Duration::from_millis(5));
}

#[tokio::test(start_paused = true)]
async fn requests_go_to_the_region_that_answers_them() {
    let fake = Fake::new(|seen, _| match seen.service.as_str() {
        "iam" => ok(SUMMARY),
        "monitoring" => Reply::Answer(200, b"\xa0".to_vec()),
        "sts" => granted("ASIA1", "2026-11-02T10:00:00Z"),
        _ => ok("{}"),
    });
    let (sessions, base) = fake.base().await;
    let west: Region = "us-west-2".parse().unwrap();
    summary(&base).await.unwrap();
    describe(&base).await.unwrap();
    base.account_api().list_regions().send().await.unwrap();
    base.cloudtrail(&west).describe_trails().send().await.unwrap();
    base.logs(&west).describe_log_groups().send().await.unwrap();
    base.cloudwatch(&west).describe_alarms().send().await.unwrap();
    sessions.enter(&member(), Purpose::Audit).await.unwrap();
    let seen: Vec<(String, String)> = fake.seen().into_iter().map(|seen| (seen.service, seen.region)).collect();
    let want = [
        ("iam", "us-east-1"),
        ("organizations", "us-east-1"),
        ("account", "us-east-1"),
        ("cloudtrail", "us-west-2"),
        ("logs", "us-west-2"),
        ("monitoring", "us-west-2"),
        ("sts", "eu-central-1"),
    ];
    assert_eq!(seen, want.map(|(service, region)| (service.to_owned(), region.to_owned())));
}

#[tokio::test(start_paused = true)]
async fn what_aws_did_not_write_is_never_a_success() {
    for (status, body) in [
        (200, "<!DOCTYPE html><html><body>captive portal</body></html>"),
        (200, "\u{1}\u{2}garbage"),
        (403, "<html><body>blocked by proxy</body></html>"),
        (502, "<html><body>bad gateway</body></html>"),
        (400, "garbage"),
    ] {
        let fake = Fake::new(move |_, _| {
            let mut reply = error(status, body);
            if let Reply::Answer(_, bytes) = &mut reply {
                bytes.push(b'\n');
            }
            reply
        });
        let (_, base) = fake.base().await;
        let iam = summary(&base).await.unwrap_err();
        // Has no output, so that the SDK would take anything for a success.
        let attach = base.organizations().attach_policy().policy_id("p-12345678").target_id(MEMBER);
        let attach = attach.send().await.map_err(|e| cause("organizations:AttachPolicy", &e)).unwrap_err();
        let page = status != 400 && !body.contains("garbage");
        if page || status == 200 {
            assert_eq!(iam.kind, CauseKind::NotAnAwsAnswer, "{status} {body}: {iam}");
            assert_eq!(attach.kind, CauseKind::NotAnAwsAnswer, "{status} {body}: {attach}");
        }
        assert!(!iam.message.contains("portal") && !iam.message.contains("garbage"), "{iam}");
        assert!(iam.message.contains(&format!("HTTP {status}")), "{iam}");
    }
}

#[tokio::test(start_paused = true)]
async fn silence_and_broken_connections_are_given_up_early() {
    let silent = Fake::new(|_, _| Reply::Silence);
    let (sessions, base) = silent.base().await;
    let before = Instant::now();
    let cause = summary(&base).await.unwrap_err();
    assert_eq!((cause.kind, silent.seen().len()), (CauseKind::TimedOut, 2));
    assert!(before.elapsed() < Duration::from_secs(65), "{:?}", before.elapsed());
    assert_eq!(sessions.stats().unanswered, 2);

    let broken = Fake::new(|_, _| Reply::Dropped);
    let (_, base) = broken.base().await;
    let cause = summary(&base).await.unwrap_err();
    assert_eq!((cause.kind, broken.seen().len()), (CauseKind::Unreachable, 4));
    assert!(cause.message.contains("connection reset by peer"), "{cause}");

    let shaky = Fake::new(|_, number| if number < 3 { Reply::Dropped } else { ok(SUMMARY) });
    let (_, base) = shaky.base().await;
    summary(&base).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn errors_of_aws_have_their_kind() {
    let xml = |code: &str, message: &str| {
        format!(
            "<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code><Message>{message}</Message></Error></ErrorResponse>"
        )
    };
    let canonical = "The request signature we calculated does not match. The Canonical String for this request should have \
                     been 'POST / x-amz-security-token:SECRETTOKEN'";
    for (status, code, message, kind) in [
        (403, "AccessDenied", "User: x is not authorized to perform: iam:GetAccountSummary", CauseKind::AccessDenied),
        (403, "ExpiredToken", "The security token included in the request is expired", CauseKind::ExpiredCredentials),
        (
            403,
            "InvalidClientTokenId",
            "The security token included in the request is invalid",
            CauseKind::ExpiredCredentials,
        ),
        (403, "SignatureDoesNotMatch", canonical, CauseKind::ExpiredCredentials),
        (403, "OptInRequired", "needs a subscription", CauseKind::AccountNotActive),
        (404, "NoSuchEntity", "line one\u{7}\n line\ttwo", CauseKind::Other),
    ] {
        let body = xml(code, message);
        let fake = Fake::new(move |_, _| error(status, &body));
        let (_, base) = fake.base().await;
        let found = base.iam().get_account_summary().send().await.unwrap_err();
        assert_eq!(super::code(&found).as_deref(), Some(code));
        let cause = cause("iam:GetAccountSummary", &found);
        assert_eq!((cause.kind, cause.operation.as_str()), (kind, "iam:GetAccountSummary"), "{cause}");
        assert!(cause.message.starts_with(code) && !cause.message.contains("SECRETTOKEN"), "{cause}");
        assert!(!cause.message.contains(char::is_control), "{cause:?}");
    }
    let long = xml("NoSuchEntity", &"é".repeat(5000));
    let fake = Fake::new(move |_, _| error(404, &long));
    let (_, base) = fake.base().await;
    assert!(summary(&base).await.unwrap_err().message.chars().count() < 450);
}

fn member_settings() -> SessionSettings {
    SessionSettings {
        role_name: "audit/OrgwardAudit".into(),
        external_id: Some(SecretString::from(EXTERNAL_ID)),
        duration: Some(Duration::from_secs(7200)),
        source_identity: Some("alice".into()),
        tags: [("team".to_owned(), "platform".to_owned())].into(),
        apply_role_name: Some("OrgwardApply".into()),
        ..SessionSettings::default()
    }
}

#[tokio::test(start_paused = true)]
async fn an_audit_session_is_read_only_and_an_apply_session_is_not() {
    let fake = Fake::new(|_, _| granted("ASIA1", "2026-11-02T11:00:00Z"));
    let sessions = fake.sessions(member_settings()).await.unwrap();
    sessions.enter(&member(), Purpose::Audit).await.unwrap();
    sessions.enter(&member(), Purpose::Apply).await.unwrap();
    let own = sessions.enter(&MANAGEMENT.parse().unwrap(), Purpose::Apply).await.unwrap();
    assert_eq!(own.account().as_str(), MANAGEMENT);
    let seen = fake.seen();
    let [audit, apply] = seen.as_slice() else { panic!("{} requests", seen.len()) };
    assert!(
        audit.body.contains("role%2Faudit%2FOrgwardAudit") && audit.body.contains("Policy=%7B%22Version"),
        "{}",
        audit.body
    );
    assert!(audit.body.contains(&format!("ExternalId={EXTERNAL_ID}")) && audit.body.contains("DurationSeconds=7200"));
    assert!(audit.body.contains("SourceIdentity=alice") && audit.body.contains("Tags.member.1.Key=team"));
    assert!(apply.body.contains("role%2FOrgwardApply") && !apply.body.contains("Policy="), "{}", apply.body);
    assert_eq!(sessions.role_arn(&member(), Purpose::Apply), format!("arn:aws:iam::{MEMBER}:role/OrgwardApply"));
}

#[tokio::test(start_paused = true)]
async fn a_role_that_cannot_be_assumed_is_told_without_the_external_id() {
    let fake = Fake::new(|_, _| {
        error(
            403,
            &format!(
                "<ErrorResponse><Error><Code>AccessDenied</Code><Message>not with {EXTERNAL_ID}!</Message></Error></ErrorResponse>"
            ),
        )
    });
    let sessions = fake.sessions(member_settings()).await.unwrap();
    let cause = sessions.enter(&member(), Purpose::Audit).await.unwrap_err();
    assert_eq!((cause.kind, cause.operation.as_str()), (CauseKind::AssumeRoleDenied, "sts:AssumeRole"));
    assert!(!cause.message.contains(EXTERNAL_ID) && cause.message.contains("OrgwardAudit"), "{cause}");
    assert_eq!(fake.seen().len(), 1, "a denial is not retried");
}

#[tokio::test(start_paused = true)]
async fn a_session_is_renewed_once_before_it_expires() {
    let fake = Fake::new(|seen, number| match seen.service.as_str() {
        "sts" if number == 1 => granted("ASIA1", "2026-11-02T09:15:00Z"),
        "sts" => granted("ASIA2", "2026-11-02T12:00:00Z"),
        _ => ok(SUMMARY),
    });
    let sessions = fake.sessions(member_settings()).await.unwrap();
    let session = sessions.enter(&member(), Purpose::Audit).await.unwrap();
    summary(&session).await.unwrap();
    sessions.clock().wait(Duration::from_secs(11 * 60)).await;
    futures::future::try_join_all((0..5).map(|_| summary(&session))).await.unwrap();
    let keys: Vec<String> = fake.seen().into_iter().map(|seen| format!("{} {}", seen.service, seen.key)).collect();
    assert_eq!(keys[..4], ["sts AKIDCALLER", "iam ASIA1", "sts AKIDCALLER", "iam ASIA2"]);
    assert!(keys[4..].iter().all(|key| key == "iam ASIA2"), "{keys:?}");
    assert_eq!(sessions.stats().requests_by_account.get(MEMBER), Some(&6), "AssumeRole is the caller's");
}

#[tokio::test(start_paused = true)]
async fn a_failed_renewal_uses_what_is_left_and_then_says_why() {
    let fake = Fake::new(|seen, number| match seen.service.as_str() {
        "sts" if number == 1 => granted("ASIA1", "2026-11-02T09:15:00Z"),
        "sts" => {
            error(403, "<ErrorResponse><Error><Code>AccessDenied</Code><Message>gone</Message></Error></ErrorResponse>")
        }
        _ => ok(SUMMARY),
    });
    let sessions = fake.sessions(member_settings()).await.unwrap();
    let session = sessions.enter(&member(), Purpose::Audit).await.unwrap();
    sessions.clock().wait(Duration::from_secs(12 * 60)).await;
    summary(&session).await.unwrap();
    sessions.clock().wait(Duration::from_secs(5 * 60)).await;
    let cause = summary(&session).await.unwrap_err();
    assert_eq!((cause.kind, cause.operation.as_str()), (CauseKind::AssumeRoleDenied, "sts:AssumeRole"), "{cause}");
}

#[tokio::test(start_paused = true)]
async fn a_duration_the_role_does_not_allow_falls_back_and_chaining_caps_it() {
    let refuse = "<ErrorResponse><Error><Code>ValidationError</Code><Message>The requested DurationSeconds exceeds the \
                  MaxSessionDuration set for this role.</Message></Error></ErrorResponse>";
    let fake = Fake::new(move |seen, _| {
        if seen.body.contains("DurationSeconds=7200") {
            error(400, refuse)
        } else {
            granted("ASIA1", "2026-11-02T10:00:00Z")
        }
    });
    let sessions = fake.sessions(member_settings()).await.unwrap();
    sessions.enter(&member(), Purpose::Audit).await.unwrap();
    assert!(fake.seen().last().unwrap().body.contains("DurationSeconds=3600"));

    let mut chained = Fake::new(|_, _| granted("ASIA1", "2026-11-02T10:00:00Z"));
    chained.caller = "arn:aws:sts::111111111111:assumed-role/Ops/alice";
    let sessions = chained.sessions(member_settings()).await.unwrap();
    sessions.enter(&member(), Purpose::Audit).await.unwrap();
    assert!(sessions.caller().is_role_session());
    assert!(chained.seen()[0].body.contains("DurationSeconds=3600"));
}

#[tokio::test(start_paused = true)]
async fn another_partition_has_its_own_arns_and_regions() {
    let mut fake =
        Fake::new(|seen, _| if seen.service == "sts" { granted("ASIA1", "2026-11-02T10:00:00Z") } else { ok(SUMMARY) });
    fake.caller = "arn:aws-us-gov:iam::111111111111:user/ops";
    let settings = SessionSettings { region: "us-gov-east-1".parse().ok(), ..SessionSettings::default() };
    let sessions = fake.sessions(settings).await.unwrap();
    let session = sessions.enter(&member(), Purpose::Audit).await.unwrap();
    summary(&session).await.unwrap();
    let seen = fake.seen();
    assert!(seen[0].body.contains("arn%3Aaws-us-gov%3Aiam"), "{}", seen[0].body);
    assert_eq!((seen[0].region.as_str(), seen[1].region.as_str()), ("us-gov-east-1", "us-gov-west-1"));
    assert!(seen[1].target.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_fifth_of_attempts_throttled_loses_no_call() {
    // Deterministic: which attempts are throttled depends on their number alone.
    let fake = Fake::new(|_, number| if (number * 7919) % 100 < 20 { error(400, IAM_RATE) } else { ok(SUMMARY) });
    let (sessions, base) = fake.base().await;
    futures::future::try_join_all((0..200).map(|_| summary(&base))).await.unwrap();
    let stats = sessions.stats();
    assert!(stats.throttled >= 40 && stats.calls == 201, "{stats:?}");
}
