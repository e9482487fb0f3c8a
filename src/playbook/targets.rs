//! From targets as written to targets of an organization, and the accounts they reach.
//!
//! Must not: decide changes.

use super::errors::{LoadError, LoadErrors};
use super::schema::{Action, Playbook, TargetRef};
use crate::model::org::{Account, AccountState};
use crate::model::scope::{Scope, ScopeError, find_ou};
use crate::model::{AccountId, OrgFacts, TargetId};

/// Why a target is not one of the organization's.
pub(super) struct WrongTarget {
    /// What is wrong.
    pub message: String,
    /// The nearest right one.
    pub hint: Option<String>,
}

/// The target that `text` names: `root`, `/` or the root's id; an account id; an OU's id or path.
pub(super) fn resolve(text: &str, org: &OrgFacts) -> Result<TargetId, WrongTarget> {
    let wrong = |message: String| WrongTarget { message, hint: None };
    if text == "root" {
        return Ok(org.root.id.clone());
    }
    match text.parse::<TargetId>() {
        Ok(TargetId::Account(id)) if org.accounts.contains_key(&id) => return Ok(id.into()),
        Ok(TargetId::Account(id)) => return Err(wrong(format!("account `{id}` is not in the organization"))),
        Ok(TargetId::Root(id)) if id != org.root.id.as_str() => {
            let hint = Some(format!("its root is `{}`", org.root.id));
            return Err(WrongTarget { message: format!("root `{id}` is not this organization's"), hint });
        }
        _ => {}
    }
    if !text.is_empty() && text.chars().all(|c| c.is_ascii_digit()) {
        return Err(wrong(format!("`{text}` is not an account id (12 digits)")));
    }
    find_ou(text, org).map_err(|error| match error {
        ScopeError::UnknownOu { name, hint } => {
            let hint = hint.trim_start_matches(", ").to_owned();
            let message = format!("OU `{name}` is not in the organization");
            WrongTarget { message, hint: Some(hint).filter(|hint| !hint.is_empty()) }
        }
        other => wrong(other.to_string()),
    })
}

/// Every target, and every Region, of the playbooks that the organization does not have, with its place in the playbook.
///
/// # Errors
/// All of them at once, each with the nearest path.
pub fn check_targets(playbooks: &[Playbook], org: &OrgFacts) -> Result<(), LoadErrors> {
    let mut errors = Vec::new();
    for playbook in playbooks {
        for parameter in &playbook.parameters {
            for (region, near) in org.unknown_regions(&parameter.regions) {
                let message = format!("parameter `{}`: there is no Region `{region}`", parameter.name);
                let error = LoadError::new(&playbook.source, parameter.at, message);
                errors.push(match near {
                    Some(near) => error.hint(format!("did you mean `{near}`?")),
                    None => error,
                });
            }
        }
        let ous = playbook.rollout.iter().flat_map(|rollout| rollout.ous());
        for target in playbook.steps.iter().flat_map(|step| targets_of(&step.action)).chain(ous) {
            if let Err(wrong) = resolve(&target.text, org) {
                let error = LoadError::new(&playbook.source, target.at, wrong.message);
                errors.push(match wrong.hint {
                    Some(hint) => error.hint(hint),
                    None => error,
                });
            }
        }
    }
    if errors.is_empty() { Ok(()) } else { Err(LoadErrors::sorted(errors)) }
}

fn targets_of(action: &Action) -> &[TargetRef] {
    match action {
        Action::Scp(spec) => &spec.targets,
        Action::Packed(spec) => spec.policies.first().map(|first| first.targets.as_slice()).unwrap_or_default(),
        Action::PasswordPolicy(spec) => spec.targets.as_deref().unwrap_or_default(),
        Action::EventAlarms(_) => &[],
    }
}

/// The accounts at or below a target, in id order.
pub(super) fn under<'o>(org: &'o OrgFacts, target: &TargetId) -> Vec<&'o Account> {
    match target {
        // An account is itself: no need to walk every chain of the organization.
        TargetId::Account(id) => org.accounts.get(id).into_iter().collect(),
        _ => org.accounts_under(target),
    }
}

/// The accounts an SCP at `target` reaches, in words; the management account is named as not bound.
pub(super) fn reached(org: &OrgFacts, target: &TargetId) -> Vec<String> {
    under(org, target).into_iter().map(|account| in_words(org, account)).collect()
}

fn in_words(org: &OrgFacts, account: &Account) -> String {
    let (name, path) = (org.describe(&account.id.clone().into()), org.path(&account.id.clone().into()));
    let remark = match account.state.why_not_audited() {
        _ if org.is_management(&account.id) => ", the management account: SCPs do not bind it",
        Some(why) => &format!(", {why}"),
        None => "",
    };
    format!("{name} in {path}{remark}")
}

/// The accounts an SCP at `target` binds although they are out of scope.
///
/// Suspended and closed accounts do nothing an SCP could stop, so they do not count. One that is not activated yet does: no
/// scope holds it, and the SCP binds it from its first call on.
pub(super) fn out_of_scope(org: &OrgFacts, scope: &Scope, target: &TargetId) -> Vec<AccountId> {
    under(org, target)
        .into_iter()
        .filter(|account| !org.is_management(&account.id))
        .filter(|account| !matches!(account.state, AccountState::Suspended | AccountState::Closed))
        .filter(|account| !scope.contains(&account.id))
        .map(|account| account.id.clone())
        .collect()
}
