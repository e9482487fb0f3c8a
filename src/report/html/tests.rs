//! The page as a whole: what it says, what it may run, and what hostile names and hidden accounts leave on it. What a browser
//! makes of it is tested by `tests/html/run.sh`.

use super::*;
use crate::checks::{CATALOG, fixtures, frameworks};
use crate::model::exemption::{ExemptScope, Exemption, Exemptions};
use crate::model::finding::{Evidence, Exempted, FailingResource, Target};
use crate::model::framework::Cells;
use crate::model::history::{Became, Changes, Standing};
use crate::model::scope::Scope;
use crate::model::{Cause, CauseKind, Finding, OrgFacts, Tally, Verdict};
use crate::report::{Context, RunStats};
use flate2::read::DeflateDecoder;
use serde_json::Value;
use std::collections::BTreeMap;
use std::io::Read;

/// What an attacker would call an account.
const HOSTILE: &str = "</script><img src=x onerror=alert(1)>\u{202e}<!--";

fn finding(check: &str, target: Target, verdict: Verdict) -> Finding {
    let meta = CATALOG.iter().find(|meta| meta.id == check).unwrap();
    let resources = (verdict == Verdict::Fail).then(|| FailingResource {
        resource: format!("arn:aws:iam::{}:user/{HOSTILE}", fixtures::MEMBER),
        message: format!("{HOSTILE} is wrong"),
    });
    Finding {
        check: check.to_owned(),
        target,
        verdict,
        severity: meta.severity,
        message: format!("what was found of {check}"),
        resources: resources.into_iter().collect(),
        exempt: Vec::new(),
        doubt: None,
        evidence: vec![Evidence { source: fixtures::source("iam:GetAccountSummary") }],
        cause: (verdict == Verdict::Unknown).then(|| Cause::new(CauseKind::AccessDenied, "iam:X", HOSTILE)),
    }
}

fn findings() -> Vec<Finding> {
    let account = |id| Target::Account(fixtures::id(id));
    let (management, member) = (fixtures::MANAGEMENT, fixtures::MEMBER);
    let region = |name| Target::AccountRegion(fixtures::id(member), fixtures::region(name));
    let exempt = Exempted { exemption: "legacy".to_owned(), resource: Some("r".to_owned()), message: "m".to_owned() };
    vec![
        finding("org-deny-leave", Target::Organization, Verdict::Fail),
        finding("root-access-keys", account(management), Verdict::Pass),
        finding("root-mfa", account(management), Verdict::Unknown),
        finding("root-access-keys", account(member), Verdict::Fail),
        Finding { exempt: vec![exempt], ..finding("root-mfa", account(member), Verdict::Exempt) },
        finding("account-guardduty", region("eu-central-1"), Verdict::Pass),
        finding("account-guardduty", region("us-east-1"), Verdict::Fail),
    ]
}

fn organization() -> OrgFacts {
    let mut org = fixtures::org();
    org.accounts.get_mut(&fixtures::id(fixtures::MEMBER)).unwrap().name = HOSTILE.to_owned();
    org.ous.values_mut().for_each(|ou| ou.name = format!("Work {HOSTILE}"));
    org
}

fn context() -> Context {
    let standing = |second: i64, pass| Standing {
        run: "r".to_owned(),
        as_of: fixtures::as_of() + jiff::SignedDuration::from_hours(second),
        accounts: 2,
        cells: Cells { pass, fail: 4, ..Cells::default() },
        not_asked: 0,
        failing: BTreeMap::new(),
    };
    let exemption = Exemption {
        id: "legacy".to_owned(),
        checks: vec!["root-mfa".to_owned()],
        scope: ExemptScope { accounts: vec![fixtures::id(fixtures::MEMBER)], ..ExemptScope::default() },
        resources: Vec::new(),
        owner: HOSTILE.to_owned(),
        reason: HOSTILE.to_owned(),
        ticket: "SEC-1".to_owned(),
        expires: "2026-06-20".parse().unwrap(),
        line: 3,
    };
    Context {
        run: "20260601T000000Z-0001".to_owned(),
        exemptions: Exemptions { exemptions: vec![exemption], ..Exemptions::default() },
        whole: true,
        changes: Some(Changes {
            before: "20260501T000000Z-0001".to_owned(),
            before_as_of: Some(fixtures::days_ago(31)),
            rows: BTreeMap::from([(Became::New, 2), (Became::Fixed, 1_234)]),
            checks: BTreeMap::from([("root-access-keys".to_owned(), BTreeMap::from([(Became::New, 2)]))]),
        }),
        trend: vec![standing(-48, 2), standing(0, 5)],
        plan: None,
    }
}

fn page(org: &OrgFacts, findings: &Vec<Finding>, context: &Context, redact_accounts: bool) -> String {
    let scope = Scope { accounts: org.accounts.keys().take(2).cloned().collect(), left_out: BTreeMap::new() };
    let audit = Audit {
        org,
        scope: &scope,
        checks: CATALOG,
        findings,
        tally: &Tally::of(findings),
        frameworks: &[],
        context,
        before: None,
        stats: RunStats::default(),
        interrupted: false,
    };
    let mut out = Vec::new();
    write(&audit, Options { redact_accounts, frameworks: frameworks::all() }, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

/// The packed data of the page under an id.
fn unpacked(page: &str, id: &str) -> Vec<u8> {
    let (_, rest) = page.split_once(&format!("id=\"{id}\">")).unwrap();
    let packed = STANDARD.decode(rest.split_once('<').unwrap().0).unwrap();
    let mut bytes = Vec::new();
    DeflateDecoder::new(packed.as_slice()).read_to_end(&mut bytes).unwrap();
    bytes
}

fn between<'t>(text: &'t str, begin: &str, end: &str) -> &'t str {
    text.split_once(begin).unwrap().1.split_once(end).unwrap().0
}

#[test]
fn the_first_page_says_where_the_organization_stands() {
    let page = page(&organization(), &findings(), &context(), false);
    insta::assert_snapshot!("summary", between(&page, "<section id=\"summary\"", "</section>"));
    insta::assert_snapshot!("map", between(&page, "<section id=\"map\"", "</section>"));
    insta::assert_snapshot!("findings", between(&page, "<div id=\"list\">", "</section>"));
}

#[test]
fn what_nobody_asked_for_is_in_no_figure_of_gaps() {
    let words = "or that nobody asked for,";
    let without = page(&organization(), &findings(), &context(), false);
    assert!(!without.contains(words) && !without.contains("were not asked for"));
    let blank = Finding {
        cause: Some(Cause::new(CauseKind::OptIn, "iam:ListSSHPublicKeys", "not collected")),
        ..finding("ssh-key-age", Target::Account(fixtures::id(fixtures::MEMBER)), Verdict::Unknown)
    };
    let page = page(&organization(), &[findings(), vec![blank]].concat(), &context(), false);
    let formula = between(&page, "<p class=\"formula\">", "</p>");
    assert!(formula.contains("<b>unknown</b> (1 verdict) ") && formula.contains(words), "{formula}");
    assert_eq!(formula.replace(&format!(", {words}"), ""), between(&without, "<p class=\"formula\">", "</p>"));
    let coverage = between(&page, "<section id=\"coverage\"", "</p>");
    assert!(coverage.contains("6 of 7 verdicts could be told; 1 were not asked for"), "{coverage}");
}

#[test]
fn nothing_runs_and_nothing_is_loaded_but_what_is_in_the_page() {
    let page = page(&organization(), &findings(), &context(), false);
    let policy = between(&page, "http-equiv=\"Content-Security-Policy\" content=\"", "\">").replace("&#39;", "'");
    assert!(policy.starts_with("default-src 'none'; "), "{policy}");
    for (begin, end) in [("<style>", "</style>"), ("<script>", "</script>")] {
        assert_eq!(page.matches(begin).count(), 1, "{begin}");
        let hash = STANDARD.encode(Sha256::digest(between(&page, begin, end)));
        assert!(policy.contains(&format!("'sha256-{hash}'")), "{begin} {policy}");
    }
    assert!(!policy.contains("unsafe") && !policy.contains("http"), "{policy}");
    for (at, _) in page.match_indices("<script") {
        let tag = page[at..].split('>').next().unwrap();
        assert!(tag == "<script" || tag.starts_with("<script type=\"application/octet-stream\" id=\""), "{tag}");
    }
    let mut shown = page.clone();
    for begin in [STYLE, SCRIPT] {
        shown = shown.replace(begin, "");
    }
    for no in [" style=\"", " onclick=", " src=\"", "<link", "<iframe", "url(", "@import"] {
        assert!(!shown.contains(no) && !STYLE.contains(no), "{no}");
    }
    for no in ["innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "fetch(", "import(", "</"] {
        assert!(!SCRIPT.contains(no), "{no}");
    }
}

#[test]
fn hostile_names_stay_text() {
    let page = page(&organization(), &findings(), &context(), false);
    assert!(!page.contains("<img") && !page.contains('\u{202e}') && !page.contains("<!--"));
    assert!(page.contains("&#60;img src=x onerror=alert(1)&#62;\\u{202e}"), "it is told, as it is");
    let part: Value = serde_json::from_slice(&unpacked(&page, "d2")).unwrap();
    let texts: Vec<&str> = part["s"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    assert!(texts.iter().any(|text| text.contains("<img")) && texts.iter().all(|text| !text.contains('\u{202e}')));
}

#[test]
fn hidden_accounts_are_nowhere_on_the_page() {
    let shown = page(&organization(), &findings(), &context(), false);
    let hidden = page(&organization(), &findings(), &context(), true);
    let whole = |page: &str| {
        let data = ["d0", "d1", "d2"].map(|id| String::from_utf8(unpacked(page, id)).unwrap());
        format!("{page}{}", data.concat())
    };
    let (shown, hidden) = (whole(&shown), whole(&hidden));
    let org = organization();
    for account in org.accounts.values() {
        let id = account.id.as_str();
        assert!(!hidden.contains(id), "{id}");
        assert_eq!(shown.contains(id), org.accounts.keys().take(2).any(|in_scope| in_scope.as_str() == id), "{id}");
    }
    assert!(hidden.contains("account-0001") && hidden.contains("account ids and names are hidden"));
    assert!(hidden.contains("numbered by when accounts joined") && !shown.contains("numbered by when accounts joined"));
}

#[test]
fn the_script_is_told_every_square_and_every_cell() {
    let page = page(&organization(), &findings(), &context(), false);
    let start: Value = serde_json::from_slice(&unpacked(&page, "d0")).unwrap();
    let squares = unpacked(&page, "m");
    assert_eq!(squares.len(), 3 * CATALOG.len());
    let column = |id: &str| CATALOG.iter().position(|meta| meta.id == id).unwrap();
    let square = |row: usize, id| squares[row * CATALOG.len() + column(id)];
    assert_eq!([square(0, "org-deny-leave"), square(1, "root-mfa"), square(2, "root-mfa")], [5, 4, 3]);
    assert_eq!(square(2, "account-guardduty"), 5, "one Region fails");
    assert_eq!(start["places"], serde_json::json!([1, 2, 2]), "the organization's part is its own");
    let part: Value = serde_json::from_slice(&unpacked(&page, "d2")).unwrap();
    let cells = part["a"][1]["c"].as_array().unwrap();
    let regions: Vec<i64> = cells.iter().map(|cell| cell[1].as_i64().unwrap()).collect();
    assert_eq!(regions.len(), 4);
    assert!(regions.contains(&-1) && regions.iter().filter(|region| **region >= 0).count() == 2);
    let controls = start["checks"][column("root-mfa")]["controls"].as_array().unwrap();
    assert!(
        controls.iter().any(|control| start["frameworks"][control[0].as_u64().unwrap() as usize]["name"] == "cis-7.0")
    );
    assert_eq!(start["exemptions"][0]["ticket"], "SEC-1");
}

#[test]
fn what_is_cut_off_is_counted() {
    let mut findings = findings();
    let one = findings[0].resources[0].clone();
    findings[0].resources = (0..250).map(|n| FailingResource { message: format!("m{n}"), ..one.clone() }).collect();
    let page = page(&organization(), &findings, &context(), false);
    let part: Value = serde_json::from_slice(&unpacked(&page, "d1")).unwrap();
    let cell = &part["a"][0]["c"][0];
    assert_eq!((cell[5].as_array().unwrap().len(), cell[6].as_u64()), (100, Some(250)));
    assert!(page.contains("and 238 more"), "without a script 12 are listed");
}

#[test]
fn an_audit_of_nothing_is_a_page_too() {
    let page = page(&organization(), &Vec::new(), &Context::default(), false);
    for says in ["–<small> of 100", "Nothing fails.", "No earlier audit is kept", "A trend needs two", "None."] {
        assert!(page.contains(says), "{says}");
    }
}

#[test]
fn figures_have_commas() {
    assert_eq!([0, 999, 1_000, 1_234_567].map(figure), ["0", "999", "1,000", "1,234,567"]);
}
