//! `callboard run …`

mod pages;

use callboard_console::wire::{
    Accepted, Again, Archive, Archived, LoopSummary, Replayed, Resolve, Revealed, Run as Shown,
    RunSummary, Runs, Start, Step, Verdict,
};
use jiff::Timestamp;
use serde_json::{Map, Value};

use crate::autopilot::Purpose;
use crate::cli::{Place, Run};
use crate::exit::{Code, Failure};
use crate::given;
use crate::output::{BAD, BOLD, DIM, GOOD, Output};
use crate::server::Server;

/// How long one request for a run's end may take before the next is sent.
const PATIENCE: u32 = 30;

pub(super) async fn run(command: Run, output: &mut Output) -> anyhow::Result<()> {
    match command {
        Run::Start { workflow, input, idempotency_key, priority, wait, place } => {
            let input = given::json(&input, "--input")?;
            let start = Start { workflow, input, idempotency_key, priority };
            let server = Server::find_as_person(&place, Purpose::Drive).await?;
            let started = start_run(&server, &start, wait, output).await;
            server.leave().await?;
            started
        }
        Run::Journal(part) => pages::journal(&part, output).await,
        Run::Events(part) => pages::events(&part, output).await,
        Run::Steps(part) => pages::steps(&part, output).await,
        Run::List { status, workflow, limit, cursor, place } => {
            let mut query = vec![("limit", limit.to_string())];
            query.extend(status.map(|status| ("status", status)));
            query.extend(workflow.map(|workflow| ("workflow", workflow)));
            query.extend(cursor.map(|cursor| ("cursor", cursor)));
            let server = Server::find(&place, Purpose::Look).await?;
            let runs = server.query::<Runs>(&["runs"], &query).await;
            server.leave().await?;
            list(&runs?, output)
        }
        Run::Show { id, place } => {
            let server = Server::find(&place, Purpose::Look).await?;
            let run = server.get::<Shown>(&["runs", &id]).await;
            server.leave().await?;
            show(&run?, output)
        }
        Run::Watch { id, place } => {
            let server = Server::find(&place, Purpose::Drive).await?;
            let followed = follow(&server, &id, output).await;
            server.leave().await?;
            followed
        }
        Run::Reveal { id, place } => {
            let server = Server::find_as_person(&place, Purpose::Look).await?;
            let revealed = server.post::<Revealed>(&["runs", &id, "reveal"], &Map::new()).await;
            server.leave().await?;
            output.document(&revealed?.output)
        }
        Run::Resolve { id, step, verdict, output: result, place } => {
            let verdict = match verdict.as_str() {
                "happened" => Verdict::Happened,
                "did-not" => Verdict::DidNot,
                _ => Verdict::Repeat,
            };
            let result = result.map(|text| given::json(&text, "--output")).transpose()?;
            let server = Server::find_as_person(&place, Purpose::Drive).await?;
            // A step's id is a path of its own: `do/createUser`.
            let path: Vec<&str> = ["runs", &id, "steps"]
                .into_iter()
                .chain(step.split('/'))
                .chain(["resolve"])
                .collect();
            let run = server.post::<Shown>(&path, &Resolve { verdict, output: result }).await;
            server.leave().await?;
            show(&run?, output)
        }
        Run::Replay { id, place } => replay(&place, &id, output).await,
        Run::Pause { id, place } => say(&place, &id, "pause", output).await,
        Run::Resume { id, place } => say(&place, &id, "resume", output).await,
        Run::Retry { id, from, idempotency_key, wait, place } => {
            let again = Again { from, idempotency_key };
            try_again(&place, (&id, "retry"), &again, wait, output).await
        }
        Run::Rerun { id, idempotency_key, wait, place } => {
            let again = Again { from: None, idempotency_key };
            try_again(&place, (&id, "rerun"), &again, wait, output).await
        }
        Run::Archive { older_than_days, place } => archive(&place, older_than_days, output).await,
        Run::Cancel { id, place } => say(&place, &id, "cancel", output).await,
    }
}

async fn replay(place: &Place, id: &str, output: &mut Output) -> anyhow::Result<()> {
    let server = Server::find(place, Purpose::Look).await?;
    let replayed = server.get::<Replayed>(&["runs", id, "replay"]).await;
    server.leave().await?;
    let replayed = replayed?;
    if output.json() {
        return output.document(&replayed);
    }
    let moves = replayed.tasks.len();
    output.line(&format!(
        "{GOOD}✓{GOOD:#} {id} follows from its journal again: {moves} moves of tasks"
    ));
    Ok(())
}

async fn archive(place: &Place, older_than_days: u32, output: &mut Output) -> anyhow::Result<()> {
    let server = Server::find(place, Purpose::Look).await?;
    let archived =
        server.post::<Archived>(&["runs", "archive"], &Archive { older_than_days }).await;
    server.leave().await?;
    let archived = archived?;
    if output.json() {
        return output.document(&archived);
    }
    for file in &archived.files {
        output.line(file);
    }
    output.note(&format!("{} runs were archived", archived.runs));
    Ok(())
}

/// Says one word to a run and shows what became of it.
async fn say(place: &Place, id: &str, word: &str, output: &mut Output) -> anyhow::Result<()> {
    let server = Server::find_as_person(place, Purpose::Drive).await?;
    let run = server.post::<Shown>(&["runs", id, word], &Map::new()).await;
    server.leave().await?;
    show(&run?, output)
}

/// Begins a run that goes back to another.
async fn try_again(
    place: &Place,
    (id, how): (&str, &str),
    again: &Again,
    wait: Option<u32>,
    output: &mut Output,
) -> anyhow::Result<()> {
    let server = Server::find_as_person(place, Purpose::Drive).await?;
    let accepted = server.post::<Accepted>(&["runs", id, how], again).await;
    let told = match accepted {
        Ok(accepted) => tell_started(&server, &accepted, wait, output).await,
        Err(error) => Err(error),
    };
    server.leave().await?;
    told
}

async fn start_run(
    server: &Server,
    start: &Start,
    wait: Option<u32>,
    output: &mut Output,
) -> anyhow::Result<()> {
    let accepted: Accepted = server.post(&["runs"], start).await?;
    tell_started(server, &accepted, wait, output).await
}

/// The run once it is final, where somebody waits for it; else its id.
async fn tell_started(
    server: &Server,
    accepted: &Accepted,
    wait: Option<u32>,
    output: &mut Output,
) -> anyhow::Result<()> {
    if let Some(seconds) = wait {
        let run: Shown = server.wait(&accepted.id, seconds).await?;
        return finished(&run, output);
    }
    if output.json() {
        output.document(accepted)?;
    } else {
        output.line(&accepted.id);
    }
    let follow = format!("callboard run watch {}", accepted.id);
    if server.ends_with_the_command() {
        output.note(&format!(
            "no server runs on this data folder: the run goes on when one does (callboard up), or while you follow it ({follow})"
        ));
    } else if !output.json() {
        output.note(&format!("follow it: {follow}"));
    }
    Ok(())
}

/// Prints each step as its state changes, until the run is final or needs somebody.
pub(super) async fn follow(server: &Server, id: &str, output: &mut Output) -> anyhow::Result<()> {
    let mut told: Vec<String> = Vec::new();
    loop {
        let run: Shown = server.get(&["runs", id]).await?;
        if !output.json() {
            for step in &run.steps {
                let line = step_line(step);
                if !told.contains(&line) {
                    output.note(&line);
                    told.push(line);
                }
            }
        }
        if is_settled(&run.status) {
            return finished(&run, output);
        }
        tokio::select! {
            moved = server.wait::<Shown>(id, 1) => drop(moved?),
            () = crate::world::stop() => return Ok(()),
        }
    }
}

fn finished(run: &Shown, output: &mut Output) -> anyhow::Result<()> {
    show(run, output)?;
    match run.status.as_str() {
        "completed" => Ok(()),
        "faulted" | "cancelled" => {
            Err(Failure::new(Code::Negative, format!("the run {} is {}", run.id, run.status))
                .into())
        }
        "attention" => {
            let what = match run.next_at {
                Some(at) => {
                    format!("waits for a link or credential to be mended; tries again at {}", second(at))
                }
                None => "needs your verdict (callboard run resolve); nothing is repeated until you answer".into(),
            };
            Err(Failure::new(Code::Negative, format!("the run {} {what}", run.id)).into())
        }
        status => {
            output.note(&format!(
                "still {status}; it goes on while a server runs on this data folder"
            ));
            Ok(())
        }
    }
}

/// Nothing more happens by itself at once.
fn is_settled(status: &str) -> bool {
    matches!(status, "completed" | "faulted" | "cancelled" | "attention")
}

fn list(runs: &Runs, output: &mut Output) -> anyhow::Result<()> {
    if output.json() {
        return output.document(runs);
    }
    let row = |run: &RunSummary| {
        let next = run.next_at.map(second).unwrap_or_default();
        vec![run.id.clone(), run.workflow.clone(), run.status.clone(), second(run.created_at), next]
    };
    let rows: Vec<Vec<String>> = runs.runs.iter().map(row).collect();
    output.table(&["run", "workflow", "status", "created", "next"], &rows, "no runs");
    output.more(runs.next.as_deref(), "--cursor");
    Ok(())
}

fn show(run: &Shown, output: &mut Output) -> anyhow::Result<()> {
    if output.json() {
        return output.document(run);
    }
    let style = match run.status.as_str() {
        "completed" => GOOD,
        "faulted" | "attention" => BAD,
        _ => BOLD,
    };
    output.line(&format!(
        "{BOLD}{}{BOLD:#}  {}  {style}{}{style:#}",
        run.id, run.workflow, run.status
    ));
    output.line(&format!(
        "{DIM}started {} by {}{DIM:#}",
        second(run.created_at),
        trigger(&run.trigger)
    ));
    for line in ties(run) {
        output.line(&format!("{DIM}{line}{DIM:#}"));
    }
    for of in &run.loops {
        output.line(&loop_line(of));
    }
    for step in &run.steps {
        output.line(&step_line(step));
        for exchange in &step.exchanges {
            output.line(&format!("{DIM}      {}{DIM:#}", exchange_line(exchange)));
        }
    }
    if let Some(error) = &run.error {
        output.line(&format!("{BAD}error{BAD:#}  {}", error_line(error)));
    }
    if let Some(result) = &run.output {
        output.line(&format!("{DIM}output{DIM:#} {result}"));
        if result.to_string().contains("[sealed]") {
            output.note(&format!("what is sealed is shown by: callboard run reveal {}", run.id));
        }
    }
    Ok(())
}

/// `bamboohr.employee.created employee/42`, or who asked for it.
fn trigger(trigger: &Value) -> String {
    let word = |name: &str| trigger[name].as_str().unwrap_or_default();
    match word("kind") {
        "event" => format!("{} {}", word("type"), word("subject")).trim().to_owned(),
        _ if word("by") == "local" => "a command on this machine".into(),
        _ => word("by").to_owned(),
    }
}

/// What ties it to other runs, and who halted it.
fn ties(run: &Shown) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(origin) = &run.origin {
        let text = |name: &str| origin[name].as_str().unwrap_or_default();
        let from = match text("from") {
            "" => String::new(),
            step => format!(", from {step} on"),
        };
        lines.push(format!("goes back to {}{from}, wanted by {}", text("run"), text("by")));
    }
    lines.extend(run.heirs.iter().map(|heir| format!("tried again as {heir}")));
    lines.extend(run.note.clone());
    lines.extend(run.paused_by.iter().map(|by| format!("paused by {by}")));
    lines
}

/// An instant to the second, as people read it; `--json` has it whole.
pub(super) fn second(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%SZ").to_string()
}

/// `✓ createUser  auth0.users.create  84 ms` and what else there is to know.
fn step_line(step: &Step) -> String {
    let (mark, style) = match step.status.as_str() {
        "completed" => ("✓", GOOD),
        "faulted" | "attention" => ("✗", BAD),
        _ => ("·", DIM),
    };
    let mut facts = vec![match step.finished_at {
        Some(finished_at) => {
            format!("{} ms", finished_at.duration_since(step.started_at).as_millis())
        }
        None => step.status.clone(),
    }];
    if step.attempts > 1 {
        facts.push(format!("attempt {}", step.attempts));
    }
    let what = if step.action.is_some() { "next try" } else { "until" };
    facts.extend(step.next_at.map(|at| format!("{what} {}", second(at))));
    facts.extend(step.inherited.then(|| "inherited".to_owned()));
    facts.extend(step.how.clone().filter(|how| how != "performed"));
    facts.extend([&step.note, &step.remedy].into_iter().flatten().cloned());
    facts.extend(step.error.as_ref().map(error_line));
    let action = step.action.as_deref().unwrap_or_default();
    format!("  {style}{mark}{style:#} {:<22} {action:<28} {}", step.name, facts.join(", "))
}

/// `· do/everybody  412 items begun, 1230 steps completed, 3 failed, 20 under way`
fn loop_line(of: &LoopSummary) -> String {
    let LoopSummary { id, items, completed, failed, open } = of;
    format!(
        "  {DIM}·{DIM:#} {id:<22} {items} items begun, {completed} steps completed, {failed} failed, {open} under way"
    )
}

/// Title and detail, or one of them where both say the same.
fn error_line(error: &Value) -> String {
    let mut texts: Vec<&str> =
        ["title", "detail"].iter().filter_map(|name| error[name].as_str()).collect();
    texts.dedup();
    if texts.is_empty() { error.to_string() } else { texts.join(": ") }
}

fn exchange_line(exchange: &Value) -> String {
    let text = |name: &str| exchange[name].as_str().unwrap_or_default().to_owned();
    let status = exchange["status"].as_u64().map(|status| status.to_string());
    let answer = status.unwrap_or_else(|| format!("no answer: {}", text("note")));
    format!("{} {} → {answer} ({} ms)", text("method"), text("url"), exchange["duration_ms"])
}

impl Server {
    /// The run, as soon as it is final or needs somebody, or after so many seconds.
    async fn wait<T: serde::de::DeserializeOwned>(
        &self,
        id: &str,
        seconds: u32,
    ) -> anyhow::Result<T> {
        let mut left = seconds;
        loop {
            let some = left.min(PATIENCE);
            let run: Value = self.query(&["runs", id], &[("wait", some.to_string())]).await?;
            left -= some;
            if left == 0 || run["status"].as_str().is_some_and(is_settled) {
                return Ok(serde_json::from_value(run)?);
            }
        }
    }
}
