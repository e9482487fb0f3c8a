//! What somebody has to be told of: events that a metric filter must catch, and events that it must leave alone.
//!
//! Owns: judging a filter's pattern by what it matches, never by its text. Must not: know any check, or follow a filter on to
//! its alarm (`chain` does).

use super::varied::varied;
use crate::model::few_quoted;
use crate::model::monitoring::MetricFilter;
use crate::pattern::Pattern;
use serde_json::Value;
use std::collections::{BTreeSet, HashMap};
use std::sync::{Mutex, PoisonError};

/// One kind of event, such as all calls of `DeleteTrail`. Filters may share the work: each part has to be caught whole by one.
pub(super) struct Part {
    /// What messages call it.
    pub name: String,
    /// Events of this kind, varied in everything that a pattern may look at by mistake. None is empty.
    pub events: Vec<Value>,
}

/// What somebody has to be told of.
pub(super) struct Subject {
    /// In words, such as `use of the root user`.
    pub about: &'static str,
    /// What has to be caught; never empty.
    pub parts: Vec<Part>,
    /// What happens every day: an alarm that rings for these too says nothing.
    pub noise: Vec<Value>,
    /// What was found of patterns already asked: the same filters are asked again for every account.
    asked: Mutex<HashMap<String, Catches>>,
}

/// Patterns remembered by one subject; a log group has 100 filters at most.
const MOST_ASKED: usize = 200;

/// What a filter catches of a subject.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Catches {
    /// These parts, by index; maybe none.
    Parts(BTreeSet<usize>),
    /// These parts; another is caught only for some values of this field, such as `awsRegion`, and does not count.
    Narrowed(BTreeSet<usize>, String),
    /// Some of it, and also this event of every day.
    TooMuch(String),
    /// It can't be told, and why.
    CannotTell(String),
}

impl Subject {
    /// A subject; `parts` is never empty.
    pub fn new(about: &'static str, parts: Vec<Part>, noise: Vec<Value>) -> Self {
        Self { about, parts, noise, asked: Mutex::default() }
    }

    /// What a filter catches. One that also matches some more of the same kind is noisier, not blind, and counts.
    pub fn catches(&self, filter: &MetricFilter) -> Catches {
        let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = asked.get(&filter.pattern) {
            return known.clone();
        }
        if asked.len() >= MOST_ASKED {
            asked.clear();
        }
        let found = self.ask(&filter.pattern);
        asked.insert(filter.pattern.clone(), found.clone());
        found
    }

    fn ask(&self, pattern: &str) -> Catches {
        let text = pattern.trim();
        if !text.starts_with('{') {
            // A term or space-delimited pattern sees words, not fields.
            return Catches::Parts(BTreeSet::new());
        }
        let pattern = match Pattern::parse(text) {
            Ok(pattern) => pattern,
            Err(error) => return Catches::CannotTell(error.to_string()),
        };
        let whole = |part: &Part| part.events.iter().all(|event| pattern.matches(event));
        let parts: BTreeSet<usize> =
            self.parts.iter().enumerate().filter(|(_, part)| whole(part)).map(|(index, _)| index).collect();
        if let Some(event) = self.noise.iter().find(|event| !parts.is_empty() && pattern.matches(event)) {
            return Catches::TooMuch(name(event).to_owned());
        }
        // Whoever it is, from wherever and whenever: the samples are few, and a pattern may leave out what they don't show.
        let (mut caught, mut narrowed) = (BTreeSet::new(), None);
        for index in parts {
            let events = self.parts.get(index).map_or(&[][..], |part| part.events.as_slice());
            let others = events.iter().flat_map(|event| varied(event, &pattern));
            match others.into_iter().find(|(_, other)| !pattern.matches(other)) {
                Some((field, _)) => narrowed = narrowed.or(Some(field)),
                None => drop(caught.insert(index)),
            }
        }
        match narrowed {
            Some(field) => Catches::Narrowed(caught, field),
            None => Catches::Parts(caught),
        }
    }

    /// Whether these are all parts.
    pub fn all(&self, parts: &BTreeSet<usize>) -> bool {
        (0..self.parts.len()).all(|index| parts.contains(&index))
    }

    /// Names of parts, the first five of them, as a list in backticks.
    pub fn names(&self, parts: &BTreeSet<usize>) -> String {
        const SHOWN: usize = 5;
        few_quoted(parts.iter().filter_map(|index| self.parts.get(*index)).map(|part| &part.name), SHOWN)
    }

    /// Sources of the events, such as `kms.amazonaws.com`: a trail that leaves one out tells nobody of them.
    pub fn sources(&self) -> BTreeSet<&str> {
        let events = self.parts.iter().flat_map(|part| &part.events);
        events.filter_map(|event| event.get("eventSource")?.as_str()).collect()
    }
}

fn name(event: &Value) -> &str {
    event.get("eventName").and_then(Value::as_str).unwrap_or("an event without a name")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn subject() -> Subject {
        let part = |name: &str| Part {
            name: name.to_owned(),
            events: vec![json!({"eventName": name, "by": "a"}), json!({"eventName": name, "by": "b"})],
        };
        let parts = ["A", "B", "C", "D", "E", "F"].map(part).into();
        Subject::new("letters", parts, vec![json!({"eventName": "List", "by": "a"})])
    }

    fn catches(pattern: &str) -> Catches {
        subject().catches(&MetricFilter { pattern: pattern.to_owned(), ..MetricFilter::default() })
    }

    fn parts(indexes: &[usize]) -> Catches {
        Catches::Parts(indexes.iter().copied().collect())
    }

    #[test]
    fn a_part_is_caught_whole_or_not_at_all() {
        assert_eq!(catches("{ $.eventName = A || $.eventName = C }"), parts(&[0, 2]));
        assert_eq!(catches("{ $.eventName = A && $.by = a }"), parts(&[]));
        assert_eq!(catches("{ $.eventName != List }"), parts(&[0, 1, 2, 3, 4, 5]));
        assert_eq!(catches("A"), parts(&[]));
        assert_eq!(catches("[a, b]"), parts(&[]));
        assert!(subject().all(&(0..6).collect()) && !subject().all(&(1..6).collect()));
    }

    #[test]
    fn what_rings_every_day_is_too_much_only_where_it_would_count() {
        assert_eq!(catches("{ $.eventName = * }"), Catches::TooMuch("List".to_owned()));
        assert_eq!(catches("{ $.eventName = List }"), parts(&[]));
    }

    #[test]
    fn a_pattern_that_can_not_be_read_leaves_it_open() {
        assert!(
            matches!(catches("{ $.eventName = %A% }"), Catches::CannotTell(why) if why.contains("regular expression"))
        );
    }

    #[test]
    fn long_lists_are_cut() {
        assert_eq!(subject().names(&[1].into()), "`B`");
        assert_eq!(subject().names(&(0..5).collect()), "`A`, `B`, `C`, `D`, `E`");
        assert_eq!(subject().names(&(0..6).collect()), "`A`, `B`, `C`, `D`, `E` and 1 more");
    }
}
