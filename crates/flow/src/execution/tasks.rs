//! The life of a task: begins in a list, does what it is about, ends with an output or an error.

use std::collections::BTreeMap;

use super::{
    Execution,
    data::View,
    frame::{Body, Ending, Frame, FrameId, List, Purpose, Role, State, TaskFrame, Work},
    scope::Scope,
};
use crate::{
    document::{Flow, TaskList},
    error::{ErrorKind, WorkflowError},
    event::Change,
    expression::Val,
    step::StepId,
};

impl Execution {
    /// The workflow's own list begins.
    pub(super) fn begin(&mut self, input: &Val) {
        let step = StepId::root();
        let tasks = self.definition.tasks.clone();
        let root =
            self.list(None, step.clone(), Scope::default(), tasks, Role::Body, true, input.clone());
        if let Some(timeout) = self.definition.clone().timeout.as_ref() {
            match self.deadline(timeout, input, View::NONE) {
                Ok(until) => self.wait_for(Purpose::Timeout, root, step.part("timeout"), until),
                Err(error) => self.fault(error.at("/timeout")),
            }
        }
    }

    /// Puts a list under way; an empty one ends at once.
    #[expect(clippy::too_many_arguments, reason = "the parts of a frame, each named by its type")]
    pub(super) fn list(
        &mut self,
        parent: Option<FrameId>,
        step: StepId,
        scope: Scope,
        tasks: TaskList,
        role: Role,
        extended: bool,
        raw: Val,
    ) -> FrameId {
        let empty = tasks.is_empty();
        let list = List { tasks, role, current: 0, visits: BTreeMap::new(), extended };
        let id = self.push(Frame { parent, step, scope, body: Body::List(list) });
        self.work.push(if empty {
            Work::ListEnded { frame: id, output: raw, how: Ending::Through }
        } else {
            Work::Task { sequence: id, index: 0, raw }
        });
        id
    }

    /// A list inside a task, with the task's scope and more.
    pub(super) fn child_list(
        &mut self,
        task: FrameId,
        step: StepId,
        scope: Scope,
        tasks: TaskList,
        role: Role,
        raw: Val,
    ) {
        let extended = !matches!(role, Role::Before | Role::After) && self.extends(task);
        self.list(Some(task), step, scope, tasks, role, extended, raw);
    }

    fn push(&mut self, frame: Frame) -> FrameId {
        let id = self.next_frame;
        self.next_frame += 1;
        self.frames.insert(id, frame);
        id
    }

    /// Whether extensions apply inside a task: where they apply to the list it stands in.
    fn extends(&self, task: FrameId) -> bool {
        let parent = self.frames.get(&task).and_then(|frame| frame.parent);
        match parent.and_then(|parent| self.frames.get(&parent)).map(|frame| &frame.body) {
            Some(Body::List(list)) => list.extended,
            _ => true,
        }
    }

    pub(super) fn start_task(&mut self, sequence: FrameId, index: usize, raw: Val) {
        let Some(Frame { step, scope, body: Body::List(list), .. }) =
            self.frames.get_mut(&sequence)
        else {
            return;
        };
        let Some(task) = list.tasks.get(index).cloned() else { return };
        list.current = index;
        let visit = list.visits.entry(task.name.clone()).or_insert(0);
        *visit += 1;
        let (step, scope) = (step.task(&task.name, *visit), scope.clone());
        let frame = TaskFrame {
            task,
            input: raw.clone(),
            raw,
            started_at: self.now,
            state: State::Plain,
            extensions: Vec::new(),
            extensions_before: 0,
            extensions_after: 0,
            timer: None,
        };
        let id = self.push(Frame {
            parent: Some(sequence),
            step,
            scope,
            body: Body::Task(Box::new(frame)),
        });
        match self.task_input(id) {
            Ok(true) => self.enter(id),
            Ok(false) => {
                self.note(id, Change::Skipped);
                self.skip(id);
            }
            Err(error) => {
                self.note(id, Change::Started);
                self.work.push(Work::Failed { frame: id, error });
            }
        }
    }

    /// The task takes part: its timer starts, its extensions are chosen.
    fn enter(&mut self, id: FrameId) {
        self.note(id, Change::Started);
        let Some((frame, scope)) = self.task_frame(id) else { return };
        let (task, view) = (frame.task.clone(), View::task(frame, scope));
        let deadline = task.timeout.as_ref().map(|span| self.deadline(span, &frame.input, view));
        let extensions = if self.extends(id) { self.extensions(id) } else { Ok(Vec::new()) };
        match deadline.transpose().and_then(|deadline| Ok((deadline, extensions?))) {
            Ok((deadline, extensions)) => {
                if let Some(frame) = self.task_frame_mut(id) {
                    frame.extensions = extensions;
                }
                if let Some(until) = deadline {
                    let timer = self.step(id).part("timeout");
                    self.wait_for(Purpose::Timeout, id, timer.clone(), until);
                    if let Some(frame) = self.task_frame_mut(id) {
                        frame.timer = Some(timer);
                    }
                }
                self.work.push(Work::Kind { frame: id });
            }
            Err(error) => self.work.push(Work::Failed { frame: id, error }),
        }
    }

    /// The extensions of the definition that apply to a task.
    fn extensions(&self, id: FrameId) -> Result<Vec<usize>, WorkflowError> {
        let Some((frame, scope)) = self.task_frame(id) else { return Ok(Vec::new()) };
        let mut chosen = Vec::new();
        for (index, extension) in self.definition.extensions.iter().enumerate() {
            if extension.extend != "all" && extension.extend != frame.task.kind.word() {
                continue;
            }
            let applies = match &extension.when {
                Some(when) => self.holds(when, &frame.input, View::task(frame, scope))?,
                None => true,
            };
            if applies {
                chosen.push(index);
            }
        }
        Ok(chosen)
    }

    /// A condition said no: the task's raw input passes it by.
    fn skip(&mut self, id: FrameId) {
        if let Some(frame) = self.frames.remove(&id)
            && let (Some(list), Body::Task(task)) = (frame.parent, frame.body)
        {
            self.next_in_list(list, task.raw, &Flow::Continue);
        }
    }

    pub(super) fn finish_task(&mut self, id: FrameId, output: Val, flow: Option<Flow>) {
        let Some(frame) = self.task_frame_mut(id) else { return };
        if let Some(&extension) = frame.extensions.get(frame.extensions_after) {
            frame.extensions_after += 1;
            frame.state = State::After { output: output.clone(), flow: flow.clone() };
            let definition = self.definition.clone();
            let chosen = &definition.extensions[extension];
            if let Some(tasks) = &chosen.after {
                let step = self.step(id).part("after").task(&chosen.name, 1);
                let scope = self.scope(id);
                self.child_list(id, step, scope, tasks.clone(), Role::After, output);
            } else {
                self.work.push(Work::Done { frame: id, output, flow });
            }
            return;
        }
        let task = frame.task.clone();
        match self.task_output(id, output) {
            Ok(output) => {
                self.note(id, Change::Completed);
                self.drop_timers(id);
                let Some(frame) = self.frames.remove(&id) else { return };
                let Some(list) = frame.parent else { return };
                let flow = flow.or_else(|| task.then.clone()).unwrap_or(Flow::Continue);
                self.next_in_list(list, output, &flow);
            }
            Err(error) => self.work.push(Work::Failed { frame: id, error }),
        }
    }

    /// A task of the list has ended; where the flow goes.
    fn next_in_list(&mut self, id: FrameId, output: Val, flow: &Flow) {
        let Some(Frame { body: Body::List(list), .. }) = self.frames.get(&id) else { return };
        let next = match flow {
            Flow::End => return self.end_here(id, output),
            Flow::Exit => {
                return self.work.push(Work::ListEnded { frame: id, output, how: Ending::Exit });
            }
            Flow::Continue => list.current + 1,
            Flow::To(name) => {
                let Some(index) = list.tasks.iter().position(|task| task.name == *name) else {
                    let detail =
                        format!("\"then\" names {name}, which is no task of the same list");
                    let error = WorkflowError::new(ErrorKind::Configuration, detail);
                    let error = error.at(&list.tasks[list.current].pointer);
                    return self.work.push(Work::Failed { frame: id, error });
                };
                index
            }
        };
        self.work.push(if next < list.tasks.len() {
            Work::Task { sequence: id, index: next, raw: output }
        } else {
            Work::ListEnded { frame: id, output, how: Ending::Through }
        });
    }

    /// `then: end`: the tasks around it end with it; what runs beside it is abandoned.
    fn end_here(&mut self, list: FrameId, output: Val) {
        let mut here = Some(list);
        while let Some(id) = here {
            self.note(id, Change::Completed);
            here = self.frames.remove(&id).and_then(|frame| frame.parent);
        }
        self.complete(output);
    }
}
