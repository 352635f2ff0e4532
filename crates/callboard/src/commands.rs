//! One module per command; each decodes, makes one call, prints.

mod actions;
mod approvals;
mod apps;
mod budgets;
mod demo;
mod events;
mod key;
mod link;
mod run;
mod sandbox;
mod schedules;
mod secret;
mod tenant;
mod triggers;
mod up;
mod workflows;

use clap::CommandFactory as _;
use serde_json::json;

use crate::cli::{Cli, Command};
use crate::output::Output;

pub(crate) async fn run(cli: Cli, output: &mut Output) -> anyhow::Result<()> {
    match cli.command {
        Command::Up(arguments) => up::run(arguments, output).await,
        Command::Demo(arguments) => demo::run(arguments, output).await,
        Command::Tenant(command) => tenant::run(command, output).await,
        Command::Sandbox(arguments) => sandbox::run(arguments, output).await,
        Command::Link(command) => link::run(command, output).await,
        Command::Approvals(command) => approvals::run(command, output).await,
        Command::Key(command) => key::run(command, output).await,
        Command::Apps(command) => apps::run(command, output).await,
        Command::Actions(command) => actions::run(command, output).await,
        Command::Triggers(command) => triggers::run(command, output).await,
        Command::Workflows(command) => workflows::run(command, output).await,
        Command::Run(command) => run::run(command, output).await,
        Command::Schedules(command) => schedules::run(command, output).await,
        Command::Secret(command) => secret::run(command, output).await,
        Command::Events(command) => events::run(command, output).await,
        Command::Budgets(arguments) => budgets::run(arguments, output).await,
        Command::Version => version(output),
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "callboard", &mut script);
            output.line(String::from_utf8(script)?.trim_end());
            Ok(())
        }
    }
}

fn version(output: &mut Output) -> anyhow::Result<()> {
    let (version, operations) =
        (env!("CARGO_PKG_VERSION"), callboard_contract::contract().operations().len());
    if output.json() {
        return output
            .document(&json!({"version": version, "operations": operations, "dsl": "1.0.3"}));
    }
    output.line(&format!(
        "callboard {version} (Management API v2: {operations} operations, Open Workflow DSL 1.0.3)"
    ));
    Ok(())
}
