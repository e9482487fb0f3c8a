//! The audit as one HTML file that works alone: nothing is loaded from anywhere, and without a script everything but the
//! matrix and the details of a single finding is there.
//!
//! ```text
//! findings ──gather──> squares ──roll_up──> summary, heat map ─┐
//!              ├──first failures──> checks ────────────────────┼──> templates/page.html
//!              └──details, packed ──> <script type="application/octet-stream"> ──> assets/*.js
//! ```
//!
//! Owns: the order of the page, and its content security policy. Must not: let a text from outside past [`words`], or a
//! value past a template's escaping: only the style and the scripts of `assets/` are written as they are.

mod around;
mod checks;
mod details;
mod gather;
mod heat_map;
mod page_data;
mod plan_page;
mod roll_up;
mod squares;
mod summary;
#[cfg(test)]
mod tests;
mod trend;
mod words;

use super::{Audit, ReportError};
use crate::model::framework::Framework;
use around::{CauseView, FrameworkView, Promise};
use askama::Template;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use checks::CheckView;
use details::Limits;
use gather::Gathered;
use heat_map::HeatMap;
use jiff::Timestamp;
use page_data::PageData;
use plan_page::PlanView;
use roll_up::Tree;
use sha2::{Digest, Sha256};
use std::io::{self, Write};
use summary::Summary;
use trend::Trend;
use words::Words;

/// The style of the page.
const STYLE: &str = concat!(include_str!("assets/page.css"), include_str!("assets/explore.css"));
/// The script of the page: in this order it is one.
const SCRIPT: &str = concat!(
    include_str!("assets/data.js"),
    include_str!("assets/filters.js"),
    include_str!("assets/matrix.js"),
    include_str!("assets/list.js"),
    include_str!("assets/drawer.js"),
    include_str!("assets/start.js"),
);

/// What is shown of an organization.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Options<'a> {
    /// Pseudonyms instead of account ids, and no account names, mail addresses or IAM unique ids, in any text of the page.
    pub redact_accounts: bool,
    /// Every framework there is: findings name the controls that their check answers.
    pub frameworks: &'a [Framework],
}

#[derive(Template)]
#[template(path = "page.html", config = "src/report/html/askama.toml")]
struct Page<'a> {
    style: &'a str,
    policy: String,
    organization: String,
    as_of: String,
    day: String,
    run: String,
    version: &'static str,
    caller: String,
    stats: String,
    interrupted: bool,
    redacted: bool,
    oldest: String,
    check_count: String,
    summary: Summary,
    map: HeatMap,
    /// Those that do not pass everywhere.
    open: Vec<&'a CheckView>,
    /// The others.
    closed: Vec<&'a CheckView>,
    frameworks: Vec<FrameworkView>,
    plan: Option<PlanView>,
    exemptions: Vec<Promise>,
    attestations: Vec<Promise>,
    exemptions_file: String,
    causes: Vec<CauseView>,
    left_out: Vec<(String, String, String)>,
    trend: Option<Trend>,
    limits: Limits,
    listed: usize,
}

/// Who asked; a delegated administrator is told as such, since service control policies bind it.
fn caller(audit: &Audit<'_>, words: &Words<'_>) -> String {
    let organization = &audit.org.organization;
    let arn = words.text(&organization.caller_arn);
    match organization.delegated_caller() {
        Some(_) => format!("{arn}, a delegated administrator bound by service control policies"),
        None => arn,
    }
}

/// Writes the page.
///
/// # Errors
/// If the findings can't be read or the page can't be written.
pub fn write(audit: &Audit<'_>, options: Options<'_>, out: &mut dyn Write) -> Result<(), ReportError> {
    let words = Words::new(audit.org, options.redact_accounts);
    let mut all = Gathered::read(audit, &words)?;
    let tree = Tree::of(audit.org, &all.accounts, &all.squares, audit.checks);
    let views = checks::views(audit, options.frameworks, &words, &all);
    let (open, closed) = views.iter().partition(|view| view.fails + view.unknown + view.exempt > 0);
    let page = Page {
        style: STYLE,
        policy: policy(),
        organization: words.text(&audit.org.organization.id),
        as_of: moment(audit.org.as_of),
        day: day(audit.org.as_of),
        run: words.text(&audit.context.run),
        version: env!("CARGO_PKG_VERSION"),
        caller: caller(audit, &words),
        stats: audit.stats.to_string(),
        interrupted: audit.interrupted,
        redacted: options.redact_accounts,
        oldest: audit.tally.oldest().map(|fact| moment(fact.made)).unwrap_or_default(),
        check_count: figure(views.len()),
        summary: Summary::of(audit, &words, &tree, &views),
        map: HeatMap::of(&tree, &words),
        open,
        closed,
        frameworks: around::frameworks(audit, &words),
        plan: plan_page::view(audit, &words),
        exemptions: around::exemptions(audit, &words),
        attestations: around::attestations(audit, &words),
        exemptions_file: words.text(&audit.context.exemptions.file),
        causes: around::causes(audit, &words),
        left_out: around::left_out(audit, &words),
        trend: Trend::of(&audit.context.trend),
        limits: all.limits,
        listed: gather::ACCOUNTS,
    };
    page.write_into(out)?;
    data(audit, options.frameworks, &words, &mut all, &tree, out)?;
    write!(out, "<script>{SCRIPT}</script>\n</body>\n</html>\n")?;
    Ok(out.flush()?)
}

/// The packed data: `d0` what the script starts with, `m` the squares, `d1` and on the details.
fn data(
    audit: &Audit<'_>,
    frameworks: &[Framework],
    words: &Words<'_>,
    all: &mut Gathered<'_>,
    tree: &Tree,
    out: &mut dyn Write,
) -> Result<(), ReportError> {
    let places = all.details.parts()?.1.to_vec();
    let start = PageData::of(audit, frameworks, words, all, tree, &places);
    put("d0", &details::packed(&start)?, out)?;
    put("m", &details::packed_bytes(all.squares.numbers())?, out)?;
    for (number, part) in (1..).zip(all.details.parts()?.0) {
        put(&format!("d{number}"), part, out)?;
    }
    Ok(())
}

fn put(id: &str, bytes: &[u8], out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "<script type=\"application/octet-stream\" id=\"{id}\">{}</script>", STANDARD.encode(bytes))
}

/// Nothing is loaded, and nothing runs but our own style and script.
fn policy() -> String {
    let hash = |text: &str| STANDARD.encode(Sha256::digest(text));
    format!(
        "default-src 'none'; style-src 'sha256-{}'; script-src 'sha256-{}'; base-uri 'none'; form-action 'none'",
        hash(STYLE),
        hash(SCRIPT)
    )
}

/// `1,234`.
fn figure(n: usize) -> String {
    let digits = n.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// `2026-06-01 00:00 UTC`.
fn moment(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M UTC").to_string()
}

/// `1 June 2026`.
fn day(at: Timestamp) -> String {
    at.strftime("%-d %B %Y").to_string()
}
