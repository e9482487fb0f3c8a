//! The `orgward` binary: everything is in the library.

fn main() {}
