//! What apply, resume and rollback share: the lock, the run, carrying the plan out in its journal, telling what came of it.

use super::exit::{Exit, Failure};
use super::ui::Ui;
use crate::aws::{Purpose, Sessions};
use crate::config::Settings;
use crate::execute::{self, ApplyOptions, ApplyReport, DenialSource, Event, Fate, Patience, Progress, Stop};
use crate::model::denial::{DenialQuery, DenialReport};
use crate::model::{OrgFacts, Plan};
use crate::report::text::{Style, plain};
use crate::resources::World;
use crate::store::{Holder, Journal, Lock, Run, RunId, RunStatus, StateDir, plan_digest};
use futures::future::LocalBoxFuture;
use jiff::Timestamp;
use tokio_util::sync::CancellationToken;

/// How a plan is carried out, as the operator asks for it.
#[derive(Debug, Clone, Copy, Default)]
pub struct How<'a> {
    /// Go on with independent changes after a failure.
    pub keep_going: bool,
    /// Who approved it, for the journal.
    pub approver: Option<&'a str>,
    /// The ticket it belongs to, for the journal.
    pub ticket: Option<&'a str>,
}

/// A plan and all that is needed to carry it out.
pub struct Work<'a> {
    /// Into every account.
    pub sessions: &'a Sessions,
    /// The settings.
    pub settings: &'a Settings,
    /// What to do.
    pub plan: &'a Plan,
    /// The organization as it is now.
    pub org: &'a OrgFacts,
    /// Whom to talk to.
    pub ui: &'a Ui,
    /// Fires at Ctrl-C.
    pub cancel: &'a CancellationToken,
}

/// Takes the organization's lock, and says whose crash it cleans up after.
///
/// # Errors
/// If another orgward works on this organization.
pub fn lock(state: &StateDir, organization: &str, command: &str, now: Timestamp, ui: &Ui) -> Result<Lock, Failure> {
    let lock = state.lock(organization, &Holder::this_process(command, now)).map_err(Failure::error)?;
    if let Some(holder) = &lock.abandoned_by {
        let (command, pid, since) = (&holder.command, holder.pid, holder.since);
        ui.warn(&format!(
            "an earlier {command} (process {pid}, {since}) ended without finishing; see `orgward runs list`"
        ));
    }
    Ok(lock)
}

/// Starts a run for a plan and saves the plan in it.
///
/// # Errors
/// If it can't be written.
pub fn begin(state: &StateDir, work: &Work<'_>, command: &str) -> Result<Run, Failure> {
    let now = work.sessions.clock().now();
    let run = state.create_run(&work.plan.organization, command, now).map_err(Failure::error)?;
    run.save_plan(work.plan).map_err(Failure::error)?;
    Ok(run)
}

impl Work<'_> {
    /// Carries the plan out in the journal of a run, from where the journal stands, and closes the run. The lock must be
    /// held.
    ///
    /// # Errors
    /// If the journal can't be opened or is not of this plan: then nothing was changed.
    pub async fn carry_out(&self, mut run: Run, how: &How<'_>) -> Result<(Exit, ApplyReport), Failure> {
        let (mut journal, contents) = run.continue_journal().map_err(Failure::error)?;
        let digest = plan_digest(self.plan).map_err(Failure::error)?;
        let progress = execute::replay(&contents, self.plan, &digest).map_err(Failure::error)?;
        self.ui.say(&format!("Run {}: journal in {}", run.id(), journal.path().display()));
        let undoes = run.manifest().undoes.clone();
        let report = self.work(&mut journal, progress, how, undoes.as_ref()).await;
        let exit = exit(&report, undoes.is_some());
        let status = match exit {
            Exit::Clean => RunStatus::Done,
            Exit::Interrupted => RunStatus::Interrupted,
            _ if undoes.is_some() => RunStatus::UndoFailed,
            _ => RunStatus::Failed,
        };
        // What was done is told before anything else can go wrong.
        let told = self.tell(&report, &run, status);
        self.ui.say(&super::survey::stats(self.sessions).to_string());
        run.finish(status, self.sessions.clock().now()).map_err(Failure::error)?;
        told?;
        Ok((exit, report))
    }

    async fn work(
        &self,
        journal: &mut Journal,
        progress: Progress,
        how: &How<'_>,
        undoes: Option<&RunId>,
    ) -> ApplyReport {
        let plan = self.plan;
        let world = World::new(self.sessions, self.org, Purpose::Apply);
        let now = || self.sessions.clock().now();
        let options = ApplyOptions {
            max_concurrency: self.settings.max_concurrency,
            keep_going: how.keep_going,
            patience: Patience::default(),
            now: &now,
            approver: how.approver,
            ticket: how.ticket,
            undoes: undoes.map(RunId::as_str),
            denials: Some(self),
        };
        let left = plan.changes.len() - progress.settled();
        let bar = self.ui.progress(left, "changes");
        let on_event = &mut |event: Event| match event {
            Event::Ended { change, .. } => {
                bar.step(&plan.changes.get(change).map(|change| change.address.to_string()).unwrap_or_default());
            }
            other => self.say_wave(&other),
        };
        execute::resume(plan, progress, &world, journal, &options, self.cancel, on_event).await
    }

    /// Tells where the rollout is.
    fn say_wave(&self, event: &Event) {
        let name = |wave: usize| self.plan.waves.get(wave).map(|wave| plain(&wave.name)).unwrap_or_default();
        match event {
            Event::WaveBegun { wave } => self.ui.say(&format!("Wave {} ({}) begins", wave + 1, name(*wave))),
            Event::Baking { wave } => {
                let seconds = self.plan.waves.get(*wave).map_or(0, |wave| wave.bake_seconds);
                let time = std::time::Duration::from_secs(seconds);
                self.ui.say(&format!("Wave {} ({}) is done and bakes for {time:?}", wave + 1, name(*wave)));
            }
            Event::Held { wave, why } => {
                self.ui.warn(&format!("the gate behind wave {} ({}) holds: {}", wave + 1, name(*wave), plain(why)));
            }
            _ => {}
        }
    }

    /// Prints what came of each change, failures with their reasons, and what can be done about them.
    fn tell(&self, report: &ApplyReport, run: &Run, status: RunStatus) -> Result<(), Failure> {
        let out = self.ui.out;
        let mut text = String::new();
        for result in &report.results {
            let style = if result.fate.succeeded() { Style::Green } else { Style::Red };
            let word = out.paint(style, &result.fate.as_str().replace('_', " "));
            let why = match &result.fate {
                Fate::Failed { cause } | Fate::Unknown { cause } => format!(": {}", plain(&cause.to_string())),
                Fate::NotVerified { why } => format!(": {}", plain(why)),
                Fate::Conflict { found: Some(found) } => format!(": found {}", plain(&found.0.to_string())),
                Fate::Conflict { found: None } => ": found nothing there".to_owned(),
                _ => String::new(),
            };
            text += &out.entry("", &format!("{word} {}{why}", plain(&result.address.to_string())));
        }
        if let Some(stop) = &report.stopped {
            text += &out.entry("", &format!("{} {}", out.paint(Style::Red, "stopped:"), plain(&stop.to_string())));
        }
        let word = if run.manifest().undoes.is_some() { "Rollback" } else { "Apply" };
        text += &format!("\n{}", out.entry("", &format!("{word}: {}", report.summary())));
        self.ui.data(&text)?;
        let id = run.id();
        if report.asks_for_rollback(self.plan) {
            self.ui.warn("the playbook asks to undo a rollout that stops (`rollback_on_stop`): that is done now");
        }
        if matches!(report.stopped, Some(Stop::Gate { .. })) {
            self.ui
                .say("See to the reason first: after denials, resume lets the wave bake anew and counts only new ones");
        }
        match status {
            RunStatus::Failed | RunStatus::Interrupted if run.manifest().undoes.is_none() => {
                self.ui.say(&format!("Go on with: orgward resume {id}\nUndo it with: orgward rollback {id}"));
            }
            RunStatus::UndoFailed | RunStatus::Interrupted => {
                self.ui.say(&format!("Go on with the rollback: orgward resume {id}"));
            }
            _ => {}
        }
        Ok(())
    }
}

impl DenialSource for Work<'_> {
    fn denials<'a>(&'a self, query: &'a DenialQuery) -> LocalBoxFuture<'a, DenialReport> {
        Box::pin(crate::collect::denials(self.sessions, self.org, query))
    }
}

/// The exit code of what came of a plan. An undo that did not come to its end always needs an operator.
fn exit(report: &ApplyReport, undo: bool) -> Exit {
    match report.exit_code() {
        0 => Exit::Clean,
        130 => Exit::Interrupted,
        8 => Exit::OperatorNeeded,
        _ if undo => Exit::OperatorNeeded,
        6 => Exit::Refused,
        _ => Exit::Error,
    }
}
