//! What the script starts with: accounts, OUs, checks, frameworks and exemptions by number, and the squares.
//!
//! Must not: hold anything of a finding but its square.

use super::details::Limits;
use super::gather::Gathered;
use super::roll_up::Tree;
use super::words::Words;
use crate::model::check::CheckMeta;
use crate::model::framework::Framework;
use crate::report::Audit;
use crate::report::row::filled_in;
use serde::Serialize;

/// The start of the script's data. Names are short: the script's own table of them is in `data.js`.
#[derive(Serialize)]
pub(super) struct PageData {
    as_of: i64,
    organization: String,
    redacted: bool,
    limits: Limits,
    regions: Vec<String>,
    operations: Vec<String>,
    /// Name, path and the branch above, or -1.
    ous: Vec<(String, String, i64)>,
    /// Id, name and branch of each row but the first.
    accounts: Vec<(String, String, usize)>,
    /// The part of each row's details, from 1.
    places: Vec<usize>,
    checks: Vec<Check>,
    frameworks: Vec<Named>,
    exemptions: Vec<Exemption>,
}

#[derive(Serialize)]
struct Named {
    name: String,
    title: String,
}

#[derive(Serialize)]
struct Check {
    id: String,
    title: String,
    /// 0 info to 4 critical.
    severity: u8,
    whole: bool,
    rationale: String,
    console: String,
    cli: String,
    playbook: Option<String>,
    references: Vec<(String, String)>,
    /// Framework and control.
    controls: Vec<(usize, String)>,
}

#[derive(Serialize)]
struct Exemption {
    id: String,
    owner: String,
    ticket: String,
    reason: String,
    expires: String,
}

impl PageData {
    /// Of an audit.
    pub(super) fn of(
        audit: &Audit<'_>,
        frameworks: &[Framework],
        words: &Words<'_>,
        all: &Gathered<'_>,
        tree: &Tree,
        places: &[usize],
    ) -> Self {
        let accounts = all.accounts.iter().zip(&tree.places);
        let branch = |parent: Option<usize>| parent.and_then(|parent| i64::try_from(parent).ok()).unwrap_or(-1);
        Self {
            as_of: audit.org.as_of.as_second(),
            organization: words.text(&audit.org.organization.id),
            redacted: words.redacted(),
            limits: all.limits,
            regions: all.details.regions.texts().to_vec(),
            operations: all.details.operations.texts().iter().map(|text| words.text(text)).collect(),
            ous: tree
                .branches
                .iter()
                .map(|one| (words.text(&one.name), words.text(&one.path), branch(one.parent)))
                .collect(),
            accounts: accounts.map(|(id, place)| (words.id(id), words.name(id), *place)).collect(),
            places: places.to_vec(),
            checks: audit.checks.iter().map(|meta| check(frameworks, words, meta)).collect(),
            frameworks: frameworks
                .iter()
                .map(|one| Named { name: words.text(&one.name), title: words.text(&one.title) })
                .collect(),
            exemptions: audit
                .context
                .exemptions
                .exemptions
                .iter()
                .map(|one| Exemption {
                    id: words.text(&one.id),
                    owner: words.text(&one.owner),
                    ticket: words.text(&one.ticket),
                    reason: words.text(&one.reason),
                    expires: one.expires.to_string(),
                })
                .collect(),
        }
    }
}

fn check(frameworks: &[Framework], words: &Words<'_>, meta: &CheckMeta) -> Check {
    Check {
        id: words.text(meta.id),
        title: words.text(meta.title),
        severity: meta.severity as u8,
        whole: meta.granularity == crate::model::check::Granularity::Organization,
        rationale: words.text(meta.rationale),
        console: words.lines(meta.remediation.console),
        cli: words.lines(meta.remediation.cli),
        playbook: meta.remediation.playbook.map(|name| words.text(&filled_in(name))),
        references: meta.references.iter().map(|one| (words.text(one.document), words.text(one.section))).collect(),
        controls: controls(frameworks, meta.id).map(|(framework, id)| (framework, words.text(id))).collect(),
    }
}

/// The controls that a check answers: the number of the framework, and the control's id.
pub(super) fn controls<'a>(frameworks: &'a [Framework], check: &str) -> impl Iterator<Item = (usize, &'a str)> {
    let all = frameworks.iter().enumerate().flat_map(|(n, one)| one.controls.iter().map(move |control| (n, control)));
    all.filter(move |(_, control)| control.checks().any(|id| id == check)).map(|(n, control)| (n, control.id.as_str()))
}
