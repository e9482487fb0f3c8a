//! Waves: the barrier, what a wave tolerates, its bake, and gates that hold.

use super::*;
use crate::execute::{DenialSource, EndStatus, Progress, Stop, replay, resume};
use crate::model::CauseKind;
use crate::model::denial::{Denial, DenialKind, DenialQuery, DenialReport};
use crate::model::plan::Wave;
use crate::store::{Journal, parse_journal, plan_digest};
use futures::future::LocalBoxFuture;
use std::cell::RefCell;

const CANARY: &str = "222222222222";
const OU: &str = "ou-ab12-11111111";

fn wave(name: &str, max_failures: u32, bake_seconds: u64) -> Wave {
    Wave {
        name: name.into(),
        max_failures,
        max_concurrency: None,
        bake_seconds,
        watch_denials: false,
        rollback_on_stop: false,
    }
}

/// A policy and a canary account; two accounts' alarms; then the OU, and the canary's own attachment goes.
fn rollout() -> Plan {
    let policy = org_change("g", &[]);
    let canary = attachment("g", CANARY, &[&policy]);
    let ou = attachment("g", OU, &[&policy]);
    let mut gone = canary.clone();
    gone.before = gone.after.take();
    gone.depends_on = vec![ou.address.clone()];
    let mut changes = vec![policy, canary, account_change(2, "x", &[]), account_change(3, "y", &[]), ou, gone];
    for (change, wave) in changes.iter_mut().zip([0, 0, 1, 1, 2, 2]) {
        change.wave = wave;
    }
    Plan { waves: vec![wave("canary", 0, 900), wave("some", 1, 60), wave("rest", 0, 0)], ..plan(changes) }
}

fn fates(report: &ApplyReport) -> Vec<&'static str> {
    report.results.iter().map(|result| result.fate.as_str()).collect()
}

fn replayed(plan: &Plan, bytes: &[u8]) -> Progress {
    replay(&parse_journal(bytes).unwrap(), plan, &plan_digest(plan).unwrap()).unwrap()
}

async fn go(plan: &Plan, world: &Memory, options: &ApplyOptions<'_>) -> (ApplyReport, Vec<Event>, Progress) {
    let (report, events, bytes) = run(plan, world, options, &CancellationToken::new()).await;
    (report, events, replayed(plan, &bytes))
}

/// A trail that shows what it is told to, and remembers what it was asked.
#[derive(Default)]
struct Trail {
    report: RefCell<DenialReport>,
    asked: RefCell<Vec<DenialQuery>>,
}

impl DenialSource for Trail {
    fn denials<'a>(&'a self, query: &'a DenialQuery) -> LocalBoxFuture<'a, DenialReport> {
        self.asked.borrow_mut().push(query.clone());
        Box::pin(async move { self.report.borrow().clone() })
    }
}

fn watched() -> Plan {
    let mut plan = rollout();
    plan.waves[0].watch_denials = true;
    plan.waves[1].watch_denials = true;
    plan
}

#[tokio::test(start_paused = true)]
async fn waves_run_one_after_the_other_and_bake() {
    let (plan, world) = (rollout(), Memory::default());
    let start = tokio::time::Instant::now();
    let (report, events, progress) = go(&plan, &world, &options()).await;
    assert!(report.clean(), "{report:?}");
    assert_eq!(start.elapsed().as_secs(), 960, "both bakes passed");
    assert_eq!((progress.waves_passed, progress.ended), (3, Some(EndStatus::Done)));
    let mut ended = Vec::new();
    for event in &events {
        match event {
            Event::Ended { change, .. } => ended.push(*change),
            Event::Started { change } => {
                let earlier = plan.changes.iter().take_while(|c| c.wave < plan.changes[*change].wave).count();
                assert!((0..earlier).all(|before| ended.contains(&before)), "{change} started in the wave before");
            }
            _ => {}
        }
    }
    let writes = world.writes.borrow().clone();
    assert_eq!(writes.iter().filter(|a| **a == plan.changes[1].address).count(), 2, "attached, then removed");
    assert!(!world.docs.borrow().contains_key(&plan.changes[1].address));
}

#[tokio::test(start_paused = true)]
async fn a_wave_tolerates_what_it_says_and_no_more() {
    let plan = rollout();
    let refuse =
        |world: Memory, at: usize| world.with(&plan.changes[at].address, &[Trouble::Refuse(CauseKind::AccessDenied)]);
    let (report, _, progress) = go(&plan, &refuse(Memory::default(), 2), &options()).await;
    assert_eq!(fates(&report), ["done", "done", "failed", "done", "done", "done"]);
    assert_eq!((progress.waves_passed, progress.ended), (3, Some(EndStatus::Failed)));
    assert_eq!(report.exit_code(), 8);

    for keep_going in [false, true] {
        let options = ApplyOptions { keep_going, ..options() };
        let world = refuse(refuse(Memory::default(), 2), 3);
        let (report, _, progress) = go(&plan, &world, &options).await;
        assert_eq!(fates(&report)[4..], ["not_started", "not_started"], "--keep-going opens no gate");
        assert_eq!(progress.waves_passed, 1);
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_not_as_aws_said_stops_whatever_is_tolerated() {
    let mut plan = rollout();
    plan.waves[1].max_failures = 5;
    plan.waves[1].rollback_on_stop = true;
    let world = Memory::default().with(&plan.changes[3].address, &[Trouble::Bent]);
    let (report, events, _) = go(&plan, &world, &options()).await;
    assert_eq!(fates(&report), ["done", "done", "done", "not_verified", "not_started", "not_started"]);
    assert!(events.iter().any(|event| matches!(event, Event::Held { wave: 1, .. })));
    assert!(report.asks_for_rollback(&plan));
    plan.waves[1].rollback_on_stop = false;
    assert!(!report.asks_for_rollback(&plan));
}

#[tokio::test(start_paused = true)]
async fn a_wave_has_its_own_concurrency() {
    let mut changes: Vec<Change> = (2..8).map(|n| account_change(n, "x", &[])).collect();
    changes.iter_mut().skip(3).for_each(|change| change.wave = 1);
    let mut plan = Plan { waves: vec![wave("a", 0, 0), wave("b", 0, 0)], ..plan(changes) };
    plan.waves[0].max_concurrency = Some(1);
    plan.waves[1].max_concurrency = Some(100);
    let world = Memory::default();
    let options = ApplyOptions { max_concurrency: 2, ..options() };
    assert!(go(&plan, &world, &options).await.0.clean());
    assert_eq!(world.most_in_flight.get(), 2, "the run's own limit holds too");
}

#[tokio::test(start_paused = true)]
async fn the_operator_can_stop_a_bake() {
    let (plan, world, cancel) = (rollout(), Memory::default(), CancellationToken::new());
    let later = cancel.clone();
    let (options, stop) = (options(), async move {
        tokio::time::sleep(Duration::from_secs(100)).await;
        later.cancel();
    });
    let ((report, _, bytes), ()) = tokio::join!(run(&plan, &world, &options, &cancel), stop);
    assert!(matches!(report.stopped, Some(Stop::Interrupted)));
    assert_eq!((report.exit_code(), fates(&report)[1]), (130, "done"));
    let progress = replayed(&plan, &bytes);
    assert_eq!(progress.ended, Some(EndStatus::Interrupted));
    assert_eq!(progress.wave.map(|now| (now.wave, now.baked)), Some((0, false)));
}

#[tokio::test(start_paused = true)]
async fn a_bake_of_the_last_wave_that_is_interrupted_is_not_done() {
    let mut plan = rollout();
    plan.waves[2].bake_seconds = 900;
    let (world, cancel) = (Memory::default(), CancellationToken::new());
    let later = cancel.clone();
    let stop = async move {
        tokio::time::sleep(Duration::from_secs(1000)).await;
        later.cancel();
    };
    let options = options();
    let ((report, _, bytes), ()) = tokio::join!(run(&plan, &world, &options, &cancel), stop);
    assert_eq!(fates(&report), ["done"; 6]);
    assert_eq!((report.exit_code(), replayed(&plan, &bytes).ended), (130, Some(EndStatus::Interrupted)));
}

#[tokio::test(start_paused = true)]
async fn denials_stop_the_rollout_and_doubts_hold_it() {
    let plan = watched();
    let denial = Denial {
        kind: DenialKind::Implicit,
        account: CANARY.parse().unwrap(),
        at: now(),
        call: "s3:PutObject".into(),
        principal: "app".into(),
    };
    for (report, certain) in [
        (DenialReport { denials: vec![denial], doubts: vec![] }, true),
        (DenialReport { denials: vec![], doubts: vec!["20 pages were not enough".into()] }, false),
    ] {
        let trail = Trail { report: RefCell::new(report), ..Trail::default() };
        let options = ApplyOptions { denials: Some(&trail), ..options() };
        let (report, _, progress) = go(&plan, &Memory::default(), &options).await;
        assert_eq!(fates(&report)[..3], ["done", "done", "not_started"]);
        match report.stopped.as_ref().unwrap() {
            Stop::Gate { wave: 0, why } => assert!(certain && why.contains("s3:PutObject"), "{why}"),
            Stop::CannotTell { wave: 0, why } => assert!(!certain && why.contains("20 pages"), "{why}"),
            other => panic!("{other:?}"),
        }
        assert_eq!(report.exit_code(), 8);
        assert_eq!((progress.waves_passed, progress.ended), (0, Some(EndStatus::Held)));
        assert!(progress.wave.unwrap().baked, "a resumed run asks again and does not bake again");
    }
}

#[tokio::test(start_paused = true)]
async fn the_trail_is_asked_for_our_policies_and_nothing_else() {
    let (plan, trail) = (watched(), Trail::default());
    let options = ApplyOptions { denials: Some(&trail), ..options() };
    assert!(go(&plan, &Memory::default(), &options).await.0.clean());
    let asked = trail.asked.borrow();
    assert_eq!(asked.len(), 1, "the second wave has no service control policy");
    assert_eq!(asked[0].policies, [("g".to_owned(), Some("p-12345678".to_owned()))]);
    assert_eq!(asked[0].targets, [CANARY.parse().unwrap()].into());
    assert!(asked[0].last_write >= asked[0].since);
}

#[tokio::test(start_paused = true)]
async fn a_gate_asked_by_a_later_process_waits_for_the_trail_as_the_first_would() {
    let (plan, world, trail) = (watched(), Memory::default(), Trail::default());
    let start = tokio::time::Instant::now();
    let clock = move || now() + start.elapsed();
    let late = DenialReport { doubts: vec!["it is behind".into()], ..DenialReport::default() };
    trail.report.replace(late);
    let options = ApplyOptions { denials: Some(&trail), now: &clock, ..options() };
    let (report, _, bytes) = run(&plan, &world, &options, &CancellationToken::new()).await;
    assert!(matches!(report.stopped, Some(Stop::CannotTell { wave: 0, .. })));
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("journal.jsonl");
    std::fs::write(&path, &bytes).unwrap();
    let (mut journal, _) = Journal::reopen(&path).unwrap();
    let (cancel, mut ignore) = (CancellationToken::new(), |_| {});
    resume(&plan, replayed(&plan, &bytes), &world, &mut journal, &options, &cancel, &mut ignore).await;
    let asked = trail.asked.borrow();
    assert_eq!(asked.len(), 2);
    assert!(asked[0].last_write > asked[0].since, "the canary was attached after the policy was made");
    assert_eq!(asked[1], asked[0]);
}

#[tokio::test(start_paused = true)]
async fn without_a_trail_to_read_a_watched_wave_holds() {
    let (report, _, _) = go(&watched(), &Memory::default(), &options()).await;
    assert!(matches!(report.stopped, Some(Stop::CannotTell { wave: 0, .. })));
}

#[test]
fn changes_stand_in_the_order_of_their_waves() {
    let mut unsorted = rollout();
    unsorted.changes.swap(2, 4);
    let mut beyond = rollout();
    beyond.waves.pop();
    let mut twice = rollout();
    twice.changes[5].before = None;
    for plan in [unsorted, beyond, twice] {
        assert!(crate::execute::Schedule::new(&plan).is_err());
    }
}
