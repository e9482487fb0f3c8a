//! Asking before anything is changed: the organization's id typed, and the id of each target that needs its own word.

use super::exit::{Exit, Failure};
use super::ui::Ui;
use crate::execute;
use crate::model::Plan;
use crate::report::text::plain;
use std::io::{BufRead, IsTerminal};

/// Asks for what the flags do not already confirm.
///
/// # Errors
/// If something is missing and nobody is there to ask, or the answer is not the id asked for.
pub fn confirm(plan: &Plan, yes: bool, given: &[String], ui: &Ui) -> Result<(), Failure> {
    let missing = execute::missing_confirmations(plan, given, yes);
    let terminal = std::io::stdin().is_terminal();
    if !terminal {
        let mut messages: Vec<String> = missing
            .iter()
            .map(|c| format!("{}; --yes does not cover it: pass --confirm {}", plain(&c.message), c.target))
            .collect();
        if !yes {
            messages.push("nobody is there to confirm; pass --yes to apply without being asked".to_owned());
        }
        return if messages.is_empty() { Ok(()) } else { Err(Failure { exit: Exit::Usage, messages }) };
    }
    for confirmation in &missing {
        let id = confirmation.target.as_str();
        ask(ui, &format!("{}\nType {id} to confirm: ", plain(&confirmation.message)), id)?;
    }
    if yes {
        return Ok(());
    }
    let id = &plan.organization;
    ask(ui, &format!("Apply {} changes to organization {id}? Type {id} to confirm: ", plan.changes.len()), id)
}

fn ask(ui: &Ui, question: &str, expected: &str) -> Result<(), Failure> {
    ui.warn(question);
    let mut answer = String::new();
    std::io::stdin().lock().read_line(&mut answer).map_err(Failure::error)?;
    if answer.trim() == expected {
        Ok(())
    } else {
        Err(Failure::new(Exit::Usage, "not confirmed; nothing was changed"))
    }
}
