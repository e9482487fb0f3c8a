//! One integration binary: every link costs.

fn main() {}
