//! `orgward completions` and `orgward man`: what shells and `man` need, made of the command line itself.
//!
//! Must not: know any command.

use super::exit::{Exit, Failure, Outcome};
use super::help;
use super::ui::Ui;
use crate::report::text::count;
use crate::store;
use clap::{Args, Command};
use clap_complete::Shell;
use std::path::PathBuf;

/// Print the completions of a shell
#[derive(Debug, Args)]
pub struct CompletionsArgs {
    /// The shell
    #[arg(value_enum)]
    shell: Shell,
}

/// Write a man page for every command
#[derive(Debug, Args)]
pub struct ManArgs {
    /// Folder to write to; it must not exist, or be empty
    #[arg(long, alias = "output", value_name = "DIR")]
    out: PathBuf,
}

/// Prints the completions.
pub fn completions(args: &CompletionsArgs, ui: &Ui) -> Outcome {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut help::command(), "orgward", &mut script);
    ui.data(&String::from_utf8(script).map_err(Failure::error)?)?;
    Ok(Exit::Clean)
}

/// Writes the pages.
pub fn man(args: &ManArgs, ui: &Ui) -> Outcome {
    let mut command = help::command();
    command.build();
    let mut pages = Vec::new();
    render(&command, &mut pages).map_err(Failure::error)?;
    let files = pages.iter().map(|(name, text)| (name.as_str(), text.as_slice(), false));
    store::write_folder(&args.out, files).map_err(Failure::error)?;
    ui.say(&format!("{} written to {}", count(pages.len(), "man page"), args.out.display()));
    Ok(Exit::Clean)
}

/// The page of a command, then those of the commands below it.
fn render(command: &Command, pages: &mut Vec<(String, Vec<u8>)>) -> std::io::Result<()> {
    let name = command.get_display_name().unwrap_or_else(|| command.get_name()).to_owned();
    let mut page = Vec::new();
    // A page without a date is the same in every build.
    clap_mangen::Man::new(command.clone()).title(name.to_uppercase()).date("").render(&mut page)?;
    pages.push((format!("{name}.1"), page));
    let below = command.get_subcommands().filter(|below| below.get_name() != "help" && !below.is_hide_set());
    below.into_iter().try_for_each(|below| render(below, pages))
}
