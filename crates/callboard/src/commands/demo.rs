//! `callboard demo`
use crate::cli::Demo;
use crate::output::Output;
pub(super) async fn run(arguments: Demo, output: &mut Output) -> anyhow::Result<()> {
    let _ = (arguments, output);
    anyhow::bail!("pending")
}
