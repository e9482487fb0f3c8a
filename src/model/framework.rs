//! A framework: what somebody else asks for, control by control, and what orgward says of each.
//!
//! Owns: the types. Must not: read the data (`checks::frameworks` does) or know any check.

use super::exemption::Attestation;
use super::finding::Verdict;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// A benchmark, pillar, standard or guide: all of its controls, those that no check answers too, so that `N of M` is true.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Framework {
    /// As given to `--framework`: `cis-5.0`.
    pub name: String,
    /// What people call it.
    pub title: String,
    /// Every control, in the framework's order.
    pub controls: Vec<Control>,
}

/// One thing that a framework asks for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Control {
    /// Its number or id within the framework.
    pub id: String,
    /// What it asks for, in our own words, without a full stop.
    pub title: String,
    /// The profile of a CIS control: 1 or 2.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub level: Option<u8>,
    /// How a CIS control says it is assessed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub assessment: Option<Assessment>,
    /// How orgward answers it.
    #[serde(flatten)]
    pub answer: Answer,
}

/// The assessment status of a CIS control. A `Manual` one may still be answered by checks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Assessment {
    /// By a program.
    Automated,
    /// By a person.
    Manual,
}

impl Assessment {
    /// The name used in data, JSON and tables.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Automated => "automated",
            Self::Manual => "manual",
        }
    }
}

/// How orgward answers a control.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(untagged)]
pub enum Answer {
    /// By checks, all of which must pass.
    Checks {
        /// Their ids.
        checks: Vec<String>,
        /// Where they prove a part only: what that is, and what is left to a person.
        #[serde(flatten)]
        part: Option<Part>,
    },
    /// No API can prove it.
    Manual {
        /// Why, and what a person has to look at.
        manual: String,
    },
    /// An API could prove it, and orgward does not ask it.
    NotCovered {
        /// The service that it is about.
        not_covered: String,
    },
}

/// What checks prove of a control that they do not prove whole.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Part {
    /// What they prove.
    pub proves: String,
    /// What a person has to look at.
    pub manual: String,
}

impl Framework {
    /// Every check that answers a control.
    pub fn checks(&self) -> BTreeSet<&str> {
        self.controls.iter().flat_map(Control::checks).collect()
    }
}

impl Control {
    /// The checks that answer it; none where a person has to, or orgward does not.
    pub fn checks(&self) -> impl Iterator<Item = &str> {
        let checks = match &self.answer {
            Answer::Checks { checks, .. } => checks.as_slice(),
            Answer::Manual { .. } | Answer::NotCovered { .. } => &[],
        };
        checks.iter().map(String::as_str)
    }
}

/// The verdict of a control.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ControlVerdict {
    /// A cell of one of its checks fails.
    Fail,
    /// None is known to fail, and one could not be told.
    Unknown,
    /// What fails, someone answers for.
    Exempt,
    /// Every check passes in every cell where it applies.
    Pass,
    /// A person looked, and answers for it until a day.
    Attested,
    /// Its checks apply nowhere.
    NotApplicable,
    /// A person has to look: at all of it, or at what is left of it when its checks pass.
    Manual,
    /// orgward does not look at it.
    NotCovered,
}

impl ControlVerdict {
    /// All, in the order of summaries.
    pub const ALL: [Self; 8] = [
        Self::Pass,
        Self::Fail,
        Self::Unknown,
        Self::Exempt,
        Self::Attested,
        Self::NotApplicable,
        Self::Manual,
        Self::NotCovered,
    ];

    /// The name used in tables.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Fail => "fail",
            Self::Unknown => "unknown",
            Self::Exempt => "exempt",
            Self::Pass => "pass",
            Self::Attested => "attested",
            Self::NotApplicable => "not applicable",
            Self::Manual => "manual",
            Self::NotCovered => "not covered",
        }
    }
}

/// Cells of one check by verdict.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Cells {
    /// As it should be.
    pub pass: usize,
    /// Not as it should be.
    pub fail: usize,
    /// Could not be told.
    pub unknown: usize,
    /// Does not apply.
    pub not_applicable: usize,
    /// Someone answers for it.
    pub exempt: usize,
}

impl Cells {
    /// Counts one more cell.
    pub fn count(&mut self, verdict: Verdict) {
        let cells = match verdict {
            Verdict::Pass => &mut self.pass,
            Verdict::Fail => &mut self.fail,
            Verdict::Unknown => &mut self.unknown,
            Verdict::NotApplicable => &mut self.not_applicable,
            Verdict::Exempt => &mut self.exempt,
        };
        *cells += 1;
    }

    /// All of them.
    pub fn total(&self) -> usize {
        self.pass + self.fail + self.unknown + self.not_applicable + self.exempt
    }

    /// Both together.
    #[must_use]
    pub fn and(&self, other: &Self) -> Self {
        Self {
            pass: self.pass + other.pass,
            fail: self.fail + other.fail,
            unknown: self.unknown + other.unknown,
            not_applicable: self.not_applicable + other.not_applicable,
            exempt: self.exempt + other.exempt,
        }
    }
}

/// A control with its verdict and what it rests on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JudgedControl<'a> {
    /// The control.
    pub control: &'a Control,
    /// Its verdict.
    pub verdict: ControlVerdict,
    /// The cells of each of its checks; no cells where a check did not run, which is never a pass.
    pub checks: Vec<(&'a str, Cells)>,
    /// The word of a person, where there is one: it counts where the verdict is attested; where that is
    /// manual it is over, or not given yet.
    pub attestation: Option<Attestation>,
}

/// A framework with the verdict of every control.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JudgedFramework<'a> {
    /// The framework.
    pub framework: &'a Framework,
    /// All of its controls, in order.
    pub controls: Vec<JudgedControl<'a>>,
}

impl JudgedFramework<'_> {
    /// How many controls have a verdict.
    pub fn tally(&self, verdict: ControlVerdict) -> usize {
        self.controls.iter().filter(|control| control.verdict == verdict).count()
    }
}
