//! `orgward permissions`: the policies that what is asked for takes, and nothing more.
//!
//! Owns: the flags that say what is asked for, which `bootstrap` shares. Must not: ask AWS.

use super::args::{ConnectionArgs, key_value};
use super::exit::{Exit, Failure, Outcome};
use super::plan::PlaybookArgs;
use super::select::SelectArgs;
use super::ui::{Ui, pretty};
use crate::config::Settings;
use crate::grants::{self, Grants, Names, Needs, document};
use crate::model::AccountId;
use crate::model::check::Fact;
use crate::playbook::Playbook;
use clap::{Args, ValueEnum};
use serde::Serialize;

/// Print the least-privilege policies for some checks and playbooks; nothing is asked of AWS
#[derive(Debug, Args)]
pub struct PermissionsArgs {
    #[command(flatten)]
    connection: ConnectionArgs,
    #[command(flatten)]
    needs: NeedsArgs,
    /// Print the policy of one principal alone, ready for `aws iam create-policy`
    #[arg(long = "for", value_enum, value_name = "PRINCIPAL")]
    principal: Option<Principal>,
}

/// What orgward is to be able to do.
#[derive(Debug, Clone, Args)]
pub struct NeedsArgs {
    #[command(flatten)]
    select: SelectArgs,
    /// Also allow what a playbook changes: a YAML file, or the name of a shipped one; repeatable
    #[arg(long = "playbook", value_name = "PLAYBOOK", help_heading = "Playbooks")]
    playbooks: Vec<String>,
    /// Value of a playbook's parameter; repeatable
    #[arg(long = "set", value_name = "NAME=VALUE", value_parser = key_value, requires = "playbooks", help_heading = "Playbooks")]
    values: Vec<(String, String)>,
    /// Also allow `plan --simulate`
    #[arg(long, requires = "playbooks", help_heading = "Playbooks")]
    simulate: bool,
    /// Bind the policies to this management account
    #[arg(long, value_name = "ID", help_heading = "Organization")]
    management_account: Option<AccountId>,
    /// orgward is run from this delegated administrator: roles trust it, and not the management account, which gets them too
    #[arg(long, value_name = "ID", help_heading = "Organization")]
    delegated_administrator: Option<AccountId>,
    /// The partition of the ARNs
    #[arg(long, value_enum, default_value_t = Partition::Aws, help_heading = "Organization")]
    partition: Partition,
}

/// Partitions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Partition {
    /// Commercial Regions
    Aws,
    /// China
    AwsCn,
    /// GovCloud
    AwsUsGov,
    /// European Sovereign Cloud
    AwsEusc,
}

/// Who is given a policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Principal {
    /// Whoever runs org, audit and plan, in the management account or the delegated administrator
    AuditCaller,
    /// The role assumed in members to look
    AuditRole,
    /// Whoever runs apply, resume and rollback, beside the policy of audit-caller
    ApplyCaller,
    /// The role assumed in members to change things
    ApplyRole,
}

impl NeedsArgs {
    /// What is asked for takes this.
    ///
    /// # Errors
    /// If a check, framework or playbook is not there or wrong.
    pub fn grants(&self, settings: &Settings) -> Result<(Grants, Names), Failure> {
        let selected = self.select.resolve()?;
        let playbooks = playbooks(&self.playbooks, &self.values, settings)?;
        let needs = Needs { simulate: self.simulate, ..needs(settings, selected.wanted.facts()) };
        if self.delegated_administrator.is_some() && self.delegated_administrator == self.management_account {
            return Err(Failure::usage([
                "--delegated-administrator names the management account, which needs no delegation: leave it out",
            ]));
        }
        let partition = match self.partition {
            Partition::Aws => "aws",
            Partition::AwsCn => "aws-cn",
            Partition::AwsUsGov => "aws-us-gov",
            Partition::AwsEusc => "aws-eusc",
        };
        let delegated = self.delegated_administrator.clone();
        let names = names(settings, partition, self.management_account.clone(), delegated);
        Ok((grants::grants(&needs.and_playbooks(&playbooks), &names), names))
    }
}

/// What reading these facts takes, with sessions as the settings make them.
pub fn needs(settings: &Settings, facts: impl Iterator<Item = Fact>) -> Needs {
    Needs {
        facts: facts.collect(),
        session_tags: !settings.session_tags.is_empty(),
        source_identity: settings.source_identity.is_some(),
        ..Needs::default()
    }
}

/// The names that the settings give; `delegated`: the account that orgward is run from, if that is not the management account.
pub fn names(
    settings: &Settings,
    partition: &str,
    management: Option<AccountId>,
    delegated: Option<AccountId>,
) -> Names {
    let others = settings.accounts.iter();
    Names {
        partition: partition.to_owned(),
        audit_role: settings.role_name.clone(),
        apply_role: settings.apply_role_name.clone(),
        other_roles: others.filter_map(|(account, other)| Some((account.clone(), other.role_name.clone()?))).collect(),
        management,
        delegated,
    }
}

/// The playbooks that roles are made or judged for.
///
/// # Errors
/// As [`PlaybookArgs::load`]; if there are some, and one role is to look and to change things.
pub fn playbooks(names: &[String], values: &[(String, String)], settings: &Settings) -> Result<Vec<Playbook>, Failure> {
    let playbooks = PlaybookArgs { playbooks: names.to_vec(), values: values.to_vec() }.load(settings)?;
    if settings.role_name != settings.apply_role_name || playbooks.is_empty() {
        return Ok(playbooks);
    }
    Err(Failure::usage([format!(
        "`{}` is the name of both roles: whoever looks must not be able to change things, give --apply-role-name",
        settings.role_name
    )]))
}

/// Every policy by its principal; those without one are left out.
#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct All<'a> {
    audit_caller: grants::Document<'a>,
    audit_role: grants::Document<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    apply_caller: Option<grants::Document<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    apply_role: Option<grants::Document<'a>>,
}

/// Runs the command.
pub fn run(args: &PermissionsArgs, ui: &Ui) -> Outcome {
    let (grants, _) = args.needs.grants(&args.connection.settings()?)?;
    let Grants { audit_caller, audit_role, apply_caller, apply_role } = &grants;
    let some = |grants| Some(grants).filter(|grants: &&Vec<_>| !grants.is_empty()).map(|grants| document(grants));
    let text = match args.principal {
        None => pretty(&All {
            audit_caller: document(audit_caller),
            audit_role: document(audit_role),
            apply_caller: some(apply_caller),
            apply_role: some(apply_role),
        })?,
        Some(principal) => {
            let chosen = match principal {
                Principal::AuditCaller => audit_caller,
                Principal::AuditRole => audit_role,
                Principal::ApplyCaller => apply_caller,
                Principal::ApplyRole => apply_role,
            };
            if chosen.is_empty() {
                return Err(Failure::usage([
                    "nothing is changed there, so nothing is needed: name what is to be applied with --playbook",
                ]));
            }
            pretty(&document(chosen))?
        }
    };
    ui.data(&text)?;
    Ok(Exit::Clean)
}
