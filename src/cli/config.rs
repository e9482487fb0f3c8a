//! `orgward config`: the settings a run would use, and where each came from. Secrets are not shown.

use super::args::ConnectionArgs;
use super::audit::KeepArgs;
use super::exemptions::ExemptArgs;
use super::exit::{Exit, Failure, Outcome};
use super::notify::NotifyArgs;
use super::ui::Ui;
use crate::config::{Origin, Settings};
use crate::report::text::plain;
use clap::{Args, Subcommand};
use serde::Serialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::Path;

/// Show the settings a run would use, and where each came from
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct ConfigArgs {
    #[command(flatten)]
    given: GivenArgs,
    #[command(subcommand)]
    command: Option<ConfigCommand>,
}

/// Every flag that is a setting.
#[derive(Debug, Args)]
pub struct GivenArgs {
    #[command(flatten)]
    connection: ConnectionArgs,
    #[command(flatten)]
    exempt: ExemptArgs,
    #[command(flatten)]
    keep: KeepArgs,
    #[command(flatten)]
    notify: NotifyArgs,
}

#[derive(Debug, Subcommand)]
enum ConfigCommand {
    /// Show the settings a run would use, and where each came from: what `orgward config` alone does
    Show {
        #[command(flatten)]
        given: Box<GivenArgs>,
    },
}

/// A setting as shown.
#[derive(Debug, Serialize)]
pub struct Shown {
    value: Value,
    from: &'static str,
}

/// Runs the command.
pub fn run(args: &ConfigArgs, ui: &Ui) -> Outcome {
    let given = match &args.command {
        Some(ConfigCommand::Show { given }) => given,
        None => &args.given,
    };
    let settings = given.connection.settings_with(|flags| {
        flags.keep_facts = given.keep.keep_facts;
        flags.exemptions.clone_from(&given.exempt.exemptions);
        flags.notify.clone_from(&given.notify.notify);
    })?;
    let text = serde_yaml::to_string(&shown(&settings)).map_err(Failure::error)?;
    ui.data(&format!("{}{text}", file(&given.connection.config_name())))?;
    Ok(Exit::Clean)
}

/// Which file was read, as a comment: without one, someone in another folder wonders where their settings went.
fn file(name: &str) -> String {
    let name = plain(name);
    match Path::new(&name).exists() {
        true => format!("# config file: {name}\n"),
        false => format!("# no config file: there is no {name} here\n"),
    }
}

pub fn shown(settings: &Settings) -> BTreeMap<&'static str, Shown> {
    let hidden = |secret: bool| if secret { json!("(set, not shown)") } else { Value::Null };
    let values = [
        ("role_name", json!(settings.role_name)),
        ("external_id", hidden(settings.external_id.is_some())),
        ("apply_role_name", json!(settings.apply_role_name)),
        ("apply_external_id", hidden(settings.apply_external_id.is_some())),
        ("session_name", json!(settings.session_name)),
        ("session_duration_seconds", json!(settings.session_duration)),
        ("source_identity", json!(settings.source_identity)),
        ("session_tags", json!(settings.session_tags)),
        ("accounts", json!(settings.accounts.keys().collect::<Vec<_>>())),
        ("thresholds", json!(settings.thresholds)),
        ("root_email_patterns", json!(settings.root_email_patterns)),
        ("profile", json!(settings.profile)),
        ("region", json!(settings.region)),
        ("max_concurrency", json!(settings.max_concurrency)),
        ("share", json!(settings.share.to_string())),
        ("state_dir", json!(settings.state_dir)),
        ("keep_facts", json!(settings.keep_facts)),
        ("quotas_file", json!(settings.quotas_file)),
        ("policy_quotas_file", json!(settings.policy_quotas_file)),
        ("break_glass_roles", json!(settings.break_glass_roles)),
        ("protected_principals", json!(settings.protected_principals)),
        ("exemptions", json!(settings.exemptions)),
        ("notify", json!(super::notify::shown(settings))),
    ];
    values
        .into_iter()
        .map(|(name, value)| {
            let from = settings.origins.get(name).copied().unwrap_or(Origin::Default).as_str();
            (name, Shown { value, from })
        })
        .collect()
}
