//! What tests of rollouts share: a plan of one playbook, and carrying it out in this process as the command line does.

use futures::FutureExt;
use futures::future::LocalBoxFuture;
use jiff::Timestamp;
use orgward::aws::{Purpose, Sessions};
use orgward::collect;
use orgward::execute::{self, ApplyOptions, ApplyReport, DenialSource, Patience, Progress, Record};
use orgward::model::denial::{DenialQuery, DenialReport};
use orgward::model::scope::{Scope, ScopeRequest};
use orgward::model::{OrgFacts, Plan};
use orgward::playbook::{self, Documents, PlanContext, Planner, Values};
use orgward::resources::World;
use orgward::sandbox::generate;
use orgward::store::{Journal, parse_journal, plan_digest};
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, resume_unwind};
use std::path::Path;
use tokio_util::sync::CancellationToken;

/// A process that is no more.
struct Died;

/// Reads the trail, as the command line does.
struct Trail<'a>(&'a Sessions, &'a OrgFacts);

impl DenialSource for Trail<'_> {
    fn denials<'a>(&'a self, query: &'a DenialQuery) -> LocalBoxFuture<'a, DenialReport> {
        Box::pin(collect::denials(self.0, self.1, query))
    }
}

/// The organization as it is now.
pub async fn survey(sessions: &Sessions) -> OrgFacts {
    collect::organization(sessions, false, &CancellationToken::new()).await.unwrap()
}

/// The plan of a playbook, and the organization it was made for.
pub async fn planned(sessions: &Sessions, text: &str) -> (OrgFacts, Plan) {
    let org = survey(sessions).await;
    let scope = Scope::resolve(&ScopeRequest::default(), &org).unwrap();
    let playbooks = [playbook::load_str("guard.yaml", text, &Documents::Embedded(&[]), &Values::new()).unwrap()];
    let context = PlanContext {
        caller_arn: org.organization.caller_arn.clone(),
        audit_role_name: generate::AUDIT_ROLE.to_owned(),
        apply_role_name: generate::APPLY_ROLE.to_owned(),
    };
    let plan = Planner::new(&playbooks, &org, &scope, context).finish();
    assert!(plan.applyable() && plan.complete(), "{plan:?}");
    (org, plan)
}

/// Carries a plan out, from where its journal stands; dies at a look at the clock if told to: then `None`.
pub async fn carry_out(
    sessions: &Sessions,
    org: &OrgFacts,
    plan: &Plan,
    journal: &Path,
    dies: Option<usize>,
) -> Option<ApplyReport> {
    let looks = Cell::new(0);
    let now = || -> Timestamp {
        looks.set(looks.get() + 1);
        if dies == Some(looks.get()) {
            resume_unwind(Box::new(Died));
        }
        sessions.clock().now()
    };
    let trail = Trail(sessions, org);
    let options = ApplyOptions {
        max_concurrency: 1,
        keep_going: false,
        patience: Patience::default(),
        now: &now,
        approver: None,
        ticket: None,
        undoes: None,
        denials: Some(&trail),
    };
    let progress = if journal.exists() { progress(plan, journal) } else { Progress::default() };
    let mut open =
        if journal.exists() { Journal::reopen(journal).unwrap().0 } else { Journal::create(journal).unwrap() };
    let world = World::new(sessions, org, Purpose::Apply);
    let (cancel, mut ignore) = (CancellationToken::new(), |_| {});
    let work = execute::resume(plan, progress, &world, &mut open, &options, &cancel, &mut ignore);
    match AssertUnwindSafe(work).catch_unwind().await {
        Ok(report) => Some(report),
        Err(why) => {
            assert!(why.is::<Died>(), "it panicked");
            None
        }
    }
}

/// How far a journal came.
pub fn progress(plan: &Plan, journal: &Path) -> Progress {
    let contents = parse_journal(&std::fs::read(journal).unwrap()).unwrap();
    execute::replay(&contents, plan, &plan_digest(plan).unwrap()).unwrap()
}

/// The records of a journal.
pub fn records(journal: &Path) -> Vec<Record> {
    let contents = parse_journal(&std::fs::read(journal).unwrap()).unwrap();
    contents.entries.into_iter().map(|entry| serde_json::from_value(entry.record).unwrap()).collect()
}
