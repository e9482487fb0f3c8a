//! A crash at every moment: the journal is sane, and applying the same plan again finishes it.

use super::*;
use crate::execute::{Record, Stage, replay};
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
