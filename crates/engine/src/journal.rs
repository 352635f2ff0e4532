//! The journal of a run: the only truth about it. State is a fold over these entries.
//!
//! Entries are JSON with a version beside them. New fields get defaults; an entry is never rewritten.

use std::collections::BTreeSet;

use callboard_apps::Exchange;
use callboard_flow::{StepId, Subscription, WorkflowError};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

pub use crate::approvals::News;
use crate::budget::Priority;
use crate::ids::RunId;
use crate::lanes::Lane;
use crate::run::{Mode, Verdict};
use crate::store::Origin;

/// Version of the entries that this program writes.
pub const VERSION: u32 = 1;

/// Something that is now certain about a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    pub at: Timestamp,
    #[serde(flatten)]
    pub fact: Fact,
}

/// What an entry says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "entry", rename_all = "snake_case")]
pub enum Fact {
    Started {
        workflow: String,
        hash: String,
        input: Value,
        trigger: Trigger,
        mode: Mode,
        /// Values of `$secrets`, sealed for this run: those of its beginning, so that it derives again.
        #[serde(default, skip_serializing_if = "Map::is_empty")]
        secrets: Map<String, Value>,
        /// Who asked for it through runs and events; none where the trigger tells, or that is not known.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        requesters: Option<BTreeSet<String>>,
        /// The run that this one goes back to.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        origin: Option<Box<Heritage>>,
        /// How urgent what began it is.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        priority: Option<Priority>,
        /// Among which other runs it takes turns.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        lane: Option<Lane>,
    },
    /// As many as may go at a time go already: it begins once it is told that its turn has come.
    AwaitsTurn {
        /// The one just before it.
        behind: RunId,
    },
    TurnCame,
    /// Not attempted yet: it waits for the rate budget of a tenant, or goes on waiting.
    Held {
        step: StepId,
        task: String,
        tenant: String,
        bucket: String,
        /// When it is its turn at the latest by what is known, or it asks again.
        until: Timestamp,
        then: Then,
    },
    /// About to be performed. Without one of the outcomes below it is unknown whether it was.
    Attempted {
        step: StepId,
        task: String,
        attempt: u32,
        action: String,
        link: String,
        /// As the interpreter evaluated them: secrets in them are sealed.
        arguments: Value,
        key: String,
        /// What stood there before, sealed as a whole, where undoing it needs that.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        before: Option<String>,
    },
    Succeeded {
        step: StepId,
        attempt: u32,
        how: How,
        /// Secrets in it are sealed.
        output: Value,
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        exchanges: Vec<Exchange>,
    },
    /// The service said no, definitely. The workflow may catch it.
    Failed {
        step: StepId,
        attempt: u32,
        error: WorkflowError,
        /// An earlier request of the same step had its effect.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        partial: bool,
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        exchanges: Vec<Exchange>,
    },
    /// Not now; what happens next and when.
    Deferred {
        step: StepId,
        attempt: u32,
        why: String,
        next_at: Timestamp,
        then: Then,
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        exchanges: Vec<Exchange>,
    },
    TimerSet {
        step: StepId,
        task: String,
        until: Timestamp,
    },
    TimerFired {
        step: StepId,
    },
    /// An event that the workflow announced.
    Emitted {
        step: StepId,
        event: Value,
    },
    /// Listens from now on; events that were stored before are not for it.
    Listening {
        step: StepId,
        task: String,
        subscriptions: Vec<Subscription>,
    },
    /// An event that the step takes, whole.
    Received {
        step: StepId,
        event: Value,
    },
    /// Another run that this one began, in the same transaction.
    WorkflowStarted {
        step: StepId,
        task: String,
        workflow: String,
        run: RunId,
    },
    /// The end of a run that this one awaits.
    WorkflowEnded {
        step: StepId,
        run: RunId,
        #[serde(flatten)]
        ending: Ending,
    },
    /// What people are asked, and what becomes of it.
    Approval {
        step: StepId,
        task: String,
        #[serde(flatten)]
        news: News,
    },
    AttentionRequired {
        step: StepId,
        attempt: u32,
        reason: Reason,
        /// What is known, as a sentence.
        known: String,
        /// What a person can do, as a sentence.
        remedy: String,
        /// What follows once it is mended without a verdict.
        then: Then,
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        exchanges: Vec<Exchange>,
    },
    Resolved {
        step: StepId,
        verdict: Verdict,
        by: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        output: Option<Value>,
    },
    /// What a step lacked may be there now: it is tried again.
    Unblocked {
        step: StepId,
        why: String,
    },
    /// Nothing begins any more until it is resumed.
    Paused {
        by: String,
    },
    Resumed {
        by: String,
    },
    Completed {
        output: Value,
    },
    Faulted {
        error: WorkflowError,
    },
    Cancelled {
        by: String,
        /// Steps that may have taken effect; nobody found out in time.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        undetermined: Vec<StepId>,
    },
}

/// The earlier run that one goes back to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Heritage {
    pub run: RunId,
    /// The run that the interpreter takes it for: what derives from the run's id stays the same.
    pub root: RunId,
    /// So many entries after the first are those of the earlier run.
    pub inherited: i64,
    /// The step that was done anew.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<StepId>,
    /// Who wanted it.
    pub by: String,
}

/// What started a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Trigger {
    /// A person or a program asked for it.
    Request { by: String },
    /// A webhook brought an event.
    Event {
        app: String,
        trigger: String,
        /// The link whose secret signed it, where the app signs.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        link: Option<String>,
        dedupe_key: String,
        event_type: String,
        subject: String,
    },
    /// An event that a run or a client published.
    CloudEvent {
        source: String,
        id: String,
        event_type: String,
        subject: String,
        /// How many runs began each other through events before this one.
        #[serde(default, skip_serializing_if = "is_zero")]
        chain: u32,
    },
    /// A step of another run. `depth` counts the runs above it that wait.
    Workflow {
        run: RunId,
        step: StepId,
        awaited: bool,
        depth: u32,
        /// As of an event: that of the run which began it.
        #[serde(default, skip_serializing_if = "is_zero")]
        chain: u32,
    },
    /// An occurrence of the workflow's schedule.
    Schedule {
        planned_at: Timestamp,
        origin: Origin,
        /// Who wanted it, where somebody did.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        by: Option<String>,
    },
}

impl Trigger {
    /// How many runs began each other through events before this one.
    pub(crate) fn chain(&self) -> u32 {
        match self {
            Self::CloudEvent { chain, .. } | Self::Workflow { chain, .. } => *chain,
            Self::Request { .. } | Self::Event { .. } | Self::Schedule { .. } => 0,
        }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn is_zero(number: &u32) -> bool {
    *number == 0
}

/// How a run ended, as the run that awaits it learns.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "ending")]
pub enum Ending {
    Completed { output: Value },
    Faulted { error: WorkflowError },
    Cancelled { by: String },
}

/// How a success became known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum How {
    Performed,
    /// After an unknown outcome a probe found the effect.
    Probed,
    /// After an unknown outcome it was sent again, which does no harm here.
    Repeated,
}

/// What a deferred step does when its time has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Then {
    /// Certainly without effect so far: perform it.
    Perform,
    /// It may have had its effect: find out first.
    Recover,
}

/// Why a person must look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// Nobody but a person can tell whether it took effect.
    UnknownOutcome,
    /// The link's credentials do not allow it. Certainly without effect.
    Credentials,
    /// No link leads to the app. Certainly without effect.
    NoLink,
}

/// Steps of a journal that may have taken effect and whose outcome is not known, without an interpreter: for runs
/// that cannot be derived again.
pub(crate) fn undetermined(entries: &[Entry]) -> Vec<StepId> {
    let mut open: Vec<StepId> = Vec::new();
    for entry in entries {
        let Some(step) = entry.fact.step() else { continue };
        match &entry.fact {
            Fact::Attempted { .. } if !open.contains(step) => open.push(step.clone()),
            Fact::Succeeded { .. } | Fact::Failed { .. } | Fact::Resolved { .. } => {
                open.retain(|known| known != step);
            }
            Fact::Deferred { then, .. } if *then == Then::Perform => {
                open.retain(|known| known != step);
            }
            Fact::AttentionRequired { reason, then, .. } if reason.is_without_effect(*then) => {
                open.retain(|known| known != step);
            }
            _ => {}
        }
    }
    open
}

impl Reason {
    /// Whether a step that asks for this reason certainly had no effect.
    pub(crate) fn is_without_effect(self, then: Then) -> bool {
        self != Self::UnknownOutcome && then == Then::Perform
    }
}

impl Fact {
    /// Name of the kind of entry, as it is written.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Started { .. } => "started",
            Self::Held { .. } => "held",
            Self::AwaitsTurn { .. } => "awaits_turn",
            Self::TurnCame => "turn_came",
            Self::Attempted { .. } => "attempted",
            Self::Succeeded { .. } => "succeeded",
            Self::Failed { .. } => "failed",
            Self::Deferred { .. } => "deferred",
            Self::TimerSet { .. } => "timer_set",
            Self::TimerFired { .. } => "timer_fired",
            Self::Emitted { .. } => "emitted",
            Self::Listening { .. } => "listening",
            Self::Received { .. } => "received",
            Self::WorkflowStarted { .. } => "workflow_started",
            Self::WorkflowEnded { .. } => "workflow_ended",
            Self::Approval { .. } => "approval",
            Self::AttentionRequired { .. } => "attention_required",
            Self::Resolved { .. } => "resolved",
            Self::Unblocked { .. } => "unblocked",
            Self::Paused { .. } => "paused",
            Self::Resumed { .. } => "resumed",
            Self::Completed { .. } => "completed",
            Self::Faulted { .. } => "faulted",
            Self::Cancelled { .. } => "cancelled",
        }
    }

    /// The step it is about, if it is about one.
    pub fn step(&self) -> Option<&StepId> {
        match self {
            Self::Started { .. }
            | Self::AwaitsTurn { .. }
            | Self::TurnCame
            | Self::Paused { .. }
            | Self::Resumed { .. }
            | Self::Completed { .. }
            | Self::Faulted { .. }
            | Self::Cancelled { .. } => None,
            Self::Held { step, .. }
            | Self::Attempted { step, .. }
            | Self::Succeeded { step, .. }
            | Self::Failed { step, .. }
            | Self::Deferred { step, .. }
            | Self::TimerSet { step, .. }
            | Self::TimerFired { step }
            | Self::Emitted { step, .. }
            | Self::Listening { step, .. }
            | Self::Received { step, .. }
            | Self::WorkflowStarted { step, .. }
            | Self::WorkflowEnded { step, .. }
            | Self::Approval { step, .. }
            | Self::AttentionRequired { step, .. }
            | Self::Resolved { step, .. }
            | Self::Unblocked { step, .. } => Some(step),
        }
    }
}
