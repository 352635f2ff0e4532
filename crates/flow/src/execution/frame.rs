//! What a run remembers of what is under way.

use std::{collections::BTreeMap, sync::Arc};

use jiff::Timestamp;

use super::{fan_out::Fan, listen::Listening, scope::Scope};
use crate::{
    command::Command,
    document::{Flow, Task, TaskList},
    error::WorkflowError,
    expression::Val,
    step::StepId,
};

/// Frames are numbered in the order in which they began.
pub(super) type FrameId = u64;

/// The next move; the last pushed is made first.
pub(super) enum Work {
    /// Start a task of a list.
    Task { sequence: FrameId, index: usize, raw: Val },
    /// Do what the task is about, or what an extension puts before it.
    Kind { frame: FrameId },
    /// The task has its raw output.
    Done { frame: FrameId, output: Val, flow: Option<Flow> },
    /// A list of tasks has ended.
    ListEnded { frame: FrameId, output: Val, how: Ending },
    /// A task or list has failed.
    Failed { frame: FrameId, error: WorkflowError },
    /// The next item of a `for`.
    Iterate { frame: FrameId },
    /// The next items of a `for` whose items run beside each other, or its end.
    Fan { frame: FrameId },
    /// Start a branch of a `fork`.
    Branch { frame: FrameId, index: usize },
    /// The next event of a `listen` with `foreach`.
    Consume { frame: FrameId },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ending {
    Through,
    /// By `then: exit`.
    Exit,
}

pub(super) struct Frame {
    pub(super) parent: Option<FrameId>,
    pub(super) step: StepId,
    pub(super) scope: Scope,
    pub(super) body: Body,
}

pub(super) enum Body {
    List(List),
    Task(Box<TaskFrame>),
}

/// A list of tasks under way.
pub(super) struct List {
    pub(super) tasks: TaskList,
    pub(super) role: Role,
    pub(super) current: usize,
    /// How often a name has been started.
    pub(super) visits: BTreeMap<String, u32>,
    /// Whether extensions apply to its tasks; not to those of extensions.
    pub(super) extended: bool,
}

/// What a list is to its parent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// The workflow itself, or the one list of a task.
    Body,
    /// `catch.do`
    Handler,
    /// A branch of a `fork`.
    Branch(usize),
    /// One of the items of a `for` that run beside each other.
    Item(usize),
    Before,
    After,
}

/// A task under way.
pub(super) struct TaskFrame {
    pub(super) task: Arc<Task>,
    pub(super) raw: Val,
    pub(super) input: Val,
    pub(super) started_at: Timestamp,
    pub(super) state: State,
    /// Extensions that apply, by index in the definition.
    pub(super) extensions: Vec<usize>,
    /// How many of them have had their turn before the task.
    pub(super) extensions_before: usize,
    /// How many of them have had their turn after the task.
    pub(super) extensions_after: usize,
    /// The task's timer, if it has a timeout.
    pub(super) timer: Option<StepId>,
}

pub(super) enum State {
    /// Just begun, waits for an answer, or has one list under way.
    Plain,
    For {
        items: Arc<Vec<Val>>,
        index: usize,
        data: Val,
    },
    Fan(Box<Fan>),
    Fork {
        outputs: Vec<Option<Val>>,
        open: usize,
    },
    Try(Trying),
    Listen(Box<Listening>),
    Emit {
        event: Val,
    },
    /// Extensions run after it; its output waits.
    After {
        output: Val,
        flow: Option<Flow>,
    },
}

pub(super) struct Trying {
    pub(super) attempt: u64,
    pub(super) timer: Option<StepId>,
}

/// A command without an answer.
pub(super) struct Waiting {
    pub(super) frame: FrameId,
    pub(super) purpose: Purpose,
    pub(super) command: Command,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    Call,
    Pause,
    Timeout,
    AttemptTimeout,
    Retry,
    Emit,
    Listen,
    Workflow,
}

impl Purpose {
    pub(super) fn awaits(self) -> &'static str {
        match self {
            Self::Call => "an answer to a call",
            Self::Pause | Self::Timeout | Self::AttemptTimeout | Self::Retry => "a timer",
            Self::Emit => "a published event",
            Self::Listen => "a received event",
            Self::Workflow => "the end of a sub-workflow",
        }
    }
}
