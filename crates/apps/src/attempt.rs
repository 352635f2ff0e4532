//! An attempt to perform an action, and how it can end.

use std::sync::Arc;

use jiff::Timestamp;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::action::Action;
use crate::rates::Pace;
use crate::schema::Mismatch;

/// One action about to be performed with these arguments.
pub struct Attempt<'a> {
    pub action: &'a Action,
    /// With every sealed value unsealed. Never printed.
    pub arguments: Value,
    /// `run:step`. The same for every try of the same step, so that services can recognise a repetition.
    pub key: String,
    /// When the step was first attempted; probes look for effects from here on.
    pub at: Timestamp,
    /// Sent as `X-Correlation-ID`; Auth0 keeps 64 characters of it in its log.
    pub correlation: String,
    /// What [`crate::Executor::before`] answered, once the caller has it safe. `None`: `perform` reads it itself.
    pub before: Option<Value>,
    /// Values that must appear in no exchange, output or failure, wherever the arguments hold them.
    pub secrets: Vec<SecretString>,
    /// Who paces its exchanges, where the executor's own clients do not.
    pub pace: Option<Arc<dyn Pace>>,
}

impl<'a> Attempt<'a> {
    pub fn new(
        action: &'a Action,
        arguments: Value,
        key: String,
        at: Timestamp,
        correlation: String,
    ) -> Self {
        let (before, secrets, pace) = (None, Vec::new(), None);
        Self { action, arguments, key, at, correlation, before, secrets, pace }
    }
}

/// Without arguments, pre-image and secrets: they hold what no log may show.
impl std::fmt::Debug for Attempt<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Attempt")
            .field("action", &self.action.id)
            .field("key", &self.key)
            .field("at", &self.at)
            .finish_non_exhaustive()
    }
}

/// A success.
#[derive(Clone)]
pub struct Performed {
    /// Secrets stand at the action's `secret_outputs`; seal them before writing this down.
    pub output: Value,
    /// What was there before, for actions whose inverse needs it.
    pub before: Option<Value>,
    pub exchanges: Vec<Exchange>,
}

/// Without output and pre-image: they hold secrets and personal data.
impl std::fmt::Debug for Performed {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Performed")
            .field("exchanges", &self.exchanges)
            .finish_non_exhaustive()
    }
}

/// One request and its answer as history shows them: credentials, secrets and personal data masked, size bounded.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Exchange {
    pub method: String,
    pub url: String,
    /// `None`: there was no answer, `note` says why.
    pub status: Option<u16>,
    pub at: Timestamp,
    pub duration_ms: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// A failure and the exchanges that led to it.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{failure}")]
pub struct Failed {
    pub failure: Failure,
    /// An earlier request of the same action had its effect, whatever the failure says of the last one.
    pub partial: bool,
    /// [`crate::Executor::recover`] performed the action again, and that is what failed.
    pub repeated: bool,
    pub exchanges: Vec<Exchange>,
}

impl Failed {
    /// A failure of the first and only request.
    pub fn new(failure: Failure, exchanges: Vec<Exchange>) -> Self {
        Self { failure, partial: false, repeated: false, exchanges }
    }
}

/// Why an action was not performed, sorted by what the caller can do next.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Failure {
    /// The arguments do not fit; nothing was sent.
    #[error("{}", sentences(.0))]
    InvalidArguments(Vec<Mismatch>),
    /// The service said no, definitely. Trying again changes nothing.
    #[error("{title} (HTTP {status})")]
    Rejected { status: u16, title: String, body: Value },
    /// Not now: limited, unreachable or out of order. Trying again does no harm.
    #[error("{why}")]
    Later { retry_at: Option<Timestamp>, why: String },
    /// It may have happened. Call [`crate::Executor::recover`] before anything else.
    #[error("{why}")]
    Unsure { why: String },
    /// It happened, at least in part, and what it answered is of no use. Only a person can say how to go on.
    #[error("{why}")]
    Unreadable { why: String },
    /// The link's credentials do not (or no longer) allow it.
    #[error("{why}; {remedy}")]
    Credentials { why: String, remedy: String },
}

/// What became of an attempt without a recorded outcome.
#[derive(Debug, Clone)]
pub enum Recovered {
    /// A probe found its effect.
    Happened(Performed),
    /// It was performed again, which does no harm here.
    Repeated(Performed),
    /// It certainly was not done: perform it (with the same key).
    DidNot,
    /// A person must look.
    Unknown { why: String, exchanges: Vec<Exchange> },
}

/// A link that answered.
#[derive(Debug, Clone)]
pub struct Tested {
    /// Who the service takes us for.
    pub who: String,
    /// Until when the present token lives, where there is one.
    pub expires_at: Option<Timestamp>,
    /// Scopes of the present token, where there are any.
    pub scopes: Vec<String>,
    pub exchanges: Vec<Exchange>,
}

fn sentences(mismatches: &[Mismatch]) -> String {
    let all: Vec<String> = mismatches.iter().map(ToString::to_string).collect();
    format!("the arguments do not fit: {}", all.join("; "))
}
