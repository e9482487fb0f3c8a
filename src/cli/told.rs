//! How the outcome of an audit is told: the form of the report, where it goes, and the exit code.
//!
//! Owns: the flags of it, shared by every command that ends in an audit's report. Must not: collect or judge.

use super::exit::{Exit, Failure, Outcome};
use super::ui::Ui;
use crate::model::Tally;
use crate::model::check::Severity;
use crate::report::audit_table::Detail;
use crate::report::text::Paint;
use crate::report::{Audit, audit_json, audit_table};
use crate::store;
use clap::{Args, ValueEnum};
use std::io::Write;
use std::path::PathBuf;

/// How the result is told.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Output")]
pub struct OutputArgs {
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

impl OutputArgs {
    /// Says before anything is asked whether the report can be written after it.
    ///
    /// # Errors
    /// With the path and the reason.
    pub fn check(&self) -> Result<(), Failure> {
        self.output.as_deref().map_or(Ok(()), |path| store::check_writable(path).map_err(Failure::error))
    }

    /// Writes the report and gives the exit code.
    ///
    /// # Errors
    /// If findings can't be read or the report can't be written.
    pub fn tell(&self, audit: &Audit<'_>, ui: &Ui) -> Outcome {
        let paint = if self.output.is_some() { Paint { on: false } } else { ui.out };
        let detail = if self.verbose { Detail::ALL } else { Detail::SHORT };
        let write = |out: &mut dyn Write| {
            let written = match self.format {
                Format::Table => audit_table::write(audit, detail, paint, out),
                Format::Json => audit_json::write(audit, out),
            };
            written.map_err(Failure::error)
        };
        match &self.output {
            Some(path) => {
                store::write_output_with(path, write)?;
                ui.say(&format!("Report written to {}", path.display()));
            }
            None => ui.data_with(write)?,
        }
        Ok(self.exit(audit.tally, audit.interrupted))
    }

    /// The exit code of an audit: interrupted, then incomplete coverage, then findings. What nobody asked for (`--deep`) counts
    /// against coverage and is listed, but makes no run incomplete: it could have been told.
    fn exit(&self, tally: &Tally, interrupted: bool) -> Exit {
        if interrupted {
            Exit::Interrupted
        } else if tally.untold() > 0 && !self.allow_partial {
            Exit::Incomplete
        } else if self.fail_on.least().is_some_and(|least| tally.failing(least) > 0) {
            Exit::Findings
        } else {
            Exit::Clean
        }
    }
}
