//! Flags that several commands share, and how they become settings and a scope request.

use super::environment::FromEnvironment;
use super::exit::Failure;
use crate::config::{ConfigFile, Overrides, Settings};
use crate::model::scope::{RegionRequest, ScopeRequest};
use crate::model::{AccountId, Region, Share};
use crate::store;
use clap::Args;
use secrecy::SecretString;
use std::path::PathBuf;

/// How to reach the organization.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Connection")]
pub struct ConnectionArgs {
    #[command(flatten)]
    environment: FromEnvironment,
    /// Config file [default: ./orgward.yaml, if it exists]
    #[arg(long, env = "ORGWARD_CONFIG", value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Profile of the shared AWS config
    #[arg(long, env = "ORGWARD_PROFILE", value_name = "NAME")]
    pub profile: Option<String>,
    /// Home Region: where STS is asked and the organization trail is looked for
    #[arg(long, env = "ORGWARD_REGION", value_name = "REGION")]
    pub region: Option<Region>,
    /// Role to assume in every member, to look [default: OrgwardAudit]
    #[arg(long, env = "ORGWARD_ROLE_NAME", value_name = "NAME")]
    pub role_name: Option<String>,
    /// ExternalId of that role; better through ORGWARD_EXTERNAL_ID or a file
    #[arg(long, env = "ORGWARD_EXTERNAL_ID", hide_env_values = true, value_name = "ID", value_parser = secret)]
    pub external_id: Option<SecretString>,
    /// File whose first line is the ExternalId
    #[arg(long, env = "ORGWARD_EXTERNAL_ID_FILE", value_name = "FILE")]
    pub external_id_file: Option<PathBuf>,
    /// Role to assume in members to change things; only apply uses it [default: OrgwardApply]
    #[arg(long, env = "ORGWARD_APPLY_ROLE_NAME", value_name = "NAME")]
    pub apply_role_name: Option<String>,
    /// ExternalId of the apply role; better through ORGWARD_APPLY_EXTERNAL_ID or a file
    #[arg(long, env = "ORGWARD_APPLY_EXTERNAL_ID", hide_env_values = true, value_name = "ID", value_parser = secret)]
    pub apply_external_id: Option<SecretString>,
    /// File whose first line is the apply role's ExternalId
    #[arg(long, env = "ORGWARD_APPLY_EXTERNAL_ID_FILE", value_name = "FILE")]
    pub apply_external_id_file: Option<PathBuf>,
    /// Session name that CloudTrail shows in the member [default: orgward]
    #[arg(long, env = "ORGWARD_SESSION_NAME", value_name = "NAME")]
    pub session_name: Option<String>,
    /// How long a session lasts, in seconds (900 to 43200; 3600 at most under role chaining)
    #[arg(long, env = "ORGWARD_SESSION_DURATION", value_name = "SECONDS")]
    pub session_duration: Option<u32>,
    /// Source identity of each session
    #[arg(long, env = "ORGWARD_SOURCE_IDENTITY", value_name = "NAME")]
    pub source_identity: Option<String>,
    /// Session tag; repeatable, or several with commas between
    #[arg(long = "session-tag", env = "ORGWARD_SESSION_TAGS", value_name = "KEY=VALUE", value_parser = key_value, value_delimiter = ',')]
    pub session_tags: Vec<(String, String)>,
    /// Accounts worked on at once [default: 64]
    #[arg(long, env = "ORGWARD_MAX_CONCURRENCY", value_name = "N")]
    pub max_concurrency: Option<usize>,
    /// How much of every request quota to take at most, such as 50%; the rest is left to others [default: 100%]
    #[arg(long, env = "ORGWARD_SHARE", value_name = "SHARE")]
    pub share: Option<Share>,
    /// Request quotas that differ from AWS's published ones (form: config/quotas.yaml)
    #[arg(long, env = "ORGWARD_QUOTAS", value_name = "FILE")]
    pub quotas: Option<PathBuf>,
    /// Policy sizes and attachments that differ from AWS's published quotas (form: config/policies.yaml)
    #[arg(long, env = "ORGWARD_POLICY_QUOTAS", value_name = "FILE")]
    pub policy_quotas: Option<PathBuf>,
    /// Where runs are kept [default: the platform's state directory]
    #[arg(long, env = "ORGWARD_STATE_DIR", value_name = "DIR")]
    pub state_dir: Option<PathBuf>,
}

impl ConnectionArgs {
    /// The config file as messages and reports name it, whether it exists or not.
    pub fn config_name(&self) -> String {
        self.config.as_ref().map_or_else(|| "orgward.yaml".to_owned(), |path| path.display().to_string())
    }

    /// Flags over environment variables over the config file over defaults.
    ///
    /// # Errors
    /// If the config file or a value is wrong.
    pub fn settings(&self) -> Result<Settings, Failure> {
        self.settings_with(|_| {})
    }

    /// The same with flags that not every command has.
    ///
    /// # Errors
    /// As [`ConnectionArgs::settings`].
    pub fn settings_with(&self, more: impl FnOnce(&mut Overrides)) -> Result<Settings, Failure> {
        let usual = PathBuf::from("orgward.yaml");
        let file = match &self.config {
            Some(path) => ConfigFile::read(path),
            None if usual.exists() => ConfigFile::found(&usual, store::user()),
            None => Ok(ConfigFile::default()),
        };
        let (external_id, external_id_file) = self
            .environment
            .typed_first(("external_id", &self.external_id), ("external_id_file", &self.external_id_file));
        let (apply_external_id, apply_external_id_file) = self.environment.typed_first(
            ("apply_external_id", &self.apply_external_id),
            ("apply_external_id_file", &self.apply_external_id_file),
        );
        let mut flags = Overrides {
            role_name: self.role_name.clone(),
            external_id,
            external_id_file,
            apply_role_name: self.apply_role_name.clone(),
            apply_external_id,
            apply_external_id_file,
            session_name: self.session_name.clone(),
            session_duration: self.session_duration,
            source_identity: self.source_identity.clone(),
            session_tags: self.session_tags.clone(),
            profile: self.profile.clone(),
            region: self.region.clone(),
            max_concurrency: self.max_concurrency,
            share: self.share,
            state_dir: self.state_dir.clone(),
            quotas_file: self.quotas.clone(),
            policy_quotas_file: self.policy_quotas.clone(),
            ..Overrides::default()
        };
        flags.from_environment = self.environment.settings();
        more(&mut flags);
        file.and_then(|file| Settings::resolve(flags, file, default_state_dir())).map_err(|e| Failure::usage([e]))
    }
}

/// `$XDG_STATE_HOME/orgward`, else `~/.local/state/orgward`; on Windows among the user's own application data, which Windows
/// keeps from others.
fn default_state_dir() -> Option<PathBuf> {
    let named = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let usual = match cfg!(windows) {
        true => named("LOCALAPPDATA"),
        false => named("HOME").map(|home| home.join(".local/state")),
    };
    Some(named("XDG_STATE_HOME").or(usual)?.join("orgward"))
}

/// Which accounts and Regions.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Scope")]
pub struct ScopeArgs {
    /// OU by id or path, with everything below it; repeatable
    #[arg(long = "ou", value_name = "ID|PATH")]
    pub ous: Vec<String>,
    /// Account by id; repeatable
    #[arg(long = "account", value_name = "ID")]
    pub accounts: Vec<AccountId>,
    /// Tag an account must carry; repeatable, all must match
    #[arg(long = "tag", value_name = "KEY=VALUE", value_parser = key_value)]
    pub tags: Vec<(String, String)>,
    /// OU to leave out; repeatable
    #[arg(long = "exclude-ou", value_name = "ID|PATH")]
    pub exclude_ous: Vec<String>,
    /// Account to leave out; repeatable
    #[arg(long = "exclude-account", value_name = "ID")]
    pub exclude_accounts: Vec<AccountId>,
    /// Regions to look at: a comma-separated list, or `all` enabled ones
    #[arg(long, value_name = "LIST|all", default_value = "all", value_parser = regions)]
    pub regions: RegionRequest,
}

impl ScopeArgs {
    /// As the model's request.
    pub fn request(&self) -> ScopeRequest {
        ScopeRequest {
            ous: self.ous.clone(),
            accounts: self.accounts.clone(),
            tags: self.tags.clone(),
            exclude_ous: self.exclude_ous.clone(),
            exclude_accounts: self.exclude_accounts.clone(),
            regions: self.regions.clone(),
        }
    }
}

/// `all`, or Regions with commas between.
fn regions(text: &str) -> Result<RegionRequest, String> {
    if text == "all" {
        return Ok(RegionRequest::AllEnabled);
    }
    let mut list = Vec::new();
    for word in text.split(',').map(str::trim) {
        let region: Region = word.parse().map_err(|error: crate::model::ids::IdError| error.to_string())?;
        if !list.contains(&region) {
            list.push(region);
        }
    }
    Ok(RegionRequest::Only(list))
}

/// `key=value`; the value may hold further equals signs.
pub fn key_value(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
        _ => Err("expected KEY=VALUE".to_owned()),
    }
}

/// Takes a secret out of clap's sight.
#[allow(clippy::unnecessary_wraps, reason = "clap's value parsers return a Result")]
pub fn secret(text: &str) -> Result<SecretString, String> {
    Ok(SecretString::from(text.to_owned()))
}

/// In words, for the scope line.
pub fn regions_in_words(regions: &RegionRequest) -> String {
    match regions {
        RegionRequest::AllEnabled => "all enabled".to_owned(),
        RegionRequest::Only(list) => list.iter().map(Region::as_str).collect::<Vec<_>>().join(", "),
    }
}
