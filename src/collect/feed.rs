//! What enumeration hands out while it goes on: the head of the organization, and every account as it is listed.
//!
//! Owns: the two ways out. Must not: call anything, or wait for whoever takes what is handed out.

use crate::model::ids::AccountId;
use crate::model::org::{AccountState, OrgFacts};
use futures::channel::{mpsc, oneshot};
use std::sync::Arc;

/// An account as it was listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedAccount {
    /// 12 digits.
    pub id: AccountId,
    /// Its state.
    pub state: AccountState,
}

impl ListedAccount {
    /// As an organization that was enumerated before has it; one that it does not have is in an unknown state.
    pub fn of(org: &OrgFacts, id: &AccountId) -> Self {
        let state = org.accounts.get(id).map_or(AccountState::Unknown, |account| account.state);
        Self { id: id.clone(), state }
    }
}

/// Where enumeration puts what is known early. The default keeps nothing.
#[derive(Debug, Default)]
pub struct Feed {
    head: Option<oneshot::Sender<Arc<OrgFacts>>>,
    accounts: Option<mpsc::UnboundedSender<ListedAccount>>,
}

/// The other end of a [`Feed`].
#[derive(Debug)]
pub struct Arrivals {
    /// Comes once: what collecting one account reads of the organization, with `accounts`, `ous` and `policies` empty, and
    /// `delegated_administrators`, trusted services, central root access and the organization's analyzers not collected. Canceled
    /// if enumeration failed before.
    pub head: oneshot::Receiver<Arc<OrgFacts>>,
    /// Each account once, as its page of `ListAccounts` arrives. Ends with the last page, long before policies are known; also
    /// where enumeration fails.
    pub accounts: mpsc::UnboundedReceiver<ListedAccount>,
}

impl Feed {
    /// Both ends. Accounts wait in memory until they are taken, some 100 bytes each.
    pub fn new() -> (Self, Arrivals) {
        let (head, first) = oneshot::channel();
        let (accounts, each) = mpsc::unbounded();
        (Self { head: Some(head), accounts: Some(accounts) }, Arrivals { head: first, accounts: each })
    }

    /// Hands out the head. Whoever went away misses it.
    pub(super) fn head(head: Option<oneshot::Sender<Arc<OrgFacts>>>, org: impl FnOnce() -> OrgFacts) {
        if let Some(head) = head {
            // An error says that nobody listens.
            drop(head.send(Arc::new(org())));
        }
    }

    /// Both ways apart: they end at different moments.
    pub(super) fn split(
        self,
    ) -> (Option<oneshot::Sender<Arc<OrgFacts>>>, Option<mpsc::UnboundedSender<ListedAccount>>) {
        (self.head, self.accounts)
    }
}
