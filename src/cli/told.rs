//! How the outcome of an audit is told: the form of the report, where it goes, and the exit code.
//!
//! Owns: the flags of it, shared by every command that ends in an audit's report. Must not: collect or judge.

use super::exit::{Exit, Failure, Outcome};
use super::ui::Ui;
use crate::checks::{CATALOG, frameworks};
use crate::model::check::{CheckMeta, Severity};
use crate::model::{Plan, Tally};
use crate::report::audit_table::Detail;
use crate::report::ocsf::Version;
use crate::report::text::{Paint, count, plain};
use crate::report::{
    Audit, Context, ReportError, Standards, asff, audit_json, audit_table, csv, html, junit, ndjson, ocsf, sarif,
};
use crate::store;
use clap::builder::PossibleValue;
use clap::{Args, ValueEnum};
use std::collections::BTreeSet;
use std::io::Write;
use std::path::{Path, PathBuf};

/// How the result is told.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Output")]
pub struct OutputArgs {
    /// Form of the report
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
    /// Write the report to a file instead of stdout; one that is there is replaced in one step, once the report is whole
    #[arg(long, short, alias = "out", value_name = "FILE")]
    output: Option<PathBuf>,
    /// Write the report in another form too, to a file; repeatable, such as --also csv=findings.csv
    #[arg(long, value_name = "FORMAT=FILE", value_parser = also)]
    also: Vec<(Format, PathBuf)>,
    /// Version of OCSF that `--format ocsf` writes
    #[arg(long, value_enum, default_value = "1.5.0", value_name = "VERSION")]
    ocsf_version: Version,
    /// Pseudonyms instead of account ids, and no account names, in `--format html`
    #[arg(long)]
    redact_accounts: bool,
    /// Show a saved plan beside the audit, in `--format html`
    #[arg(long, value_name = "PLAN")]
    with_plan: Option<PathBuf>,
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
    /// The rows of the JSON, each a line that stands for itself
    Ndjson,
    /// For spreadsheets: no cell is a formula
    Csv,
    /// JUnit XML: a suite for each account, as Jenkins and GitLab read it
    Junit,
    /// SARIF 2.1.0, as GitHub code scanning reads it
    Sarif,
    /// OCSF events (Compliance Finding), one a line, as Security Lake and SIEMs read them
    Ocsf,
    /// AWS Security Finding Format: each line a request of Security Hub's BatchImportFindings
    Asff,
    /// One file for browsers that needs nothing else: summary, map, findings, matrix
    Html,
}

/// Reads `FORMAT=FILE`.
fn also(text: &str) -> Result<(Format, PathBuf), String> {
    let (format, path) = text
        .split_once('=')
        .filter(|(_, path)| !path.is_empty())
        .ok_or("write FORMAT=FILE, such as csv=findings.csv")?;
    let format = Format::from_str(format, false).map_err(|_| {
        let names: Vec<String> = Format::value_variants()
            .iter()
            .filter_map(|f| Some(f.to_possible_value()?.get_name().to_owned()))
            .collect();
        format!("`{format}` is none of {}", names.join(", "))
    })?;
    Ok((format, PathBuf::from(path)))
}

impl ValueEnum for Version {
    fn value_variants<'a>() -> &'a [Self] {
        &Self::ALL
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(PossibleValue::new(self.as_str()))
    }
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
    pub fn least(self) -> Option<Severity> {
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
    /// Says before anything is asked whether the reports can be written after it.
    ///
    /// # Errors
    /// With the path and the reason.
    pub fn check(&self) -> Result<(), Failure> {
        let named = self.also.iter().map(|(format, _)| *format).chain([self.format]);
        if self.redact_accounts && named.clone().any(|format| format != Format::Html) {
            return Err(Failure::usage([
                "--redact-accounts is for `--format html` alone: every other form names the accounts",
            ]));
        }
        if self.with_plan.is_some() && named.clone().all(|format| format != Format::Html) {
            return Err(Failure::usage(["--with-plan is for `--format html` alone: no other form shows a plan"]));
        }
        self.plan()?;
        let mut seen = BTreeSet::new();
        let plan = self.with_plan.as_deref().map(store::place);
        let files = self.output.iter().chain(self.also.iter().map(|(_, path)| path));
        for path in files {
            if !seen.insert(store::place(path)) {
                return Err(Failure::usage([format!("`{}` is named for two reports, name two files", path.display())]));
            }
            if plan.as_ref() == Some(&store::place(path)) {
                return Err(Failure::usage([format!(
                    "`{}` is the plan of --with-plan, which the report would replace: name another file",
                    path.display()
                )]));
            }
            store::check_writable(path).map_err(Failure::error)?;
        }
        Ok(())
    }

    /// The plan that is shown beside the audit, with its digest.
    fn plan(&self) -> Result<Option<(Plan, String)>, Failure> {
        let Some(path) = &self.with_plan else { return Ok(None) };
        let plan = store::read_plan(path).map_err(Failure::error)?;
        let digest = store::plan_digest(&plan).map_err(Failure::error)?;
        Ok(Some((plan, digest)))
    }

    /// Writes the reports and gives the exit code; `config` is the config file as messages name it.
    ///
    /// # Errors
    /// If findings can't be read or a report can't be written.
    pub fn tell(&self, audit: &Audit<'_>, config: &str, ui: &Ui) -> Outcome {
        let of_this = |(plan, _): &(Plan, String)| plan.organization == audit.org.organization.id;
        let plan = self.plan()?;
        if plan.as_ref().is_some_and(|plan| !of_this(plan)) {
            ui.warn("the plan is of another organization and is not shown");
        }
        let context = match plan.filter(of_this) {
            Some(plan) => &Context { plan: Some(plan), ..audit.context.clone() },
            None => audit.context,
        };
        let audit = &Audit { context, ..*audit };
        let custom = audit.checks.iter().filter(|meta| CATALOG.iter().all(|known| known.id != meta.id));
        let telling = Telling {
            audit,
            catalogue: CATALOG.iter().chain(custom).copied().collect(),
            standards: match audit.frameworks {
                [] => Standards::of(frameworks::all()),
                asked => Standards::of(asked.iter().map(|judged| judged.framework)),
            },
            config,
            detail: if self.verbose { Detail::ALL } else { Detail::SHORT },
            ocsf: self.ocsf_version,
            html: html::Options { redact_accounts: self.redact_accounts, frameworks: frameworks::all() },
        };
        for (format, path) in &self.also {
            telling.to_file(*format, path, ui)?;
        }
        match &self.output {
            Some(path) => telling.to_file(self.format, path, ui)?,
            None => {
                let mut said = Vec::new();
                ui.data_with(|out| telling.write(self.format, ui.out, out, &mut said).map_err(Failure::error))?;
                said.iter().for_each(|words| ui.warn(words));
            }
        }
        Ok(self.exit(audit.tally, audit.interrupted))
    }

    /// Whether the report is a table on stdout and nothing else.
    pub fn is_for_people(&self) -> bool {
        self.format == Format::Table && self.output.is_none() && self.also.is_empty()
    }

    /// Tells an audit that was stopped in a few lines; `orgward report` tells the rest.
    ///
    /// # Errors
    /// If stdout can't be written.
    pub fn cut_short(&self, audit: &Audit<'_>, ui: &Ui) -> Outcome {
        let tally = audit.tally;
        let fails: usize = tally.failing_by_severity().values().sum();
        let bad = tally.failing_by_severity().iter().rev().map(|(severity, n)| format!("{n} {}", severity.as_str()));
        let bad: Vec<String> = bad.collect();
        let bad = if bad.is_empty() { String::new() } else { format!(" ({})", bad.join(", ")) };
        let (all, untold) = (count(tally.all().total(), "verdict"), tally.untold());
        let words = format!("Stopped before the end: of {all}, {fails} fail so far{bad}, {untold} could not be told");
        let go_on = format!("What was collected: orgward report {}\n", plain(&audit.context.run));
        ui.data(&(ui.out.entry("", &words) + &go_on))?;
        Ok(self.exit(tally, audit.interrupted))
    }

    /// The exit code of an audit: interrupted, then incomplete coverage, then findings. What nobody asked for (`--deep`) is
    /// listed, counts neither for nor against coverage, and makes no run incomplete: it could have been told.
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

/// An audit, and what reports of every form need beside it.
struct Telling<'a> {
    audit: &'a Audit<'a>,
    catalogue: Vec<&'a CheckMeta>,
    standards: Standards<'a>,
    config: &'a str,
    detail: Detail,
    ocsf: Version,
    html: html::Options<'a>,
}

impl Telling<'_> {
    fn to_file(&self, format: Format, path: &Path, ui: &Ui) -> Result<(), Failure> {
        let mut said = Vec::new();
        store::write_output_with(path, |out| self.write(format, Paint::PLAIN, out, &mut said).map_err(Failure::error))?;
        ui.say(&format!("Report written to {}", path.display()));
        said.iter().for_each(|words| ui.warn(words));
        Ok(())
    }

    /// Writes it in a form; what has to be said of it goes to `said`.
    fn write(
        &self,
        format: Format,
        paint: Paint,
        out: &mut dyn Write,
        said: &mut Vec<String>,
    ) -> Result<(), ReportError> {
        let audit = self.audit;
        match format {
            Format::Table => audit_table::write(audit, self.detail, paint, out),
            Format::Json => audit_json::write(audit, out),
            Format::Ndjson => ndjson::write(audit, out),
            Format::Csv => csv::write(audit, out),
            Format::Junit => junit::write(audit, out),
            Format::Sarif => {
                let beside = sarif::Beside { catalogue: &self.catalogue, config: self.config };
                said.extend(sarif::write(audit, &beside, out)?);
                Ok(())
            }
            Format::Ocsf => ocsf::write(audit, &self.standards, self.ocsf, out),
            Format::Asff => asff::write(audit, &self.standards, out),
            Format::Html => html::write(audit, self.html, out),
        }
    }
}
