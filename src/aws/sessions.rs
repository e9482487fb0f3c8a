//! Sessions: who the caller is, and how to get into the accounts of the organization.

use super::account_session::AccountSession;
use super::clock::Clock;
use super::credentials::{Origin, Renewing, Role};
use super::endpoints;
use super::errors;
use super::gate::{Gate, throttled_attempts};
use super::learned::Memory;
use super::limiter::{Limiter, Pace};
use super::quotas::{Allowance, Quotas};
use super::session_policy;
use super::settings::{Purpose, SessionSettings, StaticCredentials};
use super::sharing::Sharing;
use super::stats::{Asking, CallStats, Stats};
use crate::model::ids::{AccountId, Arn, Region};
use crate::model::observed::{Cause, CauseKind};
use aws_config::profile::ProfileFileCredentialsProvider;
use aws_config::provider_config::ProviderConfig;
use aws_config::retry::RetryConfig;
use aws_config::stalled_stream_protection::StalledStreamProtectionConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{AppName, BehaviorVersion, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_async::rt::sleep::SharedAsyncSleep;
use aws_smithy_async::time::SharedTimeSource;
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use secrecy::{ExposeSecret, SecretString};
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicI32;
use std::time::Duration;
use tokio::sync::Semaphore;

/// How long a connection may take.
const CONNECT_TIMEOUT: Duration = Duration::from_millis(3100);
/// The longest session of a role assumed by a role, in seconds.
const CHAINED_LIMIT: i32 = 3600;
/// The operation that tells who the caller is.
const WHO_AM_I: &str = "sts:GetCallerIdentity";

/// Who runs orgward.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// The account of the credentials.
    pub account: AccountId,
    /// The user, role session or root.
    pub arn: String,
    /// The partition: `aws`, `aws-cn`, `aws-us-gov`, `aws-eusc`.
    pub partition: String,
}

impl Caller {
    /// Whether the caller is itself a role session: roles it assumes last an hour at most.
    pub fn is_role_session(&self) -> bool {
        Arn::parse(&self.arn).is_some_and(|arn| arn.service == "sts" && arn.resource.starts_with("assumed-role/"))
    }
}

/// The way into every account of an organization. Cloning shares it.
#[derive(Clone)]
pub struct Sessions(Arc<Inner>);

struct Inner {
    gate: Arc<Gate>,
    settings: SessionSettings,
    template: Arc<SdkConfig>,
    /// The session policy of every audit.
    read_only: Arc<str>,
    caller: Caller,
    home: Region,
    base: AccountSession,
}

impl fmt::Debug for Sessions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sessions({} in {})", self.0.caller.arn, self.0.home)
    }
}

impl Sessions {
    /// Finds credentials and asks STS whose they are.
    ///
    /// # Errors
    /// If a setting or the environment can't be used, there are no credentials, or STS does not know them.
    pub async fn connect(
        http: SharedHttpClient,
        clock: Clock,
        settings: SessionSettings,
        quotas: Quotas,
    ) -> Result<Self, Cause> {
        settings.validate()?;
        let env = |name| std::env::var(name).ok();
        let attempts = settings.attempts(env("AWS_MAX_ATTEMPTS").as_deref(), env("AWS_RETRY_MODE").as_deref())?;
        let template = Arc::new(template(&http, &clock, &settings, attempts).await);
        let chain = template.credentials_provider().ok_or_else(|| {
            Cause::new(
                CauseKind::ExpiredCredentials,
                "credentials",
                "no AWS credentials found, sign in or set a profile",
            )
        })?;
        let credentials = Renewing::new(Origin::Chain(chain), clock.clone());
        // Asked first by itself, so that a missing sign-in is told as such.
        credentials.current().await.map_err(|cause| match &settings.profile {
            Some(profile) => {
                let hint = "`aws configure list-profiles` names the profiles there are";
                Cause::new(cause.kind, cause.operation, format!("profile `{profile}`: {}; {hint}", cause.message))
            }
            None => cause,
        })?;
        let given = template.region().and_then(|region| region.as_ref().parse::<Region>().ok());
        let memory = settings.memory.clone().believed(clock.now());
        let limiter = Limiter::new(clock.clone(), quotas, settings.sharing, &memory);
        let wire = Semaphore::new(settings.max_in_flight.clamp(1, Semaphore::MAX_PERMITS));
        let gate = Arc::new(Gate { clock, limiter, stats: Stats::default(), http, wire, attempts });
        let first: Region = match &given {
            Some(region) => region.clone(),
            None => default_region("aws")?,
        };
        let caller = who_am_i(&gate, &template, &credentials, &first).await.map_err(|cause| match &given {
            // A misspelled Region has no address; whether it is one, only AWS knows.
            Some(region) if cause.kind == CauseKind::Unreachable && endpoints::endpoint(&template, "STS").is_none() => {
                let message = format!(
                    "{}; it was asked in Region `{region}`, check that there is one of that name",
                    cause.message
                );
                Cause::new(cause.kind, cause.operation, message)
            }
            _ => cause,
        })?;
        gate.limiter.caller_is(caller.account.as_str());
        let home = match given {
            Some(region) => region,
            None => default_region(&caller.partition)?,
        };
        let base = AccountSession::new(
            caller.account.clone(),
            &caller.partition,
            home.clone(),
            Arc::clone(&gate),
            Arc::clone(&template),
            credentials,
        );
        let read_only = Arc::from(session_policy::read_only());
        Ok(Self(Arc::new(Inner { gate, settings, template, read_only, caller, home, base })))
    }

    /// Who runs orgward.
    pub fn caller(&self) -> &Caller {
        &self.0.caller
    }

    /// Where STS is called and what a run looks at first.
    pub fn home_region(&self) -> &Region {
        &self.0.home
    }

    /// Whether every service's endpoint is on this machine, as the clients resolve them: flag, `AWS_ENDPOINT_URL`,
    /// `AWS_ENDPOINT_URL_<SERVICE>`, shared configuration and `AWS_IGNORE_CONFIGURED_ENDPOINT_URLS` together. What is only
    /// safe against a sandbox asks this, not the environment.
    pub fn all_on_loopback(&self) -> bool {
        endpoints::all_on_loopback(&self.0.template)
    }

    /// How much of the quotas is this run's.
    pub fn sharing(&self) -> Sharing {
        self.0.settings.sharing
    }

    /// What is to be remembered of limits that AWS does not publish, where `kept` is what is kept now: the run began with
    /// [`SessionSettings::memory`], and another may have written since.
    pub fn memory(&self, kept: &Memory) -> Memory {
        kept.after(&self.0.settings.memory, self.0.gate.limiter.learned(), self.clock().now())
    }

    /// The run's clock.
    pub fn clock(&self) -> &Clock {
        &self.0.gate.clock
    }

    /// What the calls of the run came to so far.
    pub fn stats(&self) -> CallStats {
        self.0.gate.stats.so_far()
    }

    /// Requests sent per second, over the last ten seconds.
    pub fn requests_per_second(&self) -> f64 {
        self.0.gate.stats.per_second(self.clock().elapsed())
    }

    /// What is going on in an account; `None` if no session in it is left.
    pub fn asking(&self, account: &AccountId) -> Option<Asking> {
        self.0.gate.stats.asking(account.as_str())
    }

    /// How fast the caller's own bucket of an operation may be drained, and how often it was: of STS in the home Region, or of
    /// Organizations.
    pub fn own_pace(&self, service: &'static str, operation: &str) -> Pace {
        let base = self.base();
        let region = if service == "sts" { self.home_region().clone() } else { base.global_region() };
        self.0.gate.limiter.pace(self.caller().account.as_str(), region.as_str(), service, operation)
    }

    /// What this run may take of an operation's bucket: in the caller's `own` account, or in a member. `service` is the prefix
    /// of the service's IAM actions.
    pub fn allowance(&self, own: bool, service: &str, operation: &str) -> Allowance {
        self.0.gate.limiter.allowance(own, service, operation)
    }

    /// The caller's own account with the caller's own credentials.
    pub fn base(&self) -> AccountSession {
        self.0.base.clone()
    }

    /// The ARN of the role assumed in an account for a purpose.
    pub fn role_arn(&self, account: &AccountId, purpose: Purpose) -> String {
        let (name, _) = self.0.settings.role(account, purpose);
        format!("arn:{}:iam::{account}:role/{}", self.0.caller.partition, name.trim_start_matches('/'))
    }

    /// The ExternalId with which an account's role is assumed for a purpose, if any was given.
    pub fn external_id(&self, account: &AccountId, purpose: Purpose) -> Option<SecretString> {
        self.0.settings.role(account, purpose).1.cloned()
    }

    /// A session in an account: the caller's own account with the caller's own credentials, any other by assuming its
    /// role. The role is assumed now, so that a role that can't be is told here.
    ///
    /// # Errors
    /// [`CauseKind::AssumeRoleDenied`] if the role is missing, does not trust the caller or wants another ExternalId;
    /// else why STS could not be asked.
    pub async fn enter(&self, account: &AccountId, purpose: Purpose) -> Result<AccountSession, Cause> {
        let inner = &self.0;
        if *account == inner.caller.account {
            return Ok(inner.base.apart());
        }
        let (_, external_id) = inner.settings.role(account, purpose);
        let role = self.role(account, purpose, external_id.cloned());
        let credentials = Renewing::new(Origin::Role(Box::new(role)), inner.gate.clock.clone());
        credentials.current().await?;
        Ok(AccountSession::new(
            account.clone(),
            &inner.caller.partition,
            inner.home.clone(),
            Arc::clone(&inner.gate),
            Arc::clone(&inner.template),
            credentials,
        ))
    }

    /// Whether the audit role of an account lets the caller in without its ExternalId: tried by assuming it, with a session that
    /// may not write and is dropped unused. `None` where no ExternalId is agreed on, or the caller is in that account already:
    /// nothing is tried.
    ///
    /// # Errors
    /// Why STS could not be asked; a denial is an answer.
    pub async fn enters_without_external_id(&self, account: &AccountId) -> Result<Option<bool>, Cause> {
        let (_, external_id) = self.0.settings.role(account, Purpose::Audit);
        if external_id.is_none() || *account == self.0.caller.account {
            return Ok(None);
        }
        let role = self.role(account, Purpose::Audit, None);
        let credentials = Renewing::new(Origin::Role(Box::new(role)), self.0.gate.clock.clone());
        match credentials.current().await {
            Ok(_) => Ok(Some(true)),
            Err(cause) if cause.kind == CauseKind::AssumeRoleDenied => Ok(Some(false)),
            Err(cause) => Err(cause),
        }
    }

    /// A role, and how it is assumed.
    fn role(&self, account: &AccountId, purpose: Purpose, external_id: Option<SecretString>) -> Role {
        let inner = &self.0;
        let settings = &inner.settings;
        let mut seconds = settings.duration.and_then(|d| i32::try_from(d.as_secs()).ok()).unwrap_or(0);
        if inner.caller.is_role_session() {
            seconds = seconds.min(CHAINED_LIMIT);
        }
        Role {
            sts: inner.base.sts(),
            arn: self.role_arn(account, purpose),
            external_id,
            session_name: settings.session_name.clone(),
            policy: (purpose == Purpose::Audit).then(|| Arc::clone(&inner.read_only)),
            duration: AtomicI32::new(seconds),
            source_identity: settings.source_identity.clone(),
            tags: settings.tags.clone(),
        }
    }
}

/// Asks STS whose the credentials are.
async fn who_am_i(
    gate: &Arc<Gate>,
    template: &Arc<SdkConfig>,
    credentials: &Renewing,
    home: &Region,
) -> Result<Caller, Cause> {
    let unread = |what: &str| Cause::new(CauseKind::NotAnAwsAnswer, WHO_AM_I, format!("the answer holds no {what}"));
    // The account is not known yet; its bucket is used for this one call.
    let nobody: AccountId = "000000000000".parse().map_err(|_| unread("account"))?;
    let session =
        AccountSession::new(nobody, "", home.clone(), Arc::clone(gate), Arc::clone(template), credentials.clone());
    let answer = session.sts().get_caller_identity().send().await.map_err(|error| errors::cause(WHO_AM_I, &error))?;
    let account = answer.account().and_then(|id| id.parse().ok()).ok_or_else(|| unread("account id"))?;
    let arn = answer.arn().unwrap_or_default();
    let partition = Arn::parse(arn).ok_or_else(|| unread("ARN"))?.partition.to_owned();
    Ok(Caller { account, arn: arn.to_owned(), partition })
}

/// Where a partition is called if nobody names a Region.
fn default_region(partition: &str) -> Result<Region, Cause> {
    let region = match partition {
        "aws-cn" => "cn-north-1",
        "aws-us-gov" => "us-gov-west-1",
        "aws-eusc" => "eusc-de-east-1",
        _ => "us-east-1",
    };
    region.parse().map_err(|error| Cause::new(CauseKind::Other, "session settings", format!("{error}")))
}

/// What every client has in common: time, time-outs, retries, endpoint.
async fn template(http: &SharedHttpClient, clock: &Clock, settings: &SessionSettings, attempts: u32) -> SdkConfig {
    // What is not throttled is bounded at the gate.
    let retries = RetryConfig::standard().with_max_attempts(throttled_attempts(attempts));
    let timeouts =
        TimeoutConfig::builder().connect_timeout(CONNECT_TIMEOUT).read_timeout(settings.read_timeout).build();
    let region = settings.region.as_ref().map(|region| aws_types::region::Region::new(region.as_str().to_owned()));
    let sdk = match &settings.credentials {
        Some(given) => {
            let mut builder = SdkConfig::builder().behavior_version(BehaviorVersion::latest()).region(region);
            builder.set_endpoint_url(settings.endpoint_url.clone());
            builder.set_credentials_provider(Some(SharedCredentialsProvider::new(credentials(given))));
            builder.build()
        }
        None => {
            let mut loader = aws_config::defaults(BehaviorVersion::latest())
                .http_client(http.clone())
                .sleep_impl(clock.clone())
                .time_source(clock.clone())
                // Set here, so that the loader does not read (and panic on) settings of its own.
                .retry_config(retries.clone())
                .timeout_config(timeouts.clone());
            if let Some(region) = region.clone() {
                loader = loader.region(region);
            }
            if let Some(profile) = &settings.profile {
                // A profile that was asked for beats keys in the environment, which the normal chain would take first.
                let provider = ProviderConfig::default().with_http_client(http.clone()).with_region(region.clone());
                let named = ProfileFileCredentialsProvider::builder().profile_name(profile).configure(&provider);
                loader = loader.profile_name(profile).credentials_provider(named.build());
            }
            if let Some(url) = &settings.endpoint_url {
                loader = loader.endpoint_url(url);
            }
            loader.load().await
        }
    };
    let mut builder = sdk.into_builder();
    builder.set_retry_config(Some(retries));
    builder.set_timeout_config(Some(timeouts));
    builder.set_sleep_impl(Some(SharedAsyncSleep::new(clock.clone())));
    builder.set_time_source(Some(SharedTimeSource::new(clock.clone())));
    builder.set_app_name(AppName::new("orgward").ok());
    // Bodies are read whole and timed at the gate.
    builder.set_stalled_stream_protection(Some(StalledStreamProtectionConfig::disabled()));
    builder.build()
}

/// Credentials given outright.
fn credentials(given: &StaticCredentials) -> Credentials {
    let token = given.session_token.as_ref().map(|token| token.expose_secret().to_owned());
    Credentials::new(&given.access_key_id, given.secret_access_key.expose_secret(), token, None, "given")
}
