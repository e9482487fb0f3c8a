//! Checks: facts in, one verdict for each cell out.
//!
//! Owns: what is checked, how bad it is, how to mend it. Must not: call AWS, read a clock or the environment; ages are
//! computed against `OrgFacts::as_of`. A check family is one file that exports `CHECKS`, and one line in `FAMILIES`.

mod access_analyzer;
mod account_settings;
mod admin_policy;
mod billing;
mod chain;
mod configuration;
mod credentials;
pub mod custom;
mod documents;
mod evaluate;
pub mod exempt;
mod facts;
pub mod families;
mod federation;
pub mod frameworks;
mod guardrails;
mod kept_credentials;
mod monitor;
mod organization;
mod password_policy;
mod policies;
mod principals;
mod recent_events;
mod recording;
mod references;
mod regions;
mod role_oidc;
mod role_power;
mod role_services;
mod role_trust;
mod role_use;
mod root;
mod root_control;
mod root_usage;
mod selection;
mod subject;
mod thresholds;
mod told;
mod trail_buckets;
mod trail_settings;
mod trails;
mod trust;
mod user_credentials;
mod user_policies;
mod varied;

#[cfg(test)]
pub(crate) mod fixtures;
#[cfg(test)]
mod tests;

pub use role_trust::open_without_external_id;
pub use selection::Selection;
pub use thresholds::Thresholds;

use crate::model::check::{CheckMeta, Granularity};
use crate::model::finding::Target;
use crate::model::{AccountFacts, Finding, OrgFacts};
use evaluate::{Check, Facts, Judge, settle};

/// The catalogue: every family, in the order of reports.
static FAMILIES: [&[Check]; 28] = [
    root::CHECKS,
    root_control::CHECKS,
    password_policy::CHECKS,
    credentials::CHECKS,
    user_credentials::CHECKS,
    user_policies::CHECKS,
    kept_credentials::CHECKS,
    role_power::USERS,
    federation::CHECKS,
    admin_policy::CHECKS,
    policies::CHECKS,
    role_trust::CHECKS,
    role_services::CHECKS,
    role_oidc::CHECKS,
    role_use::CHECKS,
    role_power::ROLES,
    kept_credentials::CERTIFICATES,
    access_analyzer::CHECKS,
    trails::CHECKS,
    trail_settings::CHECKS,
    trail_buckets::CHECKS,
    root_usage::CHECKS,
    monitor::CHECKS,
    billing::CHECKS,
    recent_events::CHECKS,
    configuration::CHECKS,
    organization::CHECKS,
    account_settings::CHECKS,
];

const COUNT: usize = {
    let mut count = 0;
    let mut families: &[&[Check]] = &FAMILIES;
    while let Some((family, rest)) = families.split_first() {
        count += family.len();
        families = rest;
    }
    count
};

static METAS: [&CheckMeta; COUNT] = {
    let mut metas = [&root::ACCESS_KEYS; COUNT];
    let mut slots: &mut [&CheckMeta] = &mut metas;
    let mut families: &[&[Check]] = &FAMILIES;
    while let Some((family, rest)) = families.split_first() {
        let mut checks: &[Check] = family;
        while let Some((check, others)) = checks.split_first() {
            let left = slots;
            slots = match left.split_first_mut() {
                Some((slot, free)) => {
                    *slot = &check.meta;
                    free
                }
                None => &mut [],
            };
            checks = others;
        }
        families = rest;
    }
    metas
};

/// What every check says of itself, in the order of reports.
pub static CATALOG: &[&CheckMeta] = &METAS;

/// What the check `id` says of itself.
pub fn meta(id: &str) -> Option<&'static CheckMeta> {
    CATALOG.iter().copied().find(|meta| meta.id == id)
}

/// Findings about the organization: one for each check of that granularity, in catalogue order.
pub fn organization(org: &OrgFacts, thresholds: &Thresholds) -> Vec<Finding> {
    Selection::all().organization(org, thresholds)
}

/// Findings about one account: for each check of it, in catalogue order, one finding, or one for each Region in scope in
/// the order of `regions_in_scope`, and none for any other Region.
pub fn account(org: &OrgFacts, account: &AccountFacts, thresholds: &Thresholds) -> Vec<Finding> {
    Selection::all().account(org, account, thresholds)
}

fn checks(wanted: impl Fn(Granularity) -> bool) -> impl Iterator<Item = &'static Check> {
    FAMILIES.iter().copied().flatten().filter(move |check| wanted(check.meta.granularity))
}

fn whole(check: &Check, target: Target, mut facts: Facts<'_>, thresholds: &Thresholds) -> Option<Finding> {
    let Judge::Whole(judge) = check.judge else { return None };
    let judgement = judge(&mut facts, thresholds);
    Some(settle(&check.meta, target, facts, judgement))
}
