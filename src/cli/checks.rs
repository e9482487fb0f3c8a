//! `orgward checks`: the catalogue, read from the checks themselves and from the frameworks they answer.

use super::custom::{self, CustomArgs};
use super::exit::{Exit, Failure, Outcome};
use super::select::{by_name, no_check, nothing_named};
use super::ui::{Ui, pretty};
use crate::checks::{self, families, frameworks};
use crate::collect;
use crate::model::check::{CheckMeta, Severity};
use crate::model::framework::Framework;
use crate::report::table::{self, row, table};
use crate::report::text::{Paint, Style, plain};
use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, Subcommand, ValueEnum};
use serde::Serialize;
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::PathBuf;

/// List and explain the checks
#[derive(Debug, Args)]
pub struct ChecksArgs {
    #[command(subcommand)]
    command: Sub,
}

#[derive(Debug, Subcommand)]
enum Sub {
    /// List the checks: all, or those that fit every filter
    List {
        #[command(flatten)]
        filters: Filters,
        #[command(flatten)]
        custom: CustomArgs,
        /// Form of the output
        #[arg(long, value_enum, default_value_t = Format::Table)]
        format: Format,
    },
    /// Explain one check: why, how to mend it, which controls it answers
    Explain {
        /// The check's id
        id: String,
        #[command(flatten)]
        custom: CustomArgs,
        /// Form of the output
        #[arg(long, value_enum, default_value_t = ExplainFormat::Text)]
        format: ExplainFormat,
    },
    /// Run the fixtures of custom checks
    Test {
        /// Folder of custom checks: every *.yaml in it
        #[arg(long, value_name = "DIR")]
        checks_dir: PathBuf,
    },
    /// List the fields that the expressions of custom checks can read
    View {
        /// Form of the output
        #[arg(long, value_enum, default_value_t = ViewFormat::Table)]
        format: ViewFormat,
    },
}

/// Forms of the list of fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum ViewFormat {
    /// For people
    Table,
    /// Versioned, as JSON
    Json,
}

/// Which checks are listed.
#[derive(Debug, Args)]
struct Filters {
    /// Only checks that answer a control of this framework, with their controls; repeatable
    #[arg(long = "framework", value_name = "NAME")]
    frameworks: Vec<String>,
    /// Only checks of this severity or worse
    #[arg(long, value_parser = severities())]
    severity: Option<Severity>,
    /// Only checks of this family (users, trails ...); repeatable
    #[arg(long = "family", value_name = "NAME")]
    families: Vec<String>,
    /// Only checks that read from this AWS service (iam, cloudtrail ...); repeatable
    #[arg(long = "service", value_name = "NAME")]
    services: Vec<String>,
}

/// Forms of the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people
    Table,
    /// Everything, as JSON
    Json,
    /// The table of the README
    Markdown,
}

/// Forms of an explanation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum ExplainFormat {
    /// For people
    Text,
    /// Everything, as JSON
    Json,
}

/// A check in JSON: what it says of itself, and what frameworks say of it.
#[derive(Serialize)]
struct Listed {
    #[serde(flatten)]
    meta: &'static CheckMeta,
    family: &'static str,
    services: BTreeSet<&'static str>,
    controls: Vec<Answered>,
}

/// A control that a check answers.
#[derive(Serialize)]
struct Answered {
    framework: &'static str,
    control: &'static str,
}

impl Listed {
    fn of(meta: &'static CheckMeta) -> Self {
        let answered = frameworks::controls_of(meta.id);
        let controls =
            answered.map(|(framework, control)| Answered { framework: &framework.name, control: &control.id });
        Self { meta, family: families::of(meta.id), services: services_of(meta), controls: controls.collect() }
    }
}

/// Runs the command.
pub fn run(args: &ChecksArgs, ui: &Ui) -> Outcome {
    let text = match &args.command {
        Sub::Test { checks_dir } => return custom::test(&custom::load(checks_dir)?, ui),
        Sub::View { format: ViewFormat::Table } => custom::view(ui.out),
        Sub::View { format: ViewFormat::Json } => pretty(&custom::View::here())?,
        Sub::List { filters, custom, format } => {
            let shown = filters.frameworks()?;
            let metas = filters.metas(&shown, &catalogue(custom)?)?;
            let columns = |usual: &[&str]| -> Result<Vec<&'static Framework>, Failure> {
                let usual: Vec<String> = usual.iter().map(|name| (*name).to_owned()).collect();
                if shown.is_empty() { by_name(&usual) } else { Ok(shown.clone()) }
            };
            match format {
                Format::Table => listed(&metas, &columns(&["cis-5.0"])?, ui.out),
                Format::Json => pretty(&metas.into_iter().map(Listed::of).collect::<Vec<_>>())?,
                Format::Markdown => markdown(&metas, &columns(&["cis-5.0", "cis-7.0"])?),
            }
        }
        Sub::Explain { id, custom, format } => {
            let all = catalogue(custom)?;
            let found = all.iter().copied().find(|meta| meta.id == id);
            let meta = found.ok_or_else(|| Failure::usage([no_check(id, &all)]))?;
            match format {
                ExplainFormat::Text => explain(meta, ui.out),
                ExplainFormat::Json => pretty(&Listed::of(meta))?,
            }
        }
    };
    ui.data(&text)?;
    Ok(Exit::Clean)
}

/// Every check: orgward's, and those of the folder.
fn catalogue(custom: &CustomArgs) -> Result<Vec<&'static CheckMeta>, Failure> {
    let own = custom.load()?;
    Ok(checks::CATALOG.iter().copied().chain(own.iter().map(|check| check.meta)).collect())
}

impl Filters {
    fn frameworks(&self) -> Result<Vec<&'static Framework>, Failure> {
        by_name(&self.frameworks)
    }

    /// The checks that fit.
    ///
    /// # Errors
    /// If a word names no family or service: with the nearest one.
    fn metas(&self, shown: &[&Framework], all: &[&'static CheckMeta]) -> Result<Vec<&'static CheckMeta>, Failure> {
        let mut families = families::names();
        families.push(families::CUSTOM);
        let services: BTreeSet<&str> = checks::CATALOG.iter().flat_map(|meta| services_of(meta)).collect();
        let list = |known: &[&str]| format!("there are {}", known.join(", "));
        let mut wrong = Vec::new();
        for word in self.families.iter().filter(|word| !families.contains(&word.as_str())) {
            wrong.push(nothing_named("family", word, families.iter().copied(), &list(&families)));
        }
        for word in self.services.iter().filter(|word| !services.contains(word.as_str())) {
            let known: Vec<&str> = services.iter().copied().collect();
            wrong.push(nothing_named("service", word, known.iter().copied(), &list(&known)));
        }
        if !wrong.is_empty() {
            return Err(Failure::usage(wrong));
        }
        let asked: BTreeSet<&str> = shown.iter().flat_map(|framework| framework.checks()).collect();
        let fits = |meta: &&CheckMeta| {
            (shown.is_empty() || asked.contains(meta.id))
                && self.severity.is_none_or(|least| meta.severity >= least)
                && (self.families.is_empty() || self.families.iter().any(|family| family == families::of(meta.id)))
                && (self.services.is_empty()
                    || services_of(meta).iter().any(|service| self.services.iter().any(|asked| asked == service)))
        };
        Ok(all.iter().copied().filter(fits).collect())
    }
}

/// The severities as clap takes them.
pub fn severities() -> impl TypedValueParser<Value = Severity> {
    let named = |name: String| Severity::ALL.into_iter().find(|severity| severity.as_str() == name);
    PossibleValuesParser::new(Severity::ALL.map(Severity::as_str)).try_map(move |name| named(name).ok_or("no severity"))
}

/// The AWS services whose calls make the facts of a check.
fn services_of(meta: &CheckMeta) -> BTreeSet<&'static str> {
    let sources = collect::CATALOG.iter().filter(|source| meta.facts.contains(&source.fact));
    let calls = sources.flat_map(|source| source.calls);
    calls.filter_map(|call| call.split_once(':')).map(|(service, _)| service).collect()
}

/// What a column of controls is called.
fn heading(framework: &Framework) -> String {
    match framework.name.strip_prefix("cis-") {
        Some(version) => format!("CIS {version}"),
        None => framework.name.clone(),
    }
}

fn listed(metas: &[&CheckMeta], frameworks: &[&Framework], paint: Paint) -> String {
    let mut head = vec!["CHECK".to_owned(), "SEVERITY".to_owned()];
    head.extend(frameworks.iter().map(|framework| heading(framework)));
    head.push("WHAT IT ASKS FOR".to_owned());
    let rows = metas.iter().map(|meta| {
        let mut row = vec![(meta.id.to_owned(), Some(Style::Bold)), (meta.severity.as_str().to_owned(), None)];
        row.extend(frameworks.iter().map(|framework| (numbers(meta, framework), None)));
        row.push((meta.title.to_owned(), None));
        row
    });
    table(head, rows, &[], paint)
}

fn markdown(metas: &[&CheckMeta], frameworks: &[&Framework]) -> String {
    let headings: String = frameworks.iter().map(|framework| format!("{} | ", heading(framework))).collect();
    let rule = "---|".repeat(frameworks.len() + 3);
    let mut out = format!("| check | severity | {headings}what it asks for |\n|{rule}\n");
    for meta in metas {
        let cells: String = frameworks.iter().map(|framework| format!("{} | ", numbers(meta, framework))).collect();
        let _ = writeln!(out, "| {} | {} | {cells}{} |", meta.id, meta.severity.as_str(), meta.title);
    }
    out
}

/// The controls of a framework that a check answers.
fn numbers(meta: &CheckMeta, framework: &Framework) -> String {
    let controls = framework.controls.iter().filter(|control| control.checks().any(|check| check == meta.id));
    let ids: Vec<&str> = controls.map(|control| control.id.as_str()).collect();
    if ids.is_empty() { "-".to_owned() } else { ids.join(", ") }
}

fn explain(meta: &CheckMeta, paint: Paint) -> String {
    let mut out = String::new();
    let mut part = |head: &str, body: &str| {
        out += &format!("{}\n{body}\n", paint.paint(Style::Bold, head));
    };
    let sentence = |text: &str| paint.sentence("  ", text);
    part(meta.id, &sentence(&format!("{} ({})", meta.title, meta.severity.as_str())));
    part("Why", &sentence(meta.rationale));
    let console = meta.remediation.console.lines().map(|line| sentence(&plain(line)));
    part("Mend it in the console", &console.collect::<String>());
    part("Mend it with the AWS CLI", &commands(meta.remediation.cli));
    if meta.remediation.playbook.is_some() {
        part("Mend it everywhere", &commands(&crate::report::mend(meta)));
    }
    let facts: Vec<String> = meta
        .facts
        .iter()
        .filter_map(|fact| serde_json::to_value(fact).ok())
        .filter_map(|v| v.as_str().map(str::to_owned))
        .collect();
    part("Facts read", &sentence(&facts.join(", ")));
    part("Controls", &controls(meta, paint));
    let references = meta.references.iter().map(|r| paint.entry("  ", &format!("{}: {}", r.document, r.section)));
    let references: String = references.collect();
    if !references.is_empty() {
        part("References", &references);
    }
    out
}

/// Lines of a shell, there to be copied: each stays whole whatever the terminal's width.
fn commands(text: &str) -> String {
    text.lines().map(|line| format!("  {}", plain(line)).trim_end().to_owned() + "\n").collect()
}

/// A line for each control: framework, number, and what it asks for.
fn controls(meta: &CheckMeta, paint: Paint) -> String {
    let rows: Vec<_> = frameworks::controls_of(meta.id)
        .map(|(framework, control)| {
            let level = control.level.map(|level| format!(" (level {level})")).unwrap_or_default();
            row([format!("  {}", framework.name), control.id.clone(), format!("{}{level}", control.title)])
        })
        .collect();
    if rows.is_empty() { "  none\n".to_owned() } else { table::columns(&rows, &[], paint) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::prose::width;

    #[test]
    fn an_explanation_fits_the_terminal_but_for_the_command() {
        for end in [80, 60] {
            for meta in checks::CATALOG {
                let text = explain(meta, Paint { on: false, width: Some(end) });
                let over: Vec<&str> = text.lines().filter(|line| width(line) > end).collect();
                let commands = meta.remediation.cli.lines().filter(|line| !line.starts_with('#'));
                let commands: Vec<String> =
                    commands.chain([&*crate::report::mend(meta)]).map(|line| format!("  {line}")).collect();
                assert!(
                    over.iter().all(|line| commands.iter().any(|known| known == line) || !line.trim().contains(' ')),
                    "{} at {end}: {over:#?}",
                    meta.id
                );
                let piped = explain(meta, Paint::PLAIN);
                assert!(text.split_whitespace().eq(piped.split_whitespace()), "{}", meta.id);
                assert!(piped.contains(&format!("\n  {}\n", meta.rationale)), "a pipe has no end of lines");
            }
        }
        let meta = checks::CATALOG.iter().find(|meta| meta.id == "root-mfa").unwrap();
        insta::assert_snapshot!(explain(meta, Paint { on: false, width: Some(60) }));
    }
}
