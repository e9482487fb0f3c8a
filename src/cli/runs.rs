//! `orgward runs`: what was run, and what the journal of a run says.

use super::args::ConnectionArgs;
use super::exit::{Exit, Failure, Outcome};
use super::past;
use super::past_audit::{self, PastAudit};
use super::prune;
use super::ui::{Ui, pretty};
use crate::execute::{self, Outcome as Came, Progress, Record};
use crate::model::{Cause, Plan};
use crate::report::table::{row, table};
use crate::report::text::{Style, moment, plain};
use crate::store::{self, JournalContents, Manifest, Run, RunId, RunStatus, StateDir};
use clap::{Args, Subcommand, ValueEnum};
use jiff::Timestamp;
use serde_json::{Value, json};

/// List runs, show what the journal of one says, and remove old audits
#[derive(Debug, Args)]
pub struct RunsArgs {
    #[command(subcommand)]
    command: RunsCommand,
}

#[derive(Debug, Subcommand)]
enum RunsCommand {
    List(ListArgs),
    Show(ShowArgs),
    Prune(prune::PruneArgs),
}

/// List every run, oldest first
#[derive(Debug, Args)]
struct ListArgs {
    /// Form of the output
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    #[command(flatten)]
    connection: ConnectionArgs,
}

/// Show a run: its plan, where each change stands, since when and why
#[derive(Debug, Args)]
struct ShowArgs {
    /// The run, as `orgward runs list` names it, or `last`
    #[arg(value_name = "RUN")]
    run: String,
    /// Form of the output
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    #[command(flatten)]
    connection: ConnectionArgs,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people
    Text,
    /// For programs
    Json,
}

/// Runs the command.
pub fn run(args: &RunsArgs, ui: &Ui) -> Outcome {
    match &args.command {
        RunsCommand::Prune(args) => return prune::run(args, ui),
        RunsCommand::List(args) => list(&state(&args.connection)?, args.format, ui)?,
        RunsCommand::Show(args) => {
            let state = state(&args.connection)?;
            let shown = Shown::read(&past::any(&state, &args.run)?)?;
            ui.data(&match args.format {
                Format::Text => shown.text(ui),
                Format::Json => pretty(&shown.json())?,
            })?;
        }
    }
    Ok(Exit::Clean)
}

fn state(connection: &ConnectionArgs) -> Result<StateDir, Failure> {
    StateDir::open(&connection.settings()?.state_dir).map_err(Failure::error)
}

fn list(state: &StateDir, format: Format, ui: &Ui) -> Result<(), Failure> {
    let (mut read, mut unread, mut json) = (Vec::new(), String::new(), Vec::new());
    for id in state.runs().map_err(Failure::error)? {
        match state.run(&id) {
            Ok(run) => {
                let manifest = run.manifest();
                let sizes = past_audit::sizes(&run).map_err(Failure::error)?;
                let kept = past_audit::in_words(&sizes);
                let more: Vec<String> =
                    related(manifest).into_iter().chain((!kept.is_empty()).then_some(kept)).collect();
                let (command, organization) = (plain(&manifest.command), plain(&manifest.organization));
                read.push(row([id.to_string(), command, status(&run), organization, more.join(", ")]));
                let mut told = serde_json::to_value(manifest).map_err(Failure::error)?;
                if let (Value::Object(told), false) = (&mut told, sizes.is_empty()) {
                    told.insert("bytes".to_owned(), past_audit::in_json(&sizes));
                }
                json.push(told);
            }
            Err(error) => {
                unread += &ui.out.entry("", &format!("{id}  can't be read: {}", plain(&error.to_string())));
                json.push(json!({"run": id, "error": error.to_string()}));
            }
        }
    }
    ui.data(&match format {
        Format::Text if json.is_empty() => "No runs yet\n".to_owned(),
        Format::Text if read.is_empty() => unread,
        Format::Text => table(["RUN", "COMMAND", "STATUS", "ORGANIZATION", "KEEPS"], read, &[], ui.out) + &unread,
        Format::Json => pretty(&json!({"version": 1, "runs": json}))?,
    })
}

/// How a run stands, in a word. Whoever is at work on an audit holds its files: where nobody does, it ended without a word.
fn status(run: &Run) -> String {
    let manifest = run.manifest();
    if manifest.command == "audit" && manifest.status == RunStatus::Running && !run.at_work() {
        return "interrupted?".to_owned();
    }
    manifest.status.as_str().replace('_', " ")
}

/// The run it undoes or that undoes it, in words.
fn related(manifest: &Manifest) -> Option<String> {
    let name = |word: &str, run: &Option<RunId>| run.as_ref().map(|run| format!("{word} {run}"));
    let related = [name("undoes", &manifest.undoes), name("undone by", &manifest.undone_by)];
    let related: Vec<String> = related.into_iter().flatten().collect();
    (!related.is_empty()).then(|| related.join(", "))
}

/// A run as shown.
struct Shown {
    manifest: Manifest,
    /// A process holds its files.
    at_work: bool,
    /// The plan and its digest, or why it can't be read; `None` for a run without a plan.
    plan: Option<Result<(Plan, String), String>>,
    contents: JournalContents,
    /// How far the journal came, or why it does not tell.
    progress: Option<Result<Progress, String>>,
    /// What is kept of an audit; `None` for any other run.
    audit: Option<PastAudit>,
}

impl Shown {
    fn read(run: &Run) -> Result<Self, Failure> {
        let contents = run.read_journal().map_err(Failure::error)?;
        let plan = run.dir().join("plan.json").exists().then(|| {
            let plan = run.load_plan().map_err(|error| error.to_string())?;
            let digest = store::plan_digest(&plan).map_err(|error| error.to_string())?;
            Ok((plan, digest))
        });
        let progress = match &plan {
            Some(Ok((plan, digest))) => {
                Some(execute::replay(&contents, plan, digest).map_err(|error| error.to_string()))
            }
            _ => None,
        };
        let audit = PastAudit::read(run).map_err(Failure::error)?;
        Ok(Self { manifest: run.manifest().clone(), at_work: run.at_work(), plan, contents, progress, audit })
    }

    /// The records about each change, or about the run, with their moments.
    fn records(&self) -> impl Iterator<Item = (Timestamp, Record)> {
        self.contents
            .entries
            .iter()
            .filter_map(|entry| serde_json::from_value(entry.record.clone()).ok().map(|record| (entry.at, record)))
    }

    fn text(&self, ui: &Ui) -> String {
        let manifest = &self.manifest;
        let mut out = format!(
            "{}\n",
            ui.out.paint(Style::Bold, &format!("Run {} of {}", manifest.run, plain(&manifest.command)))
        );
        let mut row = |name: &str, value: &str| out.push_str(&ui.out.sentence(&format!("  {name:13} "), &plain(value)));
        row("organization", &manifest.organization);
        row("status", &self.standing());
        row("started", &moment(manifest.started));
        if let Some(ended) = manifest.ended {
            row("ended", &moment(ended));
        }
        if let Some(other) = &manifest.undoes {
            row("undoes", other.as_str());
        }
        if let Some(other) = &manifest.undone_by {
            row("undone by", other.as_str());
        }
        match &self.plan {
            Some(Ok((plan, digest))) => {
                row("plan", digest);
                row("made by", &format!("{} from the facts of {}", plan.caller_arn, moment(plan.as_of)));
                let names: Vec<&str> = plan.playbooks.iter().map(|playbook| playbook.name.as_str()).collect();
                row("playbooks", &names.join(", "));
            }
            Some(Err(error)) => row("plan", error),
            None if self.audit.is_none() => row("plan", "none"),
            None => {}
        }
        let audit = self.audit.iter().flat_map(PastAudit::rows);
        audit.for_each(|(name, value)| row(name, &value));
        for (at, record) in self.records() {
            match record {
                Record::Begin { approver, ticket, .. } => {
                    approver.iter().for_each(|name| row("approved by", name));
                    ticket.iter().for_each(|name| row("ticket", name));
                }
                Record::Resumed { approver, ticket } => {
                    row("resumed", &moment(at));
                    approver.iter().for_each(|name| row("approved by", name));
                    ticket.iter().for_each(|name| row("ticket", name));
                }
                _ => {}
            }
        }
        if let Some(torn) = past::torn(&self.contents) {
            row("journal", &torn);
        }
        if let Some(Err(error)) = &self.progress {
            row("journal", error);
        }
        self.changes(&mut out, ui);
        out
    }

    /// How it stands, and what can be done about it.
    fn standing(&self) -> String {
        let (id, status) = (&self.manifest.run, self.manifest.status);
        let word = status.as_str().replace('_', " ");
        match self.manifest.command.as_str() {
            "apply" | "rollback" => {}
            "audit" if matches!(status, RunStatus::Interrupted | RunStatus::Failed) => {
                return format!("{word}: go on with `orgward audit --resume {id}`");
            }
            "audit" if status == RunStatus::Running && self.at_work => return word,
            "audit" if status == RunStatus::Running => {
                return format!("ended without a word: go on with `orgward audit --resume {id}`");
            }
            _ => return word,
        }
        match status {
            _ if self.manifest.undone_by.is_some() => word,
            RunStatus::Running => {
                format!("{word}, or ended without a word: if nothing runs, go on with `orgward resume {id}`")
            }
            RunStatus::UndoFailed => format!("{word}: go on with `orgward resume {id}`"),
            RunStatus::Failed | RunStatus::Interrupted if self.manifest.undoes.is_none() => {
                format!("{word}: go on with `orgward resume {id}`, or undo it with `orgward rollback {id}`")
            }
            RunStatus::Interrupted => format!("{word}: go on with `orgward resume {id}`"),
            _ => word,
        }
    }

    fn changes(&self, out: &mut String, ui: &Ui) {
        let Some(Ok((plan, _))) = &self.plan else { return };
        let Some(Ok(progress)) = &self.progress else { return };
        out.push_str(&format!("\n{} of {} changes done\n", progress.settled(), plan.changes.len()));
        for (index, change) in plan.changes.iter().enumerate() {
            let stage = progress.stage(index);
            let style = match stage {
                execute::Stage::Settled => Style::Green,
                execute::Stage::Waiting => Style::Dim,
                _ => Style::Red,
            };
            let word = ui.out.paint(style, &format!("{:15}", stage.as_str().replace('_', " ")));
            out.push_str(&ui.out.sentence(&format!("  {word} "), &plain(&change.address.to_string())));
            for (at, record) in self.records().filter(|(_, record)| record.change() == Some(index)) {
                out.push_str(&ui.out.entry("      ", &format!("{at} {}", plain(&told(&record)))));
            }
        }
    }

    fn json(&self) -> Value {
        let mut changes = Vec::new();
        if let (Some(Ok((plan, _))), Some(Ok(progress))) = (&self.plan, &self.progress) {
            for (index, change) in plan.changes.iter().enumerate() {
                let records = self.records().filter(|(_, record)| record.change() == Some(index));
                let records: Vec<Value> = records.map(|(at, record)| json!({"at": at, "is": record})).collect();
                changes.push(json!({
                    "change": index,
                    "address": change.address,
                    "operation": change.operation(),
                    "step": change.step,
                    "wave": change.wave,
                    "stage": progress.stage(index).as_str(),
                    "announced": progress.was_announced(index),
                    "aws_id": progress.aws_ids.get(index).cloned().flatten(),
                    "records": records,
                }));
            }
        }
        let of_run = self.records().filter(|(_, record)| record.change().is_none());
        let of_run: Vec<Value> = of_run.map(|(at, record)| json!({"at": at, "is": record})).collect();
        let plan = self.plan.as_ref().map(|plan| match plan {
            Ok((plan, digest)) => json!({
                "digest": digest, "as_of": plan.as_of, "caller_arn": plan.caller_arn, "playbooks": plan.playbooks,
                "changes": plan.changes.len(),
            }),
            Err(error) => json!({"error": error}),
        });
        let error = self.progress.as_ref().and_then(|progress| progress.as_ref().err());
        let torn = self.contents.torn.as_ref().map(|torn| json!({"line": torn.line, "bytes": torn.bytes}));
        json!({
            "version": 1,
            "run": self.manifest,
            "plan": plan,
            "journal": {"records": self.contents.entries.len(), "torn": torn, "error": error, "of_run": of_run},
            "changes": changes,
            "audit": self.audit.as_ref().map(PastAudit::json),
        })
    }
}

/// A record about a change in words.
fn told(record: &Record) -> String {
    let because = |word: &str, cause: &Cause| format!("{word}: {cause}");
    match record {
        Record::Intent { .. } => "announced".to_owned(),
        Record::Outcome { outcome, .. } => match outcome {
            Came::Done { aws_id: Some(id) } => format!("done, AWS's id {id}"),
            Came::Done { aws_id: None } => "done".to_owned(),
            Came::AlreadyDone => "it was so already; nothing was sent".to_owned(),
            Came::Failed { cause } => because("failed", cause),
            Came::Conflict { found: Some(found) } => format!("conflict: found {}", found.0),
            Came::Conflict { found: None } => "conflict: found nothing there".to_owned(),
            Came::Unknown { cause } => because("no answer", cause),
            Came::NotDone => "read back: not done, to be tried again".to_owned(),
        },
        Record::Verified { .. } => "read back: it is there".to_owned(),
        Record::NotVerified { why, .. } => format!("read back: {why}"),
        other => other.name().to_owned(),
    }
}
