//! What a trail records: whether it is on, and which management events its selectors let through.
//!
//! Source: CloudTrail user guide, "Logging management events"; API reference, `EventSelector` and
//! `AdvancedFieldSelector`. Must not: judge an account; that is for the checks.

use super::evaluate::Facts;
use crate::model::account::RegionState;
use crate::model::trail::{AdvancedSelector, EventSelectors, Trail};
use crate::model::{Cause, Observed, Region};
use std::collections::BTreeMap;

/// Event sources CloudTrail itself offers to leave out because of their volume.
const USUAL_EXCLUSIONS: [&str; 2] = ["kms.amazonaws.com", "rdsdata.amazonaws.com"];

/// Which management events selectors let through.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum ManagementEvents {
    /// All, reads and writes, but for these sources (`kms.amazonaws.com`, `rdsdata.amazonaws.com`).
    All {
        /// Sources left out.
        excluded: Vec<String>,
    },
    /// Some, and why not all.
    Some(String),
    /// None.
    None,
}

impl ManagementEvents {
    /// What `selectors` let through.
    pub fn of(selectors: &EventSelectors) -> Self {
        let found: Vec<Part> = selectors
            .basic
            .iter()
            .filter(|selector| selector.include_management_events)
            .map(|selector| Part::new(&selector.read_write_type, selector.excluded_sources.clone()))
            .chain(selectors.advanced.iter().filter(|selector| is_management(selector)).map(advanced))
            .collect();
        let whole = |part: &&Part| part.reads && part.writes && part.narrowed.is_none();
        if let Some(part) = found.iter().filter(whole).min_by_key(|part| part.excluded.len()) {
            return Self::All { excluded: part.excluded.clone() };
        }
        let plain = |part: &&Part| part.narrowed.is_none();
        let reads = found.iter().filter(plain).find(|part| part.reads);
        let writes = found.iter().filter(plain).find(|part| part.writes);
        match (reads, writes, found.first()) {
            (Some(reads), Some(writes), _) => {
                let mut excluded = [reads.excluded.clone(), writes.excluded.clone()].concat();
                excluded.sort();
                excluded.dedup();
                Self::All { excluded }
            }
            (_, _, None) => Self::None,
            (_, _, Some(Part { narrowed: Some(why), .. })) => Self::Some(why.clone()),
            (Some(_), None, _) => Self::Some("read events only".to_owned()),
            _ => Self::Some("write events only".to_owned()),
        }
    }
}

/// What one selector lets through.
struct Part {
    reads: bool,
    writes: bool,
    excluded: Vec<String>,
    narrowed: Option<String>,
}

impl Part {
    fn new(read_write_type: &str, excluded: Vec<String>) -> Self {
        let unusual = excluded.iter().find(|source| !USUAL_EXCLUSIONS.contains(&source.as_str()));
        let narrowed = unusual.map(|source| format!("all events but those of {source}"));
        Self { reads: read_write_type != "WriteOnly", writes: read_write_type != "ReadOnly", excluded, narrowed }
    }
}

fn is_management(selector: &AdvancedSelector) -> bool {
    selector.fields.iter().any(|f| f.field == "eventCategory" && f.equals.iter().any(|v| v == "Management"))
}

fn advanced(selector: &AdvancedSelector) -> Part {
    let mut part = Part::new("All", Vec::new());
    for field in &selector.fields {
        let only_not_equals = field.equals.is_empty()
            && field.starts_with.is_empty()
            && field.not_starts_with.is_empty()
            && field.ends_with.is_empty()
            && field.not_ends_with.is_empty();
        match field.field.as_str() {
            "eventCategory" => {}
            "readOnly" => {
                let says = |value: &str| {
                    (field.equals.is_empty() || field.equals.iter().any(|v| v == value))
                        && !field.not_equals.iter().any(|v| v == value)
                };
                part.reads &= says("true");
                part.writes &= says("false");
            }
            "eventSource" if only_not_equals => {
                let narrowed = part.narrowed.take();
                part = Part { reads: part.reads, writes: part.writes, ..Part::new("All", field.not_equals.clone()) };
                part.narrowed = part.narrowed.or(narrowed);
            }
            other => part.narrowed = Some(format!("events narrowed by {other} only")),
        }
    }
    part
}

/// Whether an organization trail records nothing of an account with these Regions: its home Region is one that the account
/// has disabled (CloudTrail user guide, "Creating a trail for an organization").
pub(super) fn silent(trail: &Trail, known: &BTreeMap<Region, RegionState>) -> bool {
    known.get(&trail.home_region) == Some(&RegionState::Disabled)
}

/// Why, in words that follow the trail's name.
pub(super) fn why_silent(trail: &Trail) -> String {
    format!("has its home in {}, which this account has not enabled", trail.home_region)
}

/// Whether a trail records management events, as far as that is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Recording {
    /// It does, all of them but for these sources.
    Whole {
        /// Sources left out.
        excluded: Vec<String>,
    },
    /// It does not; each broken link in words.
    Broken(Vec<String>),
    /// No link is known to be broken, and some are unknown.
    Unknown(Cause),
}

/// Whether `trail` is on and records all management events. Broken as soon as one link is known to be broken.
pub(super) fn recording(trail: &Trail) -> Recording {
    let mut broken = Vec::new();
    let mut unknown = None;
    let mut excluded = Vec::new();
    match trail.status.known() {
        Ok(Some(status)) if status.is_logging => {
            // What CloudTrail can't deliver is on no record.
            let undelivered = |error: &String| format!("can't deliver to its bucket: {error}");
            broken.extend(status.delivery_error.as_ref().map(undelivered));
        }
        Ok(_) => broken.push("is not logging".to_owned()),
        Err(cause) => unknown = Some(cause.clone()),
    }
    match trail.selectors.known().map(|selectors| selectors.map_or(ManagementEvents::None, ManagementEvents::of)) {
        Ok(ManagementEvents::All { excluded: sources }) => excluded = sources,
        Ok(ManagementEvents::Some(which)) => broken.push(format!("records {which}")),
        Ok(ManagementEvents::None) => broken.push("records no management events".to_owned()),
        Err(cause) => unknown = unknown.or_else(|| Some(cause.clone())),
    }
    match unknown {
        _ if !broken.is_empty() => Recording::Broken(broken),
        Some(cause) => Recording::Unknown(cause),
        None => Recording::Whole { excluded },
    }
}

/// The first trail known to record all management events, as a message. What stays unknown is noted if there is none.
pub(super) fn recorded<'t>(
    facts: &mut Facts<'_>,
    trails: impl Iterator<Item = &'t Trail>,
    words: &str,
) -> Option<String> {
    let mut unknown = Vec::new();
    for trail in trails {
        match recording(trail) {
            Recording::Whole { excluded } => {
                rest_on(facts, trail);
                return Some(format!("{words} `{}`{}", trail.name, but(&excluded)));
            }
            Recording::Broken(_) => {}
            Recording::Unknown(cause) => unknown.push(cause),
        }
    }
    unknown.into_iter().for_each(|cause| facts.doubt_of(cause));
    None
}

/// `, kms.amazonaws.com left out`, or nothing.
pub(super) fn but(excluded: &[String]) -> String {
    if excluded.is_empty() { String::new() } else { format!(", events of {} left out", excluded.join(" and ")) }
}

/// Notes everything a proof about `trail` rests on.
pub(super) fn rest_on(facts: &mut Facts<'_>, trail: &Trail) {
    facts.rest_on(trail.status.source());
    facts.rest_on(trail.selectors.source());
}

/// Every trail seen in any Region, each once, in ARN order, preferring the sight of it whose status is known.
pub(super) fn distinct(seen: &BTreeMap<Region, Observed<Vec<Trail>>>) -> Vec<&Trail> {
    let mut found: BTreeMap<&str, &Trail> = BTreeMap::new();
    for trail in seen.values().filter_map(Observed::value).flatten() {
        let better = found.get(trail.arn.as_str()).is_none_or(|old| {
            (old.status.cause().is_some(), old.selectors.cause().is_some())
                > (trail.status.cause().is_some(), trail.selectors.cause().is_some())
        });
        if better {
            found.insert(&trail.arn, trail);
        }
    }
    found.into_values().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::trail::{BasicSelector, FieldSelector};

    fn basic(kind: &str, management: bool, excluded: &[&str]) -> BasicSelector {
        let excluded_sources = excluded.iter().map(|s| (*s).to_owned()).collect();
        BasicSelector { read_write_type: kind.to_owned(), include_management_events: management, excluded_sources }
    }

    fn of_basic(basic: Vec<BasicSelector>) -> ManagementEvents {
        ManagementEvents::of(&EventSelectors { basic, advanced: Vec::new() })
    }

    fn field(name: &str, equals: &[&str], not_equals: &[&str]) -> FieldSelector {
        let list = |values: &[&str]| values.iter().map(|s| (*s).to_owned()).collect();
        FieldSelector {
            field: name.to_owned(),
            equals: list(equals),
            not_equals: list(not_equals),
            ..FieldSelector::default()
        }
    }

    fn of_advanced(selectors: Vec<Vec<FieldSelector>>) -> ManagementEvents {
        let advanced = selectors.into_iter().map(|fields| AdvancedSelector { name: None, fields }).collect();
        ManagementEvents::of(&EventSelectors { basic: Vec::new(), advanced })
    }

    #[test]
    fn basic_selectors_record_all_management_events_alone_or_together() {
        let all = ManagementEvents::All { excluded: Vec::new() };
        assert_eq!(of_basic(vec![basic("All", true, &[])]), all);
        assert_eq!(of_basic(vec![basic("ReadOnly", true, &[]), basic("WriteOnly", true, &[])]), all);
        assert_eq!(
            of_basic(vec![basic("All", true, &["kms.amazonaws.com"])]),
            ManagementEvents::All { excluded: vec!["kms.amazonaws.com".to_owned()] }
        );
    }

    #[test]
    fn basic_selectors_that_fall_short_are_told_apart() {
        assert_eq!(of_basic(vec![]), ManagementEvents::None);
        assert_eq!(of_basic(vec![basic("All", false, &[])]), ManagementEvents::None);
        assert_eq!(
            of_basic(vec![basic("WriteOnly", true, &[])]),
            ManagementEvents::Some("write events only".to_owned())
        );
        assert_eq!(of_basic(vec![basic("ReadOnly", true, &[])]), ManagementEvents::Some("read events only".to_owned()));
    }

    #[test]
    fn advanced_selectors_are_read_field_by_field() {
        let management = || field("eventCategory", &["Management"], &[]);
        let all = ManagementEvents::All { excluded: Vec::new() };
        assert_eq!(of_advanced(vec![vec![management()]]), all);
        assert_eq!(of_advanced(vec![vec![field("eventCategory", &["Data"], &[])]]), ManagementEvents::None);
        let reads = vec![management(), field("readOnly", &["true"], &[])];
        let writes = vec![management(), field("readOnly", &["false"], &[])];
        assert_eq!(of_advanced(vec![reads.clone()]), ManagementEvents::Some("read events only".to_owned()));
        assert_eq!(of_advanced(vec![reads, writes]), all);
        let no_kms = vec![management(), field("eventSource", &[], &["kms.amazonaws.com"])];
        assert_eq!(of_advanced(vec![no_kms]), ManagementEvents::All { excluded: vec!["kms.amazonaws.com".to_owned()] });
        for narrow in [
            field("eventSource", &["s3.amazonaws.com"], &[]),
            field("eventSource", &[], &["iam.amazonaws.com"]),
            field("eventName", &["ConsoleLogin"], &[]),
        ] {
            let got = of_advanced(vec![vec![management(), narrow]]);
            assert!(matches!(got, ManagementEvents::Some(_)), "{got:?}");
        }
    }
}
