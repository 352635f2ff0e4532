//! Exit codes and how an error reaches the person: one sentence on stderr, its causes after colons.

use std::process::ExitCode;

use crate::output::Output;

/// What a command's failure means to a script. Documented in `docs/interface.md`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Code {
    /// What was asked was done and its answer is "no": a run faulted, a file has mistakes, the demo disagrees.
    Negative = 1,
    /// The command line is wrong (clap uses the same code).
    Usage = 2,
    /// No server answers at the address.
    Unreachable = 3,
    /// The server refused the key or the permission.
    Refused = 4,
    /// What was named does not exist.
    NotFound = 5,
}

/// An error that chooses its exit code.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub(crate) struct Failure {
    pub(crate) code: Code,
    message: String,
}

impl Failure {
    pub(crate) fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }
}

/// Prints the error and gives the exit code that belongs to it.
pub(crate) fn report(output: &mut Output, error: &anyhow::Error) -> ExitCode {
    let code = error
        .chain()
        .find_map(|cause| cause.downcast_ref::<Failure>())
        .map_or(Code::Negative, |failure| failure.code);
    output.error(&sentence(error));
    ExitCode::from(code as u8)
}

/// The causes after colons; one that the text before it tells already is left out.
fn sentence(error: &anyhow::Error) -> String {
    let mut text = String::new();
    for cause in error.chain().map(ToString::to_string) {
        if !text.contains(&cause) {
            text = if text.is_empty() { cause } else { format!("{text}: {cause}") };
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use anyhow::anyhow;

    use super::*;

    #[test]
    fn a_cause_that_was_told_is_not_told_again() {
        let told =
            anyhow!("no such file").context("cannot read x: no such file").context("the file x");
        assert_eq!(sentence(&told), "the file x: cannot read x: no such file");
    }
}
