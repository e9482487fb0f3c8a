//! What `apply` does when things go well, and when they don't.

use super::*;
use crate::execute::{EndStatus, Fate, Progress, Stage, Stop, replay};
use crate::model::plan::{Refusal, RefusalKind};
use crate::model::{Cause, CauseKind};
use crate::store::{parse_journal, plan_digest};

fn fates(report: &ApplyReport) -> Vec<&'static str> {
    report.results.iter().map(|result| result.fate.as_str()).collect()
}

fn replayed(plan: &Plan, bytes: &[u8]) -> Progress {
    replay(&parse_journal(bytes).unwrap(), plan, &plan_digest(plan).unwrap()).unwrap()
}

async fn go(plan: &Plan, world: &Memory) -> (ApplyReport, Vec<u8>) {
    let (report, _, bytes) = run(plan, world, &options(), &CancellationToken::new()).await;
    (report, bytes)
}

#[tokio::test(start_paused = true)]
async fn a_plan_is_carried_out_in_order_and_read_back() {
    let policy = org_change("deny-leave", &[]);
    let attach = attachment("deny-leave", "ou-ab12-11111111", &[&policy]);
    let alarm = account_change(2, "root-usage", &[]);
    let plan = plan(vec![policy, attach, alarm]);
    let world = Memory::default();
    let (report, events, bytes) = run(&plan, &world, &options(), &CancellationToken::new()).await;
    assert_eq!(fates(&report), ["done"; 3]);
    assert!(report.clean() && report.exit_code() == 0, "{report:?}");
    assert_eq!(report.summary(), "3 done");
    assert_eq!(world.docs.borrow().len(), 3);
    let writes = world.writes.borrow().clone();
    let order = |change: &Change| writes.iter().position(|address| *address == change.address).unwrap();
    assert!(order(&plan.changes[0]) < order(&plan.changes[1]));
    let progress = replayed(&plan, &bytes);
    assert_eq!(progress.stages, [Stage::Settled; 3]);
    assert_eq!(progress.ended, Some(EndStatus::Done));
    assert_eq!(progress.aws_ids[0].as_deref(), Some("p-12345678"));
    assert_eq!(events.iter().filter(|e| matches!(e, Event::Ended { .. })).count(), 3);

    let (again, bytes) = go(&plan, &world).await;
    assert_eq!(fates(&again), ["already_done"; 3]);
    assert_eq!((again.exit_code(), world.writes.borrow().len()), (0, 3), "nothing is written twice");
    assert_eq!(replayed(&plan, &bytes).ended, Some(EndStatus::Done));
}

#[tokio::test(start_paused = true)]
async fn what_the_plan_did_not_see_is_a_conflict_and_stays() {
    let policy = org_change("deny-leave", &[]);
    let attach = attachment("deny-leave", "ou-ab12-11111111", &[&policy]);
    let plan = plan(vec![policy, attach, account_change(2, "x", &[])]);
    let world = Memory::default().put(&plan.changes[0].address, json!({"mine": 1}));
    let options = ApplyOptions { max_concurrency: 1, ..options() };
    let (report, _, _) = run(&plan, &world, &options, &CancellationToken::new()).await;
    assert_eq!(fates(&report), ["conflict", "skipped", "not_started"]);
    assert_eq!(report.exit_code(), 6);
    assert!(matches!(report.stopped, Some(Stop::Failure)));
    assert!(world.writes.borrow().is_empty());
    assert_eq!(report.results[1].fate, Fate::Skipped { because: 0 });
    assert_eq!(report.summary(), "1 conflict, 1 skipped, 1 not started");
}

#[tokio::test(start_paused = true)]
async fn a_failure_skips_its_dependents_stops_the_rest_and_finishes_what_flies() {
    let a = org_change("a", &[]);
    let plan =
        plan(vec![a.clone(), account_change(2, "flies", &[]), org_change("b", &[&a]), account_change(2, "later", &[])]);
    let refused = || Memory::default().with(&a.address, &[Trouble::Refuse(CauseKind::AccessDenied)]);
    let (report, bytes) = go(&plan, &refused()).await;
    assert_eq!(fates(&report), ["failed", "done", "skipped", "not_started"]);
    assert_eq!(report.exit_code(), 8);
    assert_eq!(replayed(&plan, &bytes).ended, Some(EndStatus::Failed));

    let options = ApplyOptions { keep_going: true, ..options() };
    let (report, _, _) = run(&plan, &refused(), &options, &CancellationToken::new()).await;
    assert_eq!(fates(&report), ["failed", "done", "skipped", "done"]);
    assert!(report.stopped.is_none() && report.exit_code() == 8);
}

#[tokio::test(start_paused = true)]
async fn what_can_t_be_read_before_is_not_written() {
    let plan = plan(vec![org_change("a", &[])]);
    let world = Memory::default().with(&plan.changes[0].address, &[Trouble::Unreadable]);
    let (report, _) = go(&plan, &world).await;
    assert_eq!(fates(&report), ["failed"]);
    assert!(world.writes.borrow().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_is_read_back_before_anything_else() {
    for (trouble, fate, exit, stage) in [
        (Trouble::LostAfter, "done", 0, Stage::Settled),
        (Trouble::LostBefore, "failed", 8, Stage::Failed),
        (Trouble::LostThenOverwritten, "conflict", 6, Stage::Conflict),
    ] {
        let plan = plan(vec![org_change("a", &[])]);
        let world = Memory::default().with(&plan.changes[0].address, std::slice::from_ref(&trouble));
        let (report, bytes) = go(&plan, &world).await;
        assert_eq!((fates(&report), report.exit_code()), (vec![fate], exit), "{trouble:?}");
        assert_eq!(replayed(&plan, &bytes).stages, [stage], "{trouble:?}");
        assert_eq!(world.writes.borrow().len(), 1, "nothing is sent again blindly");
        let text = String::from_utf8(bytes).unwrap();
        assert!(text.contains("\"is\":\"unknown\""), "the doubt is in the journal: {text}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_that_can_t_be_read_back_stays_in_doubt() {
    let plan = plan(vec![org_change("a", &[]), org_change("b", &[])]);
    let troubles = [&[Trouble::LostAfter][..], &[const { Trouble::Unreadable }; 4]].concat();
    let world = Memory::default().with(&plan.changes[0].address, &troubles);
    let (report, bytes) = go(&plan, &world).await;
    assert_eq!(fates(&report), ["unknown", "not_started"]);
    assert_eq!(report.exit_code(), 8);
    assert_eq!(replayed(&plan, &bytes).to_read_back(), [0]);
    let Fate::Unknown { cause } = &report.results[0].fate else { panic!() };
    assert!(cause.message.contains("no answer") && cause.message.contains("reading back failed"), "{cause}");
}

#[tokio::test(start_paused = true)]
async fn what_shows_late_is_waited_for_and_what_never_shows_is_told() {
    let plan = plan(vec![org_change("a", &[]), attachment("a", "ou-ab12-11111111", &[&org_change("a", &[])])]);
    let at = &plan.changes[0].address;
    let (report, _) = go(&plan, &Memory::default().with(at, &[Trouble::Late(3)])).await;
    assert_eq!(fates(&report), ["done", "done"]);
    for trouble in [Trouble::Late(4), Trouble::Bent] {
        let (report, bytes) = go(&plan, &Memory::default().with(at, &[trouble])).await;
        assert_eq!(fates(&report), ["not_verified", "skipped"]);
        assert_eq!(report.exit_code(), 8);
        assert_eq!(replayed(&plan, &bytes).stages, [Stage::NotVerified, Stage::Waiting]);
    }
}

#[tokio::test(start_paused = true)]
async fn accounts_run_side_by_side_within_the_bound_and_the_organization_one_by_one() {
    let mut changes: Vec<Change> = (2..=9).map(|n| account_change(n, "x", &[])).collect();
    let world = Memory::default();
    go(&plan(changes.clone()), &world).await;
    assert_eq!(world.most_in_flight.get(), 4);

    changes.truncate(1);
    changes.push(account_change(2, "y", &[]));
    changes.extend(["a", "b", "c"].map(|name| org_change(name, &[])));
    let world = Memory::default();
    let (report, _) = go(&plan(changes), &world).await;
    assert!(report.clean());
    assert_eq!(world.most_in_flight.get(), 2, "one account and one organization write");
}

#[tokio::test(start_paused = true)]
async fn ctrl_c_finishes_the_write_in_flight_and_sends_no_other() {
    let plan = plan(vec![org_change("a", &[]), org_change("b", &[]), org_change("c", &[])]);
    let cancel = CancellationToken::new();
    let world = Memory::default();
    *world.cancel_at_write.borrow_mut() = Some((2, cancel.clone()));
    let (report, _, bytes) = run(&plan, &world, &options(), &cancel).await;
    assert_eq!(fates(&report), ["done", "done_unverified", "not_started"]);
    assert_eq!(report.exit_code(), 130);
    assert_eq!(world.writes.borrow().len(), 2);
    let progress = replayed(&plan, &bytes);
    assert_eq!(progress.stages, [Stage::Settled, Stage::Done, Stage::Waiting]);
    assert_eq!(progress.ended, Some(EndStatus::Interrupted));
}

#[tokio::test(start_paused = true)]
async fn ctrl_c_while_the_answer_is_lost_leaves_it_to_be_read_back() {
    let plan = plan(vec![org_change("a", &[])]);
    let cancel = CancellationToken::new();
    let world = Memory::default().with(&plan.changes[0].address, &[Trouble::LostAfter]);
    *world.cancel_at_write.borrow_mut() = Some((1, cancel.clone()));
    let (report, _, bytes) = run(&plan, &world, &options(), &cancel).await;
    assert_eq!((fates(&report), report.exit_code()), (vec!["unknown"], 130));
    assert_eq!(replayed(&plan, &bytes).to_read_back(), [0]);
}

#[tokio::test(start_paused = true)]
async fn ctrl_c_before_the_start_does_nothing_and_after_the_end_changes_nothing() {
    let plan = plan(vec![org_change("a", &[])]);
    let cancel = CancellationToken::new();
    cancel.cancel();
    let world = Memory::default();
    let (report, _, _) = run(&plan, &world, &options(), &cancel).await;
    assert_eq!((fates(&report), report.exit_code(), world.calls.get()), (vec!["not_started"], 130, 0));
    let world = world.put(&plan.changes[0].address, json!({"made": true}));
    let cancel = CancellationToken::new();
    let late = cancel.clone();
    let dir = tempfile::tempdir().unwrap();
    let mut journal = Journal::create(&dir.path().join("j")).unwrap();
    let report = apply(&plan, &world, &mut journal, &options(), &cancel, &mut |event| {
        if matches!(event, Event::Ended { .. }) {
            late.cancel();
        }
    })
    .await;
    assert_eq!(report.exit_code(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_plan_with_a_refusal_or_out_of_order_does_nothing() {
    let mut refused = plan(vec![org_change("a", &[])]);
    refused.refusals.push(Refusal {
        step: "baseline/scp".into(),
        address: None,
        kind: RefusalKind::Quota,
        message: "it is too long".into(),
    });
    let twice = plan(vec![org_change("a", &[]), org_change("a", &[])]);
    for (plan, says) in [(refused, "too long"), (twice, "twice")] {
        let world = Memory::default();
        let (report, bytes) = go(&plan, &world).await;
        let Some(Stop::Refused(why)) = &report.stopped else { panic!("{report:?}") };
        assert!(why.contains(says), "{why}");
        assert_eq!((report.exit_code(), world.calls.get(), bytes.len()), (6, 0, 0));
    }
}

#[tokio::test(start_paused = true)]
async fn an_empty_plan_is_done() {
    let (report, bytes) = go(&plan(Vec::new()), &Memory::default()).await;
    assert_eq!((report.exit_code(), report.summary().as_str()), (0, "nothing to do"));
    assert_eq!(parse_journal(&bytes).unwrap().entries.len(), 2);
}

#[cfg(target_os = "linux")]
#[tokio::test(start_paused = true)]
async fn a_full_disk_is_found_before_the_write_it_protects() {
    let plan = plan(vec![org_change("a", &[])]);
    let world = Memory::default();
    // The journal can hold its first line and no more.
    let dir = tempfile::tempdir().unwrap();
    let mut full = Journal::create(&dir.path().join("j")).unwrap().with_room_for(1);
    let report = apply(&plan, &world, &mut full, &options(), &CancellationToken::new(), &mut |_| {}).await;
    let Some(Stop::Journal(error)) = &report.stopped else { panic!("{report:?}") };
    assert!(error.is_full_disk() && error.to_string().contains("free space"), "{error}");
    assert_eq!((fates(&report), report.exit_code()), (vec!["not_started"], 1));
    assert!(world.writes.borrow().is_empty());
}

#[test]
fn the_exit_code_tells_the_worst() {
    let cause = || Cause::new(CauseKind::Other, "x:Y", "z");
    let report = |fates: Vec<Fate>, stopped| ApplyReport {
        results: fates
            .into_iter()
            .map(|fate| crate::execute::ChangeResult {
                address: org_change("a", &[]).address,
                step: String::new(),
                fate,
            })
            .collect(),
        stopped,
    };
    let conflict = || Fate::Conflict { found: None };
    for (fates, stopped, code) in [
        (vec![Fate::AlreadyDone], None, 0),
        (vec![conflict()], Some(Stop::Failure), 6),
        (vec![conflict(), Fate::Failed { cause: cause() }], Some(Stop::Failure), 8),
        (vec![conflict()], Some(Stop::Interrupted), 130),
        (vec![Fate::Failed { cause: cause() }], Some(Stop::Interrupted), 8),
        (vec![Fate::Unknown { cause: cause() }], Some(Stop::Interrupted), 130),
        (vec![Fate::Unknown { cause: cause() }], None, 8),
        (vec![Fate::NotVerified { why: String::new() }], None, 8),
    ] {
        let report = report(fates, stopped);
        assert_eq!(report.exit_code(), code, "{report:?}");
    }
}
