//! A crash at every moment: the journal is sane, and applying the same plan again finishes it.

use super::*;
use crate::execute::{Fate, Outcome, Record, Stage, replay, resume};
use crate::store::{parse_journal, plan_digest};

fn sample() -> Plan {
    let policy = org_change("deny-leave", &[]);
    let mut update = org_change("old", &[]);
    update.before = Some(Doc(json!({"content": "{}"})));
    update.after = Some(Doc(json!({"content": "{\"a\":1}"})));
    let mut delete = account_change(2, "gone", &[]);
    delete.before = delete.after.take();
    let attach = attachment("deny-leave", "ou-ab12-11111111", &[&policy]);
    plan(vec![policy, attach, update, account_change(2, "root-usage", &[]), delete])
}

fn world() -> Memory {
    let plan = sample();
    Memory::default()
        .put(&plan.changes[2].address, json!({"content": "{}"}))
        .put(&plan.changes[4].address, json!({"made": true}))
}

/// Runs until the world dies at its call number `call`, before or after the effect. `None`: it had fewer calls.
async fn crash(world: &Memory, call: usize, after: bool) -> Option<Vec<u8>> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("journal.jsonl");
    let mut journal = Journal::create(&path).unwrap();
    world.dies_at.set(Some((call, after)));
    let (plan, options, cancel) = (sample(), options(), CancellationToken::new());
    let mut ignore = |_| {};
    let crashed = tokio::select! {
        _ = apply(&plan, world, &mut journal, &options, &cancel, &mut ignore) => false,
        () = world.died.cancelled() => true,
    };
    world.dies_at.set(None);
    crashed.then(|| std::fs::read(&path).unwrap())
}

#[tokio::test(start_paused = true)]
async fn after_a_crash_at_any_call_the_journal_tells_the_truth_and_the_plan_can_be_finished() {
    let plan = sample();
    let digest = plan_digest(&plan).unwrap();
    let mut crashes = 0;
    for after in [false, true] {
        for call in 1..40 {
            let world = world();
            let Some(bytes) = crash(&world, call, after).await else { continue };
            crashes += 1;
            let contents = parse_journal(&bytes).unwrap();
            let progress = replay(&contents, &plan, &digest).unwrap();
            let sent = world.writes.borrow().clone();
            for (index, change) in plan.changes.iter().enumerate() {
                let stage = progress.stages[index];
                let was_sent = sent.contains(&change.address);
                assert!(!was_sent || stage != Stage::Waiting, "a write was sent without its intent ({call}, {after})");
                if matches!(stage, Stage::Done | Stage::Settled) {
                    assert_eq!(world.docs.borrow().get(&change.address), change.after.as_ref());
                }
            }
            let (report, _, _) = run(&plan, &world, &options(), &CancellationToken::new()).await;
            assert!(report.clean(), "call {call}, after {after}: {report:?}");
            for change in &plan.changes {
                assert_eq!(world.docs.borrow().get(&change.address), change.after.as_ref());
            }
        }
    }
    assert!(crashes > 15, "only {crashes} crashes");
}

/// Goes on with the journal in `bytes`.
async fn go_on(plan: &Plan, world: &Memory, bytes: &[u8], cancel: &CancellationToken) -> (ApplyReport, Vec<Record>) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("journal.jsonl");
    std::fs::write(&path, bytes).unwrap();
    let (mut journal, contents) = Journal::reopen(&path).unwrap();
    let progress = replay(&contents, plan, &plan_digest(plan).unwrap()).unwrap();
    let mut ignore = |_| {};
    let report = resume(plan, progress, world, &mut journal, &options(), cancel, &mut ignore).await;
    let contents = parse_journal(&std::fs::read(&path).unwrap()).unwrap();
    replay(&contents, plan, &plan_digest(plan).unwrap()).unwrap();
    (report, contents.entries.into_iter().map(|entry| serde_json::from_value(entry.record).unwrap()).collect())
}

#[tokio::test(start_paused = true)]
async fn a_crash_at_any_call_is_resumed_and_nothing_done_is_done_again() {
    let plan = sample();
    let mut crashes = 0;
    for after in [false, true] {
        for call in 1..40 {
            let world = world();
            let Some(bytes) = crash(&world, call, after).await else { continue };
            crashes += 1;
            // Writes that took effect before the crash must not be sent again.
            let landed: Vec<_> = plan
                .changes
                .iter()
                .filter(|change| world.docs.borrow().get(&change.address) == change.after.as_ref())
                .map(|change| change.address.clone())
                .collect();
            world.writes.borrow_mut().clear();
            let (report, records) = go_on(&plan, &world, &bytes, &CancellationToken::new()).await;
            assert!(report.clean(), "call {call}, after {after}: {report:?}");
            for change in &plan.changes {
                assert_eq!(world.docs.borrow().get(&change.address), change.after.as_ref());
            }
            for address in world.writes.borrow().iter() {
                assert!(!landed.contains(address), "{address} was there already ({call}, {after})");
            }
            assert!(matches!(records.last(), Some(Record::End { .. })));
            assert!(records.contains(&Record::Resumed { approver: None, ticket: None }) || !bytes.contains(&b'\n'));
        }
    }
    assert!(crashes > 15, "only {crashes} crashes");
}

#[tokio::test(start_paused = true)]
async fn a_second_crash_while_resuming_changes_nothing() {
    let plan = sample();
    for (first, after) in [(3, true), (6, false), (9, true)] {
        for second in 1..25 {
            let mut world = world();
            let Some(bytes) = crash(&world, first, after).await else { continue };
            let dir = tempfile::tempdir().unwrap();
            let path = dir.path().join("journal.jsonl");
            std::fs::write(&path, bytes).unwrap();
            let (mut journal, contents) = Journal::reopen(&path).unwrap();
            let progress = replay(&contents, &plan, &plan_digest(&plan).unwrap()).unwrap();
            world.dies_at.set(Some((world.calls.get() + second, second % 2 == 0)));
            world.died = CancellationToken::new();
            let (options, cancel, mut ignore) = (options(), CancellationToken::new(), |_| {});
            tokio::select! {
                _ = resume(&plan, progress, &world, &mut journal, &options, &cancel, &mut ignore) => {}
                () = world.died.cancelled() => {}
            }
            world.dies_at.set(None);
            let bytes = std::fs::read(&path).unwrap();
            let (report, _) = go_on(&plan, &world, &bytes, &cancel).await;
            assert!(report.clean(), "{first} {after} {second}: {report:?}");
            for change in &plan.changes {
                assert_eq!(world.docs.borrow().get(&change.address), change.after.as_ref());
            }
        }
    }
}

/// The journal of the sample up to the intent of the change with this index.
async fn announced(index: usize) -> Vec<u8> {
    let (_, _, bytes) = run(&sample(), &world(), &options(), &CancellationToken::new()).await;
    let mut kept = Vec::new();
    for line in bytes.split_inclusive(|byte| *byte == b'\n') {
        kept.extend_from_slice(line);
        let text = String::from_utf8_lossy(line);
        if text.contains("\"record\":\"intent\"") && text.contains(&format!("\"change\":{index},")) {
            return kept;
        }
    }
    panic!("no such intent")
}

#[tokio::test(start_paused = true)]
async fn a_write_cut_in_half_is_finished_and_somebody_else_s_is_left() {
    let mut plan = sample();
    plan.changes.truncate(3);
    plan.changes.remove(1);
    plan.changes[1].before = Some(Doc(json!({"content": "{}", "tags": {"a": "1"}})));
    plan.changes[1].after = Some(Doc(json!({"content": "{\"a\":1}", "tags": {"a": "2"}})));
    let old = plan.changes[1].clone();
    let first = Memory::default().put(&old.address, old.before.clone().unwrap().0);
    let bytes = crash_of(&plan, &first, 6).await;
    for (found, fine) in [
        (json!({"content": "{\"a\":1}", "tags": {"a": "1"}}), true),
        (json!({"content": "{\"b\":1}", "tags": {"a": "1"}}), false),
    ] {
        let world =
            Memory::default().put(&old.address, found.clone()).put(&plan.changes[0].address, json!({"made": true}));
        let (report, records) = go_on(&plan, &world, &bytes, &CancellationToken::new()).await;
        assert_eq!(report.clean(), fine, "{report:?}");
        if fine {
            let mut intents = records.iter().filter_map(|record| match record {
                Record::Intent { change: 1, before, .. } => before.clone(),
                _ => None,
            });
            assert_eq!(intents.next_back(), Some(Doc(found)), "the journal tells what was written over");
            assert_eq!(world.docs.borrow().get(&old.address), old.after.as_ref());
        } else {
            assert_eq!(world.docs.borrow().get(&old.address), Some(&Doc(found.clone())));
            assert!(matches!(&report.results[1].fate, Fate::Conflict { found: Some(Doc(seen)) } if *seen == found));
            assert_eq!(report.exit_code(), 8, "{report:?}");
        }
    }
}

/// The journal of a plan whose world dies before the effect of its call `call`.
async fn crash_of(plan: &Plan, world: &Memory, call: usize) -> Vec<u8> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("journal.jsonl");
    let mut journal = Journal::create(&path).unwrap();
    world.dies_at.set(Some((call, false)));
    let (options, cancel, mut ignore) = (options(), CancellationToken::new(), |_| {});
    tokio::select! {
        _ = apply(plan, world, &mut journal, &options, &cancel, &mut ignore) => panic!("it did not die"),
        () = world.died.cancelled() => {}
    }
    std::fs::read(&path).unwrap()
}

#[tokio::test(start_paused = true)]
async fn nothing_is_done_while_a_write_can_t_be_read_back() {
    let plan = sample();
    let bytes = announced(0).await;
    let world = world().with(&plan.changes[0].address, &vec![Trouble::Unreadable; 4]);
    let (report, records) = go_on(&plan, &world, &bytes, &CancellationToken::new()).await;
    assert!(world.writes.borrow().is_empty(), "{report:?}");
    assert!(matches!(report.results[0].fate, Fate::Unknown { .. }) && report.exit_code() == 8);
    let again: Vec<u8> = records_to_bytes(&records);
    let (report, records) = go_on(&plan, &world, &again, &CancellationToken::new()).await;
    assert!(report.clean(), "{report:?}");
    assert!(records.contains(&Record::Outcome { change: 0, outcome: Outcome::NotDone }));
}

#[tokio::test(start_paused = true)]
async fn a_failure_is_tried_again_and_an_interrupted_resume_can_be_resumed() {
    use crate::model::CauseKind;
    let plan = sample();
    let world = world().with(&plan.changes[0].address, &[Trouble::Refuse(CauseKind::AccessDenied)]);
    let (report, _, bytes) = run(&plan, &world, &options(), &CancellationToken::new()).await;
    assert_eq!(report.exit_code(), 8);
    let cancelled = CancellationToken::new();
    cancelled.cancel();
    let (report, records) = go_on(&plan, &world, &bytes, &cancelled).await;
    assert_eq!(report.exit_code(), 130, "{report:?}");
    let (report, _) = go_on(&plan, &world, &records_to_bytes(&records), &CancellationToken::new()).await;
    assert!(report.clean(), "{report:?}");
}

fn records_to_bytes(records: &[Record]) -> Vec<u8> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("journal.jsonl");
    let mut journal = Journal::create(&path).unwrap();
    for record in records {
        journal.append(now(), record).unwrap();
    }
    std::fs::read(&path).unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_journal_cut_at_any_byte_is_read_up_to_its_last_whole_record() {
    let plan = sample();
    let digest = plan_digest(&plan).unwrap();
    let (report, _, bytes) = run(&plan, &world(), &options(), &CancellationToken::new()).await;
    assert!(report.clean());
    let whole = parse_journal(&bytes).unwrap().entries;
    for cut in 0..=bytes.len() {
        let contents = parse_journal(&bytes[..cut]).unwrap();
        assert!(whole.starts_with(&contents.entries));
        let at_an_end = cut == 0 || bytes[cut - 1] == b'\n';
        assert_eq!(contents.torn.is_none(), at_an_end, "cut at {cut}");
        let progress = replay(&contents, &plan, &digest).unwrap();
        // Whatever was announced and has no outcome is known to be in doubt.
        let announced: Vec<usize> = contents
            .entries
            .iter()
            .filter_map(|entry| match serde_json::from_value(entry.record.clone()).unwrap() {
                Record::Intent { change, .. } => Some(change),
                _ => None,
            })
            .collect();
        for change in progress.to_read_back() {
            assert!(announced.contains(&change));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn the_journal_of_another_plan_is_refused() {
    let (_, _, bytes) = run(&sample(), &world(), &options(), &CancellationToken::new()).await;
    let mut other = sample();
    other.changes.pop();
    let error = replay(&parse_journal(&bytes).unwrap(), &other, &plan_digest(&other).unwrap()).unwrap_err();
    assert!(error.to_string().contains("another plan"), "{error}");
}
