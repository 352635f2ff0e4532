//! Applies one transaction's operations to the open group, and shows each change to the witness.

use rusqlite::{Connection, params};
use serde_json::Value;

use super::super::{CommitError, StoreError, Transaction, events, read};
use super::{Came, Desk};
use crate::store::{Cause, Conflict, Glance, Happened, Key, Kind, Operation, Relation};

pub(super) fn transaction(
    connection: &Connection,
    transaction: Transaction,
    desk: &mut Desk,
) -> Result<Came, CommitError> {
    let mut open = Open { connection, desk, cause: transaction.cause, came: Came::default() };
    for operation in transaction.operations {
        open.apply(operation)?;
    }
    Ok(open.came)
}

/// A transaction that is being applied.
struct Open<'a> {
    connection: &'a Connection,
    desk: &'a mut Desk,
    cause: Option<Cause>,
    came: Came,
}

impl Glance for Connection {
    fn glance(&self, kind: Kind, id: &str) -> Result<Option<Value>, StoreError> {
        Ok(read::get(self, kind, id)?.map(|found| found.body))
    }
}

impl Open<'_> {
    fn apply(&mut self, operation: Operation) -> Result<(), CommitError> {
        match operation {
            Operation::Require { kind, id } => self.require(kind, &id),
            Operation::Insert { kind, id, body, keys } => self.insert(kind, &id, &body, &keys),
            Operation::Replace { kind, id, version, body, keys } => {
                self.replace(kind, &id, version, &body, &keys)
            }
            Operation::Put { kind, id, body, keys } => self.put(kind, &id, &body, &keys),
            Operation::Delete { kind, id } => self.delete(kind, &id),
            Operation::DeleteMatching { kind, name, value } => {
                self.delete_matching(kind, name, &value)
            }
            Operation::Relate { relation, source, target } => {
                self.relate(relation, &source, &target)
            }
            Operation::Unrelate { relation, source, target } => {
                self.unrelate(relation, &source, &target)
            }
            Operation::UnrelateSource { relation, source } => self.run(
                "DELETE FROM relation WHERE name = $1 AND source = $2",
                params![relation.0, source],
            ),
            Operation::UnrelateTarget { relation, target } => self.run(
                "DELETE FROM relation WHERE name = $1 AND target = $2",
                params![relation.0, target],
            ),
            Operation::Log { user, body } => self.log(user.as_deref(), body),
        }
    }

    fn require(&self, kind: Kind, id: &str) -> Result<(), CommitError> {
        let is_there = self
            .connection
            .prepare_cached("SELECT 1 FROM document WHERE kind = $1 AND id = $2")
            .and_then(|mut statement| statement.exists(params![kind.0, id]))
            .map_err(StoreError::from)?;
        if is_there {
            Ok(())
        } else {
            Err(Conflict::Changed { kind: kind.0, id: id.to_owned() }.into())
        }
    }

    fn insert(
        &mut self,
        kind: Kind,
        id: &str,
        body: &Value,
        keys: &[Key],
    ) -> Result<(), CommitError> {
        let inserted = self.execute(
            "INSERT INTO document (kind, id, version, body) VALUES ($1, $2, 1, $3) ON CONFLICT (kind, id) DO NOTHING",
            params![kind.0, id, body.to_string()],
        )?;
        if inserted == 0 {
            return Err(Conflict::Exists { kind: kind.0, id: id.to_owned() }.into());
        }
        self.add_keys(kind, id, keys)?;
        self.show_document(kind, None, Some(body))
    }

    fn replace(
        &mut self,
        kind: Kind,
        id: &str,
        version: i64,
        body: &Value,
        keys: &[Key],
    ) -> Result<(), CommitError> {
        let before = self.pre_image(kind, id)?;
        let replaced = self.execute(
            "UPDATE document SET body = $1, version = version + 1 WHERE kind = $2 AND id = $3 AND version = $4",
            params![body.to_string(), kind.0, id, version],
        )?;
        if replaced == 0 {
            return Err(Conflict::Changed { kind: kind.0, id: id.to_owned() }.into());
        }
        self.remove_keys(kind, id)?;
        self.add_keys(kind, id, keys)?;
        self.show_document(kind, before.as_ref(), Some(body))
    }

    fn put(&mut self, kind: Kind, id: &str, body: &Value, keys: &[Key]) -> Result<(), CommitError> {
        let before = self.pre_image(kind, id)?;
        self.run(
            "INSERT INTO document (kind, id, version, body) VALUES ($1, $2, 1, $3)
             ON CONFLICT (kind, id) DO UPDATE SET body = excluded.body, version = version + 1",
            params![kind.0, id, body.to_string()],
        )?;
        self.remove_keys(kind, id)?;
        self.add_keys(kind, id, keys)?;
        self.show_document(kind, before.as_ref(), Some(body))
    }

    fn delete(&mut self, kind: Kind, id: &str) -> Result<(), CommitError> {
        let before = self.pre_image(kind, id)?;
        self.run("DELETE FROM document WHERE kind = $1 AND id = $2", params![kind.0, id])?;
        self.remove_keys(kind, id)?;
        match before {
            Some(before) => self.show_document(kind, Some(&before), None),
            None => Ok(()),
        }
    }

    fn delete_matching(&mut self, kind: Kind, name: &str, value: &str) -> Result<(), CommitError> {
        let sql = "SELECT id FROM shared_key WHERE kind = $1 AND name = $2 AND value = $3";
        let ids = self
            .connection
            .prepare_cached(sql)
            .and_then(|mut statement| {
                let ids = statement
                    .query_map(params![kind.0, name, value], |row| row.get::<_, String>(0))?;
                ids.collect::<Result<Vec<_>, _>>()
            })
            .map_err(StoreError::from)?;
        ids.iter().try_for_each(|id| self.delete(kind, id))
    }

    fn relate(
        &mut self,
        relation: Relation,
        source: &str,
        target: &str,
    ) -> Result<(), CommitError> {
        let added = self.execute(
            "INSERT INTO relation (name, source, target) VALUES ($1, $2, $3)
             ON CONFLICT (name, source, target) DO NOTHING",
            params![relation.0, source, target],
        )?;
        if added == 0 || !self.desk.witness.cares_for_relation(relation) {
            return Ok(());
        }
        self.show(Happened::Related { relation, source, target })
    }

    fn unrelate(
        &mut self,
        relation: Relation,
        source: &str,
        target: &str,
    ) -> Result<(), CommitError> {
        let removed = self.execute(
            "DELETE FROM relation WHERE name = $1 AND source = $2 AND target = $3",
            params![relation.0, source, target],
        )?;
        if removed == 0 || !self.desk.witness.cares_for_relation(relation) {
            return Ok(());
        }
        self.show(Happened::Unrelated { relation, source, target })
    }

    fn log(&mut self, user: Option<&str>, body: Value) -> Result<(), CommitError> {
        let id = self.desk.ids.next((self.desk.clock)());
        let body = with_id(&id, body);
        self.run(
            "INSERT INTO log_entry (id, user, body) VALUES ($1, $2, $3)",
            params![id, user, body.to_string()],
        )?;
        self.came.newest_entry = Some(id);
        Ok(())
    }

    /// The document as it is, where the witness wants to know.
    fn pre_image(&self, kind: Kind, id: &str) -> Result<Option<Value>, StoreError> {
        if !self.desk.witness.cares_for(kind) {
            return Ok(None);
        }
        self.connection.glance(kind, id)
    }

    fn show_document(
        &mut self,
        kind: Kind,
        before: Option<&Value>,
        after: Option<&Value>,
    ) -> Result<(), CommitError> {
        if !self.desk.witness.cares_for(kind) {
            return Ok(());
        }
        self.show(Happened::Document { kind, before, after })
    }

    fn show(&mut self, happened: Happened<'_>) -> Result<(), CommitError> {
        let now = (self.desk.clock)();
        let told = self.desk.witness.tell(happened, self.cause.as_ref(), now, self.connection)?;
        if let Some(told) = told {
            self.came.newest_event = Some(events::keep(self.connection, &told, now)?);
        }
        Ok(())
    }

    fn add_keys(&self, kind: Kind, id: &str, keys: &[Key]) -> Result<(), CommitError> {
        for key in keys {
            let sql = if key.unique {
                "INSERT INTO unique_key (kind, name, value, id) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING"
            } else {
                "INSERT INTO shared_key (kind, name, value, id) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING"
            };
            let added = self.execute(sql, params![kind.0, key.name, key.value, id])?;
            if key.unique && added == 0 {
                return Err(Conflict::Taken { kind: kind.0, key: key.name }.into());
            }
        }
        Ok(())
    }

    fn remove_keys(&self, kind: Kind, id: &str) -> Result<(), CommitError> {
        self.run("DELETE FROM unique_key WHERE kind = $1 AND id = $2", params![kind.0, id])?;
        self.run("DELETE FROM shared_key WHERE kind = $1 AND id = $2", params![kind.0, id])
    }

    fn run(&self, sql: &str, parameters: impl rusqlite::Params) -> Result<(), CommitError> {
        self.execute(sql, parameters)?;
        Ok(())
    }

    fn execute(&self, sql: &str, parameters: impl rusqlite::Params) -> Result<usize, StoreError> {
        Ok(self.connection.prepare_cached(sql)?.execute(parameters)?)
    }
}

/// `_id` and `log_id` stand first, as callers see them.
fn with_id(id: &str, body: Value) -> Value {
    let mut entry = serde_json::Map::new();
    entry.insert("_id".into(), id.into());
    entry.insert("log_id".into(), id.into());
    if let Value::Object(fields) = body {
        entry.extend(fields);
    }
    Value::Object(entry)
}
