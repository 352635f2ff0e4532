//! The `callboard` binary.

fn main() -> std::process::ExitCode {
    callboard::main()
}
