//! Which checks an audit runs and a list shows, as flags say it.
//!
//! Owns: the flags of selection and the refusal of words that name nothing. Must not: run a check.

use super::custom::CustomArgs;
use super::exit::Failure;
use crate::checks::{Selection, frameworks};
use crate::model::check::CheckMeta;
use crate::model::framework::Framework;
use crate::model::nearest;
use clap::Args;

/// Which checks run.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Checks")]
pub struct SelectArgs {
    /// Run the checks of a framework and report by its controls (such as cis-5.0, iam-guides); repeatable
    #[arg(long = "framework", value_name = "NAME")]
    frameworks: Vec<String>,
    #[command(flatten)]
    custom: CustomArgs,
}

/// What the flags select.
#[derive(Debug, Clone, Default)]
pub struct Selected {
    /// The checks that run.
    pub selection: Selection,
    /// The frameworks that the report is grouped by.
    pub frameworks: Vec<&'static Framework>,
}

impl SelectArgs {
    /// The checks of every framework that is named, without any all of orgward's; and the custom ones, if there is a folder.
    ///
    /// # Errors
    /// If a name is no framework's: with the nearest one, all wrong names at once. If a custom check can't be used.
    pub fn resolve(&self) -> Result<Selected, Failure> {
        let frameworks = by_name(&self.frameworks)?;
        let selection = match frameworks.as_slice() {
            [] => Selection::all(),
            named => Selection::of(named.iter().flat_map(|framework| framework.checks())),
        };
        Ok(Selected { selection: selection.with(self.custom.load()?), frameworks })
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
