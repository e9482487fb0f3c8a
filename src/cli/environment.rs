//! `ORGWARD_*`: the flags that an environment variable can give, and the settings that they are.
//!
//! Owns: which setting a flag is, that what is typed beats a variable, and that a variable without text is none. Must not: read a
//! config file, or show a value.

use clap::builder::{OsStr, Resettable, StyledStr};
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::parser::ValueSource;
use clap::{Arg, ArgMatches, Args, Command, Id};
use std::collections::BTreeSet;
use std::ffi::OsString;

/// Flags whose setting has another name in the config file.
const NAMED_OTHERWISE: [(&str, &str); 5] = [
    ("external_id_file", "external_id"),
    ("apply_external_id_file", "apply_external_id"),
    ("session_duration", "session_duration_seconds"),
    ("quotas", "quotas_file"),
    ("policy_quotas", "policy_quotas_file"),
];

/// The name in the config file of the setting that a flag gives.
pub fn setting(flag: &str) -> &str {
    NAMED_OTHERWISE.iter().find(|(known, _)| *known == flag).map_or(flag, |(_, setting)| setting)
}

/// The flags that an environment variable gave, and those that were typed: `config` tells them apart.
#[derive(Debug, Clone, Default)]
pub struct FromEnvironment {
    given: BTreeSet<String>,
    typed: BTreeSet<String>,
}

impl FromEnvironment {
    /// Settings whose values are those of environment variables.
    pub fn settings(&self) -> BTreeSet<String> {
        let settings = |flags: &BTreeSet<String>| flags.iter().map(|flag| setting(flag).to_owned()).collect();
        let (given, typed): (BTreeSet<String>, BTreeSet<String>) = (settings(&self.given), settings(&self.typed));
        &given - &typed
    }

    /// Two flags for one setting: where only one was typed, the variable of the other does not count.
    pub fn typed_first<A: Clone, B: Clone>(
        &self,
        one: (&str, &Option<A>),
        other: (&str, &Option<B>),
    ) -> (Option<A>, Option<B>) {
        let typed = |flag: &str| self.typed.contains(flag);
        let kept = typed(one.0) == typed(other.0);
        (one.1.clone().filter(|_| kept || typed(one.0)), other.1.clone().filter(|_| kept || typed(other.0)))
    }
}

impl Args for FromEnvironment {
    fn augment_args(command: Command) -> Command {
        command
    }

    fn augment_args_for_update(command: Command) -> Command {
        command
    }
}

impl clap::FromArgMatches for FromEnvironment {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let from = |source: ValueSource| {
            let ids = matches.ids().map(Id::as_str).filter(|id| matches.value_source(id) == Some(source));
            ids.map(str::to_owned).collect()
        };
        Ok(Self { given: from(ValueSource::EnvVariable), typed: from(ValueSource::CommandLine) })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

/// The command line without the variables that are set to nothing: pipelines do that to what they have no value for.
pub fn without_empty(command: Command) -> Command {
    let bare = |arg: Arg| {
        let empty = arg.get_env().and_then(std::env::var_os).is_some_and(|value| value.is_empty());
        if empty { arg.env(Resettable::<OsStr>::Reset) } else { arg }
    };
    command.mut_args(bare).mut_subcommands(without_empty)
}

/// Adds to an error about a flag that nobody typed which variable holds the value.
pub fn name_variable(mut error: clap::Error, command: &Command, words: &[OsString]) -> clap::Error {
    let of_value = matches!(error.kind(), ErrorKind::ValueValidation | ErrorKind::InvalidValue);
    let Some(ContextValue::String(shown)) = error.get(ContextKind::InvalidArg).filter(|_| of_value) else {
        return error;
    };
    // Shown as `--flag <VALUE>`.
    let flag = shown.split(' ').next().unwrap_or(shown);
    let is_typed = words.iter().filter_map(|word| word.to_str()).any(|word| word.split('=').next() == Some(flag));
    let Some(variable) = variable_of(command, flag).filter(|_| !is_typed) else { return error };
    let tip = StyledStr::from(format!("it is the value of the environment variable {variable}"));
    error.insert(ContextKind::Suggested, ContextValue::StyledStrs(vec![tip]));
    error
}

/// The variable of a flag, if it is set.
fn variable_of(command: &Command, flag: &str) -> Option<String> {
    let of_arg = |arg: &Arg| {
        let variable = arg.get_env().filter(|name| std::env::var_os(name).is_some())?;
        let wanted = flag.strip_prefix("--") == arg.get_long();
        wanted.then(|| variable.to_string_lossy().into_owned())
    };
    let own = command.get_arguments().find_map(of_arg);
    own.or_else(|| command.get_subcommands().find_map(|below| variable_of(below, flag)))
}

#[cfg(test)]
mod tests {
    use super::super::args::ConnectionArgs;
    use super::*;
    use crate::config::{ConfigFile, Overrides, Settings};
    use clap::FromArgMatches;

    fn told(words: &[&str]) -> FromEnvironment {
        let matches = ConnectionArgs::augment_args(Command::new("x")).try_get_matches_from(words).unwrap();
        FromEnvironment::from_arg_matches(&matches).unwrap()
    }

    /// A flag of the connection that is no key of the config file.
    const NO_SETTING: [&str; 1] = ["config"];

    #[test]
    fn every_flag_of_the_connection_has_its_variable_and_its_setting() {
        let settings = Settings::resolve(Overrides::default(), ConfigFile::default(), Some("/state".into())).unwrap();
        let command = ConnectionArgs::augment_args(Command::new("x"));
        let mut count = 0;
        for arg in command.get_arguments() {
            let flag = arg.get_id().as_str();
            let variable = format!("ORGWARD_{}", flag.to_uppercase());
            assert_eq!(arg.get_env().and_then(|name| name.to_str()), Some(variable.as_str()), "{flag}");
            let known = settings.origins.contains_key(setting(flag)) || NO_SETTING.contains(&flag);
            assert!(known, "--{flag} is no setting: add it to NAMED_OTHERWISE");
            count += 1;
        }
        assert!(count > 15, "{count}");
    }

    #[test]
    fn what_is_typed_is_not_the_environment_s() {
        let both = FromEnvironment {
            given: BTreeSet::from(["external_id".to_owned(), "quotas".to_owned()]),
            typed: BTreeSet::from(["external_id_file".to_owned()]),
        };
        assert_eq!(both.settings(), BTreeSet::from(["quotas_file".to_owned()]));
        let (one, other) = both.typed_first(("external_id", &Some(1)), ("external_id_file", &Some(2)));
        assert_eq!((one, other), (None, Some(2)));
        let (one, other) = FromEnvironment::default().typed_first(("a", &Some(1)), ("b", &Some(2)));
        assert_eq!((one, other), (Some(1), Some(2)), "whoever gives both by the same means is told so");
        assert_eq!(told(&["x", "--region", "eu-west-1"]).settings(), BTreeSet::new());
    }
}
