//! What the tasks of all accounts share: the organization once it is whole, and the files of the run.
//!
//! Owns: judging an account in its own task, or putting its facts away until the organization is whole. Must not: ask AWS, or
//! know in what order accounts come.

use super::audit_run::{self, AuditRun, Known};
use super::pipeline::{AuditError, Request};
use super::verdicts::Verdicts;
use crate::checks::exempt::Exempting;
use crate::model::scope::Scope;
use crate::model::tally::Tally;
use crate::model::{AccountFacts, AccountId, OrgFacts};
use crate::store::{Frame, FrameKey, StoreError};
use futures::{StreamExt, TryStreamExt, stream};
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use tokio_util::sync::CancellationToken;

/// What the tasks of all accounts share.
pub(super) struct Shared {
    pub(super) request: Request,
    /// The organization, once it is whole.
    pub(super) org: OnceLock<Arc<OrgFacts>>,
    /// The exemptions held against it.
    pub(super) exempting: OnceLock<Exempting>,
    pub(super) files: Mutex<Files>,
    pub(super) stop: CancellationToken,
}

#[derive(Default)]
pub(super) struct Files {
    pub(super) kept: Option<AuditRun>,
    pub(super) tally: Tally,
    /// Accounts whose facts are kept and not judged yet.
    pub(super) waiting: BTreeSet<AccountId>,
    /// Why the run can't be kept.
    pub(super) failure: Option<StoreError>,
}

impl Shared {
    pub(super) fn files(&self) -> MutexGuard<'_, Files> {
        self.files.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Why the run could not be kept, if it could not.
    pub(super) fn failure(&self) -> Option<AuditError> {
        self.files().failure.take().map(AuditError::Store)
    }

    /// Stops everything for a store that failed.
    pub(super) fn fail(&self, error: StoreError) {
        self.files().failure.get_or_insert(error);
        self.stop.cancel();
    }

    /// Takes the facts of an account, in the account's own task: judges them, or puts them away until the organization is whole.
    pub(super) fn take(&self, facts: &AccountFacts) {
        let outcome = match self.org.get() {
            Some(org) => self.judge(org, facts, self.request.keep_facts),
            None => self.put_away(facts),
        };
        outcome.unwrap_or_else(|error| self.fail(error));
    }

    fn put_away(&self, facts: &AccountFacts) -> Result<(), StoreError> {
        let frame = frame(facts)?;
        let mut files = self.files();
        let Some(kept) = &mut files.kept else { return Ok(()) };
        kept.keep_facts(&facts.account, &frame)?;
        files.waiting.insert(facts.account.clone());
        Ok(())
    }

    /// Judges an account; `keep`: and keeps its facts, if it was asked to the end.
    fn judge(&self, org: &OrgFacts, facts: &AccountFacts, keep: bool) -> Result<(), StoreError> {
        let findings = self.request.selection.account(org, facts, &self.request.thresholds);
        let finished = audit_run::finished(facts);
        let frame = (keep && finished).then(|| frame(facts)).transpose()?;
        let verdicts = Verdicts::of((FrameKey::from(&facts.account), finished), findings, self.exempting(org), org)?;
        let mut files = self.files();
        let Files { kept: Some(kept), tally, .. } = &mut *files else { return Ok(()) };
        verdicts.keep(kept, tally, frame.as_ref())
    }

    /// The exemptions, held against the organization once.
    fn exempting(&self, org: &OrgFacts) -> &Exempting {
        self.exempting.get_or_init(|| Exempting::new(&self.request.exemptions, org))
    }

    /// The organization is whole: keeps it and its own verdicts.
    pub(super) fn whole(&self, org: OrgFacts, scope: &Scope) -> Result<(), StoreError> {
        let findings = self.request.selection.organization(&org, &self.request.thresholds);
        let verdicts = Verdicts::of((FrameKey::Organization, true), findings, self.exempting(&org), &org)?;
        let known = Known { organization: org, scope: scope.clone() };
        let mut files = self.files();
        let Files { kept: Some(kept), tally, .. } = &mut *files else { return Ok(()) };
        kept.keep_organization(&known)?;
        verdicts.keep(kept, tally, None)?;
        drop(files);
        // Set once: every way comes here once.
        let _ = self.org.set(Arc::new(known.organization));
        Ok(())
    }

    /// Judges the accounts whose facts were put away, on as many threads as there are.
    pub(super) async fn judge_waiting(self: &Arc<Self>) -> Result<(), AuditError> {
        let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let Some(org) = self.org.get() else { return Ok(()) };
        loop {
            let (waiting, reader) = {
                let mut files = self.files();
                let waiting = std::mem::take(&mut files.waiting);
                let reader = files.kept.as_ref().map(AuditRun::facts).transpose()?;
                (waiting, reader)
            };
            let Some(reader) = reader.filter(|_| !waiting.is_empty()) else { return Ok(()) };
            let reader = Arc::new(reader);
            stream::iter(waiting)
                .map(|account| {
                    let (shared, org, reader) = (Arc::clone(self), Arc::clone(org), Arc::clone(&reader));
                    // A task as an account's own, not a thread's work: more threads are more memory that each keeps for itself.
                    tokio::spawn(async move {
                        match reader.read(&FrameKey::from(&account))? {
                            Some(facts) => shared.judge(&org, &facts, false),
                            None => Ok(()),
                        }
                    })
                })
                .buffer_unordered(threads)
                .map(|joined| {
                    joined.unwrap_or_else(|error| Err(StoreError::io("judge", Path::new("an account"), error.into())))
                })
                .try_for_each(|()| std::future::ready(Ok(())))
                .await?;
        }
    }
}

fn frame(facts: &AccountFacts) -> Result<Frame, StoreError> {
    Frame::of(facts).map_err(|error| audit_run::no_frame(Path::new(facts.account.as_str()), error))
}
