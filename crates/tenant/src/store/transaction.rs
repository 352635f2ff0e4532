//! A write as data: operations and what must hold for them.

use serde_json::Value;

use super::{Cause, Key, Kind, Relation};

/// Operations that happen together, in order.
#[derive(Debug, Clone, Default)]
pub(crate) struct Transaction {
    pub(crate) operations: Vec<Operation>,
    /// Who is named in the events of these changes.
    pub(crate) cause: Option<Cause>,
}

/// One operation. Those on documents carry preconditions; those on relations are idempotent.
#[derive(Debug, Clone)]
pub(crate) enum Operation {
    /// The document must be there.
    Require {
        kind: Kind,
        id: String,
    },
    /// The id and every unique key must be free.
    Insert {
        kind: Kind,
        id: String,
        body: Value,
        keys: Vec<Key>,
    },
    /// The document must still have this version; its new unique keys must be free.
    Replace {
        kind: Kind,
        id: String,
        version: i64,
        body: Value,
        keys: Vec<Key>,
    },
    /// Inserts, or replaces whatever version is there.
    Put {
        kind: Kind,
        id: String,
        body: Value,
        keys: Vec<Key>,
    },
    /// Absent is fine.
    Delete {
        kind: Kind,
        id: String,
    },
    /// Every document with this shared key.
    DeleteMatching {
        kind: Kind,
        name: &'static str,
        value: String,
    },
    Relate {
        relation: Relation,
        source: String,
        target: String,
    },
    Unrelate {
        relation: Relation,
        source: String,
        target: String,
    },
    /// Every pair with this source.
    UnrelateSource {
        relation: Relation,
        source: String,
    },
    /// Every pair with this target.
    UnrelateTarget {
        relation: Relation,
        target: String,
    },
    /// The store gives the entry its id.
    Log {
        user: Option<String>,
        body: Value,
    },
}

/// Which precondition did not hold.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Conflict {
    #[error("there is already a {kind} with the id {id}")]
    Exists { kind: &'static str, id: String },
    #[error("there is already a {kind} with this {key}")]
    Taken { kind: &'static str, key: &'static str },
    #[error("the {kind} {id} has changed or gone in the meantime")]
    Changed { kind: &'static str, id: String },
}

impl Transaction {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    pub(crate) fn caused_by(mut self, cause: Cause) -> Self {
        self.cause = Some(cause);
        self
    }

    pub(crate) fn require(mut self, kind: Kind, id: impl Into<String>) -> Self {
        self.operations.push(Operation::Require { kind, id: id.into() });
        self
    }

    pub(crate) fn insert(
        mut self,
        kind: Kind,
        id: impl Into<String>,
        body: Value,
        keys: Vec<Key>,
    ) -> Self {
        self.operations.push(Operation::Insert { kind, id: id.into(), body, keys });
        self
    }

    pub(crate) fn replace(
        mut self,
        kind: Kind,
        id: impl Into<String>,
        version: i64,
        body: Value,
        keys: Vec<Key>,
    ) -> Self {
        self.operations.push(Operation::Replace { kind, id: id.into(), version, body, keys });
        self
    }

    pub(crate) fn put(
        mut self,
        kind: Kind,
        id: impl Into<String>,
        body: Value,
        keys: Vec<Key>,
    ) -> Self {
        self.operations.push(Operation::Put { kind, id: id.into(), body, keys });
        self
    }

    pub(crate) fn delete(mut self, kind: Kind, id: impl Into<String>) -> Self {
        self.operations.push(Operation::Delete { kind, id: id.into() });
        self
    }

    pub(crate) fn delete_matching(
        mut self,
        kind: Kind,
        name: &'static str,
        value: impl Into<String>,
    ) -> Self {
        self.operations.push(Operation::DeleteMatching { kind, name, value: value.into() });
        self
    }

    pub(crate) fn relate(
        mut self,
        relation: Relation,
        source: impl Into<String>,
        target: impl Into<String>,
    ) -> Self {
        self.operations.push(Operation::Relate {
            relation,
            source: source.into(),
            target: target.into(),
        });
        self
    }

    pub(crate) fn unrelate(
        mut self,
        relation: Relation,
        source: impl Into<String>,
        target: impl Into<String>,
    ) -> Self {
        self.operations.push(Operation::Unrelate {
            relation,
            source: source.into(),
            target: target.into(),
        });
        self
    }

    pub(crate) fn unrelate_source(mut self, relation: Relation, source: impl Into<String>) -> Self {
        self.operations.push(Operation::UnrelateSource { relation, source: source.into() });
        self
    }

    pub(crate) fn unrelate_target(mut self, relation: Relation, target: impl Into<String>) -> Self {
        self.operations.push(Operation::UnrelateTarget { relation, target: target.into() });
        self
    }

    pub(crate) fn log(mut self, user: Option<String>, body: Value) -> Self {
        self.operations.push(Operation::Log { user, body });
        self
    }
}
