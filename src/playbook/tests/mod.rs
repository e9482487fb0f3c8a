//! Tests of this module, by what they look at.

mod alarm;
mod loader;
mod packing;
mod parameters;
mod password;
mod published;
mod rollout;
mod scp;
mod shipped;
