//! Limits that AWS announces nowhere: found, kept to, and known to the next run. On virtual time.

use crate::sandboxed::{connect, enumerate, settings, unknowns};
use orgward::aws::{Memory, SessionSettings, Sessions};
use orgward::collect::{self, CollectOptions, Ended};
use orgward::model::scope::RegionRequest;
use orgward::model::{AccountFacts, AccountId, CauseKind};
use orgward::sandbox::{Fault, FaultKind, Sandbox, Scenario};
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

/// Every account of the sandbox in one Region, and how often AWS throttled.
async fn audit(sessions: &Sessions) -> (Vec<AccountFacts>, u64) {
    let org = enumerate(sessions).await;
    let accounts: Vec<AccountId> = org.accounts.keys().cloned().collect();
    let regions = RegionRequest::Only(vec![Scenario::small().home]);
    let options = CollectOptions { regions, ..CollectOptions::default() };
    let (mut seen, cancel) = (Vec::new(), CancellationToken::new());
    let keep = &mut |facts| seen.push(facts);
    let ended = collect::each_account(sessions, &org, &accounts, &options, &cancel, Arc::new(()), keep).await;
    assert_eq!(ended, Ended::Complete);
    (seen, sessions.stats().throttled)
}

#[tokio::test(start_paused = true)]
async fn an_unannounced_limit_loses_nothing_and_the_next_run_knows_it() {
    let mut scenario = Scenario::sized(8, 11);
    scenario.faults.clear();
    let sandbox = Sandbox::new(scenario);
    sandbox.faults().add(Fault::new(FaultKind::Limit { rate: 5.0, burst: 5 }).service("iam"));
    let first = connect(&sandbox, settings(&sandbox)).await.unwrap();
    let (seen, throttled) = audit(&first).await;
    let lost = seen.iter().flat_map(unknowns).filter(|(_, cause)| cause.kind == CauseKind::Throttled);
    assert_eq!(lost.collect::<Vec<_>>(), [], "nothing is lost to a throttle");
    assert!(throttled > 0);

    let memory = first.memory(&Memory::default());
    let places: Vec<_> = memory.limits().iter().map(|limit| (&limit.place.service, &limit.place.group)).collect();
    assert!(places.iter().all(|(service, group)| (service.as_str(), group.as_str()) == ("iam", "*")), "{places:?}");
    assert!(memory.limits().iter().all(|limit| (2.0..=8.0).contains(&limit.rate)), "near 5 a second: {memory:?}");

    let kept = Memory::read(&memory.write().unwrap()).unwrap();
    let remembering = SessionSettings { memory: kept.clone(), ..settings(&sandbox) };
    let second = connect(&sandbox, remembering).await.unwrap();
    let (_, again) = audit(&second).await;
    assert!(again * 4 <= throttled, "{again} throttles, {throttled} the first time");

    // Nobody limits any more: the rates step up, and what came back to normal is forgotten.
    sandbox.faults().clear();
    let third = connect(&sandbox, SessionSettings { memory: kept.clone(), ..settings(&sandbox) }).await.unwrap();
    let (_, none) = audit(&third).await;
    let after = third.memory(&kept);
    let slowest = |memory: &Memory| memory.limits().iter().map(|limit| limit.rate).fold(f64::INFINITY, f64::min);
    assert!(none == 0 && slowest(&after) >= slowest(&kept), "{after:?}");
}
