//! Reports read their findings once, in order, and show of them what a reader who kept all would show.

mod formats;
mod widths;

use super::audit_table::Detail;
use super::failures::Failures;
use super::text::Paint;
use super::*;
use crate::checks::{CATALOG, fixtures};
use crate::model::check::Severity;
use crate::model::finding::{Evidence, FailingResource, Target};
use crate::model::{Cause, CauseKind, Finding, Verdict};
use proptest::prelude::*;
use std::cell::Cell;
use std::io::{self, Write};

const CHECK: &str = "root-access-keys";
const PLAIN: Paint = Paint::PLAIN;

fn finding(account: u64, verdict: Verdict, message: &str, resources: &[&str]) -> Finding {
    let failing = |name: &&str| FailingResource { resource: (*name).to_owned(), message: format!("{name} is wrong") };
    Finding {
        check: CHECK.to_owned(),
        target: Target::Account(fixtures::id(&format!("{account:012}"))),
        verdict,
        severity: Severity::Critical,
        message: message.to_owned(),
        resources: resources.iter().map(failing).collect(),
        exempt: Vec::new(),
        doubt: None,
        evidence: vec![Evidence { source: fixtures::source("iam:GetAccountSummary") }],
        cause: (verdict == Verdict::Unknown).then(|| Cause::new(CauseKind::Throttled, "iam:X", "slow down")),
    }
}

/// What is made from an audit of these findings.
fn with<T>(findings: &dyn Findings, tally: &Tally, make: impl FnOnce(&Audit<'_>) -> T) -> T {
    let org = fixtures::org();
    let scope = Scope { accounts: org.accounts.keys().cloned().collect(), left_out: Default::default() };
    make(&Audit {
        org: &org,
        scope: &scope,
        checks: CATALOG,
        findings,
        tally,
        frameworks: &[],
        context: &Context::default(),
        before: None,
        stats: RunStats::default(),
        interrupted: false,
    })
}

fn table(findings: &Vec<Finding>, detail: Detail) -> String {
    with(findings, &Tally::of(findings), |audit| audit_table::render(audit, detail, PLAIN).unwrap())
}

#[test]
fn a_table_shows_the_first_and_counts_the_rest() {
    let mut findings: Vec<Finding> = (0..8).map(|n| finding(n, Verdict::Fail, "all alike", &["a", "b", "c"])).collect();
    findings.push(finding(10, Verdict::Fail, "one of three", &["x", "y", "z"]));
    findings.push(finding(11, Verdict::Fail, "only is wrong", &["only"]));
    findings.extend((20..30).map(|n| finding(n, Verdict::Fail, &format!("of its own {}", n % 7), &[])));
    findings.push(finding(40, Verdict::Unknown, "could not be told", &[]));
    insta::assert_snapshot!(table(&findings, Detail::SHORT));
    let all = table(&findings, Detail::ALL);
    assert!(all.contains("of its own 6") && all.contains("    z: z is wrong") && !all.contains("--verbose"), "{all}");
}

#[test]
fn facts_of_an_earlier_run_are_told_with_their_age() {
    let findings = vec![finding(1, Verdict::Pass, "good", &[]), finding(2, Verdict::Pass, "good", &[])];
    let seen = findings[0].evidence[0].source.observed_at;
    let told = |started| {
        let mut tally = Tally::of_run(started);
        findings.iter().for_each(|finding| tally.add(finding));
        with(&findings, &tally, |audit| {
            let table = audit_table::render(audit, Detail::SHORT, PLAIN).unwrap();
            table.lines().find(|line| line.contains("earlier run")).map(str::to_owned)
        })
    };
    assert_eq!(told(seen), None);
    let later = told(seen + jiff::SignedDuration::from_secs(1)).unwrap();
    assert!(later.starts_with("2 verdicts rest on facts of an earlier run, the oldest of them collected "), "{later}");
}

#[test]
fn json_has_a_row_for_each_failing_resource_in_order() {
    let findings = vec![
        finding(1, Verdict::Fail, "two of them", &["a", "b"]),
        finding(2, Verdict::Pass, "good", &[]),
        finding(3, Verdict::Unknown, "not told", &[]),
    ];
    let mut out = Vec::new();
    let tally = Tally::of(&findings);
    with(&findings, &tally, |audit| audit_json::write(audit, &mut out)).unwrap();
    let text = String::from_utf8(out).unwrap();
    let report: serde_json::Value = serde_json::from_str(&text).unwrap();
    let pretty = serde_json::to_string_pretty(&report).unwrap();
    assert_eq!(text.lines().count(), pretty.lines().count(), "one form, streamed or not");
    let rows: Vec<_> =
        report["findings"].as_array().unwrap().iter().map(|row| (&row["account"], &row["message"])).collect();
    assert_eq!(
        serde_json::to_value(rows).unwrap(),
        serde_json::json!([
            ["000000000001", "a is wrong"],
            ["000000000001", "b is wrong"],
            ["000000000002", "good"],
            ["000000000003", "not told"],
        ])
    );
    assert_eq!(report["coverage"]["causes"][0]["accounts"], serde_json::json!(["000000000003"]));
    assert_eq!(
        report["findings"][0]["evidence"][0]["age_seconds"],
        report["findings"][2]["evidence"][0]["age_seconds"]
    );
    let mut out = Vec::new();
    with(&Vec::new(), &Tally::default(), |audit| audit_json::write(audit, &mut out)).unwrap();
    assert!(String::from_utf8(out).unwrap().contains("\"findings\": [],"), "no rows at all");
}

/// A source that fails after some findings, and counts how many it handed over.
struct Broken {
    good: Vec<Finding>,
    handed: Cell<usize>,
}

impl Findings for Broken {
    fn each(&self, visit: &mut dyn FnMut(&Finding) -> Result<(), ReportError>) -> Result<(), ReportError> {
        for finding in &self.good {
            self.handed.set(self.handed.get() + 1);
            visit(finding)?;
        }
        Err(ReportError::source("the frame of `000000000009` is damaged"))
    }
}

/// A writer that takes so many bytes.
struct Room(usize);

impl Write for Room {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 = self.0.checked_sub(bytes.len()).ok_or(io::ErrorKind::StorageFull)?;
        Ok(bytes.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_report_ends_with_its_source_and_with_its_room() {
    let good: Vec<Finding> = (0..100).map(|n| finding(n, Verdict::Fail, "bad", &[])).collect();
    let tally = Tally::of(&good);
    let broken = Broken { good, handed: Cell::new(0) };
    type Make = fn(&Audit<'_>, &mut dyn Write) -> Result<(), ReportError>;
    let made: [Make; 9] = [
        |audit, out| html::write(audit, html::Options::default(), out),
        audit_json::write,
        |audit, out| audit_table::write(audit, Detail::SHORT, PLAIN, out),
        ndjson::write,
        csv::write,
        junit::write,
        |audit, out| sarif::write(audit, &sarif::Beside { catalogue: CATALOG, config: "orgward.yaml" }, out).map(drop),
        |audit, out| ocsf::write(audit, &Standards::default(), ocsf::Version::V1_5, out),
        |audit, out| asff::write(audit, &Standards::default(), out),
    ];
    for make in made {
        let error = with(&broken, &tally, |audit| make(audit, &mut io::sink())).unwrap_err();
        assert!(matches!(error, ReportError::Source(_)), "{error:?}");
        assert_eq!(error.to_string(), "the frame of `000000000009` is damaged");
        for room in [0, 10, 500] {
            let error = with(&broken.good, &tally, |audit| make(audit, &mut Room(room))).unwrap_err();
            assert!(
                matches!(&error, ReportError::Write(error) if error.kind() == io::ErrorKind::StorageFull),
                "{error:?}"
            );
        }
    }
    broken.handed.set(0);
    with(&broken, &tally, |audit| audit_json::write(audit, &mut Room(3000))).unwrap_err();
    assert!((1..10).contains(&broken.handed.get()), "nothing is read once nothing can be written");
}

proptest! {
    /// Against a reader who keeps everything.
    #[test]
    fn groups_are_those_of_all_findings(
        messages in prop::collection::vec((0u8..2, 0u8..12, 0usize..4), 0..40), targets in 0usize..6, resources in 0usize..3
    ) {
        let names = ["a", "b", "c"];
        let findings: Vec<Finding> = messages.iter().zip(0..).map(|((pass, message, n), account)| {
            let verdict = if *pass == 0 { Verdict::Fail } else { Verdict::Pass };
            finding(account, verdict, &format!("message {message}"), &names[..*n.min(&3)])
        }).collect();
        let mut whole: Vec<(&str, Vec<&Finding>)> = Vec::new();
        for finding in findings.iter().filter(|finding| finding.verdict == Verdict::Fail) {
            match whole.iter_mut().find(|(message, _)| *message == finding.message) {
                Some((_, group)) => group.push(finding),
                None => whole.push((&finding.message, vec![finding])),
            }
        }
        let failures = Failures::read(&findings, Detail { targets, resources }).unwrap();
        let groups = failures.of(CHECK);
        prop_assert_eq!(groups.map_or(0, |groups| groups.count()), whole.len());
        let shown = groups.map_or(&[][..], |groups| &groups.shown);
        prop_assert_eq!(shown.len(), whole.len().min(targets));
        for (group, (message, findings)) in shown.iter().zip(&whole) {
            prop_assert_eq!((group.message.as_str(), group.count), (*message, findings.len()));
            let first: Vec<&Target> = findings.iter().take(targets).map(|finding| &finding.target).collect();
            prop_assert_eq!(group.targets.iter().collect::<Vec<_>>(), first);
            let alone = (findings.len() == 1).then(|| &findings[0].resources);
            prop_assert_eq!(group.resources.count, alone.map_or(0, Vec::len));
            prop_assert_eq!(&group.resources.shown[..], alone.map_or(&[][..], |all| &all[..all.len().min(resources)]));
        }
    }
}

#[test]
fn what_mends_a_check_names_what_its_playbook_asks_for() {
    let given = [
        ("targets", "/"),
        ("regions", "eu-central-1"),
        ("endpoint", "a@example.com"),
        ("audit_role", "A"),
        ("apply_role", "B"),
    ];
    let values = given.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    for shipped in crate::playbook::shipped() {
        let playbook = crate::playbook::load_shipped(shipped.name, &values).unwrap();
        // The command line gives the names of orgward's own roles.
        let own = |name: &str| name == "audit_role" || name == "apply_role";
        let required = playbook.parameters.iter().filter(|parameter| parameter.required && !own(&parameter.name));
        let flags: String = required.map(|parameter| format!(" --set {}=...", parameter.name)).collect();
        assert_eq!(row::to_set(shipped.name), flags, "{}", shipped.name);
    }
}
