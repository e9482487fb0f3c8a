//! An audit that has something to report: its report, and what is kept of it.
//!
//! Must not: ask AWS.

use super::exit::Failure;
use super::select::Selected;
use super::ui::Ui;
use crate::audit::{self, Ending, RunFindings};
use crate::aws::Sessions;
use crate::checks::frameworks;
use crate::config::{KeepFacts, Settings};
use crate::model::{OrgFacts, Tally, span};
use crate::report::text::{bytes, count, plain};
use crate::report::{Audit, RunStats};
use crate::store::{Kept, StateDir};

/// An audit that has something to report.
pub struct Audited {
    pub(super) audited: audit::Audited,
    pub(super) findings: RunFindings,
    pub(super) selected: Selected,
    pub(super) stats: RunStats,
}

impl Audited {
    /// The organization.
    pub fn org(&self) -> &OrgFacts {
        &self.audited.org
    }

    /// Its findings, counted.
    pub fn tally(&self) -> &Tally {
        &self.audited.tally
    }

    /// Shows it as a report.
    ///
    /// # Errors
    /// As `show`.
    pub fn told<T>(&self, show: impl FnOnce(&Audit<'_>) -> Result<T, Failure>) -> Result<T, Failure> {
        let Self { audited, findings, selected, stats } = self;
        let judged: Vec<_> =
            selected.frameworks.iter().map(|framework| frameworks::judge(framework, &audited.tally)).collect();
        show(&Audit {
            org: &audited.org,
            scope: &audited.scope,
            checks: &selected.selection.metas(),
            findings,
            tally: &audited.tally,
            frameworks: &judged,
            stats: *stats,
            interrupted: audited.ending != Ending::Complete,
        })
    }

    /// Says what is kept, and how to go on if there is something left; removes facts that were kept long enough.
    ///
    /// # Errors
    /// If what is kept can't be looked at.
    pub fn close(&self, state: &StateDir, settings: &Settings, sessions: &Sessions, ui: &Ui) -> Result<(), Failure> {
        let run = &self.audited.run;
        let size = |kept| run.size(kept).map(|size| size.map(bytes)).map_err(Failure::error);
        let facts = match (size(Kept::Facts)?, settings.keep_facts) {
            (None, _) => "no facts".to_owned(),
            (Some(size), KeepFacts::For(time)) => format!("facts ({size}, for {})", span(time)),
            (Some(size), _) => format!("facts ({size})"),
        };
        let findings = size(Kept::Findings)?.unwrap_or_default();
        ui.say(&format!("Run {} keeps {facts} and findings ({findings})", run.id()));
        match &self.audited.ending {
            Ending::Complete => {}
            Ending::Interrupted => ui.warn(&format!("stopped: go on with `orgward audit --resume {}`", run.id())),
            Ending::Expired(cause) => ui.warn(&format!(
                "the credentials expired ({}): sign in again and go on with `orgward audit --resume {}`",
                plain(&cause.to_string()),
                run.id()
            )),
        }
        if let (Some(limit), true) = (settings.keep_facts.limit(), settings.keep_facts != KeepFacts::No) {
            let gone = state.expire_facts(limit, sessions.clock().now()).map_err(Failure::error)?;
            let total: u64 = gone.iter().map(|(_, size)| size).sum();
            if !gone.is_empty() {
                ui.say(&format!(
                    "Facts of {} were kept for {} and are removed ({})",
                    count(gone.len(), "run"),
                    settings.keep_facts,
                    bytes(total)
                ));
            }
        }
        Ok(())
    }
}
