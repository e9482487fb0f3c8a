//! Who may assume a role: its trust policy as parties, and requests made up to try it.
//!
//! Owns: reading trust policies, naming whom they let in, and asking the policy evaluator what it decides for someone made up
//! to be let in if anyone like that is. Must not: match conditions by their text, or give a verdict.
//!
//! Conditions are judged by what they decide. A condition on a key that nobody here can know (`aws:SourceIp`, a tag) leaves
//! open that someone fulfils it, so it never counts as a wall. For the keys that tell insiders from outsiders the outsider
//! brings values of its own: those that the policy itself mentions, its wildcards filled in, and one that nobody mentions.
//!
//! Source: IAM user guide, "IAM tutorial: Delegate access across AWS accounts using IAM roles", "AWS JSON policy elements:
//! Principal" and "AWS global condition context keys".

use super::documents::Documents;
use super::evaluate::Facts;
use super::principals::{AUTHORIZATION, INVENTED};
use crate::model::few;
use crate::model::iam::{Authorization, IamRole};
use crate::model::ids::{AccountId, Arn};
use crate::model::org::Organization;
use crate::policy::{Context, Decision, Document, Effect, Principal, Principals, Request, evaluate, matches_wildcards};
use std::collections::BTreeSet;
use std::rc::Rc;

/// An account that no customer has.
pub(super) const STRANGER: &str = "000000000000";
/// An organization that is not ours.
pub(super) const OTHER_ORGANIZATION: &str = "o-4b1dnosuch";

/// Whether AWS alone writes the role (service-linked roles): its trust and its life are the service's.
pub(super) fn is_service_linked(role: &IamRole) -> bool {
    role.path.starts_with("/aws-service-role/")
}

/// Whether IAM Identity Center made the role from a permission set: its trust, policies and session length are set there, and
/// it goes when its last assignment goes.
pub(super) fn is_of_identity_center(role: &IamRole) -> bool {
    role.path.starts_with("/aws-reserved/sso.amazonaws.com/")
}

/// Whom a trust policy names.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Party {
    /// `*`, or everyone but some.
    Anyone,
    /// Everyone in an account that its own policies let.
    Account(String),
    /// A role, user or session, by ARN.
    Identity(String),
    /// An AWS service.
    Service(String),
    /// An identity provider: an ARN, or a domain that AWS knows.
    Provider(String),
}

impl Party {
    /// The account it is in; none for services, providers and `*`.
    pub fn account(&self) -> Option<&str> {
        match self {
            Self::Account(id) => Some(id),
            Self::Identity(arn) => Arn::parse(arn).map(|arn| arn.account),
            _ => None,
        }
    }

    /// In words. Hostile: escape at every sink.
    pub fn words(&self) -> String {
        match self {
            Self::Anyone => "everyone".to_owned(),
            Self::Account(id) => format!("account {id}"),
            Self::Identity(name) | Self::Service(name) | Self::Provider(name) => format!("`{name}`"),
        }
    }
}

/// A role's trust policy.
pub(super) struct Trust<'a> {
    /// Whose.
    pub role: &'a IamRole,
    document: Rc<Document>,
}

/// The trust policies of roles that somebody other than AWS answers for. One that can't be read is a doubt.
pub(super) fn trusts<'a>(facts: &mut Facts<'a>, authorization: &'a Authorization) -> Vec<Trust<'a>> {
    let roles = authorization.roles.iter().filter(|role| !is_service_linked(role));
    roles.filter_map(|role| Trust::of(facts, role)).collect()
}

impl<'a> Trust<'a> {
    /// The trust policy of a role.
    ///
    /// # Errors
    /// Why it can't be read.
    pub fn read(documents: &Documents<'a>, role: &'a IamRole) -> Result<Self, String> {
        let document = documents.read(&role.trust_policy);
        let document = document.map_err(|why| format!("the trust policy of `{}` can't be read: {why}", role.arn))?;
        Ok(Self { role, document })
    }

    /// The same, with a doubt if it can't be read.
    pub fn of(facts: &mut Facts<'a>, role: &'a IamRole) -> Option<Self> {
        Self::read(&facts.shared().documents, role).inspect_err(|why| drop(facts.doubt(AUTHORIZATION, why))).ok()
    }

    /// Everyone that a statement lets in, whatever its conditions. Deleted principals, which are ids, let nobody in.
    pub fn parties(&self) -> BTreeSet<Party> {
        let mut found = BTreeSet::new();
        for statement in self.document.statements().iter().filter(|s| s.effect() == Effect::Allow) {
            if statement.not_principals().is_some() {
                found.insert(Party::Anyone);
            }
            if let Some(principals) = statement.principals() {
                found.extend(parties_of(principals));
            }
        }
        found
    }

    /// Whether a request may be allowed: only a certain Deny, or nothing that could allow it, says it is not.
    pub fn may(&self, principal: Principal, action: &str, context: Context) -> bool {
        let (action, resource) = (action.to_owned(), self.role.arn.clone());
        let decision = evaluate(&[&self.document], &Request { principal, action, resource, context });
        matches!(decision, Decision::Allow | Decision::CannotTell { .. })
    }

    /// Whether any of these may assume the role in any of these contexts.
    pub fn any_may(&self, principals: &[Principal], contexts: &[Context]) -> bool {
        principals
            .iter()
            .any(|who| contexts.iter().any(|context| self.may(who.clone(), "sts:AssumeRole", context.clone())))
    }

    /// Every value that a condition of the policy compares a key with, wildcards and all.
    pub fn values(&self, key: &str) -> Vec<&str> {
        let conditions = self.document.statements().iter().flat_map(|statement| statement.conditions());
        let values = conditions.filter(|condition| condition.is_about(key)).flat_map(|condition| &condition.values);
        values.map(String::as_str).collect()
    }

    /// Every key that a condition of the policy asks for, as written.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        let statements = self.document.statements().iter();
        statements.flat_map(|statement| statement.conditions()).map(|condition| condition.key.as_str())
    }

    /// Who could act for a party: itself, or for a whole account someone with each kind of name that the policy mentions.
    pub fn faces(&self, party: &Party, partition: &str) -> Vec<Principal> {
        match party {
            Party::Anyone => self.faces(&Party::Account(STRANGER.to_owned()), partition),
            Party::Service(name) => vec![Principal::service(name)],
            Party::Provider(name) => vec![Principal::federated(name)],
            Party::Identity(arn) => vec![identity(arn)],
            Party::Account(id) => {
                let named = [format!("role/{INVENTED}"), format!("user/{INVENTED}"), "root".to_owned()];
                let named = named.map(|name| format!("arn:{partition}:iam::{id}:{name}"));
                let mentioned =
                    self.values("aws:PrincipalArn").into_iter().filter_map(|pattern| filled_arn(pattern, id));
                named.into_iter().chain(mentioned).map(|arn| Principal::iam(&arn)).collect()
            }
        }
    }

    /// Accounts outside the organization that a party could stand for: its own, and for `*` one that nobody knows and each
    /// that the conditions mention.
    pub fn accounts_outside(&self, party: &Party, inside: impl Fn(&AccountId) -> bool) -> Vec<String> {
        let mut accounts: Vec<String> = party.account().map(str::to_owned).into_iter().collect();
        if *party == Party::Anyone {
            accounts.push(STRANGER.to_owned());
            accounts.extend(self.values("aws:PrincipalAccount").into_iter().map(str::to_owned));
            let arns = self.values("aws:PrincipalArn").into_iter().filter_map(Arn::parse);
            accounts.extend(arns.map(|arn| arn.account.to_owned()));
        }
        accounts.retain(|account| account.parse::<AccountId>().is_ok_and(|id| !inside(&id)));
        accounts
    }

    /// What an outsider may bring: an organization and a path in it that are not ours, or neither.
    pub fn outside(&self, ours: &Organization) -> Vec<Context> {
        let foreign = |key: &str, spare: &str| -> Vec<String> {
            let mentioned = self.values(key).into_iter().map(filled);
            let mentioned = mentioned.filter(|value| *value != ours.id && !value.starts_with(&format!("{}/", ours.id)));
            mentioned.chain([spare.to_owned()]).collect()
        };
        let paths = foreign("aws:PrincipalOrgPaths", &format!("{OTHER_ORGANIZATION}/r-4b1d/ou-4b1d-nosuchou1/"));
        let organizations = foreign("aws:PrincipalOrgID", OTHER_ORGANIZATION);
        let pairs = organizations.iter().flat_map(|id| paths.iter().map(move |path| (id, path)));
        let members = pairs.map(|(id, path)| {
            Context::partial().with("aws:PrincipalOrgID", id).with_all("aws:PrincipalOrgPaths", [path.as_str()])
        });
        // An account of no organization has neither key, which IfExists and ForAllValues let pass.
        let loner = Context::partial().without("aws:PrincipalOrgID").without("aws:PrincipalOrgPaths");
        members.chain([loner]).collect()
    }

    /// What someone in the organization brings.
    pub fn inside(ours: &Organization) -> Context {
        Context::partial().with("aws:PrincipalOrgID", &ours.id)
    }
}

/// Each context without an ExternalId, and with one that nobody agreed on.
pub(super) fn without_external_id(contexts: &[Context]) -> Vec<Context> {
    let each = contexts.iter().flat_map(|context| {
        [context.clone().without("sts:ExternalId"), context.clone().with("sts:ExternalId", INVENTED)]
    });
    each.collect()
}

/// Each context without MFA: access keys have no such key, temporary credentials say `false`.
pub(super) fn without_mfa(contexts: &[Context]) -> Vec<Context> {
    let each = contexts.iter().map(|context| context.clone().without("aws:MultiFactorAuthAge")).flat_map(|context| {
        [context.clone().without("aws:MultiFactorAuthPresent"), context.with("aws:MultiFactorAuthPresent", "false")]
    });
    each.collect()
}

/// A text that a pattern matches: its wildcards filled in.
pub(super) fn filled(pattern: &str) -> String {
    pattern.chars().map(|c| if c == '*' || c == '?' { 'x' } else { c }).collect()
}

/// An ARN in an account that a pattern of ARNs matches; none if it matches none there.
pub(super) fn filled_arn(pattern: &str, account: &str) -> Option<String> {
    let arn = Arn::parse(pattern)?;
    let partition = if arn.partition.contains(['*', '?']) { "aws" } else { arn.partition };
    matches_wildcards(arn.account, account, false).then(|| {
        format!("arn:{partition}:{}:{}:{account}:{}", filled(arn.service), filled(arn.region), filled(arn.resource))
    })
}

fn parties_of(principals: &Principals) -> Vec<Party> {
    let mut found: Vec<Party> = if principals.is_anyone() { vec![Party::Anyone] } else { Vec::new() };
    for name in principals.aws.iter().filter(|name| *name != "*") {
        match Arn::parse(name) {
            Some(arn) if arn.resource == "root" => found.push(Party::Account(arn.account.to_owned())),
            Some(_) => found.push(Party::Identity(name.clone())),
            None if name.parse::<AccountId>().is_ok() => found.push(Party::Account(name.clone())),
            None => {}
        }
    }
    found.extend(principals.service.iter().map(|name| Party::Service(name.clone())));
    found.extend(principals.federated.iter().map(|name| Party::Provider(name.clone())));
    found
}

/// A role, user or session as one who asks.
fn identity(arn: &str) -> Principal {
    let parsed = Arn::parse(arn).filter(|parsed| parsed.service == "sts");
    let session = parsed.and_then(|parsed| {
        let (role, _) = parsed.resource.strip_prefix("assumed-role/")?.split_once('/')?;
        Some(format!("arn:{}:iam::{}:role/{role}", parsed.partition, parsed.account))
    });
    session.map_or_else(|| Principal::iam(arn), |role| Principal::session(&role, arn))
}

/// A list in words, at most three of it.
pub(super) fn listed(items: &[String]) -> String {
    few(items, 3)
}

/// `1 role`, `2 roles`.
pub(super) fn roles(count: usize) -> String {
    if count == 1 { "1 role".to_owned() } else { format!("{count} roles") }
}
