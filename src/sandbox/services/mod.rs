//! The services: a file each, a table of the operations orgward calls in each file.
//!
//! Owns: which services exist. Must not: see a wire format.

pub mod iam;

#[cfg(test)]
pub(crate) mod testing;
