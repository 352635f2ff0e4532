//! `callboard demo`: the main job from webhook to account, and a check of what the tenant says afterwards.

mod account;
mod cast;
mod checks;

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;
use http::Method;
use indicatif::ProgressBar;
use serde_json::{Value, json};

use crate::cli::Demo;
use crate::exit::{Code, Failure};
use crate::output::{BAD, BOLD, DIM, GOOD, Output};
use crate::stage::{Stage, created};
use crate::world;

use cast::Cast;
use checks::Check;

pub(super) async fn run(arguments: Demo, output: &mut Output) -> anyhow::Result<()> {
    let folder = match &arguments.data {
        Some(folder) => folder.clone(),
        None => std::env::temp_dir().join(format!("callboard-demo-{}", std::process::id())),
    };
    let played = play(&folder, arguments.stay, output).await;
    if arguments.data.is_none() && played.is_ok() {
        std::fs::remove_dir_all(&folder)
            .with_context(|| format!("cannot remove {}", folder.display()))?;
    } else {
        output.note(&format!("data and logs: {}", folder.display()));
    }
    played
}

async fn play(folder: &Path, stay: bool, output: &mut Output) -> anyhow::Result<()> {
    let clock = world::clock();
    let began = clock();
    let cast = Cast::default();
    let stage = set(folder).await?;
    cast.prepare(&stage).await?;
    let ready = clock();
    if !output.json() {
        account::stage(&stage, ready.duration_since(began), output);
    }

    let first = created(&[&cast.engineer, &cast.known], clock(), &stage.webhook_secret);
    let second = created(&[&cast.unknown_department], clock(), &stage.webhook_secret);
    let announced = clock();
    let mut deliveries = Vec::new();
    for delivery in [&first, &first, &second] {
        deliveries.push(stage.deliver(delivery).await?);
    }
    let mut runs = Vec::new();
    for id in ids(&deliveries) {
        runs.push(stage.settled(&id).await?);
    }
    let done = clock();
    let checks = checks::all(&stage, &cast, &deliveries, &runs).await?;

    if output.json() {
        output.document(&json!({
            "ok": checks.iter().all(|check| check.found.is_ok()),
            "runs": runs,
            "checks": checks.iter().map(Check::to_json).collect::<Vec<_>>(),
            "seconds": {"start": ready.duration_since(began).as_secs_f64(), "job": done.duration_since(announced).as_secs_f64()},
        }))?;
    } else {
        account::deliveries(&deliveries, output);
        account::runs(&runs, announced, output);
        account::checks(&checks, output);
        let took = done.duration_since(announced).as_millis();
        output.line(&format!(
            "\nfrom the first webhook to the last message: {BOLD}{took} ms{BOLD:#}"
        ));
    }
    if !stay && !output.json() {
        output.line("look around yourself: make up, or callboard demo --stay");
    }
    let wrong = checks.iter().filter(|check| check.found.is_err()).count();
    if stay {
        left_running(&stage, output);
        world::stop().await;
    }
    match wrong {
        0 => Ok(()),
        count => Err(Failure::new(
            Code::Negative,
            format!("{count} of {} checks disagree", checks.len()),
        )
        .into()),
    }
}

async fn set(folder: &Path) -> anyhow::Result<Stage> {
    let progress =
        ProgressBar::new_spinner().with_message("starting tenant, stand-ins and autopilot");
    progress.enable_steady_tick(Duration::from_millis(120));
    let binary: PathBuf = std::env::current_exe().context("cannot find this program")?;
    let stage = Stage::set(&binary, folder).await;
    progress.finish_and_clear();
    stage
}

/// Every run that the deliveries started, once, in order.
fn ids(deliveries: &[(u16, Value)]) -> Vec<String> {
    let mut ids: Vec<String> = Vec::new();
    for (_, delivery) in deliveries {
        for event in delivery["events"].as_array().into_iter().flatten() {
            let runs = event["runs"].as_array().into_iter().flatten().filter_map(Value::as_str);
            for id in runs {
                if !ids.iter().any(|known| known == id) {
                    ids.push(id.to_owned());
                }
            }
        }
    }
    ids
}

fn left_running(stage: &Stage, output: &mut Output) {
    output.line(&format!(
        "\n{BOLD}left running{BOLD:#} until Ctrl-C; the credentials below are for this run only"
    ));
    let rows = [
        ("tenant", stage.tenant.url.clone()),
        ("  client", format!("{} / {}", stage.client.0, stage.client.1)),
        ("autopilot", stage.autopilot.url.clone()),
        ("  API key", stage.api_key.clone()),
        ("stand-ins", format!("{}/ shows what they received", stage.sandbox.url)),
        ("  webhooks", format!("signed with {}", stage.webhook_secret)),
    ];
    for (name, value) in rows {
        output.line(&format!("{DIM}{name:<12}{DIM:#}{value}"));
    }
    output.line(&format!(
        "\nlook around: CALLBOARD_SERVER={} CALLBOARD_API_KEY={} callboard run list",
        stage.autopilot.url, stage.api_key
    ));
}

/// What the tenant has, as somebody other than the autopilot reads it.
async fn users_by_email(stage: &Stage, email: &str) -> anyhow::Result<Vec<Value>> {
    let query =
        url::form_urlencoded::Serializer::new(String::new()).append_pair("email", email).finish();
    let users = stage.management(Method::GET, &format!("/users-by-email?{query}"), None).await?;
    Ok(users.as_array().context("users-by-email is a list")?.clone())
}

/// `✓` or `✗`.
fn mark(good: bool) -> String {
    if good { format!("{GOOD}✓{GOOD:#}") } else { format!("{BAD}✗{BAD:#}") }
}
