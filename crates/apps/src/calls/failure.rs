//! How a call can fail.

use callboard_flow::{ErrorKind, WorkflowError};

use crate::attempt::Exchange;

/// A failure and the exchanges that led to it.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{failure}")]
pub struct CallFailed {
    pub failure: CallFailure,
    pub exchanges: Vec<Exchange>,
}

/// Why a call gave no output, sorted by what the caller can do next.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum CallFailure {
    /// An answer that is an error, or a call that may not be made: for the workflow's own `try`. What the answer was
    /// is settled, also for 429 and 503: whether and when to repeat is then for the language's `retry` to say.
    #[error("{0}")]
    Rejected(WorkflowError),
    /// Not now, and nothing has happened: unreachable, or a harmless call was cut.
    #[error("{0}")]
    Later(String),
    /// It may have happened: a call that changes something was sent, and its answer was cut, too long or led nowhere.
    #[error("{0}")]
    Unsure(String),
}

impl CallFailure {
    /// The definition is wrong.
    pub(super) fn configuration(detail: impl Into<String>) -> Self {
        Self::Rejected(WorkflowError::new(ErrorKind::Configuration, detail))
    }

    /// The arguments are wrong.
    pub(super) fn validation(detail: impl Into<String>) -> Self {
        Self::Rejected(WorkflowError::new(ErrorKind::Validation, detail))
    }

    pub(super) fn authentication(detail: impl Into<String>) -> Self {
        Self::Rejected(WorkflowError::new(ErrorKind::Authentication, detail))
    }

    /// It may not be done here.
    pub(super) fn authorization(detail: impl Into<String>) -> Self {
        Self::Rejected(WorkflowError::new(ErrorKind::Authorization, detail))
    }

    /// The other side does not keep to its protocol.
    pub(super) fn communication(detail: impl Into<String>) -> Self {
        Self::Rejected(WorkflowError::new(ErrorKind::Communication, detail))
    }

    /// With every text masked.
    pub(super) fn masked(self, mask: &dyn Fn(&str) -> String) -> Self {
        match self {
            Self::Rejected(error) => Self::Rejected(WorkflowError {
                title: error.title.as_deref().map(mask),
                detail: error.detail.as_deref().map(mask),
                ..error
            }),
            Self::Later(why) => Self::Later(mask(&why)),
            Self::Unsure(why) => Self::Unsure(mask(&why)),
        }
    }

    /// The same, when something has been done before that a repetition would do again.
    pub(super) fn after_effect(self) -> Self {
        match self {
            Self::Later(why) => Self::Unsure(why),
            other => other,
        }
    }
}
