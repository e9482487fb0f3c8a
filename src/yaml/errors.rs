//! Mistakes in a file: all of them at once, each with its file, line, column, source line and a hint.
//!
//! Owns: how a mistake is shown. Must not: find mistakes.

use super::source::{At, SourceText};
use crate::model::hidden;
use std::fmt;

/// One mistake.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoadError {
    /// The file, such as a playbook or a policy document.
    pub file: String,
    /// From 1; 0 when it is about the file as a whole.
    pub line: u32,
    /// From 1, in characters; 0 when it is about the file as a whole.
    pub column: u32,
    /// What is wrong.
    pub message: String,
    /// What would be right, such as the nearest valid word.
    pub hint: Option<String>,
    /// The line it points into.
    pub source_line: Option<String>,
}

impl LoadError {
    /// A mistake at a place of a text.
    pub fn new(source: &SourceText, at: At, message: impl Into<String>) -> Self {
        Self {
            file: source.name().to_owned(),
            line: at.line,
            column: at.column,
            message: message.into(),
            hint: None,
            source_line: source.line(at.line).map(str::to_owned),
        }
    }

    /// The same with a hint.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// `file:line:col`, or the file alone.
    pub fn place(&self) -> String {
        match self.line {
            0 => plain(&self.file),
            line => format!("{}:{line}:{}", plain(&self.file), self.column),
        }
    }
}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place(), plain(&self.message))?;
        if let Some(line) = &self.source_line {
            let (shown, caret) = window(line, self.column);
            let number = self.line.to_string();
            write!(f, "\n  {number} | {shown}\n  {:width$} | {:caret$}^", "", "", width = number.len())?;
        }
        match &self.hint {
            Some(hint) => write!(f, "\n  hint: {}", plain(hint)),
            None => Ok(()),
        }
    }
}

/// Every mistake of a load, in the order of their places.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoadErrors(pub Vec<LoadError>);

impl LoadErrors {
    /// In the order of their places, without repetitions.
    pub fn sorted(mut errors: Vec<LoadError>) -> Self {
        errors.sort_by(|a, b| (&a.file, a.line, a.column, &a.message).cmp(&(&b.file, b.line, b.column, &b.message)));
        errors.dedup();
        Self(errors)
    }
}

impl fmt::Display for LoadErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, error) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str("\n\n")?;
            }
            error.fmt(f)?;
        }
        Ok(())
    }
}

impl std::error::Error for LoadErrors {}

/// Most characters of a source line that are shown.
const SHOWN: usize = 120;

/// The part of a line around a column, and how far the caret stands in.
fn window(line: &str, column: u32) -> (String, usize) {
    let index = usize::try_from(column.saturating_sub(1)).unwrap_or(0);
    let from = if index < SHOWN - 20 { 0 } else { index.saturating_sub(SHOWN / 2) };
    let shown: String = line.chars().skip(from).take(SHOWN).map(|c| if hidden(c) { ' ' } else { c }).collect();
    (shown, index.saturating_sub(from))
}

/// A text without what would steer a terminal: control and direction characters are written out.
pub(crate) fn plain(text: &str) -> String {
    text.chars().flat_map(|c| if hidden(c) { c.escape_unicode().collect::<Vec<_>>() } else { vec![c] }).collect()
}

/// A hint with the nearest of `words`, or all of them where none is near.
pub(crate) fn nearest(word: &str, words: &[&str]) -> String {
    match crate::model::nearest(word, words.iter().copied(), 0.75) {
        Some(candidate) => format!("did you mean `{candidate}`?"),
        None if words.is_empty() => "there is no valid word here".to_owned(),
        None => format!("valid words: {}", words.iter().map(|w| format!("`{w}`")).collect::<Vec<_>>().join(", ")),
    }
}
