//! `orgward playbooks`: what is shipped, and its text, so that it can be read, copied and changed.

use super::exit::{Exit, Failure, Outcome};
use super::ui::Ui;
use crate::playbook;
use crate::report::table::table;
use crate::report::text::Style;
use clap::Args;

/// List the shipped playbooks, or print one
#[derive(Debug, Args)]
pub struct PlaybooksArgs {
    /// Playbook to print
    name: Option<String>,
}

/// Runs the command.
pub fn run(args: &PlaybooksArgs, ui: &Ui) -> Outcome {
    let text = match &args.name {
        None => {
            let row = |shipped: &playbook::Shipped| {
                vec![(shipped.name.to_owned(), Some(Style::Bold)), (description(shipped.text).to_owned(), None)]
            };
            table(["PLAYBOOK", "WHAT IT DOES"], playbook::shipped().iter().map(row), &[], ui.out)
        }
        Some(name) => match playbook::shipped().iter().find(|shipped| shipped.name == name) {
            Some(shipped) => shipped.text.to_owned(),
            None => {
                return Err(Failure::usage([format!("there is no shipped playbook `{name}`, see: orgward playbooks")]));
            }
        },
    };
    ui.data(&text)?;
    Ok(Exit::Clean)
}

/// The description as the playbook says it.
fn description(text: &str) -> &str {
    text.lines().find_map(|line| line.strip_prefix("description: ")).unwrap_or_default()
}
