//! What a run wants done, as values that are stored, sent and compared.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{document::HttpOutput, error::WorkflowError, step::StepId};

/// A wish of a run. All but the last four are answered by an event with the same step.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "camelCase")]
pub enum Command {
    /// Answered by `CallSucceeded` or `CallFailed`.
    Call {
        step: StepId,
        /// Name of the task.
        task: String,
        /// JSON pointer of the task.
        pointer: String,
        function: FunctionCall,
    },
    /// Answered by `TimerFired`, not before that instant.
    Wait { step: StepId, task: String, pointer: String, until: Timestamp, purpose: WaitPurpose },
    /// A `CloudEvent` to publish; answered by `Emitted`. Its id derives from run and step, so a repeat is recognised.
    Emit { step: StepId, task: String, pointer: String, event: Value },
    /// Answered by `EventReceived`, once for each event that [`Execution::consumes`](crate::Execution::consumes) says
    /// the step takes, until a `Forget`.
    Listen { step: StepId, task: String, pointer: String, subscriptions: Vec<Subscription> },
    /// Answered by `WorkflowSucceeded` or `WorkflowFailed`: at the end of that run, or, when nobody awaits it, as soon
    /// as it has been started.
    RunWorkflow {
        step: StepId,
        task: String,
        pointer: String,
        namespace: String,
        name: String,
        version: String,
        input: Value,
        awaits: bool,
    },
    /// Nobody waits for this step any more. A timer or subscription is removed; a call that has been sent may still be
    /// answered, and the answer is ignored.
    Forget { step: StepId },
    /// The end: completed.
    Complete { output: Value },
    /// The end: an error that nobody caught.
    Fault { error: WorkflowError },
    /// The end: cancelled from outside.
    Cancel,
}

impl Command {
    /// The step that it is about; none for the end of the run.
    pub fn step(&self) -> Option<&StepId> {
        match self {
            Self::Call { step, .. }
            | Self::Wait { step, .. }
            | Self::Emit { step, .. }
            | Self::Listen { step, .. }
            | Self::RunWorkflow { step, .. }
            | Self::Forget { step } => Some(step),
            Self::Complete { .. } | Self::Fault { .. } | Self::Cancel => None,
        }
    }
}

/// Why a run waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum WaitPurpose {
    /// A `wait` task.
    Task,
    /// Before the next attempt.
    Retry,
    /// What runs beside it must end before.
    Timeout,
}

/// A function to call, with its arguments evaluated. Secrets may be in them: not for logs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "camelCase")]
pub enum FunctionCall {
    Catalogued {
        name: String,
        arguments: Value,
    },
    Http(HttpCall),
    #[serde(rename = "openapi")]
    OpenApi(OpenApiCall),
    Mcp(McpCall),
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HttpCall {
    /// In capitals.
    pub method: String,
    /// Placeholders filled in.
    pub endpoint: String,
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub headers: Map<String, Value>,
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub query: Map<String, Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<Value>,
    pub output: HttpOutput,
    /// Whether answers from 300 to 399 are outputs; they are errors else.
    pub redirect: bool,
    /// `{basic|bearer|digest|oauth2|oidc: {…}}`; `{use: secret}` inside names a secret.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authentication: Option<Value>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OpenApiCall {
    /// Where the OpenAPI document is.
    pub document: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub document_authentication: Option<Value>,
    pub operation_id: String,
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub parameters: Map<String, Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authentication: Option<Value>,
    pub output: HttpOutput,
    pub redirect: bool,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct McpCall {
    /// `tools/call` and the like.
    pub method: String,
    #[serde(default)]
    pub parameters: Value,
    /// `{http: {endpoint, headers}}` or `{stdio: {command, arguments, environment}}`.
    pub transport: Value,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub protocol_version: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client: Option<Value>,
    /// A duration as written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<Value>,
}

/// Events that a step may want: those with all these attributes; every event where there are none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subscription {
    /// Attributes that the filter gives literally (`type`, `source`, `subject` and others).
    pub attributes: Map<String, Value>,
}
