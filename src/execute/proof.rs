//! Whether a service control policy leaves orgward's roles what they need, statement by statement.
//!
//! Errs on the side of refusal: a Deny on some resource counts as a Deny on every resource of that action, and a condition
//! that can't be evaluated counts as one that may hold.
//!
//! Source: Organizations User Guide, "SCP evaluation".

use super::needs::Need;
use crate::model::AccountId;
use crate::model::org::Organization;
use crate::policy::{Context, Decision, Document, Effect, Principal, Request, evaluate};
use serde_json::Value;
use std::collections::BTreeMap;

/// A role of orgward in an account.
#[derive(Debug, Clone)]
pub(super) struct Reader {
    pub(super) account: AccountId,
    /// Its name.
    pub(super) role: String,
    principal: Principal,
    context: Context,
}

impl Reader {
    pub(super) fn new(organization: &Organization, account: &AccountId, role: &str) -> Self {
        let partition = &organization.partition;
        let name = role.rsplit('/').next().unwrap_or(role);
        let principal = Principal::session(
            &format!("arn:{partition}:iam::{account}:role/{role}"),
            &format!("arn:{partition}:sts::{account}:assumed-role/{name}/orgward"),
        );
        // What is not said here (the Region, tags, the network) is unknown, and a condition on it can't be told.
        let context = Context::partial()
            .with("aws:PrincipalOrgID", &organization.id)
            .with("aws:SecureTransport", "true")
            .with("aws:ViaAWSService", "false")
            .without("aws:AssumedRoot")
            .without("aws:CalledVia");
        Self { account: account.clone(), role: role.to_owned(), principal, context }
    }

    fn request(&self, need: &Need) -> Request {
        Request {
            principal: self.principal.clone(),
            action: need.action.to_owned(),
            resource: "*".to_owned(),
            context: self.context.clone(),
        }
    }
}

/// A statement that denies, or may deny, a role what it needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Objection {
    /// The statement in words: its id or number, and its line.
    pub(super) statement: String,
    /// The role.
    pub(super) role: String,
    /// Where.
    pub(super) accounts: Vec<AccountId>,
    /// What.
    pub(super) actions: Vec<&'static str>,
    /// Why it can't be told, if it can't.
    pub(super) doubt: Option<String>,
}

/// What the Deny statements of a policy take from the roles. The error is why the text can't be evaluated.
pub(super) fn objections(
    text: &str,
    document: &Document,
    readers: &[Reader],
    needs: &[Need],
) -> Result<Vec<Objection>, String> {
    let mut objections = Vec::new();
    for (index, statement) in document.statements().iter().enumerate() {
        if statement.effect() != Effect::Deny {
            continue;
        }
        let as_written = alone(text, index, false)?;
        let widened = alone(text, index, true)?;
        let mut found: BTreeMap<&str, Objection> = BTreeMap::new();
        for reader in readers {
            for need in needs {
                let judged = if need.on_resource { &widened } else { &as_written };
                let doubt = match evaluate(&[judged], &reader.request(need)) {
                    Decision::Allow | Decision::NoMatch => continue,
                    Decision::Deny { .. } => None,
                    Decision::CannotTell { why } => Some(reason(&why)),
                };
                let objection = found.entry(&reader.role).or_insert_with(|| Objection {
                    statement: match statement.sid() {
                        Some(sid) => format!("statement `{}` (line {})", shown(sid), statement.line()),
                        None => format!("statement number {} (line {})", index + 1, statement.line()),
                    },
                    role: reader.role.clone(),
                    accounts: Vec::new(),
                    actions: Vec::new(),
                    doubt: doubt.clone(),
                });
                if objection.accounts.last() != Some(&reader.account) {
                    objection.accounts.push(reader.account.clone());
                }
                if !objection.actions.contains(&need.action) {
                    objection.actions.push(need.action);
                }
                // One certain denial makes the statement certain.
                if doubt.is_none() {
                    objection.doubt = None;
                }
            }
        }
        objections.extend(found.into_values());
    }
    Ok(objections)
}

/// What the old text allowed a role and the new one does not: it may have been the last Allow at its level.
pub(super) fn losses<'a>(
    before: &Document,
    after: &Document,
    readers: &'a [Reader],
    needs: &[Need],
) -> Vec<(&'a Reader, &'static str)> {
    let mut lost = Vec::new();
    for reader in readers {
        for need in needs {
            let request = reader.request(need);
            let had = evaluate(&[before], &request) == Decision::Allow;
            if had && matches!(evaluate(&[after], &request), Decision::NoMatch | Decision::CannotTell { .. }) {
                lost.push((reader, need.action));
            }
        }
    }
    lost
}

/// A document with one statement of another; `widened` makes it about every resource.
fn alone(text: &str, index: usize, widened: bool) -> Result<Document, String> {
    let unfit = || format!("statement number {} can't be taken apart", index + 1);
    let mut policy: Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
    let members = policy.as_object_mut().ok_or_else(unfit)?;
    let statements = members.remove("Statement").ok_or_else(unfit)?;
    let mut statement = match statements {
        Value::Array(mut list) if index < list.len() => list.swap_remove(index),
        one @ Value::Object(_) if index == 0 => one,
        _ => return Err(unfit()),
    };
    if widened && let Value::Object(elements) = &mut statement {
        elements.remove("NotResource");
        elements.insert("Resource".to_owned(), Value::from("*"));
    }
    members.insert("Statement".to_owned(), Value::Array(vec![statement]));
    Document::parse(&policy.to_string()).map_err(|_| unfit())
}

/// The reason without the statement it begins with, which is always number 1 here.
fn reason(why: &str) -> String {
    why.split_once("): ").or_else(|| why.split_once("number 1: ")).map_or(why, |(_, reason)| reason).to_owned()
}

/// A hostile text made fit for a message.
fn shown(text: &str) -> String {
    text.chars().take(64).flat_map(char::escape_debug).collect()
}
