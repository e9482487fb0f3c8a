//! What a whole audit asks of AWS, counted from the sandbox's log: no account costs more than its budget.

use crate::sandboxed::operator;
use orgward::collect::{
    self, BASE_REQUESTS, CollectOptions, REQUESTS_PER_BUCKET, REQUESTS_PER_REGION, REQUESTS_PER_TRAIL,
};
use orgward::model::scope::RegionRequest;
use orgward::model::{AccountFacts, AccountId, Observed};
use orgward::sandbox::generate::Problem;
use orgward::sandbox::{LoggedRequest, Sandbox, Scenario};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

fn number(count: usize) -> u32 {
    u32::try_from(count).unwrap()
}

/// What an account may cost: its own part, its Regions' part, and what its trails, buckets, analyzers and topics add.
fn budget(facts: &AccountFacts, polls: usize) -> u32 {
    let trails = facts.trails.values().filter_map(Observed::value).flatten();
    let own = trails.filter(|trail| trail.owner().as_ref() == Some(&facts.account)).map(|trail| &trail.arn);
    let buckets = facts.trail_buckets.value().map_or(0, Vec::len);
    let analyzers = facts.watchers.values().filter_map(|watchers| watchers.analyzers.value());
    let further_analyzers = analyzers.map(|analyzers| analyzers.len().saturating_sub(1)).sum::<usize>();
    let mut topics: BTreeMap<_, BTreeSet<&String>> = BTreeMap::new();
    for chain in &facts.monitoring {
        topics.entry(&chain.log_group.region).or_default().extend(chain.subscriptions.keys());
    }
    let billed = facts.billing_alarms.value().map_or(0, |alarms| alarms.subscriptions.len());
    let further_topics = topics.values().map(BTreeSet::len).chain([billed]).map(|count| count.saturating_sub(1));
    BASE_REQUESTS
        + REQUESTS_PER_REGION * number(facts.watchers.len())
        + REQUESTS_PER_TRAIL * number(own.collect::<BTreeSet<_>>().len())
        + REQUESTS_PER_BUCKET * number(buckets)
        + number(further_analyzers + further_topics.sum::<usize>() + polls)
}

/// The calls an account cost, by name; the way into it among them.
fn calls(requests: &[LoggedRequest], account: &AccountId, member: bool) -> BTreeMap<String, usize> {
    let mut counted = BTreeMap::new();
    // The management account pays for `AssumeRole`, once for each member.
    let entered = member.then(|| "sts:AssumeRole".to_owned());
    let made = requests.iter().filter(|request| request.account.as_ref() == Some(account) && request.service != "sts");
    let made = made.map(|request| format!("{}:{}", request.service, request.operation));
    made.chain(entered).for_each(|call| *counted.entry(call).or_default() += 1);
    counted
}

/// Accounts that cost more than they may, each with its calls.
fn over(
    seen: &[AccountFacts],
    requests: &[LoggedRequest],
    (management, less): (&AccountId, u32),
) -> Vec<(AccountId, String)> {
    let mut found = Vec::new();
    for facts in seen {
        let calls = calls(requests, &facts.account, facts.account != *management);
        let polls = calls.get("iam:GetCredentialReport").copied().unwrap_or(1) - 1;
        let (made, may) = (number(calls.values().sum()), budget(facts, polls).saturating_sub(less));
        if made > may {
            let listed: Vec<String> = calls.iter().map(|(call, count)| format!("{call} x{count}")).collect();
            let message = format!("account {}: {made} requests, {may} at most: {}", facts.account, listed.join(", "));
            found.push((facts.account.clone(), message));
        }
    }
    found
}

/// Every account of a sandbox in every Region, and the requests that made its facts.
async fn audit(sandbox: &Sandbox) -> (Vec<AccountFacts>, Vec<LoggedRequest>) {
    let sessions = operator(sandbox).await;
    let cancel = CancellationToken::new();
    let org = collect::organization(&sessions, false, &cancel).await.unwrap();
    let ids: Vec<AccountId> = org.accounts.values().map(|account| account.id.clone()).collect();
    sandbox.forget_requests();
    // What the organization's analyzers cost is part of what the accounts that have them pay.
    collect::organization_analyzers(&sessions, &org, &RegionRequest::AllEnabled, &cancel).await;
    let mut seen = Vec::new();
    let options = CollectOptions::default();
    collect::each_account(&sessions, &org, &ids, &options, &cancel, Arc::new(()), &mut |facts| seen.push(facts)).await;
    (seen, sandbox.requests())
}

#[tokio::test(start_paused = true)]
async fn no_account_costs_more_requests_than_its_budget() {
    let mut scenario = Scenario::sized(8, 11);
    // One asks for its own bill, and has alarms of its own; nobody throttles, so that nothing is asked twice.
    let one = scenario.accounts.last().unwrap().name.clone();
    scenario.plant(&one, Problem::BillingAlarm);
    scenario.faults.clear();
    let management = scenario.management.clone();
    let sandbox = Sandbox::new(scenario);
    sandbox.set_quotas(false);
    sandbox.with(|org| org.state_mut(&management).budgets.clear());
    let (seen, requests) = audit(&sandbox).await;
    let over_budget = over(&seen, &requests, (&management, 0));
    assert!(over_budget.is_empty(), "{over_budget:#?}");
    // The count is one of all there is: with half the Regions' part less, an account would be over.
    let entered: Vec<&AccountFacts> = seen.iter().filter(|facts| facts.authorization.value().is_some()).collect();
    let half = REQUESTS_PER_REGION * number(entered[0].watchers.len()) / 2;
    let tight = over(&seen, &requests, (&management, half));
    assert!(tight.iter().any(|(_, message)| message.contains("access-analyzer:ListAnalyzers x")), "{tight:?}");
    let asked_for_its_bill = requests.iter().filter(|request| request.operation == "DescribeAlarms");
    assert!(asked_for_its_bill.count() >= entered.len() - 1, "each member is asked for its own bill");
}
