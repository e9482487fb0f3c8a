//! An audit that a run keeps and that has something to report: just made, joined of shards, or of before.
//!
//! Owns: the one way from a run to a report. Must not: ask AWS.

use super::diff::refused;
use super::exit::Failure;
use super::select::Selected;
use super::ui::Ui;
use crate::audit::{self, Diff, Ending, History, Merged, Reopened, RunFindings};
use crate::checks::frameworks;
use crate::config::{KeepFacts, Settings};
use crate::model::framework::Framework;
use crate::model::scope::{RegionRequest, Scope};
use crate::model::{OrgFacts, Tally, span};
use crate::report::diff::Differences;
use crate::report::exemptions;
use crate::report::text::{bytes, count, plain};
use crate::report::{Audit, Context, RunStats};
use crate::store::{Kept, Run, RunStatus, StateDir};
use jiff::Timestamp;
use std::collections::BTreeSet;
use std::sync::Arc;

/// The file of what the run cost.
const STATS: &str = "stats.json";

/// An audit that has something to report.
pub struct KeptAudit {
    run: Run,
    org: Arc<OrgFacts>,
    scope: Scope,
    tally: Tally,
    findings: RunFindings,
    selected: Selected,
    stats: RunStats,
    ending: Ending,
    context: Context,
    before: Option<Diff>,
}

impl KeptAudit {
    /// One that was just made; what it cost is kept beside it.
    ///
    /// # Errors
    /// If its findings can't be read, or the costs not be kept.
    pub fn made(audited: audit::Audited, selected: Selected, stats: RunStats) -> Result<Self, Failure> {
        let audit::Audited { run, org, scope, tally, ending } = audited;
        let text = serde_json::to_vec_pretty(&stats).map_err(Failure::error)?;
        run.save(STATS, &text).map_err(Failure::error)?;
        let findings = RunFindings::open(&run).map_err(Failure::error)?;
        let context = context(&run)?;
        Ok(Self { run, org, scope, tally, findings, selected, stats, ending, context, before: None })
    }

    /// One that was joined of shards.
    ///
    /// # Errors
    /// If its findings can't be read.
    pub fn joined(merged: Merged, selected: Selected) -> Result<Self, Failure> {
        let Merged { run, org, scope, tally, .. } = merged;
        let findings = RunFindings::open(&run).map_err(Failure::error)?;
        let (org, stats, ending) = (Arc::new(org), RunStats::default(), Ending::Complete);
        let context = context(&run)?;
        Ok(Self { run, org, scope, tally, findings, selected, stats, ending, context, before: None })
    }

    /// One of before.
    ///
    /// # Errors
    /// If the run is no audit's, has nothing to report, can't be read, or was made with checks that are not known here.
    pub fn of_before(run: Run) -> Result<Self, Failure> {
        let Reopened { job, known, tally, findings } = audit::reopen(&run).map_err(Failure::error)?;
        let selected = Selected::of_job(&job)?;
        let stats = match run.dir().join(STATS).exists() {
            true => serde_json::from_slice(&run.load(STATS).map_err(Failure::error)?).map_err(Failure::error)?,
            false => RunStats::default(),
        };
        let ending = match run.manifest().status {
            RunStatus::Done => Ending::Complete,
            _ => Ending::Interrupted,
        };
        let context = context(&run)?;
        let (org, scope) = (Arc::new(known.organization), known.scope);
        Ok(Self { run, org, scope, tally, findings, selected, stats, ending, context, before: None })
    }

    /// The same with what was before it: how it differs from the newest kept audit that was asked the same, and how each of
    /// those stood. Only of an audit that came to its end; what can't be read of the others is said.
    ///
    /// # Errors
    /// If the runs can't be listed.
    pub fn remembering(mut self, state: &StateDir, ui: &Ui) -> Result<Self, Failure> {
        if self.ending == Ending::Complete {
            let history = audit::history(state, &self.run).map_err(Failure::error)?;
            self.remember(history, ui);
        }
        Ok(self)
    }

    fn remember(&mut self, history: History, ui: &Ui) {
        let History { changes, before, trend, problems } = history;
        (self.before, self.context.changes, self.context.trend) = (before, changes, trend);
        problems.iter().for_each(|why| ui.warn(&format!("what was before can't be told: {}", plain(why))));
    }

    /// As [`Self::remembering`], held against an earlier audit in place of the newest that was asked the same.
    ///
    /// # Errors
    /// If the runs can't be listed, this audit did not come to its end, the other did not begin before it or is of another organization, or what is kept
    /// can't be read.
    pub fn against(mut self, before: &Run, state: &StateDir, ui: &Ui) -> Result<Self, Failure> {
        let (this, other) = (self.run.id(), before.id());
        if self.ending != Ending::Complete {
            return Err(Failure::usage([format!(
                "the audit of run `{this}` did not come to its end: go on with it first"
            )]));
        }
        if other >= this {
            return Err(Failure::usage([format!(
                "run `{other}` did not begin before run `{this}`: name an earlier one"
            )]));
        }
        let diff = Diff::between(before, &self.run).map_err(refused)?;
        let changes = Some(diff.counts().map_err(Failure::error)?);
        let history = audit::trend(state, &self.run).map_err(Failure::error)?;
        self.remember(History { changes, before: Some(diff), ..history }, ui);
        Ok(self)
    }

    /// The same by the controls of other frameworks; as it was asked, where none is named.
    ///
    /// # Errors
    /// If a framework has a check that the audit did not run: its controls would have no verdict.
    pub fn by(mut self, frameworks: Vec<&'static Framework>) -> Result<Self, Failure> {
        let ran: BTreeSet<&str> = self.selected.selection.metas().iter().map(|meta| meta.id).collect();
        let wrong = frameworks.iter().filter_map(|framework| {
            let missing: BTreeSet<&str> = framework.checks().into_iter().filter(|id| !ran.contains(id)).collect();
            let first = missing.first()?;
            Some(format!(
                "the audit of run `{}` did not run {} of `{}`, such as `{first}`: audit with `--framework {}`, or with all checks",
                self.run.id(),
                count(missing.len(), "check"),
                framework.name,
                framework.name
            ))
        });
        let wrong: Vec<String> = wrong.collect();
        if !wrong.is_empty() {
            return Err(Failure::usage(wrong));
        }
        if !frameworks.is_empty() {
            self.selected.frameworks = frameworks;
        }
        Ok(self)
    }

    /// The organization.
    pub fn org(&self) -> &OrgFacts {
        &self.org
    }

    /// The run that keeps it.
    pub fn run(&self) -> &Run {
        &self.run
    }

    /// Its findings, counted.
    pub fn tally(&self) -> &Tally {
        &self.tally
    }

    /// Shows it as a report.
    ///
    /// # Errors
    /// As `show`.
    pub fn told<T>(&self, show: impl FnOnce(&Audit<'_>) -> Result<T, Failure>) -> Result<T, Failure> {
        let said = &self.context.exemptions;
        let judged = self
            .selected
            .frameworks
            .iter()
            .map(|framework| frameworks::judge_attested(framework, &self.tally, said, self.org.as_of));
        let judged: Vec<_> = judged.collect();
        show(&Audit {
            org: &self.org,
            scope: &self.scope,
            checks: &self.selected.selection.metas(),
            findings: &self.findings,
            tally: &self.tally,
            frameworks: &judged,
            context: &self.context,
            before: self.before.as_ref().map(|before| before as &dyn Differences),
            stats: self.stats,
            interrupted: self.ending != Ending::Complete,
        })
    }

    /// Says what is kept, and how to go on if there is something left; removes facts that were kept long enough.
    ///
    /// # Errors
    /// If what is kept can't be looked at.
    pub fn close(&self, state: &StateDir, settings: &Settings, now: Timestamp, ui: &Ui) -> Result<(), Failure> {
        let run = &self.run;
        let size = |kept| run.size(kept).map(|size| size.map(bytes)).map_err(Failure::error);
        let facts = match (size(Kept::Facts)?, settings.keep_facts) {
            (None, _) => "no facts".to_owned(),
            (Some(size), KeepFacts::For(time)) => format!("facts ({size}, for {})", span(time)),
            (Some(size), _) => format!("facts ({size})"),
        };
        let findings = size(Kept::Findings)?.unwrap_or_default();
        let warnings = self.told(|report| Ok(exemptions::warnings(report)))?;
        warnings.iter().for_each(|warning| ui.warn(warning));
        ui.say(&format!("Run {} keeps {facts} and findings ({findings})", run.id()));
        let from = audit::job(run).map_err(Failure::error)?.from;
        match &self.ending {
            Ending::Complete => {}
            Ending::Interrupted => ui.warn(&match from {
                Some(from) => {
                    format!("stopped: nothing was asked, so begin again with `orgward audit --from {}`", from.run)
                }
                None => format!("stopped: go on with `orgward audit --resume {}`", run.id()),
            }),
            Ending::Expired(cause) => ui.warn(&format!(
                "the credentials expired ({}): sign in again and go on with `orgward audit --resume {}`",
                plain(&cause.to_string()),
                run.id()
            )),
        }
        if let (Some(limit), true) = (settings.keep_facts.limit(), settings.keep_facts != KeepFacts::No) {
            let gone = state.expire_facts(limit, now).map_err(Failure::error)?;
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

/// What stands around the audit of a run.
fn context(run: &Run) -> Result<Context, Failure> {
    let job = audit::job(run).map_err(Failure::error)?;
    let scope = &job.asked.scope;
    Ok(Context {
        run: run.id().to_string(),
        exemptions: audit::exemptions(run, &job).map_err(Failure::error)?,
        whole: scope.is_everything() && scope.regions == RegionRequest::AllEnabled && job.shard.is_none(),
        ..Context::default()
    })
}
