//! Values with a revision.

use super::apply::execute;
use super::connection::{Connection, params};
use super::read::rows;
use super::rows::{Columns, to_json, to_micros};
use crate::store::{DocumentRecord, Refusal, StoreError};

pub(super) fn put(
    connection: &dyn Connection,
    document: &DocumentRecord,
) -> Result<(), StoreError> {
    let DocumentRecord { kind, key, revision, value, at } = document;
    let values = params![kind, key, revision, to_json(value)?, to_micros(*at)];
    let sql = if *revision == 0 {
        "INSERT INTO documents (kind, key, revision, value, at) VALUES (?1, ?2, ?3 + 1, ?4, ?5) ON CONFLICT DO NOTHING"
    } else {
        "UPDATE documents SET revision = ?3 + 1, value = ?4, at = ?5 WHERE kind = ?1 AND key = ?2 AND revision = ?3"
    };
    match execute(connection, sql, values)? {
        0 => {
            let (kind, key) = (kind.clone(), key.clone());
            Err(StoreError::Refused(Refusal::DocumentMoved { kind, key }))
        }
        _ => Ok(()),
    }
}

pub(super) fn find(
    connection: &dyn Connection,
    kind: &str,
    key: &str,
) -> Result<Option<DocumentRecord>, StoreError> {
    let sql = "SELECT * FROM documents WHERE kind = ?1 AND key = ?2";
    Ok(rows(connection, "documents", sql, params![kind, key], document)?.pop())
}

pub(super) fn list(
    connection: &dyn Connection,
    kind: &str,
) -> Result<Vec<DocumentRecord>, StoreError> {
    let sql = "SELECT * FROM documents WHERE kind = ?1 ORDER BY key";
    rows(connection, "documents", sql, params![kind], document)
}

fn document(columns: &Columns<'_>) -> Result<DocumentRecord, StoreError> {
    Ok(DocumentRecord {
        kind: columns.get("kind")?,
        key: columns.get("key")?,
        revision: columns.get("revision")?,
        value: columns.json("value")?,
        at: columns.at("at")?,
    })
}
