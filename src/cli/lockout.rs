//! The lock-out proof, held against what a run is told: every command that carries out a plan goes through here.

use super::exit::Failure;
use crate::config::Settings;
use crate::lockout::{Protected, Roles, Terms, prove};
use crate::model::plan::RefusalKind;
use crate::model::{OrgFacts, Plan, Region, TargetId, os_words};
use clap::Args;
use std::collections::BTreeSet;

/// What a lock-out proof may be overruled by.
#[derive(Debug, Clone, Default, Args)]
pub struct LockoutArgs {
    /// Go on although someone protected may be locked out at this root, OU or account; repeatable
    #[arg(long = "accept-lockout-risk", value_name = "TARGET_ID")]
    pub accepted: Vec<TargetId>,
}

/// What a plan is proved on: settings, Regions in scope and accepted risks.
#[derive(Debug, Clone, Copy)]
pub struct Ground<'g> {
    /// Names of roles, and the file of protected principals.
    pub settings: &'g Settings,
    /// The Regions in scope; empty means every one.
    pub regions: &'g [Region],
    /// What was accepted.
    pub args: &'g LockoutArgs,
}

impl Ground<'_> {
    /// Does something under the terms of the proof.
    ///
    /// # Errors
    /// If the file of protected principals can't be used.
    pub fn with<T>(&self, act: impl FnOnce(&Terms<'_>) -> T) -> Result<T, Failure> {
        let protected = protected(self.settings)?;
        let roles = roles(self.settings);
        let accepted: BTreeSet<TargetId> = self.args.accepted.iter().cloned().collect();
        let regions = (!self.regions.is_empty()).then_some(self.regions);
        Ok(act(&Terms { protected: &protected, roles: &roles, regions, accepted: &accepted }))
    }
}

/// Reads what the proof needs before anything is called: a misspelled path is told at once.
///
/// # Errors
/// If the file of protected principals can't be used.
pub fn check(settings: &Settings) -> Result<(), Failure> {
    protected(settings).map(drop)
}

/// Proves a plan anew, over the Regions it names: its refusals for lock-out become those of the organization as it is now.
///
/// # Errors
/// If the file of protected principals can't be used.
pub fn guard(plan: &mut Plan, org: &OrgFacts, settings: &Settings, args: &LockoutArgs) -> Result<(), Failure> {
    let regions = plan.regions.clone();
    let proof = Ground { settings, regions: &regions, args }.with(|terms| prove(org, plan, terms))?;
    plan.refusals.retain(|refusal| refusal.kind != RefusalKind::LockOut);
    plan.refusals.extend(proof.refusals);
    for note in proof.notes {
        if !plan.notes.contains(&note) {
            plan.notes.push(note);
        }
    }
    Ok(())
}

fn protected(settings: &Settings) -> Result<Protected, Failure> {
    let embedded = Protected::embedded().map_err(Failure::error)?;
    let Some(path) = &settings.protected_principals else { return Ok(embedded) };
    let name = path.display().to_string();
    let text = std::fs::read_to_string(path).map_err(|error| {
        Failure::usage([format!("protected principals `{name}` can't be read: {}", os_words(&error))])
    })?;
    embedded.with_file(&name, &text).map_err(|error| Failure::usage([error]))
}

/// The names of the roles that must not be locked out.
fn roles(settings: &Settings) -> Roles {
    let mut roles = Roles::new(&settings.role_name, &settings.apply_role_name);
    roles.break_glass.clone_from(&settings.break_glass_roles);
    for (account, entry) in &settings.accounts {
        if let Some(name) = &entry.role_name {
            roles.overrides.insert(account.clone(), (name.clone(), settings.apply_role_name.clone()));
        }
    }
    roles
}
