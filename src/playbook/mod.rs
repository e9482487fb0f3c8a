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
//! # Names of service control policies under a rollout
//! A step's policy is called `NAME`. `UpdatePolicy` reaches every attachment at once, so under `rollout:` a changed
//! document becomes a new policy `NAME-xxxxxxxx`, with the first eight hexadecimal digits of the SHA-256 of its text, and
//! the tag `orgward:replaces` with the name of the one it takes over from. A step recognises as its own every policy of
//! either name with its two tags; the one whose document means what the step says is the one in use.
//!
//! With `pack` the documents of a step are called `NAME-1`, `NAME-2` and so on, each with the step's two tags. One of them, or
//! of `NAME`, that the step does not need any more is left over: named, and retired under `rollout:`.
//!
//! A same-named thing without its mark is refused, unless the step says `adopt: true`.

pub mod limits;
pub mod schema;

mod actions;
pub mod examples;
mod generations;
mod lint;
mod load;
mod own_roles;
mod parameters;
mod planner;
mod policy_text;
pub mod published;
mod rollout;
mod shipped;
mod targets;
mod waves;

pub use crate::yaml::{At, LoadError, LoadErrors, SourceText, errors};
pub use examples::load_example;
pub use limits::Limits;
pub use lint::lint;
pub use load::{Documents, load, load_str};
pub use parameters::{Parameter, ParameterKind, Values, undeclared};
pub use planner::{PlanContext, Planner};
pub use rollout::{DELIVERY_SECONDS, Rollout, Take, WaveSpec};
pub use schema::{
    Action, EventAlarmSpec, PackedSpec, PasswordPolicySpec, Playbook, ScpSpec, Step, SubscriptionSpec, TargetRef,
};
pub use shipped::{Shipped, find, load_shipped, shipped};
pub use targets::check_targets;

use crate::yaml::{node, read, source};

#[cfg(test)]
mod fixtures;
#[cfg(test)]
mod tests;
