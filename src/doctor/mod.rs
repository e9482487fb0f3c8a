//! What stands between an organization and its first audit or roll-out, each with the command that mends it.
//!
//! Owns: judging what was collected by that question, and the words. Pure: facts in, lines out. Must not: ask AWS, read a clock,
//! print, or judge how safe the organization is; the checks do that.

mod account;
mod allowed;
mod caller;
mod chains;
mod changes;
mod commands;
mod diagnosis;
mod gathered;
mod ground;
mod organization;
mod reading;
mod requests;
#[cfg(test)]
mod tests;

pub use caller::{clock, delegation, refused, shell, unconnected};
pub use diagnosis::{Diagnosis, Estimate, Line, Rate, Section, State, Summary};
pub use ground::{Doctor, Entry, Ground, Probe};
