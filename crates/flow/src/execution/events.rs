//! Which event belongs to which frame.

use serde_json::Value;

use super::{
    Execution, Inconsistency, Status,
    frame::{FrameId, Purpose, State, Work},
};
use crate::{
    command::Command,
    document::{Kind, Task},
    error::WorkflowError,
    event::Event,
    expression::value,
};

impl Execution {
    /// Wakes the frame that waits for the event.
    pub(super) fn receive(&mut self, event: &Event) -> Result<(), Inconsistency> {
        let word = event.word();
        let Some(step) = event.step() else {
            if self.status != Status::Running {
                return Err(Inconsistency::Ended { step: "the run".to_owned(), event: word });
            }
            self.now = self.now.max(event.at());
            self.cancel();
            return Ok(());
        };
        let Some(waiting) = self.waiting.get(step) else {
            // The late answer to a call that a race or timeout has made pointless.
            let is_answer =
                !matches!(event, Event::TimerFired { .. } | Event::EventReceived { .. });
            if is_answer && self.forgotten.remove(step) {
                return Ok(());
            }
            return Err(if self.status == Status::Running {
                Inconsistency::UnknownStep { step: step.clone(), event: word }
            } else {
                Inconsistency::Ended { step: step.to_string(), event: word }
            });
        };
        let (frame, purpose) = (waiting.frame, waiting.purpose);
        if purpose.awaits() != expected(event) {
            let awaited = purpose.awaits();
            return Err(Inconsistency::OtherEvent { step: step.clone(), awaited, event: word });
        }
        if let (Event::TimerFired { at, .. }, Command::Wait { until, .. }) =
            (event, &waiting.command)
            && at < until
        {
            return Err(Inconsistency::TooEarly { step: step.clone(), until: *until, at: *at });
        }
        self.now = self.now.max(event.at());
        if purpose != Purpose::Listen {
            self.waiting.remove(step);
        }
        self.wake(frame, purpose, event);
        Ok(())
    }

    fn wake(&mut self, frame: FrameId, purpose: Purpose, event: &Event) {
        match event {
            Event::CallSucceeded { output, .. } => self.done(frame, value::from_json(output)),
            Event::WorkflowSucceeded { output, .. } => self.workflow_ended(frame, output),
            Event::CallFailed { error, .. } | Event::WorkflowFailed { error, .. } => {
                let error = WorkflowError { instance: None, ..error.clone() };
                self.work.push(Work::Failed { frame, error });
            }
            Event::TimerFired { .. } => match purpose {
                Purpose::Timeout => self.timed_out(frame),
                Purpose::AttemptTimeout => self.attempt_timed_out(frame),
                Purpose::Retry => self.retry_now(frame),
                _ => self.pause_over(frame),
            },
            Event::Emitted { .. } => {
                if let Some((task, _)) = self.task_frame(frame)
                    && let State::Emit { event } = &task.state
                {
                    let event = event.clone();
                    self.done(frame, event);
                }
            }
            Event::EventReceived { event, .. } => self.consume(frame, event),
            Event::Cancelled { .. } => self.cancel(),
        }
    }

    fn workflow_ended(&mut self, frame: FrameId, output: &Value) {
        let Some((task, _)) = self.task_frame(frame) else { return };
        let awaited = matches!(&task.task.kind, Kind::Run(run) if run.awaits);
        let output = if awaited { value::from_json(output) } else { task.input.clone() };
        self.done(frame, output);
    }

    fn pause_over(&mut self, frame: FrameId) {
        if let Some((task, _)) = self.task_frame(frame) {
            let input = task.input.clone();
            self.done(frame, input);
        }
    }

    /// A `CloudEvent`, completed with what the task leaves out.
    pub(super) fn emit(&mut self, frame: FrameId, task: &Task, given: Value) {
        let (step, name, pointer) = self.names(frame, task);
        let document = &self.definition.document;
        let mut event = serde_json::Map::new();
        event.insert("specversion".to_owned(), "1.0".into());
        event.insert("id".to_owned(), format!("{}:{step}", self.run_id).into());
        event.insert("time".to_owned(), self.now.to_string().into());
        event.insert(
            "source".to_owned(),
            format!("/{}/{}", document.namespace, document.name).into(),
        );
        if given.get("data").is_some() {
            event.insert("datacontenttype".to_owned(), "application/json".into());
        }
        if let Value::Object(given) = given {
            event.extend(given);
        }
        let event = Value::Object(event);
        self.enter_state(frame, State::Emit { event: value::from_json(&event) });
        let command = Command::Emit { step: step.clone(), task: name, pointer, event };
        self.ask(Purpose::Emit, frame, step, command);
    }
}

fn expected(event: &Event) -> &'static str {
    match event {
        Event::CallSucceeded { .. } | Event::CallFailed { .. } => Purpose::Call.awaits(),
        Event::TimerFired { .. } => Purpose::Pause.awaits(),
        Event::Emitted { .. } => Purpose::Emit.awaits(),
        Event::EventReceived { .. } => Purpose::Listen.awaits(),
        Event::WorkflowSucceeded { .. } | Event::WorkflowFailed { .. } => {
            Purpose::Workflow.awaits()
        }
        Event::Cancelled { .. } => "",
    }
}
