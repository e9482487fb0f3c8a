//! Waves: the barrier between them, the time a wave bakes, and the gates behind it.
//!
//! A wave starts when the one before is done and verified (within its `max_failures`), has baked, and every gate behind it
//! opened. A gate that sees a reason, or that can't tell, stops the run; it can be resumed and asks again, after denials for
//! new ones only.

use super::apply::Applying;
use super::denials::{Verdict, query, verdict};
use super::journal::Record;
use super::report::{Event, Fate, Stop};
use crate::model::plan::Wave;
use jiff::Timestamp;
use std::time::Duration;

impl Applying<'_> {
    /// The index of the wave at work.
    fn wave(&self) -> usize {
        self.progress.waves_passed
    }

    fn this_wave(&self) -> Option<&Wave> {
        self.plan.waves.get(self.wave())
    }

    /// The index of the first change behind the wave at work. Changes stand in the order of their waves.
    pub(super) fn wave_end(&self) -> usize {
        let wave = self.wave();
        self.plan.changes.iter().position(|change| change.wave > wave).unwrap_or(self.plan.changes.len())
    }

    /// Changes at work at once.
    pub(super) fn at_once(&self) -> usize {
        let most = self.options.max_concurrency;
        self.this_wave().and_then(|wave| wave.max_concurrency).map_or(most, |wave| wave.min(most)).max(1)
    }

    /// Whether every wave is passed; so it is where there are none.
    pub(super) fn waves_passed(&self) -> bool {
        self.progress.waves_passed >= self.plan.waves.len()
    }

    /// Notes that the wave at work begins, unless it has begun in an earlier session of the run. If denials held it then, it
    /// begins anew: the operator has been told of those, it bakes again, and only what is denied from now on counts.
    pub(super) fn begin_wave(&mut self) {
        let wave = self.wave();
        if self.stopped.is_some() || self.this_wave().is_none() {
            return;
        }
        let begun = self.progress.wave.is_some_and(|now| !now.denied)
            || self.write(&Record::WaveBegun { wave, at: (self.options.now)() });
        if begun {
            (self.on_event)(Event::WaveBegun { wave });
        }
    }

    /// Whether the rollout goes on within its wave although this change failed.
    pub(super) fn tolerated(&self, index: usize) -> bool {
        let refused = matches!(self.fates.get(index), Some(Fate::Failed { .. } | Fate::Conflict { .. }));
        refused && self.this_wave().is_some_and(|wave| self.failures() <= count(wave.max_failures))
    }

    /// Changes of the wave at work that were refused.
    fn failures(&self) -> usize {
        self.fates_of_wave().filter(|fate| matches!(fate, Fate::Failed { .. } | Fate::Conflict { .. })).count()
    }

    fn fates_of_wave(&self) -> impl Iterator<Item = &Fate> {
        let wave = self.wave();
        self.plan.changes.iter().zip(&self.fates).filter(move |(change, _)| change.wave == wave).map(|(_, fate)| fate)
    }

    /// Nothing is in flight and nothing of the wave at work may start: bakes it and reads its gates. `true` if another
    /// wave has begun.
    pub(super) async fn pass_wave(&mut self) -> bool {
        let wave = self.wave();
        let Some(this) = self.this_wave().cloned() else { return false };
        if !self.may_start() {
            if matches!(self.stopped, Some(Stop::Failure)) {
                let why = self.mismatch(&this).unwrap_or_else(|| "a change failed".to_owned());
                self.hold(wave, &why);
            }
            return false;
        }
        if let Some(why) = self.mismatch(&this) {
            self.hold(wave, &why);
            self.stopped.get_or_insert(Stop::Gate { wave, why });
            return false;
        }
        if !self.bake(wave, &this).await {
            return false;
        }
        match self.look_for_denials(wave, &this).await {
            Verdict::Open => {}
            Verdict::Stop(why) => {
                self.held(wave, &why, true);
                self.stopped.get_or_insert(Stop::Gate { wave, why });
                return false;
            }
            Verdict::CannotTell(why) => {
                // Whoever was interrupted while asking stopped the run, not the gate.
                if self.may_start() {
                    self.hold(wave, &why);
                    self.stopped.get_or_insert(Stop::CannotTell { wave, why });
                }
                return false;
            }
        }
        if !self.write(&Record::WavePassed { wave }) {
            return false;
        }
        self.begin_wave();
        !self.waves_passed()
    }

    /// What of the wave's own changes stops the rollout: more failures than tolerated, or one that is not as AWS said.
    fn mismatch(&self, wave: &Wave) -> Option<String> {
        let failures = self.failures();
        if failures > count(wave.max_failures) {
            return Some(format!("{failures} of its changes failed, it tolerates {}", wave.max_failures));
        }
        let open = |fate: &&Fate| {
            matches!(fate, Fate::NotVerified { .. } | Fate::Unknown { .. } | Fate::DoneUnverified { .. })
        };
        let unverified = self.fates_of_wave().filter(open).count();
        (unverified > 0).then(|| format!("{unverified} of its changes could not be verified by reading them back"))
    }

    /// Lets the wave's time pass. `false` if the operator, or the journal, stopped the run.
    async fn bake(&mut self, wave: usize, this: &Wave) -> bool {
        if self.progress.wave.is_some_and(|now| now.baked) {
            return true;
        }
        if this.bake_seconds > 0 {
            (self.on_event)(Event::Baking { wave });
            tokio::select! {
                biased;
                () = self.cancel.cancelled() => {}
                () = tokio::time::sleep(Duration::from_secs(this.bake_seconds)) => {}
            }
        }
        self.may_start() && self.write(&Record::WaveBaked { wave })
    }

    async fn look_for_denials(&self, wave: usize, this: &Wave) -> Verdict {
        let Some(begun) = self.progress.wave.map(|now| now.begun).filter(|_| this.watch_denials) else {
            return Verdict::Open;
        };
        let last_write = self.progress.last_write.unwrap_or(begun).max(begun);
        let Some(query) = query(self.plan, wave, &self.progress.aws_ids, begun, last_write) else {
            return Verdict::Open;
        };
        let Some(source) = self.options.denials else {
            return Verdict::CannotTell("nobody can read the organization's trail here".to_owned());
        };
        tokio::select! {
            biased;
            () = self.cancel.cancelled() => Verdict::CannotTell("the run was interrupted".to_owned()),
            report = source.denials(&query) => verdict(&report),
        }
    }

    fn hold(&mut self, wave: usize, why: &str) {
        self.held(wave, why, false);
    }

    fn held(&mut self, wave: usize, why: &str, denied: bool) {
        self.write(&Record::GateHeld { wave, why: why.to_owned(), denied });
        (self.on_event)(Event::Held { wave, why: why.to_owned() });
    }

    /// Remembers the moment of a write, for the gate.
    pub(super) fn wrote(&mut self, at: Timestamp) {
        self.progress.last_write = Some(at);
    }
}

fn count(n: u32) -> usize {
    usize::try_from(n).unwrap_or(usize::MAX)
}
