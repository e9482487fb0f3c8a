//! The lock-out proof: that a plan of policies leaves orgward and its operators the way back in; and what it relies on.
//!
//! Pure. Must not: ask AWS, know a playbook, or change anything.

mod chain;
mod protected;
mod prove;
mod questions;
mod relied;
mod roles;
mod standing;
#[cfg(test)]
mod tests;
mod texts;
mod words;

pub use protected::Protected;
pub use prove::{Proof, Terms, prove};
pub use questions::{Question, Questions, disagreements, questions};
pub use relied::{relied_on, value_of};
pub use roles::Roles;
pub use standing::Standing;
