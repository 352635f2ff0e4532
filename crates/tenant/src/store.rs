//! What a tenant remembers, as a dozen primitives.
//!
//! *Documents* by kind and id, with keys by which they can be found; *relations*, ordered pairs of ids; the *log*,
//! append-only with time-ordered ids; *events*, which a [`Witness`] tells of changes. Behaviour composes these and never sees SQL. Reads are calls; a write is a
//! [`Transaction`]: a list of operations with their preconditions, as data, so that a backend can commit many
//! transactions at once, or send one in a single round trip.

mod news;
mod sqlite;
#[cfg(test)]
mod suite;
mod transaction;
mod witness;

use async_trait::async_trait;
use jiff::Timestamp;
use serde_json::Value;

pub(crate) use news::News;
pub use sqlite::Durability;
pub(crate) use sqlite::{Location, SqliteStore};
pub(crate) use transaction::{Conflict, Operation, Transaction};
pub(crate) use witness::{Cause, Glance, Happened, Told, Witness};

/// What sort of document: `user`, `role`. Each family names its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Kind(pub(crate) &'static str);

/// A relation between two documents: `user-role` from a user to a role.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Relation(pub(crate) &'static str);

/// A name and value by which documents of one kind can be found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Key {
    pub(crate) name: &'static str,
    pub(crate) value: String,
    pub(crate) unique: bool,
}

impl Key {
    /// No two documents of a kind have this key.
    pub(crate) fn unique(name: &'static str, value: impl Into<String>) -> Self {
        Self { name, value: value.into(), unique: true }
    }

    /// Any number of documents have this key.
    pub(crate) fn shared(name: &'static str, value: impl Into<String>) -> Self {
        Self { name, value: value.into(), unique: false }
    }
}

/// A stored document.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Document {
    pub(crate) id: String,
    /// 1 when inserted, one more with each replacement.
    pub(crate) version: i64,
    /// Position among the documents of its kind in order of insertion; grows, has gaps.
    pub(crate) position: i64,
    pub(crate) body: Value,
}

/// A stretch of an ordered list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Span {
    /// Only what comes after this position.
    pub(crate) after: i64,
    /// How many to leave out first.
    pub(crate) skip: u64,
    pub(crate) limit: u64,
}

impl Span {
    pub(crate) fn page(skip: u64, limit: u64) -> Self {
        Self { after: 0, skip, limit }
    }

    pub(crate) fn after(position: i64, limit: u64) -> Self {
        Self { after: position, skip: 0, limit }
    }
}

/// From which end a relation is looked at.
#[derive(Debug, Clone, Copy)]
pub(crate) enum End<'a> {
    /// What does this source lead to?
    From(&'a str),
    /// What leads to this target?
    To(&'a str),
}

/// The other end of a relation, with its place in the order of relating.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Related {
    pub(crate) id: String,
    pub(crate) position: i64,
}

/// In which order log entries are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Direction {
    OldestFirst,
    NewestFirst,
}

/// A stretch of the log.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LogSpan<'a> {
    pub(crate) direction: Direction,
    /// Exclusive: entries past this id in the direction of reading.
    pub(crate) past: Option<&'a str>,
    /// Only entries about this user.
    pub(crate) user: Option<&'a str>,
    pub(crate) limit: u64,
}

/// A log entry; `_id` and `log_id` stand first in its body.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct LogEntry {
    pub(crate) id: String,
    pub(crate) body: Value,
}

/// An event that was told of a change. Positions grow by one from event to event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StoredEvent {
    pub(crate) position: i64,
    /// `user.created`
    pub(crate) name: String,
    /// JSON, as it was told.
    pub(crate) body: String,
}

/// Which events can still be read: those after `floor`, up to `newest`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct EventBounds {
    pub(crate) floor: i64,
    pub(crate) newest: i64,
}

/// The storage itself failed; nothing that a caller did.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error("the database refused")]
    Sqlite(#[from] rusqlite::Error),
    #[error("row {id} of table {table} does not hold JSON")]
    Inconsistent { table: &'static str, id: String, source: serde_json::Error },
    #[error("the store has stopped")]
    Stopped,
    #[error("cannot use the data folder {path}")]
    Folder { path: String, source: std::io::Error },
}

/// Why a transaction was not committed; nothing of it was.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CommitError {
    #[error(transparent)]
    Conflict(#[from] Conflict),
    #[error("the store failed")]
    Store(#[from] StoreError),
}

/// One tenant's storage.
#[async_trait]
pub(crate) trait Store: Send + Sync {
    async fn get(&self, kind: Kind, id: &str) -> Result<Option<Document>, StoreError>;

    /// The document with this unique key.
    async fn find(
        &self,
        kind: Kind,
        name: &'static str,
        value: &str,
    ) -> Result<Option<Document>, StoreError>;

    /// Documents with this shared key, oldest first.
    async fn matching(
        &self,
        kind: Kind,
        name: &'static str,
        value: &str,
        span: Span,
    ) -> Result<Vec<Document>, StoreError>;

    /// Documents of a kind, oldest first.
    async fn list(&self, kind: Kind, span: Span) -> Result<Vec<Document>, StoreError>;

    async fn count(&self, kind: Kind) -> Result<u64, StoreError>;

    /// The other ends of a relation, in the order in which they were related.
    async fn related(
        &self,
        relation: Relation,
        end: End<'_>,
        span: Span,
    ) -> Result<Vec<Related>, StoreError>;

    async fn count_related(&self, relation: Relation, end: End<'_>) -> Result<u64, StoreError>;

    async fn is_related(
        &self,
        relation: Relation,
        source: &str,
        target: &str,
    ) -> Result<bool, StoreError>;

    async fn log_entry(&self, id: &str) -> Result<Option<LogEntry>, StoreError>;

    async fn log_entries(&self, span: LogSpan<'_>) -> Result<Vec<LogEntry>, StoreError>;

    /// Events after a position, in order.
    async fn events(&self, after: i64, limit: u64) -> Result<Vec<StoredEvent>, StoreError>;

    async fn event_bounds(&self) -> Result<EventBounds, StoreError>;

    /// The position after which the events since a moment stand.
    async fn event_position_at(&self, moment: Timestamp) -> Result<i64, StoreError>;

    /// How to learn of new events and log entries.
    fn news(&self) -> &News;

    /// All operations or none. What has been committed survives a crash.
    async fn commit(&self, transaction: Transaction) -> Result<(), CommitError>;
}
