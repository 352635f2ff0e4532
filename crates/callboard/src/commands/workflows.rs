//! `callboard workflows …`

mod trial;

use std::path::{Path, PathBuf};

use callboard_apps::Catalogue;
use callboard_console::wire::{Workflow, WorkflowDetail, Workflows as Shown};
use callboard_engine::Callable;
use callboard_flow::Problem;
use serde_json::{Value, json};

use crate::autopilot::{self, Purpose};
use crate::cli::Workflows;
use crate::exit::{Code, Failure};
use crate::output::{BAD, BOLD, DIM, GOOD, Output};
use crate::server::Server;

pub(super) async fn run(command: Workflows, output: &mut Output) -> anyhow::Result<()> {
    match command {
        Workflows::List { place } => {
            let server = Server::find(&place, Purpose::Look).await?;
            let workflows = server.get::<Shown>(&["workflows"]).await;
            server.leave().await?;
            list(&workflows?, output)
        }
        Workflows::Check { files, apps } => check(&files, apps.as_deref(), output),
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

fn check(files: &[PathBuf], apps: Option<&Path>, output: &mut Output) -> anyhow::Result<()> {
    let catalogue = autopilot::catalogue(apps)?;
    let mut mistakes = Vec::new();
    for file in files {
        let name = file.display().to_string();
        let (text, found) = match std::fs::read_to_string(file) {
            Ok(text) => {
                let found = problems(&name, &text, &catalogue);
                (text, found)
            }
            Err(error) => (String::new(), vec![unreadable(name, &error)]),
        };
        if !output.json() {
            if found.is_empty() {
                output.line(&format!("{GOOD}ok{GOOD:#} {}", file.display()));
            }
            for problem in &found {
                output.line(&explained(problem, &text));
            }
        }
        mistakes.extend(found);
    }
    if output.json() {
        let mistakes: Vec<Value> = mistakes.iter().map(to_json).collect();
        output.document(&json!({"ok": mistakes.is_empty(), "mistakes": mistakes}))?;
    }
    match mistakes.len() {
        0 => Ok(()),
        1 => Err(Failure::new(Code::Negative, "1 mistake").into()),
        count => Err(Failure::new(Code::Negative, format!("{count} mistakes")).into()),
    }
}

fn unreadable(file: String, error: &std::io::Error) -> Problem {
    let message = format!("the file cannot be read: {error}");
    Problem { file, line: 1, column: 1, pointer: String::new(), message, suggestion: None }
}

fn problems(file: &str, text: &str, catalogue: &Catalogue) -> Vec<Problem> {
    match callboard_flow::parse(file, text) {
        Ok(definition) => callboard_flow::check(&definition, &Callable(catalogue)),
        Err(problems) => problems.0,
    }
}

fn to_json(problem: &Problem) -> Value {
    json!({
        "file": problem.file, "line": problem.line, "column": problem.column, "pointer": problem.pointer,
        "message": problem.message, "suggestion": problem.suggestion,
    })
}

/// The mistake with the line it stands in, as a compiler shows it.
fn explained(problem: &Problem, text: &str) -> String {
    let mut lines = vec![
        format!("{BAD}mistake{BAD:#}: {BOLD}{}{BOLD:#}", problem.message),
        format!("{DIM}   --> {}:{}:{}{DIM:#}", problem.file, problem.line, problem.column),
    ];
    if let Some(line) = text.lines().nth(problem.line.saturating_sub(1)) {
        let indent = " ".repeat(problem.column.saturating_sub(1));
        lines.push(format!("{DIM}{:>5} |{DIM:#} {line}", problem.line));
        lines.push(format!("{DIM}      |{DIM:#} {indent}{BAD}^{BAD:#}"));
    }
    lines.extend(
        problem.suggestion.as_ref().map(|suggestion| format!("{DIM}      ={DIM:#} {suggestion}")),
    );
    lines.join("\n") + "\n"
}
