//! What people see of an audit while it runs: who it is, the scope once the organization is whole, and progress.
//!
//! Must not: decide anything.

use super::args::regions_in_words;
use super::progress::AuditProgress;
use super::ui::Ui;
use crate::audit::{AuditRun, Watcher};
use crate::aws::Sessions;
use crate::collect::Progress;
use crate::model::scope::{RegionRequest, Scope};
use crate::model::{AccountFacts, AccountId, OrgFacts};
use crate::report::org_tree;
use crate::store::RunId;
use std::sync::OnceLock;

/// Tells of one audit.
pub struct Steps {
    ui: Ui,
    progress: AuditProgress,
    regions: String,
    run: OnceLock<RunId>,
}

impl Steps {
    /// Of an audit over these Regions.
    pub fn new(ui: &Ui, sessions: &Sessions, regions: &RegionRequest) -> Self {
        ui.say("Enumerating the organization ...");
        let progress = AuditProgress::new(ui, sessions);
        Self { ui: *ui, progress, regions: regions_in_words(regions), run: OnceLock::new() }
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
        self.ui.say(&org_tree::scope(org, scope, &self.regions));
        for monitoring in &org.monitoring {
            let owner = &monitoring.log_group.account;
            if !scope.contains(owner) {
                self.ui.say(&format!("Account {owner} is out of scope but owns the organization trail's log group: its filters and alarms are read"));
            }
        }
    }
}
