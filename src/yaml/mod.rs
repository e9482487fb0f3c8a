//! YAML that people write, read with its places, so that every mistake in a file is told at once: file, line, column, the line
//! itself and the nearest word.
//!
//! Owns: parsing within bounds, typed reading, how a mistake is shown. Must not: know what a file is about, or open one.

pub mod errors;
pub(crate) mod node;
pub(crate) mod read;
pub(crate) mod source;

pub use errors::{LoadError, LoadErrors};
pub use source::{At, SourceText};
