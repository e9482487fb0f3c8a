//! Credentials that renew themselves before they expire: the caller's from the normal chain, a member's through AssumeRole.
//!
//! One set is shared by every client of a session, so the chain is asked, or the role assumed, once per expiry.

use super::clock::Clock;
use super::errors::{self, clean, deepest};
use crate::model::observed::{Cause, CauseKind};
use aws_credential_types::Credentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider, future};
use aws_sdk_sts::types::Tag;
use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};
use std::time::{Duration, SystemTime};

/// Credentials are renewed this long before they expire.
const MARGIN: Duration = Duration::from_secs(300);
/// After a renewal that changed nothing or failed, the next one waits this long.
const PATIENCE: Duration = Duration::from_secs(15);
/// The shortest maximum a role can have, and the longest session of a chained role, in seconds.
const ONE_HOUR: i32 = 3600;
/// The operation named in causes.
const ASSUME_ROLE: &str = "sts:AssumeRole";

/// Where credentials come from.
pub(super) enum Origin {
    /// The normal chain, or credentials given outright.
    Chain(SharedCredentialsProvider),
    /// A role.
    Role(Box<Role>),
}

/// A role and how to assume it.
pub(super) struct Role {
    pub(super) sts: aws_sdk_sts::Client,
    pub(super) arn: String,
    pub(super) external_id: Option<SecretString>,
    pub(super) session_name: String,
    pub(super) policy: Option<Arc<str>>,
    /// Seconds; 0 for AWS's default.
    pub(super) duration: AtomicI32,
    pub(super) source_identity: Option<String>,
    pub(super) tags: BTreeMap<String, String>,
}

/// Credentials that renew themselves. Cloning shares them.
#[derive(Clone)]
pub(super) struct Renewing(Arc<Inner>);

struct Inner {
    origin: Origin,
    clock: Clock,
    held: tokio::sync::Mutex<Held>,
}

#[derive(Default)]
struct Held {
    credentials: Option<Credentials>,
    tried: Option<Timestamp>,
    failure: Option<Cause>,
}

impl fmt::Debug for Renewing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0.origin {
            Origin::Chain(_) => f.write_str("Renewing(chain)"),
            Origin::Role(role) => write!(f, "Renewing({})", role.arn),
        }
    }
}

impl Renewing {
    pub(super) fn new(origin: Origin, clock: Clock) -> Self {
        Self(Arc::new(Inner { origin, clock, held: tokio::sync::Mutex::default() }))
    }

    /// Credentials that hold for a while.
    ///
    /// # Errors
    /// Why there are none; asked for again only after [`PATIENCE`].
    pub(super) async fn current(&self) -> Result<Credentials, Cause> {
        let mut held = self.0.held.lock().await;
        let now = self.0.clock.now();
        let left = |credentials: &Credentials| {
            credentials.expiry().map(|expiry| expiry.duration_since(SystemTime::from(now)).unwrap_or_default())
        };
        let usable = held.credentials.clone().filter(|held| left(held).is_none_or(|left| !left.is_zero()));
        if let Some(credentials) = &usable
            && left(credentials).is_none_or(|left| left > MARGIN)
        {
            return Ok(credentials.clone());
        }
        let lately = held.tried.is_some_and(|tried| now.duration_since(tried).unsigned_abs() < PATIENCE);
        if lately {
            if let Some(credentials) = usable {
                return Ok(credentials);
            }
            if let Some(cause) = &held.failure {
                return Err(cause.clone());
            }
        }
        held.tried = Some(now);
        match self.0.origin.obtain().await {
            Ok(credentials) => {
                held.credentials = Some(credentials.clone());
                held.failure = None;
                Ok(credentials)
            }
            Err(cause) => {
                held.failure = Some(cause.clone());
                usable.ok_or(cause)
            }
        }
    }
}

impl ProvideCredentials for Renewing {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(async move { self.current().await.map_err(CredentialsError::provider_error) })
    }
}

impl Origin {
    async fn obtain(&self) -> Result<Credentials, Cause> {
        match self {
            Self::Chain(chain) => chain.provide_credentials().await.map_err(|error| no_credentials(&error)),
            Self::Role(role) => role.assume().await,
        }
    }
}

/// The normal chain gave nothing.
fn no_credentials(error: &CredentialsError) -> Cause {
    const FIX: &str = "sign in, or set a profile or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY";
    // Why nobody could be asked for them is no lack of them.
    if let Some(ours) = errors::in_chain::<Cause>(error) {
        return ours.clone();
    }
    let message = match error {
        CredentialsError::CredentialsNotLoaded(_) => format!("no AWS credentials found, {FIX}"),
        CredentialsError::ProviderTimedOut(_) => format!("the credentials provider did not answer in time, {FIX}"),
        other => format!("no AWS credentials found, {FIX} ({})", deepest(other)),
    };
    Cause::new(CauseKind::ExpiredCredentials, "credentials", clean(&message))
}

impl Role {
    async fn assume(&self) -> Result<Credentials, Cause> {
        let asked = self.duration.load(Ordering::Relaxed);
        match self.assume_for(asked).await {
            Err(cause) if asked > ONE_HOUR && cause.message.contains("DurationSeconds") => {
                // The role allows less. An hour is the least a role can have as its maximum.
                let granted = self.assume_for(ONE_HOUR).await?;
                self.duration.store(ONE_HOUR, Ordering::Relaxed);
                Ok(granted)
            }
            outcome => outcome,
        }
    }

    async fn assume_for(&self, seconds: i32) -> Result<Credentials, Cause> {
        let tag = |(key, value): (&String, &String)| Tag::builder().key(key).value(value).build().ok();
        let tags: Vec<Tag> = self.tags.iter().filter_map(tag).collect();
        let answer = self
            .sts
            .assume_role()
            .role_arn(&self.arn)
            .role_session_name(&self.session_name)
            .set_external_id(self.external_id.as_ref().map(|id| id.expose_secret().to_owned()))
            .set_policy(self.policy.as_deref().map(str::to_owned))
            .set_duration_seconds((seconds > 0).then_some(seconds))
            .set_source_identity(self.source_identity.clone())
            .set_tags((!tags.is_empty()).then_some(tags))
            .send()
            .await
            .map_err(|error| self.explain(errors::cause(ASSUME_ROLE, &error)))?;
        let Some(granted) = answer.credentials() else {
            return Err(Cause::new(CauseKind::NotAnAwsAnswer, ASSUME_ROLE, "the answer holds no credentials"));
        };
        let expiry = SystemTime::try_from(*granted.expiration())
            .map_err(|_| Cause::new(CauseKind::NotAnAwsAnswer, ASSUME_ROLE, "the answer holds no expiry"))?;
        Ok(Credentials::builder()
            .access_key_id(granted.access_key_id())
            .secret_access_key(granted.secret_access_key())
            .session_token(granted.session_token())
            .expiry(expiry)
            .provider_name("orgward")
            .build())
    }

    /// A denial is about the role; and whatever AWS echoes, the ExternalId stays here.
    fn explain(&self, mut cause: Cause) -> Cause {
        if let Some(id) = &self.external_id {
            cause = errors::without(cause, id.expose_secret());
        }
        if cause.kind == CauseKind::AccessDenied {
            cause.kind = CauseKind::AssumeRoleDenied;
            let id = if self.external_id.is_some() { "with an ExternalId" } else { "without an ExternalId" };
            cause.message = format!("role `{}` could not be assumed {id}: {}", self.arn, cause.message);
        }
        cause
    }
}
