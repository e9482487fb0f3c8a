//! What is told: one form of JSON for programs, and a few lines for people.
//!
//! Must not: hold anything that was written in an account: a message, a resource, a name, a tag.

use crate::model::check::Severity;
use crate::model::framework::Cells;
use crate::model::history::{Became, Changes};
use crate::model::plan::Operation;
use crate::model::{Plan, Tally};
use jiff::Timestamp;
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// The version of a notice.
pub const NOTICE_VERSION: u32 = 1;

/// Checks with new failures that people are told by name.
const NAMED: usize = 5;

/// What came of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Notice {
    format: &'static str,
    version: u32,
    orgward: &'static str,
    event: &'static str,
    /// The organization's id.
    organization: String,
    /// The moment of the facts.
    as_of: Timestamp,
    /// The exit code.
    exit: u8,
    #[serde(flatten)]
    what: What,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
enum What {
    Audit(Audit),
    Plan(Planned),
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Audit {
    run: String,
    interrupted: bool,
    findings: Cells,
    /// Failing cells by severity.
    failing: BTreeMap<Severity, usize>,
    /// What changed since the audit before, if one is kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    since: Option<Since>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Since {
    run: String,
    rows: BTreeMap<Became, usize>,
    /// New failures by check.
    new: BTreeMap<String, usize>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Planned {
    digest: String,
    create: usize,
    update: usize,
    delete: usize,
    refusals: usize,
    unknowns: usize,
    confirmations: usize,
}

impl Notice {
    fn new(event: &'static str, organization: &str, as_of: Timestamp, exit: u8, what: What) -> Self {
        let orgward = env!("CARGO_PKG_VERSION");
        let organization = organization.to_owned();
        Self { format: "orgward.notice", version: NOTICE_VERSION, orgward, event, organization, as_of, exit, what }
    }

    /// Of an audit; `changes`: since the one before, if one is kept.
    pub fn audit(
        (organization, as_of): (&str, Timestamp),
        run: &str,
        tally: &Tally,
        changes: Option<&Changes>,
        (interrupted, exit): (bool, u8),
    ) -> Self {
        let mut failing = BTreeMap::new();
        let mut worse = 0;
        for severity in Severity::ALL.into_iter().rev() {
            let all = tally.failing(severity);
            failing.insert(severity, all - worse);
            worse = all;
        }
        let since = changes.map(|changes| Since {
            run: changes.before.clone(),
            rows: changes.rows.clone(),
            new: changes
                .checks
                .iter()
                .filter_map(|(check, rows)| Some((check.clone(), *rows.get(&Became::New).filter(|rows| **rows > 0)?)))
                .collect(),
        });
        let run = run.to_owned();
        let what = Audit { run, interrupted, findings: tally.all().clone(), failing, since };
        Self::new("audit", organization, as_of, exit, What::Audit(what))
    }

    /// Of a plan by its digest.
    pub fn plan(plan: &Plan, digest: &str, exit: u8) -> Self {
        Self::of_plan("plan", plan, digest, exit)
    }

    /// Of a plan that was carried out, or was to be.
    pub fn apply(plan: &Plan, digest: &str, exit: u8) -> Self {
        Self::of_plan("apply", plan, digest, exit)
    }

    fn of_plan(event: &'static str, plan: &Plan, digest: &str, exit: u8) -> Self {
        let count = |operation| plan.changes.iter().filter(|change| change.operation() == operation).count();
        let what = Planned {
            digest: digest.to_owned(),
            create: count(Operation::Create),
            update: count(Operation::Update),
            delete: count(Operation::Delete),
            refusals: plan.refusals.len(),
            unknowns: plan.unknowns.len(),
            confirmations: plan.changes.iter().map(|change| change.confirmations.len()).sum(),
        };
        Self::new(event, &plan.organization, plan.as_of, exit, What::Plan(what))
    }

    /// The event: `audit`, `plan`, `apply`.
    pub fn event(&self) -> &'static str {
        self.event
    }

    /// As JSON.
    ///
    /// # Errors
    /// Never: it holds figures and ids.
    pub fn json(&self) -> Result<Vec<u8>, serde_json::Error> {
        serde_json::to_vec(self)
    }

    /// In a line, for a subject.
    pub fn title(&self) -> String {
        let of = &self.organization;
        match &self.what {
            What::Audit(Audit { since: Some(since), .. }) => {
                let new = since.rows.get(&Became::New).copied().unwrap_or_default();
                format!("orgward: {new} new failures in {of}")
            }
            What::Audit(audit) => format!("orgward: {} failures in {of}", audit.findings.fail),
            What::Plan(_) if self.event == "apply" => match self.exit {
                0 => format!("orgward: a plan was applied in {of}"),
                exit => format!("orgward: applying a plan in {of} ended with {exit}"),
            },
            What::Plan(plan) => format!("orgward: a plan of {} changes for {of}", plan.changes()),
        }
    }

    /// In a few lines, for people.
    pub fn text(&self) -> String {
        let mut text = self.title();
        // Writing to a String cannot fail.
        let _ = match &self.what {
            What::Audit(audit) => audit.tell(&mut text),
            What::Plan(plan) => plan.tell(&mut text),
        };
        text
    }
}

impl Audit {
    fn tell(&self, out: &mut String) -> std::fmt::Result {
        let cells = &self.findings;
        let failing = self.failing.iter().rev().filter(|(_, cells)| **cells > 0);
        let failing: Vec<String> = failing.map(|(severity, cells)| format!("{cells} {}", severity.as_str())).collect();
        write!(out, "\nVerdicts: {} fail", cells.fail)?;
        if !failing.is_empty() {
            write!(out, " ({})", failing.join(", "))?;
        }
        write!(out, ", {} unknown, {} exempt, {} pass", cells.unknown, cells.exempt, cells.pass)?;
        if let Some(since) = &self.since {
            let rows = |became| since.rows.get(&became).copied().unwrap_or_default();
            write!(out, "\nSince {}: {} new, {} fixed", since.run, rows(Became::New), rows(Became::Fixed))?;
            let mut new: Vec<(&String, &usize)> = since.new.iter().collect();
            new.sort_by_key(|(_, rows)| std::cmp::Reverse(**rows));
            for (check, rows) in new.iter().take(NAMED) {
                write!(out, "\n- {check}: {rows}")?;
            }
            if new.len() > NAMED {
                write!(out, "\n- and {} more checks", new.len() - NAMED)?;
            }
        }
        if self.interrupted {
            write!(out, "\nIt was interrupted: these are not all verdicts")?;
        }
        write!(out, "\nMore: orgward report {}", self.run)
    }
}

impl Planned {
    fn changes(&self) -> usize {
        self.create + self.update + self.delete
    }

    fn tell(&self, out: &mut String) -> std::fmt::Result {
        let Self { digest, create, update, delete, refusals, unknowns, confirmations } = self;
        write!(out, "\n{create} to create, {update} to update, {delete} to delete")?;
        write!(out, "\n{refusals} refusals, {unknowns} not planned for, {confirmations} to be confirmed by name")?;
        write!(out, "\nDigest: {digest}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::{Selection, Thresholds, fixtures};
    use serde_json::{Value, json};

    fn value(notice: &Notice) -> Value {
        serde_json::from_slice(&notice.json().unwrap()).unwrap()
    }

    #[test]
    fn an_audit_is_told_in_figures_and_ids() {
        let mut org = fixtures::org();
        org.accounts.values_mut().for_each(|account| account.name = "<!channel> `evil`".to_owned());
        let tally = Tally::of(&Selection::all().organization(&org, &Thresholds::default()));
        let of = (org.organization.id.as_str(), org.as_of);
        let told = value(&Notice::audit(of, "20260718T100000Z-4000", &tally, None, (false, 3)));
        assert_eq!(told["event"], "audit");
        assert_eq!((&told["exit"], &told["run"]), (&json!(3), &json!("20260718T100000Z-4000")));
        assert_eq!(told["findings"]["pass"], json!(tally.all().pass));
        let failing: u64 = told["failing"].as_object().unwrap().values().filter_map(Value::as_u64).sum();
        assert_eq!(failing, tally.all().fail as u64);
        assert!(told.get("since").is_none() && !told.to_string().contains("evil"), "{told}");

        let changes = Changes {
            before: "20260717T100000Z-4000".to_owned(),
            rows: BTreeMap::from([(Became::New, 9), (Became::Fixed, 2)]),
            checks: (0..7)
                .map(|n| (format!("check-{n}"), BTreeMap::from([(Became::New, n), (Became::Fixed, 1)])))
                .collect(),
            ..Changes::default()
        };
        let notice = Notice::audit(of, "20260718T100000Z-4000", &tally, Some(&changes), (true, 130));
        assert_eq!(value(&notice)["since"]["rows"], json!({"new": 9, "fixed": 2}));
        assert_eq!(value(&notice)["since"]["new"].as_object().unwrap().len(), 6, "only those with new failures");
        let text = notice.text();
        for words in [": 9 new failures in o-", "- check-6: 6\n", "- and 1 more checks", "2 fixed", "interrupted"] {
            assert!(text.contains(words), "`{words}` is missing in {text}");
        }
        assert!(text.lines().count() < 14 && !notice.title().contains('\n'), "{text}");
    }
}
