//! What follows from how a call ended. Pure.

use callboard_apps::{CallFailed, CallFailure, Exchange, Failed, Failure, Performed, Recovered};
use callboard_flow::{ErrorKind, StepId, WorkflowError};
use jiff::Timestamp;
use serde_json::Value;

use crate::backoff::next_try;
use crate::journal::{Fact, How, Reason, Then};

/// The attempt that ended.
#[derive(Debug, Clone)]
pub(crate) struct Tried {
    pub(crate) step: StepId,
    pub(crate) attempt: u32,
    /// How often the step was put off before.
    pub(crate) delays: u32,
    pub(crate) now: Timestamp,
}

/// After performing.
pub(crate) fn of_performing(tried: Tried, result: Result<Performed, Failed>) -> Fact {
    match result {
        Ok(performed) => succeeded(tried, How::Performed, performed),
        Err(Failed { failure, partial, exchanges, .. }) => match failure {
            Failure::InvalidArguments(_) => {
                let error = WorkflowError::new(ErrorKind::Validation, failure.to_string());
                failed(tried, error, partial, exchanges)
            }
            Failure::Rejected { status, title, body } => {
                failed(tried, rejection(status, &title, &body), partial, exchanges)
            }
            Failure::Later { retry_at, why } => {
                deferred(tried, why, retry_at, after(partial), exchanges)
            }
            Failure::Unsure { why } => deferred(tried, why, None, Then::Recover, exchanges),
            Failure::Unreadable { why } => unknown(tried, why, exchanges),
            Failure::Credentials { why, remedy } => {
                attention(tried, Reason::Credentials, why, remedy, after(partial), exchanges)
            }
        },
    }
}

/// After looking at what stands there failed: nothing was attempted, so nothing can have happened.
pub(crate) fn of_looking(tried: Tried, failed: Failed) -> Fact {
    match failed.failure {
        Failure::Unsure { why } => deferred(tried, why, None, Then::Perform, failed.exchanges),
        _ => of_performing(tried, Err(failed)),
    }
}

/// After one of the language's own calls failed.
pub(crate) fn of_calling(tried: Tried, failed: CallFailed) -> Fact {
    let CallFailed { failure, exchanges } = failed;
    match failure {
        CallFailure::Rejected(error) => self::failed(tried, error, false, exchanges),
        CallFailure::Later(why) => deferred(tried, why, None, Then::Perform, exchanges),
        CallFailure::Unsure(why) => deferred(tried, why, None, Then::Recover, exchanges),
    }
}

/// After the program itself failed during a call: nobody knows how far it came, unless it only looked.
pub(crate) fn of_a_mistake(tried: Tried, looked: bool) -> Fact {
    let why = "the program made a mistake during the call".into();
    deferred(tried, why, None, if looked { Then::Perform } else { Then::Recover }, Vec::new())
}

/// A call that was not begun in time: whatever was so before it is so still.
pub(crate) fn not_begun(tried: Tried, then: Then) -> Fact {
    deferred(tried, "it was not begun in time".into(), None, then, Vec::new())
}

/// Nobody but a person can tell any more whether it took effect.
pub(crate) fn lost(step: StepId, attempt: u32, known: String, now: Timestamp) -> Fact {
    unknown(Tried { step, attempt, delays: 0, now }, known, Vec::new())
}

/// A sealed value does not open, or not where it stands: trying again would change nothing.
pub(crate) fn of_not_opening(tried: Tried, why: String, then: Then) -> Fact {
    let remedy = "start with the key that this data was sealed with, or change the definition";
    attention(tried, Reason::Credentials, why, remedy.into(), then, Vec::new())
}

/// What follows when the time has come, or the link is mended.
fn after(partial: bool) -> Then {
    if partial { Then::Recover } else { Then::Perform }
}

/// After finding out about an attempt without an outcome.
pub(crate) fn of_recovering(tried: Tried, result: Result<Recovered, Failed>) -> Fact {
    match result {
        Ok(Recovered::Happened(performed)) => succeeded(tried, How::Probed, performed),
        Ok(Recovered::Repeated(performed)) => succeeded(tried, How::Repeated, performed),
        Ok(Recovered::DidNot) => {
            let (why, next_at) =
                ("it certainly had no effect: it is performed again".into(), tried.now);
            let Tried { step, attempt, .. } = tried;
            Fact::Deferred {
                step,
                attempt,
                why,
                next_at,
                then: Then::Perform,
                exchanges: Vec::new(),
            }
        }
        Ok(Recovered::Unknown { why, exchanges }) => unknown(tried, why, exchanges),
        Err(Failed { failure, partial, repeated, exchanges }) => match failure {
            Failure::Later { retry_at, why } => {
                deferred(tried, why, retry_at, Then::Recover, exchanges)
            }
            Failure::Unsure { why } => deferred(tried, why, None, Then::Recover, exchanges),
            Failure::Credentials { why, remedy } => {
                attention(tried, Reason::Credentials, why, remedy, Then::Recover, exchanges)
            }
            Failure::Unreadable { why } => unknown(tried, why, exchanges),
            Failure::Rejected { status, title, body } if repeated => {
                failed(tried, rejection(status, &title, &body), partial, exchanges)
            }
            failure @ (Failure::Rejected { .. } | Failure::InvalidArguments(_)) => {
                unknown(tried, format!("finding out was refused: {failure}"), exchanges)
            }
        },
    }
}

fn succeeded(tried: Tried, how: How, performed: Performed) -> Fact {
    // What stood there before is in the entry of the attempt.
    let Performed { output, exchanges, .. } = performed;
    Fact::Succeeded { step: tried.step, attempt: tried.attempt, how, output, exchanges }
}

fn failed(tried: Tried, error: WorkflowError, partial: bool, exchanges: Vec<Exchange>) -> Fact {
    Fact::Failed { step: tried.step, attempt: tried.attempt, error, partial, exchanges }
}

fn deferred(
    tried: Tried,
    why: String,
    retry_at: Option<Timestamp>,
    then: Then,
    exchanges: Vec<Exchange>,
) -> Fact {
    let next_at = next_try(tried.now, tried.delays, retry_at);
    Fact::Deferred { step: tried.step, attempt: tried.attempt, why, next_at, then, exchanges }
}

fn unknown(tried: Tried, known: String, exchanges: Vec<Exchange>) -> Fact {
    let remedy =
        "look whether it took effect, then answer `happened`, `did-not` or `repeat`".into();
    attention(tried, Reason::UnknownOutcome, known, remedy, Then::Recover, exchanges)
}

fn attention(
    tried: Tried,
    reason: Reason,
    known: String,
    remedy: String,
    then: Then,
    exchanges: Vec<Exchange>,
) -> Fact {
    Fact::AttentionRequired {
        step: tried.step,
        attempt: tried.attempt,
        reason,
        known,
        remedy,
        then,
        exchanges,
    }
}

/// The service's own sentence where it gave one.
fn rejection(status: u16, title: &str, body: &Value) -> WorkflowError {
    let detail = body.get("message").and_then(Value::as_str).unwrap_or(title);
    WorkflowError::communication(status.into(), title, detail)
}
