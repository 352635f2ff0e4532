//! Events: kept in the commit of their change, read from a position on, dropped from the old end.

use jiff::{SignedDuration, Timestamp};
use rusqlite::{Connection, OptionalExtension as _, params};

use super::StoreError;
use crate::store::{EventBounds, StoredEvent, Told};

/// Events are kept for so long …
const KEPT_FOR: SignedDuration = SignedDuration::from_hours(24 * 7);
/// … and no more than so many of them.
const KEPT_AT_MOST: i64 = 500_000;
/// So many old ones go with each new one.
const SWEEP: i64 = 16;

/// Keeps an event; its position is one more than that of the event before.
pub(super) fn keep(
    connection: &Connection,
    told: &Told,
    now: Timestamp,
) -> Result<i64, StoreError> {
    connection
        .prepare_cached("INSERT INTO event (at_ms, name, body) VALUES ($1, $2, $3)")?
        .execute(params![now.as_millisecond(), told.name, told.body.to_string()])?;
    let position = connection.last_insert_rowid();
    connection
        .prepare_cached(
            "DELETE FROM event WHERE position IN (
               SELECT position FROM event ORDER BY position LIMIT $1)
             AND (at_ms < $2 OR position <= $3)",
        )?
        .execute(params![SWEEP, (now - KEPT_FOR).as_millisecond(), position - KEPT_AT_MOST])?;
    Ok(position)
}

pub(super) fn after(
    connection: &Connection,
    position: i64,
    limit: u64,
) -> Result<Vec<StoredEvent>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT position, name, body FROM event WHERE position > $1 ORDER BY position LIMIT $2",
    )?;
    let rows = statement
        .query_map(params![position, i64::try_from(limit).unwrap_or(i64::MAX)], |row| {
            Ok(StoredEvent { position: row.get(0)?, name: row.get(1)?, body: row.get(2)? })
        })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// What is kept of the events that there have been.
pub(super) fn bounds(connection: &Connection) -> Result<EventBounds, StoreError> {
    let newest: Option<i64> = connection
        .prepare_cached("SELECT seq FROM sqlite_sequence WHERE name = 'event'")?
        .query_row([], |row| row.get(0))
        .optional()?;
    let newest = newest.unwrap_or(0);
    let oldest: Option<i64> = connection
        .prepare_cached("SELECT min(position) FROM event")?
        .query_row([], |row| row.get(0))?;
    Ok(EventBounds { floor: oldest.map_or(newest, |oldest| oldest - 1), newest })
}

/// The position after which everything from this moment on stands.
pub(super) fn position_at(connection: &Connection, at: Timestamp) -> Result<i64, StoreError> {
    let first: Option<i64> = connection
        .prepare_cached("SELECT min(position) FROM event WHERE at_ms >= $1")?
        .query_row(params![at.as_millisecond()], |row| row.get(0))?;
    match first {
        Some(first) => Ok(first - 1),
        None => Ok(bounds(connection)?.newest),
    }
}
