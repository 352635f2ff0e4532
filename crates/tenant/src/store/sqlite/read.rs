//! The reading half, one function per primitive.
//!
//! Parameters are written `$1` as in other databases. To SQLite those are names, numbered as they first appear, so they
//! must appear in order.

use rusqlite::{Connection, OptionalExtension as _, Params, Row, params};
use serde_json::Value;

use super::{
    Direction, Document, End, Kind, LogEntry, LogSpan, Related, Relation, Span, StoreError,
};

/// Columns of a document in the order that [`document`] reads.
const COLUMNS: &str = "d.id, d.version, d.position, d.body";

pub(super) fn get(
    connection: &Connection,
    kind: Kind,
    id: &str,
) -> Result<Option<Document>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM document d WHERE d.kind = $1 AND d.id = $2");
    one_document(connection, &sql, params![kind.0, id])
}

pub(super) fn find(
    connection: &Connection,
    kind: Kind,
    name: &str,
    value: &str,
) -> Result<Option<Document>, StoreError> {
    let sql = format!(
        "SELECT {COLUMNS} FROM unique_key k JOIN document d ON d.kind = k.kind AND d.id = k.id
         WHERE k.kind = $1 AND k.name = $2 AND k.value = $3"
    );
    one_document(connection, &sql, params![kind.0, name, value])
}

pub(super) fn matching(
    connection: &Connection,
    kind: Kind,
    name: &str,
    value: &str,
    span: Span,
) -> Result<Vec<Document>, StoreError> {
    let sql = format!(
        "SELECT {COLUMNS} FROM shared_key k JOIN document d ON d.kind = k.kind AND d.id = k.id
         WHERE k.kind = $1 AND k.name = $2 AND k.value = $3 AND d.position > $4
         ORDER BY d.position LIMIT $5 OFFSET $6"
    );
    documents(
        connection,
        &sql,
        params![kind.0, name, value, span.after, sql_count(span.limit), sql_count(span.skip)],
    )
}

pub(super) fn list(
    connection: &Connection,
    kind: Kind,
    span: Span,
) -> Result<Vec<Document>, StoreError> {
    let sql = format!(
        "SELECT {COLUMNS} FROM document d WHERE d.kind = $1 AND d.position > $2
         ORDER BY d.position LIMIT $3 OFFSET $4"
    );
    documents(
        connection,
        &sql,
        params![kind.0, span.after, sql_count(span.limit), sql_count(span.skip)],
    )
}

pub(super) fn count(connection: &Connection, kind: Kind) -> Result<u64, StoreError> {
    number(connection, "SELECT count(*) FROM document WHERE kind = $1", params![kind.0])
}

pub(super) fn related(
    connection: &Connection,
    relation: Relation,
    end: End<'_>,
    span: Span,
) -> Result<Vec<Related>, StoreError> {
    let (sql, id) = match end {
        End::From(id) => (
            "SELECT target, position FROM relation WHERE name = $1 AND source = $2 AND position > $3
             ORDER BY position LIMIT $4 OFFSET $5",
            id,
        ),
        End::To(id) => (
            "SELECT source, position FROM relation WHERE name = $1 AND target = $2 AND position > $3
             ORDER BY position LIMIT $4 OFFSET $5",
            id,
        ),
    };
    let mut statement = connection.prepare_cached(sql)?;
    let rows = statement.query_map(
        params![relation.0, id, span.after, sql_count(span.limit), sql_count(span.skip)],
        |row| Ok(Related { id: row.get(0)?, position: row.get(1)? }),
    )?;
    Ok(rows.collect::<Result<_, _>>()?)
}

pub(super) fn count_related(
    connection: &Connection,
    relation: Relation,
    end: End<'_>,
) -> Result<u64, StoreError> {
    match end {
        End::From(id) => number(
            connection,
            "SELECT count(*) FROM relation WHERE name = $1 AND source = $2",
            params![relation.0, id],
        ),
        End::To(id) => number(
            connection,
            "SELECT count(*) FROM relation WHERE name = $1 AND target = $2",
            params![relation.0, id],
        ),
    }
}

pub(super) fn is_related(
    connection: &Connection,
    relation: Relation,
    source: &str,
    target: &str,
) -> Result<bool, StoreError> {
    let sql = "SELECT 1 FROM relation WHERE name = $1 AND source = $2 AND target = $3";
    Ok(connection.prepare_cached(sql)?.exists(params![relation.0, source, target])?)
}

pub(super) fn log_entry(connection: &Connection, id: &str) -> Result<Option<LogEntry>, StoreError> {
    let mut statement =
        connection.prepare_cached("SELECT id, body FROM log_entry WHERE id = $1")?;
    let row = statement.query_row(params![id], text_pair).optional()?;
    row.map(entry).transpose()
}

pub(super) fn log_entries(
    connection: &Connection,
    span: LogSpan<'_>,
) -> Result<Vec<LogEntry>, StoreError> {
    let (comparison, order, far_end) = match span.direction {
        Direction::OldestFirst => (">", "ASC", ""),
        // Ids are digits, so every one of them sorts before this.
        Direction::NewestFirst => ("<", "DESC", "a"),
    };
    let user = if span.user.is_some() { "user = $2" } else { "$2 IS NULL" };
    let sql = format!(
        "SELECT id, body FROM log_entry WHERE id {comparison} $1 AND {user} ORDER BY id {order} LIMIT $3"
    );
    let mut statement = connection.prepare_cached(&sql)?;
    let past = span.past.unwrap_or(far_end);
    let rows = statement.query_map(params![past, span.user, sql_count(span.limit)], text_pair)?;
    rows.map(|row| entry(row?)).collect()
}

fn one_document(
    connection: &Connection,
    sql: &str,
    parameters: impl Params,
) -> Result<Option<Document>, StoreError> {
    let mut statement = connection.prepare_cached(sql)?;
    let row = statement.query_row(parameters, raw_document).optional()?;
    row.map(document).transpose()
}

fn documents(
    connection: &Connection,
    sql: &str,
    parameters: impl Params,
) -> Result<Vec<Document>, StoreError> {
    let mut statement = connection.prepare_cached(sql)?;
    let rows = statement.query_map(parameters, raw_document)?;
    rows.map(|row| document(row?)).collect()
}

fn number(connection: &Connection, sql: &str, parameters: impl Params) -> Result<u64, StoreError> {
    let count: i64 = connection.prepare_cached(sql)?.query_row(parameters, |row| row.get(0))?;
    Ok(u64::try_from(count).unwrap_or(0))
}

type RawDocument = (String, i64, i64, String);

fn raw_document(row: &Row<'_>) -> rusqlite::Result<RawDocument> {
    Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
}

fn document((id, version, position, text): RawDocument) -> Result<Document, StoreError> {
    let body = json("document", &id, &text)?;
    Ok(Document { id, version, position, body })
}

fn text_pair(row: &Row<'_>) -> rusqlite::Result<(String, String)> {
    Ok((row.get(0)?, row.get(1)?))
}

fn entry((id, text): (String, String)) -> Result<LogEntry, StoreError> {
    let body = json("log_entry", &id, &text)?;
    Ok(LogEntry { id, body })
}

fn json(table: &'static str, id: &str, text: &str) -> Result<Value, StoreError> {
    serde_json::from_str(text).map_err(|source| StoreError::Inconsistent {
        table,
        id: id.to_owned(),
        source,
    })
}

fn sql_count(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
