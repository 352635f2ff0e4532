//! The demo's account of itself, for people.

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::checks::Check;
use super::mark;
use crate::output::{BAD, BOLD, DIM, Output};
use crate::stage::{Answer, Stage};

pub(super) fn stage(stage: &Stage, took: SignedDuration, output: &mut Output) {
    output.line(&format!("{BOLD}The stage{BOLD:#}, ready in {} ms", took.as_millis()));
    for (name, url, what) in [
        ("tenant", &stage.tenant.url, "speaks Auth0's Management and Authentication API"),
        ("stand-ins", &stage.sandbox.url, "play HRIS, tracker, chat and mail from their manifests"),
        ("autopilot", &stage.autopilot.url, "runs library/workflows/new-hire.yaml"),
    ] {
        output.line(&format!("  {name:<10} {url:<24} {DIM}{what}{DIM:#}"));
    }
}

pub(super) fn deliveries(deliveries: &[Answer], output: &mut Output) {
    output.line(&format!("\n{BOLD}The HRIS delivers{BOLD:#}"));
    for (index, (status, delivery)) in deliveries.iter().enumerate() {
        for event in delivery["events"].as_array().into_iter().flatten() {
            let text = |name: &str| event[name].as_str().unwrap_or("?").to_owned();
            let run = event["runs"][0].as_str().unwrap_or("no run");
            let answer = if event["duplicate"] == true {
                "seen before, nothing done; was"
            } else {
                "new, starts"
            };
            output.line(&format!(
                "  webhook {}  {status}  {} {:<13} {answer} {run}",
                index + 1,
                text("type"),
                text("subject")
            ));
        }
    }
}

pub(super) fn runs(runs: &[Value], announced: Timestamp, output: &mut Output) {
    for run in runs {
        let text = |name: &str| run[name].as_str().unwrap_or("?").to_owned();
        output.line(&format!(
            "\n{BOLD}{}{BOLD:#} {}: {} {DIM}{}{DIM:#}",
            text("workflow"),
            text("id"),
            text("status"),
            run["output"]
        ));
        for step in
            run["steps"].as_array().into_iter().flatten().filter(|step| step["action"].is_string())
        {
            output.line(&format!("  {}", step_line(step, announced)));
        }
        if !run["error"].is_null() {
            output.line(&format!("  {BAD}{}{BAD:#}", run["error"]));
        }
    }
}

/// `+ 42 ms ✓ createUser auth0.users.create → 409 in 12 ms`
fn step_line(step: &Value, announced: Timestamp) -> String {
    let instant = |name: &str| step[name].as_str().and_then(|text| text.parse::<Timestamp>().ok());
    let text = |name: &str| step[name].as_str().unwrap_or_default().to_owned();
    let at = instant("started_at").map_or(0, |at| at.duration_since(announced).as_millis());
    let took = match (instant("started_at"), instant("finished_at")) {
        (Some(from), Some(to)) => format!("{} ms", to.duration_since(from).as_millis()),
        _ => text("status"),
    };
    let answers: Vec<String> = step["exchanges"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|exchange| exchange["status"].to_string())
        .collect();
    let error = step["error"]["title"]
        .as_str()
        .map(|title| format!("  {DIM}{title}{DIM:#}"))
        .unwrap_or_default();
    let good = step["error"].is_null() && step["finished_at"].is_string();
    format!(
        "{DIM}+{at:>5} ms{DIM:#} {} {:<16} {:<28} {:<8} {took:>7}{error}",
        mark(good),
        text("name"),
        text("action"),
        answers.join(" ")
    )
}

pub(super) fn checks(checks: &[Check], output: &mut Output) {
    output.line(&format!("\n{BOLD}What the tenant and the other apps say{BOLD:#}, asked directly"));
    for check in checks {
        output.line(&format!("  {} {}", mark(check.found.is_ok()), check.statement));
        if let Err(found) = &check.found {
            output.line(&format!("      {BAD}{found}{BAD:#}"));
        }
    }
}
