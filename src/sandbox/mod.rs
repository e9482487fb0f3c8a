//! sandbox

pub mod state;
