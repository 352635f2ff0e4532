//! What a run went through, as the lifecycle events of the workflow language. Derived from the journal, never stored:
//! the same journal gives the same events with the same numbers.

use callboard_flow::{Change, Definition, Fact as TaskFact};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::engine::Engine;
use crate::ids::RunId;
use crate::journal::{Entry, Fact};
use crate::look::{LookError, ReplayError};
use crate::sealing::masked;

const TYPES: &str = "io.serverlessworkflow";

impl Engine {
    /// The lifecycle events of a run as `CloudEvents`, oldest first; `sequence` numbers them from 1.
    pub async fn lifecycle(&self, run: &RunId) -> Result<Vec<Value>, ReplayError> {
        let tasks = self.replay(run).await?;
        let entries = self.history(run).await?;
        let hash = entries.first().and_then(|entry| match &entry.fact {
            Fact::Started { hash, .. } => Some(hash.clone()),
            _ => None,
        });
        let definition = self.shared.library.by_hash(&hash.unwrap_or_default()).await;
        let definition = definition.map_err(LookError::from)?;
        let mut feed = Feed { run, definition: &definition, events: Vec::new() };
        let (first, last) = (entries.first(), entries.last());
        if let Some(entry) = first {
            feed.run(entry);
        }
        for task in &tasks {
            feed.task(task);
        }
        // The only entry is the beginning.
        if let Some(entry) = last.filter(|_| entries.len() > 1) {
            feed.run(entry);
        }
        Ok(feed.events)
    }
}

struct Feed<'a> {
    run: &'a RunId,
    definition: &'a Definition,
    events: Vec<Value>,
}

impl Feed<'_> {
    fn run(&mut self, entry: &Entry) {
        let (change, at) = match &entry.fact {
            Fact::Started { .. } => ("started", "startedAt"),
            Fact::Completed { .. } => ("completed", "completedAt"),
            Fact::Faulted { .. } => ("faulted", "faultedAt"),
            Fact::Cancelled { .. } => ("cancelled", "cancelledAt"),
            _ => return,
        };
        let document = &self.definition.document;
        let mut data = json!({
            "name": self.run.as_str(),
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
        self.add("workflow", change, entry.at, &data);
    }

    fn task(&mut self, fact: &TaskFact) {
        let (change, at) = match &fact.change {
            Change::Started => ("started", "startedAt"),
            Change::Completed => ("completed", "completedAt"),
            Change::Faulted { .. } => ("faulted", "faultedAt"),
            Change::Cancelled => ("cancelled", "cancelledAt"),
            Change::Retried { .. } => ("retried", "retriedAt"),
            // The language has no event for a task that is passed by.
            Change::Skipped => return,
        };
        let mut data = json!({
            "workflow": self.run.as_str(), "task": fact.pointer, "name": fact.task, "step": fact.step,
        });
        data[at] = fact.at.to_string().into();
        if let Change::Faulted { error } = &fact.change {
            data["error"] = json!(error);
        }
        self.add("task", change, fact.at, &data);
    }

    fn add(&mut self, what: &str, change: &str, at: Timestamp, data: &Value) {
        let sequence = self.events.len() + 1;
        self.events.push(json!({
            "specversion": "1.0",
            "id": format!("{}:{sequence}", self.run),
            "source": format!("/runs/{}", self.run),
            "type": format!("{TYPES}.{what}.{change}.v1"),
            "time": at.to_string(),
            "sequence": sequence,
            "datacontenttype": "application/json",
            "data": data,
        }));
    }
}
