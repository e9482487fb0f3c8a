//! A policy document as a playbook gives it: checked, minified, and where each of its statements stands.
//!
//! Must not: open files.

use super::errors::LoadError;
use super::limits::Limits;
use super::source::{At, SourceText};
use crate::policy::{self, Document};

/// A document that Organizations accepts but for its size.
#[derive(Debug, Clone)]
pub(super) struct PolicyText {
    /// Minified: exactly what is saved.
    pub content: String,
    /// Where each statement stands: `file:line`.
    pub origins: Vec<String>,
    /// The same, parsed.
    pub document: Document,
    /// What it was read from, and where in it.
    place: (SourceText, At),
}

impl PolicyText {
    /// Reads a document, its parameters replaced; mistakes go to `errors`. `in_file` gives the place of one of its lines.
    pub fn read(
        source: &SourceText,
        text: &str,
        in_file: &dyn Fn(u32) -> At,
        errors: &mut Vec<LoadError>,
    ) -> Option<Self> {
        let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        let read = Document::parse(text).and_then(|document| {
            let problems = policy::lint(&document, policy::Rules::Scp);
            let content = if problems.is_empty() { policy::minify(text) } else { Err(problems) };
            content.map(|content| (document, content))
        });
        match read {
            Ok((document, content)) => {
                let origin = |line: usize| format!("{}:{}", source.name(), in_file(number(line)).line);
                let origins = document.statements().iter().map(|statement| origin(statement.line())).collect();
                Some(Self { content, origins, document, place: (source.clone(), At::FILE) })
            }
            Err(problems) => {
                errors.extend(problems.into_iter().map(|problem| {
                    let at = At { line: number(problem.line), column: number(problem.column) };
                    LoadError::new(source, at, problem.message)
                }));
                None
            }
        }
    }

    /// The same, as a part of another text.
    pub fn within(self, source: &SourceText, at: At) -> Self {
        Self { place: (source.clone(), at), ..self }
    }

    /// What is wrong with its size, if it is saved as it is.
    pub fn too_large(&self, limits: &Limits) -> Option<LoadError> {
        let (size, most) = (policy::size(&self.content), limits.scp.size);
        (size.characters.max(size.bytes) > most).then(|| {
            let message = format!(
                "has {} characters ({} bytes) after minifying, an SCP may have {most}",
                size.characters, size.bytes
            );
            LoadError::new(&self.place.0, self.place.1, message)
                .hint("split it into two policies, or give them to `pack`")
        })
    }
}
