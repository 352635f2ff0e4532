//! What a transaction changed, shown to somebody who may have something to tell of it.
//!
//! A backend shows each change of a kind or relation that the witness cares for while the transaction is still open, and
//! keeps what is told in the same commit: a change is never there without its event, nor an event without its change.

use jiff::Timestamp;
use serde_json::Value;

use super::{Kind, Relation, StoreError};

/// One change, as the store saw it.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Happened<'a> {
    /// Before and after; one of them is there.
    Document { kind: Kind, before: Option<&'a Value>, after: Option<&'a Value> },
    /// A pair that was not there before.
    Related { relation: Relation, source: &'a str, target: &'a str },
    /// A pair that was there. Those that go with one of their ends are not shown.
    Unrelated { relation: Relation, source: &'a str, target: &'a str },
}

/// Who caused a change, and with which request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Cause {
    pub(crate) client_id: String,
    /// Upper case.
    pub(crate) method: String,
    pub(crate) hostname: String,
    pub(crate) ip: String,
    pub(crate) user_agent: String,
}

/// An event that has not been kept yet.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Told {
    pub(crate) name: &'static str,
    pub(crate) body: Value,
}

/// Documents as the open transaction sees them.
pub(crate) trait Glance {
    fn glance(&self, kind: Kind, id: &str) -> Result<Option<Value>, StoreError>;
}

/// Decides what is told of a change. Pure but for the ids of events.
pub(crate) trait Witness: Send + Sync {
    fn cares_for(&self, kind: Kind) -> bool;

    fn cares_for_relation(&self, relation: Relation) -> bool;

    fn tell(
        &self,
        happened: Happened<'_>,
        cause: Option<&Cause>,
        now: Timestamp,
        store: &dyn Glance,
    ) -> Result<Option<Told>, StoreError>;
}
