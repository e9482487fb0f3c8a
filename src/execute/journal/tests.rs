//! The state machine step by step: what is legal, what is not, and what a replayed journal says.

use super::*;
use crate::model::CauseKind;
use proptest::prelude::*;

fn begin(changes: usize) -> Record {
    let (plan, organization) = ("sha256:1".into(), "o-abc123".into());
    Record::Begin { plan, organization, changes, approver: None, ticket: None, undoes: None }
}

fn intent(change: usize) -> Record {
    let address = Address::PasswordPolicy { account: "111111111111".parse().unwrap() };
    Record::Intent { change, address, before: None, after: None }
}

fn outcome(change: usize, outcome: Outcome) -> Record {
    Record::Outcome { change, outcome }
}

fn cause() -> Cause {
    Cause::new(CauseKind::TimedOut, "iam:X", "no answer")
}

fn done(change: usize) -> Record {
    outcome(change, Outcome::Done { aws_id: Some(format!("p-{change}")) })
}

fn wave(wave: usize) -> Record {
    Record::WaveBegun { wave, at: Timestamp::UNIX_EPOCH }
}

#[test]
fn waves_follow_each_other() {
    let held = Record::GateHeld { wave: 0, why: "x".into(), denied: false };
    let records =
        [begin(0), wave(0), Record::WaveBaked { wave: 0 }, held.clone(), held, Record::WavePassed { wave: 0 }, wave(1)];
    let progress = run(&records).unwrap();
    assert_eq!(progress.waves_passed, 1);
    assert_eq!(
        progress.wave,
        Some(WaveProgress { wave: 1, begun: Timestamp::UNIX_EPOCH, baked: false, denied: false })
    );
}

#[test]
fn a_wave_that_denials_held_begins_anew() {
    let denied = Record::GateHeld { wave: 0, why: "x".into(), denied: true };
    let held = [begin(0), wave(0), Record::WaveBaked { wave: 0 }, denied];
    assert!(run(&[&held[..], &[Record::WavePassed { wave: 0 }]].concat()).is_err());
    let anew = run(&[&held[..], &[wave(0)]].concat()).unwrap();
    assert_eq!(anew.wave, Some(WaveProgress { wave: 0, begun: Timestamp::UNIX_EPOCH, baked: false, denied: false }));
    assert!(run(&[begin(0), wave(0), wave(0)]).is_err(), "nothing held it");
}

fn run(records: &[Record]) -> Result<Progress, Illegal> {
    let mut progress = Progress::default();
    records.iter().try_for_each(|record| progress.accept(record)).map(|()| progress)
}

#[test]
fn a_change_is_announced_done_and_verified() {
    let records =
        [begin(1), intent(0), done(0), Record::Verified { change: 0 }, Record::End { status: EndStatus::Done }];
    let progress = run(&records).unwrap();
    assert_eq!(progress.stages, [Stage::Settled]);
    assert_eq!(progress.aws_ids, [Some("p-0".to_owned())]);
    assert_eq!(progress.ended, Some(EndStatus::Done));
}

#[test]
fn a_lost_answer_is_resolved_by_one_more_outcome() {
    let lost = outcome(0, Outcome::Unknown { cause: cause() });
    let progress = run(&[begin(1), intent(0), lost.clone()]).unwrap();
    assert_eq!(progress.to_read_back(), [0]);
    assert_eq!(run(&[begin(1), intent(0), lost.clone(), done(0)]).unwrap().stages, [Stage::Done]);
    assert!(run(&[begin(1), intent(0), lost.clone(), lost]).is_err());
}

#[test]
fn what_may_not_come_is_refused_and_changes_nothing() {
    let end = |status| Record::End { status };
    for (records, says) in [
        (vec![intent(0)], "no plan has begun"),
        (vec![end(EndStatus::Done)], "no plan has begun"),
        (vec![begin(1), begin(1)], "a plan has begun already"),
        (vec![begin(1), done(0)], "change number 0 is Waiting"),
        (vec![begin(1), outcome(0, Outcome::Unknown { cause: cause() })], "is Waiting"),
        (vec![begin(1), Record::Verified { change: 0 }], "is Waiting"),
        (vec![begin(1), intent(0), intent(0)], "is Intended"),
        (vec![begin(1), intent(0), Record::Verified { change: 0 }], "is Intended"),
        (vec![begin(1), intent(0), outcome(0, Outcome::AlreadyDone)], "is Intended"),
        (vec![begin(1), intent(0), done(0), done(0)], "is Done"),
        (vec![begin(1), intent(1)], "no change number 1"),
        (vec![begin(1), intent(0), end(EndStatus::Interrupted)], "has no outcome"),
        (vec![begin(1), end(EndStatus::Done)], "not every change is done"),
        (vec![begin(0), end(EndStatus::Done), begin(0)], "the journal has ended"),
        (
            vec![begin(0), end(EndStatus::Done), Record::Resumed { approver: None, ticket: None }],
            "the journal has ended",
        ),
        (vec![Record::Resumed { approver: None, ticket: None }], "no plan has begun"),
        (vec![begin(1), intent(0), outcome(0, Outcome::NotDone)], "is Intended"),
        (vec![begin(1), wave(1)], "wave number 1 begins, 0 are passed"),
        (vec![begin(1), wave(0), wave(0)], "wave number 0 begins"),
        (vec![begin(1), Record::WaveBaked { wave: 0 }], "not at work"),
        (vec![begin(1), wave(0), Record::WavePassed { wave: 0 }], "has not baked"),
        (vec![begin(1), wave(0), intent(0), Record::WaveBaked { wave: 0 }], "has no outcome"),
    ] {
        let (last, before) = records.split_last().unwrap();
        let mut progress = run(before).unwrap();
        let kept = progress.clone();
        let error = progress.accept(last).unwrap_err();
        assert!(error.to_string().contains(says), "{error} / {says}");
        assert_eq!(progress, kept);
    }
}

#[test]
fn a_resumed_plan_takes_nothing_for_done_that_was_not_read_back() {
    let failed = outcome(1, Outcome::Failed { cause: cause() });
    let mut records = vec![begin(4), intent(0), done(0), intent(1), failed, intent(2), intent(3), done(3)];
    records.extend([Record::Verified { change: 3 }, Record::Resumed { approver: None, ticket: None }]);
    let progress = run(&records).unwrap();
    assert_eq!(progress.stages, [Stage::Unknown, Stage::Waiting, Stage::Unknown, Stage::Settled]);
    assert_eq!((progress.to_read_back(), progress.resumed), (vec![0, 2], 1));
    assert_eq!(progress.aws_ids[0].as_deref(), Some("p-0"), "what is known stays known");
    records.extend([outcome(0, Outcome::NotDone), intent(0), done(2)]);
    let progress = run(&records).unwrap();
    assert_eq!(progress.stages[..3], [Stage::Intended, Stage::Waiting, Stage::Done]);
    let end = Record::End { status: EndStatus::Interrupted };
    assert!(run(&[begin(1), end.clone(), Record::Resumed { approver: None, ticket: None }, intent(0)]).is_ok());
    assert!(run(&[begin(1), end, intent(0)]).is_err(), "an end is an end until it is taken back");
}

fn any_record() -> impl Strategy<Value = Record> {
    let outcomes = prop_oneof![
        Just(Outcome::Done { aws_id: None }),
        Just(Outcome::AlreadyDone),
        Just(Outcome::Failed { cause: cause() }),
        Just(Outcome::Conflict { found: None }),
        Just(Outcome::Unknown { cause: cause() }),
        Just(Outcome::NotDone),
    ];
    prop_oneof![
        1 => (0usize..4).prop_map(begin),
        1 => Just(Record::Resumed { approver: None, ticket: None }),
        6 => (0usize..4).prop_map(intent),
        6 => (0usize..4, outcomes).prop_map(|(change, o)| outcome(change, o)),
        3 => (0usize..4).prop_map(|change| Record::Verified { change }),
        1 => (0usize..2).prop_map(wave),
        1 => (0usize..2).prop_map(|wave| Record::WaveBaked { wave }),
        1 => (0usize..2).prop_map(|wave| Record::WavePassed { wave }),
        1 => (0usize..2, any::<bool>()).prop_map(|(wave, denied)| Record::GateHeld { wave, why: "x".into(), denied }),
        1 => (0usize..4).prop_map(|change| Record::NotVerified { change, why: "x".into() }),
        1 => prop_oneof![Just(EndStatus::Done), Just(EndStatus::Failed), Just(EndStatus::Interrupted)]
            .prop_map(|status| Record::End { status }),
    ]
}

proptest! {
    /// Whatever comes, what was accepted makes sense: no outcome of a write without its intent, at most one write in
    /// doubt at a time for a change, nothing after the end.
    #[test]
    fn only_sane_sequences_are_accepted(records in proptest::collection::vec(any_record(), 0..60)) {
        let mut progress = Progress::default();
        let mut accepted: Vec<Record> = Vec::new();
        for record in records {
            let before = progress.clone();
            if progress.accept(&record).is_ok() {
                let goes_on = matches!(record, Record::Resumed { .. });
                prop_assert!(before.ended.is_none() || goes_on);
                prop_assert_eq!(accepted.is_empty(), matches!(record, Record::Begin { .. }));
                accepted.push(record);
            } else {
                prop_assert_eq!(&progress, &before);
            }
        }
        for (change, stage) in progress.stages.iter().enumerate() {
            let of = |want: fn(&Record) -> bool| {
                accepted.iter().filter(|r| r.change() == Some(change) && want(r)).count()
            };
            let intents = of(|r| matches!(r, Record::Intent { .. }));
            let retries = of(|r| matches!(r, Record::Outcome { outcome: Outcome::NotDone, .. }));
            let again = progress.resumed + retries;
            let dones = of(|r| matches!(r, Record::Outcome { outcome: Outcome::Done { .. }, .. }));
            let verified = of(|r| matches!(r, Record::Verified { .. }));
            prop_assert!(intents <= 1 + again && dones <= intents + again && verified <= dones);
            prop_assert_eq!(progress.was_announced(change), intents > 0);
            let settled = *stage == Stage::Settled;
            let already = of(|r| matches!(r, Record::Outcome { outcome: Outcome::AlreadyDone, .. }));
            prop_assert_eq!(settled, verified + already == 1);
            if again == 0 {
                prop_assert_eq!(*stage == Stage::Waiting, accepted.iter().all(|r| r.change() != Some(change)));
            }
        }
    }

    #[test]
    fn a_record_reads_as_it_was_written(record in any_record()) {
        let text = serde_json::to_string(&record).unwrap();
        prop_assert_eq!(serde_json::from_str::<Record>(&text).unwrap(), record);
    }
}
