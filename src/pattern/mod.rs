//! CloudWatch Logs filter patterns for JSON events: parse, match, compare by meaning.
//!
//! Owns: what a `{ ... }` pattern says and which events it matches, and a pattern for each event that someone should be told of
//! (`watched`). Must not: know what is made of them, or read patterns of terms, of space-delimited fields and of regular
//! expressions; those are told apart as [`PatternError::Unsupported`].
//!
//! Source: CloudWatch Logs User Guide, "Filter pattern syntax for metric filters, subscription filters, filter log events,
//! and Live Tail". Where it is silent: a field that is missing, null, an object or a list is neither equal nor unequal to
//! anything, and a wildcard selector asks for one element that fits.

mod compare;
mod parse;
mod test;
#[cfg(test)]
mod tests;
pub mod watched;

use std::fmt;
use test::Test;

/// A filter pattern for JSON events.
#[derive(Debug, Clone, PartialEq)]
pub struct Pattern(Expression);

/// A text or number that a pattern compares a field with, by `=` or `!=`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Comparison<'p> {
    /// The field, outermost name first.
    pub path: Vec<&'p str>,
    /// The value without its wildcards.
    pub text: &'p str,
    /// Whether anything may come before it.
    pub open_start: bool,
    /// Whether anything may come after it.
    pub open_end: bool,
}

/// Why a text is no pattern that can be evaluated.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PatternError {
    /// It is not a pattern.
    #[error("column {column}: {message}")]
    Syntax {
        /// Where, in characters from 1.
        column: usize,
        /// What is wrong and how to mend it, lower case, no full stop.
        message: String,
    },
    /// It is a pattern of a kind that is not evaluated here.
    #[error("{what} is not evaluated, only JSON patterns (`{{ $.field = value }}`) are")]
    Unsupported {
        /// The kind, with its article.
        what: &'static str,
    },
}

/// What holds for an event.
#[derive(Debug, Clone, PartialEq)]
enum Expression {
    /// All of these, at least two.
    And(Vec<Expression>),
    /// One of these, at least two.
    Or(Vec<Expression>),
    /// This.
    Test(Test),
}

impl Pattern {
    /// Reads a pattern.
    ///
    /// # Errors
    /// If it is not a JSON pattern: where and why, or of which other kind it is.
    pub fn parse(text: &str) -> Result<Self, PatternError> {
        parse::pattern(text).map(Self)
    }

    /// Whether an event matches. An event that is not an object matches only what asks for something missing.
    pub fn matches(&self, event: &serde_json::Value) -> bool {
        self.0.holds(event)
    }

    /// What it compares fields with, in the order of its text. Selectors of list elements and wildcard selectors are left out.
    pub fn comparisons(&self) -> Vec<Comparison<'_>> {
        let mut found = Vec::new();
        self.0.comparisons(&mut found);
        found
    }

    /// Whether both match the same events, judged by their tests: order, grouping, spacing, quotes and repetition don't count.
    pub fn same_meaning(&self, other: &Self) -> bool {
        self.covers(other) && other.covers(self)
    }

    /// Whether every event that `other` matches is matched by this too. `false` if that can't be seen from the tests.
    pub fn covers(&self, other: &Self) -> bool {
        compare::covers(&self.0, &other.0)
    }
}

impl Expression {
    fn holds(&self, event: &serde_json::Value) -> bool {
        match self {
            Self::And(parts) => parts.iter().all(|part| part.holds(event)),
            Self::Or(parts) => parts.iter().any(|part| part.holds(event)),
            Self::Test(test) => test.holds(event),
        }
    }

    fn comparisons<'p>(&'p self, found: &mut Vec<Comparison<'p>>) {
        match self {
            Self::And(parts) | Self::Or(parts) => parts.iter().for_each(|part| part.comparisons(found)),
            Self::Test(test) => found.extend(test.comparison()),
        }
    }

    fn write(&self, f: &mut fmt::Formatter<'_>, grouped: bool) -> fmt::Result {
        let (parts, between) = match self {
            Self::Test(test) => return write!(f, "{test}"),
            Self::And(parts) => (parts, " && "),
            Self::Or(parts) => (parts, " || "),
        };
        f.write_str(if grouped { "(" } else { "" })?;
        for (index, part) in parts.iter().enumerate() {
            f.write_str(if index > 0 { between } else { "" })?;
            part.write(f, true)?;
        }
        f.write_str(if grouped { ")" } else { "" })
    }
}

/// The pattern as CloudWatch Logs reads it, with every string quoted and every group in parentheses.
impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("{ ")?;
        self.0.write(f, false)?;
        f.write_str(" }")
    }
}
