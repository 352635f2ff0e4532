//! `callboard run journal`, `events` and `steps`: what belongs to a run, page by page.

use callboard_console::wire::{Events, Journal, Steps};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::step_line;
use crate::autopilot::Purpose;
use crate::cli::Part;
use crate::output::Output;
use crate::server::Server;

pub(super) async fn journal(part: &Part, output: &mut Output) -> anyhow::Result<()> {
    let page: Journal = page(part, "journal").await?;
    if output.json() {
        return output.document(&page);
    }
    let row = |entry: &Value| {
        let mut rest = entry.clone();
        let mut take = |name: &str| rest.as_object_mut().and_then(|fields| fields.remove(name));
        let head = ["seq", "at", "entry", "step"].map(|name| plain(take(name)));
        let [seq, at, kind, step] = head;
        vec![seq, at, kind, step, rest.to_string()]
    };
    let rows: Vec<Vec<String>> = page.entries.iter().map(row).collect();
    output.table(&["", "at", "entry", "step", "what"], &rows, "nothing follows");
    tell_next(page.next, output);
    Ok(())
}

pub(super) async fn events(part: &Part, output: &mut Output) -> anyhow::Result<()> {
    let page: Events = page(part, "events").await?;
    if output.json() {
        return output.document(&page);
    }
    let row = |event: &Value| {
        let field = |name: &str| plain(event.get(name).cloned());
        let name = plain(event["data"].get("task").or(event["data"].get("name")).cloned());
        vec![field("sequence"), field("time"), field("type"), name]
    };
    let rows: Vec<Vec<String>> = page.events.iter().map(row).collect();
    output.table(&["", "at", "type", "of"], &rows, "nothing follows");
    tell_next(page.next, output);
    Ok(())
}

pub(super) async fn steps(part: &Part, output: &mut Output) -> anyhow::Result<()> {
    let page: Steps = page(part, "steps").await?;
    if output.json() {
        return output.document(&page);
    }
    for step in &page.steps {
        output.line(&step_line(step));
    }
    tell_next(page.next, output);
    Ok(())
}

async fn page<T: DeserializeOwned>(part: &Part, what: &str) -> anyhow::Result<T> {
    let query = [("after", part.after.to_string()), ("limit", part.limit.to_string())];
    let server = Server::find(&part.place, Purpose::Look).await?;
    let page = server.query(&["runs", &part.id, what], &query).await;
    server.leave().await?;
    page
}

fn tell_next(next: Option<usize>, output: &mut Output) {
    output.more(next.map(|next| next.to_string()).as_deref(), "--after");
}

fn plain(value: Option<Value>) -> String {
    match value {
        None => String::new(),
        Some(Value::String(text)) => text,
        Some(other) => other.to_string(),
    }
}
