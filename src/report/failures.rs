//! What fails, as far as a table shows it: gathered in one pass over the findings.
//!
//! Owns: of each check the first groups of targets that fail alike, with the first names of each; of the rest numbers.
//! Must not: keep what is not shown. A table of everything (`--verbose`) keeps what it lists.

use super::audit_table::Detail;
use super::{Findings, ReportError};
use crate::model::finding::{FailingResource, Target};
use crate::model::{Finding, Verdict};
use std::collections::{BTreeMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};

/// The failures of every check.
pub(super) struct Failures(BTreeMap<String, Groups>);

/// The failures of one check, those that say the same together: an organization trail without an alarm fails every member
/// alike.
#[derive(Default)]
pub(super) struct Groups {
    /// The groups that are shown, in the order in which they came.
    pub(super) shown: Vec<Group>,
    /// Hashes of the messages of all others: enough to count them.
    others: HashSet<u64>,
}

/// Targets that fail with one message.
pub(super) struct Group {
    /// What it says.
    pub(super) message: String,
    /// The first targets, as many as are shown.
    pub(super) targets: Vec<Target>,
    /// How many there are.
    pub(super) count: usize,
    /// The failing resources of the first, which are shown where it is the only one.
    pub(super) resources: Resources,
}

/// Failing resources of one target.
#[derive(Default)]
pub(super) struct Resources {
    /// The first, as many as are shown.
    pub(super) shown: Vec<FailingResource>,
    /// How many there are.
    pub(super) count: usize,
}

impl Failures {
    /// Reads all findings once.
    pub(super) fn read(findings: &dyn Findings, detail: Detail) -> Result<Self, ReportError> {
        let mut checks: BTreeMap<String, Groups> = BTreeMap::new();
        findings.each(&mut |finding| {
            if finding.verdict == Verdict::Fail {
                match checks.get_mut(finding.check.as_str()) {
                    Some(groups) => groups.add(finding, detail),
                    None => checks.entry(finding.check.clone()).or_default().add(finding, detail),
                }
            }
            Ok(())
        })?;
        Ok(Self(checks))
    }

    /// What fails of a check, if anything does.
    pub(super) fn of(&self, check: &str) -> Option<&Groups> {
        self.0.get(check)
    }
}

impl Groups {
    /// How many groups there are, shown or not.
    pub(super) fn count(&self) -> usize {
        self.shown.len() + self.others.len()
    }

    fn add(&mut self, finding: &Finding, detail: Detail) {
        let known = self.shown.iter_mut().find(|group| group.message == finding.message);
        if let Some(group) = known {
            group.count += 1;
            // Shown of a target that is alone.
            group.resources = Resources::default();
            if group.targets.len() < detail.targets {
                group.targets.push(finding.target.clone());
            }
        } else if self.shown.len() < detail.targets {
            let shown = finding.resources.iter().take(detail.resources).cloned().collect();
            self.shown.push(Group {
                message: finding.message.clone(),
                targets: vec![finding.target.clone()],
                count: 1,
                resources: Resources { shown, count: finding.resources.len() },
            });
        } else {
            let mut hash = DefaultHasher::new();
            finding.message.hash(&mut hash);
            self.others.insert(hash.finish());
        }
    }
}
