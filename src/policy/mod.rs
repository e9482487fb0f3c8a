//! The IAM policy language: parse with positions, lint, minify, canonical form, evaluate; quotas, headroom and packing.
//!
//! Owns: what a policy document says and what it decides for one request. Must not: know an account, call AWS, or guess
//! where it can't tell.
//!
//! Source: IAM User Guide, "IAM JSON policy element reference", "Policy evaluation logic" and "Grammar of the IAM JSON
//! policy language"; Organizations User Guide, "SCP syntax" and "RCP syntax".

mod canonical;
mod compare;
mod condition;
mod document;
mod evaluate;
mod glob;
mod json;
mod lint;
mod pack;
mod parse;
mod quotas;
mod rcp;
mod request;
#[cfg(test)]
mod tests;

pub use canonical::{canonical, same_meaning};
pub use document::{Condition, Document, Effect, Principals, Statement, Version};
pub use evaluate::{Decision, StatementRef, evaluate, evaluate_chain};
pub use json::minify;
pub use lint::{Rules, lint};
pub use pack::{Packed, TooLarge, pack};
pub use quotas::{Headroom, Quota, Quotas, headroom};
pub use rcp::{RCP_FULL_AWS_ACCESS, evaluate_rcp_chain};
pub use request::{Context, Principal, Request, Value};

/// Something wrong in a policy text, and where.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
#[error("line {line}, column {column}: {message}")]
pub struct PolicyError {
    /// The line, from 1.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
    /// What is wrong and how to mend it, lower case, no full stop. Never holds a condition's value.
    pub message: String,
}

/// How long a text is. Organizations counts a policy's size in characters, white space included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    /// Unicode characters.
    pub characters: usize,
    /// UTF-8 bytes.
    pub bytes: usize,
}

/// How long a policy text is, exactly as it would be saved; minify first.
pub fn size(text: &str) -> Size {
    Size { characters: text.chars().count(), bytes: text.len() }
}

/// Whether the whole of `text` matches a pattern in which `*` is any text and `?` any character; `fold` compares letters
/// without case.
pub fn matches_wildcards(pattern: &str, text: &str, fold: bool) -> bool {
    glob::wild(pattern, text, fold)
}

/// A hostile text made fit for a message: control characters escaped, cut at 64 characters.
fn shown(text: &str) -> String {
    let mut shown: String = text.chars().take(64).flat_map(char::escape_debug).collect();
    if text.chars().nth(64).is_some() {
        shown.push_str("...");
    }
    shown
}
