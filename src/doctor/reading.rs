//! What was asked and not answered, in one account: by whom it was denied, or why it could not be told.
//!
//! Must not: judge an answer.

use super::account::session;
use super::allowed::{Answer, Block, Holder, under};
use super::commands::Document;
use super::diagnosis::{Section, State};
use super::gathered::{Fix, Issue};
use super::ground::{Doctor, Entry, REGIONS_NAMED, listed};
use super::requests::Place;
use crate::collect;
use crate::model::{AccountFacts, Cause, CauseKind, Region, few};
use crate::policy::Principal;
use std::collections::{BTreeMap, BTreeSet};

/// Operations by why they were not answered.
type Unanswered = BTreeMap<CauseKind, BTreeMap<String, String>>;

/// Looks at every cause of an account.
pub(super) fn reads(doctor: &mut Doctor<'_>, facts: &AccountFacts, entry: &Entry) {
    let own = facts.account == doctor.ground.account;
    let regional = by_region(facts);
    let known: BTreeSet<&str> = regional.values().flatten().map(|cause| cause.operation.as_str()).collect();
    let rest = facts.causes().filter(|cause| asked(cause) && !known.contains(cause.operation.as_str()));
    let mut missing = unanswered(rest);
    if own {
        regions(doctor, facts, regional);
    } else {
        // One Region was asked.
        for (kind, operations) in unanswered(regional.values().flatten().copied()) {
            missing.entry(kind).or_default().extend(operations);
        }
    }
    let whole = missing.is_empty();
    for (kind, operations) in missing {
        match kind {
            CauseKind::AccessDenied => denied(doctor, facts, entry, operations),
            kind => untold(doctor, facts, kind, &operations),
        }
    }
    doctor.figures.read += usize::from(whole);
}

/// Whether somebody wanted to know it.
pub(super) fn asked(cause: &Cause) -> bool {
    !matches!(cause.kind, CauseKind::NotCollected | CauseKind::OptIn)
}

/// Operations by kind, each with what AWS said.
pub(super) fn unanswered<'c>(causes: impl Iterator<Item = &'c Cause>) -> Unanswered {
    let mut found = Unanswered::new();
    for cause in causes {
        let of_kind = found.entry(cause.kind).or_default();
        of_kind.entry(cause.operation.clone()).or_insert_with(|| cause.message.clone());
    }
    found
}

/// The causes of what is asked Region by Region.
fn by_region(facts: &AccountFacts) -> BTreeMap<&Region, Vec<&Cause>> {
    let mut found: BTreeMap<&Region, Vec<&Cause>> = BTreeMap::new();
    let watchers =
        facts.watchers.iter().flat_map(|(region, watchers)| watchers.causes().map(move |cause| (region, cause)));
    let trails = facts.trails.iter().filter_map(|(region, trails)| Some((region, trails.cause()?)));
    for (region, cause) in watchers.chain(trails).filter(|(_, cause)| asked(cause)) {
        found.entry(region).or_default().push(cause);
    }
    found
}

/// The caller's own account, which is asked in every Region.
fn regions(doctor: &mut Doctor<'_>, facts: &AccountFacts, regional: BTreeMap<&Region, Vec<&Cause>>) {
    let mut alike: BTreeMap<(CauseKind, BTreeSet<String>), (Vec<String>, String)> = BTreeMap::new();
    for (region, causes) in &regional {
        for (kind, operations) in unanswered(causes.iter().copied()) {
            let said = operations.values().next().cloned().unwrap_or_default();
            let entry = alike.entry((kind, operations.into_keys().collect())).or_insert_with(|| (Vec::new(), said));
            entry.0.push(region.to_string());
        }
    }
    let answering = facts.watchers.keys().filter(|region| {
        let no_way = |cause: &&Cause| unreachable(cause.kind);
        !regional.get(region).is_some_and(|causes| causes.iter().any(no_way))
    });
    doctor.figures.answering = answering.cloned().collect();
    for ((kind, operations), (regions, said)) in alike {
        let (what, whence) = (listed(&operations), few(&regions, REGIONS_NAMED));
        let issue = match kind {
            CauseKind::AccessDenied => {
                let text = format!("the caller may not call {what} in {whence}");
                let fix = Fix::of(doctor.commands.grant(&doctor.ground.arn, Document::AuditCaller));
                Issue::new(Section::Reading, State::Problem, "caller_denied", text).mended_by(fix)
            }
            kind if unreachable(kind) => {
                let left: Vec<String> = doctor.figures.answering.iter().map(ToString::to_string).collect();
                let text = format!("{whence} can't be reached from here ({}): {what}", kind.as_str());
                let fix = Fix::of(format!("orgward audit --regions {} # or {}", left.join(","), kind.fix()));
                Issue::new(Section::Regions, State::Problem, "region_unreachable", text).mended_by(fix)
            }
            kind => {
                let text = format!("{what} was not answered ({}) in {whence}", kind.as_str());
                Issue::new(Section::Reading, State::Unknown, "read_unknown", text).mended_by(Fix::of(kind.fix()))
            }
        };
        let issue = issue.about(operations);
        doctor.gathered.add(issue, &facts.account, Some(&said));
    }
}

/// Whether the network is in the way.
fn unreachable(kind: CauseKind) -> bool {
    matches!(kind, CauseKind::Unreachable | CauseKind::TimedOut | CauseKind::NotAnAwsAnswer)
}

/// Denied operations: by a policy of the organization that says so, or by the role's own.
fn denied(doctor: &mut Doctor<'_>, facts: &AccountFacts, entry: &Entry, operations: BTreeMap<String, String>) {
    let own = facts.account == doctor.ground.account;
    let ground = &doctor.ground;
    let holder = Holder::of(if own { Principal::iam(&ground.arn) } else { session(&entry.audit) });
    let home = &ground.org.organization.home_region;
    let place = Place { org: ground.org, account: &facts.account, region: home, global: &ground.global };
    let levels = doctor.chains.levels(&facts.account).unwrap_or_default();
    let mut by: BTreeMap<Option<Block>, (BTreeSet<String>, String)> = BTreeMap::new();
    for (operation, said) in operations {
        let block = match under(&levels, &place.request(&holder, action(&operation), "*")) {
            Answer::No(block) => Some(block),
            Answer::Yes | Answer::CannotTell(_) => None,
        };
        by.entry(block).or_insert_with(|| (BTreeSet::new(), said)).0.insert(operation);
    }
    let who = if own { "the caller" } else { "the audit role" };
    for (block, (operations, said)) in by {
        let what = listed(&operations);
        let issue = |code, text: String, fix| Issue::new(Section::Reading, State::Problem, code, text).mended_by(fix);
        let issue = match block {
            Some(Block::Scp { id, name }) => {
                let role = if own { &doctor.ground.arn } else { &entry.audit };
                issue(
                    "read_denied_by_scp",
                    format!("SCP `{name}` denies {who} {what}"),
                    doctor.commands.exempt(&id, role),
                )
            }
            Some(_) => issue(
                "read_not_allowed_by_scp",
                format!("no service control policy allows {who} {what}"),
                Fix::of("orgward org # shows which are attached where"),
            ),
            None if own => {
                let fix = Fix::of(doctor.commands.grant(&doctor.ground.arn, Document::AuditCaller));
                issue("caller_denied", format!("the caller may not call {what}"), fix)
            }
            None => {
                let fix = doctor.commands.grant_role(&entry.audit, Document::AuditRole, facts);
                issue("read_denied", format!("the audit role may not call {what}"), fix)
            }
        };
        doctor.gathered.add(issue.about(operations), &facts.account, Some(&said));
    }
}

/// Operations that were not answered for another reason.
fn untold(doctor: &mut Doctor<'_>, facts: &AccountFacts, kind: CauseKind, operations: &BTreeMap<String, String>) {
    let names: BTreeSet<String> = operations.keys().cloned().collect();
    let text = format!("{} was not answered ({})", listed(&names), kind.as_str());
    let issue =
        Issue::new(Section::Reading, State::Unknown, "read_unknown", text).mended_by(Fix::of(kind.fix())).about(names);
    doctor.gathered.add(issue, &facts.account, operations.values().next().map(String::as_str));
}

/// The IAM action that a call needs, as the catalogue of facts has it.
pub(super) fn action(operation: &str) -> &str {
    let source = collect::CATALOG.iter().find(|source| source.calls.contains(&operation));
    let Some(source) = source.filter(|source| !source.permissions.contains(&operation)) else { return operation };
    let place = source.calls.iter().position(|call| *call == operation);
    let same = (source.calls.len() == source.permissions.len()).then_some(place).flatten();
    let found = match same {
        Some(place) => source.permissions.get(place),
        None => source.permissions.last(),
    };
    found.copied().unwrap_or(operation)
}
