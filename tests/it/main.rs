//! One integration binary: every link costs.

mod architecture;
mod audit;
mod harness;
