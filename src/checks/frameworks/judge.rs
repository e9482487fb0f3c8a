//! From the tally of findings, and what people attest, to the verdict of each control.
//!
//! The rule: a failing cell fails the control, an unknown one (or a check without any cell) keeps it from passing, and what
//! a check proves in part only is a person's to finish. The word of a person stands for what only a person can tell, as long
//! as it holds, and is never called a pass. Must not: look at what a finding says.

use crate::model::Tally;
use crate::model::exemption::{Exemptions, day};
use crate::model::framework::{Answer, Cells, Control, ControlVerdict, Framework, JudgedControl, JudgedFramework};
use jiff::Timestamp;

/// Every control of `framework` with its verdict over the findings of `tally`, without the word of anybody.
pub fn judge<'a>(framework: &'a Framework, tally: &Tally) -> JudgedFramework<'a> {
    judge_attested(framework, tally, &Exemptions::default(), Timestamp::UNIX_EPOCH)
}

/// The same with what people attest, as of a moment.
pub fn judge_attested<'a>(
    framework: &'a Framework,
    tally: &Tally,
    said: &Exemptions,
    as_of: Timestamp,
) -> JudgedFramework<'a> {
    let today = day(as_of);
    let judged = |control: &'a Control| {
        let checks: Vec<(&str, Cells)> = control.checks().map(|check| (check, tally.check(check))).collect();
        let attestation = said.attestation(&framework.name, &control.id).cloned();
        let verdict = match (verdict(control, &checks), &attestation) {
            (ControlVerdict::Manual, Some(attestation)) if attestation.holds(today) => ControlVerdict::Attested,
            (verdict, _) => verdict,
        };
        JudgedControl { control, verdict, checks, attestation }
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
    } else if part.is_some() {
        // What is exempt answers for its checks, not for what only a person can look at.
        ControlVerdict::Manual
    } else if all.exempt > 0 {
        ControlVerdict::Exempt
    } else if all.pass > 0 {
        ControlVerdict::Pass
    } else {
        ControlVerdict::NotApplicable
    }
}
