//! Playbooks: the YAML schema, the loader that reports every mistake with its place, the planner and the plan linter.
//!
//! Owns: what a playbook may say and what a plan for it looks like. Must not: call AWS, read a clock, or open any file
//! but a playbook and the policy documents that it names.
//!
//! # How orgward marks what is its own
//! - Organizations policies carry the tags `orgward:playbook` and `orgward:step`; topics get them on creation.
//! - An alarm's description ends in `orgward:<playbook>/<step>`.
//! - A metric filter has neither tags nor a description, and a topic's tags are not among the facts: both are known by
//!   their name, which starts with `orgward-`.
//!
//! A same-named thing without its mark is refused, unless the step says `adopt: true`.

pub mod errors;
pub mod limits;
pub mod schema;

mod actions;
mod lint;
mod load;
mod node;
mod own_roles;
mod parameters;
mod planner;
mod read;
mod shipped;
mod source;
mod targets;

pub use errors::{LoadError, LoadErrors};
pub use limits::Limits;
pub use lint::lint;
pub use load::{Documents, load, load_str};
pub use parameters::{Parameter, ParameterKind, Values, undeclared};
pub use planner::{PlanContext, Planner};
pub use schema::{
    Action, PasswordPolicySpec, Playbook, RootUsageAlarmSpec, ScpSpec, Step, SubscriptionSpec, TargetRef,
};
pub use shipped::{Shipped, find, load_shipped, shipped};
pub use source::{At, SourceText};
pub use targets::check_targets;

#[cfg(test)]
mod fixtures;
#[cfg(test)]
mod tests;
