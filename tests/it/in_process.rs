//! Whole audits of organizations in this process, on virtual time: what is wrong costs its own cells and nothing else.

use crate::sandboxed::{connect, operator, settings};
use orgward::aws::Sessions;
use orgward::checks::{self, Thresholds};
use orgward::collect::{self, CollectOptions, Progress};
use orgward::model::check::Granularity;
use orgward::model::finding::Target;
use orgward::model::org::AccountState;
use orgward::model::{AccountId, CauseKind, Finding, OrgFacts, Verdict};
use orgward::sandbox::{Fault, FaultKind, Sandbox, Scenario};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// An audit of every account that works, as `orgward audit` does it.
pub async fn audit(
    sessions: &Sessions,
    cancel: &CancellationToken,
    progress: Arc<dyn Progress>,
) -> (OrgFacts, Vec<Finding>) {
    let org = collect::organization(sessions, false, cancel).await.unwrap();
    let accounts = working(&org);
    let thresholds = Thresholds::default();
    let mut findings = checks::organization(&org, &thresholds);
    collect::each_account(sessions, &org, &accounts, &CollectOptions::default(), cancel, progress, &mut |facts| {
        findings.extend(checks::account(&org, &facts, &thresholds));
    })
    .await;
    findings.sort_by(|a, b| (&a.check, &a.target).cmp(&(&b.check, &b.target)));
    (org, findings)
}

fn working(org: &OrgFacts) -> Vec<AccountId> {
    let accounts = org.accounts.iter().filter(|(_, account)| account.state == AccountState::Active);
    accounts.map(|(id, _)| id.clone()).collect()
}

async fn audited(sandbox: &Sandbox) -> (OrgFacts, Vec<Finding>) {
    audit(&operator(sandbox).await, &CancellationToken::new(), Arc::new(())).await
}

/// Every check has exactly one verdict for the organization, for each account, or for each account and at least one Region.
#[track_caller]
pub fn every_cell_has_its_verdict(org: &OrgFacts, findings: &[Finding]) {
    let mut cells = BTreeSet::new();
    let mut told: BTreeMap<(&str, Option<&AccountId>), usize> = BTreeMap::new();
    for finding in findings {
        assert!(
            cells.insert((&finding.check, &finding.target)),
            "two verdicts: {} {:?}",
            finding.check,
            finding.target
        );
        assert_eq!(finding.cause.is_some(), finding.verdict == Verdict::Unknown, "{finding:?}");
        *told.entry((&finding.check, finding.target.account())).or_default() += 1;
    }
    let accounts = working(org);
    for meta in checks::CATALOG {
        match meta.granularity {
            Granularity::Organization => assert_eq!(told.get(&(meta.id, None)), Some(&1), "{}", meta.id),
            Granularity::Account => {
                accounts.iter().for_each(|id| assert_eq!(told.get(&(meta.id, Some(id))), Some(&1), "{} {id}", meta.id));
            }
            _ => accounts.iter().for_each(|id| assert!(told.contains_key(&(meta.id, Some(id))), "{} {id}", meta.id)),
        }
    }
}

/// Whether a verdict was asked for and could not be told: not what needs a flag.
pub fn untold(finding: &&Finding) -> bool {
    let asked = finding.cause.as_ref().is_none_or(|cause| cause.kind != CauseKind::OptIn);
    finding.verdict == Verdict::Unknown && asked
}

/// Verdict and words of each cell, without when and from which request they came.
pub fn verdicts(findings: &[Finding]) -> Vec<(&str, &Target, Verdict, &str)> {
    findings.iter().map(|f| (f.check.as_str(), &f.target, f.verdict, f.message.as_str())).collect()
}

#[tokio::test(start_paused = true)]
async fn the_same_organization_twice_gives_the_same_findings() {
    let first = audited(&Sandbox::new(Scenario::demo())).await;
    let second = audited(&Sandbox::new(Scenario::demo())).await;
    every_cell_has_its_verdict(&first.0, &first.1);
    assert_eq!(verdicts(&first.1), verdicts(&second.1));
    let planted = first.1.iter().filter(|finding| finding.verdict == Verdict::Fail).count();
    assert!(planted > 40, "{planted}");
}

#[tokio::test(start_paused = true)]
async fn three_hundred_accounts_have_a_verdict_in_each_cell() {
    let sandbox = Sandbox::new(Scenario::sized(300, 11));
    let (org, findings) = audited(&sandbox).await;
    assert_eq!(org.accounts.len(), 300);
    every_cell_has_its_verdict(&org, &findings);
    let unknown = findings.iter().filter(untold);
    let causes: BTreeSet<CauseKind> = unknown.filter_map(|finding| Some(finding.cause.as_ref()?.kind)).collect();
    assert_eq!(causes, BTreeSet::from([CauseKind::AssumeRoleDenied]), "only what was planted is unknown");
}

#[tokio::test(start_paused = true)]
async fn throttling_a_fifth_of_all_attempts_changes_no_verdict() {
    let calm = audited(&Sandbox::new(Scenario::sized(24, 4))).await;
    let busy = Sandbox::new(Scenario::sized(24, 4));
    busy.faults().add(Fault::new(FaultKind::Throttle { rate: 0.2 }));
    let sessions = operator(&busy).await;
    let (_, findings) = audit(&sessions, &CancellationToken::new(), Arc::new(())).await;
    assert!(sessions.stats().throttled > 50, "{:?}", sessions.stats());
    assert_eq!(verdicts(&findings), verdicts(&calm.1));
}

#[tokio::test(start_paused = true)]
async fn each_way_to_go_wrong_is_the_cause_of_its_own_cells() {
    let scenario = Scenario::small();
    let one = scenario.account("app-one").unwrap().id.clone();
    let other = |code: &str| FaultKind::Error { status: 400, code: code.into(), message: "no".into() };
    for (kind, cause) in [
        (FaultKind::Deny, CauseKind::AccessDenied),
        (FaultKind::Throttle { rate: 1.0 }, CauseKind::Throttled),
        (FaultKind::Drop, CauseKind::Unreachable),
        (FaultKind::Html, CauseKind::NotAnAwsAnswer),
        (FaultKind::Garbage, CauseKind::NotAnAwsAnswer),
        (FaultKind::Hang, CauseKind::TimedOut),
        (FaultKind::ExpiredToken, CauseKind::ExpiredCredentials),
        (other("NoSuchThing"), CauseKind::Other),
    ] {
        let sandbox = Sandbox::new(scenario.clone());
        sandbox.faults().add(Fault::new(kind.clone()).account(&one).operation("iam", "GetAccountSummary"));
        let (org, findings) = audited(&sandbox).await;
        every_cell_has_its_verdict(&org, &findings);
        let unknown: Vec<&Finding> = findings.iter().filter(untold).collect();
        assert!(!unknown.is_empty(), "{kind:?}");
        for finding in unknown {
            assert_eq!(finding.target.account(), Some(&one), "{kind:?}: {finding:?}");
            assert_eq!(finding.cause.as_ref().map(|c| c.kind), Some(cause), "{kind:?}: {finding:?}");
        }
    }
}

/// Closes an account the moment it is begun.
struct Closing(Sandbox, AccountId);

impl Progress for Closing {
    fn started(&self, account: &AccountId) {
        if account == &self.1 {
            close(&self.0, account);
        }
    }
}

fn close(sandbox: &Sandbox, account: &AccountId) {
    sandbox.with(|org| org.members.get_mut(account).unwrap().state = AccountState::Suspended);
}

#[tokio::test(start_paused = true)]
async fn an_account_that_closes_before_it_is_entered_is_a_row() {
    let scenario = Scenario::small();
    let gone = scenario.account("app-two").unwrap().id.clone();
    let sandbox = Sandbox::new(scenario);
    let progress = Arc::new(Closing(sandbox.clone(), gone.clone()));
    let (org, findings) = audit(&operator(&sandbox).await, &CancellationToken::new(), progress).await;
    every_cell_has_its_verdict(&org, &findings);
    let unknown: Vec<&Finding> = findings.iter().filter(untold).collect();
    assert!(unknown.len() > 10, "{unknown:?}");
    for finding in unknown {
        assert_eq!(finding.target.account(), Some(&gone), "{finding:?}");
        // AWS gives a closed account's roles the answer of roles that are not there; Organizations tells them apart.
        assert_eq!(finding.cause.as_ref().map(|cause| cause.kind), Some(CauseKind::AccountNotActive), "{finding:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_account_that_closes_while_it_is_read_keeps_what_was_seen() {
    let scenario = Scenario::small();
    let gone = scenario.account("app-two").unwrap().id.clone();
    let sandbox = Sandbox::new(scenario);
    let watcher = tokio::spawn({
        let (sandbox, gone) = (sandbox.clone(), gone.clone());
        async move {
            let seen = |operation: &str| {
                sandbox.requests().iter().any(|r| r.account.as_ref() == Some(&gone) && r.operation == operation)
            };
            while !seen("GetAccountPasswordPolicy") {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            // Its report is still being made.
            tokio::time::sleep(Duration::from_millis(500)).await;
            close(&sandbox, &gone);
        }
    });
    let (org, findings) = audited(&sandbox).await;
    watcher.await.unwrap();
    every_cell_has_its_verdict(&org, &findings);
    let verdict = |check: &str| {
        findings.iter().find(|f| f.check == check && f.target.account() == Some(&gone)).map(|f| f.verdict)
    };
    assert_eq!(verdict("password-policy-length"), Some(Verdict::Pass), "seen before it closed");
    assert_eq!(verdict("access-key-age"), Some(Verdict::Unknown), "not seen");
    let others = findings.iter().filter(|f| f.target.account() != Some(&gone));
    assert_eq!(others.filter(untold).count(), 0);
}

#[tokio::test(start_paused = true)]
async fn an_interrupted_audit_has_every_cell_and_makes_no_further_call() {
    /// Ctrl-C as the third account is done.
    struct Third(CancellationToken, Sandbox, std::sync::Mutex<(u32, usize)>);
    impl Progress for Third {
        fn finished(&self, _: &AccountId, _: &orgward::model::AccountFacts) {
            let mut done = self.2.lock().unwrap();
            done.0 += 1;
            if done.0 == 3 {
                self.0.cancel();
                done.1 = self.1.requests().len();
            }
        }
    }
    let sandbox = Sandbox::new(Scenario::sized(40, 2));
    let cancel = CancellationToken::new();
    let third = Arc::new(Third(cancel.clone(), sandbox.clone(), std::sync::Mutex::default()));
    let (org, findings) = audit(&operator(&sandbox).await, &cancel, Arc::clone(&third) as Arc<dyn Progress>).await;
    tokio::time::sleep(Duration::from_secs(300)).await;
    assert_eq!(sandbox.requests().len(), third.2.lock().unwrap().1, "no call after Ctrl-C");
    every_cell_has_its_verdict(&org, &findings);
    let interrupted = |f: &&Finding| f.cause.as_ref().is_some_and(|cause| cause.kind == CauseKind::Interrupted);
    assert!(findings.iter().filter(interrupted).count() > 100);
}

#[tokio::test(start_paused = true)]
async fn an_endpoint_that_never_answers_is_given_up() {
    let sandbox = Sandbox::new(Scenario::small());
    sandbox.faults().add(Fault::new(FaultKind::Hang));
    let refused = connect(&sandbox, settings(&sandbox)).await.unwrap_err();
    assert_eq!(refused.kind, CauseKind::TimedOut, "{refused:?}");

    // It falls silent once the caller is known.
    let sandbox = Sandbox::new(Scenario::small());
    let sessions = operator(&sandbox).await;
    sandbox.faults().add(Fault::new(FaultKind::Hang));
    let error = collect::organization(&sessions, false, &CancellationToken::new()).await.unwrap_err();
    assert!(error.to_string().contains("organizations:"), "{error}");

    // It falls silent once the organization is known: every account is a row, and the run ends.
    let sandbox = Sandbox::new(Scenario::small());
    let sessions = operator(&sandbox).await;
    let org = collect::organization(&sessions, false, &CancellationToken::new()).await.unwrap();
    sandbox.faults().add(Fault::new(FaultKind::Hang));
    let mut rows = 0;
    let count = &mut |_| rows += 1;
    let accounts = working(&org);
    collect::each_account(
        &sessions,
        &org,
        &accounts,
        &CollectOptions::default(),
        &CancellationToken::new(),
        Arc::new(()),
        count,
    )
    .await;
    assert_eq!(rows, accounts.len());
}
