//! `orgward checks`: the catalogue, read from the checks themselves.

use super::exit::{Exit, Failure, Outcome};
use super::ui::Ui;
use crate::checks;
use crate::model::check::CheckMeta;
use crate::report::text::{Align, Paint, Style, columns};
use clap::{Args, Subcommand, ValueEnum};
use std::fmt::Write as _;

/// List and explain the checks
#[derive(Debug, Args)]
pub struct ChecksArgs {
    #[command(subcommand)]
    command: Sub,
}

#[derive(Debug, Subcommand)]
enum Sub {
    /// List every check
    List {
        /// Form of the output
        #[arg(long, value_enum, default_value_t = Format::Table)]
        format: Format,
    },
    /// Explain one check: why, how to mend it, where it comes from
    Explain {
        /// The check's id
        id: String,
    },
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

/// Runs the command.
pub fn run(args: &ChecksArgs, ui: &Ui) -> Outcome {
    let text = match &args.command {
        Sub::List { format: Format::Table } => table(ui.out),
        Sub::List { format: Format::Json } => {
            let mut text = serde_json::to_string_pretty(checks::CATALOG).map_err(Failure::error)?;
            text.push('\n');
            text
        }
        Sub::List { format: Format::Markdown } => markdown(),
        Sub::Explain { id } => match checks::meta(id) {
            Some(meta) => explain(meta, ui.out),
            None => return Err(Failure::usage([unknown(id)])),
        },
    };
    ui.data(&text)?;
    Ok(Exit::Clean)
}

fn table(paint: Paint) -> String {
    let mut rows =
        vec![["CHECK", "SEVERITY", "CIS 5.0", "WHAT IT ASKS FOR"].map(|t| (t.to_owned(), Some(Style::Dim))).to_vec()];
    rows.extend(checks::CATALOG.iter().map(|meta| {
        vec![
            (meta.id.to_owned(), Some(Style::Bold)),
            (meta.severity.as_str().to_owned(), None),
            (cis(meta, "cis-5.0"), None),
            (meta.title.to_owned(), None),
        ]
    }));
    columns(&rows, &[Align::Left; 4], paint)
}

fn markdown() -> String {
    let mut out = String::from("| check | severity | CIS 5.0 | CIS 7.0 | what it asks for |\n|---|---|---|---|---|\n");
    for meta in checks::CATALOG {
        let (five, seven) = (cis(meta, "cis-5.0"), cis(meta, "cis-7.0"));
        let _ = writeln!(out, "| {} | {} | {five} | {seven} | {} |", meta.id, meta.severity.as_str(), meta.title);
    }
    out
}

fn cis(meta: &CheckMeta, framework: &str) -> String {
    let controls: Vec<&str> =
        meta.references.iter().filter(|reference| reference.framework == framework).map(|r| r.control).collect();
    if controls.is_empty() { "-".to_owned() } else { controls.join(", ") }
}

fn explain(meta: &CheckMeta, paint: Paint) -> String {
    let mut out = String::new();
    let mut part = |head: &str, text: &str| {
        let _ = writeln!(out, "{}\n  {text}\n", paint.paint(Style::Bold, head));
    };
    part(meta.id, &format!("{} ({})", meta.title, meta.severity.as_str()));
    part("Why", meta.rationale);
    part("Mend it in the console", meta.remediation.console);
    part("Mend it with the AWS CLI", meta.remediation.cli);
    if let Some(playbook) = meta.remediation.playbook {
        part("Mend it everywhere", &format!("orgward plan {playbook}"));
    }
    let facts: Vec<String> = meta
        .facts
        .iter()
        .filter_map(|fact| serde_json::to_value(fact).ok())
        .filter_map(|v| v.as_str().map(str::to_owned))
        .collect();
    part("Facts read", &facts.join(", "));
    let references: Vec<String> = meta.references.iter().map(|r| format!("{} {}", r.framework, r.control)).collect();
    part("References", &references.join(", "));
    out
}

fn unknown(id: &str) -> String {
    match crate::model::nearest(id, checks::CATALOG.iter().map(|meta| meta.id), 0.7) {
        Some(near) => format!("there is no check `{id}`, did you mean `{near}`?"),
        None => format!("there is no check `{id}`, see: orgward checks list"),
    }
}
