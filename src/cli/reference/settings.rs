//! The page of settings: what the config file, the flags and the environment can say, and what holds where they are silent.
//!
//! Owns: the words for variables that are no setting. Must not: read any of them.

use super::super::config::{GivenArgs, shown};
use super::super::environment::setting;
use super::super::exit::Failure;
use super::markdown::{code, prose, table};
use crate::checks::Thresholds;
use crate::config::{ConfigFile, Overrides, RoleOverrideFile, Settings};
use clap::{Arg, Args, Command};
use schemars::{JsonSchema, schema_for};
use serde_json::{Map, Value};

/// Variables that are the setting of nothing in the config file.
const OTHER_VARIABLES: [(&str, &str); 18] = [
    (
        "ORGWARD_CONFIG",
        "The config file (`--config`); without it `orgward.yaml` in the working directory, if it is there.",
    ),
    (
        "ORGWARD_SIGNING_PASSWORD",
        "The password of the key of `orgward evidence --sign`; without it the password is asked for.",
    ),
    ("ORGWARD_WEBHOOK_SECRET", "The key that webhooks of `notify` are signed with."),
    (
        "AWS_PROFILE",
        "As the AWS CLI has it, where neither `--profile`, `ORGWARD_PROFILE` nor `profile` says otherwise.",
    ),
    ("AWS_REGION", "As the AWS CLI has it, where neither `--region`, `ORGWARD_REGION` nor `region` says otherwise."),
    (
        "AWS_ACCESS_KEY_ID",
        "With `AWS_SECRET_ACCESS_KEY` and `AWS_SESSION_TOKEN`: credentials; so are all others that the AWS CLI finds.",
    ),
    ("AWS_CONFIG_FILE", "Where profiles are, with `AWS_SHARED_CREDENTIALS_FILE`."),
    ("AWS_ENDPOINT_URL", "Another address for every service: that of `orgward sandbox`."),
    ("AWS_MAX_ATTEMPTS", "How often a call is tried, with `AWS_RETRY_MODE`."),
    ("HTTPS_PROXY", "The proxy, with `HTTP_PROXY` and `NO_PROXY`."),
    ("SSL_CERT_FILE", "Certificates of the authorities to trust, or `SSL_CERT_DIR`; without them the system's."),
    (
        "XDG_STATE_HOME",
        "Runs are kept in `orgward` below it, where `state_dir` names no other place; without it below `~/.local/state`, on Windows below `LOCALAPPDATA`.",
    ),
    ("ORGWARD_PROGRESS", "`lines`: lines of progress instead of a bar, on a terminal too (`--progress`)."),
    ("NO_COLOR", "With any value: no colour, unless `--color always`."),
    ("CI", "With any value: lines of progress instead of a bar."),
    ("TERM", "`dumb`: neither a bar nor colour, unless `--color always`."),
    ("COLUMNS", "How wide a terminal is taken to be. Nothing is broken into lines where the output is no terminal."),
    ("HOME", "Where `~` is."),
];

/// The page.
///
/// # Errors
/// None that is known: the defaults are settings, and types have a schema.
pub fn page() -> Result<String, Failure> {
    let defaults = Settings::resolve(Overrides::default(), ConfigFile::default(), Some("STATE".into()));
    let defaults = serde_json::to_value(shown(&defaults.map_err(Failure::error)?)).map_err(Failure::error)?;
    let command = GivenArgs::augment_args(Command::new("orgward"));
    let keys = properties::<ConfigFile>();
    let rows = keys.iter().map(|(key, about)| {
        let flags: Vec<&Arg> = command.get_arguments().filter(|arg| gives(arg, key, &keys)).collect();
        let flag = flags.first().and_then(|arg| arg.get_long()).map(|long| code(&format!("--{long}")));
        let variable = flags.first().and_then(|arg| arg.get_env()).map(|name| code(&name.to_string_lossy()));
        let none = || "-".to_owned();
        vec![
            code(key),
            flag.unwrap_or_else(none),
            variable.unwrap_or_else(none),
            default_of(key, &defaults),
            about.clone(),
        ]
    });
    let settings = table(&["key", "flag", "variable", "default", "what it is"], &rows.collect::<Vec<_>>());
    let account: Vec<Vec<String>> =
        properties::<RoleOverrideFile>().into_iter().map(|(key, about)| vec![code(&key), about]).collect();
    let usual = serde_json::to_value(Thresholds::default()).map_err(Failure::error)?;
    let thresholds = properties::<Thresholds>().into_iter().filter(|(key, _)| key != "root_email_patterns");
    let thresholds: Vec<Vec<String>> = thresholds
        .map(|(key, about)| vec![code(&key), usual.get(&key).map(ToString::to_string).unwrap_or_default(), about])
        .collect();
    let others: Vec<Vec<String>> = OTHER_VARIABLES.iter().map(|(name, about)| vec![code(name), prose(about)]).collect();
    Ok(format!(
        "# Settings\n\nA flag beats its environment variable, which beats the config file (`orgward.yaml`, or `--config FILE`), which beats \
         the default. `orgward config` tells each setting of a run and where it came from; secrets are never shown.\n\n\
         - A variable that is set to nothing counts as not set.\n\
         - Session tags of flags replace those of the variable, and are added to those of the file. `ORGWARD_SESSION_TAGS` holds several \
         with commas between.\n\
         - Where only one of an ExternalId and its file is typed, the variable of the other does not count. Both by the same means is wrong \
         use.\n\
         - Paths in the config file are relative to it; those of flags and variables to the working directory.\n\n\
         ## Every setting\n\n{settings}\n## Accounts whose role differs\n\n`accounts` maps the id of an account to these.\n\n{}\n\
         ## Thresholds\n\nWhat checks compare with, in `thresholds`.\n\n{}\n## Other variables\n\n{}",
        table(&["key", "what it is"], &account),
        table(&["key", "default", "what it is"], &thresholds),
        table(&["variable", "what it is"], &others),
    ))
}

/// The keys of a type with their words, by name.
fn properties<T: JsonSchema>() -> Vec<(String, String)> {
    let schema = schema_for!(T);
    let properties = schema.get("properties").and_then(Value::as_object).map(Map::iter);
    let about = |one: &Value| prose(one.get("description").and_then(Value::as_str).unwrap_or_default());
    properties.into_iter().flatten().map(|(key, one)| (key.clone(), about(one))).collect()
}

/// Whether a flag gives this key: the one of its own name, or of the setting's.
fn gives(arg: &Arg, key: &str, keys: &[(String, String)]) -> bool {
    let flag = arg.get_id().as_str();
    let own = keys.iter().any(|(known, _)| known == flag);
    key == if own { flag } else { setting(flag) }
}

/// What holds where nobody says anything.
fn default_of(key: &str, defaults: &Value) -> String {
    let known = match key {
        "version" => return "`1`".to_owned(),
        "accounts" | "thresholds" => return "see below".to_owned(),
        "state_dir" => return "`orgward` in the platform's state directory".to_owned(),
        "session_duration_seconds" => return "AWS's: an hour".to_owned(),
        "apply_external_id" => return "that of the audit role".to_owned(),
        _ => defaults.get(key).and_then(|one| one.get("value")),
    };
    match known {
        Some(Value::String(text)) => code(text),
        Some(Value::Number(number)) => code(&number.to_string()),
        _ => "none".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    #[test]
    fn every_flag_that_is_a_setting_stands_in_the_table() {
        let (page, command) =
            (page().unwrap_or_else(|failure| panic!("{failure:?}")), GivenArgs::augment_args(Command::new("x")));
        for arg in command.get_arguments() {
            let (long, variable) = (arg.get_long().unwrap(), arg.get_env().unwrap().to_str().unwrap());
            let told = page.contains(&format!("| `--{long}` | `{variable}` |"))
                || page.contains(&format!("| `{variable}` | The config"));
            assert!(told, "--{long} and {variable}:\n{page}");
        }
    }

    /// The names of variables in a text.
    fn variables(text: &str) -> impl Iterator<Item = String> {
        let ends = |c: char| !(c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_');
        let names =
            text.split("ORGWARD_").skip(1).map(move |rest| rest.split(ends).next().unwrap_or_default().to_owned());
        names.filter(|name| !name.is_empty()).map(|name| format!("ORGWARD_{name}"))
    }

    #[test]
    fn every_variable_that_orgward_reads_stands_on_the_page() {
        // What only tests read, and what the files of `bootstrap` and `config/deploy` do.
        const NOT_READ: [&str; 5] = [
            "ORGWARD_WRITE_SCHEMAS",
            "ORGWARD_FUZZ_CASES",
            "ORGWARD_CALLER_ARN",
            "ORGWARD_BOOTSTRAP_REGION",
            "ORGWARD_APPLY_CALLER_ARN",
        ];
        let page = page().unwrap_or_else(|failure| panic!("{failure:?}"));
        let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src")];
        let mut count = 0;
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                    continue;
                }
                if path.extension().is_none_or(|ext| ext != "rs") {
                    continue;
                }
                for name in variables(&std::fs::read_to_string(&path).unwrap()) {
                    count += 1;
                    let told = page.contains(&format!("`{name}`")) || NOT_READ.contains(&name.as_str());
                    assert!(told, "{name} of {} is not told", path.display());
                }
            }
        }
        assert!(count > 20, "{count}");
    }
}
