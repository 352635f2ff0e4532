//! The page at `/`: what the stand-ins hold and what arrived, for a person who looks over the shoulder of a run.

use callboard_apps::{App, Catalogue};
use serde_json::{Map, Value};

use crate::world::{Received, World};

/// Newest requests that are shown.
const SHOWN: usize = 100;

const STYLE: &str = "body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:72rem;padding:0 1rem;color:#1b1f24;background:#fff}\
h1{font-size:1.4rem}h2{font-size:1.1rem;margin-top:2rem}p.note{background:#fff4d6;border-left:4px solid #d4a106;padding:.5rem 1rem}\
table{border-collapse:collapse;width:100%}td,th{border-bottom:1px solid #d8dee4;padding:.35rem .5rem;text-align:left;vertical-align:top}\
pre{margin:0;white-space:pre-wrap;overflow-wrap:anywhere;font-size:13px}.bad{color:#a40e26}summary{cursor:pointer}\
@media(prefers-color-scheme:dark){body{color:#e6edf3;background:#0d1117}td,th{border-color:#30363d}p.note{background:#3b2f0b}.bad{color:#ff7b72}}";

pub(crate) fn render(catalogue: &Catalogue, world: &World) -> String {
    let apps = catalogue.apps().filter(|app| app.sandbox.is_some());
    let sections: Vec<String> = apps.map(|app| section(app, world.state.get(&app.name))).collect();
    let rows: Vec<String> = world.received.iter().rev().take(SHOWN).map(row).collect();
    format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>Callboard sandbox</title>\
         <meta name=\"viewport\" content=\"width=device-width,initial-scale=1\"><style>{STYLE}</style></head><body>\
         <h1>Callboard sandbox</h1><p class=\"note\">A development tool: it plays other apps on this machine. Nothing here is \
         real, nothing leaves it, and what it shows is not protected.</p>{}<h2>Requests, newest first</h2><table>\
         <tr><th>Time</th><th>App</th><th>Request</th><th>Body</th><th>Answer</th></tr>{}</table><p>As JSON: \
         <a href=\"/_received\">/_received</a>, <a href=\"/_state\">/_state</a>, <a href=\"/_faults\">/_faults</a></p></body></html>",
        sections.concat(),
        rows.concat(),
    )
}

fn section(app: &App, collections: Option<&Map<String, Value>>) -> String {
    let collections: Vec<String> =
        collections.into_iter().flatten().map(|(name, rows)| collection(name, rows)).collect();
    format!(
        "<h2>{} <small>at /{}</small></h2>{}",
        escape(&app.title),
        escape(&app.name),
        collections.concat()
    )
}

fn collection(name: &str, rows: &Value) -> String {
    let rows = rows.as_array().map(Vec::as_slice).unwrap_or_default();
    let shown: Vec<String> = rows
        .iter()
        .rev()
        .take(SHOWN)
        .map(|row| format!("<tr><td><pre>{}</pre></td></tr>", pretty(row)))
        .collect();
    let (name, count) = (escape(name), rows.len());
    format!(
        "<details><summary>{name} ({count})</summary><table>{}</table></details>",
        shown.concat()
    )
}

fn row(received: &Received) -> String {
    let status = received.status.map_or_else(|| "cut".to_owned(), |status| status.to_string());
    let class =
        if received.status.is_some_and(|status| status < 400) { "" } else { " class=\"bad\"" };
    let action = received.action.as_deref().unwrap_or("unknown");
    let note =
        received.note.as_deref().map(|note| format!(" ({})", escape(note))).unwrap_or_default();
    format!(
        "<tr><td>{}</td><td>{}</td><td><b>{}</b><br>{} {}</td><td><pre>{}</pre></td><td{class}>{status}{note}<pre>{}</pre></td></tr>",
        received.at.strftime("%H:%M:%S"),
        escape(&received.app),
        escape(action),
        escape(&received.method),
        escape(&received.path),
        pretty(&received.body),
        pretty(&received.answer),
    )
}

fn pretty(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        value => escape(&serde_json::to_string_pretty(value).unwrap_or_default()),
    }
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
