//! From the tally of findings to the verdict of each control.
//!
//! The rule: a failing cell fails the control, an unknown one (or a check without any cell) keeps it from passing, and what
//! a check proves in part only is a person's to finish. Must not: look at what a finding says.

use crate::model::Tally;
use crate::model::framework::{Answer, Cells, Control, ControlVerdict, Framework, JudgedControl, JudgedFramework};

/// Every control of `framework` with its verdict over the findings of `tally`.
pub fn judge<'a>(framework: &'a Framework, tally: &Tally) -> JudgedFramework<'a> {
    let judged = |control: &'a Control| {
        let checks: Vec<(&str, Cells)> = control.checks().map(|check| (check, tally.check(check))).collect();
        JudgedControl { control, verdict: verdict(control, &checks), checks }
    };
    JudgedFramework { framework, controls: framework.controls.iter().map(judged).collect() }
}

fn verdict(control: &Control, checks: &[(&str, Cells)]) -> ControlVerdict {
    let part = match &control.answer {
        Answer::Manual { .. } => return ControlVerdict::Manual,
        Answer::NotCovered { .. } => return ControlVerdict::NotCovered,
        Answer::Checks { part, .. } => part,
    };
    let all = checks.iter().fold(Cells::default(), |sum, (_, cells)| sum.and(cells));
    let silent = checks.iter().any(|(_, cells)| *cells == Cells::default());
    if all.fail > 0 {
        ControlVerdict::Fail
    } else if all.unknown > 0 || silent {
        ControlVerdict::Unknown
    } else if all.exempt > 0 {
        ControlVerdict::Exempt
    } else if part.is_some() {
        ControlVerdict::Manual
    } else if all.pass > 0 {
        ControlVerdict::Pass
    } else {
        ControlVerdict::NotApplicable
    }
}
