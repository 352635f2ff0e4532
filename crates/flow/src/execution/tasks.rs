//! The life of a task: begins in a list, does what it is about, ends with an output or an error.

use std::{collections::BTreeMap, sync::Arc};

use serde_json::Value;

use super::{
    Execution,
    data::{View, expression_error, json},
    frame::{Body, Ending, Frame, FrameId, List, Purpose, Role, State, TaskFrame, Trying, Work},
    scope::Scope,
};
use crate::{
    command::{Command, WaitPurpose},
    document::{Call, Flow, Kind, RunWorkflow, Task, TaskList},
    duration::Span,
    error::{ErrorKind, WorkflowError},
    event::{Change, Fact},
    expression::{Val, value},
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

    pub(super) fn step(&self, id: FrameId) -> StepId {
        self.frames.get(&id).map_or_else(StepId::root, |frame| frame.step.clone())
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

    /// Does what the task is about, after what extensions put before it.
    pub(super) fn perform_kind(&mut self, id: FrameId) {
        let Some(frame) = self.task_frame_mut(id) else { return };
        if let Some(&extension) = frame.extensions.get(frame.extensions_before) {
            frame.extensions_before += 1;
            let (input, definition) = (frame.input.clone(), self.definition.clone());
            let chosen = &definition.extensions[extension];
            self.work.push(Work::Kind { frame: id });
            if let Some(tasks) = &chosen.before {
                self.work.pop();
                let step = self.step(id).part("before").task(&chosen.name, 1);
                let scope = self.scope(id);
                self.child_list(id, step, scope, tasks.clone(), Role::Before, input);
            }
            return;
        }
        let (task, input) = (frame.task.clone(), frame.input.clone());
        if let Err(error) = self.dispatch(id, &task, input) {
            self.work.push(Work::Failed { frame: id, error });
        }
    }

    pub(super) fn scope(&self, id: FrameId) -> Scope {
        self.frames.get(&id).map(|frame| frame.scope.clone()).unwrap_or_default()
    }

    fn dispatch(&mut self, id: FrameId, task: &Arc<Task>, input: Val) -> Result<(), WorkflowError> {
        match &task.kind {
            Kind::Call(Call::Reusable { name, arguments }) => {
                let arguments = match arguments {
                    Some(template) => {
                        self.in_task(id, |run, view| run.render(template, &input, view))?
                    }
                    None => value::object([]),
                };
                let Some(function) = self.definition.functions.get(name).cloned() else {
                    let detail = format!("there is no function {name}");
                    return Err(WorkflowError::new(ErrorKind::Configuration, detail));
                };
                let step = self.step(id).part("function");
                self.child_list(
                    id,
                    step,
                    Scope::default(),
                    [function].into(),
                    Role::Body,
                    arguments,
                );
            }
            Kind::Call(call) => {
                let function =
                    self.in_task(id, |run, view| run.function_call(call, &input, view))?;
                let (step, task, pointer) = self.names(id, task);
                let command = Command::Call { step: step.clone(), task, pointer, function };
                self.ask(Purpose::Call, id, step, command);
            }
            Kind::Do(tasks) => {
                let (step, scope) = (self.step(id), self.scope(id));
                self.child_list(id, step, scope, tasks.clone(), Role::Body, input);
            }
            Kind::Set(template) => {
                let output = self.in_task(id, |run, view| run.render(template, &input, view))?;
                self.done(id, output);
            }
            Kind::Switch(cases) => {
                let mut chosen = None;
                for case in cases {
                    let Some(when) = &case.when else { continue };
                    if self.in_task(id, |run, view| run.holds(when, &input, view))? {
                        chosen = Some(case);
                        break;
                    }
                }
                let chosen = chosen.or_else(|| cases.iter().find(|case| case.when.is_none()));
                let flow = chosen.map(|case| case.then.clone());
                self.work.push(Work::Done { frame: id, output: input, flow });
            }
            Kind::Raise(template) => {
                let error =
                    self.in_task(id, |run, view| run.render_json(template, &input, view))?;
                return Err(raised(&error));
            }
            Kind::Wait(span) => {
                let until = self.in_task(id, |run, view| run.deadline(span, &input, view))?;
                let step = self.step(id);
                self.wait_for(Purpose::Pause, id, step, until);
            }
            Kind::For(each) => {
                let items = self.in_task(id, |run, view| run.render(&each.items, &input, view))?;
                let Some(items) = value::items(&items) else {
                    let detail = "\"for\" needs an array in \"in\"";
                    return Err(WorkflowError::new(ErrorKind::Expression, detail));
                };
                self.enter_state(id, State::For { items, index: 0, data: input });
                self.work.push(Work::Iterate { frame: id });
            }
            Kind::Fork { branches, .. } => {
                let state =
                    State::Fork { outputs: vec![None; branches.len()], open: branches.len() };
                self.enter_state(id, state);
                if branches.is_empty() {
                    self.done(id, input);
                }
                for index in (0..branches.len()).rev() {
                    self.work.push(Work::Branch { frame: id, index });
                }
            }
            Kind::Try(_) => {
                let trying = Trying { attempt: 1, timer: None, handling: false };
                self.enter_state(id, State::Try(trying));
                self.attempt(id);
            }
            Kind::Emit(template) => {
                let event =
                    self.in_task(id, |run, view| run.render_json(template, &input, view))?;
                self.emit(id, task, event);
            }
            Kind::Listen(listen) => self.listen(id, task, listen)?,
            Kind::Run(run) => self.run_workflow(id, task, run, &input)?,
            Kind::Unsupported(sentence) => {
                return Err(WorkflowError::new(ErrorKind::Configuration, sentence));
            }
        }
        Ok(())
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

    pub(super) fn names(&self, id: FrameId, task: &Task) -> (StepId, String, String) {
        (self.step(id), task.name.clone(), task.pointer.clone())
    }

    fn run_workflow(
        &mut self,
        id: FrameId,
        task: &Task,
        run: &RunWorkflow,
        input: &Val,
    ) -> Result<(), WorkflowError> {
        let input = match &run.input {
            Some(template) => {
                self.in_task(id, |run, view| run.render_json(template, input, view))?
            }
            None => json(input)?,
        };
        let (step, task, pointer) = self.names(id, task);
        let command = Command::RunWorkflow {
            step: step.clone(),
            task,
            pointer,
            namespace: run.namespace.clone(),
            name: run.name.clone(),
            version: run.version.clone(),
            input,
            awaits: run.awaits,
        };
        self.ask(Purpose::Workflow, id, step, command);
        Ok(())
    }

    /// Gives a command and remembers who waits for its answer.
    pub(super) fn ask(&mut self, purpose: Purpose, frame: FrameId, step: StepId, command: Command) {
        self.commands.push(command.clone());
        self.waiting.insert(step, super::frame::Waiting { frame, purpose, command });
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

    /// A task of the list has ended; where the flow goes.
    fn next_in_list(&mut self, id: FrameId, output: Val, flow: &Flow) {
        let Some(Frame { body: Body::List(list), .. }) = self.frames.get(&id) else { return };
        let next = match flow {
            Flow::End => return self.complete(output),
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
}

/// The error that a `raise` describes.
fn raised(source: &Value) -> WorkflowError {
    let text = |key: &str| source[key].as_str().map(str::to_owned);
    let Some(kind) = text("type") else {
        return WorkflowError::new(ErrorKind::Configuration, "the error raised has no type");
    };
    WorkflowError {
        kind,
        status: source["status"].as_i64().unwrap_or(500),
        title: text("title"),
        detail: text("detail"),
        instance: text("instance"),
    }
}
