//! Why a call brought no success, by what the caller can do next.

use jiff::Timestamp;
use serde_json::Value;

use crate::{CredentialsError, InvalidCall};

/// Why a call brought no success.
///
/// | variant | was it executed? | next step |
/// | --- | --- | --- |
/// | `InvalidCall`, `Credentials`, `Unauthorized`, `MissingScope`, `NotInPlan`, `Rejected` | no | change something first |
/// | `RateLimited` | no | the same again at `retry_at` |
/// | `NotSent` | no | the same again later |
/// | `Unavailable` | it only reads | the same again later |
/// | `Ambiguous` | perhaps | find out before repeating |
/// | `Incomplete`, `Unexpected` | yes | read differently |
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Error {
    /// The tenant understood the call and refused it for good.
    #[error("the tenant refused the call ({status}): {message}")]
    Rejected {
        /// The HTTP status, usually 400–499.
        status: u16,
        /// Auth0's `errorCode`; about a third of all errors have none.
        code: Option<String>,
        /// Auth0's sentence.
        message: String,
        /// The whole error body.
        body: Box<Value>,
        /// Auth0's id of this exchange.
        request_id: Option<String>,
    },
    /// The rate limit is used up, or waiting for it would take longer than allowed. Certainly not executed.
    #[error("{why}; the next try makes sense at {retry_at}")]
    RateLimited {
        /// When the next try makes sense.
        retry_at: Timestamp,
        /// Which limit, in a few words.
        why: String,
    },
    /// The tenant does not accept the access token, not even a fresh one.
    #[error("the tenant does not accept the access token: {message}; {remedy}")]
    Unauthorized {
        /// Auth0's sentence.
        message: String,
        /// What to do about it.
        remedy: String,
    },
    /// No access token could be had.
    #[error(transparent)]
    Credentials(#[from] CredentialsError),
    /// The token lacks a scope.
    #[error("the access token lacks a scope: {} of {} is needed; add it to the application's grant for the Management API", if *all { "all" } else { "any" }, needed.join(", "))]
    MissingScope {
        /// The scopes of which one is needed; empty when the tenant did not name them.
        needed: Vec<String>,
        /// Whether all of them are needed, not just any one.
        all: bool,
    },
    /// The tenant's plan or settings do not include the feature; no scope helps.
    #[error("the tenant's plan or settings do not include this: {message}")]
    NotInPlan {
        /// The HTTP status: 400, 402 or 403.
        status: u16,
        /// Auth0's sentence.
        message: String,
    },
    /// The call never reached the tenant: refused connection, unknown host, untrusted certificate, no token.
    #[error("the tenant could not be reached, nothing was sent: {why}")]
    NotSent {
        /// What happened.
        why: String,
    },
    /// A write may or may not have been executed: cut or timed out after sending, or answered with 408 or 5xx.
    #[error("nobody knows whether the call was executed: {why}")]
    Ambiguous {
        /// The HTTP status, when an answer began.
        status: Option<u16>,
        /// What happened.
        why: String,
    },
    /// A call that only reads was repeated as often as allowed, in vain.
    #[error("the tenant is not available ({attempts} attempts): {why}")]
    Unavailable {
        /// The last HTTP status; none when no answer came.
        status: Option<u16>,
        /// What happened last.
        why: String,
        /// How often it was tried.
        attempts: u32,
    },
    /// The tenant shows no more rows of this list, so what was read must not be taken for everything.
    #[error("the list is not complete: the tenant shows only its first {read} rows; {remedy}")]
    Incomplete {
        /// How many rows were read.
        read: usize,
        /// How the rest can be read.
        remedy: String,
    },
    /// The call succeeded but the answer has a shape that was not expected.
    #[error("the tenant's answer ({status}) has an unexpected shape: {why}")]
    Unexpected {
        /// The HTTP status.
        status: u16,
        /// Where it differs.
        why: String,
    },
    /// The call could not be built.
    #[error(transparent)]
    InvalidCall(#[from] InvalidCall),
}

impl Error {
    /// Whether it is certain that the tenant did not execute the call.
    pub fn is_without_effect(&self) -> bool {
        match self {
            Self::Rejected { .. }
            | Self::RateLimited { .. }
            | Self::Unauthorized { .. }
            | Self::Credentials(_)
            | Self::MissingScope { .. }
            | Self::NotInPlan { .. }
            | Self::NotSent { .. }
            | Self::InvalidCall(_) => true,
            Self::Ambiguous { .. }
            | Self::Unavailable { .. }
            | Self::Incomplete { .. }
            | Self::Unexpected { .. } => false,
        }
    }

    /// Whether time alone may make the same call succeed.
    pub fn is_temporary(&self) -> bool {
        matches!(self, Self::RateLimited { .. } | Self::NotSent { .. } | Self::Unavailable { .. })
    }
}

impl Error {
    /// The same, when an earlier attempt of the call may have been executed.
    pub(crate) fn after_sending(self) -> Self {
        match self {
            Self::NotSent { why } | Self::RateLimited { why, .. } => Self::Ambiguous {
                status: None,
                why: format!("an attempt was cut, and then: {why}"),
            },
            other => other,
        }
    }
}
