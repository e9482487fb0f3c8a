//! Settings: what a run is told, and where each value came from: flag > environment > file > default.
//!
//! Must not: read playbooks, talk to AWS, or show a secret. Flags and environment arrive through clap (`cli`); the
//! file is read here.

mod file;
mod keep;
mod mistakes;
mod secret;

pub use file::{ConfigError, ConfigFile, RoleOverrideFile};
pub use keep::KeepFacts;
pub use secret::{SecretError, secret};

use crate::model::{AccountId, Region, Share};
use secrecy::SecretString;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

/// The audit role's name where nobody says otherwise.
pub const DEFAULT_ROLE: &str = "OrgwardAudit";
/// The apply role's name where nobody says otherwise.
pub const DEFAULT_APPLY_ROLE: &str = "OrgwardApply";
/// The session name where nobody says otherwise: what CloudTrail shows in the member.
pub const DEFAULT_SESSION_NAME: &str = "orgward";
/// Accounts worked on at once where nobody says otherwise.
pub const DEFAULT_CONCURRENCY: usize = 64;

/// Where a value came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// A flag.
    Flag,
    /// An environment variable.
    Environment,
    /// The config file.
    File,
    /// The embedded default.
    Default,
}

impl Origin {
    /// In words.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Flag => "flag",
            Self::Environment => "environment",
            Self::File => "config file",
            Self::Default => "default",
        }
    }
}

/// What flags and environment say; `None` where they say nothing.
#[derive(Debug, Clone, Default)]
pub struct Overrides {
    /// `--role-name`.
    pub role_name: Option<String>,
    /// `--external-id` or ORGWARD_EXTERNAL_ID.
    pub external_id: Option<SecretString>,
    /// `--external-id-file`.
    pub external_id_file: Option<PathBuf>,
    /// `--apply-role-name`.
    pub apply_role_name: Option<String>,
    /// `--apply-external-id` or ORGWARD_APPLY_EXTERNAL_ID.
    pub apply_external_id: Option<SecretString>,
    /// `--apply-external-id-file`.
    pub apply_external_id_file: Option<PathBuf>,
    /// `--session-name`.
    pub session_name: Option<String>,
    /// `--session-duration`, seconds.
    pub session_duration: Option<u32>,
    /// `--source-identity`.
    pub source_identity: Option<String>,
    /// `--session-tag key=value`.
    pub session_tags: Vec<(String, String)>,
    /// `--profile`.
    pub profile: Option<String>,
    /// `--region`.
    pub region: Option<Region>,
    /// `--max-concurrency`.
    pub max_concurrency: Option<usize>,
    /// `--share`.
    pub share: Option<Share>,
    /// `--state-dir`.
    pub state_dir: Option<PathBuf>,
    /// `--keep-facts`.
    pub keep_facts: Option<KeepFacts>,
    /// `--notify`.
    pub notify: Vec<SecretString>,
    /// `--quotas`.
    pub quotas_file: Option<PathBuf>,
    /// `--policy-quotas`.
    pub policy_quotas_file: Option<PathBuf>,
    /// `--exemptions` or ORGWARD_EXEMPTIONS.
    pub exemptions: Option<PathBuf>,
    /// Names of settings above that an environment variable gave.
    pub from_environment: BTreeSet<String>,
}

/// A role other than the usual one, for one account.
#[derive(Debug, Clone, Default)]
pub struct RoleOverride {
    /// The role's name, if it differs.
    pub role_name: Option<String>,
    /// The ExternalId, if it differs.
    pub external_id: Option<SecretString>,
}

/// The validated settings.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The role every member is entered with to look.
    pub role_name: String,
    /// Its ExternalId.
    pub external_id: Option<SecretString>,
    /// Other roles for single accounts.
    pub accounts: BTreeMap<AccountId, RoleOverride>,
    /// The role members are entered with to change things.
    pub apply_role_name: String,
    /// Its ExternalId; the audit role's if none.
    pub apply_external_id: Option<SecretString>,
    /// `RoleSessionName`.
    pub session_name: String,
    /// `DurationSeconds`; AWS's default (an hour) if `None`.
    pub session_duration: Option<u32>,
    /// `SourceIdentity`.
    pub source_identity: Option<String>,
    /// Session tags.
    pub session_tags: BTreeMap<String, String>,
    /// The profile of the shared config file.
    pub profile: Option<String>,
    /// The home Region.
    pub region: Option<Region>,
    /// Accounts worked on at once.
    pub max_concurrency: usize,
    /// How much of every request quota may be taken.
    pub share: Share,
    /// Where runs are kept.
    pub state_dir: PathBuf,
    /// How long the facts of audits are kept.
    pub keep_facts: KeepFacts,
    /// Request quotas that differ from AWS's published ones.
    pub quotas_file: Option<PathBuf>,
    /// Sizes and numbers of policies that differ from AWS's published quotas.
    pub policy_quotas_file: Option<PathBuf>,
    /// Roles that people get back in with, which no plan may lock out: names, or whole ARNs.
    pub break_glass_roles: Vec<String>,
    /// Protected principals that differ from the embedded ones.
    pub protected_principals: Option<PathBuf>,
    /// The file of exemptions and attestations that audits are judged with.
    pub exemptions: Option<PathBuf>,
    /// Thresholds of checks that differ from their defaults, by name.
    pub thresholds: BTreeMap<String, i64>,
    /// File and line of each of them, for messages.
    pub threshold_places: BTreeMap<String, String>,
    /// What the address of a root user must look like, with `*` and `?`.
    pub root_email_patterns: Vec<String>,
    /// Who is told what came of a run: `KIND=WHERE`, in which there may be a key.
    pub notify: Vec<SecretString>,
    /// Where each value came from, by the name used in the config file.
    pub origins: BTreeMap<&'static str, Origin>,
}

impl Settings {
    /// Flags and environment over the file over defaults.
    ///
    /// # Errors
    /// If a secret's file can't be read, a value is out of range, or no state directory can be found.
    pub fn resolve(
        flags: Overrides,
        file: ConfigFile,
        default_state_dir: Option<PathBuf>,
    ) -> Result<Self, ConfigError> {
        let mut origins = BTreeMap::new();
        let external_id = pick_secret(
            &mut origins,
            "external_id",
            (flags.external_id, flags.external_id_file),
            (file.external_id, file.external_id_file),
        )?;
        let apply_external_id = pick_secret(
            &mut origins,
            "apply_external_id",
            (flags.apply_external_id, flags.apply_external_id_file),
            (file.apply_external_id, file.apply_external_id_file),
        )?;
        let mut accounts = BTreeMap::new();
        for (account, mut entry) in file.accounts {
            entry.role_name = entry.role_name.map(|name| role_name("accounts", name)).transpose()?;
            let external_id = secret(entry.external_id, entry.external_id_file.as_deref())?;
            accounts.insert(account, RoleOverride { role_name: entry.role_name, external_id });
        }
        let mut session_tags = file.session_tags;
        let from_environment = flags.from_environment;
        let from_file = |used: bool| if used { Origin::File } else { Origin::Default };
        let tags_from = if flags.session_tags.is_empty() { from_file(!session_tags.is_empty()) } else { Origin::Flag };
        origins.insert("session_tags", tags_from);
        origins.insert("accounts", from_file(!accounts.is_empty()));
        origins.insert("break_glass_roles", from_file(!file.break_glass_roles.is_empty()));
        origins.insert("thresholds", from_file(!file.thresholds.is_empty()));
        origins.insert("root_email_patterns", from_file(!file.root_email_patterns.is_empty()));
        let notify_from = if flags.notify.is_empty() { from_file(!file.notify.is_empty()) } else { Origin::Flag };
        origins.insert("notify", notify_from);
        session_tags.extend(flags.session_tags);
        let max_concurrency = pick(&mut origins, "max_concurrency", flags.max_concurrency, file.max_concurrency)
            .unwrap_or(DEFAULT_CONCURRENCY);
        if max_concurrency == 0 {
            return Err(ConfigError::value("max_concurrency", "`0` would do nothing, use 1 or more"));
        }
        let session_duration =
            pick(&mut origins, "session_duration_seconds", flags.session_duration, file.session_duration_seconds);
        if session_duration.is_some_and(|seconds| !(900..=43_200).contains(&seconds)) {
            return Err(ConfigError::value("session_duration_seconds", "must be between 900 and 43200 seconds"));
        }
        let state_dir = pick(&mut origins, "state_dir", flags.state_dir, file.state_dir)
            .or(default_state_dir)
            .ok_or_else(|| ConfigError::value("state_dir", "no home directory was found, name one with --state-dir"))?;
        Ok(Self {
            role_name: role_name(
                "role_name",
                pick(&mut origins, "role_name", flags.role_name, file.role_name)
                    .unwrap_or_else(|| DEFAULT_ROLE.to_owned()),
            )?,
            external_id,
            accounts,
            apply_role_name: role_name(
                "apply_role_name",
                pick(&mut origins, "apply_role_name", flags.apply_role_name, file.apply_role_name)
                    .unwrap_or_else(|| DEFAULT_APPLY_ROLE.to_owned()),
            )?,
            apply_external_id,
            session_name: pick(&mut origins, "session_name", flags.session_name, file.session_name)
                .unwrap_or_else(|| DEFAULT_SESSION_NAME.to_owned()),
            session_duration,
            source_identity: pick(&mut origins, "source_identity", flags.source_identity, file.source_identity),
            session_tags,
            profile: pick(&mut origins, "profile", flags.profile, file.profile),
            region: pick(&mut origins, "region", flags.region, file.region),
            max_concurrency,
            share: pick(&mut origins, "share", flags.share, file.share).unwrap_or_default(),
            state_dir,
            keep_facts: pick(&mut origins, "keep_facts", flags.keep_facts, file.keep_facts)
                .unwrap_or(KeepFacts::DEFAULT),
            quotas_file: pick(&mut origins, "quotas_file", flags.quotas_file, file.quotas_file),
            policy_quotas_file: pick(
                &mut origins,
                "policy_quotas_file",
                flags.policy_quotas_file,
                file.policy_quotas_file,
            ),
            break_glass_roles: file.break_glass_roles,
            protected_principals: pick(&mut origins, "protected_principals", None, file.protected_principals),
            exemptions: pick(&mut origins, "exemptions", flags.exemptions, file.exemptions),
            thresholds: file.thresholds,
            threshold_places: file.threshold_places,
            notify: if flags.notify.is_empty() { file.notify } else { flags.notify },
            root_email_patterns: email_patterns(file.root_email_patterns)?,
            origins: told(origins, &from_environment),
        })
    }
}

/// A role's name, with its path if it has one, without the leading slash that an ARN already has: what exempts a role in a
/// policy and what is assumed must be the same text.
fn role_name(setting: &'static str, name: String) -> Result<String, ConfigError> {
    let bare = name.strip_prefix('/').unwrap_or(&name);
    let good = bare
        .split('/')
        .all(|part| !part.is_empty() && part.chars().all(|c| c.is_ascii_alphanumeric() || "_+=,.@-".contains(c)));
    if good && bare.len() <= 512 {
        Ok(bare.to_owned())
    } else {
        Err(ConfigError::value(
            setting,
            &format!("`{}` is no role name (letters, digits and _+=,.@-, with its path)", name.escape_debug()),
        ))
    }
}

/// Patterns of whole addresses: one without `@` could never match.
fn email_patterns(patterns: Vec<String>) -> Result<Vec<String>, ConfigError> {
    match patterns.iter().find(|pattern| !pattern.contains('@')) {
        None => Ok(patterns),
        Some(wrong) => Err(ConfigError::value(
            "root_email_patterns",
            &format!("`{}` matches no address, write it whole, such as `aws-root+*@example.com`", wrong.escape_debug()),
        )),
    }
}

/// Origins with what the environment gave told apart from flags.
fn told(
    mut origins: BTreeMap<&'static str, Origin>,
    from_environment: &BTreeSet<String>,
) -> BTreeMap<&'static str, Origin> {
    let given =
        origins.iter_mut().filter(|(name, origin)| **origin == Origin::Flag && from_environment.contains(**name));
    given.for_each(|(_, origin)| *origin = Origin::Environment);
    origins
}

/// The flag's value, else the file's, remembering which.
fn pick<T>(
    origins: &mut BTreeMap<&'static str, Origin>,
    name: &'static str,
    flag: Option<T>,
    file: Option<T>,
) -> Option<T> {
    let origin = match (&flag, &file) {
        (Some(_), _) => Origin::Flag,
        (None, Some(_)) => Origin::File,
        (None, None) => Origin::Default,
    };
    origins.insert(name, origin);
    flag.or(file)
}

/// A secret given as text or as the path of a file that holds it; a flag of either kind beats the config file.
fn pick_secret(
    origins: &mut BTreeMap<&'static str, Origin>,
    name: &'static str,
    (flag, flag_file): (Option<SecretString>, Option<PathBuf>),
    (text, file): (Option<SecretString>, Option<PathBuf>),
) -> Result<Option<SecretString>, ConfigError> {
    if flag.is_some() || flag_file.is_some() {
        origins.insert(name, Origin::Flag);
        return Ok(secret(flag, flag_file.as_deref())?);
    }
    let found = secret(text, file.as_deref())?;
    origins.insert(name, if found.is_some() { Origin::File } else { Origin::Default });
    Ok(found)
}

#[cfg(test)]
mod tests;
