//! Service control policies as they bind an account: the chain from the root down, tried with probe requests.
//!
//! Owns: which documents bind whom, and what a denial leaves open: principals that a condition names, or everyone. SCPs don't
//! bind the management account and service-linked roles. Must not: compare policy texts (who is exempt is read from conditions
//! and then tried), or know any check.
//!
//! Source: Organizations User Guide, "SCP evaluation".

use super::evaluate::Tree;
use crate::model::ids::TargetId;
use crate::model::org::{Account, Policy};
use crate::model::{Cause, CauseKind, Source};
use crate::policy::{Context, Decision, Document, Effect, Principal, Request, evaluate_chain};
use std::collections::BTreeMap;

/// What a denial is tried with.
pub(super) struct Probe {
    /// The action.
    pub action: String,
    /// The resource.
    pub resource: String,
    /// What is known around it.
    pub context: Context,
    /// What the request is in a message, such as `ec2:RunInstances`.
    pub words: String,
}

impl Probe {
    /// An action on `*`, of which nothing more is known.
    pub fn new(action: &str) -> Self {
        let context = Context::partial();
        Self { action: action.to_owned(), resource: "*".to_owned(), context, words: action.to_owned() }
    }
}

/// What becomes of a request in an account.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Fate {
    /// Denied to everyone in it.
    Denied,
    /// Denied to the root user and to any user or role but those that conditions name, as they name them.
    DeniedBut(Vec<String>),
    /// Allowed, and why.
    Open(String),
    /// It can't be told.
    CannotTell(Cause),
}

/// A kind of principal to try: in words, and the end of its ARN.
pub(super) type Tried = (&'static str, &'static str);

/// The root user, any user, any role. Whoever conditions may name, these they can name by a pattern only.
pub(super) const EVERYONE: [Tried; 3] =
    [("the root user", "root"), ("a user", "user/4b1d-no-such-user"), ("a role", "role/4b1d-no-such-role")];

/// Service control policies by where they are attached.
pub(super) struct Guardrails<'a> {
    /// Policy documents, or why there is none; only those wanted are read.
    documents: Vec<Option<Result<Document, Cause>>>,
    /// Positions in `documents` by target.
    attached: BTreeMap<&'a TargetId, Vec<usize>>,
    /// Causes of policies whose targets are unknown: they may be anywhere.
    adrift: Vec<Cause>,
    policies: &'a [Policy],
}

/// The policies that bind one target, level by level.
pub(super) struct Bound<'g> {
    /// Documents by level, from the root down.
    pub levels: Vec<Vec<&'g Document>>,
    /// Why not all are known.
    pub unknown: Option<&'g Cause>,
}

impl<'a> Guardrails<'a> {
    /// Reads every policy once.
    pub fn new(policies: &'a [Policy]) -> Self {
        Self::reading(policies, None)
    }

    /// Reads only the policies that bind one account.
    pub fn of_account(policies: &'a [Policy], tree: Tree<'_>, account: &Account) -> Self {
        let chain = tree.chain(&account.id.clone().into());
        Self::reading(policies, Some(&chain))
    }

    /// `chain`: only what is attached there. A policy of AWS's own is attached to every account, and this is asked for each.
    fn reading(policies: &'a [Policy], chain: Option<&[TargetId]>) -> Self {
        let mut attached: BTreeMap<&TargetId, Vec<usize>> = BTreeMap::new();
        let (mut adrift, mut documents) = (Vec::new(), Vec::new());
        for (at, policy) in policies.iter().enumerate() {
            let targets = policy.targets.known().unwrap_or_else(|cause| {
                adrift.push(cause.clone());
                None
            });
            let bound: Vec<&TargetId> = match (targets, chain) {
                (Some(targets), Some(chain)) => chain.iter().filter_map(|target| targets.get(target)).collect(),
                (Some(targets), None) => targets.iter().collect(),
                (None, _) => Vec::new(),
            };
            documents.push((chain.is_none() || !bound.is_empty()).then(|| document(policy)));
            bound.into_iter().for_each(|target| attached.entry(target).or_default().push(at));
        }
        Self { documents, attached, adrift, policies }
    }

    /// Where documents and attachments came from.
    pub fn sources(&self) -> impl Iterator<Item = &'a Source> {
        self.policies.iter().flat_map(|policy| [policy.content.source(), policy.targets.source()]).flatten()
    }

    /// Policies that a target carries itself.
    pub fn on(&self, target: &TargetId) -> impl Iterator<Item = &'a Policy> {
        self.attached.get(target).into_iter().flatten().filter_map(|at| self.policies.get(*at))
    }

    /// Why some attachments are not known; `None` if all are.
    pub fn adrift(&self) -> Option<&Cause> {
        self.adrift.first()
    }

    /// The policies that bind an account.
    ///
    /// # Errors
    /// The account is in no OU that was listed.
    pub fn binding(&self, tree: Tree<'_>, account: &Account) -> Result<Bound<'_>, Cause> {
        let chain = tree.chain(&account.id.clone().into());
        if chain.is_empty() {
            let message = format!("account {} is in no OU that was listed", account.id);
            return Err(Cause::new(CauseKind::Other, "organizations:ListParents", message));
        }
        let mut unknown = self.adrift.first();
        let mut levels: Vec<Vec<&Document>> = Vec::new();
        for target in &chain {
            let mut level = Vec::new();
            for at in self.attached.get(target).into_iter().flatten() {
                match self.documents.get(*at) {
                    Some(Some(Ok(document))) => level.push(document),
                    Some(Some(Err(cause))) => unknown = unknown.or(Some(cause)),
                    Some(None) | None => {}
                }
            }
            levels.push(level);
        }
        Ok(Bound { levels, unknown })
    }

    /// What tells whether two accounts share a fate: the policies that bind them, where none of those names an account.
    pub fn likeness(&self, tree: Tree<'_>, account: &Account) -> Option<Vec<Vec<usize>>> {
        let chain = tree.chain(&account.id.clone().into());
        let levels: Vec<Vec<usize>> =
            chain.iter().map(|target| self.attached.get(target).cloned().unwrap_or_default()).collect();
        let impersonal = |at: &usize| self.policies.get(*at).is_some_and(|policy| !names_an_account(policy));
        (!levels.is_empty() && levels.iter().flatten().all(impersonal)).then_some(levels)
    }

    /// What becomes of a request in an account. A certain denial stands whatever else is unknown.
    pub fn fate(&self, tree: Tree<'_>, account: &Account, probe: &Probe, tried: &[Tried]) -> Fate {
        let bound = match self.binding(tree, account) {
            Ok(bound) => bound,
            Err(cause) => return Fate::CannotTell(cause),
        };
        let id = account.id.as_str();
        let partition = account.arn.split(':').nth(1).unwrap_or("aws");
        let anyone = Principal { account: id.to_owned(), ..Principal::default() };
        let why = match (bound.decide(probe, anyone), bound.unknown) {
            (Decision::Deny { .. }, _) | (Decision::NoMatch, None) => return Fate::Denied,
            (_, Some(cause)) => return Fate::CannotTell(cause.clone()),
            (Decision::Allow, None) => return Fate::Open(format!("no policy on its chain denies {}", probe.words)),
            (Decision::CannotTell { why }, None) => why,
        };
        // A condition decides.
        let iam = |resource: &str| Principal::iam(&format!("arn:{partition}:iam::{id}:{resource}"));
        for (name, resource) in tried {
            match bound.decide(probe, iam(resource)) {
                Decision::Deny { .. } | Decision::NoMatch => {}
                Decision::Allow => return Fate::Open(format!("{name} may call {}", probe.words)),
                Decision::CannotTell { .. } => {
                    let message = format!("{} is denied under a condition only: {why}", probe.words);
                    return Fate::CannotTell(Cause::new(CauseKind::Other, "organizations:DescribePolicy", message));
                }
            }
        }
        let exempt = bound.exempt(probe, id, partition);
        // A denial for users only, tried on users only, spares nobody.
        if exempt.is_empty() && tried.len() < EVERYONE.len() { Fate::Denied } else { Fate::DeniedBut(exempt) }
    }
}

impl Bound<'_> {
    /// What the chain decides for a request.
    pub fn decide(&self, probe: &Probe, principal: Principal) -> Decision {
        let (action, resource) = (probe.action.clone(), probe.resource.clone());
        evaluate_chain(&self.levels, &Request { principal, action, resource, context: probe.context.clone() })
    }

    /// Statements that deny.
    pub fn denials(&self) -> impl Iterator<Item = &crate::policy::Statement> {
        let statements = self.levels.iter().flatten().flat_map(|document| document.statements());
        statements.filter(|statement| statement.effect() == Effect::Deny)
    }

    /// Values that conditions of denials of an action compare with a key.
    pub fn asked<'b>(&'b self, action: &'b str, key: &'b str) -> impl Iterator<Item = &'b str> {
        let denials = self.denials().filter(move |statement| statement.covers_action(action));
        let conditions = denials.flat_map(|statement| statement.conditions());
        conditions
            .filter(move |condition| condition.is_about(key))
            .flat_map(|condition| &condition.values)
            .map(String::as_str)
    }

    /// The principals that conditions name, as they name them, and to whom the request is not denied.
    fn exempt(&self, probe: &Probe, account: &str, partition: &str) -> Vec<String> {
        let mut found: Vec<String> = Vec::new();
        let users = self.asked(&probe.action, "aws:username").map(|name| format!("arn:*:iam::*:user/{name}"));
        let named = self.asked(&probe.action, "aws:PrincipalArn").map(str::to_owned).chain(users);
        for named in named {
            let parts = named.splitn(6, ':').enumerate().map(|(at, part)| match (at, part) {
                (1, "*") => partition.to_owned(),
                (3, "*") => String::new(),
                (4, "*") => account.to_owned(),
                (_, part) => part.replace('*', "4b1d").replace('?', "x"),
            });
            let arn = parts.collect::<Vec<_>>().join(":");
            let free = !matches!(self.decide(probe, Principal::iam(&arn)), Decision::Deny { .. } | Decision::NoMatch);
            if free {
                found.push(named);
            }
        }
        found.sort();
        found.dedup();
        found
    }
}

/// Whether twelve digits in a row are in a policy's text.
fn names_an_account(policy: &Policy) -> bool {
    let text = policy.content.value().map_or("", String::as_str);
    text.split(|c: char| !c.is_ascii_digit()).any(|digits| digits.len() >= 12)
}

fn document(policy: &Policy) -> Result<Document, Cause> {
    let nothing =
        || Cause::new(CauseKind::Other, "organizations:DescribePolicy", format!("`{}` has no document", policy.name));
    let text = policy.content.known().map_err(Clone::clone)?.ok_or_else(nothing)?;
    Document::parse(text).map_err(|errors| {
        let first = errors.first().map(ToString::to_string).unwrap_or_default();
        let message = format!("policy `{}` can't be read: {first}", policy.name);
        Cause::new(CauseKind::Other, "organizations:DescribePolicy", message)
    })
}
