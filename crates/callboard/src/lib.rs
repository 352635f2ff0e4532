//! The binary as a library, so that its tests set the same [`stage`] as `callboard demo`: command line, configuration, wiring.
//!
//! No business rule lives here. A command reads its arguments, calls one method of a lower floor (or of a running
//! server, over its REST API) and prints the answer.

mod autopilot;
mod cli;
mod commands;
mod exit;
mod given;
mod output;
mod server;
pub mod stage;
mod world;

use std::process::ExitCode;

use clap::Parser as _;

use crate::cli::Cli;
use crate::output::Output;

/// Runs the command line of this process.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    let mut output = Output::new(cli.json);
    logging(cli.log.as_deref());
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            return exit::report(
                &mut output,
                &anyhow::anyhow!(error).context("cannot start the runtime"),
            );
        }
    };
    match runtime.block_on(commands::run(cli, &mut output)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => exit::report(&mut output, &error),
    }
}

/// Logs go to stderr; the filter speaks `tracing`'s directive language.
fn logging(directives: Option<&str>) {
    let filter = tracing_subscriber::EnvFilter::new(directives.unwrap_or("warn"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
}
