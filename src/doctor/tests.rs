//! The clock, and words in commands; what is judged of organizations is tested with the command.

use super::*;
use jiff::SignedDuration;

#[test]
fn a_clock_is_told_from_a_minute_on() {
    let state = |seconds| clock(Some(SignedDuration::from_secs(seconds))).state;
    assert_eq!([state(0), state(59), state(-59)], [State::Ok; 3]);
    assert_eq!([state(60), state(-400)], [State::Problem; 2]);
    assert_eq!(clock(Some(SignedDuration::from_secs(-400))).code, "clock_skewed");
    assert_eq!(clock(None).state, State::Unknown);
}

#[test]
fn words_of_a_command_are_one_word_for_a_shell() {
    assert_eq!(shell("baseline"), "baseline");
    assert_eq!(shell("a b"), "'a b'");
    assert_eq!(shell("x'; rm -rf /; '"), "'x'\\''; rm -rf /; '\\'''");
    assert_eq!(shell(""), "''");
}
