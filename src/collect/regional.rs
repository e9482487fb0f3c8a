//! What an account says Region by Region: its Regions, what watches them, trails, their buckets, and the
//! chains around the log groups of its own trails.
//!
//! Owns: which Regions are asked what. Must not: know how an answer becomes a fact, or ask a disabled Region.

use super::account::Ask;
use super::events::Search;
use super::wanted::not_asked;
use super::{buckets, chain, configuration, regions, trails, watchers};
use crate::model::account::AccountFacts;
use crate::model::check::Fact;
use crate::model::event::RecentEvents;
use crate::model::ids::{AccountId, Region};
use crate::model::monitoring::Monitoring;
use crate::model::observed::Observed;
use crate::model::trail::{LogGroup, Trail};
use futures::{StreamExt, future, stream};
use std::collections::{BTreeMap, BTreeSet};

/// Regions of an account whose watchers are asked at a time. Each has clients and calls of several services in memory.
const REGIONS_AT_ONCE: usize = 4;

/// Trails by Region.
type Trails = BTreeMap<Region, Observed<Vec<Trail>>>;

/// Asks, and answers with what puts the answers into the facts.
pub(super) async fn ask(ask: Ask<'_>) -> impl FnOnce(&mut AccountFacts) + use<> {
    let ask = &ask;
    let home = &ask.run.home;
    let (regions, at_home) = future::join(
        ask.fact(Fact::Regions, regions::REGIONS, || regions::regions(ask.session)),
        ask.fact(Fact::Trails, trails::DESCRIBE, || trails::describe(ask.session, home, true)),
    )
    .await;
    let in_scope = regions::in_scope(&ask.run.regions, &regions, home);
    let usable: Vec<&Region> = in_scope.iter().filter(|region| regions::usable(&regions, region)).collect();
    let of_region = |region: Region| async move {
        let watchers = watchers::of_region(ask, &region).await;
        (region, watchers)
    };
    let watchers = stream::iter(usable.iter().map(|region| (*region).clone()).collect::<Vec<_>>()).map(of_region);
    let followed = async {
        let (trails, monitoring) = followed(ask, &usable, at_home).await;
        // Each call of it is watched on its own.
        let buckets = match ask.wanted.has(Fact::TrailBuckets) {
            true => buckets::of_trails(ask, &trails).await,
            false => not_asked(Fact::TrailBuckets),
        };
        (trails, monitoring, buckets)
    };
    let (watchers, config_rules, (trails, monitoring, trail_buckets), recent_events) = future::join4(
        Box::pin(watchers.buffer_unordered(REGIONS_AT_ONCE).collect()),
        ask.fact(Fact::ConfigRules, configuration::RULES, || configuration::rules(ask.session, home)),
        Box::pin(followed),
        Box::pin(events(ask, &usable)),
    )
    .await;
    move |facts| {
        facts.recent_events = recent_events;
        facts.regions = regions;
        facts.regions_in_scope = in_scope;
        facts.watchers = watchers;
        facts.config_rules = config_rules;
        facts.trails = trails;
        facts.trail_buckets = trail_buckets;
        facts.monitoring = monitoring;
    }
}

/// Recent events, if they are wanted.
async fn events(ask: &Ask<'_>, usable: &[&Region]) -> BTreeMap<Region, Observed<RecentEvents>> {
    let wanted = ask.wanted;
    if !wanted.has(Fact::RecentEvents) {
        return BTreeMap::from([(ask.run.home.clone(), not_asked(Fact::RecentEvents))]);
    }
    let search = Search::new(ask.run.org.as_of, wanted.events_days());
    search.regions(ask.session, ask.watch, usable).await
}

/// Trails of every Region looked at; and the chains around their log groups. A trail of a single Region shows in that Region alone.
async fn followed(ask: &Ask<'_>, usable: &[&Region], at_home: Observed<Vec<Trail>>) -> (Trails, Vec<Monitoring>) {
    let (home, account) = (&ask.run.home, ask.session.account());
    let mut trails = BTreeMap::from([(home.clone(), at_home)]);
    if !ask.wanted.has(Fact::Trails) {
        return (trails, Vec::new());
    }
    // Where the home Region's answer is unknown the verdict is too.
    if let Some(shadows) = trails.get(home).and_then(needs_shadows) {
        let others: Vec<Region> =
            usable.iter().filter(|region| **region != home).map(|region| (*region).clone()).collect();
        let seen = stream::iter(others).map(|region| async move {
            let asked = || async { trails::describe(&ask.session.apart(), &region, shadows).await };
            let seen = ask.fact(Fact::Trails, trails::DESCRIBE, asked).await;
            (region, seen)
        });
        trails.extend(seen.buffer_unordered(REGIONS_AT_ONCE).collect::<Vec<_>>().await);
    }
    complete(ask, account, &mut trails).await;
    let monitoring = match ask.wanted.has(Fact::Monitoring) {
        true => monitoring(ask, account, &trails).await,
        false => Vec::new(),
    };
    (trails, monitoring)
}

/// Status and selectors of trails: those of organization trails are known already, others are asked of their owner once.
async fn complete(ask: &Ask<'_>, account: &AccountId, trails: &mut Trails) {
    let known = ask.run.org.organization_trails.value().into_iter().flatten();
    let mut known: BTreeMap<String, Trail> = known.map(|trail| (trail.arn.clone(), trail.clone())).collect();
    let own: BTreeMap<String, Trail> = seen(trails)
        .filter(|trail| trail.owner().as_ref() == Some(account) && !known.contains_key(&trail.arn))
        .map(|trail| (trail.arn.clone(), trail.clone()))
        .collect();
    let completed = own.into_values().map(async |mut trail| {
        trails::complete(ask.session, ask.watch, &mut trail).await;
        (trail.arn.clone(), trail)
    });
    known.extend(future::join_all(completed).await);
    for seen in trails.values_mut() {
        let Observed::Present { value, .. } = seen else { continue };
        for trail in value {
            if let Some(known) = known.get(&trail.arn) {
                trail.status = known.status.clone();
                trail.selectors = known.selectors.clone();
            }
        }
    }
}

/// The chains around log groups that this account owns and its own trails deliver to. One that was read with the
/// organization's is not read again.
async fn monitoring(ask: &Ask<'_>, account: &AccountId, trails: &Trails) -> Vec<Monitoring> {
    let groups: BTreeSet<LogGroup> = seen(trails)
        .filter(|trail| trail.owner().as_ref() == Some(account))
        .filter_map(Trail::log_group)
        .filter(|group| &group.account == account)
        .collect();
    let mut chains = Vec::new();
    let mut by_region: BTreeMap<Region, Vec<LogGroup>> = BTreeMap::new();
    for group in groups {
        match ask.run.org.monitoring.iter().find(|chain| chain.log_group == group) {
            Some(chain) => chains.push(chain.clone()),
            None => by_region.entry(group.region.clone()).or_default().push(group),
        }
    }
    let read = by_region.iter().map(|(region, groups)| chain::of_account(ask.session, ask.watch, region, groups));
    chains.extend(future::join_all(read).await.into_iter().flatten());
    chains.sort_by(|a, b| a.log_group.cmp(&b.log_group));
    chains
}

/// Every trail seen in any Region; a replica comes once for each Region.
fn seen(trails: &Trails) -> impl Iterator<Item = &Trail> {
    trails.values().filter_map(Observed::value).flatten()
}

/// Whether other Regions are asked for the shadows of trails too: a multi-Region trail shows in the home Region already. `None`
/// where that Region's answer is unknown.
fn needs_shadows(at_home: &Observed<Vec<Trail>>) -> Option<bool> {
    let seen = at_home.known().ok()?;
    Some(!seen.into_iter().flatten().any(|trail| trail.multi_region))
}
