//! `orgward diff`: what became of every failure between two kept audits.

use super::args::ConnectionArgs;
use super::exit::{Exit, Failure, Outcome};
use super::past;
use super::told::FailOn;
use super::ui::Ui;
use crate::audit::{Compared, Diff, DiffError};
use crate::model::history::{Became, Changed};
use crate::report::diff::{self, Differences, Names};
use crate::report::text::{count, moment};
use crate::store::{Run, StateDir};
use clap::{Args, ValueEnum};
use std::io::Write;

/// Show what became of every failure between two kept audits; nothing is asked of AWS
#[derive(Debug, Args)]
pub struct DiffArgs {
    /// The run before: as `orgward runs list` names it, `last`, or `last~N` for the Nth before that
    #[arg(value_name = "BEFORE", default_value = "last~1")]
    before: String,
    /// The run after
    #[arg(value_name = "AFTER", default_value = "last")]
    after: String,
    /// Form of the output
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// Exit with 3 if a check of this severity or worse fails that did not before, in accounts that joined too
    #[arg(long, value_enum, default_value_t = FailOn::Low)]
    fail_on: FailOn,
    /// List every row, those that are unchanged too
    #[arg(long, short)]
    verbose: bool,
    #[command(flatten)]
    connection: ConnectionArgs,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people
    Text,
    /// For machines: every row, then the counts
    Json,
}

/// Runs the command.
pub fn run(args: &DiffArgs, ui: &Ui) -> Outcome {
    let state = StateDir::open(&args.connection.settings()?.state_dir).map_err(Failure::error)?;
    let (before, after) = (past::audit(&state, &args.before)?, past::audit(&state, &args.after)?);
    let names = match args.format {
        Format::Text => names(&[&before, &after])?,
        Format::Json => Names::new(),
    };
    let of = Diff::between(&before, &after).map_err(refused)?;
    let (was, is) = of.sides();
    if was.as_of > is.as_of {
        ui.warn(&format!(
            "run {} is as of {}, before run {} as of {}",
            is.run,
            moment(is.as_of),
            was.run,
            moment(was.as_of)
        ));
    }
    let least = args.fail_on.least();
    let mut worse = 0;
    let mut visit = |row: &Changed<'_>| {
        let came = matches!(row.became, Became::New | Became::NewlyEvaluated | Became::AccountJoined);
        worse += usize::from(came && least.is_some_and(|least| row.severity >= least));
    };
    ui.data_with(|out: &mut dyn Write| {
        let told = match args.format {
            Format::Text => diff::write_text(&of, &names, (args.verbose, ui.out), &mut visit, out),
            Format::Json => diff::write_json(&of, &mut visit, out),
        };
        told.map(drop).map_err(Failure::error)
    })?;
    if worse == 0 {
        return Ok(Exit::Clean);
    }
    ui.say(&format!("{} that did not fail before", count(worse, "failure")));
    Ok(Exit::Findings)
}

/// Why two audits can't be compared: either they are the wrong ones, or what is kept can't be read.
pub fn refused(error: DiffError) -> Failure {
    match error {
        DiffError::Organizations { .. } => Failure::usage([error]),
        DiffError::Nothing(_) | DiffError::Store(_) => Failure::error(error),
    }
}

/// The names of accounts, as the later run knows them, else the earlier.
fn names(runs: &[&Run]) -> Result<Names, Failure> {
    let mut names = Names::new();
    for run in runs {
        let org = Compared::organization(run).map_err(Failure::error)?;
        let accounts = org.into_iter().flat_map(|org| org.accounts);
        names.extend(accounts.map(|(id, account)| (id, account.name)));
    }
    Ok(names)
}
