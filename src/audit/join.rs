//! Whether the runs of several machines are the shards of one audit: every shard once, every account once, and all made alike.
//!
//! Owns: what belongs together. Must not: read or write a run.

use super::job::Job;
use crate::model::{AccountId, Shard, few};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;

/// A run, as far as joining looks at it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// Its directory, for the errors.
    pub place: String,
    /// What it was asked.
    pub job: Job,
    /// The id of its organization.
    pub organization: String,
    /// Whether its organization is that of the first run, fact for fact.
    pub same_facts: bool,
    /// Its accounts, in id order.
    pub accounts: Vec<AccountId>,
    /// What it lacks, with the command that goes on with it; `None` if it is over.
    pub unfinished: Option<String>,
}

/// Why runs can't be joined.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Nothing to join.
    #[error("there is no run to join: name the run directories of all shards")]
    Nothing,
    /// A run that is not a part of anything.
    #[error("`{place}` is no shard: it was run without `--shard`, and there is nothing to join it with")]
    NoShard {
        /// The run.
        place: String,
    },
    /// Machines that enumerated each by itself may have seen different organizations.
    #[error(
        "`{place}` enumerated the organization by itself: give every shard the same file of `orgward org --out FILE` with `--org`"
    )]
    OwnEnumeration {
        /// The run.
        place: String,
    },
    /// A run that is not over.
    #[error("`{place}` is not finished: {why}")]
    Unfinished {
        /// The run.
        place: String,
        /// What it lacks, and the fix.
        why: String,
    },
    /// Two runs that were not made alike.
    #[error("`{one}` and `{other}` differ in {what}: {here}, and {there}; run one of them again like the other")]
    Differ {
        /// The first run.
        one: String,
        /// The one that differs.
        other: String,
        /// In what.
        what: &'static str,
        /// What the first says.
        here: String,
        /// What the other says.
        there: String,
    },
    /// A shard that is there twice.
    #[error("shard `{shard}` is there twice, in `{one}` and in `{other}`: leave one of them out")]
    ShardTwice {
        /// The shard.
        shard: Shard,
        /// One run.
        one: String,
        /// The other.
        other: String,
    },
    /// Shards that are not there.
    #[error("a gap: {shards} is in none of the runs; audit it, and give its run directory too")]
    ShardMissing {
        /// Which, in words.
        shards: String,
    },
    /// An account that two runs have.
    #[error("account `{account}` is there twice, in `{one}` and in `{other}`")]
    AccountTwice {
        /// The account.
        account: AccountId,
        /// One run.
        one: String,
        /// The other.
        other: String,
    },
    /// Accounts of the scope that no run has.
    #[error("a gap: {accounts} of the scope is in none of the runs")]
    AccountMissing {
        /// Which, in words.
        accounts: String,
    },
    /// An account that is in a run and not in the scope.
    #[error("account `{account}` of `{place}` is not in the scope")]
    AccountForeign {
        /// The account.
        account: AccountId,
        /// The run.
        place: String,
    },
}

/// Everything that speaks against joining these runs; empty if they are the shards of one audit. `scope`: the accounts of the
/// whole audit, if any run knows its organization.
pub fn refusals(parts: &[Part], scope: Option<&[AccountId]>) -> Vec<Refusal> {
    if parts.is_empty() {
        return vec![Refusal::Nothing];
    }
    let mut refusals: Vec<Refusal> = parts.iter().flat_map(of_one).collect();
    if let Some((first, others)) = parts.split_first() {
        refusals.extend(others.iter().flat_map(|other| differences(first, other)));
    }
    // Where runs are of different audits, their shards say nothing; where a shard lacks something, its accounts.
    if refusals.iter().all(|refusal| matches!(refusal, Refusal::Unfinished { .. })) {
        refusals.extend(shards(parts));
    }
    if let (true, Some(scope)) = (refusals.is_empty(), scope) {
        refusals.extend(accounts(parts, scope));
    }
    refusals
}

/// What speaks against a run by itself.
fn of_one(part: &Part) -> impl Iterator<Item = Refusal> {
    let place = || part.place.clone();
    let whole = part.job.shard.is_none().then(|| Refusal::NoShard { place: place() });
    let own = (part.job.shard.is_some() && part.job.organization_file.is_none())
        .then(|| Refusal::OwnEnumeration { place: place() });
    let unfinished = part.unfinished.clone().map(|why| Refusal::Unfinished { place: place(), why });
    [whole, own, unfinished].into_iter().flatten()
}

/// In what two runs differ; what decides the rest comes first, and of several only the first is told.
fn differences(first: &Part, other: &Part) -> Option<Refusal> {
    let (a, b) = (&first.job, &other.job);
    let differ = |what: &'static str, here: String, there: String| Refusal::Differ {
        one: first.place.clone(),
        other: other.place.clone(),
        what,
        here,
        there,
    };
    let told = |what, here: &dyn Display, there: &dyn Display| {
        let (here, there) = (here.to_string(), there.to_string());
        (here != there).then(|| differ(what, format!("`{here}`"), format!("`{there}`")))
    };
    let debug = |what, here: &dyn std::fmt::Debug, there: &dyn std::fmt::Debug| {
        let (here, there) = (format!("{here:?}"), format!("{there:?}"));
        (here != there).then(|| differ(what, here, there))
    };
    let file = |job: &Job| job.organization_file.clone().unwrap_or_else(|| "none".to_owned());
    let exemptions = |job: &Job| job.exemptions.clone().unwrap_or_else(|| "none".to_owned());
    let count = |job: &Job| job.shard.map_or(1, Shard::count);
    told("organization", &first.organization, &other.organization)
        .or_else(|| told("orgward's version", &a.orgward, &b.orgward))
        .or_else(|| told("organization file", &file(a), &file(b)))
        .or_else(|| told("the moment of the audit (--as-of)", &a.as_of, &b.as_of))
        .or_else(|| told("home Region (--region)", &a.home, &b.home))
        .or_else(|| told("number of shards", &count(a), &count(b)))
        .or_else(|| debug("Regions (--regions)", &a.asked.scope.regions, &b.asked.scope.regions))
        .or_else(|| debug("scope", &a.asked.scope, &b.asked.scope))
        .or_else(|| debug("frameworks (--framework)", &a.asked.frameworks, &b.asked.frameworks))
        .or_else(|| {
            debug(
                "what costs more (--deep, --events)",
                &(a.asked.deep, a.asked.events),
                &(b.asked.deep, b.asked.events),
            )
        })
        .or_else(|| told("checks", &only(&a.checks, &b.checks), &only(&b.checks, &a.checks)))
        .or_else(|| told("thresholds or the text of custom checks", &a.rules, &b.rules))
        .or_else(|| told("file of exemptions (--exemptions)", &exemptions(a), &exemptions(b)))
        .or_else(|| debug("the run whose facts they reuse (--since, --max-age)", &a.reuse, &b.reuse))
        .or_else(|| {
            let (here, there) = ("the file says this".to_owned(), "something else is kept".to_owned());
            (!other.same_facts).then(|| differ("the facts of the organization", here, there))
        })
}

/// The checks of `these` that `others` lack, few of them.
fn only(these: &[String], others: &[String]) -> String {
    let others: BTreeSet<&String> = others.iter().collect();
    let more: Vec<&str> = these.iter().filter(|id| !others.contains(id)).map(String::as_str).collect();
    listed(&more)
}

/// The first three in words, and how many more.
fn listed(names: &[&str]) -> String {
    if names.is_empty() { "none that the other lacks".to_owned() } else { few(names, 3) }
}

/// Shards that are there twice, or not at all.
fn shards(parts: &[Part]) -> Vec<Refusal> {
    let mut seen: BTreeMap<Shard, &str> = BTreeMap::new();
    let mut found = Vec::new();
    for part in parts {
        let Some(shard) = part.job.shard else { continue };
        if let Some(one) = seen.insert(shard, &part.place) {
            found.push(Refusal::ShardTwice { shard, one: one.to_owned(), other: part.place.clone() });
        }
    }
    let count = parts.first().and_then(|part| part.job.shard).map_or(0, Shard::count);
    let missing =
        (0..count).filter_map(|index| Shard::new(index, count).ok()).filter(|shard| !seen.contains_key(shard));
    let missing: Vec<String> = missing.map(|shard| format!("shard `{shard}`")).collect();
    if !missing.is_empty() {
        let names: Vec<&str> = missing.iter().map(String::as_str).collect();
        found.push(Refusal::ShardMissing { shards: listed(&names) });
    }
    found
}

/// Accounts that are there twice, not at all, or without reason.
fn accounts(parts: &[Part], scope: &[AccountId]) -> Vec<Refusal> {
    let mut seen: BTreeMap<&AccountId, &str> = BTreeMap::new();
    let wanted: BTreeSet<&AccountId> = scope.iter().collect();
    let mut found = Vec::new();
    for part in parts {
        for account in &part.accounts {
            let place = || part.place.clone();
            if !wanted.contains(account) {
                found.push(Refusal::AccountForeign { account: account.clone(), place: place() });
            }
            if let Some(one) = seen.insert(account, &part.place) {
                found.push(Refusal::AccountTwice { account: account.clone(), one: one.to_owned(), other: place() });
            }
        }
    }
    let missing: Vec<String> =
        scope.iter().filter(|account| !seen.contains_key(account)).map(|id| format!("account `{id}`")).collect();
    if !missing.is_empty() {
        let names: Vec<&str> = missing.iter().map(String::as_str).collect();
        found.push(Refusal::AccountMissing { accounts: listed(&names) });
    }
    found
}

#[cfg(test)]
mod tests {
    use super::super::job::{Asked, Reuse};
    use super::*;
    use crate::model::scope::RegionRequest;
    use proptest::prelude::*;

    fn ids(count: usize) -> Vec<AccountId> {
        (0..count).map(|number| format!("{number:012}").parse().unwrap()).collect()
    }

    fn part(shard: &str, accounts: &[AccountId]) -> Part {
        let checks = vec!["root-mfa".to_owned(), "user-mfa".to_owned()];
        let mut job = Job::new(
            "2026-11-02T08:00:00Z".parse().unwrap(),
            "eu-central-1".parse().unwrap(),
            Asked::default(),
            checks,
            "sha256:00".to_owned(),
        );
        let shard: Shard = shard.parse().unwrap();
        job.shard = Some(shard);
        job.organization_file = Some("sha256:11".to_owned());
        Part {
            place: format!("runs/{}", shard.index()),
            job,
            organization: "o-abc123".to_owned(),
            same_facts: true,
            accounts: shard.part(accounts),
            unfinished: None,
        }
    }

    fn three() -> (Vec<Part>, Vec<AccountId>) {
        let scope = ids(7);
        (["0/3", "1/3", "2/3"].map(|shard| part(shard, &scope)).to_vec(), scope)
    }

    fn told(parts: &[Part], scope: &[AccountId]) -> Vec<String> {
        refusals(parts, Some(scope)).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn every_shard_once_in_any_order_is_an_audit() {
        let (mut parts, scope) = three();
        assert_eq!(told(&parts, &scope), Vec::<String>::new());
        parts.reverse();
        assert_eq!(told(&parts, &scope), Vec::<String>::new());
        assert_eq!(told(&[part("0/1", &scope)], &scope), Vec::<String>::new());
        // More machines than accounts: some have nothing to do.
        let few = ids(2);
        let parts: Vec<Part> = ["0/3", "1/3", "2/3"].map(|shard| part(shard, &few)).to_vec();
        assert_eq!(told(&parts, &few), Vec::<String>::new());
    }

    #[test]
    fn a_gap_and_an_overlap_are_named() {
        let (parts, scope) = three();
        let gap = told(&parts[..2], &scope);
        assert_eq!(gap, ["a gap: shard `2/3` is in none of the runs; audit it, and give its run directory too"]);
        let many: Vec<Part> = vec![part("3/9", &scope)];
        assert!(told(&many, &scope)[0].contains("shard `0/9`, shard `1/9`, shard `2/9` and 5 more"));
        let mut twice = parts.clone();
        twice.push(Part { place: "runs/again".to_owned(), ..part("1/3", &scope) });
        assert_eq!(
            told(&twice, &scope),
            ["shard `1/3` is there twice, in `runs/1` and in `runs/again`: leave one of them out"]
        );
    }

    #[test]
    fn accounts_that_do_not_fit_their_shards_are_named() {
        let (mut parts, mut scope) = three();
        let lost = parts[1].accounts.pop().unwrap();
        assert_eq!(told(&parts, &scope), [format!("a gap: account `{lost}` of the scope is in none of the runs")]);
        parts[0].accounts.push(lost.clone());
        assert_eq!(told(&parts, &scope), Vec::<String>::new(), "each is there once, whoever has it");
        parts[2].accounts.push(lost.clone());
        assert_eq!(told(&parts, &scope), [format!("account `{lost}` is there twice, in `runs/0` and in `runs/2`")]);
        parts[2].accounts.pop();
        scope.retain(|account| *account != lost);
        assert_eq!(told(&parts, &scope), [format!("account `{lost}` of `runs/0` is not in the scope")]);
    }

    /// Changes the last of three shards and says what is told of it.
    fn changed(change: impl FnOnce(&mut Part)) -> String {
        let (mut parts, scope) = three();
        change(&mut parts[2]);
        let told = told(&parts, &scope);
        assert_eq!(told.len(), 1, "{told:?}");
        told.into_iter().next().unwrap()
    }

    #[test]
    fn shards_that_were_not_made_alike_are_told_apart_by_what_differs() {
        let says = |told: String, words: &[&str]| {
            words.iter().for_each(|word| assert!(told.contains(word), "`{word}` is missing in {told}"));
        };
        let both = ["`runs/0` and `runs/2` differ in "];
        says(changed(|part| part.organization = "o-xyz789".into()), &["in organization: `o-abc123`, and `o-xyz789`"]);
        says(changed(|part| part.job.orgward = "9.9.9".into()), &["in orgward's version: `", "and `9.9.9`"]);
        says(
            changed(|part| part.job.organization_file = Some("sha256:22".into())),
            &[both[0], "in organization file: `sha256:11`, and `sha256:22`"],
        );
        says(
            changed(|part| part.job.as_of = "2026-11-02T08:00:01Z".parse().unwrap()),
            &["(--as-of): `2026-11-02T08:00:00Z`"],
        );
        says(changed(|part| part.job.shard = Some("2/4".parse().unwrap())), &["in number of shards: `3`, and `4`"]);
        let region = || RegionRequest::Only(vec!["us-east-1".parse().unwrap()]);
        says(changed(|part| part.job.asked.scope.regions = region()), &["in Regions", "AllEnabled", "us-east-1"]);
        says(changed(|part| part.job.asked.scope.ous = vec!["/Prod".into()]), &["in scope", "/Prod"]);
        says(changed(|part| part.job.asked.frameworks = vec!["cis-5.0".into()]), &["--framework", "cis-5.0"]);
        says(changed(|part| part.job.asked.deep = true), &["--deep", "(true, None)"]);
        says(
            changed(|part| part.job.checks = vec!["root-mfa".into()]),
            &["in checks: `user-mfa`, and `none that the other lacks`"],
        );
        says(changed(|part| part.job.rules = "sha256:99".into()), &["in thresholds", "`sha256:99`"]);
        says(
            changed(|part| part.job.exemptions = Some("sha256:33".into())),
            &["in file of exemptions (--exemptions): `none`, and `sha256:33`"],
        );
        let reuse = || Reuse { run: "20260718T100000Z-4000".parse().unwrap(), max_age: 60 };
        says(changed(|part| part.job.reuse = Some(reuse())), &["--since", "None"]);
        says(changed(|part| part.same_facts = false), &["in the facts of the organization"]);
    }

    #[test]
    fn a_run_that_is_no_shard_or_enumerated_by_itself_is_named() {
        let scope = ids(3);
        let mut alone = part("0/1", &scope);
        alone.job.shard = None;
        assert_eq!(
            told(&[alone], &scope),
            ["`runs/0` is no shard: it was run without `--shard`, and there is nothing to join it with"]
        );
        let mut own = part("0/1", &scope);
        own.job.organization_file = None;
        assert!(told(&[own], &scope)[0].starts_with("`runs/0` enumerated the organization by itself"));
        assert_eq!(refusals(&[], None), [Refusal::Nothing]);
    }

    #[test]
    fn an_unfinished_shard_does_not_hide_a_gap() {
        let (mut parts, scope) = three();
        parts.remove(0);
        parts[1].unfinished = Some("go on with `orgward audit --resume X`".to_owned());
        let told = told(&parts, &scope);
        assert_eq!(told[0], "`runs/2` is not finished: go on with `orgward audit --resume X`");
        assert!(told[1].starts_with("a gap: shard `0/3`"), "{told:?}");
    }

    proptest! {
        /// Whatever is left out or given twice, joining is refused; and only then.
        #[test]
        fn only_a_whole_is_joined(count in 1u32..7, total in 0usize..30, picks in proptest::collection::vec(0u32..7, 0..9)) {
            let scope = ids(total);
            let parts: Vec<Part> =
                picks.iter().filter(|pick| **pick < count).map(|pick| part(&format!("{pick}/{count}"), &scope)).collect();
            let mut picked: Vec<u32> = parts.iter().map(|part| part.job.shard.unwrap().index()).collect();
            picked.sort_unstable();
            let whole = picked == (0..count).collect::<Vec<u32>>();
            if !parts.is_empty() {
                prop_assert_eq!(refusals(&parts, Some(&scope)).is_empty(), whole);
            }
        }
    }
}
