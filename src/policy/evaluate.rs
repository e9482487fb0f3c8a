//! What policies decide for a request.
//!
//! Owns: matching statements, joining them, joining the levels of a chain. Must not: guess. What can't be evaluated is
//! "cannot tell": a Deny that can't be told poisons everything but a certain Deny, an Allow that can't be told poisons "no
//! match".
//!
//! Source: IAM User Guide, "Policy evaluation logic"; Organizations User Guide, "SCP evaluation".

use super::condition::{Truth, holds};
use super::document::{Document, Effect, Principals, Statement};
use super::glob::{Expanded, Glob, wild};
use super::request::{Principal, Request};
use super::shown;
use crate::model::ids::Arn;

/// What was decided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// Allowed, and nothing denies.
    Allow,
    /// Denied for certain.
    Deny {
        /// By this statement.
        statement: StatementRef,
    },
    /// Nothing denies and nothing allows; in a chain, a level that allows nothing.
    NoMatch,
    /// It can't be told.
    CannotTell {
        /// Why, lower case, no full stop.
        why: String,
    },
}

/// Which statement it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatementRef {
    /// The level of the chain, from 0; 0 outside chains.
    pub level: usize,
    /// The document among those given, from 0.
    pub document: usize,
    /// The statement in the document, from 0.
    pub index: usize,
    /// Its id, if it has one. Hostile: escape at every sink.
    pub sid: Option<String>,
    /// The line it begins on, from 1.
    pub line: usize,
}

/// Joins documents of one level, as the policies of one principal: a Deny wins, one Allow is enough.
pub fn evaluate(documents: &[&Document], request: &Request) -> Decision {
    decide_level(0, documents, request)
}

/// Joins levels, as root, OUs and account for SCPs: each level needs an Allow, a Deny at any level wins.
///
/// No levels at all restrict nothing and give `Allow`; a level without documents allows nothing.
pub fn evaluate_chain(levels: &[Vec<&Document>], request: &Request) -> Decision {
    let mut unknown_deny = None;
    let mut unknown_allow = None;
    let mut unmatched = false;
    for (level, documents) in levels.iter().enumerate() {
        let tally = Tally::of(level, documents, request);
        if let Some(statement) = tally.denied {
            return Decision::Deny { statement };
        }
        unknown_deny = unknown_deny.or(tally.unknown_deny);
        if !tally.allowed {
            unmatched |= tally.unknown_allow.is_none();
            unknown_allow = unknown_allow.or(tally.unknown_allow);
        }
    }
    match (unknown_deny, unmatched, unknown_allow) {
        (Some(why), _, _) | (None, false, Some(why)) => Decision::CannotTell { why },
        (None, true, _) => Decision::NoMatch,
        (None, false, None) => Decision::Allow,
    }
}

fn decide_level(level: usize, documents: &[&Document], request: &Request) -> Decision {
    let tally = Tally::of(level, documents, request);
    match tally {
        Tally { denied: Some(statement), .. } => Decision::Deny { statement },
        Tally { unknown_deny: Some(why), .. } => Decision::CannotTell { why },
        Tally { allowed: true, .. } => Decision::Allow,
        Tally { unknown_allow: Some(why), .. } => Decision::CannotTell { why },
        _ => Decision::NoMatch,
    }
}

/// What the statements of a level say.
#[derive(Default)]
struct Tally {
    denied: Option<StatementRef>,
    allowed: bool,
    unknown_deny: Option<String>,
    unknown_allow: Option<String>,
}

impl Tally {
    fn of(level: usize, documents: &[&Document], request: &Request) -> Self {
        let mut tally = Self::default();
        for (document, policy) in documents.iter().enumerate() {
            for (index, statement) in policy.statements().iter().enumerate() {
                let truth = applies(policy, statement, request);
                match (statement.effect(), truth) {
                    (_, Truth::No) => {}
                    (Effect::Deny, Truth::Yes) => {
                        let (sid, line) = (statement.sid().map(str::to_owned), statement.line());
                        tally.denied.get_or_insert(StatementRef { level, document, index, sid, line });
                    }
                    (Effect::Allow, Truth::Yes) => tally.allowed = true,
                    (Effect::Deny, Truth::Unknown(why)) => {
                        tally.unknown_deny.get_or_insert_with(|| explain(statement, index, &why));
                    }
                    (Effect::Allow, Truth::Unknown(why)) => {
                        tally.unknown_allow.get_or_insert_with(|| explain(statement, index, &why));
                    }
                }
            }
        }
        tally
    }
}

fn explain(statement: &Statement, index: usize, why: &str) -> String {
    let effect = statement.effect().as_str();
    match statement.sid() {
        Some(sid) => format!("{effect} statement `{}` (number {}): {why}", shown(sid), index + 1),
        None => format!("{effect} statement number {}: {why}", index + 1),
    }
}

/// Whether the statement is about the request.
fn applies(document: &Document, statement: &Statement, request: &Request) -> Truth {
    let conditions = statement.conditions().iter().map(|condition| holds(condition, document.version(), request));
    let parts: [&mut dyn FnMut() -> Truth; 3] = [
        &mut || statement.covers_action(&request.action).into(),
        &mut || about_principal(statement, &request.principal),
        &mut || about_resource(document, statement, request),
    ];
    Truth::all(parts.into_iter().map(|part| part()).chain(conditions))
}

impl Statement {
    /// Whether its `Action` or `NotAction` takes in an action, such as `iam:PassRole`, whatever else it says.
    pub fn covers_action(&self, action: &str) -> bool {
        let named = |list: &[String]| list.iter().any(|pattern| wild(pattern, action, true));
        match (self.actions(), self.not_actions()) {
            ([], not) => !not.is_empty() && !named(not),
            (actions, _) => named(actions),
        }
    }
}

fn about_resource(document: &Document, statement: &Statement, request: &Request) -> Truth {
    let named = |list: &[String]| {
        Truth::any(list.iter().map(|pattern| match Glob::expand(pattern, true, document.version(), request) {
            Expanded::Glob(glob) => glob.matches_resource(&request.resource).into(),
            Expanded::Nothing => Truth::No,
            Expanded::Unknown(why) => Truth::Unknown(why),
        }))
    };
    match (statement.resources(), statement.not_resources()) {
        ([], []) => Truth::Yes,
        ([], not) => named(not).not(),
        (resources, _) => named(resources),
    }
}

fn about_principal(statement: &Statement, principal: &Principal) -> Truth {
    match (statement.principals(), statement.not_principals()) {
        (Some(named), _) => names(named, principal),
        (None, Some(_)) if statement.effect() == Effect::Allow => {
            Truth::Unknown("`NotPrincipal` is not supported with `Allow`".to_owned())
        }
        (None, Some(spared)) => spares(spared, principal).not(),
        (None, None) => Truth::Yes,
    }
}

/// Whether `Principal` names who asks. An account, or its root's ARN, names everyone in it.
fn names(named: &Principals, principal: &Principal) -> Truth {
    if named.is_anyone() {
        return Truth::Yes;
    }
    if let Some(service) = &principal.service {
        return named.service.contains(service).into();
    }
    if let Some(provider) = &principal.federated {
        return named.federated.contains(provider).into();
    }
    if principal.arn.is_empty() {
        return Truth::Unknown("who asks is not known".to_owned());
    }
    let by_name = named.aws.iter().any(|name| {
        is_account(name, principal) || *name == principal.arn || principal.session_arn.as_ref() == Some(name)
    });
    if !by_name && !named.canonical_user.is_empty() {
        return Truth::Unknown("canonical user ids are not compared".to_owned());
    }
    by_name.into()
}

/// Whether `NotPrincipal` spares who asks. IAM wants the account, the role and the session listed; whoever is listed in
/// part can't be told. Where a permissions boundary is attached to who asks, IAM spares nobody: callers know of those.
///
/// Source: IAM User Guide, "AWS JSON policy elements: NotPrincipal".
fn spares(spared: &Principals, principal: &Principal) -> Truth {
    if spared.is_anyone() || principal.service.is_some() || principal.federated.is_some() || principal.arn.is_empty() {
        return names(spared, principal);
    }
    let account = spared.aws.iter().any(|name| is_account(name, principal));
    let identity = principal.is_root() || spared.aws.contains(&principal.arn);
    let session = principal.session_arn.as_ref().is_none_or(|session| spared.aws.contains(session));
    let session_named = principal.session_arn.is_some() && session;
    match (account, identity, session) {
        (true, true, true) => Truth::Yes,
        (false, false, _) if !session_named => names(spared, principal),
        (false, true, _) if principal.is_root() => names(spared, principal),
        _ => Truth::Unknown("`NotPrincipal` lists who asks only in part (account, role and session)".to_owned()),
    }
}

/// Whether a name in a policy is the principal's account: its id or its root's ARN.
fn is_account(name: &str, principal: &Principal) -> bool {
    if principal.account.is_empty() {
        return false;
    }
    name == principal.account
        || Arn::parse(name)
            .is_some_and(|arn| arn.service == "iam" && arn.resource == "root" && arn.account == principal.account)
}
