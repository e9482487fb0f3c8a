//! The playbooks that come with orgward, embedded with their policy documents.
//!
//! Owns: their names and texts. None has a default target, Region list or endpoint: those are required parameters.

use super::errors::{LoadError, LoadErrors, nearest};
use super::limits::Limits;
use super::load::{Documents, load_text, load_within};
use super::parameters::Values;
use super::schema::Playbook;
use super::source::{At, SourceText};
use std::path::Path;

/// A shipped playbook.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shipped {
    /// Its name, as given to `plan` and `apply`.
    pub name: &'static str,
    /// Its text.
    pub text: &'static str,
}

impl Shipped {
    /// The policy documents that it names: path beside the playbook, and text.
    pub fn documents(&self) -> impl Iterator<Item = (&'static str, &'static str)> {
        let text = self.text;
        DOCUMENTS.iter().copied().filter(move |(name, _)| text.contains(&format!("document: {name}")))
    }
}

const PLAYBOOKS: &[Shipped] = &[
    Shipped { name: "baseline", text: include_str!("../../playbooks/baseline.yaml") },
    Shipped { name: "cis-monitoring", text: include_str!("../../playbooks/cis-monitoring.yaml") },
    Shipped { name: "cis-password-policy", text: include_str!("../../playbooks/cis-password-policy.yaml") },
    Shipped { name: "deny-leave-organization", text: include_str!("../../playbooks/deny-leave-organization.yaml") },
    Shipped { name: "protect-cloudtrail", text: include_str!("../../playbooks/protect-cloudtrail.yaml") },
    Shipped { name: "region-restriction", text: include_str!("../../playbooks/region-restriction.yaml") },
    Shipped { name: "require-mfa", text: include_str!("../../playbooks/require-mfa.yaml") },
    Shipped { name: "root-usage-alarm", text: include_str!("../../playbooks/root-usage-alarm.yaml") },
];

/// The policy documents of the playbooks, by name.
pub(super) const DOCUMENTS: &[(&str, &str)] = &[
    ("policies/deny-leave-organization.json", include_str!("../../playbooks/policies/deny-leave-organization.json")),
    ("policies/protect-cloudtrail.json", include_str!("../../playbooks/policies/protect-cloudtrail.json")),
    ("policies/region-restriction.json", include_str!("../../playbooks/policies/region-restriction.json")),
    ("policies/require-mfa.json", include_str!("../../playbooks/policies/require-mfa.json")),
];

/// Whether shipped playbooks name this document.
pub(super) fn is_shipped_document(name: &str) -> bool {
    DOCUMENTS.iter().any(|(known, _)| *known == name)
}

/// Every shipped playbook, by name.
pub fn shipped() -> &'static [Shipped] {
    PLAYBOOKS
}

/// Loads a shipped playbook.
///
/// # Errors
/// That there is none of this name (with the nearest); every mistake in the values.
pub fn load_shipped(name: &str, values: &Values) -> Result<Playbook, LoadErrors> {
    load_shipped_within(name, values, &Limits::default())
}

fn load_shipped_within(name: &str, values: &Values, limits: &Limits) -> Result<Playbook, LoadErrors> {
    match PLAYBOOKS.iter().find(|shipped| shipped.name == name) {
        Some(found) => {
            load_text((&format!("{name}.yaml"), found.text), &Documents::Embedded(DOCUMENTS), values, limits)
        }
        None => {
            let names: Vec<&str> = PLAYBOOKS.iter().map(|shipped| shipped.name).collect();
            let error = LoadError::new(&SourceText::new(name, ""), At::FILE, "is no shipped playbook and no file");
            Err(LoadErrors(vec![error.hint(nearest(name, &names))]))
        }
    }
}

/// Loads a playbook by what a user writes: a file if there is one, else a shipped playbook. Its documents may be as large as
/// `limits` say.
///
/// # Errors
/// As [`super::load`] and [`load_shipped`].
pub fn find(name: &str, values: &Values, limits: &Limits) -> Result<Playbook, LoadErrors> {
    let path = Path::new(name);
    let is_path = path.is_file() || name.contains(['/', '\\']) || path.extension().is_some();
    if is_path { load_within(path, values, limits) } else { load_shipped_within(name, values, limits) }
}
