//! One account: whether it could be entered, whom its audit role trusts, and which Regions are open to it.
//!
//! Must not: judge what was read (`reading`) or what may be written (`changes`).

use super::allowed::{Answer, Block, Holder, under};
use super::commands::Document;
use super::diagnosis::{Section, State};
use super::gathered::{Fix, Issue};
use super::ground::{Doctor, Entry, NOT_ASSUMABLE, REGIONS_NAMED, name_of};
use super::requests::Place;
use crate::checks::Selection;
use crate::collect;
use crate::model::account::RegionState;
use crate::model::check::Fact;
use crate::model::ids::Arn;
use crate::model::scope::RegionRequest;
use crate::model::{AccountFacts, CauseKind, Finding, Region, Verdict, few};
use crate::policy::Principal;
use std::collections::BTreeMap;

/// Regions that a policy closes, by its name.
pub(super) type Closed = BTreeMap<String, Vec<Region>>;

/// The call that enters.
const ENTER: &str = "sts:AssumeRole";
/// The check of whom the audit role lets in.
const EXTERNAL_ID: &str = "audit-role-external-id";
/// Facts that are read in every Region.
const REGIONAL: [Fact; 4] = [Fact::Analyzers, Fact::ConfigRecorders, Fact::SecurityHub, Fact::Detectors];

/// Whether the account could be entered; says why not.
pub(super) fn entered(doctor: &mut Doctor<'_>, facts: &AccountFacts, entry: &Entry) -> bool {
    let Some(cause) = facts.causes().find(|cause| cause.operation == ENTER && cause.kind != CauseKind::NotCollected)
    else {
        return true;
    };
    let role = name_of(&entry.audit);
    let issue = |state, code, text: String, fix| Issue::new(Section::Roles, state, code, text).mended_by(fix);
    let issue = match cause.kind {
        CauseKind::AssumeRoleDenied => {
            doctor.figures.refused.get_or_insert_with(|| entry.audit.clone());
            let text = format!("role `{role}` could not be assumed (assume_role_denied)");
            issue(State::Problem, NOT_ASSUMABLE, text, Fix::default())
        }
        CauseKind::AccountNotActive => {
            issue(State::Note, "not_active", "it is not in use by now".to_owned(), Fix::default())
        }
        kind => {
            let text = format!("whether role `{role}` can be assumed could not be told ({})", kind.as_str());
            issue(State::Unknown, "role_unknown", text, Fix::of(kind.fix()))
        }
    };
    doctor.gathered.add(issue, &facts.account, Some(&cause.message));
    false
}

/// Whom the audit role lets in without its ExternalId, as the check of that says.
pub(super) fn trust(doctor: &mut Doctor<'_>, facts: &AccountFacts, entry: &Entry) {
    let findings = Selection::of([EXTERNAL_ID]).account(doctor.ground.org, facts, &doctor.ground.thresholds);
    let Some(Finding { verdict, message, resources, cause, .. }) = findings.into_iter().next() else { return };
    let issue = |state, code, text: String, fix| Issue::new(Section::Roles, state, code, text).mended_by(fix);
    let issue = match verdict {
        Verdict::Pass | Verdict::Exempt => {
            doctor.figures.audit_trust += 1;
            return;
        }
        Verdict::Fail => {
            let text = resources.first().map_or(message, |resource| resource.message.clone());
            issue(State::Problem, "role_without_external_id", text, doctor.commands.trust(&entry.audit))
        }
        Verdict::NotApplicable => issue(State::Note, "role_not_judged", message, Fix::default()),
        Verdict::Unknown => {
            // What is in no selected check is not asked: nobody wants to know it.
            let Some(cause) = cause.filter(|cause| cause.kind != CauseKind::NotCollected) else { return };
            let text = format!("whether the audit role demands its ExternalId could not be told ({})", cause.operation);
            let fix = match cause.kind {
                CauseKind::AccessDenied => doctor.commands.grant_role(&entry.audit, Document::AuditRole, facts),
                kind => Fix::of(kind.fix()),
            };
            issue(State::Unknown, "trust_unknown", text, fix)
        }
    };
    doctor.gathered.add(issue, &facts.account, None);
}

/// Regions that are asked for and closed: by the account's own choice, or by a policy.
pub(super) fn regions(doctor: &mut Doctor<'_>, facts: &AccountFacts, entry: &Entry) {
    let home = doctor.ground.org.organization.home_region.clone();
    let Some(known) = facts.regions.value() else { return };
    let disabled = |region: &Region| known.get(region) == Some(&RegionState::Disabled);
    let asked: Vec<Region> = match &doctor.ground.regions {
        RegionRequest::Only(named) => named.clone(),
        RegionRequest::AllEnabled => {
            known.iter().filter(|(_, state)| state.usable()).map(|(name, _)| name.clone()).collect()
        }
    };
    if disabled(&home) {
        let text = format!("home Region {home} is not enabled, so nothing regional can be read");
        let fix = Fix::of(format!("aws account enable-region --region-name {home} --account-id {{account}}"));
        let issue = Issue::new(Section::Regions, State::Problem, "home_region_disabled", text).mended_by(fix);
        doctor.gathered.add(issue, &facts.account, None);
    }
    for region in asked.iter().filter(|region| **region != home && disabled(region)) {
        let text = format!("Region {region} is not enabled: nothing applies there");
        let fix = Fix::of(format!("aws account enable-region --region-name {region} --account-id {{account}}"));
        let issue = Issue::new(Section::Regions, State::Note, "region_disabled", text).mended_by(fix);
        doctor.gathered.add(issue, &facts.account, None);
    }
    let open: Vec<Region> = asked.into_iter().filter(|region| *region != home && !disabled(region)).collect();
    let closed = closed(doctor, facts, entry, &open);
    for (policy, regions) in closed {
        let left: Vec<String> = std::iter::once(&home)
            .chain(open.iter().filter(|region| !regions.contains(region)))
            .map(ToString::to_string)
            .collect();
        let text = format!("SCP `{policy}` keeps audits out of {}", few(&regions, REGIONS_NAMED));
        let fix = Fix::of(format!("orgward audit --regions {}", left.join(",")));
        let issue = Issue::new(Section::Regions, State::Problem, "region_closed", text).mended_by(fix);
        doctor.gathered.add(issue, &facts.account, None);
    }
}

/// Regions that service control policies close to whoever looks.
fn closed(doctor: &mut Doctor<'_>, facts: &AccountFacts, entry: &Entry, open: &[Region]) -> Closed {
    let Doctor { ground, chains, closed, .. } = doctor;
    let Ok(levels) = chains.levels(&facts.account) else { return Closed::new() };
    let facts_wanted = ground.selection.facts();
    let actions: Vec<&str> = collect::CATALOG
        .iter()
        .filter(|source| REGIONAL.contains(&source.fact) && facts_wanted.contains(&source.fact))
        .flat_map(|source| source.permissions)
        .copied()
        .collect();
    if levels.is_empty() || actions.is_empty() {
        return Closed::new();
    }
    let policies = || levels.iter().flat_map(|level| &level.policies);
    // A text that names the account judges it as no other.
    let own = policies().any(|(policy, _)| {
        policy.content.value().is_some_and(|text| text.contains(facts.account.as_str()) || text.contains("${"))
    });
    let mut key: Vec<String> = policies().map(|(policy, _)| policy.id.to_string()).collect();
    key.push(entry.audit.rsplit(':').next().unwrap_or_default().to_owned());
    if own {
        key.push(facts.account.to_string());
    }
    let key = (key, open.to_vec());
    if let Some(known) = closed.get(&key) {
        return known.clone();
    }
    let own = facts.account == ground.account;
    let holder = Holder::of(if own { Principal::iam(&ground.arn) } else { session(&entry.audit) });
    let mut found = Closed::new();
    for region in open {
        let place = Place { org: ground.org, account: &facts.account, region, global: &ground.global };
        let by = actions.iter().find_map(|action| match under(&levels, &place.request(&holder, action, "*")) {
            Answer::No(Block::Scp { name, .. }) => Some(name),
            _ => None,
        });
        if let Some(name) = by {
            found.entry(name).or_default().push(region.clone());
        }
    }
    closed.insert(key, found.clone());
    found
}

/// A session of a role: its ARN has the role's name without its path.
pub(super) fn session(role: &str) -> Principal {
    Principal::session(role, &session_arn(role))
}

/// The ARN of a session as orgward names it.
pub(super) fn session_arn(role: &str) -> String {
    let Some(arn) = Arn::parse(role) else { return role.to_owned() };
    let name = arn.resource.rsplit('/').next().unwrap_or(arn.resource);
    format!("arn:{}:sts::{}:assumed-role/{name}/orgward", arn.partition, arn.account)
}
