//! Whole runs, with a stand-in that performs what they want at once.

use serde_json::json;

use super::*;
use crate::{command::FunctionCall, event::Change, parse};

/// Performs calls for a test: the answer to a call.
type Answer<'a> = &'a dyn Fn(&StepId, &FunctionCall) -> Result<Value, WorkflowError>;

/// A run that has been played to its end, or to where nothing answers.
struct Played {
    execution: Execution,
    history: Vec<Event>,
    commands: Vec<Command>,
    facts: Vec<Fact>,
}

impl Played {
    fn output(&self) -> Value {
        match self.execution.status() {
            Status::Completed { output } => output.clone(),
            other => panic!("not completed: {other:?}"),
        }
    }

    fn error(&self) -> WorkflowError {
        match self.execution.status() {
            Status::Faulted { error } => error.clone(),
            other => panic!("not faulted: {other:?}"),
        }
    }

    /// Names of the tasks in the order in which they started.
    fn started(&self) -> Vec<&str> {
        let started = self.facts.iter().filter(|fact| fact.change == Change::Started);
        started.map(|fact| fact.task.as_str()).collect()
    }

    fn steps(&self) -> Vec<String> {
        self.commands.iter().filter_map(|command| command.step().map(StepId::to_string)).collect()
    }
}

fn definition(tasks: &str) -> Arc<Definition> {
    let text =
        format!("document: {{dsl: 1.0.3, namespace: test, name: sample, version: 1.0.0}}\n{tasks}");
    Arc::new(parse("sample.yaml", &text).unwrap_or_else(|problems| panic!("{problems}")))
}

fn beginning(input: Value) -> Start {
    Start {
        run_id: "run-1".to_owned(),
        input,
        started_at: "2026-11-24T08:00:00Z".parse().unwrap(),
        secrets: json!({"key": "s3cret"}).as_object().cloned().unwrap(),
        runtime: Runtime {
            name: "callboard".to_owned(),
            version: "0".to_owned(),
            metadata: Map::new(),
        },
    }
}

/// Plays a run; events for `listen` come from `events`, in order, whenever a step waits for one.
fn play_with(tasks: &str, input: Value, answer: Answer<'_>, events: &[Value]) -> Played {
    let (mut execution, first) = Execution::start(definition(tasks), beginning(input));
    let (mut history, mut commands) = (Vec::new(), first);
    let mut facts = execution.take_facts();
    let (mut done, mut heard, mut now) = (0, 0, execution.now);
    let mut timers: Vec<(Timestamp, StepId)> = Vec::new();
    while *execution.status() == Status::Running {
        let event = if let Some(command) = commands.get(done).cloned() {
            done += 1;
            match command {
                Command::Call { step, function, .. } => match answer(&step, &function) {
                    Ok(output) => Event::CallSucceeded { step, output, at: now },
                    Err(error) => Event::CallFailed { step, error, at: now },
                },
                Command::Emit { step, .. } => Event::Emitted { step, at: now },
                Command::RunWorkflow { step, input, .. } => {
                    Event::WorkflowSucceeded { step, output: json!({"ran": input}), at: now }
                }
                Command::Wait { step, until, .. } => {
                    timers.push((until, step));
                    continue;
                }
                Command::Forget { step } => {
                    timers.retain(|(_, timer)| *timer != step);
                    continue;
                }
                _ => continue,
            }
        } else if let Some((step, event)) = events.get(heard).and_then(|event| {
            let mut waiting = execution.waiting.keys();
            waiting.find(|step| execution.consumes(step, event)).map(|step| (step.clone(), event))
        }) {
            heard += 1;
            Event::EventReceived { step, event: event.clone(), at: now }
        } else if let Some(next) = timers.iter().min().cloned() {
            timers.retain(|timer| *timer != next);
            now = now.max(next.0);
            Event::TimerFired { step: next.1, at: now }
        } else {
            break;
        };
        commands.extend(execution.apply(&event).unwrap_or_else(|error| panic!("{error}")));
        facts.extend(execution.take_facts());
        history.push(event);
    }
    Played { execution, history, commands, facts }
}

fn play(tasks: &str, input: Value) -> Played {
    play_with(tasks, input, &|step, function| Ok(json!({"step": step, "call": function})), &[])
}

fn failing(status: i64) -> WorkflowError {
    WorkflowError::communication(status, "Upstream", "it said no")
}

mod data;
mod fan_out;
mod flow;
mod listening;
mod replay;
mod trying;
