//! Carrying a plan out. One loop owns the journal and decides; the steps that wait for AWS fly beside it.
//!
//! For each change: re-read, intent on the disk, write, outcome on the disk, read back. Nothing is written to AWS whose
//! intent is not on the disk, and nothing is written over what the plan did not see.

use super::denials::DenialSource;
use super::flight::{Landed, Leg, Patience, Seen, fly, in_doubt};
use super::journal::{EndStatus, Outcome, Progress, Record, Stage};
use super::report::{ApplyReport, ChangeResult, Event, Fate, Stop};
use super::same::{between, same};
use super::schedule::Schedule;
use super::world::World;
use crate::model::{Cause, CauseKind, Change, Doc, Observed, Plan};
use crate::store::{Journal, plan_digest};
use futures::stream::{FuturesUnordered, StreamExt};
use jiff::Timestamp;
use tokio_util::sync::CancellationToken;

/// How a plan is applied.
#[derive(Clone, Copy)]
pub struct ApplyOptions<'a> {
    /// Changes at work at once, each in another account (the organization counts as one); at least 1.
    pub max_concurrency: usize,
    /// Go on with independent changes after a failure or conflict.
    pub keep_going: bool,
    /// How long to wait for what was written to show.
    pub patience: Patience,
    /// The time, for the journal's lines.
    pub now: &'a dyn Fn() -> Timestamp,
    /// Who approved the plan, for the journal.
    pub approver: Option<&'a str>,
    /// The ticket it belongs to, for the journal.
    pub ticket: Option<&'a str>,
    /// The run it undoes, if it is a rollback.
    pub undoes: Option<&'a str>,
    /// Who reads the trail for the gates of waves that watch for denials. Without one such a gate can't tell.
    pub denials: Option<&'a dyn DenialSource>,
}

/// What to do with a change next.
enum Move {
    /// Fly another step.
    Fly(Leg),
    /// It has ended.
    End(Fate),
}

/// Applies a plan and tells what came of each change. Ends early, with everything in flight brought home, if `cancel` is
/// set, if a change fails (unless `keep_going`), or if the journal can't be written.
pub async fn apply<W: World>(
    plan: &Plan,
    world: &W,
    journal: &mut Journal,
    options: &ApplyOptions<'_>,
    cancel: &CancellationToken,
    on_event: &mut dyn FnMut(Event),
) -> ApplyReport {
    resume(plan, Progress::default(), world, journal, options, cancel, on_event).await
}

/// Goes on with a plan that was begun and is not done: [`apply`] from where `progress` stands, which is what the journal
/// says. Every write that was announced and is not settled is read back before anything else; what is done is not
/// repeated; what failed, conflicted or waits is tried.
pub async fn resume<W: World>(
    plan: &Plan,
    progress: Progress,
    world: &W,
    journal: &mut Journal,
    options: &ApplyOptions<'_>,
    cancel: &CancellationToken,
    on_event: &mut dyn FnMut(Event),
) -> ApplyReport {
    let fates = vec![Fate::NotStarted; plan.changes.len()];
    let mut run = Applying { plan, journal, options, cancel, on_event, progress, fates, stopped: None };
    if run.progress.ended == Some(EndStatus::Done) {
        // The last record is on the disk, and whoever wrote it died before that was noted anywhere else.
        run.settle(world).await;
        return run.report();
    }
    if !run.begin() {
        return run.report();
    }
    run.settle(world).await;
    let Some(mut schedule) = run.schedule() else { return run.report() };
    let mut flights = FuturesUnordered::new();
    run.begin_wave();
    loop {
        while flights.len() < run.at_once() && run.may_start() {
            let Some(index) = schedule.start_below(run.wave_end()) else { break };
            let Some(change) = plan.changes.get(index) else { break };
            (run.on_event)(Event::Started { change: index });
            flights.push(fly(world, index, change, Leg::Reread, options.patience, cancel));
        }
        let Some((index, landed)) = flights.next().await else {
            if run.pass_wave().await {
                continue;
            }
            break;
        };
        let Some(change) = plan.changes.get(index) else { break };
        match run.landed(index, change, landed) {
            Move::Fly(leg) => flights.push(fly(world, index, change, leg, options.patience, cancel)),
            Move::End(fate) => {
                let succeeded = fate.succeeded();
                run.end(index, fate);
                for skipped in schedule.ended(index, succeeded) {
                    let because = schedule.because(skipped).unwrap_or(index);
                    run.end(skipped, Fate::Skipped { because });
                }
            }
        }
    }
    run.finish();
    run.report()
}

/// A plan being applied: the journal and everything decided so far.
pub(super) struct Applying<'a> {
    pub(super) plan: &'a Plan,
    journal: &'a mut Journal,
    pub(super) options: &'a ApplyOptions<'a>,
    pub(super) cancel: &'a CancellationToken,
    pub(super) on_event: &'a mut dyn FnMut(Event),
    pub(super) progress: Progress,
    pub(super) fates: Vec<Fate>,
    pub(super) stopped: Option<Stop>,
}

impl Applying<'_> {
    /// Refuses what may not be applied, and opens the journal, or goes on in it.
    fn begin(&mut self) -> bool {
        if let Some(refusal) = self.plan.refusals.first() {
            let more = self.plan.refusals.len() - 1;
            let more = if more > 0 { format!(" (and {more} more)") } else { String::new() };
            return self.refuse(format!("{}: {}{more}", refusal.step, refusal.message));
        }
        if let Err(fault) = Schedule::new(self.plan) {
            return self.refuse(format!("{fault}; make the plan again"));
        }
        let plan = match plan_digest(self.plan) {
            Ok(digest) => digest,
            Err(error) => return self.refuse(format!("the plan has no digest: {error}")),
        };
        let owned = |text: Option<&str>| text.map(str::to_owned);
        let (approver, ticket) = (owned(self.options.approver), owned(self.options.ticket));
        if let Some(begun) = &self.progress.plan {
            let ours = *begun == plan && self.progress.stages.len() == self.plan.changes.len();
            return if ours {
                self.write(&Record::Resumed { approver, ticket })
            } else {
                self.refuse("the journal is of another plan".into())
            };
        }
        let undoes = owned(self.options.undoes);
        self.write(&Record::Begin {
            plan,
            organization: self.plan.organization.clone(),
            changes: self.plan.changes.len(),
            approver,
            ticket,
            undoes,
        })
    }

    fn refuse(&mut self, why: String) -> bool {
        self.stopped = Some(Stop::Refused(why));
        false
    }

    /// Reads back every write whose outcome is not known; what is settled keeps its fate.
    async fn settle(&mut self, world: &impl World) {
        for (index, stage) in self.progress.stages.iter().enumerate() {
            let aws_id = self.progress.aws_ids.get(index).cloned().flatten();
            if let (Stage::Settled, Some(fate)) = (stage, self.fates.get_mut(index)) {
                *fate = if self.progress.was_announced(index) { Fate::Done { aws_id } } else { Fate::AlreadyDone };
            }
        }
        let (plan, options, cancel) = (self.plan, self.options, self.cancel);
        let mut open = self.progress.to_read_back().into_iter();
        let mut flights = FuturesUnordered::new();
        loop {
            while flights.len() < options.max_concurrency.max(1) && self.may_start() {
                let Some((index, change)) = open.next().and_then(|index| Some((index, plan.changes.get(index)?)))
                else {
                    break;
                };
                (self.on_event)(Event::ReadingBack { change: index, cause: crashed() });
                flights.push(fly(world, index, change, Leg::ReadBack, options.patience, cancel));
            }
            let Some((index, landed)) = flights.next().await else { break };
            if let (Landed::ReadBack(seen), Some(change)) = (landed, plan.changes.get(index)) {
                self.settled(index, change, seen);
            }
        }
        for index in open {
            self.note(index, Fate::Unknown { cause: crashed() });
        }
    }

    /// A write that a run before announced, read back.
    fn settled(&mut self, index: usize, change: &Change, seen: Seen) {
        match seen {
            Seen::After => {
                let aws_id = self.progress.aws_ids.get(index).cloned().flatten();
                self.outcome(index, Outcome::Done { aws_id: aws_id.clone() });
                self.write(&Record::Verified { change: index });
                self.end(index, Fate::Done { aws_id });
            }
            Seen::Other(found) if between(found.as_ref(), change.before.as_ref(), change.after.as_ref()) => {
                self.outcome(index, Outcome::NotDone);
            }
            Seen::Other(found) => {
                self.outcome(index, Outcome::Conflict { found: found.clone() });
                self.end(index, Fate::Conflict { found });
            }
            Seen::Unreadable(cause) => {
                self.end(index, Fate::Unknown { cause });
                // Nothing else is done while it is not known what is there, whatever `keep_going` says.
                self.stopped.get_or_insert(Stop::Failure);
            }
            Seen::Interrupted => self.note(index, Fate::Unknown { cause: crashed() }),
        }
    }

    /// The order of what is left.
    fn schedule(&mut self) -> Option<Schedule> {
        let stages = self.progress.stages.clone();
        let over = |index: usize| stages.get(index).is_some_and(|stage| *stage != Stage::Waiting);
        let mut schedule = match Schedule::beyond(self.plan, over) {
            Ok(schedule) => schedule,
            Err(fault) => {
                self.refuse(format!("{fault}; make the plan again"));
                return None;
            }
        };
        for failed in (0..stages.len()).filter(|index| over(*index)) {
            if stages.get(failed) != Some(&Stage::Settled) {
                for skipped in schedule.ended(failed, false) {
                    self.end(skipped, Fate::Skipped { because: failed });
                }
            }
        }
        Some(schedule)
    }

    /// Whether another change may be started.
    pub(super) fn may_start(&mut self) -> bool {
        if self.stopped.is_none() && self.cancel.is_cancelled() {
            self.stopped = Some(Stop::Interrupted);
        }
        self.stopped.is_none()
    }

    /// Decides what follows from what a step saw.
    fn landed(&mut self, index: usize, change: &Change, landed: Landed) -> Move {
        match landed {
            Landed::Reread(seen) => self.reread(index, change, seen),
            Landed::Written(Ok(aws_id)) => {
                self.outcome(index, Outcome::Done { aws_id });
                Move::Fly(Leg::ReadBack)
            }
            Landed::Written(Err(cause)) if in_doubt(&cause) => {
                self.outcome(index, Outcome::Unknown { cause: cause.clone() });
                self.note(index, Fate::Unknown { cause: cause.clone() });
                (self.on_event)(Event::ReadingBack { change: index, cause });
                Move::Fly(Leg::ReadBack)
            }
            Landed::Written(Err(cause)) => {
                self.outcome(index, Outcome::Failed { cause: cause.clone() });
                Move::End(Fate::Failed { cause })
            }
            Landed::ReadBack(seen) => match self.fates.get(index).cloned() {
                Some(Fate::Unknown { cause }) => self.resolve(index, change, cause, seen),
                _ => self.verify(index, seen),
            },
        }
    }

    /// What is there before writing decides whether to write.
    fn reread(&mut self, index: usize, change: &Change, seen: Observed<Doc>) -> Move {
        let found = match seen {
            Observed::Unknown { cause } => {
                self.outcome(index, Outcome::Failed { cause: cause.clone() });
                return Move::End(Fate::Failed { cause });
            }
            Observed::Present { value, .. } => Some(value),
            Observed::Absent { .. } => None,
        };
        if same(found.as_ref(), change.after.as_ref()) {
            self.outcome(index, Outcome::AlreadyDone);
            return Move::End(Fate::AlreadyDone);
        }
        // A write of this run that was cut short may have left a part of it: that is not somebody else's.
        let ours = self.progress.was_announced(index)
            && between(found.as_ref(), change.before.as_ref(), change.after.as_ref());
        if !ours && !same(found.as_ref(), change.before.as_ref()) {
            self.outcome(index, Outcome::Conflict { found: found.clone() });
            return Move::End(Fate::Conflict { found });
        }
        // The run may have stopped while this was read; nothing has been announced, so nothing is.
        if !self.may_start() {
            return Move::End(Fate::NotStarted);
        }
        let before = if ours { found } else { change.before.clone() };
        let (address, after) = (change.address.clone(), change.after.clone());
        if !self.write(&Record::Intent { change: index, address, before: before.clone(), after }) {
            return Move::End(Fate::NotStarted);
        }
        self.wrote((self.options.now)());
        (self.on_event)(Event::Writing { change: index });
        Move::Fly(Leg::Write { before })
    }

    /// A lost answer, read back.
    fn resolve(&mut self, index: usize, change: &Change, cause: Cause, seen: Seen) -> Move {
        match seen {
            Seen::After => {
                // AWS's id was in the lost answer; the next read of the organization finds it by name.
                self.outcome(index, Outcome::Done { aws_id: None });
                self.write(&Record::Verified { change: index });
                Move::End(Fate::Done { aws_id: None })
            }
            Seen::Other(found) if between(found.as_ref(), change.before.as_ref(), change.after.as_ref()) => {
                let nothing = same(found.as_ref(), change.before.as_ref());
                let seen = if nothing { "nothing changed" } else { "a part of it is there" };
                let message = format!("{}; read back: {seen}", cause.message);
                let cause = Cause::new(cause.kind, cause.operation, message);
                self.outcome(index, Outcome::Failed { cause: cause.clone() });
                Move::End(Fate::Failed { cause })
            }
            Seen::Other(found) => {
                self.outcome(index, Outcome::Conflict { found: found.clone() });
                Move::End(Fate::Conflict { found })
            }
            Seen::Unreadable(unreadable) => {
                let message = format!("{}; reading back failed: {unreadable}", cause.message);
                Move::End(Fate::Unknown { cause: Cause::new(cause.kind, cause.operation, message) })
            }
            Seen::Interrupted => Move::End(Fate::Unknown { cause }),
        }
    }

    /// A write that AWS called done, read back.
    fn verify(&mut self, index: usize, seen: Seen) -> Move {
        let aws_id = self.progress.aws_ids.get(index).cloned().flatten();
        let why = match seen {
            Seen::After => {
                self.write(&Record::Verified { change: index });
                return Move::End(Fate::Done { aws_id });
            }
            Seen::Interrupted => return Move::End(Fate::DoneUnverified { aws_id }),
            Seen::Other(None) => "reading back finds nothing there".to_owned(),
            Seen::Other(Some(_)) => "reading back finds something else there".to_owned(),
            Seen::Unreadable(cause) => format!("reading back failed: {cause}"),
        };
        self.write(&Record::NotVerified { change: index, why: why.clone() });
        Move::End(Fate::NotVerified { why })
    }

    fn outcome(&mut self, change: usize, outcome: Outcome) {
        self.write(&Record::Outcome { change, outcome });
    }

    /// Writes a record, once the state machine has agreed. `false` if it is not on the disk: then the run stops.
    pub(super) fn write(&mut self, record: &Record) -> bool {
        if matches!(self.stopped, Some(Stop::Journal(_) | Stop::Internal(_))) {
            // What came of calls in flight is still in the report.
            let _ = self.progress.accept(record);
            return false;
        }
        if let Err(illegal) = self.progress.accept(record) {
            self.stopped = Some(Stop::Internal(illegal));
            return false;
        }
        match self.journal.append((self.options.now)(), record) {
            Ok(_) => true,
            Err(error) => {
                self.stopped = Some(Stop::Journal(error));
                false
            }
        }
    }

    fn note(&mut self, index: usize, fate: Fate) {
        if let Some(slot) = self.fates.get_mut(index) {
            *slot = fate;
        }
    }

    fn end(&mut self, index: usize, fate: Fate) {
        let bad = !fate.succeeded() && !matches!(fate, Fate::Skipped { .. } | Fate::NotStarted);
        self.note(index, fate.clone());
        if bad && !self.options.keep_going && self.stopped.is_none() && !self.tolerated(index) {
            self.stopped = Some(Stop::Failure);
        }
        (self.on_event)(Event::Ended { change: index, fate });
    }

    /// Closes the journal.
    fn finish(&mut self) {
        let settled = self.progress.stages.iter().all(|stage| *stage == Stage::Settled);
        let all = settled && self.waves_passed();
        if all && matches!(self.stopped, Some(Stop::Interrupted)) {
            // The operator was late: nothing was left to stop.
            self.stopped = None;
        }
        let status = match (&self.stopped, all) {
            (Some(Stop::Interrupted), false) => EndStatus::Interrupted,
            (Some(Stop::Gate { .. } | Stop::CannotTell { .. }), _) => EndStatus::Held,
            (_, true) => EndStatus::Done,
            _ if self.progress.undoes.is_some() => EndStatus::UndoFailed,
            _ => EndStatus::Failed,
        };
        self.write(&Record::End { status });
    }

    fn report(self) -> ApplyReport {
        let results = self.plan.changes.iter().zip(self.fates).map(|(change, fate)| ChangeResult {
            address: change.address.clone(),
            step: change.step.clone(),
            fate,
        });
        ApplyReport { results: results.collect(), stopped: self.stopped }
    }
}

/// Why the outcome of a write that was announced is not known.
fn crashed() -> Cause {
    Cause::new(CauseKind::Interrupted, "orgward:resume", "the run ended before the outcome of this write was known")
}
