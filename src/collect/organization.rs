//! The organization: tree, accounts, policies with attachments, organization trails and what watches them.
//!
//! Owns: the order of enumeration and which of its pieces are fundamental. Must not: look into members, except into those
//! that own an organization trail or its log group.
//!
//! Source: Organizations API reference. Only the organization, its root, its accounts and its OUs are fundamental; any other
//! piece that is denied becomes an unknown fact.

use super::wanted::{Wanted, not_asked};
use super::watch::Watch;
use super::{chain, regions, services, trails, tree};
use crate::aws::{AccountSession, Purpose, Sessions};
use crate::model::check::Fact;
use crate::model::ids::{AccountId, PolicyId, TargetId};
use crate::model::monitoring::Monitoring;
use crate::model::observed::{Cause, Observed, Source};
use crate::model::org::{Account, OrgFacts, Organization, Policy, PolicyType, PolicyTypeState, Root};
use crate::model::trail::{LogGroup, Trail};
use crate::resources::call::{incomplete, pages, present};
use crate::resources::policy::{self, Summary};
use aws_sdk_organizations::types;
use futures::{StreamExt, future, stream};
use std::collections::{BTreeMap, BTreeSet};
use tokio_util::sync::CancellationToken;

pub(super) const DESCRIBE: &str = "organizations:DescribeOrganization";
pub(super) const ROOTS: &str = "organizations:ListRoots";
pub(super) const POLICIES: &str = "organizations:ListPolicies";
pub(super) const CONTENT: &str = "organizations:DescribePolicy";
pub(super) const TARGETS: &str = "organizations:ListTargetsForPolicy";
pub(super) const TAGS: &str = "organizations:ListTagsForResource";

/// Policies asked for at a time; Organizations allows 2 to 5 of these calls a second.
const POLICIES_AT_ONCE: usize = 4;

/// The policy that AWS attaches to everything and that can't be detached.
const RCP_FULL_ACCESS: &str = "p-RCPFullAWSAccess";

/// Why the organization could not be enumerated.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CollectError {
    /// The caller is in a member account.
    #[error(
        "account `{caller}` is not the management account of organization `{organization}`, use credentials of account \
         `{management}`"
    )]
    NotManagement {
        /// The organization.
        organization: String,
        /// Its management account.
        management: AccountId,
        /// The caller's account.
        caller: String,
    },
    /// The account is in no organization.
    #[error(
        "AWS Organizations is not enabled for account `{caller}`, use credentials of an organization's management account"
    )]
    NotEnabled {
        /// The caller's account.
        caller: String,
    },
    /// Organizations listed no account, which can't be.
    #[error(
        "organization `{0}` lists no account, so nothing can be audited: check what answers organizations:ListAccounts"
    )]
    NoAccounts(String),
    /// An account that is nowhere in the tree.
    #[error("account `{0}` is nowhere in the tree, run again in case it was being moved")]
    NotInTree(AccountId),
    /// A fundamental piece could not be read.
    #[error("the {what} could not be read: {cause}, {}", .cause.kind.fix())]
    Failed {
        /// Which piece.
        what: &'static str,
        /// Why.
        cause: Cause,
    },
}

/// Names the piece that failed.
fn failed(what: &'static str) -> impl FnOnce(Cause) -> CollectError {
    move |cause| CollectError::Failed { what, cause }
}

/// What was seen and where it came from.
///
/// # Errors
/// Naming the piece, if it could not be seen.
fn fundamental<T>(what: &'static str, seen: Observed<T>) -> Result<(T, Source), CollectError> {
    match seen {
        Observed::Present { value, source } => Ok((value, source)),
        Observed::Absent { source } => Err(failed(what)(incomplete(&source.operation, what))),
        Observed::Unknown { cause } => Err(failed(what)(cause)),
    }
}

/// Enumerates the organization with everything that is known of it: [`organization_facts`] for all facts.
///
/// # Errors
/// As [`organization_facts`].
pub async fn organization(
    sessions: &Sessions,
    want_tags: bool,
    cancel: &CancellationToken,
) -> Result<OrgFacts, CollectError> {
    organization_facts(sessions, want_tags, &Wanted::everything(), cancel).await
}

/// Enumerates the organization with the caller's own credentials: its tree always, the rest as wanted. Account tags are asked
/// for only if `want_tags`, one call per account.
///
/// # Errors
/// If the caller is not in the management account, Organizations is not enabled, no account is listed, or the organization,
/// its root, accounts or OUs can't be read.
pub async fn organization_facts(
    sessions: &Sessions,
    want_tags: bool,
    wanted: &Wanted,
    cancel: &CancellationToken,
) -> Result<OrgFacts, CollectError> {
    let watch = &Watch::new(cancel);
    let session = &sessions.base();
    let region = &session.global_region();
    let described = session.observe(DESCRIBE, region, async { Ok(Some(describe(sessions, session).await)) });
    let (organization, described) = fundamental("organization", watch.observed(DESCRIBE, described).await)?;
    let organization = organization?;
    let root = session.observe(ROOTS, region, async { root(session).await.map(Some) });
    let (root, rooted) = fundamental("root", watch.observed(ROOTS, root).await)?;

    let accounts = session.observe(tree::ACCOUNTS, region, async { tree::accounts(session).await.map(Some) });
    let (listed, ous) =
        future::join(watch.observed(tree::ACCOUNTS, accounts), watch.attempt(tree::OUS, tree::ous(session, &root.id)))
            .await;
    let (mut listed, counted) = fundamental("accounts", listed)?;
    let ous = ous.map_err(failed("OUs"))?;
    if listed.is_empty() {
        return Err(CollectError::NoAccounts(organization.id));
    }
    let filled = watch.attempt(tree::CHILDREN, tree::fill_parents(session, &root.id, &ous, &mut listed)).await;
    filled.map_err(failed("accounts' places in the tree"))?;
    let mut tags = match want_tags {
        true => tree::account_tags(session, watch, &listed).await,
        false => BTreeMap::new(),
    };
    let mut accounts = BTreeMap::new();
    for account in listed {
        let id = account.id.clone();
        let tags = tags.remove(&id).unwrap_or_else(|| Observed::not_collected(TAGS));
        let account = tree::account(account, tags).ok_or_else(|| CollectError::NotInTree(id.clone()))?;
        accounts.insert(id, account);
    }

    let everything = everything(&root.id, ous.keys(), &accounts);
    let (policies, (delegated_administrators, services), (organization_trails, monitoring), regions) = future::join4(
        Box::pin(policies(session, watch, wanted, (&root, &everything))),
        Box::pin(services::of_organization(session, watch, wanted)),
        Box::pin(organization_trails(sessions, session, watch, wanted)),
        watch.observed(regions::REGIONS, regions::regions(session)),
    )
    .await;
    if watch.cancelled() {
        return Err(CollectError::Failed { what: "organization", cause: Watch::interrupted(DESCRIBE) });
    }
    Ok(OrgFacts {
        organization,
        root,
        ous,
        accounts,
        policies,
        delegated_administrators,
        regions,
        organization_trails,
        monitoring,
        services,
        sources: vec![described, rooted, counted],
        as_of: sessions.clock().now(),
    })
}

/// `DescribeOrganization`, compared with who calls.
async fn describe(sessions: &Sessions, session: &AccountSession) -> Result<Organization, CollectError> {
    let caller = sessions.caller();
    let answer = session.organizations().describe_organization().send().await;
    let answer = present(DESCRIBE, answer, &["AWSOrganizationsNotInUseException"]).map_err(failed("organization"))?;
    let not_enabled = || CollectError::NotEnabled { caller: caller.account.to_string() };
    let found = answer.ok_or_else(not_enabled)?.organization;
    let lacks = |what| failed("organization")(incomplete(DESCRIBE, what));
    let found = found.ok_or_else(|| lacks("organization"))?;
    let id = found.id().ok_or_else(|| lacks("organization id"))?.to_owned();
    let management: AccountId =
        found.master_account_id().and_then(|id| id.parse().ok()).ok_or_else(|| lacks("valid management account id"))?;
    if management != caller.account {
        return Err(CollectError::NotManagement { organization: id, management, caller: caller.account.to_string() });
    }
    Ok(Organization {
        id,
        arn: found.arn.clone().unwrap_or_default(),
        partition: caller.partition.clone(),
        feature_set: found.feature_set().map_or_else(String::new, |set| set.as_str().to_owned()),
        management_account: management,
        caller_arn: caller.arn.clone(),
        home_region: sessions.home_region().clone(),
    })
}

/// The one root, with its policy types. A type that is not listed is not enabled.
async fn root(session: &AccountSession) -> Result<Root, Cause> {
    let mut roots = Vec::new();
    let stream = session.organizations().list_roots().into_paginator().send();
    pages(ROOTS, stream, |page| page.next_token(), |page| roots.extend(page.roots.unwrap_or_default())).await?;
    let root = roots.into_iter().next().ok_or_else(|| incomplete(ROOTS, "root"))?;
    let id = root.id().and_then(|id| id.parse().ok()).ok_or_else(|| incomplete(ROOTS, "valid root id"))?;
    let policy_types = root.policy_types().iter().filter_map(policy_type).collect();
    Ok(Root { id, name: root.name.clone().unwrap_or_default(), policy_types })
}

fn policy_type(summary: &types::PolicyTypeSummary) -> Option<(PolicyType, PolicyTypeState)> {
    let state = match summary.status()?.as_str() {
        "ENABLED" => PolicyTypeState::Enabled,
        "PENDING_ENABLE" => PolicyTypeState::PendingEnable,
        "PENDING_DISABLE" => PolicyTypeState::PendingDisable,
        _ => return None,
    };
    Some((PolicyType::from(summary.r#type()?.as_str().to_owned()), state))
}

/// Every root, OU and account, in id order.
fn everything<'a>(
    root: &TargetId,
    ous: impl Iterator<Item = &'a TargetId>,
    accounts: &BTreeMap<AccountId, Account>,
) -> Vec<TargetId> {
    let accounts = accounts.keys().cloned().map(TargetId::Account);
    let all: BTreeSet<TargetId> = std::iter::once(root.clone()).chain(ous.cloned()).chain(accounts).collect();
    all.into_iter().collect()
}

/// The policies of every enabled type; types that orgward does not know come along with service control policies.
async fn policies(
    session: &AccountSession,
    watch: &Watch,
    wanted: &Wanted,
    (root, everything): (&Root, &[TargetId]),
) -> BTreeMap<PolicyType, Observed<Vec<Policy>>> {
    let enabled = root.policy_types.iter().filter(|(_, state)| **state == PolicyTypeState::Enabled);
    stream::iter(enabled.map(|(kind, _)| kind.clone()))
        .map(|kind| async move {
            let fact =
                if kind == PolicyType::Rcp { Fact::ResourceControlPolicies } else { Fact::ServiceControlPolicies };
            if !wanted.has(fact) {
                return (kind, not_asked(fact));
            }
            let seen = match watch.observed(POLICIES, policy::list(session, &kind)).await {
                Observed::Present { value, source } => {
                    let whole = |summary| whole_policy(session, watch, &kind, summary, &source, everything);
                    let value = stream::iter(value).map(whole).buffered(POLICIES_AT_ONCE).collect().await;
                    Observed::Present { value, source }
                }
                Observed::Absent { source } => Observed::Absent { source },
                Observed::Unknown { cause } => Observed::Unknown { cause },
            };
            (kind, seen)
        })
        .buffered(POLICIES_AT_ONCE)
        .collect()
        .await
}

/// One policy with its document, attachments and tags.
async fn whole_policy(
    session: &AccountSession,
    watch: &Watch,
    kind: &PolicyType,
    summary: Summary,
    listed: &Source,
    everything: &[TargetId],
) -> Policy {
    let id: &PolicyId = &summary.id;
    let targets = async {
        if summary.aws_managed && id.as_str() == RCP_FULL_ACCESS {
            // Attached to everything by AWS: hundreds of pages would say nothing else.
            return Observed::Present { value: everything.to_vec(), source: listed.clone() };
        }
        watch.observed(TARGETS, policy::targets(session, id)).await
    };
    let tags = async {
        if summary.aws_managed {
            return Observed::Absent { source: listed.clone() };
        }
        watch.observed(TAGS, policy::tags(session, id.as_str())).await
    };
    let content = watch.observed(CONTENT, policy::content(session, id));
    let (content, targets, tags) = future::join3(content, targets, tags).await;
    Policy {
        id: summary.id,
        arn: summary.arn,
        name: summary.name,
        description: summary.description,
        kind: kind.clone(),
        aws_managed: summary.aws_managed,
        content,
        targets,
        tags,
    }
}

/// Organization trails as the management account sees them from the home Region, completed by their owners, and the chains
/// around their log groups, each read in the account that owns it, in scope or not.
async fn organization_trails(
    sessions: &Sessions,
    session: &AccountSession,
    watch: &Watch,
    wanted: &Wanted,
) -> (Observed<Vec<Trail>>, Vec<Monitoring>) {
    if !wanted.has(Fact::OrganizationTrails) {
        return (not_asked(Fact::OrganizationTrails), Vec::new());
    }
    let seen = watch.observed(trails::DESCRIBE, trails::describe(session, sessions.home_region())).await;
    let (mut found, source) = match seen {
        Observed::Present { value, source } => (value, source),
        other => return (other, Vec::new()),
    };
    found.retain(|trail| trail.organization_trail);
    for trail in &mut found {
        match enter(sessions, watch, trail.owner().as_ref()).await {
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
    let chains =
        future::join_all(groups.iter().map(async |group| match enter(sessions, watch, Some(&group.account)).await {
            Ok(owner) => chain::of_organization(&owner, watch, group).await,
            Err(cause) => chain::unknown(group, &cause),
        }))
        .await;
    (Observed::Present { value: found, source }, chains)
}

/// A session in the account that owns something; the caller's own where the owner can't be told.
async fn enter(sessions: &Sessions, watch: &Watch, owner: Option<&AccountId>) -> Result<AccountSession, Cause> {
    match owner {
        Some(owner) => watch.attempt("sts:AssumeRole", sessions.enter(owner, Purpose::Audit)).await,
        None => Ok(sessions.base()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::observed::CauseKind;

    #[test]
    fn errors_say_what_to_do() {
        let error = CollectError::NotManagement {
            organization: "o-a1b2c3d4e5".into(),
            management: "111122223333".parse().unwrap(),
            caller: "444455556666".into(),
        };
        assert_eq!(
            error.to_string(),
            "account `444455556666` is not the management account of organization `o-a1b2c3d4e5`, use credentials of \
             account `111122223333`"
        );
        let error = failed("root")(Cause::new(CauseKind::AccessDenied, ROOTS, "AccessDeniedException: no"));
        assert_eq!(
            error.to_string(),
            "the root could not be read: organizations:ListRoots: AccessDeniedException: no, grant the role the named \
             action, or look for an SCP that denies it"
        );
    }

    #[test]
    fn policy_types_keep_names_orgward_does_not_know() {
        let summary = |name: &str, status: types::PolicyTypeStatus| {
            types::PolicyTypeSummary::builder().r#type(types::PolicyType::from(name)).status(status).build()
        };
        let scp = policy_type(&summary("SERVICE_CONTROL_POLICY", types::PolicyTypeStatus::Enabled));
        assert_eq!(scp, Some((PolicyType::Scp, PolicyTypeState::Enabled)));
        let new = policy_type(&summary("NEW_POLICY", types::PolicyTypeStatus::PendingEnable));
        assert_eq!(new, Some((PolicyType::Other("NEW_POLICY".into()), PolicyTypeState::PendingEnable)));
        assert_eq!(policy_type(&types::PolicyTypeSummary::builder().build()), None);
    }
}
