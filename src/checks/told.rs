//! Whether someone is told of a subject: the whole chain from trail to confirmed subscription, over all trails.
//!
//! Owns: which trails count for an account. An organization trail is followed once, in the account that owns its log group,
//! and covers every member. Must not: know any subject, or follow one chain (`chain` does).

use super::chain::{Chain, follow};
use super::evaluate::{Facts, Judgement, Outcome};
use super::recording::{distinct, silent, why_silent};
use super::subject::Subject;
use crate::model::account::RegionState;
use crate::model::finding::FailingResource;
use crate::model::ids::{AccountId, Arn, Region};
use crate::model::monitoring::Monitoring;
use crate::model::trail::Trail;
use crate::model::{Cause, Observed};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Where events that have to be caught happen.
pub(super) struct Scene<'s> {
    /// The partition: `aws`, `aws-cn` ...
    pub partition: &'s str,
    /// Accounts that share the log group; never empty.
    pub accounts: &'s [&'s str],
}

/// A subject by its words, and what makes its events for a scene.
pub(super) type Staging<'s> = (&'static str, &'s dyn Fn(&Scene<'_>) -> Subject);

/// Accounts that stand for any others. Where no pattern looks at accounts, it does not show whose the events are: then a subject
/// is made once, and not for each of thousands of accounts.
const ANYONE: [&str; 2] = ["444455556666", ANOTHER_ACCOUNT];

/// Subjects of [`ANYONE`] remembered: one and two accounts for each check, in one partition as a rule.
const MOST_STAGED: usize = 200;

/// Subjects by their words, partition and number of accounts. They follow from these alone, so that it does not show whether one
/// was remembered.
static STAGED: Mutex<Staged> = Mutex::new(BTreeMap::new());

type Staged = BTreeMap<(&'static str, String, usize), Arc<Subject>>;

/// The subject for events of these accounts, as far as what watches the log group can tell accounts apart.
fn staged((about, stage): Staging<'_>, trail: &Trail, watched: Option<&Monitoring>, accounts: &[&str]) -> Arc<Subject> {
    let partition = Arn::parse(&trail.arn).map_or("aws", |arn| arn.partition);
    if looks_at_accounts(watched) {
        return Arc::new(stage(&Scene { partition, accounts }));
    }
    let accounts = ANYONE.get(..accounts.len()).unwrap_or(&ANYONE);
    let mut staged = STAGED.lock().unwrap_or_else(PoisonError::into_inner);
    if staged.len() >= MOST_STAGED {
        staged.clear();
    }
    let subject = staged.entry((about, partition.to_owned(), accounts.len()));
    Arc::clone(subject.or_insert_with(|| Arc::new(stage(&Scene { partition, accounts }))))
}

/// A pass if someone is told of the subject, by the organization's trail or the account's own.
pub(super) fn someone(facts: &mut Facts<'_>, stage: Staging<'_>) -> Judgement {
    let about = stage.0;
    let by_organization = |facts: &mut Facts<'_>| organization(facts, stage);
    let by_account = |facts: &mut Facts<'_>| own(facts, stage);
    if let Some(pass) = facts.any_of(&[&by_organization, &by_account]) {
        return Ok(Outcome::pass(pass));
    }
    facts.certain()?;
    // Everything needed was known, so what breaks each chain is known too.
    let mut failing = Vec::new();
    for (trail, chain) in chains(facts, stage)? {
        if let Chain::Broken(links) = chain {
            failing.push(FailingResource { resource: trail.arn.clone(), message: links.join("; ") });
        }
    }
    failing.sort();
    failing.dedup();
    let words: Vec<String> = failing
        .iter()
        .map(|f| format!("trail `{}`: {}", f.resource.rsplit('/').next().unwrap_or_default(), f.message))
        .collect();
    let message = match words.as_slice() {
        [] => format!("nobody is told of {about}: no trail records this account"),
        words => format!("nobody is told of {about}: {}", words.join("; ")),
    };
    Ok(Outcome::Fail(message, failing))
}

/// Looks for a whole chain from an organization trail.
fn organization(facts: &mut Facts<'_>, stage: Staging<'_>) -> Result<Option<String>, Cause> {
    let (known, trails) = (facts.regions()?, facts.organization_trails()?);
    let watched = facts.organization_monitoring()?;
    let seen = Seen { watched, known, account: facts.account_id() };
    let mine = trails.iter().filter(|trail| trail.organization_trail);
    let followed: Vec<Chain> = mine.map(|trail| shared(trail, &seen, stage)).collect();
    Ok(proof(facts, followed, "covered by the organization trail: "))
}

/// Looks for a whole chain from a trail the account sees.
fn own(facts: &mut Facts<'_>, stage: Staging<'_>) -> Result<Option<String>, Cause> {
    let seen = facts.trails()?;
    let (watched, shared) = (facts.monitoring()?, facts.organization_monitoring()?);
    let account = facts.account_id();
    let found = distinct(seen);
    // An organization trail is the organization's to prove; a member sees no more than its outline.
    let mine = found.into_iter().filter(|trail| !trail.organization_trail || trail.owner().as_ref() == account);
    // The log group of an organization trail may be another account's, and is then read with the organization only.
    let around =
        |trail: &Trail| if trail.organization_trail && around(trail, watched).is_none() { shared } else { watched };
    let followed: Vec<Chain> = mine.map(|trail| of_account(trail, around(trail), account, stage)).collect();
    if !followed.iter().any(|chain| matches!(chain, Chain::Whole { .. })) {
        if seen.is_empty() {
            facts.doubt_of(Cause::not_collected("cloudtrail:DescribeTrails"));
        }
        // A Region that did not answer may hide a trail with a whole chain: unless another answered with a multi-Region
        // trail list, which is the same from everywhere.
        if !seen.values().any(|trails| trails.cause().is_none()) {
            seen.values().filter_map(Observed::cause).for_each(|cause| facts.doubt_of(cause.clone()));
        }
    }
    seen.values().for_each(|trails| facts.rest_on(trails.source()));
    Ok(proof(facts, followed, ""))
}

/// A member whose events share the log group with its owner's: a filter for one account's events only does not do.
const ANOTHER_ACCOUNT: &str = "111122223333";

/// What an organization trail is followed with, for one account.
struct Seen<'a> {
    /// What watches the log groups of organization trails.
    watched: &'a [Monitoring],
    /// The account's Regions.
    known: &'a BTreeMap<Region, RegionState>,
    /// The account that is judged.
    account: Option<&'a AccountId>,
}

/// What a pattern that looks at accounts holds: a part of the name of a field with an account's number in it, or of a field with
/// any name.
pub(super) const OF_ACCOUNTS: [&str; 6] = ["ccountId", "arn", "principalId", "rovider", ".*", "[*]"];

fn looks_at_accounts(watched: Option<&Monitoring>) -> bool {
    let filters = watched.and_then(|watched| watched.filters.value());
    filters.into_iter().flatten().any(|filter| OF_ACCOUNTS.iter().any(|part| filter.pattern.contains(part)))
}

fn shared(trail: &Trail, seen: &Seen<'_>, stage: Staging<'_>) -> Chain {
    if silent(trail, seen.known) {
        return Chain::Broken(vec![why_silent(trail)]);
    }
    let (owner, watched) = (trail.owner(), around(trail, seen.watched));
    let accounts = [seen.account.or(owner.as_ref()).map_or("", AccountId::as_str), ANOTHER_ACCOUNT];
    follow(trail, watched, &staged(stage, trail, watched, &accounts))
}

fn of_account(trail: &Trail, watched: &[Monitoring], account: Option<&AccountId>, stage: Staging<'_>) -> Chain {
    let watched = around(trail, watched);
    let accounts = [account.map_or("", AccountId::as_str)];
    follow(trail, watched, &staged(stage, trail, watched, &accounts))
}

/// What watches a trail's log group.
fn around<'m>(trail: &Trail, watched: &'m [Monitoring]) -> Option<&'m Monitoring> {
    let group = trail.log_group()?;
    watched.iter().find(|monitoring| monitoring.log_group == group)
}

/// The message of the first whole chain. If there is none, what is unknown of the others is noted.
fn proof(facts: &mut Facts<'_>, followed: Vec<Chain>, words: &str) -> Option<String> {
    let mut unknown = Vec::new();
    for chain in followed {
        match chain {
            Chain::Whole { through, sources } => {
                sources.iter().for_each(|source| facts.rest_on(Some(source)));
                return Some(format!("{words}{through}"));
            }
            Chain::Broken(_) => {}
            Chain::Unknown(cause) => unknown.push(cause),
        }
    }
    unknown.into_iter().for_each(|cause| facts.doubt_of(cause));
    None
}

/// Every trail that could do it, with what was found.
fn chains<'a>(facts: &mut Facts<'a>, stage: Staging<'_>) -> Result<Vec<(&'a Trail, Chain)>, Cause> {
    let trails: &'a [Trail] = facts.organization_trails()?;
    let seen = Seen { watched: facts.organization_monitoring()?, known: facts.regions()?, account: facts.account_id() };
    let mut found: Vec<(&Trail, Chain)> = trails
        .iter()
        .filter(|trail| trail.organization_trail)
        .map(|trail| (trail, shared(trail, &seen, stage)))
        .collect();
    let seen = facts.trails()?;
    let watched = facts.monitoring()?;
    let account = facts.account_id();
    for trail in distinct(seen).into_iter().filter(|trail| !trail.organization_trail) {
        found.push((trail, of_account(trail, watched, account, stage)));
    }
    Ok(found)
}
