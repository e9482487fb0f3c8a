//! The names of the roles that the data of protected principals leaves open.

use crate::model::AccountId;
use std::collections::BTreeMap;

/// The roles orgward enters accounts with, and those people get back in with.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Roles {
    /// What audit and plan assume.
    pub audit: String,
    /// What apply assumes.
    pub apply: String,
    /// Accounts where other roles are assumed: audit and apply.
    pub overrides: BTreeMap<AccountId, (String, String)>,
    /// Names of break-glass roles, or whole ARNs of roles that one account has.
    pub break_glass: Vec<String>,
}

impl Roles {
    /// One pair of names for every account, and no break-glass role.
    pub fn new(audit: &str, apply: &str) -> Self {
        Self { audit: audit.to_owned(), apply: apply.to_owned(), ..Self::default() }
    }

    /// The names of the audit and the apply role of an account.
    pub(super) fn of(&self, account: &AccountId) -> (&str, &str) {
        let (audit, apply) = self.overrides.get(account).map_or((&self.audit, &self.apply), |pair| (&pair.0, &pair.1));
        (audit, apply)
    }
}
