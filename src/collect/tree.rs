//! The tree: accounts with the parent that holds each, and the OUs between them and the root.
//!
//! Owns: the walk, and the choice of the cheapest way to learn parents. Must not: read policies or tags.
//!
//! Source: Organizations API reference, `ListAccounts`, `DescribeAccount`, `ListOrganizationalUnitsForParent`, `ListChildren`, `ListParents`.
//! `Account.Paths` (since 2026-03-30) gives every parent in the one sweep; where it is missing, or names an OU that the walk
//! did not meet, parents are asked for along the smaller axis.

use super::decode::{maybe_time, parent_of};
use super::watch::Watch;
use crate::aws::AccountSession;
use crate::model::ids::{AccountId, TargetId};
use crate::model::observed::{Cause, Observed};
use crate::model::org::{Account, AccountState, Ou};
use crate::resources::call::{done, incomplete, pages, present};
use crate::resources::policy;
use aws_sdk_organizations::operation::list_accounts::ListAccountsOutput;
use aws_sdk_organizations::types::{self, ChildType};
use futures::{Stream, StreamExt, TryStreamExt, stream};
use std::collections::{BTreeMap, BTreeSet};

pub(super) const ACCOUNTS: &str = "organizations:ListAccounts";
pub(super) const ACCOUNT: &str = "organizations:DescribeAccount";
pub(super) const OUS: &str = "organizations:ListOrganizationalUnitsForParent";
pub(super) const CHILDREN: &str = "organizations:ListChildren";
pub(super) const PARENTS: &str = "organizations:ListParents";
pub(super) const ACCOUNT_TAGS: &str = "organizations:ListTagsForResource";

/// The most that Organizations gives in one page.
pub(super) const PAGE: i32 = 20;

/// OUs nest at most this deep below the root, so the last level is not asked for children.
const DEEPEST: usize = 5;

/// Calls in flight. Organizations allows 5 to 8 a second for these.
const AT_ONCE: usize = 8;

/// An account as listed, with its parent where `Paths` names one.
#[derive(Debug)]
pub(super) struct Listed {
    pub(super) account: types::Account,
    pub(super) id: AccountId,
    pub(super) parent: Option<TargetId>,
}

/// Every account, each handed to `found` as its page arrives, and each once: one that moves between two pages may be listed
/// twice.
pub(super) async fn accounts(
    session: &AccountSession,
    mut found: impl FnMut(&AccountId, AccountState),
) -> Result<Vec<Listed>, Cause> {
    let mut all: Vec<Listed> = Vec::new();
    let mut seen: BTreeSet<AccountId> = BTreeSet::new();
    let mut broken = None;
    let stream = session.organizations().list_accounts().max_results(PAGE).into_paginator().send();
    let take = |page: ListAccountsOutput| {
        for account in page.accounts.unwrap_or_default() {
            match listed(account) {
                Ok(account) if seen.insert(account.id.clone()) => {
                    found(&account.id, state(&account.account));
                    all.push(account);
                }
                Ok(_) => {}
                Err(cause) => broken = Some(cause),
            }
        }
    };
    pages(ACCOUNTS, stream, |page| page.next_token(), take).await?;
    broken.map_or(Ok(all), Err)
}

fn listed(account: types::Account) -> Result<Listed, Cause> {
    let id = account.id().and_then(|id| id.parse().ok()).ok_or_else(|| incomplete(ACCOUNTS, "valid account id"))?;
    let parent = parent_of(account.paths());
    Ok(Listed { account, id, parent })
}

/// Every OU below `root`, level by level.
pub(super) async fn ous(session: &AccountSession, root: &TargetId) -> Result<BTreeMap<TargetId, Ou>, Cause> {
    let mut ous = BTreeMap::new();
    let mut level = vec![root.clone()];
    for _ in 0..DEEPEST {
        let found: Vec<Vec<Ou>> =
            stream::iter(level).map(|parent| ous_under(session, parent)).buffered(AT_ONCE).try_collect().await?;
        let found: Vec<Ou> = found.into_iter().flatten().collect();
        level = found.iter().map(|ou| ou.id.clone()).collect();
        ous.extend(found.into_iter().map(|ou| (ou.id.clone(), ou)));
        if level.is_empty() {
            break;
        }
    }
    Ok(ous)
}

async fn ous_under(session: &AccountSession, parent: TargetId) -> Result<Vec<Ou>, Cause> {
    let client = session.organizations();
    let request = client.list_organizational_units_for_parent().parent_id(parent.as_str()).max_results(PAGE);
    let mut found = Vec::new();
    pages(
        OUS,
        request.into_paginator().send(),
        |page| page.next_token(),
        |page| found.extend(page.organizational_units.unwrap_or_default()),
    )
    .await?;
    let ou = |ou: types::OrganizationalUnit| {
        let id = ou.id().and_then(|id| id.parse().ok()).ok_or_else(|| incomplete(OUS, "valid OU id"))?;
        Ok(Ou { id, name: ou.name.unwrap_or_default(), parent: parent.clone() })
    };
    found.into_iter().map(ou).collect()
}

/// Fills in the parents that `Paths` did not give: by account where few are missing, else by parent.
pub(super) async fn fill_parents(
    session: &AccountSession,
    root: &TargetId,
    ous: &BTreeMap<TargetId, Ou>,
    accounts: &mut [Listed],
) -> Result<(), Cause> {
    let known = |parent: &TargetId| parent == root || ous.contains_key(parent);
    for account in accounts.iter_mut() {
        account.parent = account.parent.take().filter(known);
    }
    let missing = |accounts: &[Listed]| -> Vec<AccountId> {
        accounts.iter().filter(|account| account.parent.is_none()).map(|account| account.id.clone()).collect()
    };
    let mut found: BTreeMap<AccountId, TargetId> = BTreeMap::new();
    if missing(accounts).len() > ous.len().saturating_add(1) {
        let parents = std::iter::once(root.clone()).chain(ous.keys().cloned());
        let children: Vec<Vec<(AccountId, TargetId)>> =
            stream::iter(parents).map(|parent| children_of(session, parent)).buffered(AT_ONCE).try_collect().await?;
        found.extend(children.into_iter().flatten());
    }
    fill(accounts, &found);
    // An account that moved while its old and new parents were asked.
    let parents: Vec<(AccountId, TargetId)> =
        stream::iter(missing(accounts)).map(|id| parent(session, id)).buffered(AT_ONCE).try_collect().await?;
    fill(accounts, &parents.into_iter().collect());
    Ok(())
}

fn fill(accounts: &mut [Listed], parents: &BTreeMap<AccountId, TargetId>) {
    for account in accounts.iter_mut().filter(|account| account.parent.is_none()) {
        account.parent = parents.get(&account.id).cloned();
    }
}

async fn children_of(session: &AccountSession, parent: TargetId) -> Result<Vec<(AccountId, TargetId)>, Cause> {
    let request = session.organizations().list_children().parent_id(parent.as_str()).child_type(ChildType::Account);
    let mut found = Vec::new();
    pages(
        CHILDREN,
        request.max_results(PAGE).into_paginator().send(),
        |page| page.next_token(),
        |page| {
            found.extend(page.children.unwrap_or_default().iter().filter_map(|child| child.id()?.parse().ok()));
        },
    )
    .await?;
    Ok(found.into_iter().map(|id| (id, parent.clone())).collect())
}

async fn parent(session: &AccountSession, id: AccountId) -> Result<(AccountId, TargetId), Cause> {
    let answer = done(PARENTS, session.organizations().list_parents().child_id(id.as_str()).send().await)?;
    let parent = answer.parents().first().and_then(|parent| parent.id()).and_then(|parent| parent.parse().ok());
    Ok((id, parent.ok_or_else(|| incomplete(PARENTS, "valid parent id"))?))
}

/// An account as the model has it. `None` if its parent is unknown.
pub(super) fn account(listed: Listed, tags: Observed<BTreeMap<String, String>>) -> Option<Account> {
    let state = state(&listed.account);
    let joined = maybe_time(listed.account.joined_timestamp());
    Some(Account {
        id: listed.id,
        arn: listed.account.arn.unwrap_or_default(),
        name: listed.account.name.unwrap_or_default(),
        email: listed.account.email.unwrap_or_default(),
        state,
        parent: listed.parent?,
        joined,
        tags,
    })
}

/// `State`, or the older `Status` where AWS sends only that.
fn state(account: &types::Account) -> AccountState {
    let name = account.state().map(|state| state.as_str());
    match name.or_else(|| account.status().map(|status| status.as_str())) {
        Some("PENDING_ACTIVATION") => AccountState::PendingActivation,
        Some("ACTIVE") => AccountState::Active,
        Some("SUSPENDED") => AccountState::Suspended,
        Some("PENDING_CLOSURE") => AccountState::PendingClosure,
        Some("CLOSED") => AccountState::Closed,
        _ => AccountState::Unknown,
    }
}

/// Why an account can't be looked into any more; `None` if it can.
pub(super) async fn why_gone(session: &AccountSession, id: &AccountId) -> Result<Option<&'static str>, Cause> {
    let answer = session.organizations().describe_account().account_id(id.as_str()).send().await;
    let Some(answer) = present(ACCOUNT, answer, &["AccountNotFoundException"])? else {
        return Ok(Some("no longer in the organization"));
    };
    Ok(match answer.account.as_ref().map(state) {
        // What is said of accounts that still work while they are being closed does not hold for one that lets nobody in.
        Some(AccountState::PendingClosure) => Some("being closed"),
        Some(state) => state.why_not_audited(),
        None => None,
    })
}

/// The tags of every account as it comes, one call each.
pub(super) async fn account_tags(
    session: &AccountSession,
    watch: &Watch,
    accounts: impl Stream<Item = AccountId>,
) -> BTreeMap<AccountId, Observed<BTreeMap<String, String>>> {
    accounts
        .map(|id| async move {
            let work = policy::tags(session, id.as_str());
            let tags = watch.observed(ACCOUNT_TAGS, work).await;
            (id, tags)
        })
        .buffer_unordered(AT_ONCE)
        .collect()
        .await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn state_wins_over_status_and_the_unknown_stays_unknown() {
        let account = types::Account::builder;
        let suspended = types::AccountStatus::Suspended;
        assert_eq!(state(&account().status(suspended.clone()).build()), AccountState::Suspended);
        let both = account().status(suspended).state(types::AccountState::Active).build();
        assert_eq!(state(&both), AccountState::Active);
        assert_eq!(state(&account().state(types::AccountState::from("MELTING")).build()), AccountState::Unknown);
        assert_eq!(state(&account().build()), AccountState::Unknown);
    }

    #[test]
    fn an_account_needs_an_id_and_a_parent() {
        assert!(listed(types::Account::builder().id("12").build()).is_err());
        let account_of = |path: &str| {
            let found = types::Account::builder().id("111122223333").paths(path).build();
            account(listed(found).unwrap(), Observed::not_collected(ACCOUNT_TAGS))
        };
        assert_eq!(
            account_of("o-a1b2c3d4e5/r-ab12/").map(|account| account.parent.to_string()).as_deref(),
            Some("r-ab12")
        );
        assert!(account_of("").is_none());
    }
}
