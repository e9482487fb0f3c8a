//! The config file (`orgward.yaml`): its form, and errors that point at the line.

use super::keep::KeepFacts;
use super::mistakes;
use super::secret::SecretError;
use crate::model::{AccountId, Region, Share, nearest, os_words};
use schemars::JsonSchema;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::fs::{File, Metadata};
use std::io::Read;
use std::path::{Path, PathBuf};

/// Why the settings can't be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file can't be read.
    #[error("config file `{path}` can't be read: {}", os_words(source))]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file isn't what it should be.
    #[error("config file `{path}`{}", listed(.mistakes))]
    Malformed {
        /// The file.
        path: PathBuf,
        /// Where and why, each; one at least.
        mistakes: Vec<String>,
    },
    /// It names a program, nobody named it, and it is somebody else's.
    #[error(
        "config file `{path}`: `notify` has a program run, and somebody else wrote the file or may: look at it, and name it with \
         `--config {path}` if you trust it"
    )]
    Stranger {
        /// The file.
        path: PathBuf,
    },
    /// A secret can't be read.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// A value is out of range.
    #[error("`{name}`: {message}")]
    Value {
        /// The setting's name.
        name: &'static str,
        /// What is wrong, with the fix.
        message: String,
    },
}

/// One mistake in the line that names the file; several in lines of their own.
fn listed(mistakes: &[String]) -> String {
    match mistakes {
        [only] => format!(": {only}"),
        several => format!(" has {} mistakes:\n  {}", several.len(), several.join("\n  ")),
    }
}

impl ConfigError {
    pub(super) fn value(name: &'static str, message: &str) -> Self {
        Self::Value { name, message: message.to_owned() }
    }
}

/// The config file as written. Unknown keys are errors.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ConfigFile {
    /// 1, the only version so far.
    #[schemars(range(min = 1, max = 1))]
    pub version: Option<u32>,
    /// Role to assume in every member, to look.
    pub role_name: Option<String>,
    /// ExternalId of the audit role; a file is better.
    #[schemars(with = "Option<String>")]
    pub external_id: Option<SecretString>,
    /// A file whose first line is the ExternalId of the audit role.
    pub external_id_file: Option<PathBuf>,
    /// Role to assume in members to change things; only apply uses it.
    pub apply_role_name: Option<String>,
    /// ExternalId of the apply role; a file is better.
    #[schemars(with = "Option<String>")]
    pub apply_external_id: Option<SecretString>,
    /// A file whose first line is the ExternalId of the apply role.
    pub apply_external_id_file: Option<PathBuf>,
    /// What CloudTrail shows in the member: `RoleSessionName`.
    pub session_name: Option<String>,
    /// How long a session lasts, in seconds: 900 to 43200, 3600 at most under role chaining.
    #[schemars(range(min = 900, max = 43_200))]
    pub session_duration_seconds: Option<u32>,
    /// Source identity of each session.
    pub source_identity: Option<String>,
    /// Tags of each session.
    pub session_tags: BTreeMap<String, String>,
    /// Profile of the shared AWS config.
    pub profile: Option<String>,
    /// Home Region: where STS is asked and the organization trail is looked for.
    pub region: Option<Region>,
    /// Accounts worked on at once.
    #[schemars(range(min = 1))]
    pub max_concurrency: Option<usize>,
    /// How much of every request quota may be taken: `50%` or `0.5`.
    pub share: Option<Share>,
    /// Where runs are kept.
    pub state_dir: Option<PathBuf>,
    /// How long the facts of audits are kept: `no`, `always` or a time such as `7d`.
    pub keep_facts: Option<KeepFacts>,
    /// Request quotas that differ from AWS's published ones.
    pub quotas_file: Option<PathBuf>,
    /// Sizes and numbers of policies that differ from AWS's published quotas.
    pub policy_quotas_file: Option<PathBuf>,
    /// Roles that people get back in with: names, or whole ARNs.
    pub break_glass_roles: Vec<String>,
    /// Protected principals that differ from the embedded ones.
    pub protected_principals: Option<PathBuf>,
    /// Other roles for single accounts.
    pub accounts: BTreeMap<AccountId, RoleOverrideFile>,
    /// Thresholds of checks, by name.
    pub thresholds: BTreeMap<String, i64>,
    /// A file of exemptions and attestations.
    pub exemptions: Option<PathBuf>,
    /// Who is told what came of a run: `slack=@FILE`, `webhook=@FILE`, `sns=ARN` or `command=PROGRAM`.
    #[schemars(with = "Vec<String>")]
    pub notify: Vec<SecretString>,
    /// What the address of a root user must look like, with `*` and `?`.
    pub root_email_patterns: Vec<String>,
    /// File and line of each threshold, for messages.
    #[serde(skip)]
    pub threshold_places: BTreeMap<String, String>,
}

/// A role for one account, as written.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RoleOverrideFile {
    /// The name of its role.
    pub role_name: Option<String>,
    /// The ExternalId of its role.
    #[schemars(with = "Option<String>")]
    pub external_id: Option<SecretString>,
    /// A file whose first line is the ExternalId of its role.
    pub external_id_file: Option<PathBuf>,
}

impl ConfigFile {
    /// Reads a file. Paths inside it are relative to it.
    ///
    /// # Errors
    /// If it can't be read, or a key or value is wrong: every one with its line.
    pub fn read(path: &Path) -> Result<Self, ConfigError> {
        Self::of(path, |_, _| Ok(()))
    }

    /// Reads a file that nobody named, which is there where orgward is run; `user`: who runs it. The program that it names is run by
    /// them, so it has to be theirs, or root's: in a directory of others (`/tmp`, a share) it may be anyone's.
    ///
    /// # Errors
    /// As [`ConfigFile::read`]; if it names a program and somebody else wrote it, or could.
    pub fn found(path: &Path, user: Option<u32>) -> Result<Self, ConfigError> {
        Self::of(path, |file, meta| match file.names_a_program() && of_others(meta, user) {
            true => Err(ConfigError::Stranger { path: path.to_owned() }),
            false => Ok(()),
        })
    }

    fn of(path: &Path, fits: impl FnOnce(&Self, &Metadata) -> Result<(), ConfigError>) -> Result<Self, ConfigError> {
        let unreadable = |source| ConfigError::Unreadable { path: path.to_owned(), source };
        let mut opened = File::open(path).map_err(unreadable)?;
        // Of what is read, whatever has its name by then.
        let meta = opened.metadata().map_err(unreadable)?;
        let mut text = String::new();
        opened.read_to_string(&mut text).map_err(unreadable)?;
        let mut file =
            Self::parse(&text).map_err(|mistakes| ConfigError::Malformed { path: path.to_owned(), mistakes })?;
        fits(&file, &meta)?;
        let named = |(name, line)| (name, format!("config file `{}`: line {line}", path.display()));
        if !file.thresholds.is_empty() {
            file.threshold_places = mistakes::thresholds(&text).into_iter().map(named).collect();
        }
        let base = path.parent().unwrap_or_else(|| Path::new("."));
        let rebase = |file: &mut Option<PathBuf>| {
            if let Some(path) = file {
                *path = base.join(&*path);
            }
        };
        rebase(&mut file.external_id_file);
        rebase(&mut file.apply_external_id_file);
        rebase(&mut file.state_dir);
        rebase(&mut file.quotas_file);
        rebase(&mut file.policy_quotas_file);
        rebase(&mut file.protected_principals);
        rebase(&mut file.exemptions);
        file.notify.iter_mut().for_each(|channel| rebase_channel(channel, base));
        file.accounts.values_mut().for_each(|entry| rebase(&mut entry.external_id_file));
        Ok(file)
    }

    /// Whether it has a program run.
    fn names_a_program(&self) -> bool {
        self.notify.iter().any(|channel| channel.expose_secret().starts_with("command="))
    }

    /// Reads the text of a config file. An empty one is all defaults.
    ///
    /// # Errors
    /// Every mistake: where and why, in words; no line is shown, since it could hold a secret.
    pub fn parse(text: &str) -> Result<Self, Vec<String>> {
        if text.lines().all(|line| line.trim().is_empty() || line.trim_start().starts_with('#')) {
            return Ok(Self::default());
        }
        let options = serde_saphyr::options! { strict_booleans: true, with_snippet: false };
        let file: Self = serde_saphyr::from_str_with_options(text, options).map_err(|error| {
            // The parser stops at the first.
            let all = mistakes::find(text);
            if all.is_empty() { vec![explain(&error.to_string())] } else { all }
        })?;
        match file.version {
            Some(1) | None => Ok(file),
            Some(newer) => Err(vec![format!("version `{newer}` is not known to this orgward, which reads version 1")]),
        }
    }
}

/// Whether a file is neither of this user nor of root, or everyone may write it.
fn of_others(meta: &Metadata, user: Option<u32>) -> bool {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        (meta.uid() != 0 && Some(meta.uid()) != user) || meta.mode() & 0o002 != 0
    }
    #[cfg(not(unix))]
    {
        let _ = (meta, user);
        false
    }
}

/// A channel whose address is in a file, or whose program is named by a path: both are relative to the config file.
fn rebase_channel(channel: &mut SecretString, base: &Path) {
    let text = channel.expose_secret();
    let rebased = match text.split_once('=') {
        Some((kind, file)) if file.starts_with('@') => {
            file.get(1..).map(|file| format!("{kind}=@{}", base.join(file).display()))
        }
        Some(("command", program)) if program.contains(std::path::MAIN_SEPARATOR) => {
            Some(format!("command={}", base.join(program).display()))
        }
        _ => None,
    };
    if let Some(text) = rebased {
        *channel = SecretString::from(text);
    }
}

/// serde's words with the nearest key added: `unknown field \`rolename\`, expected one of ...`.
pub(super) fn explain(message: &str) -> String {
    let Some((wrong, rest)) = message.strip_prefix("unknown field `").and_then(|rest| rest.split_once('`')) else {
        return message.to_owned();
    };
    let known = rest.split_once("expected one of ").map_or("", |(_, known)| known);
    let known = known.split(" at line").next().unwrap_or(known).split(", ").map(|word| word.trim_matches('`'));
    match nearest(wrong, known, 0.8) {
        Some(word) => {
            let at = message
                .rsplit_once(" at line ")
                .map(|(_, at)| format!("line {}: ", at.split(',').next().unwrap_or(at)));
            format!("{}unknown field `{wrong}`, did you mean `{word}`?", at.unwrap_or_default())
        }
        None => message.to_owned(),
    }
}
