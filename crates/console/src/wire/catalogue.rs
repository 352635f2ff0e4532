//! Apps, actions, workflows.

use serde::{Deserialize, Serialize};
use serde_json::Value;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Apps {
    pub apps: Vec<App>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct App {
    pub name: String,
    pub title: String,
    pub summary: String,
    /// JSON schema of a link's settings.
    pub settings: Value,
    /// Secrets that a link may hold.
    pub secrets: Vec<SecretField>,
    /// Names of its webhooks.
    pub triggers: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecretField {
    pub name: String,
    pub title: String,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Actions {
    pub actions: Vec<Action>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Action {
    pub id: String,
    pub app: String,
    /// As workflows call it: `auth0.users.create:1@callboard`.
    pub function: String,
    pub title: String,
    pub summary: String,
    /// `read`, `additive`, `change` or `destructive`.
    pub risk: String,
    /// How an attempt without an outcome is recovered.
    pub recovery: String,
    pub minutes_saved: f64,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ActionDetail {
    #[serde(flatten)]
    pub action: Action,
    pub input: Value,
    pub output: Value,
    /// The action that undoes it, or why none does.
    pub inverse: String,
    pub bucket: String,
    /// Per operation of the Management API: any one alternative.
    pub scopes: Vec<String>,
    pub personal_data_read: Vec<String>,
    pub personal_data_written: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Workflows {
    pub workflows: Vec<Workflow>,
    /// Mistakes in files of the library; their workflows go on with the version before.
    pub mistakes: Vec<Mistake>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Workflow {
    pub name: String,
    pub version: String,
    pub title: Option<String>,
    pub summary: Option<String>,
    pub file: String,
    /// SHA-256 of the definition.
    pub hash: String,
    /// Types of the events that start it.
    pub started_by: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct WorkflowDetail {
    #[serde(flatten)]
    pub workflow: Workflow,
    /// Actions it calls.
    pub actions: Vec<String>,
    /// As it was written.
    pub text: String,
}

/// Body of `POST /v1/workflows/check`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Check {
    /// For messages.
    #[serde(default = "unnamed")]
    pub file: String,
    pub text: String,
}

fn unnamed() -> String {
    "definition".into()
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Checked {
    pub ok: bool,
    pub mistakes: Vec<Mistake>,
    /// What can be right and probably is not.
    #[serde(default)]
    pub warnings: Vec<Mistake>,
    /// What it does, in plain words, where it has no mistakes.
    #[serde(default)]
    pub reading: Option<String>,
}

/// A mistake in a definition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mistake {
    pub file: String,
    pub line: usize,
    pub column: usize,
    pub pointer: String,
    pub message: String,
    pub suggestion: Option<String>,
}
