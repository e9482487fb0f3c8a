//! One integration binary: every link costs.

mod architecture;
mod audit;
mod bad_input;
mod harness;
mod rollout;
