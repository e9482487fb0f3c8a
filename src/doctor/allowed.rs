//! Whether somebody may do something: its own policies, its permissions boundary, and the service control policies above it.
//!
//! Owns: joining the three, and naming what is in the way. Must not: guess; what can't be evaluated can't be told.
//!
//! Source: IAM User Guide, "Policy evaluation logic".

use super::chains::Level;
use crate::model::iam::{Authorization, IamRole, IamUser, InlinePolicy};
use crate::model::{PolicyId, TargetId};
use crate::policy::{Decision, Document, Principal, Request, evaluate, evaluate_chain};
use std::collections::BTreeMap;

/// Somebody with its policies.
#[derive(Debug)]
pub(super) struct Holder {
    /// Who.
    pub(super) principal: Principal,
    /// Its tags, which conditions may ask for.
    pub(super) tags: BTreeMap<String, String>,
    documents: Vec<Document>,
    boundary: Option<Document>,
    /// Policies that could not be read.
    unread: Vec<String>,
}

/// What was decided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Answer {
    /// It may.
    Yes,
    /// It may not.
    No(Block),
    /// It can't be told, and why.
    CannotTell(String),
}

/// What is in the way.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Block {
    /// A service control policy denies it.
    Scp {
        /// Its id.
        id: PolicyId,
        /// Its name. Hostile.
        name: String,
    },
    /// No service control policy there allows it.
    NoScp(TargetId),
    /// The permissions boundary does not allow it.
    Boundary,
    /// A policy of its own denies it.
    OwnDeny,
    /// No policy of its own allows it.
    NotGranted,
}

impl Holder {
    /// A session of a role.
    pub(super) fn of_role(role: &IamRole, authorization: &Authorization, session: &str) -> Self {
        let principal = Principal::session(&role.arn, session);
        let mut holder = Self::new(principal, role.tags.clone());
        holder.take(&role.inline, &role.attached, authorization);
        holder.bound(role.boundary.as_deref(), authorization);
        holder
    }

    /// A user, with its groups.
    pub(super) fn of_user(user: &IamUser, authorization: &Authorization) -> Self {
        let mut holder = Self::new(Principal::iam(&user.arn), user.tags.clone());
        holder.take(&user.inline, &user.attached, authorization);
        for group in authorization.groups.iter().filter(|group| user.groups.contains(&group.name)) {
            holder.take(&group.inline, &group.attached, authorization);
        }
        holder.bound(user.boundary.as_deref(), authorization);
        holder
    }

    /// Somebody whose own policies do not matter.
    pub(super) fn of(principal: Principal) -> Self {
        Self::new(principal, BTreeMap::new())
    }

    fn new(principal: Principal, tags: BTreeMap<String, String>) -> Self {
        Self { principal, tags, documents: Vec::new(), boundary: None, unread: Vec::new() }
    }

    fn take(&mut self, inline: &[InlinePolicy], attached: &[String], authorization: &Authorization) {
        for policy in inline {
            self.read(&policy.name, Some(&policy.document));
        }
        for arn in attached {
            self.read(arn, text(arn, authorization));
        }
    }

    fn read(&mut self, name: &str, text: Option<&str>) {
        match text.map(Document::parse) {
            Some(Ok(document)) => self.documents.push(document),
            Some(Err(_)) | None => self.unread.push(name.to_owned()),
        }
    }

    fn bound(&mut self, arn: Option<&str>, authorization: &Authorization) {
        let Some(arn) = arn else { return };
        match text(arn, authorization).map(Document::parse) {
            Some(Ok(document)) => self.boundary = Some(document),
            Some(Err(_)) | None => self.unread.push(arn.to_owned()),
        }
    }

    /// Whether it may do this, below these service control policies.
    pub(super) fn may(&self, levels: &Result<Vec<Level<'_>>, String>, request: &Request) -> Answer {
        let levels = match levels {
            Ok(levels) => levels,
            Err(why) => return Answer::CannotTell(why.clone()),
        };
        let mut doubt = match under(levels, request) {
            Answer::Yes => None,
            Answer::CannotTell(why) => Some(why),
            no @ Answer::No(_) => return no,
        };
        if let Some(boundary) = &self.boundary {
            match evaluate(&[boundary], request) {
                Decision::Allow => {}
                Decision::Deny { .. } | Decision::NoMatch => return Answer::No(Block::Boundary),
                Decision::CannotTell { why } => doubt = doubt.or(Some(why)),
            }
        }
        let documents: Vec<&Document> = self.documents.iter().collect();
        match evaluate(&documents, request) {
            Decision::Deny { .. } => return Answer::No(Block::OwnDeny),
            Decision::NoMatch if self.unread.is_empty() => return Answer::No(Block::NotGranted),
            Decision::CannotTell { why } => doubt = doubt.or(Some(why)),
            Decision::Allow | Decision::NoMatch => {}
        }
        if let Some(name) = self.unread.first() {
            doubt = doubt.or_else(|| Some(format!("policy `{name}` could not be read")));
        }
        doubt.map_or(Answer::Yes, Answer::CannotTell)
    }
}

/// Whether the service control policies leave a request.
pub(super) fn under(levels: &[Level<'_>], request: &Request) -> Answer {
    let documents: Vec<Vec<&Document>> =
        levels.iter().map(|level| level.policies.iter().map(|(_, document)| *document).collect()).collect();
    match evaluate_chain(&documents, request) {
        Decision::Allow => Answer::Yes,
        Decision::CannotTell { why } => Answer::CannotTell(why),
        Decision::Deny { statement } => {
            let level = levels.get(statement.level);
            match level.and_then(|level| level.policies.get(statement.document)) {
                Some((policy, _)) => Answer::No(Block::Scp { id: policy.id.clone(), name: policy.name.clone() }),
                None => Answer::CannotTell("a service control policy denies it".to_owned()),
            }
        }
        Decision::NoMatch => {
            let silent = levels.iter().zip(&documents).find(|(_, texts)| evaluate(texts, request) == Decision::NoMatch);
            match silent {
                Some((level, _)) => Answer::No(Block::NoScp(level.at.clone())),
                None => Answer::CannotTell("no service control policy allows it for certain".to_owned()),
            }
        }
    }
}

/// The document of a managed policy.
fn text<'a>(arn: &str, authorization: &'a Authorization) -> Option<&'a str> {
    authorization.policies.iter().find(|policy| policy.arn == arn)?.document.as_deref()
}
