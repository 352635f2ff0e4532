//! Tasks that have tasks inside: what follows when one of their lists ends.

use super::{
    Execution,
    frame::{Body, Ending, Frame, FrameId, List, Role, State, Trying, Work},
};
use crate::{
    document::{Kind, Retry, Try},
    event::Change,
    expression::{Val, value},
};

impl Execution {
    pub(super) fn list_ended(&mut self, id: FrameId, output: Val, how: Ending) {
        let Some(Frame { parent, scope, body: Body::List(List { role, .. }), .. }) =
            self.frames.remove(&id)
        else {
            return;
        };
        let Some(parent) = parent else {
            return self.complete(output);
        };
        match role {
            Role::Before => self.before_ended(parent, output, how),
            Role::After => {
                let state = self.task_frame_mut(parent).map(|frame| &mut frame.state);
                if let Some(State::After { output, flow }) = state {
                    let (output, flow) = (output.clone(), flow.clone());
                    self.work.push(Work::Done { frame: parent, output, flow });
                }
            }
            Role::Branch(index) => self.branch_ended(parent, index, output),
            Role::Item(index) => self.fan_item_ended(parent, index, output),
            Role::Handler => {
                let then = self.trying(parent).and_then(|(attempt, _)| attempt.then.clone());
                self.work.push(Work::Done { frame: parent, output, flow: then });
            }
            Role::Body => self.body_ended(parent, output, &scope),
        }
    }

    /// `then: exit` before a task replaces it: what was injected is its output.
    fn before_ended(&mut self, task: FrameId, output: Val, how: Ending) {
        match how {
            Ending::Exit => self.done(task, output),
            Ending::Through => self.work.push(Work::Kind { frame: task }),
        }
    }

    fn body_ended(&mut self, id: FrameId, output: Val, scope: &super::scope::Scope) {
        let Some(frame) = self.task_frame_mut(id) else { return };
        match &mut frame.state {
            State::For { index, data, .. } => {
                *index += 1;
                *data = output;
                self.work.push(Work::Iterate { frame: id });
            }
            State::Listen(_) => self.item_ended(id, output, scope),
            _ => self.done(id, output),
        }
    }

    /// The next item of a `for`, or its end.
    pub(super) fn iterate(&mut self, id: FrameId) {
        let Some((frame, scope)) = self.task_frame(id) else { return };
        let (Kind::For(each), State::For { items, index, data }) = (&frame.task.kind, &frame.state)
        else {
            return;
        };
        let (index, data) = (*index, data.clone());
        let Some(item) = items.get(index).cloned() else {
            return self.done(id, data);
        };
        let position = value::from_json(&index.into());
        let scope = scope.with(&each.each, item).with(&each.at, position);
        let goes_on = match &each.condition {
            Some(condition) => {
                let view = super::data::View::task(frame, &scope);
                self.holds(condition, &data, view)
            }
            None => Ok(true),
        };
        match goes_on {
            Ok(true) => {
                let tasks = each.tasks.clone();
                let step = self.step(id).item(index);
                self.child_list(id, step, scope, tasks, Role::Body, data);
            }
            Ok(false) => self.done(id, data),
            Err(error) => self.work.push(Work::Failed { frame: id, error }),
        }
    }

    pub(super) fn start_branch(&mut self, id: FrameId, index: usize) {
        let Some((frame, scope)) = self.task_frame(id) else { return };
        let Kind::Fork { branches, .. } = &frame.task.kind else { return };
        let Some(task) = branches.get(index).cloned() else { return };
        let (scope, input, step) = (scope.clone(), frame.input.clone(), self.step(id));
        self.child_list(id, step, scope, [task].into(), Role::Branch(index), input);
    }

    fn branch_ended(&mut self, id: FrameId, index: usize, output: Val) {
        let Some(frame) = self.task_frame_mut(id) else { return };
        let Kind::Fork { compete, .. } = frame.task.kind else { return };
        let State::Fork { outputs, open } = &mut frame.state else { return };
        if compete {
            self.abandon_children(id);
            return self.done(id, output);
        }
        outputs[index] = Some(output);
        *open -= 1;
        if *open == 0 {
            let all = std::mem::take(outputs).into_iter().map(Option::unwrap_or_default).collect();
            self.done(id, all);
        }
    }

    /// A branch has failed: a race goes on without it, else the whole task fails. Whether it goes on.
    pub(super) fn race_goes_on(&mut self, id: FrameId) -> bool {
        let Some(frame) = self.task_frame_mut(id) else { return false };
        let Kind::Fork { compete, .. } = frame.task.kind else { return false };
        let State::Fork { open, .. } = &mut frame.state else { return false };
        *open -= 1;
        compete && *open > 0
    }

    pub(super) fn trying(&self, id: FrameId) -> Option<(&Try, &Trying)> {
        let (frame, _) = self.task_frame(id)?;
        match (&frame.task.kind, &frame.state) {
            (Kind::Try(attempt), State::Try(trying)) => Some((attempt, trying)),
            _ => None,
        }
    }

    pub(super) fn trying_mut(&mut self, id: FrameId) -> Option<&mut Trying> {
        match &mut self.task_frame_mut(id)?.state {
            State::Try(trying) => Some(trying),
            _ => None,
        }
    }

    /// Starts the tasks of a `try`, for the first time or again.
    pub(super) fn attempt(&mut self, id: FrameId) {
        let Some((frame, scope)) = self.task_frame(id) else { return };
        let (input, scope) = (frame.input.clone(), scope.clone());
        let Some((attempt, trying)) = self.trying(id) else { return };
        let tasks = attempt.tasks.clone();
        let step = self.step(id).attempt(trying.attempt);
        let limit = attempt.retry.as_ref().and_then(|retry| retry.attempt.clone());
        if let Some(limit) = limit {
            match self.in_task(id, |run, view| run.deadline(&limit, &input, view)) {
                Ok(until) => {
                    let timer = step.part("timeout").part("attempt");
                    self.wait_for(super::frame::Purpose::AttemptTimeout, id, timer.clone(), until);
                    if let Some(trying) = self.trying_mut(id) {
                        trying.timer = Some(timer);
                    }
                }
                Err(error) => return self.work.push(Work::Failed { frame: id, error }),
            }
        }
        self.child_list(id, step, scope, tasks, Role::Body, input);
    }

    /// The delay before the next attempt is over.
    pub(super) fn retry_now(&mut self, id: FrameId) {
        if let Some(trying) = self.trying_mut(id) {
            trying.attempt += 1;
        }
        self.attempt(id);
    }

    pub(super) fn note_retry(&mut self, id: FrameId, attempt: u64, not_before: jiff::Timestamp) {
        self.note(id, Change::Retried { attempt, not_before });
    }

    pub(super) fn retry_of(&self, id: FrameId) -> Option<Retry> {
        self.trying(id).and_then(|(attempt, _)| attempt.retry.clone())
    }
}
