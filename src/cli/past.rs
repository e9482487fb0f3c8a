//! A run of before, as resume, rollback and runs open it: its plan, its journal, and how far it came.

use super::args::ScopeArgs;
use super::exit::{Exit, Failure};
use super::survey::{self, Survey};
use super::ui::Ui;
use crate::audit::{self, Job};
use crate::aws::Sessions;
use crate::execute::{self, Progress};
use crate::model::Plan;
use crate::report::text::plain;
use crate::store::{self, JournalContents, Manifest, Run, RunId, RunStatus, StateDir};
use std::path::Path;
use tokio_util::sync::CancellationToken;

/// A run of before.
pub struct Past {
    /// The run.
    pub run: Run,
    /// Its plan, held against its digest.
    pub plan: Plan,
    /// How far its journal came.
    pub progress: Progress,
}

/// The id of a run as given on the command line.
///
/// # Errors
/// If it is no id.
pub fn id(text: &str) -> Result<RunId, Failure> {
    text.parse().map_err(|error| Failure::usage([format!("{error}; see `orgward runs list`")]))
}

/// Whether the state directory has a run of this id.
///
/// # Errors
/// If it can't be read.
pub fn is_kept(state: &StateDir, id: &RunId) -> Result<bool, Failure> {
    Ok(state.runs().map_err(Failure::error)?.contains(id))
}

/// Opens a run by its id.
///
/// # Errors
/// If there is none, or its manifest can't be read.
pub fn run(state: &StateDir, id: &RunId) -> Result<Run, Failure> {
    if !is_kept(state, id)? {
        return Err(Failure::usage([format!("there is no run `{id}`; see `orgward runs list`")]));
    }
    state.run(id).map_err(Failure::error)
}

/// A run of any command by its id, or the last one (`last`), however it ended.
///
/// # Errors
/// If there is none, or its manifest can't be read.
pub fn any(state: &StateDir, text: &str) -> Result<Run, Failure> {
    if text != "last" {
        return run(state, &id(text)?);
    }
    match state.runs().map_err(Failure::error)?.last() {
        Some(id) => state.run(id).map_err(Failure::error),
        None => Err(Failure::usage(["no run is kept yet"])),
    }
}

/// How far back `last` (0) or `last~N` (N) goes; `None` for anything else.
fn back(text: &str) -> Option<usize> {
    match text.split_once('~') {
        Some(("last", back)) => back.parse().ok(),
        _ => (text == "last").then_some(0),
    }
}

/// The last run that `of` this kind is true of, or the one `back` of such runs before it; else how many there are.
fn nth_last(state: &StateDir, back: usize, of: impl Fn(&Manifest) -> bool) -> Result<Result<Run, usize>, Failure> {
    // What can't be read is told by `runs list`; it hides no run behind it.
    let runs = state.runs().map_err(Failure::error)?.into_iter().rev().filter_map(|id| state.run(&id).ok());
    let mut found = 0;
    for run in runs.filter(|run| of(run.manifest())) {
        if found == back {
            return Ok(Ok(run));
        }
        found += 1;
    }
    Ok(Err(found))
}

/// A run by its id; or the last one that `of` this kind is true of (`last`), or the Nth before it (`last~N`). `what` says in
/// messages which runs those are.
///
/// # Errors
/// If there is none, or its manifest can't be read.
pub fn of_kind(state: &StateDir, text: &str, what: &str, of: impl Fn(&Manifest) -> bool) -> Result<Run, Failure> {
    let Some(back) = back(text) else { return run(state, &id(text)?) };
    nth_last(state, back, of)?.map_err(|found| {
        none_kept(&match found {
            0 => format!("no {what} is kept"),
            1 => format!("of `{text}` there is none: 1 {what} is kept"),
            some => format!("of `{text}` there is none: {some} of {what} are kept"),
        })
    })
}

/// An audit's run by its id; or the last one that ended (`last`), or the Nth that ended before it (`last~N`).
///
/// # Errors
/// If there is none, or its manifest can't be read.
pub fn audit(state: &StateDir, text: &str) -> Result<Run, Failure> {
    let Some(back) = back(text) else {
        let run = run(state, &id(text)?)?;
        job(&run)?;
        return Ok(run);
    };
    let ended = |manifest: &Manifest| manifest.command == "audit" && manifest.status == RunStatus::Done;
    nth_last(state, back, ended)?.map_err(|found| {
        none_kept(&match found {
            0 => "no audit that ended is kept".to_owned(),
            1 => format!("of `{text}` there is none: 1 audit that ended is kept"),
            some => format!("of `{text}` there is none: {some} audits that ended are kept"),
        })
    })
}

fn none_kept(why: &str) -> Failure {
    Failure::usage([format!("{why}; see `orgward runs list`")])
}

/// A snapshot: the audit of a run by its id, `last`, or its directory, of whatever state directory that is.
///
/// # Errors
/// As [`audit`]; if the directory is no run's.
pub fn snapshot(state: &StateDir, text: &str) -> Result<Run, Failure> {
    let path = Path::new(text);
    if !text.contains(std::path::MAIN_SEPARATOR) && !path.is_dir() {
        return audit(state, text);
    }
    let run = Run::at(path).map_err(|error| Failure::usage([error]))?;
    job(&run)?;
    Ok(run)
}

/// The description of a run, if it is an audit's.
///
/// # Errors
/// If it is not, or can't be read.
pub fn job(run: &Run) -> Result<Job, Failure> {
    if run.manifest().command != "audit" {
        let (id, command) = (run.id(), plain(&run.manifest().command));
        return Err(Failure::usage([format!("run `{id}` is of `{command}`, not an audit; see `orgward runs list`")]));
    }
    audit::job(run).map_err(Failure::error)
}

impl Past {
    /// Reads the plan and the journal of a run. A torn end is told: nothing was done under it.
    ///
    /// # Errors
    /// If the run has no plan, the plan was edited, or the journal is damaged or of another plan.
    pub fn read(run: Run, ui: &Ui) -> Result<Self, Failure> {
        let id = run.id().clone();
        if !matches!(run.manifest().command.as_str(), "apply" | "rollback") {
            let message = format!("run `{id}` is of `{}`, which changes nothing", run.manifest().command);
            return Err(Failure::usage([message]));
        }
        let plan = run.load_plan().map_err(|error| Failure::new(Exit::Refused, error))?;
        let contents = run.read_journal().map_err(Failure::error)?;
        if let Some(text) = torn(&contents) {
            ui.warn(&text);
        }
        let digest = store::plan_digest(&plan).map_err(Failure::error)?;
        let progress =
            execute::replay(&contents, &plan, &digest).map_err(|error| Failure::new(Exit::Refused, error))?;
        Ok(Self { run, plan, progress })
    }

    /// The organization as it is now, which must be that of the plan.
    ///
    /// # Errors
    /// If it can't be enumerated or is another one.
    pub async fn survey(&self, sessions: &Sessions, ui: &Ui, cancel: &CancellationToken) -> Result<Survey, Failure> {
        let survey = survey::survey(sessions, &ScopeArgs::default(), ui, cancel).await?;
        let found = &survey.org.organization.id;
        if &self.plan.organization == found {
            return Ok(survey);
        }
        let message = format!(
            "run `{}` is of organization `{}`, the credentials are of `{found}`",
            self.run.id(),
            self.plan.organization
        );
        Err(Failure::new(Exit::Refused, message))
    }
}

/// The torn end of a journal in words, if it has one.
pub fn torn(contents: &JournalContents) -> Option<String> {
    let torn = contents.torn.as_ref()?;
    Some(format!(
        "line {} of the journal is torn ({} bytes of it are there): the process or the machine died while writing it, \
         and nothing was done under it",
        torn.line, torn.bytes
    ))
}
