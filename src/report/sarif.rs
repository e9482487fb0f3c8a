//! The audit as SARIF 2.1.0, as GitHub code scanning and other readers of static analysis take it.
//!
//! Rules are the whole catalogue; results are what fails, what someone answers for suppressed. What could not be told is a
//! notification of the invocation: it is no result. Sources: OASIS SARIF 2.1.0; GitHub, "SARIF support for code scanning".

use super::row::{Row, mend, rows};
use super::source::{json, known};
use super::text::{count, plain};
use super::{Audit, ReportError};
use crate::model::check::{CheckMeta, Severity};
use crate::model::{CauseKind, Verdict};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::{self, Write};

/// Results that GitHub takes of one run; it refuses more.
pub const MOST_RESULTS: usize = 25_000;
/// Results that GitHub shows of one run: those of the worst severities.
pub const SHOWN_RESULTS: usize = 5_000;
/// Bytes that GitHub takes of a file once it is compressed with gzip.
pub const MOST_COMPRESSED: u64 = 10_000_000;
/// JSON of this kind shrinks at least so many times: a file below `MOST_COMPRESSED` times this is surely taken.
const SHRINKS: u64 = 8;

/// What the document needs beside the audit.
#[derive(Debug, Clone, Copy)]
pub struct Beside<'a> {
    /// Every check that is known, custom ones included.
    pub catalogue: &'a [&'a CheckMeta],
    /// The config file as it was named: where findings are placed that neither an exemption nor a playbook is about.
    pub config: &'a str,
}

/// Writes the document; gives what GitHub would not take of it, in words.
///
/// # Errors
/// If the findings can't be read or the report can't be written.
pub fn write(audit: &Audit<'_>, beside: &Beside<'_>, out: &mut dyn Write) -> Result<Vec<String>, ReportError> {
    let mut out = Counted { to: out, bytes: 0 };
    let numbers: BTreeMap<&str, usize> = beside.catalogue.iter().zip(0..).map(|(meta, n)| (meta.id, n)).collect();
    out.write_all(
        b"{\"$schema\":\"https://json.schemastore.org/sarif-2.1.0.json\",\"version\":\"2.1.0\",\"runs\":[{\"tool\":",
    )?;
    json(&tool(beside), &mut out)?;
    out.write_all(b",\"columnKind\":\"utf16CodeUnits\",\"results\":[")?;
    let mut results = 0_usize;
    audit.findings.each(&mut |finding| {
        for row in rows(finding).filter(|row| matches!(row.verdict, Verdict::Fail | Verdict::Exempt)) {
            out.write_all(if results == 0 { b"\n" } else { b",\n" })?;
            results += 1;
            json(&known(result(&row, audit, beside, numbers.get(finding.check.as_str()).copied())), &mut out)?;
        }
        Ok(())
    })?;
    let too_much = too_much(results, out.bytes);
    out.write_all(b"],\n\"invocations\":")?;
    json(&json!([invocation(audit, &too_much)]), &mut out)?;
    out.write_all(b",\"automationDetails\":")?;
    let details = json!({
        "id": format!("orgward/{}/{}", plain(&audit.org.organization.id), plain(&audit.context.run)),
        "description": {"text": message("an audit of an AWS organization")},
    });
    json(&details, &mut out)?;
    out.write_all(b"}]}\n")?;
    Ok(too_much)
}

/// Counts what goes through it.
struct Counted<'w> {
    to: &'w mut dyn Write,
    bytes: u64,
}

impl Write for Counted<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.to.write(bytes)?;
        self.bytes = self.bytes.saturating_add(u64::try_from(written).unwrap_or(u64::MAX));
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}

fn too_much(results: usize, bytes: u64) -> Vec<String> {
    let narrow = "narrow the audit with --checks, --ou or --framework";
    let mut said = Vec::new();
    if results > MOST_RESULTS {
        said.push(format!("{results} results: GitHub refuses a run with more than {MOST_RESULTS}; {narrow}"));
    } else if results > SHOWN_RESULTS {
        said.push(format!("{results} results: GitHub shows the worst {SHOWN_RESULTS} of a run; {narrow}"));
    }
    if bytes > MOST_COMPRESSED * SHRINKS {
        said.push(format!(
            "{bytes} bytes: GitHub refuses a file of more than {MOST_COMPRESSED} bytes in gzip; {narrow}"
        ));
    }
    said
}

fn tool(beside: &Beside<'_>) -> Value {
    let rules: Vec<Value> = beside.catalogue.iter().map(|meta| rule(meta)).collect();
    json!({"driver": {
        "name": "orgward",
        "version": env!("CARGO_PKG_VERSION"),
        "semanticVersion": env!("CARGO_PKG_VERSION"),
        "rules": rules,
    }})
}

fn rule(meta: &CheckMeta) -> Value {
    let mend = mend(meta);
    let remediation = meta.remediation;
    let (console, orgward) = (format!("Console: {}", remediation.console), format!("orgward: {mend}"));
    let text = [meta.rationale, &console, "CLI:"].into_iter().chain(remediation.cli.lines()).chain([&*orgward]);
    let text: Vec<String> = text.map(message).collect();
    let markdown = format!(
        "{}\n\n**Console:** {}\n\n**CLI:**\n\n{}\n\n**orgward:** {}",
        marked(meta.rationale),
        marked(remediation.console),
        block(remediation.cli),
        code(&mend)
    );
    json!({
        "id": meta.id,
        "name": meta.id,
        "shortDescription": {"text": message(meta.title)},
        "fullDescription": {"text": message(meta.rationale)},
        "help": {"text": text.join("\n"), "markdown": markdown},
        "defaultConfiguration": {"level": level(meta.severity)},
        "properties": {
            "security-severity": security_severity(meta.severity),
            "problem.severity": problem(meta.severity),
            "precision": "very-high",
            "tags": ["security", "aws", "organization"],
        },
    })
}

fn result(row: &Row<'_>, audit: &Audit<'_>, beside: &Beside<'_>, number: Option<usize>) -> Value {
    let fingerprint = row.fingerprint();
    let answered = row.answered(&audit.context.exemptions.exemptions);
    let (file, line) = match answered.and_then(|answered| answered.line) {
        Some(line) if !audit.context.exemptions.file.is_empty() => (audit.context.exemptions.file.clone(), line.max(1)),
        _ => match row.meta(audit).and_then(|meta| meta.remediation.playbook) {
            Some(playbook) => (format!("playbooks/{playbook}.yaml"), 1),
            None => (beside.config.to_owned(), 1),
        },
    };
    let suppressions = (row.verdict == Verdict::Exempt).then(|| {
        let reason = answered.and_then(|answered| answered.reason).unwrap_or("someone answers for it");
        let of = answered.map(|answered| json!({"exemption": answered}));
        json!([{"kind": "external", "status": "accepted", "justification": plain(reason), "properties": of}])
    });
    json!({
        "ruleId": row.finding.check,
        "ruleIndex": number,
        "kind": "fail",
        "level": level(row.finding.severity),
        "message": {"text": message(&told(row, audit))},
        "locations": [{
            "physicalLocation": {"artifactLocation": artifact(&file), "region": {"startLine": line}},
            "logicalLocations": logical(row, audit),
        }],
        "partialFingerprints": {"orgward/v1": fingerprint, "primaryLocationLineHash": format!("{fingerprint}:1")},
        "suppressions": suppressions,
        "properties": {"verdict": row.verdict.as_str(), "severity": row.finding.severity.as_str()},
    })
}

/// Where and why, for people.
fn told(row: &Row<'_>, audit: &Audit<'_>) -> String {
    let place = match row.account() {
        None => "the organization".to_owned(),
        Some(id) => {
            let name = audit.org.accounts.get(id).map_or("", |account| account.name.as_str());
            format!("account {name} ({id})")
        }
    };
    let region = row.region().map(|region| format!(" in {region}")).unwrap_or_default();
    let resource = row.resource.map(|resource| format!(" {resource}:")).unwrap_or_default();
    format!("{place}{region}:{resource} {}", row.message)
}

/// The organization, the account, the Region and the resource, each within the one before.
fn logical(row: &Row<'_>, audit: &Audit<'_>) -> Value {
    let parts = [
        Some((audit.org.organization.id.as_str(), "namespace")),
        row.account().map(|id| (id.as_str(), "module")),
        row.region().map(|region| (region, "module")),
        row.resource.map(|resource| (resource, "resource")),
    ];
    let (mut whole, mut found) = (String::new(), Vec::new());
    for (name, kind) in parts.into_iter().flatten() {
        let name = plain(name);
        whole = if whole.is_empty() { name.clone() } else { format!("{whole}/{name}") };
        found.push(json!({"name": name, "fullyQualifiedName": whole, "kind": kind}));
    }
    Value::Array(found)
}

/// A file: below the root of the sources, or by its whole path.
fn artifact(path: &str) -> Value {
    let path = path.replace('\\', "/");
    let encoded: Vec<String> = path.split('/').map(|part| urlencoding::encode(part).into_owned()).collect();
    let encoded = encoded.join("/");
    match path.starts_with('/') {
        true => json!({"uri": format!("file://{encoded}")}),
        false => json!({"uri": encoded.trim_start_matches("./"), "uriBaseId": "%SRCROOT%"}),
    }
}

fn invocation(audit: &Audit<'_>, too_much: &[String]) -> Value {
    let causes = audit.tally.causes();
    let untold = causes.iter().map(|cause| {
        let accounts: Vec<&str> = cause.accounts().map(|id| id.as_str()).collect();
        let words = format!(
            "{} ({}): {} could not be told, such as: {}; fix: {}",
            cause.kind.as_str(),
            cause.operation,
            count(cause.cells, "cell"),
            cause.example,
            cause.kind.fix()
        );
        json!({
            "level": if cause.kind == CauseKind::OptIn { "note" } else { "error" },
            "message": {"text": message(&words)},
            "descriptor": {"id": cause.kind.as_str()},
            "properties": {"operation": cause.operation, "cells": cause.cells, "accounts": accounts},
        })
    });
    let limits = too_much.iter().map(|words| json!({"level": "warning", "message": {"text": message(words)}}));
    let notifications: Vec<Value> = untold.chain(limits).collect();
    let all = audit.tally.all();
    json!({
        "executionSuccessful": !audit.interrupted,
        "toolExecutionNotifications": notifications,
        "properties": {
            "as_of": audit.org.as_of, "cells": all.total(), "pass": all.pass, "fail": all.fail, "unknown": all.unknown,
            "not_applicable": all.not_applicable, "exempt": all.exempt,
        },
    })
}

/// Text as a SARIF message: brackets and braces would be links and places for arguments (3.11.5 and 3.11.6).
fn message(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in plain(text).chars() {
        match c {
            '[' | ']' | '\\' => out.extend(['\\', c]),
            '{' | '}' => out.extend([c, c]),
            c => out.push(c),
        }
    }
    out
}

/// Text within Markdown: nothing of it is markup.
fn marked(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in plain(text).chars() {
        match c {
            '{' | '}' => out.extend([c, c]),
            '<' => out.push_str("&lt;"),
            '&' => out.push_str("&amp;"),
            c if c.is_ascii_punctuation() && !".,:;'()/-".contains(c) => out.extend(['\\', c]),
            c => out.push(c),
        }
    }
    out
}

/// A line of code within Markdown, in a fence that is longer than any in it.
fn code(text: &str) -> String {
    let text = plain(text).replace('{', "{{").replace('}', "}}");
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest + 1);
    format!("{fence} {text} {fence}")
}

/// Lines of a shell within Markdown, in a fence of the same kind.
fn block(text: &str) -> String {
    let lines: Vec<String> = text.lines().map(|line| plain(line).replace('{', "{{").replace('}', "}}")).collect();
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest.max(2) + 1);
    format!("{fence}sh\n{}\n{fence}", lines.join("\n"))
}

fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical | Severity::High => "error",
        Severity::Medium => "warning",
        Severity::Low | Severity::Info => "note",
    }
}

fn problem(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical | Severity::High => "error",
        Severity::Medium => "warning",
        Severity::Low | Severity::Info => "recommendation",
    }
}

/// GitHub: above 9.0 critical, from 7.0 high, from 4.0 medium, from 0.1 low.
fn security_severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical => "9.5",
        Severity::High => "8.0",
        Severity::Medium => "5.5",
        Severity::Low => "2.0",
        Severity::Info => "0.0",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_no_link_no_argument_and_no_markup() {
        assert_eq!(message("[x](http://evil) {0} \u{1b}"), "\\[x\\](http://evil) {{0}} \\\\u{{1b}}");
        assert_eq!(marked("<img src=x> **b** {0} [x](y)"), "&lt;img src\\=x\\> \\*\\*b\\*\\* {{0}} \\[x\\](y)");
        assert_eq!(code("a `` b"), "``` a `` b ```");
        assert_eq!(block("# {0}\naws ``` \u{1b}"), "````sh\n# {{0}}\naws ``` \\u{{1b}}\n````");
    }

    #[test]
    fn files_are_below_the_sources_or_whole() {
        assert_eq!(artifact("./a b/c#.yaml"), json!({"uri": "a%20b/c%23.yaml", "uriBaseId": "%SRCROOT%"}));
        assert_eq!(artifact("/etc/orgward.yaml"), json!({"uri": "file:///etc/orgward.yaml"}));
    }

    #[test]
    fn what_github_refuses_is_said() {
        assert!(too_much(SHOWN_RESULTS, 1000).is_empty());
        assert!(too_much(SHOWN_RESULTS + 1, 1000)[0].contains("shows the worst 5000"));
        assert!(too_much(MOST_RESULTS + 1, 1000)[0].contains("refuses a run with more than 25000"));
        assert!(too_much(1, MOST_COMPRESSED * SHRINKS + 1)[0].contains("in gzip"));
    }
}
