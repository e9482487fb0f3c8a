//! `orgward audit`: every check on every account in scope.

use super::args::{ConnectionArgs, ScopeArgs};
use super::begun::Begun;
use super::connect::Environment;
use super::exemptions::ExemptArgs;
use super::exit::{Failure, Outcome};
use super::notify::{NotifyArgs, Told};
use super::rejudge;
use super::select::SelectArgs;
use super::survey;
use super::told::OutputArgs;
use super::ui::Ui;
use crate::aws::{Memory, Sessions};
use crate::config::KeepFacts;
use crate::model::{SPAN_FORM, Shard, seconds};
use crate::store::StateDir;
use clap::Args;
use jiff::Timestamp;
use std::path::PathBuf;
use tokio_util::sync::CancellationToken;

/// Check every account in scope against the catalogue
#[derive(Debug, Args)]
pub struct AuditArgs {
    #[command(flatten)]
    pub(super) connection: ConnectionArgs,
    #[command(flatten)]
    pub scope: ScopeArgs,
    #[command(flatten)]
    pub select: SelectArgs,
    #[command(flatten)]
    pub(super) exempt: ExemptArgs,
    #[command(flatten)]
    pub run: RunArgs,
    #[command(flatten)]
    pub(super) output: OutputArgs,
    #[command(flatten)]
    notify: NotifyArgs,
}

/// What an audit that is gone on with was asked when it began.
const NOT_AGAIN: [&str; 11] =
    ["ScopeArgs", "frameworks", "checks", "deep", "events", "checks_dir", "since", "org", "shard", "as_of", "from"];

/// What can't be chosen where nothing is asked.
const NOT_ASKED: [&str; 6] = ["deep", "events", "since", "org", "shard", "regions"];

/// From where an audit begins, and what it keeps.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Run")]
pub struct RunArgs {
    /// Go on with an audit that was stopped (an id, or `last`): accounts that are done are not asked again
    #[arg(long, value_name = "RUN", conflicts_with_all = NOT_AGAIN)]
    pub resume: Option<String>,
    /// Reuse facts of an earlier audit (an id, or `last`) that are not older than --max-age
    #[arg(long, value_name = "RUN", requires = "max_age")]
    pub since: Option<String>,
    /// How old a fact may be to be reused, such as 12h
    #[arg(long, value_name = "TIME", requires = "since", value_parser = span)]
    pub max_age: Option<u64>,
    /// Judge the facts that RUN keeps again, with nothing asked of AWS; an id, `last`, or the directory of a run
    #[arg(long, value_name = "RUN", conflicts_with_all = NOT_ASKED)]
    pub from: Option<String>,
    /// Compute ages and expiry as of this moment, such as 2026-11-01 [default: the start, or the moment of --org or --from]
    #[arg(long, value_name = "MOMENT", value_parser = moment)]
    pub as_of: Option<Timestamp>,
    /// Take the organization from a file that `orgward org --out` wrote, and ask accounts alone
    #[arg(long, value_name = "FILE")]
    pub org: Option<PathBuf>,
    /// Audit one of N parts of the accounts, counted from 0, such as 0/8
    #[arg(long, value_name = "I/N", requires = "org")]
    pub shard: Option<Shard>,
    #[command(flatten)]
    pub(super) keep: KeepArgs,
}

/// How long facts are kept.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Run")]
pub(super) struct KeepArgs {
    /// How long the facts are kept beside the findings: `no`, `always` or a time [default: 7d]
    #[arg(long, env = "ORGWARD_KEEP_FACTS", value_name = "TIME")]
    pub keep_facts: Option<KeepFacts>,
}

/// A time with a unit.
fn span(text: &str) -> Result<u64, String> {
    seconds(text).ok_or_else(|| format!("write {SPAN_FORM}"))
}

/// A moment, or a day: its first moment in UTC.
pub fn moment(text: &str) -> Result<Timestamp, String> {
    let wrong = |_| "write a moment such as 2026-11-01T00:00:00Z, or a day such as 2026-11-01".to_owned();
    match text.len() {
        10 => format!("{text}T00:00:00Z").parse().map_err(wrong),
        _ => text.parse().map_err(wrong),
    }
}

/// Runs the command.
pub async fn run(args: &AuditArgs, ui: &Ui, cancel: &CancellationToken) -> Outcome {
    args.output.check()?;
    let settings = args.connection.settings_with(|flags| {
        flags.keep_facts = args.run.keep.keep_facts;
        flags.exemptions.clone_from(&args.exempt.exemptions);
        flags.notify.clone_from(&args.notify.notify);
    })?;
    let thresholds = survey::thresholds(&settings)?;
    let told = Told::of(&settings)?;
    let state = StateDir::open(&settings.state_dir).map_err(Failure::error)?;
    if let Some(from) = &args.run.from {
        return rejudge::run(args, from, (&settings, thresholds, &told), &state, ui, cancel).await;
    }
    let begun = match &args.run.resume {
        Some(run) => Begun::again(&state, run, (&settings, &thresholds), ui)?,
        None => Begun::anew(args, &state, &settings, ui)?,
    };
    let environment = Environment { memory: remembered(&state, ui), shards: begun.shards(), ..Environment::real() };
    let sessions = environment.connect(&settings).await?;
    let audited = begun.run(&sessions, &settings, (&state, thresholds), ui, cancel).await?.remembering(&state, ui)?;
    remember(&state, &sessions, ui);
    let exit = audited.told(|report| match args.output.is_for_people() && report.interrupted {
        true => args.output.cut_short(report, ui),
        false => args.output.tell(report, &args.connection.config_name(), ui),
    })?;
    told.audit(&audited, exit, Some(&sessions), ui).await;
    audited.close(&state, &settings, sessions.clock().now(), ui)?;
    Ok(exit)
}

/// The name under which limits are kept: accounts are in one organization only.
const LIMITS: &str = "limits";

/// What runs before learned of limits that AWS does not publish. It only saves time: without it the run goes on.
pub(super) fn remembered(state: &StateDir, ui: &Ui) -> Memory {
    let kept = state.load_learned::<Memory>(LIMITS);
    kept.map(Option::unwrap_or_default).unwrap_or_else(|why| {
        ui.warn(&format!("what was learned of limits can't be used, they are found out again: {why}"));
        Memory::default()
    })
}

/// Keeps what the run learned of limits, beside what others learned meanwhile. A file that can't be read stays as it is: a
/// later orgward may have written it.
fn remember(state: &StateDir, sessions: &Sessions, ui: &Ui) {
    let Ok(kept) = state.load_learned::<Memory>(LIMITS).map(Option::unwrap_or_default) else { return };
    let now = sessions.memory(&kept);
    if now == kept {
        return;
    }
    let saved = state.save_learned(LIMITS, &now);
    saved.unwrap_or_else(|why| ui.warn(&format!("what was learned of limits is not kept: {why}")));
}
