//! Writes the pages that `tests/html/run.sh` opens in a browser: one of the real binary, with and without account ids, one whose
//! every name is hostile, and one of many accounts.

use crate::harness::{Served, run};
use crate::sandboxed::operator;
use orgward::checks::{self, CATALOG, Thresholds, frameworks};
use orgward::collect::{self, CollectOptions};
use orgward::model::exemption::{Attestation, ExemptScope, Exemption, Exemptions};
use orgward::model::finding::{Exempted, Target};
use orgward::model::framework::Cells;
use orgward::model::history::{Became, Changes, Standing};
use orgward::model::scope::Scope;
use orgward::model::{AccountId, Finding, OrgFacts, Tally, Verdict, digest};
use orgward::report::{Audit, Context, Findings, ReportError, RunStats, html};
use orgward::sandbox::{Sandbox, Scenario};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::BufWriter;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

/// What an attacker calls things.
const HOSTILE: &str = "</script><img src=x onerror=\"window.hit=1\">\u{202e}{{7*7}}<!--";

/// An audit of a sandbox, in memory.
async fn audited(scenario: Scenario) -> (OrgFacts, Vec<Finding>) {
    let sandbox = Sandbox::new(scenario);
    let sessions = operator(&sandbox).await;
    let cancel = CancellationToken::new();
    let org = collect::organization(&sessions, false, &cancel).await.unwrap();
    let active = org.accounts.values().filter(|account| account.state.why_not_audited().is_none());
    let accounts: Vec<AccountId> = active.map(|account| account.id.clone()).collect();
    let thresholds = Thresholds::default();
    let mut findings = checks::organization(&org, &thresholds);
    let mut judge = |facts| findings.extend(checks::account(&org, &facts, &thresholds));
    collect::each_account(&sessions, &org, &accounts, &CollectOptions::default(), &cancel, Arc::new(()), &mut judge)
        .await;
    findings.sort_by(Finding::in_order);
    (org, findings)
}

fn write(path: &Path, org: &OrgFacts, findings: &dyn Findings, context: &Context) {
    let mut tally = Tally::default();
    let mut accounts = Vec::new();
    let count = &mut |finding: &Finding| {
        tally.add(finding);
        if let Some(id) = finding.target.account().filter(|id| accounts.last() != Some(*id)) {
            accounts.push(id.clone());
        }
        Ok(())
    };
    findings.each(count).unwrap();
    let cis = frameworks::find("cis-7.0").unwrap();
    let audit = Audit {
        org,
        scope: &Scope { accounts, left_out: BTreeMap::new() },
        checks: CATALOG,
        findings,
        tally: &tally,
        frameworks: &[frameworks::judge(cis, &tally)],
        context,
        before: None,
        stats: RunStats::default(),
        interrupted: false,
    };
    let mut out = BufWriter::new(File::create(path).unwrap());
    html::write(&audit, html::Options { redact_accounts: false, frameworks: frameworks::all() }, &mut out).unwrap();
}

/// Everything that can stand around an audit, in hostile words.
fn around(org: &OrgFacts, account: &AccountId) -> Context {
    let day = |text: &str| text.parse().unwrap();
    let exemption = |id: &str, expires| Exemption {
        id: id.to_owned(),
        checks: vec!["role-inline-policies".to_owned()],
        scope: ExemptScope { ous: vec![HOSTILE.to_owned()], ..ExemptScope::default() },
        resources: Vec::new(),
        owner: HOSTILE.to_owned(),
        reason: HOSTILE.to_owned(),
        ticket: HOSTILE.to_owned(),
        expires: day(expires),
        line: 1,
    };
    let attestation = Attestation {
        framework: "cis-7.0".to_owned(),
        control: "1.1".to_owned(),
        owner: "someone".to_owned(),
        statement: HOSTILE.to_owned(),
        date: day("2026-01-01"),
        expires: day("2030-01-01"),
        line: 9,
    };
    let plan = serde_json::json!({
        "version": 1, "organization": org.organization.id, "management_account": org.organization.management_account,
        "caller_arn": "arn:aws:iam::111111111111:user/x", "as_of": org.as_of, "playbooks": [],
        "changes": [{
            "address": {"kind": "password_policy", "account": account}, "before": {"minimum_length": 8},
            "after": {"minimum_length": 14}, "step": "baseline/passwords", "reason": HOSTILE, "depends_on": [],
            "impact": [HOSTILE], "confirmations": []
        }, {
            "address": {"kind": "policy", "policy_type": "SERVICE_CONTROL_POLICY", "name": HOSTILE}, "before": null,
            "after": {"content": r#"{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"*","Resource":"*"}]}"#},
            "step": "baseline/scp", "reason": "none yet", "depends_on": [], "impact": [], "confirmations": []
        }],
        "refusals": [], "unknowns": [], "operator_steps": [HOSTILE], "notes": [HOSTILE]
    });
    let standing = |days: i64, pass| Standing {
        run: "r".to_owned(),
        as_of: org.as_of - jiff::SignedDuration::from_hours(24 * days),
        accounts: 24,
        cells: Cells { pass, fail: 100, ..Cells::default() },
        not_asked: 0,
        failing: BTreeMap::new(),
    };
    Context {
        run: "20260601T000000Z-0001".to_owned(),
        exemptions: Exemptions {
            file: "exemptions.yaml".to_owned(),
            digest: String::new(),
            exemptions: vec![exemption("later", "2040-01-01"), exemption("legacy", "2020-01-01")],
            attestations: vec![attestation],
        },
        whole: true,
        changes: Some(Changes {
            before: "20260501T000000Z-0001".to_owned(),
            before_as_of: Some(org.as_of),
            rows: BTreeMap::from([(Became::New, 12), (Became::Fixed, 30), (Became::NowExempt, 1)]),
            checks: BTreeMap::new(),
        }),
        trend: vec![standing(60, 300), standing(30, 420), standing(0, 500)],
        plan: Some((serde_json::from_value(plan).unwrap(), "sha256:00".to_owned())),
    }
}

/// The same few accounts again and again, each time with other ids, request ids and digests.
struct Many<'a> {
    findings: &'a [Finding],
    accounts: &'a [(AccountId, AccountId)],
}

impl Findings for Many<'_> {
    fn each(&self, visit: &mut dyn FnMut(&Finding) -> Result<(), ReportError>) -> Result<(), ReportError> {
        self.findings.iter().filter(|finding| finding.target.account().is_none()).try_for_each(&mut *visit)?;
        let mut of: BTreeMap<&AccountId, Vec<&Finding>> = BTreeMap::new();
        for finding in self.findings {
            if let Some(id) = finding.target.account() {
                of.entry(id).or_default().push(finding);
            }
        }
        for (id, like) in self.accounts {
            for finding in &of[like] {
                visit(&renamed(finding, like, id))?;
            }
        }
        Ok(())
    }
}

fn renamed(finding: &Finding, like: &AccountId, id: &AccountId) -> Finding {
    let mut finding = finding.clone();
    let own = |text: &mut String| *text = text.replace(like.as_str(), id.as_str());
    finding.target = match finding.target {
        Target::AccountRegion(_, region) => Target::AccountRegion(id.clone(), region),
        _ => Target::Account(id.clone()),
    };
    own(&mut finding.message);
    for resource in &mut finding.resources {
        own(&mut resource.resource);
        own(&mut resource.message);
    }
    for evidence in &mut finding.evidence {
        let source = &mut evidence.source;
        let seed = format!("{id}{}{}", source.operation, source.region);
        let fresh = digest(seed.as_bytes());
        source.request_id = fresh.get(7..43).map(str::to_owned);
        source.digest = Some(fresh);
        source.observed_at += jiff::SignedDuration::from_millis(id.as_str().parse::<i64>().unwrap() % 600_000);
    }
    finding
}

/// `count` accounts like those there are, below the same OUs.
fn many(org: &OrgFacts, findings: &[Finding], count: u64) -> (OrgFacts, Vec<(AccountId, AccountId)>) {
    let mut likes: Vec<AccountId> = findings.iter().filter_map(|finding| finding.target.account().cloned()).collect();
    likes.dedup();
    let mut large = org.clone();
    large.accounts.retain(|id, _| org.is_management(id));
    let mut accounts = Vec::new();
    for (n, like) in (0..count).zip(likes.iter().cycle()) {
        let id: AccountId = format!("{:012}", 100_000_000_000 + n * 7_919_337).parse().unwrap();
        let name = format!("{}-{n}", org.accounts[like].name);
        large
            .accounts
            .insert(id.clone(), orgward::model::org::Account { id: id.clone(), name, ..org.accounts[like].clone() });
        accounts.push((id, like.clone()));
    }
    (large, accounts)
}

fn folder() -> PathBuf {
    PathBuf::from(std::env::var_os("ORGWARD_HTML_PAGES").expect("ORGWARD_HTML_PAGES names a folder"))
}

#[tokio::test(start_paused = true)]
#[ignore = "tests/html/run.sh runs it"]
async fn writes_the_pages_of_the_witness() {
    let folder = folder();
    let served = Served::start(&["--accounts", "40", "--seed", "7"]);
    let path = |name: &str| folder.join(name).to_str().unwrap().to_owned();
    served.run(&["audit", "--checks", "root-*", "--allow-partial", "--fail-on", "none"]).ends(0);
    let plan = path("plan.json");
    served.run(&["plan", "cis-password-policy", "--out", &plan]);
    let whole = [
        "audit",
        "--format",
        "html",
        "--with-plan",
        &plan,
        "--output",
        &path("whole.html"),
        "--allow-partial",
        "--fail-on",
        "none",
    ];
    served.run(&whole).ends(0);
    let hidden = ["report", "last", "--format", "html", "--redact-accounts", "--output", &path("hidden.html")];
    run(served.command(&hidden).args(["--allow-partial", "--fail-on", "none"])).ends(0);
    let ids: Vec<String> = served.org()["accounts"].as_object().unwrap().keys().cloned().collect();
    std::fs::write(folder.join("ids.json"), serde_json::to_vec(&ids).unwrap()).unwrap();

    let (org, findings) = audited(Scenario::sized(40, 7)).await;
    let (large, accounts) = many(&org, &findings, 1_000);
    write(&folder.join("large.html"), &large, &Many { findings: &findings, accounts: &accounts }, &Context::default());
    if std::env::var_os("ORGWARD_HTML_LARGEST").is_some() {
        let (large, accounts) = many(&org, &findings, 10_000);
        let source = Many { findings: &findings, accounts: &accounts };
        write(&folder.join("largest.html"), &large, &source, &Context::default());
    }

    let mut scenario = Scenario::demo();
    scenario.accounts.iter_mut().zip(0..).for_each(|(account, n)| account.name = format!("{HOSTILE}{n}"));
    scenario.ous.iter_mut().zip(0..).for_each(|(ou, n)| ou.name = format!("{n}{HOSTILE}"));
    let (org, mut findings) = audited(scenario).await;
    let mut first = None;
    for finding in &mut findings {
        finding.message.push_str(HOSTILE);
        for resource in &mut finding.resources {
            resource.resource.push_str(HOSTILE);
        }
        if finding.verdict == Verdict::Fail && finding.check == "role-inline-policies" {
            first = first.or_else(|| finding.target.account().cloned());
            finding.verdict = Verdict::Exempt;
            let gone = std::mem::take(&mut finding.resources);
            let exempt = gone.into_iter().map(|one| Exempted {
                exemption: "later".to_owned(),
                resource: Some(one.resource),
                message: one.message,
            });
            finding.exempt = exempt.collect();
        }
    }
    let context = around(&org, &first.expect("an exempt account"));
    write(&folder.join("hostile.html"), &org, &findings, &context);
}
