//! `orgward bootstrap`: the files that give an organization the roles orgward needs.
//!
//! Must not: ask AWS, or write over what is there.

use super::args::ConnectionArgs;
use super::exit::{Exit, Failure, Outcome};
use super::permissions::NeedsArgs;
use super::ui::Ui;
use crate::bootstrap::{self, Setup};
use crate::model::Region;
use crate::report::text::count;
use crate::store;
use clap::Args;
use std::path::PathBuf;

/// Write what the organization needs: roles and their policies, as CloudFormation, Terraform and AWS CLI
#[derive(Debug, Args)]
pub struct BootstrapArgs {
    /// Folder to write to; it must not exist, or be empty
    #[arg(long, alias = "output", value_name = "DIR")]
    out: PathBuf,
    #[command(flatten)]
    connection: ConnectionArgs,
    #[command(flatten)]
    needs: NeedsArgs,
}

/// The shortest `MaxSessionDuration` of a role, in seconds (IAM API reference, `CreateRole`).
const SHORTEST: u32 = 3_600;

/// Runs the command.
pub fn run(args: &BootstrapArgs, ui: &Ui) -> Outcome {
    let settings = args.connection.settings()?;
    let (grants, names) = args.needs.grants(&settings)?;
    let region = match &settings.region {
        Some(region) => region.clone(),
        None => "us-east-1".parse::<Region>().map_err(Failure::error)?,
    };
    let session_seconds = settings.session_duration.unwrap_or(SHORTEST).max(SHORTEST);
    let setup = Setup { grants: &grants, names: &names, region, session_seconds };
    let files = bootstrap::files(&setup).map_err(Failure::error)?;
    store::write_folder(&args.out, files.iter().map(|file| (file.path.as_str(), file.text.as_bytes(), file.runs)))
        .map_err(Failure::error)?;
    ui.say(&format!("{} written to {1}; begin with {1}/README.md", count(files.len(), "file"), args.out.display()));
    Ok(Exit::Clean)
}
