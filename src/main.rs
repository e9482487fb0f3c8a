//! The `orgward` binary: everything is in the library.

/// Thousands of accounts come and go in memory: the system's allocator would take nearly half of the time.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    orgward::cli::main()
}
