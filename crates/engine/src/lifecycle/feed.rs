//! The lifecycle events of one run, page by page: the journal is followed only as far as the page reaches.

use std::sync::Arc;

use callboard_flow::{Change, Definition, Fact as TaskFact};
use serde_json::{Value, json};

use super::{TYPES, of_the_run};
use crate::engine::Engine;
use crate::fold::RunState;
use crate::history::Pages;
use crate::ids::RunId;
use crate::journal::Entry;
use crate::look::{LookError, ReplayError};

impl Engine {
    /// The lifecycle events of a run as `CloudEvents`, oldest first, those after so many, and whether more follow;
    /// `sequence` numbers them from 1.
    pub async fn lifecycle(
        &self,
        run: &RunId,
        after: usize,
        limit: usize,
    ) -> Result<(Vec<Value>, bool), ReplayError> {
        let record = self.record(run).await?;
        let definition = self.shared.library.by_hash(&record.workflow_hash).await;
        let definition = definition.map_err(LookError::from)?;
        let mut feed =
            Feed { run, definition: &definition, after, limit, passed: 0, events: Vec::new() };
        let (store, mut pages) = (self.shared.journal.store(), Pages::of(run));
        let mut entries = pages.next(store).await.map_err(LookError::from)?;
        let mut state = RunState::begin(run, Arc::clone(&definition), entries.first(), true)?;
        let mut seq = 1;
        while !entries.is_empty() && !feed.is_full() {
            for entry in &entries {
                if seq > 1 {
                    state.absorb(entry)?;
                    feed.tasks(state.take_trace());
                    feed.run(seq, entry);
                } else {
                    feed.run(seq, entry);
                    feed.tasks(state.take_trace());
                }
                seq += 1;
            }
            state.take_dropped();
            entries = pages.next(store).await.map_err(LookError::from)?;
        }
        let more = feed.is_full();
        feed.events.truncate(limit);
        Ok((feed.events, more))
    }
}

struct Feed<'a> {
    run: &'a RunId,
    definition: &'a Definition,
    after: usize,
    limit: usize,
    passed: usize,
    events: Vec<Value>,
}

impl Feed<'_> {
    /// One more than wanted is there, so that it is known that more follow.
    fn is_full(&self) -> bool {
        self.events.len() > self.limit
    }

    fn run(&mut self, seq: i64, entry: &Entry) {
        if let Some(event) = of_the_run(self.run, self.definition, seq, entry) {
            self.add(|_| event);
        }
    }

    fn tasks(&mut self, facts: Vec<TaskFact>) {
        for fact in facts {
            self.task(&fact);
        }
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
        let run = self.run;
        let mut data = json!({
            "workflow": run.as_str(), "task": fact.pointer, "name": fact.task, "step": fact.step,
        });
        data[at] = fact.at.to_string().into();
        if let Change::Faulted { error } = &fact.change {
            data["error"] = json!(error);
        }
        self.add(|sequence| {
            json!({
                "specversion": "1.0",
                "id": format!("{run}:{sequence}"),
                "source": format!("/runs/{run}"),
                "type": format!("{TYPES}.task.{change}.v1"),
                "time": fact.at.to_string(),
                "datacontenttype": "application/json",
                "data": data,
            })
        });
    }

    fn add(&mut self, event: impl FnOnce(usize) -> Value) {
        self.passed += 1;
        if self.passed <= self.after || self.is_full() {
            return;
        }
        let mut event = event(self.passed);
        event["sequence"] = self.passed.into();
        self.events.push(event);
    }
}
