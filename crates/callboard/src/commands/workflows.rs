//! `callboard workflows …`

mod check;
mod trial;

use callboard_console::wire::{Workflow, WorkflowDetail, Workflows as Shown};
use serde_json::json;

use crate::autopilot::Purpose;
use crate::cli::Workflows;
use crate::output::{BOLD, DIM, Output};
use crate::server::Server;

pub(super) async fn run(command: Workflows, output: &mut Output) -> anyhow::Result<()> {
    match command {
        Workflows::List { place } => {
            let server = Server::find(&place, Purpose::Look).await?;
            let workflows = server.get::<Shown>(&["workflows"]).await;
            server.leave().await?;
            list(&workflows?, output)
        }
        Workflows::Check(arguments) => check::run(&arguments, output),
        Workflows::Show { name, place } => {
            let server = Server::find(&place, Purpose::Look).await?;
            let workflow = server.get::<WorkflowDetail>(&["workflows", &name]).await;
            server.leave().await?;
            show(&workflow?, output)
        }
        Workflows::Reload { place } => {
            let server = Server::find(&place, Purpose::Look).await?;
            let workflows = server.post::<Shown>(&["workflows", "reload"], &json!({})).await;
            server.leave().await?;
            list(&workflows?, output)
        }
        Workflows::Try(arguments) => trial::run(arguments, output).await,
    }
}

fn list(workflows: &Shown, output: &mut Output) -> anyhow::Result<()> {
    if output.json() {
        return output.document(workflows);
    }
    let row = |workflow: &Workflow| {
        let title = workflow.title.clone().unwrap_or_default();
        vec![workflow.name.clone(), workflow.version.clone(), workflow.started_by.join(", "), title]
    };
    let rows: Vec<Vec<String>> = workflows.workflows.iter().map(row).collect();
    output.table(&["workflow", "version", "started by", "title"], &rows, "no workflows");
    for mistake in &workflows.mistakes {
        output.error(&format!(
            "{}:{}:{}: {}",
            mistake.file, mistake.line, mistake.column, mistake.message
        ));
    }
    Ok(())
}

fn show(detail: &WorkflowDetail, output: &mut Output) -> anyhow::Result<()> {
    if output.json() {
        return output.document(detail);
    }
    let workflow = &detail.workflow;
    let title = workflow.title.as_ref().map(|title| format!(" — {title}")).unwrap_or_default();
    output.line(&format!("{BOLD}{}{BOLD:#} {}{title}", workflow.name, workflow.version));
    if let Some(summary) = &workflow.summary {
        output.line(summary);
    }
    let by_hand = ["a person".to_owned()];
    let started_by =
        if workflow.started_by.is_empty() { &by_hand } else { workflow.started_by.as_slice() };
    output.line(&format!("{DIM}started by{DIM:#} {}", started_by.join(", ")));
    output.line(&format!("{DIM}calls{DIM:#}      {}", detail.actions.join(", ")));
    output.line(&format!("{DIM}version{DIM:#}    {}\n", workflow.hash));
    output.line(detail.text.trim_end());
    Ok(())
}
