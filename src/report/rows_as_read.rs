//! JSON whose rows are written as they are read: however many there are, one is in memory.
//!
//! Owns: the way of an error through a serialiser, which carries none but its own. Must not: know what a row is.

use super::ReportError;
use serde::ser::{Error as _, SerializeSeq};
use serde::{Serialize, Serializer};
use std::cell::RefCell;
use std::io::{BufWriter, Write};

/// Why rows could not be read, kept beside the serialiser.
#[derive(Default)]
pub(super) struct Unread(RefCell<Option<ReportError>>);

/// The rows of a sequence that is being written.
pub(super) struct Rows<Q: SerializeSeq> {
    seq: Q,
    unwritten: Option<Q::Error>,
}

impl<Q: SerializeSeq> Rows<Q> {
    /// Writes one more.
    ///
    /// # Errors
    /// If it can't be written: whoever reads on stops.
    pub(super) fn put(&mut self, row: &impl Serialize) -> Result<(), ReportError> {
        self.seq.serialize_element(row).map_err(|error| {
            self.unwritten = Some(error);
            ReportError::source("the report can't be written")
        })
    }
}

/// Writes the sequence of what `read` puts; gives what `read` came to.
///
/// # Errors
/// If a row can't be written, or `read` fails, which [`pretty`] tells in its own words.
pub(super) fn sequence<S: Serializer, T>(
    to: S,
    unread: &Unread,
    read: impl FnOnce(&mut Rows<S::SerializeSeq>) -> Result<T, ReportError>,
) -> Result<(S::Ok, T), S::Error> {
    let mut rows = Rows { seq: to.serialize_seq(None)?, unwritten: None };
    let read = read(&mut rows);
    match (rows.unwritten, read) {
        (Some(error), _) => Err(error),
        (None, Err(error)) => {
            let words = S::Error::custom(&error);
            *unread.0.borrow_mut() = Some(error);
            Err(words)
        }
        (None, Ok(value)) => Ok((rows.seq.end()?, value)),
    }
}

/// Writes a document with such sequences as pretty JSON, with a line feed at its end.
///
/// # Errors
/// If rows can't be read or the report can't be written.
pub(super) fn pretty(document: &impl Serialize, unread: &Unread, out: &mut dyn Write) -> Result<(), ReportError> {
    // Tokens are short and many: what they are written to is told of them by the page.
    let mut page = BufWriter::with_capacity(4096, out);
    if let Err(error) = serde_json::to_writer_pretty(&mut page, document) {
        // What is left of the page is not written after the failure.
        drop(page.into_parts());
        return Err(unread.0.take().unwrap_or_else(|| ReportError::unwritten(error)));
    }
    page.write_all(b"\n")?;
    Ok(page.flush()?)
}
