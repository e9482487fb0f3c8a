//! The `orgward` binary: everything is in the library.

fn main() -> std::process::ExitCode {
    orgward::cli::main()
}
