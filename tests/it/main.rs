//! One integration binary: every link costs.

mod architecture;
