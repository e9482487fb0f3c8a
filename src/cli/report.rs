//! `orgward report`: a kept audit, told again in any form, with nothing asked of AWS.

use super::args::ConnectionArgs;
use super::exit::{Failure, Outcome};
use super::kept_audit::KeptAudit;
use super::past;
use super::select;
use super::told::OutputArgs;
use super::ui::Ui;
use crate::store::StateDir;
use clap::Args;

/// Report a kept audit again, in any form; nothing is asked of AWS
#[derive(Debug, Args)]
pub struct ReportArgs {
    /// The run, as `orgward runs list` names it, or `last` (`last~1`, ...) for the last audit that ended (the one before, ...)
    #[arg(value_name = "RUN")]
    run: String,
    /// Report by the controls of a framework (such as cis-5.0) whose checks the audit ran; repeatable
    #[arg(long = "framework", value_name = "NAME")]
    frameworks: Vec<String>,
    /// Tell what changed since this earlier audit, and close what is gone since (ocsf, asff); without it, since the newest before RUN
    /// that was asked the same
    #[arg(long, value_name = "BEFORE")]
    against: Option<String>,
    #[command(flatten)]
    connection: ConnectionArgs,
    #[command(flatten)]
    output: OutputArgs,
}

/// Runs the command.
pub fn run(args: &ReportArgs, ui: &Ui) -> Outcome {
    args.output.check()?;
    let state = StateDir::open(&args.connection.settings()?.state_dir).map_err(Failure::error)?;
    let frameworks = select::by_name(&args.frameworks)?;
    let kept = KeptAudit::of_before(past::audit(&state, &args.run)?)?;
    let kept = match &args.against {
        Some(before) => kept.against(&past::audit(&state, before)?, &state, ui)?,
        None => kept.remembering(&state, ui)?,
    };
    let kept = kept.by(frameworks)?;
    kept.told(|report| args.output.tell(report, &args.connection.config_name(), ui))
}
