//! The head of the organization: what collecting one account reads of it, known long before its tree and policies are.
//!
//! Owns: the partition's Regions, the management account's bill, organization trails and the chains around their log groups.
//! Must not: look into members, except into those that own an organization trail or its log group.

use super::account::ENTER;
use super::wanted::{Wanted, not_asked};
use super::watch::Watch;
use super::{chain, regions, services, trails};
use crate::aws::{AccountSession, Purpose, Sessions};
use crate::model::check::Fact;
use crate::model::ids::AccountId;
use crate::model::monitoring::Monitoring;
use crate::model::observed::{Cause, Observed};
use crate::model::org::OrgFacts;
use crate::model::trail::{LogGroup, Trail};
use futures::future;
use std::collections::BTreeSet;

/// A session in the management account, or why it could not be entered.
pub(super) type Managing = Result<AccountSession, Cause>;

/// Asks for the head and puts it into `org`: Regions with the caller's own session, the rest in the management account.
pub(super) async fn fill(
    org: &mut OrgFacts,
    sessions: &Sessions,
    (session, managing): (&AccountSession, &Managing),
    watch: &Watch,
    wanted: &Wanted,
) {
    let ((trails, monitoring), (billing_alarms, budgets), regions) = future::join3(
        Box::pin(organization_trails(sessions, managing, watch, wanted)),
        Box::pin(services::bill(managing, watch, wanted)),
        watch.observed(regions::REGIONS, regions::regions(session)),
    )
    .await;
    org.regions = regions;
    org.organization_trails = trails;
    org.monitoring = monitoring;
    org.services.billing_alarms = billing_alarms;
    org.services.budgets = budgets;
}

/// Organization trails as the management account sees them from the home Region, completed by their owners, and the chains
/// around their log groups, each read in the account that owns it, in scope or not.
async fn organization_trails(
    sessions: &Sessions,
    managing: &Managing,
    watch: &Watch,
    wanted: &Wanted,
) -> (Observed<Vec<Trail>>, Vec<Monitoring>) {
    if !wanted.has(Fact::OrganizationTrails) {
        return (not_asked(Fact::OrganizationTrails), Vec::new());
    }
    let session = match managing {
        Ok(session) => session,
        Err(cause) => return (Observed::unknown(cause.clone()), Vec::new()),
    };
    let seen = watch.observed(trails::DESCRIBE, trails::describe(session, sessions.home_region(), true)).await;
    let (mut found, source) = match seen {
        Observed::Present { value, source } => (value, source),
        other => return (other, Vec::new()),
    };
    found.retain(|trail| trail.organization_trail);
    for trail in &mut found {
        match enter(sessions, session, watch, trail.owner().as_ref()).await {
            Ok(owner) => trails::complete(&owner, watch, trail).await,
            Err(cause) => {
                trail.status = Observed::unknown(cause.clone());
                trail.selectors = Observed::unknown(cause);
            }
        }
    }
    let mut groups: BTreeSet<LogGroup> = found.iter().filter_map(Trail::log_group).collect();
    if !wanted.has(Fact::OrganizationMonitoring) {
        groups.clear();
    }
    let chains = future::join_all(groups.iter().map(async |group| {
        match enter(sessions, session, watch, Some(&group.account)).await {
            Ok(owner) => chain::of_organization(&owner, watch, group).await,
            Err(cause) => chain::unknown(group, &cause),
        }
    }))
    .await;
    (Observed::Present { value: found, source }, chains)
}

/// A session in the account that owns something; the management account's where the owner can't be told.
async fn enter(
    sessions: &Sessions,
    managing: &AccountSession,
    watch: &Watch,
    owner: Option<&AccountId>,
) -> Result<AccountSession, Cause> {
    match owner {
        Some(owner) if owner != managing.account() => watch.attempt(ENTER, sessions.enter(owner, Purpose::Audit)).await,
        _ => Ok(managing.clone()),
    }
}
