//! Commands and their answers: who asked for what, until when, and who has stopped waiting.

use super::{
    Execution,
    data::{View, expression_error},
    frame::{Body, FrameId, Purpose, State, Waiting, Work},
    scope::Scope,
};
use crate::{
    command::{Command, WaitPurpose},
    document::Task,
    duration::Span,
    error::{ErrorKind, WorkflowError},
    event::{Change, Fact},
    expression::Val,
    step::StepId,
};

impl Execution {
    pub(super) fn step(&self, id: FrameId) -> StepId {
        self.frames.get(&id).map_or_else(StepId::root, |frame| frame.step.clone())
    }

    pub(super) fn scope(&self, id: FrameId) -> Scope {
        self.frames.get(&id).map(|frame| frame.scope.clone()).unwrap_or_default()
    }

    pub(super) fn names(&self, id: FrameId, task: &Task) -> (StepId, String, String) {
        (self.step(id), task.name.clone(), task.pointer.clone())
    }

    pub(super) fn note(&mut self, id: FrameId, change: Change) {
        let Some(frame) = self.frames.get(&id) else { return };
        if let Body::Task(task) = &frame.body {
            self.facts.push(Fact {
                step: frame.step.clone(),
                task: task.task.name.clone(),
                pointer: task.task.pointer.clone(),
                at: self.now,
                change,
            });
        }
    }

    /// Evaluates something with what the task sees.
    pub(super) fn in_task<T>(
        &self,
        id: FrameId,
        evaluate: impl FnOnce(&Self, View<'_>) -> Result<T, WorkflowError>,
    ) -> Result<T, WorkflowError> {
        match self.task_frame(id) {
            Some((frame, scope)) => evaluate(self, View::task(frame, scope)),
            None => evaluate(self, View::NONE),
        }
    }

    pub(super) fn enter_state(&mut self, id: FrameId, state: State) {
        if let Some(frame) = self.task_frame_mut(id) {
            frame.state = state;
        }
    }

    pub(super) fn done(&mut self, id: FrameId, output: Val) {
        self.work.push(Work::Done { frame: id, output, flow: None });
    }

    /// When a span from now ends.
    pub(super) fn deadline(
        &self,
        span: &Span,
        input: &Val,
        view: View<'_>,
    ) -> Result<jiff::Timestamp, WorkflowError> {
        let duration = span
            .resolve(&mut |expression| self.evaluate(expression, input, view))
            .map_err(|error| expression_error(&error))?
            .map_err(|message| WorkflowError::new(ErrorKind::Configuration, message))?;
        self.now.checked_add(duration).map_err(|_| {
            WorkflowError::new(ErrorKind::Configuration, "the instant is out of range")
        })
    }

    /// Gives a command and remembers who waits for its answer.
    pub(super) fn ask(&mut self, purpose: Purpose, frame: FrameId, step: StepId, command: Command) {
        self.commands.push(command.clone());
        self.waiting.insert(step, Waiting { frame, purpose, command });
    }

    pub(super) fn wait_for(
        &mut self,
        purpose: Purpose,
        frame: FrameId,
        step: StepId,
        until: jiff::Timestamp,
    ) {
        let (task, pointer) = match self.task_frame(frame) {
            Some((task, _)) => (task.task.name.clone(), task.task.pointer.clone()),
            None => (self.definition.document.name.clone(), String::new()),
        };
        let why = match purpose {
            Purpose::Retry => WaitPurpose::Retry,
            Purpose::Timeout | Purpose::AttemptTimeout => WaitPurpose::Timeout,
            _ => WaitPurpose::Task,
        };
        let command = Command::Wait { step: step.clone(), task, pointer, until, purpose: why };
        self.ask(purpose, frame, step, command);
    }

    /// Nobody waits for this step any more.
    pub(super) fn forget(&mut self, step: &StepId) {
        if let Some(waiting) = self.waiting.remove(step) {
            if matches!(waiting.purpose, Purpose::Call | Purpose::Emit | Purpose::Workflow) {
                self.forgotten.insert(step.clone());
            }
            self.commands.push(Command::Forget { step: step.clone() });
        }
    }

    pub(super) fn drop_timers(&mut self, id: FrameId) {
        let Some(frame) = self.task_frame_mut(id) else { return };
        let mut timers: Vec<StepId> = frame.timer.take().into_iter().collect();
        if let State::Try(trying) = &mut frame.state {
            timers.extend(trying.timer.take());
        }
        for timer in timers {
            self.forget(&timer);
        }
    }
}
