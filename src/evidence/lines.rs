//! Lines of JSON and the digest of what went by, from a reader of which nobody knows how long it is.
//!
//! Must not: keep more than a line.

use crate::model::hex_digest;
use sha2::{Digest, Sha256};
use std::io::{self, BufRead, Read, Write};

/// A digest and a length.
#[derive(Default)]
pub(super) struct Sum {
    hasher: Sha256,
    bytes: u64,
}

impl Sum {
    /// `sha256:<hex>`, and how many bytes.
    pub(super) fn end(self) -> (String, u64) {
        (hex_digest(&self.hasher.finalize()), self.bytes)
    }

    fn add(&mut self, bytes: &[u8]) {
        self.hasher.update(bytes);
        self.bytes += bytes.len() as u64;
    }
}

impl Write for Sum {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.add(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A reader whose bytes are summed as they are read.
pub(super) struct Summed<R> {
    from: R,
    pub(super) sum: Sum,
}

impl<R: Read> Summed<R> {
    pub(super) fn new(from: R) -> Self {
        Self { from, sum: Sum::default() }
    }
}

impl<R: Read> Read for Summed<R> {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        let read = self.from.read(to)?;
        self.sum.add(to.get(..read).unwrap_or_default());
        Ok(read)
    }
}

/// A line that is too long, or can't be read.
#[derive(Debug)]
pub(super) enum NoLine {
    Io(io::Error),
    TooLong,
    /// The last one has no end.
    Open,
}

/// The next line without its end, in `line`; `false` where there is none.
pub(super) fn next(from: &mut impl BufRead, line: &mut Vec<u8>, most: usize) -> Result<bool, NoLine> {
    line.clear();
    let read = from.by_ref().take(most as u64 + 1).read_until(b'\n', line).map_err(NoLine::Io)?;
    match line.pop() {
        None => Ok(false),
        Some(b'\n') => Ok(true),
        Some(_) if read > most => Err(NoLine::TooLong),
        Some(_) => Err(NoLine::Open),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_bounded_and_have_an_end() {
        let mut line = Vec::new();
        let mut text: &[u8] = b"one\n\nthree\nlong line\nopen";
        for wanted in ["one", "", "three"] {
            assert!(next(&mut text, &mut line, 6).unwrap());
            assert_eq!(line, wanted.as_bytes());
        }
        assert!(matches!(next(&mut text, &mut line, 6), Err(NoLine::TooLong)));
        let mut text: &[u8] = b"open";
        assert!(matches!(next(&mut text, &mut line, 6), Err(NoLine::Open)));
        assert!(!next(&mut &b""[..], &mut line, 6).unwrap());
    }

    #[test]
    fn what_goes_by_is_summed() {
        let mut text = Vec::new();
        let mut summed = Summed::new(&b"text"[..]);
        summed.read_to_end(&mut text).unwrap();
        assert_eq!(summed.sum.end(), (crate::model::digest(b"text"), 4));
    }
}
