//! The parts of a bundle, by name and in order.
//!
//! The names are all there are: a bundle can't name a place on anyone's disk.

use super::manifest::{FactsKept, Manifest};
use std::fmt::Write as _;

/// The manifest; the first.
pub(super) const MANIFEST: &str = "manifest.json";
/// Its signature, where there is one; the second. The name is the one that `minisign -V` looks for.
pub(super) const SIGNATURE: &str = "manifest.json.minisig";
/// The digests of all before it, for `sha256sum -c`; the last.
pub(super) const SUMS: &str = "SHA256SUMS";
/// What is in it, and what it does not prove.
pub(super) const PAGE: &str = "WHAT-THIS-DOES-NOT-PROVE.md";
/// The organization and the scope.
pub(super) const ORGANIZATION: &str = "organization.json";
/// What the checks say of themselves.
pub(super) const CHECKS: &str = "checks.json";
/// Who answers for what.
pub(super) const EXEMPTIONS: &str = "exemptions.json";
/// The verdict of every control of the frameworks that were asked for.
pub(super) const FRAMEWORKS: &str = "frameworks.json";
/// The facts of accounts, a line each.
pub(super) const FACTS: &str = "facts.ndjson";
/// The findings, a line each.
pub(super) const FINDINGS: &str = "findings.ndjson";

/// The names that the manifest lists, in order. Facts come before the findings that are held against them.
pub(super) fn listed(facts: FactsKept) -> Vec<&'static str> {
    let facts = matches!(facts, FactsKept::Included { .. }).then_some(FACTS);
    [PAGE, ORGANIZATION, CHECKS, EXEMPTIONS, FRAMEWORKS].into_iter().chain(facts).chain([FINDINGS]).collect()
}

/// The text of [`SUMS`]: of the manifest, of its signature, and of all that the manifest lists.
pub(super) fn sums(manifest: &Manifest, first: &[(&str, String)]) -> String {
    let listed = manifest.parts.iter().map(|part| (part.name.as_str(), &part.digest));
    let mut text = String::new();
    for (name, digest) in first.iter().map(|(name, digest)| (*name, digest)).chain(listed) {
        let hex = digest.strip_prefix("sha256:").unwrap_or(digest);
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{hex}  {name}");
    }
    text
}
