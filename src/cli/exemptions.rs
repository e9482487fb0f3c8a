//! `orgward exemptions`, and the flag that names the file: opened, read whole, held against what there is to exempt.
//!
//! Owns: opening the file. Must not: know its form, or an organization.

use super::custom::CustomArgs;
use super::exit::{Exit, Failure, Outcome};
use super::ui::Ui;
use crate::aws::Clock;
use crate::checks::CATALOG;
use crate::checks::exempt::{self, Known, Read};
use crate::model::exemption::day;
use crate::model::os_words;
use crate::report::exemptions::listing;
use crate::report::text::{count, plain};
use clap::Args;
use jiff::Timestamp;
use std::path::{Path, PathBuf};

/// Check a file of exemptions and attestations, and list them by expiry; nothing is asked of AWS
#[derive(Debug, Args)]
pub struct ExemptionsArgs {
    /// The file (form: config/exemptions.example.yaml)
    #[arg(value_name = "FILE")]
    file: PathBuf,
    #[command(flatten)]
    custom: CustomArgs,
    /// Say what is over on this day, such as 2026-11-01 [default: today]
    #[arg(long, value_name = "MOMENT", value_parser = super::audit::moment)]
    as_of: Option<Timestamp>,
}

/// The file an audit is judged with.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Checks")]
pub struct ExemptArgs {
    /// File of exemptions and attestations: failures that someone answers for until a day, and controls that somebody looked at
    #[arg(long, env = "ORGWARD_EXEMPTIONS", value_name = "FILE")]
    pub exemptions: Option<PathBuf>,
}

/// Runs the command.
pub fn run(args: &ExemptionsArgs, ui: &Ui) -> Outcome {
    let custom = args.custom.load()?;
    let known: Vec<&str> = CATALOG.iter().map(|meta| meta.id).chain(custom.iter().map(|check| check.meta.id)).collect();
    let read = load(&args.file, &known, ui)?;
    let today = day(args.as_of.unwrap_or_else(|| Clock::system().now()));
    let (exemptions, attestations) = (read.exemptions.len(), read.attestations.len());
    ui.data(&listing(&read, today, ui.out))?;
    ui.say(&format!("{} and {}", count(exemptions, "exemption"), count(attestations, "attestation")));
    Ok(Exit::Clean)
}

/// Reads a file; what is worth a second look is said. `known`: the ids of all checks.
///
/// # Errors
/// If it can't be read, and every mistake in it.
pub fn load(path: &Path, known: &[&str], ui: &Ui) -> Result<crate::model::exemption::Exemptions, Failure> {
    let name = plain(&path.display().to_string());
    let text = read(path).map_err(|why| {
        Failure::usage([format!("the file of exemptions `{name}` can't be read: {}", os_words(&why))])
    })?;
    let known = Known { checks: known, now: Clock::system().now() };
    let Read { exemptions, notes } = exempt::read(&name, &text, known).map_err(|errors| Failure::usage(errors.0))?;
    notes.iter().for_each(|note| ui.warn(note));
    Ok(exemptions)
}

/// The greatest file that is read, in bytes: one more than the reader takes, which says so.
const GREATEST: u64 = (1 << 20) + 1;

fn read(path: &Path) -> std::io::Result<String> {
    use std::io::Read as _;
    let mut text = String::new();
    std::fs::File::open(path)?.take(GREATEST).read_to_string(&mut text)?;
    Ok(text)
}
