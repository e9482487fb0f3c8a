//! Exemptions and attestations: the file that people write, and what exemptions do to findings.
//!
//! Owns: the file's form, what it may name, and the one rule by which a failure becomes exempt. Must not: open a file, read a
//! clock, or turn anything but a failure into anything else.

mod apply;
mod file;
pub mod published;
#[cfg(test)]
mod tests;

pub use apply::Exempting;
pub use file::{EXEMPTIONS_VERSION, Known, Read, read};
