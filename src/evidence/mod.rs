//! Evidence: one file of what an audit found and from which answers, for someone who has neither orgward nor our word.
//!
//! ```text
//! a kept audit ──> manifest (digests of all that follows) ──signed──> .tar.gz ──> verify, or tar + minisign + sha256sum
//! ```
//!
//! Owns: what is in a bundle, in which order, the signature, and what verifying looks at. The bytes come from the run alone:
//! the same run gives the same bundle but for its signature. Must not: judge, ask AWS, read a clock, or take a signature from
//! anything but a key that was handed in.

mod archive;
mod error;
mod lines;
mod manifest;
mod page;
mod parts;
mod seen;
mod signature;
#[cfg(test)]
mod tests;
mod verify;
mod write;

pub use error::{Mismatch, NoBundle};
pub use manifest::{EVIDENCE_VERSION, FactsKept, Manifest, Part, Ran};
pub use signature::{KeyError, PublicKey, SigningKey};
pub use verify::{Signed, Verified, verify};
pub use write::{Bundle, Written};
