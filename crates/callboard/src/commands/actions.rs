//! `callboard actions …`

use callboard_console::wire::{Accepted, Action, ActionDetail, ActionStart, Actions as Shown};
use serde_json::{Map, Value};

use super::run::follow;
use crate::autopilot::Purpose;
use crate::cli::Actions;
use crate::exit::{Code, Failure};
use crate::given;
use crate::output::{BOLD, DIM, Output};
use crate::server::Server;

pub(super) async fn run(command: Actions, output: &mut Output) -> anyhow::Result<()> {
    match command {
        Actions::List { app, place } => {
            let server = Server::find(&place, Purpose::Look).await?;
            let actions = server.get::<Shown>(&["actions"]).await;
            server.leave().await?;
            let mut actions = actions?;
            if let Some(app) = app {
                actions.actions.retain(|action| action.app == app);
                if actions.actions.is_empty() {
                    return Err(Failure::new(
                        Code::NotFound,
                        format!("there is no app `{app}` with actions"),
                    )
                    .into());
                }
            }
            list(&actions, output)
        }
        Actions::Show { id, place } => {
            let server = Server::find(&place, Purpose::Look).await?;
            let action = server.get::<ActionDetail>(&["actions", &id]).await;
            server.leave().await?;
            show(&action?, output)
        }
        Actions::Run { id, arguments, link, place } => {
            let arguments: Map<String, Value> = given::json(&arguments, "--arguments")?;
            let start = ActionStart { arguments, link, idempotency_key: None };
            let server = Server::find_as_person(&place, Purpose::Drive).await?;
            let done = perform(&server, &id, &start, output).await;
            server.leave().await?;
            done
        }
    }
}

async fn perform(
    server: &Server,
    id: &str,
    start: &ActionStart,
    output: &mut Output,
) -> anyhow::Result<()> {
    let accepted: Accepted = server.post(&["actions", id, "run"], start).await?;
    follow(server, &accepted.id, output).await
}

fn list(actions: &Shown, output: &mut Output) -> anyhow::Result<()> {
    if output.json() {
        return output.document(actions);
    }
    let row = |action: &Action| {
        let recovery = action.recovery.split(':').next().unwrap_or_default().to_owned();
        vec![action.id.clone(), action.risk.clone(), recovery, action.title.clone()]
    };
    let rows: Vec<Vec<String>> = actions.actions.iter().map(row).collect();
    output.table(&["action", "risk", "after a crash", "title"], &rows, "no such actions");
    Ok(())
}

fn show(detail: &ActionDetail, output: &mut Output) -> anyhow::Result<()> {
    if output.json() {
        return output.document(detail);
    }
    let action = &detail.action;
    output.line(&format!("{BOLD}{}{BOLD:#} — {}", action.id, action.title));
    output.line(&format!("{}\n", action.summary));
    let or_none =
        |list: &[String]| if list.is_empty() { "none".to_owned() } else { list.join(", ") };
    for (name, value) in [
        ("call it as", action.function.clone()),
        ("risk", action.risk.clone()),
        ("scopes", scopes(&detail.scopes)),
        ("undone by", detail.inverse.clone()),
        ("after a crash", action.recovery.clone()),
        ("rate bucket", detail.bucket.clone()),
        (
            "personal data",
            format!(
                "reads {}; writes {}",
                or_none(&detail.personal_data_read),
                or_none(&detail.personal_data_written)
            ),
        ),
        ("saves", format!("{} min a call", action.minutes_saved)),
    ] {
        output.line(&format!("{DIM}{name:<14}{DIM:#}{value}"));
    }
    output.line(&format!("\n{DIM}arguments{DIM:#}"));
    let required: Vec<&str> = detail.input["required"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    let properties = detail.input["properties"].as_object();
    let rows: Vec<Vec<String>> = properties
        .into_iter()
        .flatten()
        .map(|(name, schema)| {
            let needed = if required.contains(&name.as_str()) {
                "required".to_owned()
            } else {
                default(schema)
            };
            let title =
                schema["title"].as_str().or(schema["description"].as_str()).unwrap_or_default();
            vec![name.clone(), kind(schema), needed, title.into()]
        })
        .collect();
    output.table(&["name", "type", "", "meaning"], &rows, "takes no arguments");
    Ok(())
}

/// Each of these, and in brackets what would do as well.
fn scopes(needed: &[String]) -> String {
    if needed.is_empty() {
        return "none".into();
    }
    let one = |alternatives: &String| match alternatives.split_once(", ") {
        Some((usual, others)) => format!("{usual} (or {})", others.replace(", ", " or ")),
        None => alternatives.clone(),
    };
    needed.iter().map(one).collect::<Vec<_>>().join(", ")
}

/// `string`, `string or null`, `GET or POST`.
fn kind(schema: &Value) -> String {
    let words = |list: &[Value]| {
        let words: Vec<String> = list
            .iter()
            .map(|word| word.as_str().map_or_else(|| word.to_string(), str::to_owned))
            .collect();
        words.join(" or ")
    };
    match (&schema["enum"], &schema["type"]) {
        (Value::Array(values), _) => words(values),
        (_, Value::Array(types)) => words(types),
        (_, Value::String(kind)) => kind.clone(),
        _ => "any".into(),
    }
}

fn default(schema: &Value) -> String {
    schema.get("default").map(|value| format!("default {value}")).unwrap_or_default()
}
