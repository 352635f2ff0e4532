//! What goes over the line, as types for both ends.

mod approvals;
mod budgets;
mod catalogue;
mod keys;
mod links;
mod runs;
mod schedules;
mod secrets;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// How triggers do, as the engine tells.
pub use callboard_engine::{ConditionStatus, FeedStatus, TriggerStatus, Triggers};

pub use approvals::{Approval, ApprovalAnswer, Approvals, Audience, Given};
pub use budgets::{Budget, BudgetWaiting, Budgets};
pub use catalogue::{
    Action, ActionDetail, Actions, App, Apps, Check, Checked, Mistake, SecretField, Workflow,
    WorkflowDetail, Workflows,
};
pub use keys::{Key, KeyRequest, Keys, NewKey};
pub use links::{Lacking, Link, LinkReport, LinkRequest, Links, Secret};
pub use runs::{
    Accepted, ActionStart, Again, Archive, Archived, DeliveredEvent, Delivery, Journal,
    LoopSummary, Resolve, Revealed, Run, RunSummary, Runs, Start, Step, Steps, Verdict,
};
pub use schedules::{
    Backfill, Backfilled, Instant, MadeUp, Occurrence, Paused, Schedule, ScheduleDetail, Schedules,
};
pub use secrets::{Events, NamedSecret, NamedSecrets, Replayed, SecretValue};

/// RFC 9457, as `application/problem+json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Problem {
    #[serde(rename = "type")]
    pub kind: String,
    pub title: String,
    pub status: u16,
    pub detail: String,
    /// A word that programs may rely on: `unknown_workflow`.
    pub code: String,
    /// Mistakes in a definition, where that is what is wrong.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub mistakes: Vec<Mistake>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Health {
    pub status: String,
}

/// An error of a run, as the workflow language has them.
pub type RunError = Value;
