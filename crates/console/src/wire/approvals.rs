//! Questions to people.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Approval {
    pub id: String,
    pub run: String,
    pub workflow: String,
    pub step: String,
    /// `open`, `stale` (about to be asked afresh), `approved`, `rejected`, `expired` or `dropped`.
    pub state: String,
    pub question: String,
    /// Secrets masked.
    pub evidence: Value,
    /// What it is about, as it was when it was asked.
    pub seen: Value,
    pub from: Audience,
    pub four_eyes: bool,
    /// So many different people must approve.
    pub count: u32,
    /// How often it was asked, from 1.
    pub round: u32,
    pub asked_at: Timestamp,
    pub deadline: Option<Timestamp>,
    /// `reject`, `approve` or `fail`.
    pub on_deadline: String,
    pub answers: Vec<Given>,
    pub ended_at: Option<Timestamp>,
    /// Page for people.
    pub url: String,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Audience {
    pub people: BTreeSet<String>,
    pub groups: BTreeSet<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Given {
    pub by: String,
    pub approve: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    pub at: Timestamp,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Approvals {
    pub approvals: Vec<Approval>,
    /// Cursor of the next page.
    pub next: Option<String>,
}

/// Body of `POST /v1/approvals/{id}/answer`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ApprovalAnswer {
    pub approve: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The round that was read; an answer to another one is refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub round: Option<u32>,
}
