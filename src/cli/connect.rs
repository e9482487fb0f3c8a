//! From settings to sessions: against AWS (or whatever AWS_ENDPOINT_URL names), or against the sandbox in this process.

use super::exit::{Exit, Failure};
use crate::aws::{Clock, Memory, Quotas, RoleOverride, SessionSettings, Sessions, Sharing};
use crate::config::Settings;
use crate::model::{Cause, CauseKind, os_words};
use aws_smithy_runtime_api::client::http::SharedHttpClient;

/// What a run talks to.
pub struct Environment {
    /// The one HTTP client.
    pub http: SharedHttpClient,
    /// The one clock.
    pub clock: Clock,
    /// Fixed credentials instead of the normal chain; the sandbox's.
    pub credentials: Option<crate::aws::StaticCredentials>,
    /// Requests on the wire at once.
    pub max_in_flight: usize,
    /// What runs before learned of limits that AWS does not publish.
    pub memory: Memory,
    /// How many processes share the caller's own quotas; 0 counts as 1.
    pub shards: u32,
}

impl Environment {
    /// The real thing, or an endpoint on this machine named by AWS_ENDPOINT_URL; as many connections as open files allow.
    pub fn real() -> Self {
        let max_in_flight = crate::aws::room_for(crate::aws::DEFAULT_MAX_IN_FLIGHT);
        Self {
            http: crate::aws::production_http(),
            clock: Clock::system(),
            credentials: None,
            max_in_flight,
            memory: Memory::default(),
            shards: 1,
        }
    }

    /// Sessions for `settings`.
    ///
    /// # Errors
    /// If credentials, Region or a setting can't be used: with the fix.
    pub async fn connect(&self, settings: &Settings) -> Result<Sessions, Failure> {
        self.try_connect(settings).await?.map_err(|cause| {
            let fix = match cause.kind {
                CauseKind::Other => String::new(),
                kind => format!("; fix: {}", kind.fix()),
            };
            Failure::new(Exit::Error, format!("{cause}{fix}"))
        })
    }

    /// The same, with why AWS knows nobody here as a cause.
    ///
    /// # Errors
    /// If a file of settings can't be used.
    pub async fn try_connect(&self, settings: &Settings) -> Result<Result<Sessions, Cause>, Failure> {
        let quotas = match &settings.quotas_file {
            None => Quotas::embedded(),
            Some(path) => {
                let name = path.display().to_string();
                let text = std::fs::read_to_string(path).map_err(|error| {
                    Failure::usage([format!("quotas file `{name}` can't be read: {}", os_words(&error))])
                })?;
                Quotas::embedded().with_overrides(&name, &text).map_err(|error| Failure::usage([error]))?
            }
        };
        let overrides = settings.accounts.iter().map(|(account, entry)| {
            let role = RoleOverride { role_name: entry.role_name.clone(), external_id: entry.external_id.clone() };
            (account.clone(), role)
        });
        let session = SessionSettings {
            role_name: settings.role_name.clone(),
            external_id: settings.external_id.clone(),
            overrides: overrides.collect(),
            apply_role_name: Some(settings.apply_role_name.clone()),
            apply_external_id: settings.apply_external_id.clone(),
            session_name: settings.session_name.clone(),
            duration: settings.session_duration.map(|seconds| std::time::Duration::from_secs(seconds.into())),
            source_identity: settings.source_identity.clone(),
            tags: settings.session_tags.clone(),
            profile: settings.profile.clone(),
            region: settings.region.clone(),
            credentials: self.credentials.clone(),
            max_in_flight: self.max_in_flight,
            sharing: Sharing { share: settings.share, shards: self.shards },
            memory: self.memory.clone(),
            ..SessionSettings::default()
        };
        Ok(Sessions::connect(self.http.clone(), self.clock.clone(), session, quotas).await)
    }
}
