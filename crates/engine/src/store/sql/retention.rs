//! What is over leaves the tables.

use jiff::Timestamp;

use super::apply::{FINAL, execute};
use super::connection::{Connection, params};
use super::read::{rows, run};
use super::rows::to_micros;
use crate::ids::RunId;
use crate::store::{Refusal, RunRecord, StoreError};

pub(super) fn finished(
    connection: &dyn Connection,
    before: Timestamp,
    limit: usize,
) -> Result<Vec<RunRecord>, StoreError> {
    let sql = format!(
        "SELECT * FROM runs WHERE status IN {FINAL} AND updated_at < ?1 ORDER BY updated_at LIMIT ?2"
    );
    rows(connection, "runs", &sql, params![to_micros(before), most(limit)], run)
}

pub(super) fn archived(
    connection: &dyn Connection,
    id: &RunId,
) -> Result<Option<String>, StoreError> {
    let sql = "SELECT run_id, file FROM archived_runs WHERE run_id = ?1";
    let found = rows(connection, "archived_runs", sql, params![id.as_str()], |row| row.get("file"));
    Ok(found?.pop())
}

/// What hangs on a run goes first; an occurrence stays, so that it does not happen again.
pub(super) fn remove(
    connection: &dyn Connection,
    run: &RunId,
    file: &str,
) -> Result<(), StoreError> {
    let values = params![run.as_str()];
    for sql in [
        "DELETE FROM journal WHERE run_id = ?1",
        "DELETE FROM signals WHERE run_id = ?1",
        "DELETE FROM subscriptions WHERE run_id = ?1",
        "DELETE FROM approvals WHERE run_id = ?1",
        "DELETE FROM lanes WHERE run_id = ?1",
        "UPDATE occurrences SET run_id = NULL, why = 'its run is archived' WHERE run_id = ?1",
    ] {
        connection.perform(sql, values)?;
    }
    let sql = format!("DELETE FROM runs WHERE id = ?1 AND status IN {FINAL}");
    if execute(connection, &sql, values)? == 0 {
        return Err(StoreError::Refused(Refusal::NoSuchRun { run: run.clone() }));
    }
    connection.perform(
        "INSERT INTO archived_runs (run_id, file) VALUES (?1, ?2) ON CONFLICT (run_id) DO NOTHING",
        params![run.as_str(), file],
    )
}

pub(super) fn expire(
    connection: &dyn Connection,
    before: Timestamp,
    limit: usize,
) -> Result<usize, StoreError> {
    let values = params![to_micros(before), most(limit)];
    let events = execute(
        connection,
        "DELETE FROM inbox WHERE (app, trigger_name, link, dedupe_key) IN \
         (SELECT app, trigger_name, link, dedupe_key FROM inbox WHERE at < ?1 ORDER BY at LIMIT ?2)",
        values,
    )?;
    let starts = execute(
        connection,
        "DELETE FROM start_keys WHERE key IN \
         (SELECT key FROM start_keys WHERE at < ?1 ORDER BY at LIMIT ?2)",
        values,
    )?;
    Ok(events.max(starts))
}

fn most(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}
