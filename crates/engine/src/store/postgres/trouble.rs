//! What the server's errors mean for a transaction.

use std::error::Error as _;

use tokio_postgres::Error;
use tokio_postgres::error::SqlState;

use crate::store::StoreError;

/// What can be done about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Trouble {
    /// Another transaction was in the way: the same again may go well.
    Collision,
    /// The connection is gone.
    Lost,
    /// Trying again would find the same.
    Fault,
}

pub(super) fn of(error: &Error) -> Trouble {
    const COLLISIONS: [SqlState; 3] = [
        SqlState::T_R_SERIALIZATION_FAILURE,
        SqlState::T_R_DEADLOCK_DETECTED,
        SqlState::LOCK_NOT_AVAILABLE,
    ];
    const LOST: [SqlState; 5] = [
        SqlState::ADMIN_SHUTDOWN,
        SqlState::CRASH_SHUTDOWN,
        SqlState::CANNOT_CONNECT_NOW,
        SqlState::IDLE_IN_TRANSACTION_SESSION_TIMEOUT,
        SqlState::TOO_MANY_CONNECTIONS,
    ];
    match error.code() {
        Some(code) if COLLISIONS.contains(code) => Trouble::Collision,
        Some(code) if LOST.contains(code) || code.code().starts_with("08") => Trouble::Lost,
        Some(_) => Trouble::Fault,
        // What no server said, the network did.
        None => Trouble::Lost,
    }
}

pub(super) fn failed(tried: &'static str, error: &Error) -> StoreError {
    StoreError::Failed { tried, why: text(error) }
}

/// The outer text of an error is a mere kind of error.
pub(super) fn text(error: &Error) -> String {
    match (error.as_db_error(), error.source()) {
        (Some(said), _) => format!("PostgreSQL says: {} ({})", said.message(), said.code().code()),
        (None, Some(source)) => format!("{error}: {source}"),
        (None, None) => error.to_string(),
    }
}
