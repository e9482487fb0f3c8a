//! Which controls of which frameworks a check answers, for formats that name them with every finding.
//!
//! Must not: read the frameworks.

use crate::model::framework::{Control, Framework};
use std::collections::BTreeMap;

/// Controls by the check that answers them.
#[derive(Debug, Clone, Default)]
pub struct Standards<'a>(BTreeMap<&'a str, Vec<(&'a Framework, &'a Control)>>);

impl<'a> Standards<'a> {
    /// Of these frameworks, in their order.
    pub fn of(frameworks: impl IntoIterator<Item = &'a Framework>) -> Self {
        let mut checks: BTreeMap<&str, Vec<_>> = BTreeMap::new();
        for framework in frameworks {
            for control in &framework.controls {
                for check in control.checks() {
                    checks.entry(check).or_default().push((framework, control));
                }
            }
        }
        Self(checks)
    }

    /// The titles of the frameworks that ask for a check, each once.
    pub fn titles(&self, check: &str) -> Vec<&'a str> {
        let mut titles: Vec<&str> = Vec::new();
        for (framework, _) in self.0.get(check).into_iter().flatten() {
            if !titles.contains(&framework.title.as_str()) {
                titles.push(&framework.title);
            }
        }
        titles
    }

    /// The controls that ask for a check: `cis-5.0 1.3`.
    pub fn controls(&self, check: &str) -> Vec<String> {
        let controls = self.0.get(check).into_iter().flatten();
        controls.map(|(framework, control)| format!("{} {}", framework.name, control.id)).collect()
    }
}
