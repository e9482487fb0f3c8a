//! From findings to the verdict of each control.
//!
//! The rule: a failing cell fails the control, an unknown one (or a check without any cell) keeps it from passing, and what
//! a check proves in part only is a person's to finish. Must not: look at what a finding says.

use crate::model::Finding;
use crate::model::framework::{Answer, Cells, Control, ControlVerdict, Framework, JudgedControl, JudgedFramework};
use std::collections::BTreeMap;

/// Every control of `framework` with its verdict over `findings`.
pub fn judge<'a>(framework: &'a Framework, findings: &[Finding]) -> JudgedFramework<'a> {
    let mut cells: BTreeMap<&str, Cells> = BTreeMap::new();
    for finding in findings {
        cells.entry(&finding.check).or_default().count(finding.verdict);
    }
    let judged = |control: &'a Control| {
        let of = |check: &'a str| (check, cells.get(check).cloned().unwrap_or_default());
        let checks: Vec<(&str, Cells)> = control.checks().map(of).collect();
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
