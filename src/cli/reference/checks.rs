//! The page of checks: the catalogue, with what frameworks, thresholds and the fact catalogue say of each check.
//!
//! Must not: know any check.

use super::super::exit::Failure;
use super::markdown::{block, code, prose, table};
use crate::checks::{CATALOG, Thresholds, families, frameworks};
use crate::collect::{self, Place, Wanted, flag_of};
use crate::model::check::{CheckMeta, Fact, Granularity};
use crate::report::mend;
use crate::report::text::count;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

/// The page.
///
/// # Errors
/// None.
pub fn page() -> Result<String, Failure> {
    let known: Vec<(&str, Vec<&CheckMeta>)> = families::names()
        .into_iter()
        .map(|family| (family, CATALOG.iter().copied().filter(|meta| families::of(meta.id) == family).collect()))
        .collect();
    let rows = known.iter().map(|(family, metas)| {
        let ids: Vec<String> = metas.iter().map(|meta| format!("[{0}](#{0})", meta.id)).collect();
        vec![prose(family), ids.join(", ")]
    });
    let mut out = format!(
        "# Checks\n\n{} in {} families. `orgward checks explain ID` says the same of one of them, `orgward checks list` filters them, \
         and the [README](../README.md#checks) has a table with the CIS numbers.\n\n\
         A check gives each of its targets one verdict: pass, fail, unknown, not applicable or exempt. What it reads and can't be read \
         makes it unknown, never a pass. Permissions are those that it needs beside {} of every audit; \
         `orgward permissions --checks ID` writes the policies.\n\n{}",
        count(CATALOG.len(), "check"),
        known.len(),
        "[those](#facts)",
        table(&["family", "checks"], &rows.collect::<Vec<_>>()),
    );
    for (family, metas) in &known {
        // Writing to a String cannot fail.
        let _ = write!(out, "\n## {}\n", prose(family));
        metas.iter().for_each(|meta| out.push_str(&check(meta)));
    }
    out.push_str(&facts());
    Ok(out)
}

fn check(meta: &CheckMeta) -> String {
    let each = match meta.granularity {
        Granularity::Organization => "the organization",
        Granularity::Account => "each account",
        Granularity::AccountRegion => "each account and Region",
    };
    let mut lines = vec![format!("Reads: {}", listed(meta.facts.iter().map(|fact| read(*fact))))];
    lines.push(format!("Permissions: {}", listed(permissions(meta.facts).into_iter().map(code))));
    let thresholds = Thresholds::default().of(meta.id).into_iter();
    let thresholds: Vec<String> = thresholds
        .map(|(name, value)| match value {
            Value::Number(number) => format!("{} ({number})", code(name)),
            _ => code(name),
        })
        .collect();
    if !thresholds.is_empty() {
        lines.push(format!("Thresholds: {}", listed(thresholds.into_iter())));
    }
    lines.push(format!("Controls: {}", controls(meta)));
    let sources = meta.references.iter().map(|source| prose(&format!("{}: {}", source.document, source.section)));
    if !meta.references.is_empty() {
        lines.push(format!("Sources: {}", sources.collect::<Vec<_>>().join("; ")));
    }
    let mut out = format!(
        "\n### {}\n\n{}. **{}**, a verdict for {each}.\n\n{}\n\n",
        meta.id,
        prose(meta.title),
        meta.severity.as_str(),
        prose(meta.rationale),
    );
    lines.iter().for_each(|line| {
        let _ = writeln!(out, "- {line}");
    });
    let _ = write!(out, "\nMend it in the console: {}\n\nWith the AWS CLI:\n\n", prose(meta.remediation.console));
    out.push_str(&block("sh", meta.remediation.cli));
    if meta.remediation.playbook.is_some() {
        let _ = write!(out, "\nEverywhere, by a playbook:\n\n{}", block("sh", &mend(meta)));
    }
    out
}

/// A fact by its name, with the flag that asks for it.
fn read(fact: Fact) -> String {
    let name = format!("[{}](#facts)", code(&named(fact)));
    flag_of(fact).map_or_else(|| name.clone(), |flag| format!("{name} (with {})", code(flag)))
}

/// As JSON names it.
fn named(fact: Fact) -> String {
    let value = serde_json::to_value(fact).unwrap_or_default();
    value.as_str().unwrap_or_default().to_owned()
}

/// What reading these facts takes, and what they rest on, beside what every audit needs.
fn permissions(facts: &[Fact]) -> BTreeSet<&'static str> {
    let mut wanted = Wanted::of(facts.iter().copied());
    for fact in facts.iter().filter(|fact| flag_of(**fact).is_some()) {
        wanted = match fact {
            Fact::SshPublicKeys => wanted.deep(),
            _ => wanted.events(1),
        };
    }
    let of = |fact: Fact| {
        collect::CATALOG.iter().filter(move |source| source.fact == fact).flat_map(|source| source.permissions)
    };
    let always: BTreeSet<&str> = of(Fact::Organization).chain(collect::ENTERING).copied().collect();
    wanted.facts().flat_map(of).copied().filter(|action| !always.contains(action)).collect()
}

/// Frameworks with the numbers of their controls.
fn controls(meta: &CheckMeta) -> String {
    let mut found: Vec<(&str, Vec<&str>)> = Vec::new();
    for (framework, control) in frameworks::controls_of(meta.id) {
        match found.last_mut().filter(|(name, _)| *name == framework.name) {
            Some((_, ids)) => ids.push(&control.id),
            None => found.push((&framework.name, vec![&control.id])),
        }
    }
    let words = found.iter().map(|(name, ids)| format!("{} {}", code(name), prose(&ids.join(", "))));
    let words: Vec<String> = words.collect();
    if words.is_empty() { "none".to_owned() } else { words.join("; ") }
}

fn listed(words: impl Iterator<Item = String>) -> String {
    let words: Vec<String> = words.collect();
    if words.is_empty() { "none beside those".to_owned() } else { words.join(", ") }
}

/// Every fact: where it is read, by which calls, and for how many checks.
fn facts() -> String {
    let mut readers: BTreeMap<Fact, usize> = BTreeMap::new();
    for fact in CATALOG.iter().flat_map(|meta| meta.facts) {
        *readers.entry(*fact).or_default() += 1;
    }
    let rows = collect::CATALOG.iter().map(|source| {
        let place = match source.place {
            Place::Management => "in the management account",
            Place::LogGroupOwner => "in the account that owns the organization trail's log group",
            Place::Administrator => "in the management account and the service's delegated administrator",
            Place::Account => "in each account",
        };
        let flag = flag_of(source.fact).map(|flag| format!(", with {}", code(flag))).unwrap_or_default();
        let calls: Vec<String> = source.calls.iter().map(|call| code(call)).collect();
        let number = readers.get(&source.fact).copied().unwrap_or_default();
        vec![code(&named(source.fact)), format!("{place}{flag}"), calls.join(", "), number.to_string()]
    });
    let calls = |calls: &[&str]| calls.iter().map(|call| code(call)).collect::<Vec<_>>().join(", ");
    format!(
        "\n## Facts\n\nAn audit asks for the facts of its checks, and what they rest on, once each. Every audit reads `organization`, \
         asks the caller's own account which Regions there are ({}) and enters accounts ({}). Where a call and its permission have \
         different names, `orgward permissions` has the permission's.\n\n{}",
        calls(collect::ENUMERATING),
        calls(collect::ENTERING),
        table(&["fact", "read", "calls", "checks"], &rows.collect::<Vec<_>>()),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_check_stands_on_the_page_once_below_its_family() {
        let page = page().unwrap_or_else(|failure| panic!("{failure:?}"));
        for meta in CATALOG {
            assert_eq!(page.matches(&format!("\n### {}\n", meta.id)).count(), 1, "{}", meta.id);
        }
        assert_eq!(page.matches("\n### ").count(), CATALOG.len());
        assert_eq!(page.matches("\n## ").count(), families::names().len() + 1);
    }

    #[test]
    fn permissions_are_those_of_what_facts_rest_on_too() {
        // The alarms around a trail are known by the trail.
        let needed = permissions(&[Fact::Monitoring]);
        for action in ["logs:DescribeMetricFilters", "cloudtrail:DescribeTrails", "account:ListRegions"] {
            assert!(needed.contains(action), "{action}: {needed:?}");
        }
        assert!(!needed.contains("organizations:ListAccounts") && !needed.contains("sts:AssumeRole"), "{needed:?}");
        assert!(permissions(&[Fact::SshPublicKeys]).contains("iam:ListSSHPublicKeys"));
        assert!(permissions(&[Fact::RecentEvents]).contains("cloudtrail:LookupEvents"));
        assert_eq!(permissions(&[Fact::Organization]), BTreeSet::new());
    }
}
