//! A crash at every moment of an apply, in process: the sandbox lives on, the orgward does not. Then resume, or rollback.

use crate::sandboxed::operator;
use orgward::aws::{Purpose, Sessions};
use orgward::collect::{self, CollectOptions};
use orgward::execute::{self, ApplyOptions, Patience, Progress, Undo};
use orgward::model::scope::{Scope, ScopeRequest};
use orgward::model::{Address, Cause, Doc, Observed, OrgFacts, Plan};
use orgward::playbook::{self, PlanContext, Planner, Values};
use orgward::resources::World;
use orgward::sandbox::{Sandbox, Scenario, generate};
use orgward::store::{Journal, parse_journal, plan_digest};
use std::cell::Cell;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

/// An SCP made and attached, password policies, the chain of an alarm.
const BASELINE: [(&str, &[(&str, &str)]); 3] = [
    ("deny-leave-organization", &[("targets", "/Workloads")]),
    ("cis-password-policy", &[]),
    ("root-usage-alarm", &[("endpoint", "security@example.com")]),
];

/// Writes of which a second one would be a repetition.
const WRITES: [&str; 6] =
    ["CreatePolicy", "AttachPolicy", "UpdateAccountPasswordPolicy", "PutMetricFilter", "PutMetricAlarm", "CreateTopic"];

/// A small organization, one account of which has no password policy and one a weak one.
fn sandbox() -> Sandbox {
    let scenario = Scenario::small();
    let id = |name: &str| scenario.account(name).unwrap().id.clone();
    let (none, weak) = (id("app-one"), id("app-two"));
    let sandbox = Sandbox::new(scenario);
    sandbox.with(|org| {
        org.state_mut(&none).password_policy = None;
        org.state_mut(&weak).password_policy.as_mut().unwrap().minimum_password_length = 8;
    });
    sandbox
}

/// The plan of the baseline, and the organization it was made for.
async fn planned(sessions: &Sessions) -> (OrgFacts, Plan) {
    let cancel = CancellationToken::new();
    let org = collect::organization(sessions, false, &cancel).await.unwrap();
    let scope = Scope::resolve(&ScopeRequest::default(), &org).unwrap();
    let own = [("audit_role", generate::AUDIT_ROLE), ("apply_role", generate::APPLY_ROLE)];
    let load = |(name, given): (&str, &[(&str, &str)])| {
        let pairs = own.iter().chain(given).map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
        playbook::load_shipped(name, &pairs.collect::<Values>()).unwrap()
    };
    let playbooks: Vec<_> = BASELINE.into_iter().map(load).collect();
    let context = PlanContext {
        caller_arn: org.organization.caller_arn.clone(),
        audit_role_name: generate::AUDIT_ROLE.to_owned(),
        apply_role_name: generate::APPLY_ROLE.to_owned(),
    };
    let mut planner = Planner::new(&playbooks, &org, &scope, context);
    let needed: Vec<_> = planner.accounts_needed().into_iter().collect();
    let options = CollectOptions::default();
    collect::each_account(sessions, &org, &needed, &options, &cancel, Arc::new(()), &mut |facts| {
        planner.account(&facts)
    })
    .await;
    let plan = planner.finish();
    assert!(plan.applyable() && plan.complete() && plan.changes.len() > 6, "{plan:?}");
    (org, plan)
}

/// A world that stops answering before or after its call number `at`: nobody hears from a dead process again.
struct Dying<'a> {
    inner: World<'a>,
    calls: Cell<usize>,
    at: usize,
    after: bool,
    died: CancellationToken,
}

impl Dying<'_> {
    async fn moment(&self, after: bool) {
        if (self.calls.get(), after) == (self.at, self.after) {
            self.died.cancel();
            std::future::pending::<()>().await;
        }
    }
}

impl execute::World for Dying<'_> {
    async fn read(&self, address: &Address) -> Observed<Doc> {
        self.calls.set(self.calls.get() + 1);
        self.moment(false).await;
        let seen = self.inner.read(address).await;
        self.moment(true).await;
        seen
    }

    async fn write(
        &self,
        address: &Address,
        before: Option<&Doc>,
        after: Option<&Doc>,
    ) -> Result<Option<String>, Cause> {
        self.calls.set(self.calls.get() + 1);
        self.moment(false).await;
        let answer = self.inner.write(address, before, after).await;
        self.moment(true).await;
        answer
    }
}

/// One sandbox with its operator.
struct Case<'a> {
    sandbox: Sandbox,
    sessions: Sessions,
    org: &'a OrgFacts,
    plan: &'a Plan,
}

impl<'a> Case<'a> {
    async fn new(org: &'a OrgFacts, plan: &'a Plan) -> Self {
        let sandbox = sandbox();
        let sessions = operator(&sandbox).await;
        Self { sandbox, sessions, org, plan }
    }

    /// Carries a plan out one change at a time, from where the journal stands; dies at a call if told to. Tells whether it
    /// came to its end, and clean.
    async fn carry_out(&self, plan: &Plan, journal: &Path, dies: Option<(usize, bool)>) -> Option<bool> {
        let (at, after) = dies.unwrap_or_default();
        let inner = World::new(&self.sessions, self.org, Purpose::Apply);
        let world = Dying { inner, calls: Cell::new(0), at, after, died: CancellationToken::new() };
        let now = || self.sessions.clock().now();
        let options = ApplyOptions {
            max_concurrency: 1,
            keep_going: false,
            patience: Patience::default(),
            now: &now,
            approver: None,
            ticket: None,
            undoes: None,
            denials: None,
        };
        let progress = if journal.exists() { self.progress(plan, journal) } else { Progress::default() };
        let mut open =
            if journal.exists() { Journal::reopen(journal).unwrap().0 } else { Journal::create(journal).unwrap() };
        let cancel = CancellationToken::new();
        let mut ignore = |_| {};
        tokio::select! {
            report = execute::resume(plan, progress, &world, &mut open, &options, &cancel, &mut ignore) => {
                Some(report.clean())
            }
            () = world.died.cancelled() => None,
        }
    }

    fn progress(&self, plan: &Plan, journal: &Path) -> Progress {
        let contents = parse_journal(&std::fs::read(journal).unwrap()).unwrap();
        execute::replay(&contents, plan, &plan_digest(plan).unwrap()).unwrap()
    }

    /// What is at every address of the plan.
    async fn state(&self) -> BTreeMap<Address, Option<Doc>> {
        let world = World::new(&self.sessions, self.org, Purpose::Audit);
        let mut state = BTreeMap::new();
        for change in &self.plan.changes {
            let doc = match world.read(&change.address).await {
                Observed::Present { value, .. } => Some(value),
                Observed::Absent { .. } => None,
                Observed::Unknown { cause } => panic!("{}: {cause}", change.address),
            };
            state.insert(change.address.clone(), doc);
        }
        state
    }

    /// How many writes of each kind that must not be repeated arrived.
    fn writes(&self) -> BTreeMap<String, usize> {
        let mut writes = BTreeMap::new();
        for request in self.sandbox.requests() {
            if WRITES.contains(&request.operation.as_str()) {
                *writes.entry(request.operation).or_default() += 1;
            }
        }
        writes
    }

    async fn undo(&self, journal: &Path, undo_journal: &Path) {
        let progress = self.progress(self.plan, journal);
        let now = self.state().await;
        let source = orgward::model::Source {
            operation: "test:Read".into(),
            region: Scenario::small().home,
            observed_at: self.sessions.clock().now(),
            made_at: None,
            request_id: None,
            digest: None,
            pages: 1,
        };
        let found =
            progress.uncertain().into_iter().map(|index| match now[&self.plan.changes[index].address].clone() {
                Some(value) => (index, Observed::Present { value, source: source.clone() }),
                None => (index, Observed::Absent { source: source.clone() }),
            });
        let undo = Undo {
            run: "20260718T100000Z-4000",
            caller_arn: &self.plan.caller_arn,
            now: self.sessions.clock().now(),
            found: &found.collect(),
        };
        let back = execute::rollback(self.plan, &progress, &undo);
        assert!(back.complete(), "{:?}", back.unknowns);
        assert_eq!(self.carry_out(&back, undo_journal, None).await, Some(true));
    }
}

/// Cuts the last line of a journal in half, as a process that dies while writing it does.
pub fn tear(journal: &Path) {
    let bytes = std::fs::read(journal).unwrap();
    let start = bytes[..bytes.len() - 1].iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    std::fs::write(journal, &bytes[..start + (bytes.len() - start) / 2]).unwrap();
}

/// Crashes at every call, before and after it, and (`torn`) inside the record that was written last.
async fn crash_everywhere(undone: bool) {
    let first = sandbox();
    let (org, plan) = planned(&operator(&first).await).await;
    let dir = tempfile::tempdir().unwrap();
    let undisturbed = Case::new(&org, &plan).await;
    let initial = undisturbed.state().await;
    assert_eq!(undisturbed.carry_out(&plan, &dir.path().join("whole.jsonl"), None).await, Some(true));
    let (done, writes) = (undisturbed.state().await, undisturbed.writes());
    assert_ne!(initial, done);
    let mut moments = 0;
    for at in 1.. {
        for (after, torn) in [(false, false), (false, true), (true, false)] {
            let case = Case::new(&org, &plan).await;
            let journal = dir.path().join(format!("{at}-{after}-{torn}.jsonl"));
            if case.carry_out(&plan, &journal, Some((at, after))).await.is_some() {
                assert!(moments > 3 * plan.changes.len(), "only {moments} moments");
                return;
            }
            moments += 1;
            let last = std::fs::read_to_string(&journal).unwrap().lines().last().unwrap_or_default().to_owned();
            // A torn line before a call is a record that never was: with its outcome torn, the write did happen.
            if torn && !last.is_empty() {
                tear(&journal);
            }
            if undone {
                let progress = case.progress(&plan, &journal);
                if progress.plan.is_some() {
                    case.undo(&journal, &dir.path().join(format!("undo-{at}-{after}-{torn}.jsonl"))).await;
                }
                assert_eq!(case.state().await, initial, "call {at}, after {after}, torn {torn}");
            } else {
                assert_eq!(case.carry_out(&plan, &journal, None).await, Some(true), "call {at}, {after}, {torn}");
                assert_eq!(case.state().await, done, "call {at}, after {after}, torn {torn}");
                assert_eq!(case.writes(), writes, "nothing done is done again: call {at}, {after}, {torn}");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_crash_at_every_moment_is_resumed() {
    crash_everywhere(false).await;
}

#[tokio::test(start_paused = true)]
async fn a_crash_at_every_moment_is_rolled_back() {
    crash_everywhere(true).await;
}
