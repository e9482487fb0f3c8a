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
use crate::store::{Holder, Journal, Lock, Manifest, Run, RunId, RunStatus, StateDir, plan_digest};
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

/// Refuses where another run changed the organization, or may have, since what this one rests on was asked for: the plan was
/// proved not to lock anybody out of an organization that may be no more. `lock` is held, so that nobody does from now on.
///
/// # Errors
/// Which run it was; or if the runs can't be listed.
pub fn nothing_since(state: &StateDir, lock: &Lock, organization: &str, since: Timestamp) -> Result<(), Failure> {
    let crashed = lock.abandoned_by.as_ref().filter(|holder| holder.since > since);
    let crashed =
        crashed.map(|holder| format!("another {} (process {}) ended without finishing", holder.command, holder.pid));
    let mut runs = state.runs().map_err(Failure::error)?.into_iter().rev();
    let at_work = || {
        runs.find_map(|id| {
            // What can't be read is told by `runs list`.
            let run = state.run(&id).ok()?;
            let Manifest { organization: of, command, started, ended, .. } = run.manifest();
            let later = *started > since || ended.is_some_and(|ended| ended > since);
            (of == organization && command != "audit" && later).then(|| format!("{command} of run `{id}` was at work"))
        })
    };
    match crashed.or_else(at_work) {
        None => Ok(()),
        Some(who) => Err(Failure::new(
            Exit::Refused,
            format!("{who} after this plan was made ready: nothing was changed, run the command again"),
        )),
    }
}

/// Starts a run for a plan, of a way back with the run that it `undoes`, and saves the plan in it: last, so that a run that can
/// be gone on with knows what it undoes.
///
/// # Errors
/// If it can't be written.
pub fn begin(state: &StateDir, work: &Work<'_>, command: &str, undoes: Option<&RunId>) -> Result<Run, Failure> {
    let now = work.sessions.clock().now();
    let mut run = state.create_run(&work.plan.organization, command, now).map_err(Failure::error)?;
    if let Some(undone) = undoes {
        run.set_undoes(undone).map_err(Failure::error)?;
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn a_plan_is_not_carried_out_where_another_run_was_at_work_since_it_was_made_ready() {
        let dir = tempfile::tempdir().unwrap();
        let state = StateDir::open(&dir.path().join("state")).unwrap();
        let since = at("2026-07-18T10:00:00Z");
        let told = |organization: &str| {
            let now = at("2026-07-18T11:00:00Z");
            let lock = state.lock(organization, &Holder::this_process("apply", now)).unwrap();
            let told = nothing_since(&state, &lock, organization, since).map_err(|failure| failure.messages.join("; "));
            drop(lock);
            told
        };
        let run = |organization: &str, command: &str, started: &str, ended: Option<&str>| {
            let mut run = state.create_run(organization, command, at(started)).unwrap();
            if let Some(ended) = ended {
                run.finish(RunStatus::Done, at(ended)).unwrap();
            }
            run.id().to_string()
        };
        // Before it, of another organization, or one that only looked.
        run("o-abc123", "apply", "2026-07-18T09:00:00Z", Some("2026-07-18T10:00:00Z"));
        run("o-other1", "apply", "2026-07-18T10:01:00Z", Some("2026-07-18T10:02:00Z"));
        run("o-abc123", "audit", "2026-07-18T10:01:00Z", Some("2026-07-18T10:02:00Z"));
        assert_eq!(told("o-abc123"), Ok(()));
        let long = run("o-abc123", "apply", "2026-07-18T08:00:00Z", Some("2026-07-18T10:05:00Z"));
        let why = told("o-abc123").unwrap_err();
        assert!(why.contains(&long) && why.contains("run the command again"), "{why}");
        let crashed = run("o-abc124", "rollback", "2026-07-18T10:05:00Z", None);
        assert!(told("o-abc124").unwrap_err().contains(&crashed));
    }
}
