//! When things are asked: the organization beside its accounts, and no account at another one's cost. On virtual time.

use crate::sandboxed::{operator, unknowns};
use futures::{StreamExt, stream};
use orgward::aws::Sessions;
use orgward::collect::{self, Arrivals, CollectOptions, Ended, FanOut, Feed, ListedAccount, Progress, Wanted};
use orgward::model::check::Fact;
use orgward::model::org::AccountState;
use orgward::model::scope::RegionRequest;
use orgward::model::{AccountFacts, AccountId, CauseKind, OrgFacts};
use orgward::sandbox::generate::Problem;
use orgward::sandbox::{Fault, FaultKind, Sandbox, Scenario};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// One Region: what is held here is when accounts are asked, not how much.
fn options(max_concurrency: usize) -> CollectOptions {
    let regions = RegionRequest::Only(vec![Scenario::small().home]);
    CollectOptions { regions, max_concurrency, ..CollectOptions::default() }
}

fn listed(org: &OrgFacts) -> Vec<ListedAccount> {
    let accounts = org.accounts.values();
    accounts.map(|account| ListedAccount { id: account.id.clone(), state: account.state }).collect()
}

/// Healthy accounts only, and nobody throttled but on purpose.
fn calm(accounts: usize) -> Sandbox {
    let mut scenario = Scenario::sized(accounts, 7);
    scenario.faults.clear();
    for account in &mut scenario.accounts {
        account.state = AccountState::Active;
        account
            .problems
            .retain(|problem| matches!(problem, Problem::OrganizationTrail { .. } | Problem::TrailLogGroup));
    }
    Sandbox::new(scenario)
}

fn fan_out<T>(
    sessions: &Sessions,
    org: Arc<OrgFacts>,
    options: CollectOptions,
    work: impl Fn(AccountFacts) -> T + Send + Sync + 'static,
) -> FanOut<T> {
    FanOut {
        sessions: sessions.clone(),
        org,
        options,
        cancel: CancellationToken::new(),
        progress: Arc::new(()),
        known: None,
        work: Arc::new(work),
    }
}

async fn whole(sessions: &Sessions) -> OrgFacts {
    collect::organization(sessions, false, &CancellationToken::new()).await.unwrap()
}

/// After how long each account was done, and all of them.
async fn finished(sandbox: &Sandbox, options: CollectOptions) -> (BTreeMap<AccountId, Duration>, Duration) {
    let sessions = operator(sandbox).await;
    let org = Arc::new(whole(&sessions).await);
    let start = Instant::now();
    let accounts = stream::iter(listed(&org));
    let mut done = BTreeMap::new();
    let work = move |facts: AccountFacts| (facts.account, start.elapsed());
    let ended = collect::accounts(fan_out(&sessions, org, options, work), accounts, |(account, at)| {
        assert_eq!(done.insert(account, at), None, "an account came twice");
    })
    .await;
    assert_eq!(ended, Ended::Complete);
    (done, start.elapsed())
}

#[tokio::test(start_paused = true)]
async fn policies_are_listed_beside_the_accounts() {
    let sandbox = || {
        let sandbox = calm(100);
        // Each page of targets takes two seconds, so that policies take as long as an account does.
        let slow = Fault::new(FaultKind::Latency(Duration::from_secs(2)));
        sandbox.faults().add(slow.operation("organizations", "ListTargetsForPolicy"));
        sandbox
    };
    let apart = sandbox();
    let sessions = operator(&apart).await;
    let start = Instant::now();
    let org = whole(&sessions).await;
    let enumerated = start.elapsed();
    let (_, collected) = finished(&apart, options(64)).await;

    let beside = sandbox();
    let sessions = operator(&beside).await;
    let start = Instant::now();
    let (feed, Arrivals { head, accounts }) = Feed::new();
    let (cancel, wanted) = (CancellationToken::new(), Wanted::everything());
    let enumerate = async {
        let org = collect::enumerate(&sessions, false, &wanted, None, &cancel, feed).await.unwrap();
        (org, start.elapsed())
    };
    let collect = async {
        let head = head.await.unwrap();
        assert!(head.accounts.is_empty() && head.policies.is_empty());
        let mut seen = BTreeSet::new();
        let fan_out = fan_out(&sessions, Arc::clone(&head), options(64), |facts| facts.account);
        assert_eq!(
            collect::accounts(fan_out, accounts, |account| assert!(seen.insert(account))).await,
            Ended::Complete
        );
        (head, seen)
    };
    let ((streamed, known), (head, seen)) = tokio::join!(enumerate, collect);
    let took = start.elapsed();
    assert!(
        enumerated > Duration::from_secs(10) && collected > Duration::from_secs(10),
        "{enumerated:?} {collected:?}"
    );
    assert!(took < enumerated.max(collected).mul_f64(1.15), "{took:?}, apart {enumerated:?} and {collected:?}");
    assert!(known < enumerated.mul_f64(1.05), "accounts do not hold the organization up: {known:?}, {enumerated:?}");

    assert_eq!(seen, streamed.accounts.keys().cloned().collect());
    assert_eq!((&head.organization_trails, &head.monitoring), (&streamed.organization_trails, &streamed.monitoring));
    assert_eq!((head.as_of, &head.services.budgets), (streamed.as_of, &streamed.services.budgets));
    assert!(org.as_of > streamed.as_of, "ages count from the start where accounts are looked at meanwhile");
    assert_eq!((&org.accounts, &org.ous), (&streamed.accounts, &streamed.ous));
    let targets = |org: &OrgFacts| -> Vec<(String, usize)> {
        let policies = org.policies.values().filter_map(|policies| policies.value()).flatten();
        policies.map(|policy| (policy.name.clone(), policy.targets.value().map_or(0, BTreeSet::len))).collect()
    };
    assert_eq!(targets(&org), targets(&streamed));
    let everything = 1 + org.ous.len() + org.accounts.len();
    assert!(targets(&streamed).contains(&("FullAWSAccess".to_owned(), everything)), "{:?}", targets(&streamed));
}

#[tokio::test(start_paused = true)]
async fn accounts_are_handed_out_before_the_organization_is_known_and_only_as_long_as_they_are_listed() {
    let sandbox = calm(45);
    let slow = Fault::new(FaultKind::Latency(Duration::from_secs(20)));
    sandbox.faults().add(slow.operation("organizations", "ListTargetsForPolicy"));
    let sessions = operator(&sandbox).await;
    let start = Instant::now();
    let as_of = "2026-01-02T03:04:05Z".parse().unwrap();
    let (feed, Arrivals { head, mut accounts }) = Feed::new();
    let (cancel, wanted) = (CancellationToken::new(), Wanted::everything());
    let listing = async {
        let first = accounts.next().await.unwrap();
        let at = start.elapsed();
        let rest: Vec<ListedAccount> = accounts.collect().await;
        (at, start.elapsed(), rest.len(), first)
    };
    let head = async { (head.await.unwrap().as_of, start.elapsed()) };
    let enumerate = collect::enumerate(&sessions, false, &wanted, Some(as_of), &cancel, feed);
    let (org, (first, last, rest, one), (head_as_of, at)) = tokio::join!(enumerate, listing, head);
    let org = org.unwrap();
    assert!(first < last && last < Duration::from_secs(2) && at < Duration::from_secs(2), "{first:?} {last:?} {at:?}");
    assert!(start.elapsed() > Duration::from_secs(20));
    assert_eq!((rest + 1, head_as_of, org.as_of), (45, as_of, as_of));
    assert_eq!(org.accounts[&one.id].state, one.state);

    // Where accounts can't be listed, nobody waits for more.
    sandbox.faults().add(Fault::new(FaultKind::Deny).operation("organizations", "ListAccounts"));
    let (feed, Arrivals { accounts, .. }) = Feed::new();
    let enumerate = collect::enumerate(&sessions, false, &wanted, None, &cancel, feed);
    let (org, listed) = tokio::join!(enumerate, accounts.collect::<Vec<_>>());
    assert!(org.unwrap_err().to_string().contains("organizations:ListAccounts") && listed.is_empty());
}

/// Every account but one is done as early as without what that one suffers, give or take `grace`.
#[track_caller]
fn others_are_not_held_up(
    (before, after): (&BTreeMap<AccountId, Duration>, &BTreeMap<AccountId, Duration>),
    one: &AccountId,
    grace: Duration,
) {
    assert_eq!(before.len(), after.len());
    for (account, at) in after.iter().filter(|(account, _)| *account != one) {
        assert!(*at <= before[account] + grace, "{account}: {at:?}, {:?} without the other", before[account]);
    }
}

/// A member in the midst of the others.
fn some_member(sandbox: &Sandbox) -> AccountId {
    let management = sandbox.management_account();
    sandbox.with(|org| org.members.keys().filter(|id| **id != management).nth(4).cloned()).unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_throttled_account_delays_no_other() {
    // Without the report: when that is fetched depends on when it is polled.
    let wanted = Wanted::of(Fact::ALL.into_iter().filter(|fact| *fact != Fact::CredentialReport));
    let options = |slots| CollectOptions { wanted: wanted.clone(), ..options(slots) };
    let (before, _) = finished(&calm(24), options(1)).await;
    let sandbox = calm(24);
    let one = some_member(&sandbox);
    sandbox.faults().add(Fault::new(FaultKind::Throttle { rate: 0.7 }).account(&one).service("iam"));
    let (after, _) = finished(&sandbox, options(1)).await;
    assert!(after[&one] > before[&one] + Duration::from_secs(2), "{:?}, {:?}", after[&one], before[&one]);
    others_are_not_held_up((&before, &after), &one, Duration::from_millis(200));
}

#[tokio::test(start_paused = true)]
async fn a_slow_account_keeps_its_slot_for_ten_seconds_and_the_tail_does_not_wait_for_it() {
    let (before, _) = finished(&calm(24), options(1)).await;
    let sandbox = calm(24);
    let one = some_member(&sandbox);
    let slow = Fault::new(FaultKind::Latency(Duration::from_secs(20)));
    sandbox.faults().add(slow.account(&one).service("account"));
    let (after, all) = finished(&sandbox, options(1)).await;
    // Its Regions, and then its contacts or what watches the Regions: twice at most.
    assert!(after[&one] > Duration::from_secs(20) && all < Duration::from_secs(45), "{:?} {all:?}", after[&one]);
    others_are_not_held_up((&before, &after), &one, Duration::from_millis(10_200));
}

#[tokio::test(start_paused = true)]
async fn reports_are_asked_for_ahead_of_the_accounts_turn() {
    // One slot: were each report asked for at its account's turn, the last would be ready 10 s after that.
    let (done, all) = finished(&calm(40), options(1)).await;
    assert_eq!(done.len(), 40);
    let one = finished(&calm(2), options(1)).await.1;
    let each = (all - one) / 38;
    assert!(each < Duration::from_millis(600), "an account costs the others {each:?}");
}

/// At the third account that is done: the caller's credentials expire, or the run is cancelled.
struct Third {
    sandbox: Sandbox,
    cancel: Option<CancellationToken>,
    done: Mutex<(u32, usize)>,
}

impl Progress for Third {
    fn finished(&self, _: &AccountId, _: &AccountFacts) {
        let mut done = self.done.lock().unwrap();
        done.0 += 1;
        if done.0 != 3 {
            return;
        }
        match &self.cancel {
            Some(cancel) => cancel.cancel(),
            None => self.sandbox.faults().add(Fault::new(FaultKind::ExpiredToken).operation("sts", "AssumeRole")),
        }
        done.1 = entered(&self.sandbox);
    }
}

fn entered(sandbox: &Sandbox) -> usize {
    sandbox.requests().iter().filter(|request| request.operation == "AssumeRole").count()
}

/// Runs until the third account is done: how it ended, whose facts are whole, and what became of the others.
async fn until_the_third(cancels: bool) -> (Ended, usize, BTreeMap<CauseKind, usize>, usize) {
    let sandbox = calm(80);
    let sessions = operator(&sandbox).await;
    let org = Arc::new(whole(&sessions).await);
    let cancel = CancellationToken::new();
    let told = cancels.then(|| cancel.clone());
    let third = Arc::new(Third { sandbox: sandbox.clone(), cancel: told, done: Mutex::default() });
    let options = CollectOptions { look_ahead: 2, ..options(2) };
    let fan_out = FanOut {
        cancel,
        progress: Arc::clone(&third) as _,
        ..fan_out(&sessions, Arc::clone(&org), options, |facts| facts)
    };
    let (mut seen, mut complete, mut causes) = (BTreeSet::new(), 0, BTreeMap::new());
    let ended = collect::accounts(fan_out, stream::iter(listed(&org)), |facts| {
        assert!(seen.insert(facts.account.clone()), "an account came twice");
        match unknowns(&facts).first() {
            None => complete += 1,
            Some(_) => {
                *causes.entry(facts.summary.cause().map_or(CauseKind::Other, |cause| cause.kind)).or_default() += 1
            }
        }
    })
    .await;
    assert_eq!(seen.len(), 80);
    let at = third.done.lock().unwrap().1;
    (ended, complete, causes, entered(&sandbox) - at)
}

#[tokio::test(start_paused = true)]
async fn once_the_callers_credentials_have_expired_nobody_else_is_entered() {
    let (ended, complete, causes, further) = until_the_third(false).await;
    let Ended::ExpiredCredentials(cause) = ended else { panic!("{ended:?}") };
    assert_eq!((cause.kind, cause.operation.as_str()), (CauseKind::ExpiredCredentials, "sts:AssumeRole"));
    // Who had been entered is complete: the three, and those that were in work or looked at ahead.
    assert!((3..=50).contains(&complete), "{complete}");
    assert!(further <= 2, "{further} further calls of AssumeRole, of which two may have been on their way");
    let expired = causes.get(&CauseKind::ExpiredCredentials).copied().unwrap_or(0);
    assert!((1..=2).contains(&expired), "{causes:?}");
    assert_eq!(causes.get(&CauseKind::Interrupted).copied().unwrap_or(0), 80 - complete - expired, "{causes:?}");
}

#[tokio::test(start_paused = true)]
async fn a_cancelled_run_has_a_row_for_every_account() {
    let (ended, complete, causes, further) = until_the_third(true).await;
    assert_eq!((ended, further), (Ended::Cancelled, 0));
    assert!(complete >= 3 && causes.get(&CauseKind::Interrupted).is_some_and(|count| *count > 30), "{causes:?}");
}

#[tokio::test(start_paused = true)]
async fn dropping_a_run_ends_every_account() {
    let sandbox = calm(40);
    let sessions = operator(&sandbox).await;
    let org = Arc::new(whole(&sessions).await);
    let accounts = stream::iter(listed(&org));
    let run = tokio::spawn(collect::accounts(fan_out(&sessions, org, options(4), drop), accounts, drop));
    tokio::time::sleep(Duration::from_secs(5)).await;
    run.abort();
    assert!(run.await.unwrap_err().is_cancelled());
    let at = sandbox.requests().len();
    tokio::time::sleep(Duration::from_secs(600)).await;
    assert!(at > 40 && sandbox.requests().len() == at, "{at}");
}
