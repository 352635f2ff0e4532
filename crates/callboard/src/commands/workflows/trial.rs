//! `callboard workflows try`

use crate::cli::Try;
use crate::output::Output;

pub(super) async fn run(arguments: Try, output: &mut Output) -> anyhow::Result<()> {
    let _ = (arguments, output);
    anyhow::bail!("pending")
}
