//! Errors on their way up, what catches them, and how a run ends.

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::{
    Execution, Status,
    data::View,
    frame::{Body, Frame, FrameId, Purpose, Role, Work},
};
use crate::{
    command::Command,
    document::{Backoff, Retry},
    duration::Span,
    error::{ErrorKind, WorkflowError},
    event::Change,
    expression::{Val, value},
    step::StepId,
};

impl Execution {
    /// A frame has failed: everything inside it ends, and its parent decides.
    pub(super) fn failed(&mut self, id: FrameId, error: WorkflowError) {
        let Some(frame) = self.frames.get(&id) else { return };
        let error = match &frame.body {
            Body::Task(task) => error.at(&task.task.pointer),
            Body::List(_) => error,
        };
        self.abandon_children(id);
        self.note(id, Change::Faulted { error: error.clone() });
        self.drop_timers(id);
        let Some(Frame { parent, body, .. }) = self.frames.remove(&id) else { return };
        let Some(parent) = parent else {
            return self.fault(error);
        };
        match body {
            Body::Task(_) => self.work.push(Work::Failed { frame: parent, error }),
            Body::List(list) => match list.role {
                Role::Body if self.trying(parent).is_some() => self.catch(parent, error),
                Role::Branch(_) if self.race_goes_on(parent) => {}
                Role::Item(index) => self.fan_item_failed(parent, index, error),
                _ => self.work.push(Work::Failed { frame: parent, error }),
            },
        }
    }

    /// The tasks of a `try` have failed.
    pub(super) fn catch(&mut self, id: FrameId, error: WorkflowError) {
        if let Some(timer) = self.trying_mut(id).and_then(|trying| trying.timer.take()) {
            self.forget(&timer);
        }
        let caught = self.catches(id, &error);
        match caught {
            Ok(true) => {}
            Ok(false) => return self.work.push(Work::Failed { frame: id, error }),
            Err(error) => return self.work.push(Work::Failed { frame: id, error }),
        }
        match self.next_attempt(id, &error) {
            Ok(Next::At { attempt, until }) => {
                let step = self.step(id).attempt(attempt - 1).part("retry");
                self.note_retry(id, attempt, until);
                self.wait_for(Purpose::Retry, id, step, until);
            }
            Ok(Next::Exhausted) => self.handle(id, error, false),
            Ok(Next::None) => self.handle(id, error, true),
            Err(error) => self.work.push(Work::Failed { frame: id, error }),
        }
    }

    fn catches(&self, id: FrameId, error: &WorkflowError) -> Result<bool, WorkflowError> {
        let Some((attempt, _)) = self.trying(id) else { return Ok(false) };
        if let Some(errors) = &attempt.errors {
            let filter = self.in_task(id, |run, view| {
                let input = view.input.cloned().unwrap_or_default();
                run.render_json(errors, &input, view)
            })?;
            if !error.fits(&filter) {
                return Ok(false);
            }
        }
        self.admits(id, error, attempt.when.as_ref(), attempt.except_when.as_ref())
    }

    /// `when` and `exceptWhen` look at the error, as input and as the variable of the `catch`.
    fn admits(
        &self,
        id: FrameId,
        error: &WorkflowError,
        when: Option<&crate::expression::Expression>,
        except: Option<&crate::expression::Expression>,
    ) -> Result<bool, WorkflowError> {
        let (Some((frame, scope)), Some((attempt, _))) = (self.task_frame(id), self.trying(id))
        else {
            return Ok(false);
        };
        let data = error_value(error);
        let scope = scope.with(&attempt.variable, data.clone());
        let view = View::task(frame, &scope);
        let wanted = when.map_or(Ok(true), |when| self.holds(when, &data, view))?;
        let excepted = except.map_or(Ok(false), |except| self.holds(except, &data, view))?;
        Ok(wanted && !excepted)
    }

    fn next_attempt(&self, id: FrameId, error: &WorkflowError) -> Result<Next, WorkflowError> {
        let (Some(retry), Some((_, trying)), Some((frame, _))) =
            (self.retry_of(id), self.trying(id), self.task_frame(id))
        else {
            return Ok(Next::None);
        };
        if !self.admits(id, error, retry.when.as_ref(), retry.except_when.as_ref())? {
            return Ok(Next::Exhausted);
        }
        let made = trying.attempt;
        if retry.count.is_some_and(|count| made > count) {
            return Ok(Next::Exhausted);
        }
        let step = self.step(id).attempt(made).part("retry");
        let delay = self.delay(id, &retry, made, &step)?;
        let until = self.now.checked_add(delay).unwrap_or(Timestamp::MAX);
        if let Some(limit) = &retry.duration {
            let limit = self.span(id, limit)?;
            if until.duration_since(frame.started_at) > limit {
                return Ok(Next::Exhausted);
            }
        }
        Ok(Next::At { attempt: made + 1, until })
    }

    fn delay(
        &self,
        id: FrameId,
        retry: &Retry,
        made: u64,
        step: &StepId,
    ) -> Result<SignedDuration, WorkflowError> {
        let base = match &retry.delay {
            Some(delay) => self.span(id, delay)?,
            None => SignedDuration::ZERO,
        };
        let factor = match retry.backoff {
            Backoff::Constant => 1,
            Backoff::Linear => i32::try_from(made).unwrap_or(i32::MAX),
            Backoff::Exponential => 1_i32 << made.saturating_sub(1).min(30),
        };
        let delay = base.checked_mul(factor).unwrap_or(SignedDuration::MAX);
        let Some((from, to)) = &retry.jitter else { return Ok(delay) };
        let (from, to) = (self.span(id, from)?.as_millis(), self.span(id, to)?.as_millis());
        let width = (to - from).max(0) + 1;
        // Not random: the same step of the same run waits as long in every replay.
        let hash = Sha256::digest(format!("{}/{step}", self.run_id).as_bytes());
        let draw = hash.iter().take(8).fold(0_u64, |sum, byte| (sum << 8) | u64::from(*byte));
        let jitter = from + i128::from(draw) % width;
        let jitter = SignedDuration::from_millis(i64::try_from(jitter).unwrap_or(i64::MAX));
        Ok(delay.saturating_add(jitter))
    }

    fn span(&self, id: FrameId, span: &Span) -> Result<SignedDuration, WorkflowError> {
        self.in_task(id, |run, view| {
            let input = view.input.cloned().unwrap_or_default();
            Ok(run.deadline(span, &input, view)?.duration_since(run.now))
        })
    }

    /// A caught error without another attempt. `settled`: without tasks to handle it, it is swallowed.
    fn handle(&mut self, id: FrameId, error: WorkflowError, settled: bool) {
        let Some((attempt, trying)) = self.trying(id) else { return };
        let (then, attempts) = (attempt.then.clone(), trying.attempt);
        let handler = attempt.handler.clone();
        let scope = self.scope(id).with(&attempt.variable, error_value(&error));
        let input = self.task_frame(id).map(|(frame, _)| frame.input.clone()).unwrap_or_default();
        match handler {
            Some(tasks) => {
                let step = self.step(id).attempt(attempts).part("catch");
                self.child_list(id, step, scope, tasks, Role::Handler, input);
            }
            None if settled || then.is_some() => {
                self.work.push(Work::Done { frame: id, output: input, flow: then });
            }
            None => self.work.push(Work::Failed { frame: id, error }),
        }
    }

    /// A timer of a task, of an attempt or of the workflow has run out.
    pub(super) fn timed_out(&mut self, id: FrameId) {
        let (what, pointer) = match self.task_frame(id) {
            Some((frame, _)) => (format!("task {}", frame.task.name), frame.task.pointer.clone()),
            None => ("the workflow".to_owned(), "/timeout".to_owned()),
        };
        let error = WorkflowError::new(ErrorKind::Timeout, format!("{what} took too long"));
        self.work.push(Work::Failed { frame: id, error: error.at(&pointer) });
    }

    pub(super) fn attempt_timed_out(&mut self, id: FrameId) {
        self.abandon_children(id);
        if let Some(trying) = self.trying_mut(id) {
            trying.timer = None;
        }
        let (name, pointer) = match self.task_frame(id) {
            Some((frame, _)) => (frame.task.name.clone(), frame.task.pointer.clone()),
            None => return,
        };
        let error =
            WorkflowError::new(ErrorKind::Timeout, format!("an attempt of {name} took too long"));
        self.catch(id, error.at(&pointer));
    }

    /// Ends everything inside a frame, and what the frame itself waits for, save its own timers.
    pub(super) fn abandon_children(&mut self, id: FrameId) {
        // Whatever is inside has begun later.
        let younger = self.frames.range(id + 1..).rev().map(|(frame, _)| *frame);
        let inside: Vec<FrameId> = younger.filter(|frame| self.is_inside(*frame, id)).collect();
        for frame in inside {
            self.note(frame, Change::Cancelled);
            self.drop_timers(frame);
            self.forget_of(frame);
            self.frames.remove(&frame);
        }
        self.forget_own(id);
    }

    fn is_inside(&self, frame: FrameId, ancestor: FrameId) -> bool {
        let mut here = self.frames.get(&frame).and_then(|frame| frame.parent);
        while let Some(parent) = here {
            if parent == ancestor {
                return true;
            }
            here = self.frames.get(&parent).and_then(|frame| frame.parent);
        }
        false
    }

    fn forget_of(&mut self, frame: FrameId) {
        let steps: Vec<StepId> = self
            .waiting
            .iter()
            .filter(|(_, waiting)| waiting.frame == frame)
            .map(|(step, _)| step.clone())
            .collect();
        for step in steps {
            self.forget(&step);
        }
    }

    fn forget_own(&mut self, frame: FrameId) {
        let step = self.step(frame);
        let own = [
            step.clone(),
            self.trying(frame)
                .map_or(step.clone(), |(_, trying)| step.attempt(trying.attempt).part("retry")),
        ];
        for step in own {
            if self.waiting.get(&step).is_some_and(|waiting| waiting.frame == frame) {
                self.forget(&step);
            }
        }
    }

    fn abandon_all(&mut self) {
        self.work.clear();
        let all: Vec<FrameId> = self.frames.keys().rev().copied().collect();
        for frame in all {
            self.note(frame, Change::Cancelled);
        }
        self.frames.clear();
        let steps: Vec<StepId> = self.waiting.keys().cloned().collect();
        for step in steps {
            self.forget(&step);
        }
    }

    pub(super) fn complete(&mut self, output: Val) {
        self.abandon_all();
        match self.workflow_output(output) {
            Ok(output) => {
                self.commands.push(Command::Complete { output: output.clone() });
                self.status = Status::Completed { output };
            }
            Err(error) => self.fault(error),
        }
    }

    pub(super) fn fault(&mut self, error: WorkflowError) {
        self.abandon_all();
        self.commands.push(Command::Fault { error: error.clone() });
        self.status = Status::Faulted { error };
    }

    pub(super) fn cancel(&mut self) {
        self.abandon_all();
        self.commands.push(Command::Cancel);
        self.status = Status::Cancelled;
    }
}

enum Next {
    At {
        attempt: u64,
        until: Timestamp,
    },
    /// There is a policy, and it does not allow another.
    Exhausted,
    /// There is no policy.
    None,
}

fn error_value(error: &WorkflowError) -> Val {
    value::from_json(&serde_json::to_value(error).unwrap_or(Value::Null))
}
