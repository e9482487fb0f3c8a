//! The organization: what is asked for first, what side by side, and what it is put together from.
//!
//! Owns: the order of enumeration and which of its pieces are fundamental. Must not: know how a piece is read (`head`, `tree`,
//! `policies`, `services`), or wait for whoever is fed.
//!
//! Source: Organizations API reference. Only the organization, its root, its accounts and its OUs are fundamental; any other
//! piece that is denied becomes an unknown fact.

use super::account::ENTER;
use super::feed::{Feed, ListedAccount};
use super::wanted::Wanted;
use super::watch::Watch;
use super::{head, policies, regions, services, trails, tree};
use crate::aws::{AccountSession, Purpose, Sessions};
use crate::model::ids::{AccountId, TargetId};
use crate::model::observed::{Cause, CauseKind, Observed, Source};
use crate::model::org::{Account, OrgFacts, OrgServices, Organization, Ou, PolicyType, PolicyTypeState, Root};
use crate::resources::call::{incomplete, pages, present};
use aws_sdk_organizations::types;
use futures::channel::mpsc::{UnboundedSender, unbounded};
use futures::{FutureExt, future};
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};
use tokio_util::sync::CancellationToken;

pub(super) const DESCRIBE: &str = "organizations:DescribeOrganization";
pub(super) const ROOTS: &str = "organizations:ListRoots";

/// Why the organization could not be enumerated.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CollectError {
    /// The caller is in a member account that Organizations does not answer.
    #[error(
        "account `{caller}` is a member of organization `{organization}`, neither its management account nor a delegated \
         administrator, so Organizations tells it nothing: use credentials of the management account `{management}`, or \
         register this one there: `aws organizations register-delegated-administrator --account-id {caller} \
         --service-principal access-analyzer.amazonaws.com`"
    )]
    PlainMember {
        /// The organization.
        organization: String,
        /// Its management account.
        management: AccountId,
        /// The caller's account.
        caller: AccountId,
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

/// Enumerates the organization with the credentials of the management account or of a delegated administrator: its tree always,
/// the rest as wanted. What only the management account knows is asked there, which a delegated administrator enters through
/// the audit role: where it can't, those facts are unknown with the reason. Account tags are asked for only if `want_tags`, one
/// call per account. Ages are computed against the end of enumeration.
///
/// # Errors
/// If the caller is in a member account that Organizations does not answer, Organizations is not enabled, no account is listed,
/// or the organization, its root, accounts or OUs can't be read.
pub async fn organization_facts(
    sessions: &Sessions,
    want_tags: bool,
    wanted: &Wanted,
    cancel: &CancellationToken,
) -> Result<OrgFacts, CollectError> {
    let org = enumerate(sessions, want_tags, wanted, None, cancel, Feed::default()).await?;
    Ok(OrgFacts { as_of: sessions.clock().now(), ..org })
}

/// The same, with what is known early handed to `feed` at once: see [`super::Arrivals`]. Ages are computed against `as_of`, or
/// against the start of enumeration, since accounts are looked at before it ends. Pieces that do not need each other are asked
/// for side by side; each of Organizations' buckets is drained without gaps.
///
/// # Errors
/// As [`organization_facts`]. What was fed before stays true.
pub async fn enumerate(
    sessions: &Sessions,
    want_tags: bool,
    wanted: &Wanted,
    as_of: Option<Timestamp>,
    cancel: &CancellationToken,
    feed: Feed,
) -> Result<OrgFacts, CollectError> {
    let as_of = as_of.unwrap_or_else(|| sessions.clock().now());
    let watch = &Watch::new(cancel);
    let session = &sessions.base();
    let region = &session.global_region();
    let described = session.observe(DESCRIBE, region, async { Ok(Some(describe(sessions, session).await)) });
    let (organization, described) = fundamental("organization", watch.observed(DESCRIBE, described).await)?;
    let organization = organization?;
    let root = session.observe(ROOTS, region, async { root(session).await.map(Some) });
    let entering = sessions.enter(&organization.management_account, Purpose::Audit);
    let entering = watch.attempt(ENTER, entering);
    let (root, managing) = future::join(watch.observed(ROOTS, root), entering).await;
    let (root, rooted) = fundamental("root", root).map_err(|error| plain_member(error, &organization))?;

    let (feed_head, feed_accounts) = feed.split();
    let (organization, root) = (&organization, &root);
    let managing = &managing.map_err(|cause| in_management(cause, organization));
    let beginning = async {
        let mut org = OrgFacts {
            organization: organization.clone(),
            root: root.clone(),
            ous: BTreeMap::new(),
            accounts: BTreeMap::new(),
            policies: BTreeMap::new(),
            delegated_administrators: Observed::not_collected(services::DELEGATED),
            regions: Observed::not_collected(regions::REGIONS),
            organization_trails: Observed::not_collected(trails::DESCRIBE),
            monitoring: Vec::new(),
            services: OrgServices::not_collected(),
            sources: vec![described, rooted],
            as_of,
        };
        head::fill(&mut org, sessions, (session, managing), watch, wanted).await;
        Feed::head(feed_head, || org.clone());
        Ok(org)
    };
    let tree = tree(session, watch, &root.id, (want_tags, &organization.id), feed_accounts);
    let policies = async { Ok(policies::policies(session, watch, wanted, root).await) };
    let services = async { Ok(services::of_organization((session, managing), watch, wanted).await) };
    // Polled in this order: the head's and the accounts' calls are first in each bucket they share with others.
    let (mut org, tree, (administrators, services), mut policies) =
        tokio::try_join!(beginning.boxed(), tree.boxed(), services.boxed(), policies.boxed())?;
    if watch.cancelled() {
        return Err(CollectError::Failed { what: "organization", cause: Watch::interrupted(DESCRIBE) });
    }
    policies::attach_to_all(&mut policies, &everything(&root.id, tree.ous.keys(), &tree.accounts));
    let OrgServices { billing_alarms, budgets, .. } = org.services;
    org.services = OrgServices { billing_alarms, budgets, ..services };
    org.delegated_administrators = administrators;
    org.policies = policies;
    org.sources.push(tree.counted);
    Ok(OrgFacts { ous: tree.ous, accounts: tree.accounts, ..org })
}

/// Accounts and OUs.
struct Tree {
    ous: BTreeMap<TargetId, Ou>,
    accounts: BTreeMap<AccountId, Account>,
    counted: Source,
}

/// Lists accounts, which are fed as they come, beside the OUs; then every account's place, and tags as soon as each is listed.
async fn tree(
    session: &AccountSession,
    watch: &Watch,
    root: &TargetId,
    (want_tags, organization): (bool, &str),
    feed: Option<UnboundedSender<ListedAccount>>,
) -> Result<Tree, CollectError> {
    let (to_tag, tagged) = unbounded();
    let to_tag = want_tags.then_some(to_tag);
    let listed = async {
        let (feed, to_tag) = (feed, to_tag);
        let found = |id: &AccountId, state| {
            // An error says that nobody listens.
            if let Some(to_tag) = &to_tag {
                drop(to_tag.unbounded_send(id.clone()));
            }
            if let Some(feed) = &feed {
                drop(feed.unbounded_send(ListedAccount { id: id.clone(), state }));
            }
        };
        let work = async { tree::accounts(session, found).await.map(Some) };
        let region = session.global_region();
        let seen = session.observe(tree::ACCOUNTS, &region, work);
        let (listed, counted) = fundamental("accounts", watch.observed(tree::ACCOUNTS, seen).await)?;
        if listed.is_empty() {
            return Err(CollectError::NoAccounts(organization.to_owned()));
        }
        Ok((listed, counted))
    };
    let places = async {
        let ous = async { watch.attempt(tree::OUS, tree::ous(session, root)).await.map_err(failed("OUs")) };
        let ((mut listed, counted), ous) = tokio::try_join!(Box::pin(listed), ous)?;
        let filled = watch.attempt(tree::CHILDREN, tree::fill_parents(session, root, &ous, &mut listed)).await;
        filled.map_err(failed("accounts' places in the tree"))?;
        Ok((listed, counted, ous))
    };
    let tags = async { Ok(tree::account_tags(session, watch, tagged).await) };
    let ((listed, counted, ous), mut tags) = tokio::try_join!(places, tags)?;
    let mut accounts = BTreeMap::new();
    for account in listed {
        let id = account.id.clone();
        let tags = tags.remove(&id).unwrap_or_else(|| Observed::not_collected(policies::TAGS));
        let account = tree::account(account, tags).ok_or_else(|| CollectError::NotInTree(id.clone()))?;
        accounts.insert(id, account);
    }
    Ok(Tree { ous, accounts, counted })
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

/// What Organizations says to a member that it does not answer, whatever that may do; a policy's denial names the action.
const NO_MEMBERS: &str = "You don't have permissions to access this resource";

/// Tells a member that Organizations does not answer from a caller whom a policy denies it.
fn plain_member(error: CollectError, organization: &Organization) -> CollectError {
    match (&error, organization.delegated_caller()) {
        (CollectError::Failed { cause, .. }, Some(caller))
            if cause.kind == CauseKind::AccessDenied && cause.message.contains(NO_MEMBERS) =>
        {
            CollectError::PlainMember {
                organization: organization.id.clone(),
                management: organization.management_account.clone(),
                caller,
            }
        }
        _ => error,
    }
}

/// Why the management account could not be entered, by its number: the facts that only it has are unknown for this reason.
fn in_management(cause: Cause, organization: &Organization) -> Cause {
    let account = &organization.management_account;
    Cause { message: format!("in the management account {account}: {}", cause.message), ..cause }
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Compiles, or it could not run in a task of its own beside the accounts.
    #[expect(dead_code, reason = "it is enough that it compiles")]
    fn enumeration_can_be_spawned(sessions: &Sessions, wanted: &Wanted, cancel: &CancellationToken) {
        fn spawnable(_: impl Send) {}
        spawnable(enumerate(sessions, true, wanted, None, cancel, Feed::default()));
    }

    #[test]
    fn errors_say_what_to_do() {
        let error = CollectError::PlainMember {
            organization: "o-a1b2c3d4e5".into(),
            management: "111122223333".parse().unwrap(),
            caller: "444455556666".parse().unwrap(),
        };
        assert_eq!(
            error.to_string(),
            "account `444455556666` is a member of organization `o-a1b2c3d4e5`, neither its management account nor a \
             delegated administrator, so Organizations tells it nothing: use credentials of the management account \
             `111122223333`, or register this one there: `aws organizations register-delegated-administrator --account-id \
             444455556666 --service-principal access-analyzer.amazonaws.com`"
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
