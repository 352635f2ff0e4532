//! What has happened to a run, and what it says about itself.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{error::WorkflowError, step::StepId};

/// One entry of a run's history. `at` is when it happened; a run knows no other clock.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "camelCase")]
pub enum Event {
    CallSucceeded {
        step: StepId,
        output: Value,
        at: Timestamp,
    },
    CallFailed {
        step: StepId,
        error: WorkflowError,
        at: Timestamp,
    },
    TimerFired {
        step: StepId,
        at: Timestamp,
    },
    Emitted {
        step: StepId,
        at: Timestamp,
    },
    /// A `CloudEvent`, whole.
    EventReceived {
        step: StepId,
        event: Value,
        at: Timestamp,
    },
    WorkflowSucceeded {
        step: StepId,
        output: Value,
        at: Timestamp,
    },
    WorkflowFailed {
        step: StepId,
        error: WorkflowError,
        at: Timestamp,
    },
    /// Somebody ended the run.
    Cancelled {
        at: Timestamp,
    },
}

impl Event {
    pub fn at(&self) -> Timestamp {
        match self {
            Self::CallSucceeded { at, .. }
            | Self::CallFailed { at, .. }
            | Self::TimerFired { at, .. }
            | Self::Emitted { at, .. }
            | Self::EventReceived { at, .. }
            | Self::WorkflowSucceeded { at, .. }
            | Self::WorkflowFailed { at, .. }
            | Self::Cancelled { at } => *at,
        }
    }

    pub fn step(&self) -> Option<&StepId> {
        match self {
            Self::CallSucceeded { step, .. }
            | Self::CallFailed { step, .. }
            | Self::TimerFired { step, .. }
            | Self::Emitted { step, .. }
            | Self::EventReceived { step, .. }
            | Self::WorkflowSucceeded { step, .. }
            | Self::WorkflowFailed { step, .. } => Some(step),
            Self::Cancelled { .. } => None,
        }
    }

    /// The word for it in messages.
    pub(crate) fn word(&self) -> &'static str {
        match self {
            Self::CallSucceeded { .. } => "an answer to a call",
            Self::CallFailed { .. } => "a failed call",
            Self::TimerFired { .. } => "a timer",
            Self::Emitted { .. } => "a published event",
            Self::EventReceived { .. } => "a received event",
            Self::WorkflowSucceeded { .. } => "the end of a sub-workflow",
            Self::WorkflowFailed { .. } => "a failed sub-workflow",
            Self::Cancelled { .. } => "a cancellation",
        }
    }
}

/// What a task went through, for histories and lifecycle events. Follows from the history; need not be stored.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Fact {
    pub step: StepId,
    pub task: String,
    pub pointer: String,
    pub at: Timestamp,
    #[serde(flatten)]
    pub change: Change,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "change", rename_all = "camelCase")]
pub enum Change {
    Started,
    /// Its `if` was false.
    Skipped,
    Completed,
    Faulted {
        error: WorkflowError,
    },
    /// Abandoned by a race, a timeout or the end of the run.
    Cancelled,
    /// The next attempt follows.
    Retried {
        attempt: u64,
        not_before: Timestamp,
    },
}
