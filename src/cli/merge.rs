//! `orgward merge`: the runs of all shards of an audit become one run, told as an audit is.

use super::args::ConnectionArgs;
use super::exit::{Failure, Outcome};
use super::kept_audit::KeptAudit;
use super::select::Selected;
use super::told::OutputArgs;
use super::ui::Ui;
use crate::audit::{self, Job, MergeError};
use crate::aws::Clock;
use crate::report::text::{count, plain};
use crate::store::{Run, StateDir, StoreError};
use clap::Args;
use std::path::PathBuf;

/// Join the runs of all shards of an audit into one run, and report it as one machine would have
#[derive(Debug, Args)]
pub struct MergeArgs {
    /// The run directory of every shard, in any order (such as STATE_DIR/runs/20260718T100000Z-4000)
    #[arg(value_name = "RUN_DIR", required = true)]
    runs: Vec<PathBuf>,
    #[command(flatten)]
    connection: ConnectionArgs,
    #[command(flatten)]
    output: OutputArgs,
}

/// Runs the command. Nothing is asked of AWS.
pub fn run(args: &MergeArgs, ui: &Ui) -> Outcome {
    args.output.check()?;
    let runs = opened(&args.runs)?;
    let selected = selected(&runs)?;
    let state = StateDir::open(&args.connection.settings()?.state_dir).map_err(Failure::error)?;
    let merged = audit::merge(&runs, &state, Clock::system().now()).map_err(|error| match error {
        MergeError::Refused(refusals) => Failure::usage(refusals),
        other => Failure::error(other),
    })?;
    let facts = if merged.facts { "facts and findings" } else { "findings" };
    ui.say(&format!("Run {} keeps {facts} of {}", merged.run.id(), count(runs.len(), "shard")));
    let kept = KeptAudit::joined(merged, selected)?.remembering(&state, ui)?;
    kept.told(|report| args.output.tell(report, &args.connection.config_name(), ui))
}

/// The runs of these directories.
///
/// # Errors
/// All that can't be opened, at once.
fn opened(dirs: &[PathBuf]) -> Result<Vec<Run>, Failure> {
    let (mut runs, mut wrong) = (Vec::new(), Vec::new());
    for dir in dirs {
        match Run::at(dir) {
            Ok(run) => runs.push(run),
            Err(StoreError::NoRun(_)) => wrong.push(format!(
                "`{}` is not the directory of a run: those are called as STATE_DIR/runs/20260718T100000Z-4000",
                plain(&dir.display().to_string())
            )),
            Err(error) => wrong.push(error.to_string()),
        }
    }
    if wrong.is_empty() { Ok(runs) } else { Err(Failure::usage(wrong)) }
}

/// What the shards were asked, as this orgward knows it: a report needs the words of every check.
///
/// # Errors
/// If another orgward audited them, or a custom check is not there or another one.
fn selected(runs: &[Run]) -> Result<Selected, Failure> {
    let Some(first) = runs.first() else { return Ok(Selected::default()) };
    let job: Job = audit::job(first).map_err(Failure::error)?;
    let own = env!("CARGO_PKG_VERSION");
    if job.orgward != own {
        return Err(Failure::usage([format!(
            "the shards were audited by orgward {}, and this is orgward {own}: join them with that one",
            plain(&job.orgward)
        )]));
    }
    Selected::of_job(&job)
}
