//! What each kind of task does when its turn has come.

use std::sync::Arc;

use serde_json::Value;

use super::{
    Execution,
    data::json,
    frame::{FrameId, Purpose, Role, State, Trying, Work},
    scope::Scope,
};
use crate::{
    command::Command,
    document::{Call, For, Kind, RunWorkflow, Task},
    error::{ErrorKind, WorkflowError},
    expression::{Val, value},
};

impl Execution {
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
                self.loop_over(id, each, &items, input)?;
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
                let trying = Trying { attempt: 1, timer: None };
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

    fn loop_over(
        &mut self,
        id: FrameId,
        each: &For,
        items: &Val,
        input: Val,
    ) -> Result<(), WorkflowError> {
        let Some(items) = value::items(items) else {
            let detail = "\"for\" needs an array in \"in\"";
            return Err(WorkflowError::new(ErrorKind::Expression, detail));
        };
        if let Some(fan_out) = each.fan_out {
            self.fan_out(id, items, fan_out);
        } else {
            self.enter_state(id, State::For { items, index: 0, data: input });
            self.work.push(Work::Iterate { frame: id });
        }
        Ok(())
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
