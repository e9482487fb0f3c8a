//! `orgward playbooks`: what is shipped, with its text and its policy documents, so that it can be read, copied and changed.

use super::exit::{Exit, Failure, Outcome};
use super::ui::Ui;
use crate::playbook::{self, Shipped};
use crate::report::table::table;
use crate::report::text::{Style, count, plain};
use crate::store;
use clap::Args;
use std::path::{Path, PathBuf};

/// List the shipped playbooks, print one, or write one into a folder to start from
#[derive(Debug, Args)]
pub struct PlaybooksArgs {
    /// Playbook to print
    name: Option<String>,
    /// Write it to this folder, with the policy documents that it names; the folder must not exist, or be empty
    #[arg(long, alias = "output", value_name = "DIR", requires = "name")]
    out: Option<PathBuf>,
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
            Some(shipped) => match &args.out {
                Some(folder) => return write(shipped, folder, ui),
                None => {
                    let documents = shipped.documents().count();
                    if documents > 0 {
                        ui.say(&format!(
                            "It names {}, not printed here: `orgward playbooks {name} --out DIR` writes all of it",
                            count(documents, "policy document")
                        ));
                    }
                    shipped.text.to_owned()
                }
            },
            None => {
                return Err(Failure::usage([format!("there is no shipped playbook `{name}`, see: orgward playbooks")]));
            }
        },
    };
    ui.data(&text)?;
    Ok(Exit::Clean)
}

/// Writes a playbook as it is shipped, with its documents beside it.
fn write(shipped: &Shipped, folder: &Path, ui: &Ui) -> Outcome {
    let name = format!("{}.yaml", shipped.name);
    let mut files: Vec<(&str, &str)> = vec![(&name, shipped.text)];
    for (path, text) in shipped.documents() {
        files.push((path, text));
    }
    let bytes = files.iter().map(|(path, text)| (*path, text.as_bytes(), false));
    store::write_folder(folder, bytes).map_err(Failure::error)?;
    let (count, folder) = (count(files.len(), "file"), plain(&folder.display().to_string()));
    ui.say(&format!("{count} written to {folder}; plan it with: orgward plan {folder}/{name}"));
    Ok(Exit::Clean)
}

/// The description as the playbook says it.
fn description(text: &str) -> &str {
    text.lines().find_map(|line| line.strip_prefix("description: ")).unwrap_or_default()
}
