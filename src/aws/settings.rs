//! How sessions are made: role names, ExternalIds, durations, where the caller's credentials come from. Checked here once,
//! against the STS API reference, before anything is sent.

use super::learned::Memory;
use super::sharing::Sharing;
use crate::model::ids::{AccountId, Region};
use crate::model::observed::{Cause, CauseKind};
use secrecy::{ExposeSecret, SecretString};
use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

/// Attempts for each call unless told otherwise, the first included.
pub const DEFAULT_MAX_ATTEMPTS: u32 = 8;
/// How long to wait for an answer unless told otherwise.
pub const DEFAULT_READ_TIMEOUT: Duration = Duration::from_secs(25);
/// Requests on the wire at once unless told otherwise.
pub const DEFAULT_MAX_IN_FLIGHT: usize = 1_000;

/// The role to assume in one account, where it differs.
#[derive(Debug, Clone, Default)]
pub struct RoleOverride {
    /// The audit role's name; the general one if none.
    pub role_name: Option<String>,
    /// Its ExternalId; the general one if none.
    pub external_id: Option<SecretString>,
}

/// Credentials given outright instead of being looked for in the normal chain.
#[derive(Clone)]
pub struct StaticCredentials {
    /// The access key id.
    pub access_key_id: String,
    /// The secret access key.
    pub secret_access_key: SecretString,
    /// The session token of temporary credentials.
    pub session_token: Option<SecretString>,
}

impl fmt::Debug for StaticCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StaticCredentials(***)")
    }
}

/// What a session is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Purpose {
    /// Reading: the audit role with a session policy that allows nothing but reads.
    Audit,
    /// Writing: the apply role.
    Apply,
}

/// How sessions are made.
#[derive(Clone)]
pub struct SessionSettings {
    /// The audit role's name, with its path if it has one.
    pub role_name: String,
    /// The audit role's ExternalId.
    pub external_id: Option<SecretString>,
    /// Accounts whose audit role differs.
    pub overrides: BTreeMap<AccountId, RoleOverride>,
    /// The apply role's name; the audit role's if none.
    pub apply_role_name: Option<String>,
    /// The apply role's ExternalId; the audit role's if none.
    pub apply_external_id: Option<SecretString>,
    /// The session's name: 2-64 characters of `[\w+=,.@-]`, shown in CloudTrail.
    pub session_name: String,
    /// The session's duration, 15 minutes to 12 hours; AWS's hour if none.
    pub duration: Option<Duration>,
    /// The source identity: as the session name. The role must allow `sts:SetSourceIdentity`.
    pub source_identity: Option<String>,
    /// Session tags. The role must allow `sts:TagSession`.
    pub tags: BTreeMap<String, String>,
    /// The profile of the shared configuration files.
    pub profile: Option<String>,
    /// The home Region; else the chain's, else the partition's.
    pub region: Option<Region>,
    /// An endpoint for every service; else `AWS_ENDPOINT_URL`, else AWS's own.
    pub endpoint_url: Option<String>,
    /// Credentials that replace the normal chain. The environment and the shared files are then not read.
    pub credentials: Option<StaticCredentials>,
    /// Attempts for each call, the first included, at least 1.
    pub max_attempts: u32,
    /// How long to wait for the head of an answer.
    pub read_timeout: Duration,
    /// Requests on the wire at once over the whole process, Organizations' few aside; 0 counts as 1. What open files allow
    /// is told by [`super::room_for`].
    pub max_in_flight: usize,
    /// How much of the quotas is this run's.
    pub sharing: Sharing,
    /// What runs before learned of limits that AWS does not publish.
    pub memory: Memory,
}

impl Default for SessionSettings {
    fn default() -> Self {
        Self {
            role_name: "OrganizationAccountAccessRole".to_owned(),
            external_id: None,
            overrides: BTreeMap::new(),
            apply_role_name: None,
            apply_external_id: None,
            session_name: "orgward".to_owned(),
            duration: None,
            source_identity: None,
            tags: BTreeMap::new(),
            profile: None,
            region: None,
            endpoint_url: None,
            credentials: None,
            max_attempts: DEFAULT_MAX_ATTEMPTS,
            read_timeout: DEFAULT_READ_TIMEOUT,
            max_in_flight: DEFAULT_MAX_IN_FLIGHT,
            sharing: Sharing::default(),
            memory: Memory::default(),
        }
    }
}

impl fmt::Debug for SessionSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionSettings")
            .field("role_name", &self.role_name)
            .field("external_id", &self.external_id.as_ref().map(|_| "***"))
            .field("overrides", &self.overrides.keys())
            .field("apply_role_name", &self.apply_role_name)
            .field("apply_external_id", &self.apply_external_id.as_ref().map(|_| "***"))
            .field("session_name", &self.session_name)
            .field("duration", &self.duration)
            .field("profile", &self.profile)
            .field("region", &self.region)
            .field("sharing", &self.sharing)
            .finish_non_exhaustive()
    }
}

impl SessionSettings {
    /// The role's name and ExternalId for an account.
    pub(super) fn role(&self, account: &AccountId, purpose: Purpose) -> (&str, Option<&SecretString>) {
        let special = self.overrides.get(account);
        let name = special.and_then(|special| special.role_name.as_deref()).unwrap_or(&self.role_name);
        let external_id = special.and_then(|special| special.external_id.as_ref()).or(self.external_id.as_ref());
        match purpose {
            Purpose::Audit => (name, external_id),
            Purpose::Apply => {
                (self.apply_role_name.as_deref().unwrap_or(name), self.apply_external_id.as_ref().or(external_id))
            }
        }
    }

    /// Checks every setting against what STS takes.
    ///
    /// # Errors
    /// The first setting STS would refuse, by name.
    pub fn validate(&self) -> Result<(), Cause> {
        let special = self.overrides.values();
        let roles = [Some(&self.role_name), self.apply_role_name.as_ref()].into_iter().flatten();
        for role in roles.chain(special.clone().filter_map(|special| special.role_name.as_ref())) {
            within("role name", role, 1..=512, "+=,.@-_/")?;
        }
        let ids = [self.external_id.as_ref(), self.apply_external_id.as_ref()].into_iter().flatten();
        for id in ids.chain(special.filter_map(|special| special.external_id.as_ref())) {
            external_id(id)?;
        }
        within("session name", &self.session_name, 2..=64, "+=,.@-_")?;
        if let Some(identity) = &self.source_identity {
            within("source identity", identity, 2..=64, "+=,.@-_")?;
        }
        if let Some(duration) = self.duration
            && !(900..=43_200).contains(&duration.as_secs())
        {
            let seconds = duration.as_secs();
            return Err(bad(format!("session duration `{seconds}` s is not between 900 and 43200 s")));
        }
        if self.tags.len() > 50 {
            return Err(bad(format!("`{}` session tags are more than the 50 that STS takes", self.tags.len())));
        }
        for (key, value) in &self.tags {
            if !(1..=128).contains(&key.chars().count()) || value.chars().count() > 256 {
                return Err(bad(format!("session tag `{key}` has a key over 128 or a value over 256 characters")));
            }
        }
        if self.max_attempts == 0 {
            return Err(bad("max attempts is `0`, use at least 1".to_owned()));
        }
        Ok(())
    }

    /// The attempts for each call, after a look at `AWS_MAX_ATTEMPTS` and `AWS_RETRY_MODE`, which counts unless an own
    /// number of attempts was set.
    ///
    /// # Errors
    /// If either can't be used; the AWS libraries would panic.
    pub(super) fn attempts(&self, max_attempts: Option<&str>, retry_mode: Option<&str>) -> Result<u32, Cause> {
        if let Some(mode) = retry_mode.filter(|mode| !["standard", "adaptive", "legacy"].contains(mode)) {
            return Err(bad(format!("AWS_RETRY_MODE `{mode}` is not known, use `standard` or unset it")));
        }
        let Some(text) = max_attempts else { return Ok(self.max_attempts) };
        match text.parse::<u32>() {
            Ok(attempts @ 1..) if self.max_attempts == DEFAULT_MAX_ATTEMPTS => Ok(attempts),
            Ok(1..) => Ok(self.max_attempts),
            _ => Err(bad(format!("AWS_MAX_ATTEMPTS `{text}` is not a number of at least 1, correct or unset it"))),
        }
    }
}

/// Checks an ExternalId: 2-1,224 characters of `[\w+=,.@:\/-]`. The error does not repeat it.
fn external_id(id: &SecretString) -> Result<(), Cause> {
    let id = id.expose_secret();
    let good = |c: char| c.is_ascii_alphanumeric() || "_+=,.@:/-".contains(c);
    if (2..=1224).contains(&id.chars().count()) && id.chars().all(good) {
        Ok(())
    } else {
        Err(bad("an ExternalId is not 2 to 1224 characters of letters, digits and _+=,.@:/-".to_owned()))
    }
}

/// Checks that a text has a length and consists of letters, digits and `signs`.
fn within(name: &str, text: &str, length: std::ops::RangeInclusive<usize>, signs: &str) -> Result<(), Cause> {
    let good = text.chars().all(|c| c.is_ascii_alphanumeric() || signs.contains(c));
    if good && length.contains(&text.len()) {
        return Ok(());
    }
    let (least, most) = (length.start(), length.end());
    let text: String = text.chars().take(64).collect();
    Err(bad(format!("{name} `{text}` is not {least} to {most} characters of letters, digits and {signs}")))
}

/// A setting that can't be used.
fn bad(message: String) -> Cause {
    Cause::new(CauseKind::Other, "session settings", message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(change: impl FnOnce(&mut SessionSettings)) -> String {
        let mut settings = SessionSettings::default();
        change(&mut settings);
        settings.validate().unwrap_err().to_string()
    }

    #[test]
    fn what_sts_refuses_is_refused_before_it_is_sent() {
        assert_eq!(SessionSettings::default().validate(), Ok(()));
        assert!(refused(|s| s.session_name = "x".into()).contains("session name `x`"));
        assert!(refused(|s| s.session_name = "a b".into()).contains("session name"));
        assert!(refused(|s| s.source_identity = Some("y".repeat(65))).contains("source identity"));
        assert!(refused(|s| s.role_name = "a*b".into()).contains("role name"));
        assert!(refused(|s| s.duration = Some(Duration::from_secs(899))).contains("`899`"));
        assert!(refused(|s| s.max_attempts = 0).contains("`0`"));
        let secret = "white space";
        let error = refused(|s| s.external_id = Some(secret.into()));
        assert!(error.contains("ExternalId") && !error.contains(secret), "{error}");
        assert!(refused(|s| s.apply_external_id = Some("z".into())).contains("ExternalId"));
        let account: AccountId = "111122223333".parse().unwrap();
        let special = RoleOverride { role_name: None, external_id: Some("é1".into()) };
        assert!(refused(|s| drop(s.overrides.insert(account, special))).contains("ExternalId"));
        let good = SessionSettings { external_id: Some("Ab-1_+=,.@:/".into()), ..SessionSettings::default() };
        assert_eq!(good.validate(), Ok(()));
    }

    #[test]
    fn the_environment_is_checked_before_the_sdk_panics_on_it() {
        let settings = SessionSettings::default();
        assert_eq!(settings.attempts(None, None), Ok(DEFAULT_MAX_ATTEMPTS));
        assert_eq!(settings.attempts(Some("3"), Some("standard")), Ok(3));
        assert_eq!(SessionSettings { max_attempts: 5, ..settings.clone() }.attempts(Some("3"), None), Ok(5));
        for bad in ["0", "", "-1", "many"] {
            assert!(settings.attempts(Some(bad), None).unwrap_err().message.contains("AWS_MAX_ATTEMPTS"), "{bad}");
        }
        assert!(settings.attempts(None, Some("fast")).unwrap_err().message.contains("AWS_RETRY_MODE `fast`"));
    }

    #[test]
    fn each_purpose_and_account_has_its_role() {
        let account: AccountId = "111122223333".parse().unwrap();
        let other: AccountId = "111122224444".parse().unwrap();
        let mut settings =
            SessionSettings { role_name: "Audit".into(), external_id: Some("general".into()), ..Default::default() };
        settings.overrides.insert(
            account.clone(),
            RoleOverride { role_name: Some("Special".into()), external_id: Some("special".into()) },
        );
        let role = |settings: &SessionSettings, account, purpose| {
            let (name, id) = settings.role(account, purpose);
            (name.to_owned(), id.map(|id| id.expose_secret().to_owned()))
        };
        assert_eq!(role(&settings, &account, Purpose::Audit), ("Special".into(), Some("special".into())));
        assert_eq!(role(&settings, &other, Purpose::Audit), ("Audit".into(), Some("general".into())));
        assert_eq!(role(&settings, &account, Purpose::Apply), ("Special".into(), Some("special".into())));
        settings.apply_role_name = Some("Apply".into());
        settings.apply_external_id = Some("apply".into());
        assert_eq!(role(&settings, &account, Purpose::Apply), ("Apply".into(), Some("apply".into())));
    }

    #[test]
    fn debug_shows_no_secret() {
        let settings = SessionSettings {
            external_id: Some("very-secret".into()),
            credentials: Some(StaticCredentials {
                access_key_id: "AKIAVERY".into(),
                secret_access_key: "very-secret".into(),
                session_token: Some("very-secret".into()),
            }),
            ..SessionSettings::default()
        };
        let shown = format!("{settings:?} {:?}", settings.credentials);
        assert!(!shown.contains("very-secret") && !shown.contains("AKIAVERY"), "{shown}");
    }
}
