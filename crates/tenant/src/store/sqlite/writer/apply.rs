//! Applies one transaction's operations to the open group.

use rusqlite::{Connection, params};
use serde_json::Value;

use super::super::{CommitError, StoreError, Transaction};
use super::LogIds;
use crate::Clock;
use crate::store::{Conflict, Key, Kind, Operation};

pub(super) fn transaction(
    connection: &Connection,
    transaction: Transaction,
    ids: &mut LogIds,
    clock: &Clock,
) -> Result<(), CommitError> {
    for operation in transaction.operations {
        apply(connection, operation, ids, clock)?;
    }
    Ok(())
}

fn apply(
    connection: &Connection,
    operation: Operation,
    ids: &mut LogIds,
    clock: &Clock,
) -> Result<(), CommitError> {
    match operation {
        Operation::Require { kind, id } => require(connection, kind, &id),
        Operation::Insert { kind, id, body, keys } => insert(connection, kind, &id, &body, &keys),
        Operation::Replace { kind, id, version, body, keys } => {
            replace(connection, kind, &id, version, &body, &keys)
        }
        Operation::Put { kind, id, body, keys } => put(connection, kind, &id, &body, &keys),
        Operation::Delete { kind, id } => delete(connection, kind, &id),
        Operation::DeleteMatching { kind, name, value } => {
            delete_matching(connection, kind, name, &value)
        }
        Operation::Relate { relation, source, target } => run(
            connection,
            "INSERT INTO relation (name, source, target) VALUES ($1, $2, $3)
             ON CONFLICT (name, source, target) DO NOTHING",
            params![relation.0, source, target],
        ),
        Operation::Unrelate { relation, source, target } => run(
            connection,
            "DELETE FROM relation WHERE name = $1 AND source = $2 AND target = $3",
            params![relation.0, source, target],
        ),
        Operation::UnrelateSource { relation, source } => run(
            connection,
            "DELETE FROM relation WHERE name = $1 AND source = $2",
            params![relation.0, source],
        ),
        Operation::UnrelateTarget { relation, target } => run(
            connection,
            "DELETE FROM relation WHERE name = $1 AND target = $2",
            params![relation.0, target],
        ),
        Operation::Log { user, body } => {
            let id = ids.next(clock());
            let body = with_id(&id, body);
            run(
                connection,
                "INSERT INTO log_entry (id, user, body) VALUES ($1, $2, $3)",
                params![id, user, body.to_string()],
            )
        }
    }
}

fn require(connection: &Connection, kind: Kind, id: &str) -> Result<(), CommitError> {
    let is_there = connection
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
    connection: &Connection,
    kind: Kind,
    id: &str,
    body: &Value,
    keys: &[Key],
) -> Result<(), CommitError> {
    let inserted = execute(
        connection,
        "INSERT INTO document (kind, id, version, body) VALUES ($1, $2, 1, $3) ON CONFLICT (kind, id) DO NOTHING",
        params![kind.0, id, body.to_string()],
    )?;
    if inserted == 0 {
        return Err(Conflict::Exists { kind: kind.0, id: id.to_owned() }.into());
    }
    add_keys(connection, kind, id, keys)
}

fn replace(
    connection: &Connection,
    kind: Kind,
    id: &str,
    version: i64,
    body: &Value,
    keys: &[Key],
) -> Result<(), CommitError> {
    let replaced = execute(
        connection,
        "UPDATE document SET body = $1, version = version + 1 WHERE kind = $2 AND id = $3 AND version = $4",
        params![body.to_string(), kind.0, id, version],
    )?;
    if replaced == 0 {
        return Err(Conflict::Changed { kind: kind.0, id: id.to_owned() }.into());
    }
    remove_keys(connection, kind, id)?;
    add_keys(connection, kind, id, keys)
}

fn put(
    connection: &Connection,
    kind: Kind,
    id: &str,
    body: &Value,
    keys: &[Key],
) -> Result<(), CommitError> {
    run(
        connection,
        "INSERT INTO document (kind, id, version, body) VALUES ($1, $2, 1, $3)
         ON CONFLICT (kind, id) DO UPDATE SET body = excluded.body, version = version + 1",
        params![kind.0, id, body.to_string()],
    )?;
    remove_keys(connection, kind, id)?;
    add_keys(connection, kind, id, keys)
}

fn delete(connection: &Connection, kind: Kind, id: &str) -> Result<(), CommitError> {
    run(connection, "DELETE FROM document WHERE kind = $1 AND id = $2", params![kind.0, id])?;
    remove_keys(connection, kind, id)
}

fn delete_matching(
    connection: &Connection,
    kind: Kind,
    name: &str,
    value: &str,
) -> Result<(), CommitError> {
    let sql = "SELECT id FROM shared_key WHERE kind = $1 AND name = $2 AND value = $3";
    let ids = connection
        .prepare_cached(sql)
        .and_then(|mut statement| {
            let ids =
                statement.query_map(params![kind.0, name, value], |row| row.get::<_, String>(0))?;
            ids.collect::<Result<Vec<_>, _>>()
        })
        .map_err(StoreError::from)?;
    ids.iter().try_for_each(|id| delete(connection, kind, id))
}

fn add_keys(
    connection: &Connection,
    kind: Kind,
    id: &str,
    keys: &[Key],
) -> Result<(), CommitError> {
    for key in keys {
        let sql = if key.unique {
            "INSERT INTO unique_key (kind, name, value, id) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING"
        } else {
            "INSERT INTO shared_key (kind, name, value, id) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING"
        };
        let added = execute(connection, sql, params![kind.0, key.name, key.value, id])?;
        if key.unique && added == 0 {
            return Err(Conflict::Taken { kind: kind.0, key: key.name }.into());
        }
    }
    Ok(())
}

fn remove_keys(connection: &Connection, kind: Kind, id: &str) -> Result<(), CommitError> {
    run(connection, "DELETE FROM unique_key WHERE kind = $1 AND id = $2", params![kind.0, id])?;
    run(connection, "DELETE FROM shared_key WHERE kind = $1 AND id = $2", params![kind.0, id])
}

fn run(
    connection: &Connection,
    sql: &str,
    parameters: impl rusqlite::Params,
) -> Result<(), CommitError> {
    execute(connection, sql, parameters)?;
    Ok(())
}

fn execute(
    connection: &Connection,
    sql: &str,
    parameters: impl rusqlite::Params,
) -> Result<usize, StoreError> {
    Ok(connection.prepare_cached(sql)?.execute(parameters)?)
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
