//! A run as a fold over its history: `(definition, start, events) → commands`.
//!
//! Running tasks are frames that point to their parents; the data they hold is shared, never copied. One event wakes
//! one frame; then tasks run until every path waits for something or the run has ended. Nothing recurses, so
//! the length of a list or loop costs no stack.

mod asking;
mod calls;
mod control;
mod data;
mod events;
mod fan_out;
mod frame;
mod kinds;
mod listen;
mod outcome;
mod scope;
mod tasks;

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::Arc,
};

use jiff::Timestamp;
use serde_json::{Map, Value};

use crate::{
    command::Command,
    document::Definition,
    error::{ErrorKind, WorkflowError},
    event::{Event, Fact},
    expression::{Val, value},
    step::StepId,
};
use frame::{Frame, FrameId, Waiting, Work};

/// Tasks that may run after one event without waiting for anything; a loop that goes on is ended by a fault.
const MAX_MOVES: usize = 2_000_000;

/// What a run begins with. `Debug` shows no secrets.
#[derive(Clone)]
pub struct Start {
    pub run_id: String,
    /// Before `input.from`. For a run started by events: the array of them.
    pub input: Value,
    pub started_at: Timestamp,
    /// Values for `$secrets`, by name. What an expression puts into a command is in that command.
    pub secrets: Map<String, Value>,
    /// What `$runtime` says.
    pub runtime: Runtime,
}

/// The runtime as a workflow sees it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Runtime {
    pub name: String,
    pub version: String,
    pub metadata: Map<String, Value>,
}

impl fmt::Debug for Start {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let secrets: Vec<&String> = self.secrets.keys().collect();
        out.debug_struct("Start")
            .field("run_id", &self.run_id)
            .field("input", &self.input)
            .field("started_at", &self.started_at)
            .field("secrets", &secrets)
            .field("runtime", &self.runtime)
            .finish()
    }
}

/// Where a run stands.
#[derive(Debug, Clone, PartialEq)]
pub enum Status {
    /// Waits for events.
    Running,
    Completed {
        output: Value,
    },
    Faulted {
        error: WorkflowError,
    },
    Cancelled,
}

/// An event that does not fit the history before it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Inconsistency {
    #[error("the run has ended, {event} for {step} comes too late")]
    Ended { step: String, event: &'static str },
    #[error("no step {step} waits for anything, {event} does not belong to this run")]
    UnknownStep { step: StepId, event: &'static str },
    #[error("the step {step} waits for {awaited}, not for {event}")]
    OtherEvent { step: StepId, awaited: &'static str, event: &'static str },
    #[error("the timer {step} is set for {until}, it cannot fire at {at}")]
    TooEarly { step: StepId, until: Timestamp, at: Timestamp },
}

/// One run of a definition.
pub struct Execution {
    definition: Arc<Definition>,
    run_id: String,
    started_at: Timestamp,
    /// When the last event happened.
    now: Timestamp,
    raw_input: Val,
    context: Val,
    secrets: Val,
    runtime: Val,
    frames: BTreeMap<FrameId, Frame>,
    next_frame: FrameId,
    waiting: BTreeMap<StepId, Waiting>,
    /// Calls that nobody waits for any more and that may still be answered.
    forgotten: BTreeSet<StepId>,
    work: Vec<Work>,
    commands: Vec<Command>,
    facts: Vec<Fact>,
    status: Status,
}

impl Execution {
    /// Begins a run; the commands are its first wishes.
    pub fn start(definition: Arc<Definition>, start: Start) -> (Self, Vec<Command>) {
        let runtime = value::object([
            ("name", value::text(&start.runtime.name)),
            ("version", value::text(&start.runtime.version)),
            ("metadata", value::from_json(&Value::Object(start.runtime.metadata))),
        ]);
        let mut execution = Self {
            definition,
            run_id: start.run_id,
            started_at: start.started_at,
            now: start.started_at,
            raw_input: value::from_json(&start.input),
            context: value::object([]),
            secrets: value::from_json(&Value::Object(start.secrets)),
            runtime,
            frames: BTreeMap::new(),
            next_frame: 0,
            waiting: BTreeMap::new(),
            forgotten: BTreeSet::new(),
            work: Vec::new(),
            commands: Vec::new(),
            facts: Vec::new(),
            status: Status::Running,
        };
        let missing = execution.missing_secret();
        match missing.map_or_else(|| execution.workflow_input(), Err) {
            Ok(input) => {
                execution.begin(&input);
                execution.proceed();
            }
            Err(error) => execution.fault(error),
        }
        let commands = std::mem::take(&mut execution.commands);
        (execution, commands)
    }

    /// Takes the next event of the history and gives the wishes that follow from it. On an inconsistency nothing
    /// has changed.
    pub fn apply(&mut self, event: &Event) -> Result<Vec<Command>, Inconsistency> {
        self.receive(event)?;
        self.proceed();
        Ok(std::mem::take(&mut self.commands))
    }

    pub fn status(&self) -> &Status {
        &self.status
    }

    pub fn definition(&self) -> &Arc<Definition> {
        &self.definition
    }

    /// Every command that has not been answered yet, by step: what is to be done after a restart.
    pub fn pending(&self) -> impl Iterator<Item = &Command> {
        self.waiting.values().map(|waiting| &waiting.command)
    }

    /// Whether the step waits for an event like this one. Pure: ask before storing an `EventReceived`.
    pub fn consumes(&self, step: &StepId, event: &Value) -> bool {
        self.would_consume(step, event)
    }

    /// What has happened to tasks since the last time this was asked, in order.
    pub fn take_facts(&mut self) -> Vec<Fact> {
        std::mem::take(&mut self.facts)
    }

    /// The workflow's context (`$context`).
    pub fn context(&self) -> Value {
        value::to_json(&self.context).unwrap_or_default()
    }

    /// Works until everything waits or has ended.
    fn proceed(&mut self) {
        let mut moves = 0;
        while let Some(work) = self.work.pop() {
            moves += 1;
            if moves > MAX_MOVES {
                let detail =
                    format!("more than {MAX_MOVES} steps ran without waiting; is there a loop?");
                return self.fault(WorkflowError::new(ErrorKind::Runtime, detail));
            }
            self.perform(work);
        }
    }

    fn perform(&mut self, work: Work) {
        match work {
            Work::Task { sequence, index, raw } => self.start_task(sequence, index, raw),
            Work::Kind { frame } => self.perform_kind(frame),
            Work::Done { frame, output, flow } => self.finish_task(frame, output, flow),
            Work::ListEnded { frame, output, how } => self.list_ended(frame, output, how),
            Work::Failed { frame, error } => self.failed(frame, error),
            Work::Iterate { frame } => self.iterate(frame),
            Work::Fan { frame } => self.fan(frame),
            Work::Branch { frame, index } => self.start_branch(frame, index),
            Work::Consume { frame } => self.consume_next(frame),
        }
    }
}

impl fmt::Debug for Execution {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Execution")
            .field("run_id", &self.run_id)
            .field("status", &self.status)
            .field("waiting", &self.waiting.keys().collect::<Vec<_>>())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
