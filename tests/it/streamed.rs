//! Audits through the run store, on virtual time: whole, stopped, cut short, gone on with, in shards.

use crate::sandboxed::{operator, requests_of};
use orgward::audit::{self, Asked, AuditError, Audited, Begin, Ending, Job, Request, RunFindings, Watcher};
use orgward::aws::{Clock, Quotas, Sessions};
use orgward::checks::{self, Selection, Thresholds};
use orgward::collect::{self, CollectOptions, Progress, Wanted};
use orgward::model::check::Fact;
use orgward::model::exemption::Exemptions;
use orgward::model::finding::Target;
use orgward::model::{AccountFacts, AccountId, Cause, CauseKind, Finding, Observed, Verdict};
use orgward::report::Findings;
use orgward::sandbox::{Fault, FaultKind, Sandbox, Scenario, scenario};
use orgward::store::{Kept, Run, RunStatus, StateDir};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Every check, everywhere.
fn request() -> Request {
    let (selection, thresholds) = (Selection::all(), Thresholds::default());
    let ids = selection.metas().iter().map(|meta| meta.id.to_owned()).collect();
    let rules = selection.digest(&thresholds);
    Request {
        job: Job::new(scenario::EPOCH, Scenario::small().home, Asked::default(), ids, rules),
        selection,
        thresholds,
        options: CollectOptions::default(),
        keep_facts: true,
        known: None,
        exemptions: Exemptions::default(),
    }
}

/// The same, with few facts: none of any Region, which take most of the time.
fn quick() -> Request {
    let wanted = Wanted::of([Fact::AccountSummary, Fact::PasswordPolicy, Fact::CredentialReport, Fact::Authorization]);
    let options = CollectOptions { wanted, ..CollectOptions::default() };
    Request { options, ..request() }
}

/// A state directory.
fn state(dir: &tempfile::TempDir) -> StateDir {
    StateDir::open(&dir.path().join("state")).unwrap()
}

async fn run(sandbox: &Sandbox, state: &StateDir, begin: Begin, request: Request) -> Audited {
    let sessions = operator(sandbox).await;
    audit::run(&sessions, request, state, begin, Arc::new(()), &CancellationToken::new()).await.unwrap()
}

fn again(run: Run) -> Begin {
    let (kept, went) = audit::AuditRun::go_on(run).unwrap();
    Begin::Again(Box::new(kept), Box::new(went))
}

/// Verdict and words of each cell, without when and from which request they came.
type Told = BTreeMap<(String, Target), (Verdict, String)>;

fn told(findings: impl IntoIterator<Item = Finding>) -> Told {
    let mut told = Told::new();
    for finding in findings {
        let cell = (finding.check, finding.target);
        assert!(told.insert(cell, (finding.verdict, finding.message)).is_none(), "a cell has two verdicts");
    }
    told
}

fn kept(run: &Run) -> Told {
    let mut all = Vec::new();
    let keep = &mut |finding: &Finding| {
        all.push(finding.clone());
        Ok(())
    };
    RunFindings::open(run).unwrap().each(keep).unwrap();
    told(all)
}

#[track_caller]
fn same(one: &Told, other: &Told) {
    for (cell, said) in one {
        assert_eq!(other.get(cell), Some(said), "{cell:?}");
    }
    assert_eq!(one.len(), other.len());
}

/// Stops the run when so many accounts are done.
struct StopAfter {
    left: AtomicUsize,
    stop: CancellationToken,
}

impl Progress for StopAfter {
    fn finished(&self, _account: &AccountId, _facts: &AccountFacts) {
        if self.left.fetch_sub(1, Ordering::Relaxed) == 1 {
            self.stop.cancel();
        }
    }
}

impl Watcher for StopAfter {}

#[tokio::test(start_paused = true)]
async fn a_streamed_audit_says_what_one_in_memory_says() {
    let dir = tempfile::tempdir().unwrap();
    let audited = run(&Sandbox::new(Scenario::demo()), &state(&dir), Begin::Enumerating, request()).await;
    assert_eq!(audited.ending, Ending::Complete);

    let sessions = operator(&Sandbox::new(Scenario::demo())).await;
    let cancel = CancellationToken::new();
    let mut org = collect::organization(&sessions, false, &cancel).await.unwrap();
    let options = CollectOptions::default();
    org.services.analyzers = collect::organization_analyzers(&sessions, &org, &options.regions, &cancel).await;
    let thresholds = Thresholds::default();
    let mut findings = checks::organization(&org, &thresholds);
    let accounts = audited.scope.accounts.clone();
    let on_facts = &mut |facts: AccountFacts| findings.extend(checks::account(&org, &facts, &thresholds));
    collect::each_account(&sessions, &org, &accounts, &options, &cancel, Arc::new(()), on_facts).await;
    same(&told(findings), &kept(&audited.run));
    assert_eq!(audited.run.manifest().status, RunStatus::Done);
    let cells = audited.tally.all();
    let counted = cells.pass + cells.fail + cells.unknown + cells.not_applicable + cells.exempt;
    assert_eq!(counted, kept(&audited.run).len());
}

#[tokio::test(start_paused = true)]
async fn an_audit_that_is_stopped_anywhere_goes_on_and_asks_no_finished_account_again() {
    let dir = tempfile::tempdir().unwrap();
    let whole = kept(&run(&Sandbox::new(Scenario::small()), &state(&dir), Begin::Enumerating, quick()).await.run);
    for after in 1..=4 {
        let sandbox = Sandbox::new(Scenario::small());
        let sessions = operator(&sandbox).await;
        let dir = tempfile::tempdir().unwrap();
        let (state, stop) = (state(&dir), CancellationToken::new());
        let watcher = Arc::new(StopAfter { left: AtomicUsize::new(after), stop: stop.clone() });
        let mut request = quick();
        request.options.max_concurrency = 1;
        let outcome = audit::run(&sessions, request, &state, Begin::Enumerating, watcher, &stop).await;
        // Whether the organization was whole by then decides what there is to report.
        match &outcome {
            Ok(audited) => assert_eq!(audited.ending, Ending::Interrupted),
            Err(error) => assert!(matches!(error, AuditError::Collect(_)), "{error}"),
        }
        let id = state.runs().unwrap().pop().unwrap();
        assert_eq!(state.run(&id).unwrap().manifest().status, RunStatus::Interrupted);
        let begin = again(state.run(&id).unwrap());
        let Begin::Again(_, went) = &begin else { panic!() };
        let finished = went.finished.clone();
        assert!(finished.len() >= after.min(4) - 1 && finished.len() <= after + 1, "{after}: {finished:?}");
        sandbox.forget_requests();
        let audited = run(&sandbox, &state, begin, quick()).await;
        let requests = sandbox.requests();
        let management = sandbox.management_account();
        for account in finished.iter().filter(|account| **account != management) {
            let asked = requests_of(&requests, account);
            // The owner of the organization trail's log group is read with the organization.
            let of_accounts = asked.iter().filter(|request| request.starts_with("iam:")).count();
            assert_eq!(of_accounts, 0, "{account} was finished, and asked again: {asked:?}");
        }
        assert_eq!(audited.ending, Ending::Complete);
        same(&whole, &kept(&audited.run));
        assert_eq!(audited.run.manifest().status, RunStatus::Done);
    }
}

/// Cuts the end of a file off.
fn cut(path: &Path, keep: f64) {
    let length = std::fs::metadata(path).unwrap().len();
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_precision_loss,
        clippy::cast_sign_loss,
        reason = "a test file"
    )]
    let keep = (length as f64 * keep) as u64;
    std::fs::OpenOptions::new().write(true).open(path).unwrap().set_len(keep).unwrap();
}

#[tokio::test(start_paused = true)]
async fn an_audit_that_was_killed_goes_on_wherever_its_files_were_cut() {
    let sandbox = Sandbox::new(Scenario::small());
    for (facts, findings, organization) in [(0.4, 0.6, true), (0.99, 0.0, true), (0.7, 0.7, false)] {
        let dir = tempfile::tempdir().unwrap();
        let state = state(&dir);
        let audited = run(&sandbox, &state, Begin::Enumerating, quick()).await;
        let (id, whole) = (audited.run.id().clone(), kept(&audited.run));
        cut(&audited.run.frames_path(Kept::Facts), facts);
        cut(&audited.run.frames_path(Kept::Findings), findings);
        if !organization {
            audited.run.remove(Kept::Organization).unwrap();
        }
        drop(audited);
        let cut_short = state.run(&id).unwrap();
        if facts * findings == 0.0 {
            // Not even the head of a file is left: it is begun anew.
            for kept in [Kept::Facts, Kept::Findings] {
                if cut_short.size(kept).unwrap() == Some(0) {
                    cut_short.remove(kept).unwrap();
                }
            }
        }
        let audited = run(&sandbox, &state, again(cut_short), quick()).await;
        assert_eq!((audited.ending, audited.run.id()), (Ending::Complete, &id));
        same(&whole, &kept(&audited.run));
    }
}

/// Lets the operator's credentials expire when so many accounts are done.
struct ExpireAfter {
    left: AtomicUsize,
    sandbox: Sandbox,
}

impl Progress for ExpireAfter {
    fn finished(&self, _account: &AccountId, _facts: &AccountFacts) {
        if self.left.fetch_sub(1, Ordering::Relaxed) == 1 {
            self.sandbox.faults().add(Fault::new(FaultKind::ExpiredToken).operation("sts", "AssumeRole"));
        }
    }
}

impl Watcher for ExpireAfter {}

#[tokio::test(start_paused = true)]
async fn credentials_that_expire_end_the_run_which_goes_on_with_new_ones() {
    let dir = tempfile::tempdir().unwrap();
    let whole = kept(&run(&Sandbox::new(Scenario::sized(24, 3)), &state(&dir), Begin::Enumerating, quick()).await.run);
    let sandbox = Sandbox::new(Scenario::sized(24, 3));
    let sessions = operator(&sandbox).await;
    let dir = tempfile::tempdir().unwrap();
    let state = state(&dir);
    let mut request = quick();
    // Of those that wait for their credential report, several are open beside the one slot.
    request.options.max_concurrency = 1;
    request.options.look_ahead = 1;
    let watcher = Arc::new(ExpireAfter { left: AtomicUsize::new(1), sandbox: sandbox.clone() });
    let cancel = CancellationToken::new();
    let audited = audit::run(&sessions, request, &state, Begin::Enumerating, watcher, &cancel).await.unwrap();
    let Ending::Expired(cause) = &audited.ending else { panic!("{:?}", audited.ending) };
    assert!(cause.message.contains("ExpiredToken"), "{cause}");
    let id = audited.run.id().clone();
    drop(audited);

    sandbox.faults().clear();
    let begin = again(state.run(&id).unwrap());
    let Begin::Again(_, went) = &begin else { panic!() };
    assert!(!went.finished.is_empty() && went.finished.len() < 20, "{}", went.finished.len());
    let audited = run(&sandbox, &state, begin, quick()).await;
    assert_eq!(audited.ending, Ending::Complete);
    same(&whole, &kept(&audited.run));
}

#[tokio::test(start_paused = true)]
async fn shards_of_an_organization_say_together_what_one_run_says() {
    let dir = tempfile::tempdir().unwrap();
    let state = state(&dir);
    let sandbox = Sandbox::new(Scenario::sized(8, 3));
    let audited = run(&sandbox, &state, Begin::Enumerating, quick()).await;
    let (whole, org) = (kept(&audited.run), audited.org.as_ref().clone());
    let mut together = Told::new();
    for index in 0..3 {
        let mut request = quick();
        request.job.shard = format!("{index}/3").parse().ok();
        let sessions = operator(&sandbox).await;
        let begin = Begin::With(Box::new(org.clone()));
        let one = audit::run(&sessions, request, &state, begin, Arc::new(()), &CancellationToken::new()).await.unwrap();
        assert!((2..=3).contains(&one.scope.accounts.len()), "{}", one.scope.accounts.len());
        together.extend(kept(&one.run));
    }
    same(&whole, &together);
}

#[tokio::test(start_paused = true)]
async fn facts_stay_only_if_they_are_to_be_kept() {
    let dir = tempfile::tempdir().unwrap();
    let state = state(&dir);
    let sessions = operator(&Sandbox::new(Scenario::small())).await;
    for keep_facts in [true, false] {
        let request = Request { keep_facts, ..quick() };
        let cancel = CancellationToken::new();
        let audited = audit::run(&sessions, request, &state, Begin::Enumerating, Arc::new(()), &cancel).await.unwrap();
        assert_eq!(audited.run.size(Kept::Facts).unwrap().is_some(), keep_facts);
        let facts = audited.run.read_frames(Kept::Facts).unwrap();
        assert_eq!(facts.map_or(0, |facts| facts.keys().len()), if keep_facts { 4 } else { 0 });
    }
}

#[tokio::test(start_paused = true)]
async fn a_region_that_is_none_stops_the_run_before_any_account_is_asked() {
    let dir = tempfile::tempdir().unwrap();
    let sandbox = Sandbox::new(Scenario::small());
    let sessions = operator(&sandbox).await;
    let mut request = quick();
    request.options.regions = orgward::model::scope::RegionRequest::Only(vec!["eu-central-9".parse().unwrap()]);
    let cancel = CancellationToken::new();
    let state = state(&dir);
    let outcome = audit::run(&sessions, request, &state, Begin::Enumerating, Arc::new(()), &cancel).await;
    let Err(AuditError::Regions(wrong)) = outcome else { panic!("{outcome:?}") };
    assert_eq!(wrong[0].1.as_ref().map(ToString::to_string).as_deref(), Some("eu-central-1"));
    assert!(!sandbox.requests().iter().any(|request| request.operation == "GenerateCredentialReport"));
}

/// An audit of `dir`'s sandbox an hour after its first one, with facts of that one that are not older than `max_age`; with
/// how often each account was asked.
async fn reusing(max_age: Duration) -> (Told, Told, BTreeMap<String, usize>, Audited) {
    let dir = tempfile::tempdir().unwrap();
    let state = state(&dir);
    let sandbox = Sandbox::new(Scenario::small());
    let first = run(&sandbox, &state, Begin::Enumerating, request()).await;
    let before = kept(&first.run);
    sandbox.with(|org| org.now += jiff::SignedDuration::from_hours(1));
    tokio::time::advance(Duration::from_secs(3600)).await;
    sandbox.forget_requests();
    let later = scenario::EPOCH + jiff::SignedDuration::from_hours(1);
    let mut request = request();
    request.job.as_of = later;
    request.job.reuse = Some(audit::Reuse { run: first.run.id().clone(), max_age: max_age.as_secs() });
    request.known = Some(audit::Earlier::open(&state.run(first.run.id()).unwrap(), later, max_age).unwrap());
    let clock = Clock::virtual_from(later);
    let settings = crate::sandboxed::settings(&sandbox);
    let sessions = Sessions::connect(sandbox.http_client(), clock, settings, Quotas::embedded()).await.unwrap();
    let cancel = CancellationToken::new();
    let second = audit::run(&sessions, request, &state, Begin::Enumerating, Arc::new(()), &cancel).await.unwrap();
    let mut asked = BTreeMap::new();
    for request in sandbox.requests().iter().filter(|request| request.account != Some(sandbox.management_account())) {
        *asked.entry(format!("{}:{}", request.service, request.operation)).or_default() += 1;
    }
    (before, kept(&second.run), asked, second)
}

#[tokio::test(start_paused = true)]
async fn young_facts_are_not_asked_for_again_and_say_the_same() {
    let (before, after, asked, second) = reusing(Duration::from_secs(2 * 3600)).await;
    same(&before, &after);
    let reused = asked.keys().filter(|call| call.starts_with("iam:") || call.starts_with("guardduty:")).count();
    assert_eq!(reused, 0, "{asked:?}");
    let earlier = second.tally.earlier().unwrap();
    assert!(earlier.verdicts > 300, "verdicts on facts of before are told: {earlier:?}");
}

#[tokio::test(start_paused = true)]
async fn old_facts_are_asked_for_again_and_only_they() {
    let (before, after, asked, second) = reusing(Duration::from_secs(1800)).await;
    same(&before, &after);
    assert_eq!(asked.get("iam:GetAccountAuthorizationDetails"), Some(&3), "{asked:?}");
    assert_eq!(second.tally.earlier(), None);
}

#[tokio::test(start_paused = true)]
async fn a_head_that_comes_last_does_not_end_the_run() {
    let dir = tempfile::tempdir().unwrap();
    let sandbox = Sandbox::new(Scenario::small());
    let slow = FaultKind::Latency(Duration::from_secs(30));
    sandbox.faults().add(Fault::new(slow).operation("cloudtrail", "GetTrailStatus"));
    let selection = Selection::of(["trail-logging"]);
    let options = CollectOptions { wanted: Wanted::of(selection.facts()), ..CollectOptions::default() };
    let audited = run(&sandbox, &state(&dir), Begin::Enumerating, Request { selection, options, ..request() }).await;
    assert_eq!(audited.ending, Ending::Complete);
    assert_eq!(kept(&audited.run).len(), 4);
}

#[tokio::test(start_paused = true)]
async fn an_organization_that_was_cut_short_is_not_kept_as_whole() {
    let dir = tempfile::tempdir().unwrap();
    let state = state(&dir);
    let sandbox = Sandbox::new(Scenario::small());
    let whole = kept(&run(&sandbox, &state, Begin::Enumerating, request()).await.run);
    sandbox.faults().add(Fault::new(FaultKind::ExpiredToken).operation("organizations", "ListDelegatedAdministrators"));
    let sessions = operator(&sandbox).await;
    let cancel = CancellationToken::new();
    let outcome = audit::run(&sessions, request(), &state, Begin::Enumerating, Arc::new(()), &cancel).await;
    assert!(matches!(outcome, Err(AuditError::Collect(_))), "{outcome:?}");
    sandbox.faults().clear();
    let id = state.runs().unwrap().pop().unwrap();
    assert_eq!(state.run(&id).unwrap().manifest().status, RunStatus::Failed);
    let audited = run(&sandbox, &state, again(state.run(&id).unwrap()), request()).await;
    assert_eq!(audited.ending, Ending::Complete);
    same(&whole, &kept(&audited.run));
}

#[tokio::test(start_paused = true)]
async fn an_account_of_which_a_part_was_cut_short_is_not_finished() {
    let sandbox = Sandbox::new(Scenario::small());
    let sessions = operator(&sandbox).await;
    let cancel = CancellationToken::new();
    let org = collect::organization(&sessions, false, &cancel).await.unwrap();
    let ids: Vec<AccountId> = org.accounts.keys().cloned().collect();
    let cut = || Cause::new(CauseKind::Interrupted, "s3:GetBucketAcl", "interrupted");
    let options = CollectOptions::default();
    let mut parts = 0;
    let on_facts = &mut |facts: AccountFacts| {
        let finished = |facts: &AccountFacts| !facts.causes().any(|cause| cause.kind == CauseKind::Interrupted);
        assert!(finished(&facts), "{}", facts.account);
        let spoil = |change: &dyn Fn(&mut AccountFacts) -> bool| {
            let mut facts = facts.clone();
            let changed = change(&mut facts);
            assert!(!changed || !finished(&facts), "{}", facts.account);
            usize::from(changed)
        };
        parts += spoil(&|facts| match &mut facts.trail_buckets {
            Observed::Present { value, .. } => {
                value.iter_mut().for_each(|bucket| bucket.group_grants = Observed::unknown(cut()));
                !value.is_empty()
            }
            _ => false,
        });
        parts += spoil(&|facts| {
            let trails = facts.trails.values_mut().filter_map(|seen| match seen {
                Observed::Present { value, .. } => Some(value),
                _ => None,
            });
            trails.flatten().map(|trail| trail.status = Observed::unknown(cut())).count() > 0
        });
        parts += spoil(&|facts| {
            facts.monitoring.iter_mut().map(|chain| chain.alarms = Observed::unknown(cut())).count() > 0
        });
        parts += spoil(&|facts| {
            let watchers = facts.watchers.values_mut();
            watchers.map(|region| region.detectors = Observed::unknown(cut())).count() > 0
        });
    };
    collect::each_account(&sessions, &org, &ids, &options, &cancel, Arc::new(()), on_facts).await;
    assert!(parts >= 9, "{parts}: each account has trails and watchers, one a bucket");
}
