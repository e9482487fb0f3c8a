//! One comparison of a pattern: a selector, an operator and a value.
//!
//! Owns: what a selector finds and when a value fits. Must not: parse or join.

use super::Comparison;
use serde_json::Value;
use std::fmt;

/// One step from a value to what is in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Step {
    /// A field of an object.
    Field(String),
    /// An element of a list, from 0.
    Element(usize),
    /// `.*` or `[*]`: any field of an object or any element of a list.
    Any,
}

/// A way into an event; at least one step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Selector(pub(super) Vec<Step>);

/// What has to hold of what the selector finds.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Wanted {
    /// `=`.
    Equal(Term),
    /// `!=`.
    NotEqual(Term),
    /// `<`, `<=`, `>`, `>=`.
    Order(Order, Number),
    /// `IS NULL`.
    Null,
    /// `IS TRUE`, `IS FALSE`.
    Boolean(bool),
    /// `NOT EXISTS`.
    Missing,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

/// A number and how it was written.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Number {
    pub(super) text: String,
    pub(super) value: f64,
}

/// What a value is compared with.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Term {
    /// A string: quoted, or bare and not a number.
    Text {
        /// Whether it was quoted. A bare `true` fits the boolean too.
        quoted: bool,
        /// Without the wildcards.
        text: String,
        /// Whether anything may come before: a `*` at the start.
        open_start: bool,
        /// Whether anything may come after: a `*` at the end.
        open_end: bool,
    },
    /// A bare number: fits the number, and a string written the same.
    Number(Number),
}

/// A comparison.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Test {
    pub(super) selector: Selector,
    pub(super) wanted: Wanted,
}

impl Selector {
    /// Everything it finds; several values only with a wildcard.
    fn find<'v>(&self, event: &'v Value) -> Vec<&'v Value> {
        let mut found = vec![event];
        for step in &self.0 {
            found = found
                .into_iter()
                .flat_map(|value| -> Vec<&'v Value> {
                    match (step, value) {
                        (Step::Field(name), Value::Object(fields)) => fields.get(name).into_iter().collect(),
                        (Step::Element(index), Value::Array(list)) => list.get(*index).into_iter().collect(),
                        (Step::Any, Value::Object(fields)) => fields.values().collect(),
                        (Step::Any, Value::Array(list)) => list.iter().collect(),
                        _ => Vec::new(),
                    }
                })
                .collect();
        }
        found
    }

    /// Whether it finds at most one value.
    pub(super) fn is_single(&self) -> bool {
        !self.0.contains(&Step::Any)
    }
}

impl Term {
    fn fits(&self, value: &Value) -> bool {
        match (self, value) {
            (Self::Text { .. }, Value::String(given)) => self.fits_text(given),
            (Self::Text { quoted, open_start, open_end, .. }, Value::Number(_) | Value::Bool(_)) => {
                (!quoted || *open_start || *open_end) && self.fits_text(&value.to_string())
            }
            (Self::Number(number), Value::Number(given)) => given.as_f64() == Some(number.value),
            (Self::Number(number), Value::String(given)) => *given == number.text,
            _ => false,
        }
    }

    fn fits_text(&self, given: &str) -> bool {
        match self {
            Self::Number(number) => given == number.text,
            Self::Text { text, open_start, open_end, .. } => match (open_start, open_end) {
                (false, false) => given == text,
                (true, false) => given.ends_with(text.as_str()),
                (false, true) => given.starts_with(text.as_str()),
                (true, true) => given.contains(text.as_str()),
            },
        }
    }
}

impl Order {
    fn holds(self, value: f64, wanted: f64) -> bool {
        match self {
            Self::Less => value < wanted,
            Self::LessOrEqual => value <= wanted,
            Self::Greater => value > wanted,
            Self::GreaterOrEqual => value >= wanted,
        }
    }
}

impl Wanted {
    /// Whether one value that was found will do; [`Wanted::Missing`] never does.
    fn accepts(&self, value: &Value) -> bool {
        let is_scalar = matches!(value, Value::String(_) | Value::Number(_) | Value::Bool(_));
        match self {
            Self::Equal(term) => term.fits(value),
            Self::NotEqual(term) => is_scalar && !term.fits(value),
            Self::Order(order, number) => value.as_f64().is_some_and(|value| order.holds(value, number.value)),
            Self::Null => value.is_null(),
            Self::Boolean(wanted) => value.as_bool() == Some(*wanted),
            Self::Missing => false,
        }
    }
}

impl Test {
    pub(super) fn holds(&self, event: &Value) -> bool {
        let found = self.selector.find(event);
        match self.wanted {
            Wanted::Missing => found.is_empty(),
            _ => found.into_iter().any(|value| self.wanted.accepts(value)),
        }
    }

    /// What it compares which field with, if it is an `=` or a `!=` of one field.
    pub(super) fn comparison(&self) -> Option<Comparison<'_>> {
        let (Wanted::Equal(term) | Wanted::NotEqual(term)) = &self.wanted else { return None };
        let names = self.selector.0.iter().map(|step| match step {
            Step::Field(name) => Some(name.as_str()),
            Step::Element(_) | Step::Any => None,
        });
        let path = names.collect::<Option<Vec<&str>>>()?;
        Some(match term {
            Term::Text { text, open_start, open_end, .. } => {
                Comparison { path, text, open_start: *open_start, open_end: *open_end }
            }
            Term::Number(number) => Comparison { path, text: &number.text, open_start: false, open_end: false },
        })
    }

    /// Whether this can only hold where `other` holds too: the same test, or a field equal to a string that `other` accepts.
    pub(super) fn implies(&self, other: &Self) -> bool {
        if self.same(other) {
            return true;
        }
        match &self.wanted {
            Wanted::Equal(Term::Text { quoted, text, open_start: false, open_end: false }) => {
                (*quoted || !matches!(text.as_str(), "true" | "false"))
                    && self.selector == other.selector
                    && self.selector.is_single()
                    && other.wanted.accepts(&Value::String(text.clone()))
            }
            _ => false,
        }
    }

    /// Whether two tests are one, quotes aside where they change nothing.
    fn same(&self, other: &Self) -> bool {
        if self == other {
            return true;
        }
        let terms = match (&self.wanted, &other.wanted) {
            (Wanted::Equal(a), Wanted::Equal(b)) | (Wanted::NotEqual(a), Wanted::NotEqual(b)) => (a, b),
            _ => return false,
        };
        match terms {
            (
                Term::Text { text: a, open_start: a_start, open_end: a_end, .. },
                Term::Text { text: b, open_start: b_start, open_end: b_end, .. },
            ) => {
                let is_boolean = !a_start && !a_end && matches!(a.as_str(), "true" | "false");
                self.selector == other.selector && !is_boolean && (a, a_start, a_end) == (b, b_start, b_end)
            }
            _ => false,
        }
    }
}

impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("$")?;
        for step in &self.0 {
            match step {
                Step::Field(name) if super::parse::is_plain_name(name) => write!(f, ".{name}")?,
                Step::Field(name) => write!(f, ".['{name}']")?,
                Step::Element(index) => write!(f, "[{index}]")?,
                Step::Any => f.write_str(".*")?,
            }
        }
        Ok(())
    }
}

impl fmt::Display for Term {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => f.write_str(&number.text),
            Self::Text { text, open_start, open_end, quoted } => {
                let (start, end) = (if *open_start { "*" } else { "" }, if *open_end { "*" } else { "" });
                if !quoted && matches!(text.as_str(), "true" | "false") {
                    return write!(f, "{start}{text}{end}");
                }
                let escaped = text.replace('\\', "\\\\").replace('"', "\\\"").replace('*', "\\*");
                write!(f, "\"{start}{escaped}{end}\"")
            }
        }
    }
}

impl fmt::Display for Test {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ", self.selector)?;
        match &self.wanted {
            Wanted::Equal(term) => write!(f, "= {term}"),
            Wanted::NotEqual(term) => write!(f, "!= {term}"),
            Wanted::Order(Order::Less, number) => write!(f, "< {}", number.text),
            Wanted::Order(Order::LessOrEqual, number) => write!(f, "<= {}", number.text),
            Wanted::Order(Order::Greater, number) => write!(f, "> {}", number.text),
            Wanted::Order(Order::GreaterOrEqual, number) => write!(f, ">= {}", number.text),
            Wanted::Null => f.write_str("IS NULL"),
            Wanted::Boolean(true) => f.write_str("IS TRUE"),
            Wanted::Boolean(false) => f.write_str("IS FALSE"),
            Wanted::Missing => f.write_str("NOT EXISTS"),
        }
    }
}
