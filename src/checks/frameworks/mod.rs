//! Frameworks: which controls of benchmarks and guides our checks answer, read from `config/frameworks/`.
//!
//! Owns: that data and its form. A control is answered by checks, left to a person, or not covered; none is left out, so that
//! counts are true. Must not: know what a check does.

mod judge;
#[cfg(test)]
mod tests;

pub use judge::{judge, judge_attested};

use crate::model::framework::{Answer, Assessment, Control, Framework, Part};
use crate::model::nearest;
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

/// The embedded files, in the order of lists.
const FILES: [&str; 11] = [
    include_str!("../../../config/frameworks/cis-1.4.yaml"),
    include_str!("../../../config/frameworks/cis-1.5.yaml"),
    include_str!("../../../config/frameworks/cis-2.0.yaml"),
    include_str!("../../../config/frameworks/cis-3.0.yaml"),
    include_str!("../../../config/frameworks/cis-4.0.yaml"),
    include_str!("../../../config/frameworks/cis-5.0.yaml"),
    include_str!("../../../config/frameworks/cis-6.0.yaml"),
    include_str!("../../../config/frameworks/cis-7.0.yaml"),
    include_str!("../../../config/frameworks/aws-well-architected.yaml"),
    include_str!("../../../config/frameworks/aws-fsbp.yaml"),
    include_str!("../../../config/frameworks/iam-guides.yaml"),
];

// A test reads every file, so nothing is left out here.
static ALL: LazyLock<Vec<Framework>> = LazyLock::new(|| FILES.iter().filter_map(|text| parse(text).ok()).collect());

/// Every framework.
pub fn all() -> &'static [Framework] {
    &ALL
}

/// The framework of this name.
///
/// # Errors
/// If there is none: with the nearest name, or all of them.
pub fn find(name: &str) -> Result<&'static Framework, String> {
    if let Some(found) = all().iter().find(|framework| framework.name == name) {
        return Ok(found);
    }
    // `cis` is the beginning of several, and which of them is meant can't be told.
    let begun = all().iter().filter(|framework| framework.name.starts_with(name)).count();
    let near = nearest(name, all().iter().map(|framework| framework.name.as_str()), 0.9);
    Err(match near.filter(|_| begun < 2) {
        Some(near) => format!("there is no framework `{name}`, did you mean `{near}`?"),
        None => {
            let names: Vec<String> = all().iter().map(|framework| format!("`{}`", framework.name)).collect();
            format!("there is no framework `{name}`, there are {}", names.join(", "))
        }
    })
}

/// The controls that a check answers, in the order of frameworks.
pub fn controls_of(check: &str) -> impl Iterator<Item = (&'static Framework, &'static Control)> {
    let of = move |framework: &'static Framework| framework.controls.iter().map(move |control| (framework, control));
    all().iter().flat_map(of).filter(move |(_, control)| control.checks().any(|id| id == check))
}

/// A file as written. Unknown keys are errors.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    name: String,
    title: String,
    controls: Vec<Row>,
    /// Ids of controls by the service they are about: those of which there is nothing more to say.
    #[serde(default)]
    not_covered: BTreeMap<String, Vec<String>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    id: String,
    title: String,
    level: Option<u8>,
    assessment: Option<Assessment>,
    #[serde(default)]
    checks: Vec<String>,
    proves: Option<String>,
    manual: Option<String>,
    not_covered: Option<String>,
}

/// A framework from its file.
///
/// # Errors
/// If the text is not of this form, names a control twice, or gives a control no answer or two.
fn parse(text: &str) -> Result<Framework, String> {
    let file: File = serde_saphyr::from_str(text).map_err(|error| format!("framework: {error}"))?;
    let mut controls = Vec::new();
    for row in file.controls {
        let answer =
            row.answer().map_err(|problem| format!("framework `{}`, control `{}`: {problem}", file.name, row.id))?;
        controls.push(Control { id: row.id, title: row.title, level: row.level, assessment: row.assessment, answer });
    }
    for (service, ids) in file.not_covered {
        controls.extend(ids.into_iter().map(|id| Control {
            id,
            title: format!("A control of {service}"),
            level: None,
            assessment: None,
            answer: Answer::NotCovered { not_covered: service.clone() },
        }));
    }
    let mut seen = BTreeSet::new();
    match controls.iter().find(|control| !seen.insert(control.id.as_str())) {
        Some(twice) => Err(format!("framework `{}` has the control `{}` twice", file.name, twice.id)),
        None => Ok(Framework { name: file.name, title: file.title, controls }),
    }
}

impl Row {
    fn answer(&self) -> Result<Answer, &'static str> {
        match (self.checks.as_slice(), &self.proves, &self.manual, &self.not_covered) {
            ([_, ..], None, None, None) => Ok(Answer::Checks { checks: self.checks.clone(), part: None }),
            ([_, ..], Some(proves), Some(manual), None) => Ok(Answer::Checks {
                checks: self.checks.clone(),
                part: Some(Part { proves: proves.clone(), manual: manual.clone() }),
            }),
            ([_, ..], Some(_), None, None) => Err("`proves` says a part, `manual` has to say the rest"),
            ([_, ..], None, Some(_), None) => Err("`checks` with `manual` also need `proves`"),
            ([], None, Some(manual), None) => Ok(Answer::Manual { manual: manual.clone() }),
            ([], None, None, Some(service)) => Ok(Answer::NotCovered { not_covered: service.clone() }),
            ([], None, None, None) => Err("say `checks`, `manual` or `not_covered`"),
            ([], Some(_), _, _) => Err("`proves` needs `checks`"),
            (_, _, _, Some(_)) => Err("what is `not_covered` is neither checked nor left to a person"),
        }
    }
}
