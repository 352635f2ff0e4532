//! Runs, steps, webhooks.

use callboard_engine::Priority;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::RunError;

/// Body of `POST /v1/runs`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Start {
    pub workflow: String,
    #[serde(default = "empty")]
    pub input: Value,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idempotency_key: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub priority: Option<Priority>,
}

fn empty() -> Value {
    Value::Object(Map::new())
}

/// Body of `POST /v1/actions/{id}/run`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ActionStart {
    #[serde(default)]
    pub arguments: Map<String, Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idempotency_key: Option<String>,
}

/// A run was started; it is durable.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Accepted {
    pub id: String,
}

/// A run in a list.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunSummary {
    pub id: String,
    pub workflow: String,
    /// `running`, `waiting`, `paused`, `attention`, `completed`, `faulted` or `cancelled`.
    pub status: String,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_at: Option<Timestamp>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Runs {
    pub runs: Vec<RunSummary>,
    /// Cursor of the next page.
    pub next: Option<String>,
}

/// A run with its steps.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Run {
    pub id: String,
    pub workflow: String,
    pub status: String,
    pub output: Option<Value>,
    pub error: Option<RunError>,
    /// Of a long loop only those under way and the first that failed; `GET /v1/runs/{id}/steps` has all.
    pub steps: Vec<Step>,
    /// Loops of which not every step is told.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub loops: Vec<LoopSummary>,
    pub input: Value,
    /// What started it: `{"kind":"request","by"}`, `{"kind":"event",…}` or `{"kind":"schedule","planned_at","origin"}`.
    pub trigger: Value,
    pub created_at: Timestamp,
    pub finished_at: Option<Timestamp>,
    /// When something is due by itself, while it waits.
    pub next_at: Option<Timestamp>,
    /// SHA-256 of the definition it runs.
    pub definition: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cancelled_by: Option<String>,
    /// Who halted it, while it is halted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paused_by: Option<String>,
    /// Why it has not begun, as a sentence: "waits for its turn behind run_…".
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// The earlier run that it goes back to: `{"run","root","inherited","from","by"}`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<Value>,
    /// Runs that go back to it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub heirs: Vec<String>,
    /// Events that the workflow announced.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub events: Vec<Value>,
}

/// How far a loop is that has had many steps.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoopSummary {
    /// The step of the loop: `do/everybody`.
    pub id: String,
    /// Items that have begun.
    pub items: u64,
    /// Steps of its items, by what became of them.
    pub completed: u64,
    pub failed: u64,
    pub open: u64,
}

/// Steps of a run, some at a time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Steps {
    pub steps: Vec<Step>,
    /// `after` of the next page.
    pub next: Option<usize>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Step {
    /// Unique in the run: `do/createUser`.
    pub id: String,
    /// Name of the task.
    pub name: String,
    pub status: String,
    pub action: Option<String>,
    pub link: Option<String>,
    /// The run of another workflow that it began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<String>,
    pub attempts: u32,
    /// It is the earlier run's: its effect stands and was not made again.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub inherited: bool,
    /// What it asks people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approval: Option<String>,
    pub started_at: Timestamp,
    pub finished_at: Option<Timestamp>,
    pub next_at: Option<Timestamp>,
    /// Why it waits or asks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// What a person can do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remedy: Option<String>,
    /// `performed`, `probed` or `repeated`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub how: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resolved_by: Option<String>,
    pub arguments: Option<Value>,
    pub output: Option<Value>,
    pub error: Option<RunError>,
    /// Requests and answers, redacted.
    pub exchanges: Vec<Value>,
}

/// Body of `POST /v1/runs/{id}/retry` and `…/rerun`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Again {
    /// The step to go on from; the one that failed unless it is given. For a retry only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idempotency_key: Option<String>,
}

/// Body of `POST /v1/runs/archive`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Archive {
    /// Runs that ended so many days ago or earlier.
    pub older_than_days: u32,
}

/// What was archived.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Archived {
    pub runs: usize,
    pub files: Vec<String>,
}

/// The output of a run with its secrets in clear.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct Revealed {
    pub output: Value,
}

/// The history of a run, sealed secrets masked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Journal {
    pub entries: Vec<Value>,
    /// `after` of the next page.
    pub next: Option<usize>,
}

/// Body of `POST /v1/runs/{id}/steps/{step}/resolve`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Resolve {
    pub verdict: Verdict,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<Value>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    Happened,
    DidNot,
    Repeat,
}

/// What became of a webhook.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delivery {
    pub events: Vec<DeliveredEvent>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeliveredEvent {
    #[serde(rename = "type")]
    pub event_type: String,
    pub subject: String,
    /// Received before; nothing was changed, `runs` are those that it started then.
    pub duplicate: bool,
    pub runs: Vec<String>,
}
