//! `orgward audit`: every check on every account in scope.

use super::args::{ConnectionArgs, ScopeArgs};
use super::connect::Environment;
use super::exit::{Exit, Failure, Outcome};
use super::select::SelectArgs;
use super::survey::{self, Audited};
use super::ui::Ui;
use crate::model::check::Severity;
use crate::report::audit_table::Detail;
use crate::report::text::Paint;
use crate::report::{audit_json, audit_table};
use crate::store;
use clap::{Args, ValueEnum};
use std::io::Write;
use std::path::PathBuf;
use tokio_util::sync::CancellationToken;

/// Check every account in scope against the catalogue
#[derive(Debug, Args)]
pub struct AuditArgs {
    #[command(flatten)]
    connection: ConnectionArgs,
    #[command(flatten)]
    scope: ScopeArgs,
    #[command(flatten)]
    select: SelectArgs,
    #[command(flatten)]
    output: OutputArgs,
}

/// How the result is told.
#[derive(Debug, Args)]
#[command(next_help_heading = "Output")]
struct OutputArgs {
    /// Form of the report
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
    /// Write the report to a file instead of stdout
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Exit with 3 if a check of this severity or worse fails
    #[arg(long, value_enum, default_value_t = FailOn::Low)]
    fail_on: FailOn,
    /// Do not exit with 4 when something could not be told
    #[arg(long)]
    allow_partial: bool,
    /// List every failing account and resource in the table
    #[arg(long, short)]
    verbose: bool,
}

/// Forms of the report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people
    Table,
    /// For machines: versioned, in a stable order
    Json,
}

/// The mildest failure that changes the exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum FailOn {
    /// Any failure
    Info,
    /// low and worse
    Low,
    /// medium and worse
    Medium,
    /// high and worse
    High,
    /// critical only
    Critical,
    /// No failure changes the exit code
    None,
}

impl FailOn {
    /// The mildest severity that counts, if any does.
    fn least(self) -> Option<Severity> {
        match self {
            Self::Info => Some(Severity::Info),
            Self::Low => Some(Severity::Low),
            Self::Medium => Some(Severity::Medium),
            Self::High => Some(Severity::High),
            Self::Critical => Some(Severity::Critical),
            Self::None => None,
        }
    }
}

/// Runs the command.
pub async fn run(args: &AuditArgs, ui: &Ui, cancel: &CancellationToken) -> Outcome {
    if let Some(path) = &args.output.output {
        store::check_writable(path).map_err(Failure::error)?;
    }
    let selected = args.select.resolve()?;
    let settings = args.connection.settings()?;
    let sessions = Environment::real().connect(&settings).await?;
    let audited = survey::audit(&sessions, &settings, &args.scope, &selected, ui, cancel).await?;
    let paint = if args.output.output.is_some() { Paint { on: false } } else { ui.out };
    let detail = if args.output.verbose { Detail::ALL } else { Detail::SHORT };
    let report = audited.report();
    let write = |out: &mut dyn Write| {
        let written = match args.output.format {
            Format::Table => audit_table::write(&report, detail, paint, out),
            Format::Json => audit_json::write(&report, out),
        };
        written.map_err(Failure::error)
    };
    match &args.output.output {
        Some(path) => {
            store::write_output_with(path, write)?;
            ui.say(&format!("Report written to {}", path.display()));
        }
        None => ui.data_with(write)?,
    }
    Ok(exit(&audited, args.output.fail_on, args.output.allow_partial))
}

/// The exit code of an audit: interrupted, then incomplete coverage, then findings. What nobody asked for (`--deep`) counts
/// against coverage and is listed, but makes no run incomplete: it could have been told.
fn exit(audited: &Audited, fail_on: FailOn, allow_partial: bool) -> Exit {
    let tally = &audited.tally;
    if audited.interrupted {
        Exit::Interrupted
    } else if tally.untold() > 0 && !allow_partial {
        Exit::Incomplete
    } else if fail_on.least().is_some_and(|least| tally.failing(least) > 0) {
        Exit::Findings
    } else {
        Exit::Clean
    }
}
