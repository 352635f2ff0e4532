//! A `for` whose items run beside each other. What it remembers does not grow with the items that are done.

use std::sync::Arc;

use super::{
    Execution,
    frame::{FrameId, Role, State, Work},
};
use crate::{
    document::{FanOut, Kind, OnError},
    error::WorkflowError,
    expression::{Val, value},
};

/// So many errors are told; the others are only counted.
const ERRORS_TOLD: usize = 20;

/// How far the items are.
pub(super) struct Fan {
    items: Arc<Vec<Val>>,
    how: FanOut,
    /// Index of the next item to begin.
    next: usize,
    /// Items under way.
    open: usize,
    succeeded: usize,
    failed: usize,
    /// Of the first that failed.
    errors: Vec<(usize, WorkflowError)>,
    /// By index, where they are kept.
    outputs: Vec<Val>,
    /// Whether the next items are about to be looked at.
    called: bool,
}

impl Execution {
    pub(super) fn fan_out(&mut self, id: FrameId, items: Arc<Vec<Val>>, how: FanOut) {
        let outputs = if how.collect { vec![Val::Null; items.len()] } else { Vec::new() };
        let fan = Fan {
            items,
            how,
            next: 0,
            open: 0,
            succeeded: 0,
            failed: 0,
            errors: Vec::new(),
            outputs,
            called: false,
        };
        self.enter_state(id, State::Fan(Box::new(fan)));
        self.call_fan(id);
    }

    fn fan_mut(&mut self, id: FrameId) -> Option<&mut Fan> {
        match &mut self.task_frame_mut(id)?.state {
            State::Fan(fan) => Some(fan),
            _ => None,
        }
    }

    fn call_fan(&mut self, id: FrameId) {
        let Some(fan) = self.fan_mut(id) else { return };
        if !std::mem::replace(&mut fan.called, true) {
            self.work.push(Work::Fan { frame: id });
        }
    }

    /// Begins one more item where there is room, which runs until it waits or ends; or ends the task.
    pub(super) fn fan(&mut self, id: FrameId) {
        let Some(fan) = self.fan_mut(id) else { return };
        fan.called = false;
        let index = fan.next;
        let Some(item) = fan.items.get(index).cloned() else {
            if fan.open == 0 {
                let summary = fan.summary();
                self.done(id, summary);
            }
            return;
        };
        if fan.open >= fan.how.concurrency {
            return;
        }
        fan.next += 1;
        fan.open += 1;
        self.call_fan(id);
        let Some((frame, scope)) = self.task_frame(id) else { return };
        let Kind::For(each) = &frame.task.kind else { return };
        let scope = scope.with(&each.each, item).with(&each.at, value::from_json(&index.into()));
        let (tasks, input) = (each.tasks.clone(), frame.input.clone());
        let step = self.step(id).item(index);
        self.child_list(id, step, scope, tasks, Role::Item(index), input);
    }

    pub(super) fn fan_item_ended(&mut self, id: FrameId, index: usize, output: Val) {
        let Some(fan) = self.fan_mut(id) else { return };
        fan.open -= 1;
        fan.succeeded += 1;
        if let Some(kept) = fan.outputs.get_mut(index) {
            *kept = output;
        }
        self.call_fan(id);
    }

    pub(super) fn fan_item_failed(&mut self, id: FrameId, index: usize, error: WorkflowError) {
        let Some(fan) = self.fan_mut(id) else { return };
        if fan.how.on_error == OnError::Stop {
            return self.work.push(Work::Failed { frame: id, error });
        }
        fan.open -= 1;
        fan.failed += 1;
        if fan.errors.len() < ERRORS_TOLD {
            fan.errors.push((index, error));
        }
        self.call_fan(id);
    }
}

impl Fan {
    /// The output of the task.
    fn summary(&mut self) -> Val {
        let errors: Vec<serde_json::Value> = self
            .errors
            .iter()
            .map(|(index, error)| serde_json::json!({"index": index, "error": error}))
            .collect();
        let number = |count: usize| value::from_json(&count.into());
        let mut entries = vec![
            ("count", number(self.items.len())),
            ("succeeded", number(self.succeeded)),
            ("failed", number(self.failed)),
            ("errors", value::from_json(&errors.into())),
        ];
        if self.how.collect {
            entries.push(("outputs", std::mem::take(&mut self.outputs).into_iter().collect()));
        }
        value::object(entries)
    }
}
