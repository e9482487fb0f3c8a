//! The words of orgward as types: ids, organization and account facts, verdicts, changes, plans.
//!
//! Owns: what a fact, a finding and a change *are*. Must not: call anything, read a clock, open a file, or name any
//! other module of orgward.

pub mod account;
pub mod address;
pub mod billing;
pub mod bucket;
pub mod check;
pub mod contact;
pub mod credential;
pub mod denial;
mod digest;
pub mod event;
pub mod exemption;
mod few;
pub mod finding;
pub mod framework;
mod hidden;
pub mod history;
pub mod iam;
pub mod ids;
pub mod monitoring;
mod nearest;
pub mod observed;
pub mod org;
mod os_words;
pub mod plan;
pub mod region;
pub mod scope;
pub mod shard;
pub mod share;
pub mod simulation;
mod span;
pub mod tally;
pub mod trail;
mod wild;

pub use account::AccountFacts;
pub use address::{Address, Doc};
pub use digest::{digest, hex_digest};
pub use few::{few, few_quoted};
pub use finding::{Finding, Verdict};
pub use hidden::hidden;
pub use ids::{AccountId, PolicyId, Region, TargetId};
pub use nearest::nearest;
pub use observed::{Cause, CauseKind, Observed, Source};
pub use org::OrgFacts;
pub use os_words::{disk_full, os_words};
pub use plan::{Change, Plan};
pub use shard::Shard;
pub use share::Share;
pub use span::{SPAN_FORM, seconds, span};
pub use tally::Tally;
pub use wild::wild;
