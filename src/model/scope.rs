//! Scope: which accounts and Regions a run gives verdicts for, and why the others are left out.
//!
//! Scope limits verdict rows, not the facts they need.

use super::ids::{AccountId, Region, TargetId};
use super::nearest;
use super::observed::{Cause, Observed};
use super::org::OrgFacts;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What was asked for. Empty `ous`, `accounts` and `tags` together mean every account.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScopeRequest {
    /// OUs by id or path, recursive.
    pub ous: Vec<String>,
    /// Accounts by id.
    pub accounts: Vec<AccountId>,
    /// Tags an account must carry, all of them.
    pub tags: Vec<(String, String)>,
    /// OUs by id or path to leave out, recursive.
    pub exclude_ous: Vec<String>,
    /// Accounts to leave out.
    pub exclude_accounts: Vec<AccountId>,
    /// Regions to look at.
    pub regions: RegionRequest,
}

impl ScopeRequest {
    /// Whether it asks for every account there is.
    pub fn is_everything(&self) -> bool {
        let named = self.ous.is_empty() && self.accounts.is_empty() && self.tags.is_empty();
        named && self.exclude_ous.is_empty() && self.exclude_accounts.is_empty()
    }
}

/// Which Regions were asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RegionRequest {
    /// Every Region enabled in the account.
    #[default]
    AllEnabled,
    /// These.
    Only(Vec<Region>),
}

impl RegionRequest {
    /// Regions that were named and that the partition does not have, as [`OrgFacts::unknown_regions`] tells them.
    pub fn unknown<'r>(&'r self, org: &'r OrgFacts) -> Vec<(&'r Region, Option<&'r Region>)> {
        match self {
            Self::AllEnabled => Vec::new(),
            Self::Only(named) => org.unknown_regions(named),
        }
    }
}

/// The resolved scope.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scope {
    /// Accounts with verdicts, in id order.
    pub accounts: Vec<AccountId>,
    /// Accounts left out, with the reason.
    pub left_out: BTreeMap<AccountId, String>,
}

/// Why a scope can't be resolved. One for each bad word.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ScopeError {
    /// The account is not in the organization.
    #[error("account `{0}` is not in the organization")]
    UnknownAccount(AccountId),
    /// No such OU.
    #[error("OU `{name}` is not in the organization{hint} (`orgward org` shows the tree)")]
    UnknownOu {
        /// As given.
        name: String,
        /// `, did you mean ...` or empty.
        hint: String,
    },
    /// Several OUs have this path.
    #[error("OU path `{name}` names {count} OUs, use an id")]
    AmbiguousOu {
        /// As given.
        name: String,
        /// How many.
        count: usize,
    },
    /// Tags were asked for and could not be read.
    #[error("tags of account `{account}` are unknown ({cause}), so the scope is too")]
    TagsUnknown {
        /// The account.
        account: AccountId,
        /// Why.
        cause: Cause,
    },
    /// Nothing is left.
    #[error("the scope holds no account that can be audited")]
    Empty,
}

impl Scope {
    /// Whether the account has verdicts.
    pub fn contains(&self, account: &AccountId) -> bool {
        self.accounts.binary_search(account).is_ok()
    }

    /// Resolves a request against the organization.
    ///
    /// # Errors
    /// Every bad word at once; or that nothing is left.
    pub fn resolve(request: &ScopeRequest, org: &OrgFacts) -> Result<Self, Vec<ScopeError>> {
        let mut errors = Vec::new();
        let wanted = resolve_ous(&request.ous, org, &mut errors);
        let unwanted = resolve_ous(&request.exclude_ous, org, &mut errors);
        for id in request.accounts.iter().chain(&request.exclude_accounts) {
            if !org.accounts.contains_key(id) {
                errors.push(ScopeError::UnknownAccount(id.clone()));
            }
        }
        let mut scope = Self::default();
        for account in org.accounts.values() {
            let chain = org.chain(&account.id.clone().into());
            let named = request.accounts.contains(&account.id) || wanted.iter().any(|ou| chain.contains(ou));
            let nothing_named = request.accounts.is_empty() && request.ous.is_empty();
            let tagged = match has_tags(&account.tags, &request.tags) {
                Ok(tagged) => tagged,
                Err(cause) => {
                    errors.push(ScopeError::TagsUnknown { account: account.id.clone(), cause });
                    continue;
                }
            };
            let reason = if !(named || nothing_named) {
                Some("not in the OUs and accounts asked for".to_owned())
            } else if !tagged {
                Some("does not carry the tags asked for".to_owned())
            } else if request.exclude_accounts.contains(&account.id) {
                Some("excluded by id".to_owned())
            } else if let Some(ou) = unwanted.iter().find(|ou| chain.contains(ou)) {
                Some(format!("excluded with {}", org.describe(ou)))
            } else {
                account.state.why_not_audited().map(str::to_owned)
            };
            match reason {
                Some(reason) => {
                    scope.left_out.insert(account.id.clone(), reason);
                }
                None => scope.accounts.push(account.id.clone()),
            }
        }
        if errors.is_empty() && scope.accounts.is_empty() {
            errors.push(ScopeError::Empty);
        }
        if errors.is_empty() { Ok(scope) } else { Err(errors) }
    }
}

/// Whether `tags` holds all of `wanted`; the cause, if that can't be told.
fn has_tags(tags: &Observed<BTreeMap<String, String>>, wanted: &[(String, String)]) -> Result<bool, Cause> {
    if wanted.is_empty() {
        return Ok(true);
    }
    let tags = tags.known().map_err(Clone::clone)?;
    Ok(wanted.iter().all(|(key, value)| tags.and_then(|tags| tags.get(key)) == Some(value)))
}

/// OUs (or the root, as `/` or its id) by id or path, collecting an error for each that is not there.
fn resolve_ous(names: &[String], org: &OrgFacts, errors: &mut Vec<ScopeError>) -> Vec<TargetId> {
    let mut found = Vec::new();
    for name in names {
        match find_ou(name, org) {
            Ok(id) => found.push(id),
            Err(error) => errors.push(error),
        }
    }
    found
}

/// The OU or root that `name` (an id, or a path such as `/Workloads/Prod`) names.
///
/// # Errors
/// If there is none (with the nearest path), or more than one.
pub fn find_ou(name: &str, org: &OrgFacts) -> Result<TargetId, ScopeError> {
    // An empty variable must not widen a scope to everything.
    if name.trim().is_empty() {
        let hint = ": it is empty; the whole organization is `/`".to_owned();
        return Err(ScopeError::UnknownOu { name: name.to_owned(), hint });
    }
    let path = format!("/{}", name.trim_matches('/'));
    if path == "/" || name == org.root.id.as_str() {
        return Ok(org.root.id.clone());
    }
    if let Some(ou) = org.ous.values().find(|ou| ou.id.as_str() == name) {
        return Ok(ou.id.clone());
    }
    let matches: Vec<&TargetId> = org.ous.keys().filter(|id| org.path(id) == path).collect();
    match matches.as_slice() {
        [id] => Ok((*id).clone()),
        [] => Err(ScopeError::UnknownOu { name: name.to_owned(), hint: nearest_path(&path, org) }),
        many => Err(ScopeError::AmbiguousOu { name: name.to_owned(), count: many.len() }),
    }
}

/// `, did you mean ...` for the nearest OU path, or nothing.
fn nearest_path(path: &str, org: &OrgFacts) -> String {
    let paths: Vec<String> = org.ous.keys().map(|id| org.path(id)).collect();
    nearest(path, paths.iter().map(String::as_str), 0.8)
        .map_or_else(String::new, |near| format!(", did you mean `{near}`?"))
}
