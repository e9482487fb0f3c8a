//! What a plan of policies relies on, and how policies stand before, between and after its changes.
//!
//! Must not: ask AWS, know a playbook, or change anything.

mod relied;
mod standing;
#[cfg(test)]
mod tests;

pub use relied::{relied_on, value_of};
pub use standing::Standing;
