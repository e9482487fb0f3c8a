//! What people see of an audit while it runs: who it is, the scope once the organization is whole, and progress.
//!
//! Must not: decide anything.

use super::progress::AuditProgress;
use super::survey;
use super::ui::Ui;
use crate::audit::{AuditRun, Watcher};
use crate::aws::Sessions;
use crate::collect::Progress;
use crate::model::scope::{RegionRequest, Scope};
use crate::model::{AccountFacts, AccountId, OrgFacts};
use crate::store::RunId;
use std::sync::OnceLock;

/// Tells of one audit.
pub struct Steps {
    ui: Ui,
    progress: AuditProgress,
    regions: RegionRequest,
    run: OnceLock<RunId>,
}

impl Steps {
    /// Of an audit over these Regions, in which `before` accounts were done before.
    pub fn new(ui: &Ui, sessions: &Sessions, regions: &RegionRequest, before: usize) -> Self {
        ui.say("Enumerating the organization ...");
        let progress = AuditProgress::new(ui, sessions);
        progress.going_on(before);
        Self { ui: *ui, progress, regions: regions.clone(), run: OnceLock::new() }
    }

    /// Does the work and shows meanwhile how far it is.
    pub async fn beside<T>(&self, work: impl Future<Output = T>) -> T {
        self.progress.beside(work).await
    }

    /// The run, once it has a place in the store.
    pub fn run(&self) -> Option<RunId> {
        self.run.get().cloned()
    }
}

impl Progress for Steps {
    fn total(&self, accounts: usize, last: bool) {
        self.progress.total(accounts, last);
    }

    fn started(&self, account: &AccountId) {
        self.progress.started(account);
    }

    fn asking(&self, account: &AccountId) {
        self.progress.asking(account);
    }

    fn finished(&self, account: &AccountId, facts: &AccountFacts) {
        self.progress.finished(account, facts);
    }
}

impl Watcher for Steps {
    fn began(&self, kept: &AuditRun) {
        // A run begins once.
        let _ = self.run.set(kept.run().id().clone());
    }

    fn enumerated(&self, org: &OrgFacts, scope: &Scope) {
        self.progress.tree(org.ous.len());
        self.progress.listed();
        survey::say_scope(org, scope, &self.regions, &self.ui);
    }
}
