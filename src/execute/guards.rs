//! What may not be carried out on AWS until orgward can prove that nobody is locked out.
//!
//! Owns: the interim refusals. Outside the sandbox: no attachment to the root, no detaching or deleting of a guardrail, and
//! no service control policy that could deny orgward's own roles what they call. What can't be told is refused.
//! Must not: ask AWS; it works from the plan and [`OrgFacts`].

use super::needs::NEEDS;
use super::proof::{Objection, Reader, losses, objections};
use crate::model::ids::TargetId;
use crate::model::org::{Policy, PolicyType};
use crate::model::plan::{Operation, Refusal, RefusalKind};
use crate::model::{AccountId, Address, Change, OrgFacts, Plan};
use crate::policy::Document;
use std::collections::{BTreeMap, BTreeSet};

/// Where a plan is to be applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Setting {
    /// AWS: a mistake locks people out.
    Aws,
    /// The sandbox or an endpoint on loopback: nothing can be broken.
    Sandbox,
}

/// The roles orgward enters accounts with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Roles {
    /// What audit and plan assume.
    pub audit: String,
    /// What apply assumes.
    pub apply: String,
    /// Accounts where other roles are assumed: audit and apply.
    pub overrides: BTreeMap<AccountId, (String, String)>,
}

impl Roles {
    /// One pair of names for every account.
    pub fn new(audit: &str, apply: &str) -> Self {
        Self { audit: audit.to_owned(), apply: apply.to_owned(), overrides: BTreeMap::new() }
    }

    fn of(&self, account: &AccountId) -> BTreeSet<&str> {
        match self.overrides.get(account) {
            Some((audit, apply)) => BTreeSet::from([audit.as_str(), apply.as_str()]),
            None => BTreeSet::from([self.audit.as_str(), self.apply.as_str()]),
        }
    }
}

/// Why a plan may not be applied there yet; empty if it may.
pub fn guards(plan: &Plan, org: &OrgFacts, setting: Setting, roles: &Roles) -> Vec<Refusal> {
    if setting == Setting::Sandbox {
        return Vec::new();
    }
    let mut refusals = Vec::new();
    for change in &plan.changes {
        match &change.address {
            Address::Policy { policy_type, name } if change.operation() == Operation::Delete => {
                let what = format!("deletes the {} `{name}`", words(policy_type));
                refusals.push(not_yet(change, &what, "delete it by hand once nothing depends on it"));
            }
            Address::Attachment { policy, target, .. } if change.operation() == Operation::Delete => {
                let what = format!("detaches `{policy}` from {}", org.describe(target));
                refusals.push(not_yet(change, &what, "detach it by hand"));
            }
            Address::Attachment { policy, target: target @ TargetId::Root(_), .. } => {
                let what = format!("attaches `{policy}` to {}, which reaches every account", org.describe(target));
                refusals.push(not_yet(change, &what, "attach it to OUs instead, a test OU first"));
            }
            Address::Policy { policy_type, name } | Address::Attachment { policy_type, policy: name, .. } => {
                refusals.extend(judge(&Case { plan, org, roles, change, name, policy_type }));
            }
            _ => {}
        }
    }
    refusals
}

/// One change of a policy or of its attachment.
struct Case<'a> {
    plan: &'a Plan,
    org: &'a OrgFacts,
    roles: &'a Roles,
    change: &'a Change,
    name: &'a str,
    policy_type: &'a PolicyType,
}

fn judge(case: &Case<'_>) -> Vec<Refusal> {
    match try_judge(case) {
        Ok(refusals) => refusals,
        Err(why) => vec![lock_out(case.change, format!("whether it locks orgward out can't be told: {why}"))],
    }
}

/// Evaluates what the change makes true. The error is why it can't be told.
fn try_judge(case: &Case<'_>) -> Result<Vec<Refusal>, String> {
    let Case { plan, org, roles, change, name, policy_type } = *case;
    if *policy_type != PolicyType::Scp {
        return Err(format!(
            "only service control policies are evaluated so far, and this is a {}",
            words(policy_type)
        ));
    }
    let old = existing(org, policy_type, name)?;
    let planned = plan.changes.iter().find(|other| {
        matches!(&other.address, Address::Policy { policy_type: of, name: it } if of == policy_type && it == name)
    });
    let before = old.map(|policy| policy.content.known()).transpose().map_err(ToString::to_string)?.flatten();
    let after = match planned.and_then(|other| other.after.as_ref()) {
        Some(doc) => doc.0.get("content").and_then(|content| content.as_str()).map(str::to_owned),
        None => before.cloned(),
    };
    let after = after.ok_or_else(|| format!("the content of `{name}` is not known"))?;
    let mut targets: BTreeSet<TargetId> = BTreeSet::new();
    match &change.address {
        Address::Attachment { target, .. } => drop(targets.insert(target.clone())),
        _ if before == Some(&after) => return Ok(Vec::new()),
        _ => {
            if let Some(policy) = old {
                targets.extend(policy.targets.known().map_err(ToString::to_string)?.into_iter().flatten().cloned());
            }
        }
    }
    if let Some(root) = targets.iter().find(|target| matches!(target, TargetId::Root(_))) {
        let what =
            format!("changes `{name}` where it is attached to {}, which reaches every account", org.describe(root));
        return Ok(vec![not_yet(change, &what, "roll the new text out as a new policy, OU by OU")]);
    }
    let readers = readers(org, roles, &targets);
    let parse = |text: &str| {
        Document::parse(text).map_err(|errors| match errors.first() {
            Some(first) => format!("`{name}`: {first}"),
            None => format!("`{name}` is no policy"),
        })
    };
    let document = parse(&after)?;
    let mut refusals: Vec<Refusal> = objections(&after, &document, &readers, NEEDS)?
        .into_iter()
        .map(|objection| lock_out(change, spell(&objection, name, &readers)))
        .collect();
    let changed = before.filter(|before| **before != after && matches!(change.address, Address::Policy { .. }));
    if let Some(before) = changed {
        let lost = losses(&parse(before)?, &document, &readers, NEEDS);
        if let Some((reader, action)) = lost.first() {
            let role = &reader.role;
            let many = if lost.len() > 1 { format!(" and {} more", lost.len() - 1) } else { String::new() };
            refusals.push(lock_out(
                change,
                format!(
                    "`{name}` no longer allows `{action}`{many} to role `{role}` in account {}, which it allowed before: keep the Allow, or attach another policy that has it first",
                    reader.account
                ),
            ));
        }
    }
    Ok(refusals)
}

/// The policy as it is now, if it is there.
fn existing<'a>(org: &'a OrgFacts, kind: &PolicyType, name: &str) -> Result<Option<&'a Policy>, String> {
    let known = match org.policies_of(kind) {
        None => return Ok(None),
        Some(policies) => policies.known().map_err(ToString::to_string)?,
    };
    Ok(known.and_then(|policies| policies.iter().find(|policy| policy.name == name)))
}

/// Every role orgward uses in the accounts under the targets. The management account is left out: no SCP binds it.
fn readers(org: &OrgFacts, roles: &Roles, targets: &BTreeSet<TargetId>) -> Vec<Reader> {
    let mut accounts: BTreeSet<&AccountId> = BTreeSet::new();
    for account in org.accounts.values().filter(|account| !org.is_management(&account.id)) {
        if org.chain(&account.id.clone().into()).iter().any(|at| targets.contains(at)) {
            accounts.insert(&account.id);
        }
    }
    let of_account = |account: &AccountId| {
        let reader = |role: &str| Reader::new(&org.organization, account, role);
        roles.of(account).into_iter().map(reader).collect::<Vec<_>>()
    };
    accounts.into_iter().flat_map(of_account).collect()
}

/// An objection in words.
fn spell(objection: &Objection, policy: &str, readers: &[Reader]) -> String {
    let Objection { statement, role, accounts, actions, doubt } = objection;
    let denies = if doubt.is_some() { "may deny" } else { "denies" };
    let all = readers.iter().filter(|reader| reader.role == *role).count();
    let whom = match accounts.as_slice() {
        [one] => format!("account {one}"),
        [first, ..] if accounts.len() < all => format!("{} accounts, {first} among them,", accounts.len()),
        _ => format!("all {} accounts", accounts.len()),
    };
    let what = match actions.as_slice() {
        [] => String::new(),
        [one] => format!("`{one}`"),
        [first, rest @ ..] => format!("`{first}` and {} more", rest.len()),
    };
    let why = doubt.as_ref().map(|why| format!(" ({why})")).unwrap_or_default();
    format!(
        "{statement} of `{policy}` {denies} {what} to role `{role}` of orgward in {whom}{why}: exempt it with a Condition \"ArnNotLike\": {{\"aws:PrincipalArn\": \"arn:*:iam::*:role/{role}\"}}"
    )
}

fn not_yet(change: &Change, what: &str, instead: &str) -> Refusal {
    lock_out(
        change,
        format!(
            "the plan {what}: outside the sandbox orgward does not do that before it can prove that nobody is locked out; {instead}"
        ),
    )
}

fn lock_out(change: &Change, message: String) -> Refusal {
    Refusal { step: change.step.clone(), address: Some(change.address.clone()), kind: RefusalKind::LockOut, message }
}

fn words(kind: &PolicyType) -> String {
    kind.as_str().to_lowercase().replace('_', " ")
}
