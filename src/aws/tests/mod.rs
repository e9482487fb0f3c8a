//! The gate, the sessions and the error classes against canned answers, on virtual time: the fake AWS and what its tests
//! share.

mod failures;
mod gate;
#[cfg(feature = "sandbox")]
mod sandboxed;
mod sessions;

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
