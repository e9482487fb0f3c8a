//! Policy documents, read once each, and the policies that each principal carries.
//!
//! Owns: the cache. Must not: decide anything, or keep what was written to an account.

use super::context::is_absent;
use crate::model::AccountId;
use crate::policy::Document;
use crate::sandbox::generate::managed;
use crate::sandbox::state::{AccountState, Tags};
use crate::sandbox::{ApiError, Caller, Org};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// Texts kept before the cache starts anew; hostile callers can bring many.
const MOST_TEXTS: usize = 4_096;

/// Session policies kept before that cache starts anew.
const MOST_SESSIONS: usize = 64;

/// A document, and the keys it asks for that no call carries of itself.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Parsed {
    document: Document,
    absent: Vec<String>,
}

impl Parsed {
    pub(crate) fn new(document: Document) -> Self {
        let mut absent = Vec::new();
        for statement in document.statements() {
            let conditions = statement.conditions();
            let values = conditions.iter().flat_map(|condition| &condition.values);
            let texts = statement.resources().iter().chain(statement.not_resources()).chain(values);
            let variables =
                texts.flat_map(|text| text.split("${").skip(1)).filter_map(|rest| rest.split(['}', ',']).next());
            for key in conditions.iter().map(|condition| condition.key.as_str()).chain(variables) {
                let key = key.trim().to_ascii_lowercase();
                if is_absent(&key) {
                    absent.push(key);
                }
            }
        }
        Self { document, absent }
    }

    pub(crate) fn document(&self) -> &Document {
        &self.document
    }

    /// The keys it asks for that no call carries of itself.
    pub(super) fn absent(&self) -> impl Iterator<Item = &str> {
        self.absent.iter().map(String::as_str)
    }
}

/// A document somebody carries, and its ARN if it is not inline.
#[derive(Debug, Clone)]
pub(crate) struct Held {
    pub(crate) parsed: Arc<Parsed>,
    pub(crate) arn: Option<String>,
}

/// What a principal carries.
#[derive(Debug, Clone, Default)]
pub(crate) struct Carried {
    /// Its own policies and its groups'; `None` for the root user, who may do everything in the account.
    pub(crate) identity: Option<Vec<Held>>,
    pub(crate) boundary: Option<Held>,
    pub(crate) tags: Tags,
}

/// What was read before.
#[derive(Debug, Default)]
pub(crate) struct Cache {
    texts: HashMap<String, Arc<Parsed>>,
    /// Session policies that passed every rule for them.
    sessions: HashMap<String, Arc<Parsed>>,
    /// Of accounts nobody wrote to: these never change.
    principals: HashMap<(AccountId, String), Arc<Carried>>,
}

impl Cache {
    /// Reads a document.
    ///
    /// # Errors
    /// 501 with `what` it is, if it can't be read.
    pub(crate) fn parse(&mut self, text: &str, what: &str) -> Result<Arc<Parsed>, ApiError> {
        if let Some(parsed) = self.texts.get(text) {
            return Ok(Arc::clone(parsed));
        }
        let document = Document::parse(text)
            .map_err(|_| ApiError::not_implemented(format!("the sandbox cannot read the policy {what}")))?;
        if self.texts.len() >= MOST_TEXTS {
            self.texts.clear();
        }
        let parsed = Arc::new(Parsed::new(document));
        self.texts.insert(text.to_owned(), Arc::clone(&parsed));
        Ok(parsed)
    }

    /// A session policy that was let through before.
    pub(crate) fn session(&self, text: &str) -> Option<Arc<Parsed>> {
        self.sessions.get(text).map(Arc::clone)
    }

    /// Keeps a session policy that may be let through.
    pub(crate) fn keep_session(&mut self, text: String, parsed: Parsed) -> Arc<Parsed> {
        if self.sessions.len() >= MOST_SESSIONS {
            self.sessions.clear();
        }
        let parsed = Arc::new(parsed);
        self.sessions.insert(text, Arc::clone(&parsed));
        parsed
    }

    /// What the caller carries. Nobody, such as a role deleted meanwhile, carries nothing.
    ///
    /// # Errors
    /// 501 for a policy that the sandbox can't read or does not have.
    pub(crate) fn carried(&mut self, org: &Org, caller: &Caller) -> Result<Arc<Carried>, ApiError> {
        if caller.is_root {
            return Ok(Arc::new(Carried::default()));
        }
        let arn = caller.role_arn.as_ref().unwrap_or(&caller.arn);
        if let Some(state) = org.written.get(&caller.account) {
            return self.read(state, arn).map(Arc::new);
        }
        let key = (caller.account.clone(), arn.clone());
        if let Some(carried) = self.principals.get(&key) {
            return Ok(Arc::clone(carried));
        }
        let carried = Arc::new(self.read(&org.state(&caller.account), arn)?);
        self.principals.insert(key, Arc::clone(&carried));
        Ok(carried)
    }

    fn read(&mut self, state: &AccountState, arn: &str) -> Result<Carried, ApiError> {
        let name = arn.rsplit('/').next().unwrap_or_default();
        let role = state.roles.get(name).filter(|role| role.arn(&state.account) == arn);
        if let Some(role) = role {
            let mut held = Vec::new();
            self.add(state, (&role.inline, &role.attached), &mut held)?;
            return Ok(Carried {
                identity: Some(held),
                boundary: self.boundary(state, role.boundary.as_deref())?,
                tags: role.tags.clone(),
            });
        }
        let Some(user) = state.users.get(name).filter(|user| state.user_arn(user) == arn) else {
            return Ok(Carried { identity: Some(Vec::new()), ..Carried::default() });
        };
        let mut held = Vec::new();
        self.add(state, (&user.inline, &user.attached), &mut held)?;
        for group in user.groups.iter().filter_map(|name| state.groups.get(name)) {
            self.add(state, (&group.inline, &group.attached), &mut held)?;
        }
        let boundary = self.boundary(state, user.boundary.as_deref())?;
        Ok(Carried { identity: Some(held), boundary, tags: user.tags.clone() })
    }

    fn add(
        &mut self,
        state: &AccountState,
        (inline, attached): (&BTreeMap<String, String>, &[String]),
        held: &mut Vec<Held>,
    ) -> Result<(), ApiError> {
        for (name, text) in inline {
            held.push(Held { parsed: self.parse(text, name)?, arn: None });
        }
        for arn in attached {
            held.push(self.managed(state, arn)?);
        }
        Ok(())
    }

    fn boundary(&mut self, state: &AccountState, arn: Option<&str>) -> Result<Option<Held>, ApiError> {
        arn.map(|arn| self.managed(state, arn)).transpose()
    }

    fn managed(&mut self, state: &AccountState, arn: &str) -> Result<Held, ApiError> {
        let text = match managed::find(arn) {
            Some(policy) => Some(policy.document),
            None => state.policies.get(arn).map(|policy| policy.document.as_str()),
        };
        let text =
            text.ok_or_else(|| ApiError::not_implemented(format!("the sandbox does not have the policy {arn}")))?;
        Ok(Held { parsed: self.parse(text, arn)?, arn: Some(arn.to_owned()) })
    }
}
