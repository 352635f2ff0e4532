//! What a run went through, as the lifecycle events of the workflow language. Derived from the journal, never stored:
//! the same journal gives the same events with the same numbers.

mod announced;
mod feed;

use callboard_flow::Definition;
use serde_json::{Value, json};

use crate::ids::RunId;
use crate::journal::{Entry, Fact};
use crate::sealing::masked;

const TYPES: &str = "io.serverlessworkflow";

/// Whether an event is one of these: only who asks for its very type hears it.
pub(crate) fn is_lifecycle(event: &Value) -> bool {
    let text = |name: &str| event.get(name).and_then(Value::as_str).unwrap_or_default();
    text("source").starts_with("/runs/")
        && text("type").strip_prefix(TYPES).is_some_and(|rest| rest.starts_with('.'))
}

/// The event of an entry that is about the run as a whole, `seq` in its journal.
fn of_the_run(run: &RunId, definition: &Definition, seq: i64, entry: &Entry) -> Option<Value> {
    let (change, at) = match &entry.fact {
        Fact::Started { .. } => ("started", "startedAt"),
        Fact::Paused { .. } => ("suspended", "suspendedAt"),
        Fact::Resumed { .. } => ("resumed", "resumedAt"),
        Fact::Completed { .. } => ("completed", "completedAt"),
        Fact::Faulted { .. } => ("faulted", "faultedAt"),
        Fact::Cancelled { .. } => ("cancelled", "cancelledAt"),
        _ => return None,
    };
    let document = &definition.document;
    let mut data = json!({
        "name": run.as_str(),
        "definition": {
            "namespace": document.namespace, "name": document.name, "version": document.version,
        },
    });
    data[at] = entry.at.to_string().into();
    match &entry.fact {
        Fact::Completed { output } => data["output"] = masked(output),
        Fact::Faulted { error } => data["error"] = json!(error),
        _ => {}
    }
    Some(json!({
        "specversion": "1.0",
        "id": format!("{run}/{seq}"),
        "source": format!("/runs/{run}"),
        "type": format!("{TYPES}.workflow.{change}.v1"),
        "subject": format!("workflow/{}", document.name),
        "time": entry.at.to_string(),
        "datacontenttype": "application/json",
        "data": data,
    }))
}
