//! Which checks an audit runs and a list shows, as flags say it.
//!
//! Owns: the flags of selection and the refusal of words that name nothing. Must not: run a check.

use super::checks::severities;
use super::custom::CustomArgs;
use super::exit::Failure;
use crate::audit::{Asked, Job};
use crate::checks::custom::CustomCheck;
use crate::checks::{self, Selection, frameworks};
use crate::collect::Wanted;
use crate::model::check::{CheckMeta, Fact, Severity};
use crate::model::framework::Framework;
use crate::model::scope::ScopeRequest;
use crate::model::{nearest, wild};
use crate::report::text::plain;
use clap::Args;
use std::collections::BTreeSet;

/// Which checks run.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Checks")]
pub struct SelectArgs {
    /// Run the checks of a framework and report by its controls (such as cis-5.0, iam-guides); repeatable
    #[arg(long = "framework", value_name = "NAME")]
    frameworks: Vec<String>,
    /// Run only these checks: ids with commas between, `*` for any letters (such as root-mfa,monitor-*)
    #[arg(long = "checks", value_name = "ID,...", value_delimiter = ',', conflicts_with = "frameworks")]
    checks: Vec<String>,
    /// Run only checks of this severity or worse
    #[arg(long, value_name = "SEVERITY", value_parser = severities(), conflicts_with = "frameworks")]
    severity: Option<Severity>,
    /// Also ask what takes a call for each user: their SSH public keys
    #[arg(long)]
    deep: bool,
    /// Also look into the event history of the last DAYS days, 1 to 90: slow, CloudTrail allows two calls a second
    #[arg(long, value_name = "DAYS", value_parser = clap::value_parser!(u16).range(1..=90))]
    events: Option<u16>,
    #[command(flatten)]
    custom: CustomArgs,
}

/// What the flags select.
#[derive(Debug, Clone)]
pub struct Selected {
    /// The checks that run.
    pub selection: Selection,
    /// The frameworks that the report is grouped by.
    pub frameworks: Vec<&'static Framework>,
    /// What is asked of AWS for them.
    pub wanted: Wanted,
    /// The ids of all checks there are, whether or not they run.
    pub known: Vec<&'static str>,
}

impl Default for Selected {
    /// Every check, without what costs much.
    fn default() -> Self {
        let selection = Selection::all();
        let known = checks::CATALOG.iter().map(|meta| meta.id).collect();
        Self { wanted: Wanted::of(selection.facts()), selection, frameworks: Vec::new(), known }
    }
}

impl Selected {
    /// What an audit of before was asked, as this orgward knows it: a report needs the words of every check.
    ///
    /// # Errors
    /// If a check is not known here.
    pub fn of_job(job: &Job) -> Result<Self, Failure> {
        let selected = SelectArgs::of(&job.asked).resolve()?;
        let known: BTreeSet<&str> = selected.selection.metas().iter().map(|meta| meta.id).collect();
        match job.checks.iter().find(|id| !known.contains(id.as_str())) {
            None => Ok(selected),
            Some(missing) => Err(Failure::usage([format!(
                "check `{}` of the audit is not known here: the folder of --checks-dir has to be the one it was made with, and \
                 orgward not older than {}",
                plain(missing),
                plain(&job.orgward)
            )])),
        }
    }
}

impl SelectArgs {
    /// The flags as an audit keeps them; the scope is not theirs.
    pub fn asked(&self) -> Asked {
        Asked {
            frameworks: self.frameworks.clone(),
            checks: self.checks.clone(),
            severity: self.severity,
            deep: self.deep,
            events: self.events,
            checks_dir: self.custom.checks_dir.clone(),
            scope: ScopeRequest::default(),
        }
    }

    /// The flags that an audit was begun with.
    pub fn of(asked: &Asked) -> Self {
        Self {
            frameworks: asked.frameworks.clone(),
            checks: asked.checks.clone(),
            severity: asked.severity,
            deep: asked.deep,
            events: asked.events,
            custom: CustomArgs { checks_dir: asked.checks_dir.clone() },
        }
    }

    /// The checks of every framework that is named, without any all of orgward's; and the custom ones, if there is a folder. Or
    /// those alone that `--checks` names and that are as bad as `--severity` says, custom ones too.
    ///
    /// # Errors
    /// If a name is no framework's or no check's: with the nearest one, all wrong names at once. If a custom check can't be
    /// used, or none is left.
    pub fn resolve(&self) -> Result<Selected, Failure> {
        let frameworks = by_name(&self.frameworks)?;
        let custom = self.custom.load()?;
        let ours = checks::CATALOG.iter().copied();
        let known = ours.chain(custom.iter().map(|check| check.meta)).map(|meta| meta.id).collect();
        let selection = match frameworks.as_slice() {
            [] if self.checks.is_empty() && self.severity.is_none() => Selection::all().with(custom),
            [] => self.named(custom)?,
            named => Selection::of(named.iter().flat_map(|framework| framework.checks())).with(custom),
        };
        let wanted = self.wanted(&selection.facts());
        Ok(Selected { selection, frameworks, wanted, known })
    }

    /// What the flags say of facts that cost much, for checks that read these facts.
    fn wanted(&self, facts: &BTreeSet<Fact>) -> Wanted {
        let mut wanted = Wanted::of(facts.iter().copied());
        if self.deep && facts.contains(&Fact::SshPublicKeys) {
            wanted = wanted.deep();
        }
        match self.events {
            Some(days) if facts.contains(&Fact::RecentEvents) => wanted.events(days),
            _ => wanted,
        }
    }

    /// The checks that `--checks` names (all, if it names none) and that are of the severity that is asked for.
    fn named(&self, mut custom: Vec<CustomCheck>) -> Result<Selection, Failure> {
        let all: Vec<&CheckMeta> =
            checks::CATALOG.iter().copied().chain(custom.iter().map(|check| check.meta)).collect();
        let mut named = BTreeSet::new();
        let mut wrong = Vec::new();
        for word in &self.checks {
            let known: Vec<&str> = all.iter().map(|meta| meta.id).filter(|id| wild(word, id)).collect();
            if known.is_empty() {
                wrong.push(no_check(word, &all));
            }
            named.extend(known);
        }
        if !wrong.is_empty() {
            return Err(Failure::usage(wrong));
        }
        if self.checks.is_empty() {
            named.extend(all.iter().map(|meta| meta.id));
        }
        if let Some(least) = self.severity {
            let as_bad: BTreeSet<&str> = all.iter().filter(|meta| meta.severity >= least).map(|meta| meta.id).collect();
            named.retain(|id| as_bad.contains(id));
            if named.is_empty() {
                let message = format!("of the checks that `--checks` names none is `{}` or worse", least.as_str());
                return Err(Failure::usage([message]));
            }
        }
        let ours = Selection::of(named.iter().copied());
        let chosen: BTreeSet<String> = named.into_iter().map(str::to_owned).collect();
        custom.retain(|check| chosen.contains(check.meta.id));
        Ok(ours.with(custom))
    }
}

/// The frameworks of these names, each once.
///
/// # Errors
/// If a name is no framework's: with the nearest one, all wrong names at once.
pub fn by_name(names: &[String]) -> Result<Vec<&'static Framework>, Failure> {
    let mut found: Vec<&Framework> = Vec::new();
    let mut wrong = Vec::new();
    for name in names {
        match frameworks::find(name) {
            Ok(framework) if found.iter().all(|known| known.name != framework.name) => found.push(framework),
            Ok(_) => {}
            Err(message) => wrong.push(message),
        }
    }
    if wrong.is_empty() { Ok(found) } else { Err(Failure::usage(wrong)) }
}

/// What to say of a word that is none of `known`: `there is no KIND`, with the nearest one or `see`.
pub fn nothing_named<'a>(kind: &str, word: &str, known: impl IntoIterator<Item = &'a str>, see: &str) -> String {
    match nearest(word, known, 0.7) {
        Some(near) => format!("there is no {kind} `{word}`, did you mean `{near}`?"),
        None => format!("there is no {kind} `{word}`, {see}"),
    }
}

/// As [`nothing_named`], of a check.
pub fn no_check(id: &str, all: &[&CheckMeta]) -> String {
    nothing_named("check", id, all.iter().map(|meta| meta.id), "see: orgward checks list")
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Debug, Parser)]
    struct Flags {
        #[command(flatten)]
        select: SelectArgs,
    }

    fn resolve(flags: &[&str]) -> Result<Selected, Vec<String>> {
        let flags = Flags::try_parse_from([&["x"], flags].concat()).map_err(|error| vec![error.to_string()])?;
        flags.select.resolve().map_err(|failure| failure.messages)
    }

    fn ids(selected: &Selected) -> Vec<&'static str> {
        selected.selection.metas().iter().map(|meta| meta.id).collect()
    }

    #[test]
    fn flags_are_kept_with_an_audit_and_say_the_same_again() {
        let flags = ["x", "--checks", "root-mfa,trail-*", "--severity", "high", "--deep", "--events", "7"];
        let select = Flags::try_parse_from(flags).unwrap().select;
        let again = SelectArgs::of(&select.asked());
        assert_eq!(again.asked(), select.asked());
        assert_eq!(ids(&again.resolve().unwrap()), ids(&select.resolve().unwrap()));
        assert_eq!(select.asked().events, Some(7));
    }

    #[test]
    fn checks_are_named_and_their_facts_are_what_is_asked_for() {
        let selected = resolve(&["--checks", "root-access-keys,password-policy-length"]).unwrap();
        assert_eq!(ids(&selected), ["root-access-keys", "password-policy-length"]);
        assert!(selected.wanted.has(Fact::PasswordPolicy) && !selected.wanted.has(Fact::CredentialReport));
        let selected = resolve(&["--checks", "password-policy-*"]).unwrap();
        assert!(ids(&selected).len() > 1 && ids(&selected).iter().all(|id| id.starts_with("password-policy-")));
        assert_eq!(ids(&resolve(&[]).unwrap()).len(), checks::CATALOG.len());
        let both = resolve(&["--framework", "cis-5.0", "--checks", "root-*"]).unwrap_err();
        assert!(both[0].contains("cannot be used with"), "a control whose checks did not run has no verdict: {both:?}");
    }

    #[test]
    fn a_severity_leaves_what_is_as_bad_of_what_is_named() {
        let selected = resolve(&["--severity", "high"]).unwrap();
        let all = checks::CATALOG.iter().filter(|meta| meta.severity >= Severity::High);
        assert_eq!(ids(&selected), all.map(|meta| meta.id).collect::<Vec<_>>());
        assert!(!selected.wanted.has(Fact::SshPublicKeys) && ids(&selected).len() < checks::CATALOG.len());
        assert_eq!(ids(&resolve(&["--severity", "info"]).unwrap()).len(), checks::CATALOG.len());
        let selected = resolve(&["--checks", "root-*", "--severity", "critical"]).unwrap();
        assert!(ids(&selected).contains(&"root-mfa") && ids(&selected).iter().all(|id| id.starts_with("root-")));
        let none = resolve(&["--checks", "password-policy-length", "--severity", "critical"]).unwrap_err();
        assert_eq!(none, ["of the checks that `--checks` names none is `critical` or worse"]);
        let both = resolve(&["--framework", "cis-5.0", "--severity", "high"]).unwrap_err();
        assert!(both[0].contains("cannot be used with"), "{both:?}");
        assert!(resolve(&["--severity", "worst"]).unwrap_err()[0].contains("possible values: info"), "lists them");
    }

    #[test]
    fn what_names_nothing_is_refused_with_the_nearest_word() {
        let wrong = resolve(&["--checks", "root-mfaa,nonsense-*,root-mfa"]).unwrap_err();
        assert_eq!(wrong.len(), 2, "{wrong:?}");
        assert_eq!(wrong[0], "there is no check `root-mfaa`, did you mean `root-mfa`?");
        for days in ["0", "91", "x"] {
            assert!(resolve(&["--events", days]).is_err(), "{days}");
        }
    }

    #[test]
    fn costly_facts_are_asked_for_with_their_flag_and_a_check_that_reads_them() {
        let args = SelectArgs { deep: true, events: Some(7), ..SelectArgs::default() };
        let none = args.wanted(&BTreeSet::from([Fact::Authorization]));
        assert!(!none.has(Fact::SshPublicKeys) && !none.has(Fact::RecentEvents));
        let read = BTreeSet::from([Fact::SshPublicKeys, Fact::RecentEvents]);
        let both = args.wanted(&read);
        assert!(both.has(Fact::SshPublicKeys) && both.has(Fact::RecentEvents) && both.events_days() == 7);
        let neither = SelectArgs::default().wanted(&read);
        assert!(!neither.has(Fact::SshPublicKeys) && !neither.has(Fact::RecentEvents));
    }
}
