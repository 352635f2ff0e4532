//! What the store keeps, as values.

use std::collections::BTreeSet;

use callboard_flow::StepId;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::ids::RunId;
use crate::journal::Ending;
use crate::people::Role;
use crate::run::{Mode, RunStatus, Verdict};

/// A definition by the hash of its canonical form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkflowRecord {
    pub hash: String,
    pub name: String,
    pub version: String,
    /// Name of the file it was read from, for error messages.
    pub source_name: String,
    pub text: String,
    pub at: Timestamp,
}

/// A run without its history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunRecord {
    pub id: RunId,
    pub workflow: String,
    pub workflow_hash: String,
    pub mode: Mode,
    pub status: RunStatus,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    pub wake_at: Option<Timestamp>,
    /// Apps whose links it waits for.
    pub blocked_on: BTreeSet<String>,
    pub epoch: i64,
}

/// A run that its claimer now owns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClaimedRun {
    pub id: RunId,
    pub workflow_hash: String,
    pub epoch: i64,
}

/// Something said to a run from outside its own course.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "signal")]
pub enum Signal {
    Cancel {
        by: String,
    },
    Pause {
        by: String,
    },
    Resume {
        by: String,
    },
    Resolve {
        step: StepId,
        verdict: Verdict,
        by: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        output: Option<Value>,
        /// The attempt that was asked about. What is said of an earlier one is not said of a later one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        attempt: Option<u32>,
    },
    /// It waited for others with its key, and is the next.
    Turn,
    /// A person answers what a step asked in this round; or would have, had what it is about not changed.
    Answer {
        step: StepId,
        round: u32,
        by: String,
        approve: bool,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        stale: bool,
    },
    /// An event came that a step may listen for.
    Event {
        step: StepId,
        event: Value,
    },
    /// A run that a step awaits has ended.
    WorkflowEnded {
        step: StepId,
        run: RunId,
        #[serde(flatten)]
        ending: Ending,
    },
    /// A link to this app was added or changed: what waits for it tries again.
    LinkChanged {
        app: String,
        link: String,
    },
}

/// Which runs, newest first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RunFilter {
    pub status: Option<RunStatus>,
    pub workflow: Option<String>,
    /// Only runs older than this one.
    pub before: Option<RunId>,
    pub limit: usize,
}

/// A page of runs and where the next one begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    pub runs: Vec<RunRecord>,
    pub next: Option<RunId>,
}

/// Which approvals, newest first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ApprovalFilter {
    /// Only those that can be answered.
    pub open: bool,
    /// Only approvals older than this one.
    pub before: Option<String>,
    pub limit: usize,
}

/// An event as it came in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventRecord {
    pub app: String,
    pub trigger: String,
    /// The link whose secret signed it; empty where nobody signs.
    pub link: String,
    pub dedupe_key: String,
    pub event_type: String,
    pub subject: String,
    pub data: Value,
    /// The runs it started.
    pub runs: Vec<RunId>,
    pub at: Timestamp,
}

/// A link with its credentials sealed.
#[derive(Debug, Clone, PartialEq)]
pub struct LinkRecord {
    pub name: String,
    pub app: String,
    pub base_url: String,
    pub settings: Map<String, Value>,
    pub sealed: String,
    pub changed_at: Timestamp,
    /// Stands for its app where several do and nothing names one. Putting a link does not change it.
    pub is_default: bool,
}

/// The rate budget of a tenant, as its nodes share it.
#[derive(Debug, Clone, PartialEq)]
pub struct BudgetRecord {
    pub tenant: String,
    /// Grows by one with every change.
    pub revision: i64,
    pub state: Value,
}

/// A named secret, its value sealed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretRecord {
    pub name: String,
    pub sealed: String,
    pub changed_at: Timestamp,
}

/// An API key by what can be checked of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiKeyRecord {
    /// The public half, by which it is found.
    pub id: String,
    /// SHA-256 of the secret half.
    pub hash: Vec<u8>,
    pub name: String,
    /// Who holds it.
    pub person: String,
    pub groups: BTreeSet<String>,
    pub role: Role,
    pub at: Timestamp,
}
