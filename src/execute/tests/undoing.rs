//! The way back: what a run did is undone, whatever came of it, and nothing else.

use super::memory::source;
use super::*;
use crate::execute::{Progress, Undo, replay, rollback};
use crate::model::plan::{ConfirmationReason, Operation};
use crate::model::{Cause, CauseKind, Observed};
use crate::store::{parse_journal, plan_digest};
use proptest::prelude::*;
use std::collections::BTreeMap;

fn replayed(plan: &Plan, bytes: &[u8]) -> Progress {
    replay(&parse_journal(bytes).unwrap(), plan, &plan_digest(plan).unwrap()).unwrap()
}

/// The plan that undoes a run, with what the world shows of whatever is uncertain.
fn way_back(plan: &Plan, progress: &Progress, world: &Memory) -> Plan {
    let read = |index: usize| match world.docs.borrow().get(&plan.changes[index].address).cloned() {
        Some(value) => (index, Observed::Present { value, source: source() }),
        None => (index, Observed::Absent { source: source() }),
    };
    let found: BTreeMap<_, _> = progress.uncertain().into_iter().map(read).collect();
    made_with(plan, progress, &found)
}

fn made_with(plan: &Plan, progress: &Progress, found: &BTreeMap<usize, Observed<Doc>>) -> Plan {
    let undo =
        Undo { run: "20260718T100000Z-4000", caller_arn: "arn:aws:iam::111111111111:user/second", now: now(), found };
    rollback(plan, progress, &undo)
}

/// A plan of creations, updates and deletions, and the world it was made for.
fn case(shape: &[(usize, u8, Vec<prop::sample::Index>)]) -> (Plan, Memory) {
    let mut changes: Vec<Change> = Vec::new();
    let mut world = Memory::default();
    for (at, (lane, kind, needs)) in shape.iter().enumerate() {
        let needs: Vec<Change> =
            if at == 0 { vec![] } else { needs.iter().map(|need| changes[need.index(at)].clone()).collect() };
        let needs: Vec<&Change> = needs.iter().collect();
        let name = format!("n{at}");
        let mut change = if *lane == 0 { org_change(&name, &needs) } else { account_change(*lane, &name, &needs) };
        let old = json!({"old": at, "tags": {"a": "1"}});
        match kind % 4 {
            0 => {}
            1 => change.before = Some(Doc(old)),
            2 => (change.before, change.after) = (Some(Doc(old)), None),
            // Done by somebody else before the run: not ours to undo.
            _ => world = world.put(&change.address, change.after.clone().unwrap().0),
        }
        if let Some(before) = &change.before {
            world = world.put(&change.address, before.0.clone());
        }
        changes.push(change);
    }
    (plan(changes), world)
}

/// Runs a plan until the world dies at a call, or to its end; gives the journal.
async fn until(plan: &Plan, world: &mut Memory, call: usize, after: bool) -> Vec<u8> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("journal.jsonl");
    let mut journal = Journal::create(&path).unwrap();
    world.dies_at.set(Some((call, after)));
    let (options, cancel, mut ignore) =
        (ApplyOptions { keep_going: true, ..options() }, CancellationToken::new(), |_| {});
    tokio::select! {
        _ = apply(plan, world, &mut journal, &options, &cancel, &mut ignore) => {}
        () = world.died.cancelled() => {}
    }
    world.dies_at.set(None);
    world.died = CancellationToken::new();
    world.trouble.borrow_mut().clear();
    std::fs::read(&path).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    /// Whatever the plan, whatever goes wrong and wherever the run dies: the way back leads to where it began.
    #[test]
    fn rollback_after_apply_is_identity(
        shape in proptest::collection::vec((0usize..4, any::<u8>(), proptest::collection::vec(any::<prop::sample::Index>(), 0..3)), 1..15),
        troubles in proptest::collection::vec((any::<prop::sample::Index>(), 0u8..3), 0..4),
        call in 1usize..80,
        after in any::<bool>(),
    ) {
        let (plan, mut world) = case(&shape);
        for (index, kind) in troubles {
            let address = &plan.changes[index.index(plan.changes.len())].address;
            let trouble = match kind {
                0 => Trouble::Refuse(CauseKind::AccessDenied),
                1 => Trouble::LostAfter,
                _ => Trouble::LostBefore,
            };
            world = world.with(address, &[trouble]);
        }
        let before = world.docs.borrow().clone();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
        let (there, after_all) = runtime.block_on(async {
            let bytes = until(&plan, &mut world, call, after).await;
            let there = way_back(&plan, &replayed(&plan, &bytes), &world);
            let (report, _, _) = run(&there, &world, &options(), &CancellationToken::new()).await;
            assert!(report.clean(), "{report:?}");
            (there, world.docs.borrow().clone())
        });
        prop_assert!(there.complete() && there.applyable());
        prop_assert_eq!(before, after_all);
    }
}

#[tokio::test(start_paused = true)]
async fn the_way_back_is_turned_around_and_says_what_stays() {
    let policy = org_change("deny-leave", &[]);
    let attach = attachment("deny-leave", "ou-ab12-11111111", &[&policy]);
    let mut gone = org_change("old", &[]);
    (gone.before, gone.after) = (Some(Doc(json!({"content": "{}"}))), None);
    let at = |days: Option<i32>, hard: bool| {
        json!({
            "minimum_password_length": 8, "require_symbols": false, "require_numbers": false,
            "require_uppercase_characters": false, "require_lowercase_characters": false,
            "allow_users_to_change_password": true, "max_password_age": days, "password_reuse_prevention": null,
            "hard_expiry": hard,
        })
    };
    let mut password = change(Address::PasswordPolicy { account: account(2) }, &[]);
    (password.before, password.after) = (Some(Doc(at(Some(30), true))), Some(Doc(at(Some(90), false))));
    let made = plan(vec![policy, attach, gone, password]);
    let world = Memory::default()
        .put(&made.changes[2].address, json!({"content": "{}"}))
        .put(&made.changes[3].address, at(Some(30), true));
    let (report, _, bytes) = run(&made, &world, &options(), &CancellationToken::new()).await;
    assert!(report.clean(), "{report:?}");
    let back = way_back(&made, &replayed(&made, &bytes), &world);
    let told: Vec<_> = back.changes.iter().map(|change| (change.address.clone(), change.operation())).collect();
    let address = |index: usize| made.changes[index].address.clone();
    assert_eq!(
        told,
        [
            (address(3), Operation::Update),
            (address(2), Operation::Create),
            (address(1), Operation::Delete),
            (address(0), Operation::Delete),
        ]
    );
    assert_eq!(back.changes[3].depends_on, [address(1)], "a policy goes after its attachment");
    assert!(back.changes[2].depends_on.is_empty());
    assert!(back.caller_arn.ends_with("second") && back.changes[0].reason.contains("20260718T100000Z-4000"));
    let notes = back.notes.join("\n");
    assert!(notes.contains("`old` is created anew and gets another id"), "{notes}");
    assert!(notes.contains("passwords that expired"), "{notes}");
    let whys: Vec<_> =
        crate::execute::needed_confirmations(&back).iter().map(|confirmation| confirmation.why).collect();
    assert!(whys.contains(&ConfirmationReason::PasswordsExpire) && whys.contains(&ConfirmationReason::HardExpiry));
    assert_eq!(whys.iter().filter(|why| **why == ConfirmationReason::Detach).count(), 2, "{whys:?}");
}

#[tokio::test(start_paused = true)]
async fn the_key_of_a_webhook_is_in_no_note() {
    let hook = |name: &str| {
        let (topic, endpoint) = ("alerts".to_owned(), format!("https://hooks.example.com/{name}/SECRET"));
        let region = "eu-central-1".parse().unwrap();
        let address =
            Address::Subscription { account: account(2), region, topic, protocol: "https".to_owned(), endpoint };
        change(address, &[])
    };
    let (made, mut gone) = (hook("made"), hook("gone"));
    (gone.before, gone.after) = (gone.after, None);
    let made = plan(vec![made, gone]);
    let world = Memory::default().put(&made.changes[1].address, json!({"made": true}));
    let (report, _, bytes) = run(&made, &world, &options(), &CancellationToken::new()).await;
    assert!(report.clean(), "{report:?}");
    let notes = way_back(&made, &replayed(&made, &bytes), &world).notes.join("\n");
    assert_eq!(notes.matches("https https://hooks.example.com/...").count(), 2, "{notes}");
    assert!(!notes.contains("SECRET"), "{notes}");
}

#[tokio::test(start_paused = true)]
async fn what_can_t_be_told_is_left_with_all_it_stands_on() {
    let topic = account_change(2, "topic", &[]);
    let alarm = account_change(2, "alarm", &[&topic]);
    let made = plan(vec![topic, alarm, account_change(3, "other", &[])]);
    let mut world = Memory::default().with(&made.changes[1].address, &[Trouble::LostAfter]);
    let bytes = until(&made, &mut world, 9, false).await;
    let progress = replayed(&made, &bytes);
    assert_eq!(progress.uncertain(), [1], "{progress:?}");
    let denied = Observed::unknown(Cause::new(CauseKind::AccessDenied, "memory:Read", "denied"));
    let other = Observed::Present { value: Doc(json!({"somebody": "else"})), source: source() };
    for (found, says) in [(denied, "denied"), (other, "changed by somebody else")] {
        let back = made_with(&made, &progress, &BTreeMap::from([(1, found)]));
        let left: Vec<_> = back.changes.iter().map(|change| change.address.clone()).collect();
        assert_eq!(left, [made.changes[2].address.clone()], "the topic stays under its alarm");
        assert_eq!(back.unknowns.len(), 2);
        assert!(back.unknowns[0].cause.message.contains(says), "{:?}", back.unknowns);
        assert!(back.unknowns[1].cause.message.contains("depends on"), "{:?}", back.unknowns);
    }
    assert!(!made_with(&made, &progress, &BTreeMap::new()).complete(), "what was not read is not guessed");
}

#[tokio::test(start_paused = true)]
async fn an_undo_that_fails_has_an_end_of_its_own() {
    let made = plan(vec![org_change("a", &[])]);
    let world = Memory::default();
    let (_, _, bytes) = run(&made, &world, &options(), &CancellationToken::new()).await;
    let back = way_back(&made, &replayed(&made, &bytes), &world);
    let world = world.with(&made.changes[0].address, &[Trouble::Refuse(CauseKind::AccessDenied)]);
    let options = ApplyOptions { undoes: Some("20260718T100000Z-4000"), ..options() };
    let (report, _, bytes) = run(&back, &world, &options, &CancellationToken::new()).await;
    assert_eq!(report.exit_code(), 8);
    let progress = replayed(&back, &bytes);
    assert_eq!(progress.ended, Some(crate::execute::EndStatus::UndoFailed));
    assert_eq!(progress.undoes.as_deref(), Some("20260718T100000Z-4000"));
}
