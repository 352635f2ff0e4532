//! Events on their way to runs that need several.

use super::apply::{create_run, execute};
use super::connection::{Connection, params};
use super::read::rows;
use super::rows::{to_json, to_micros};
use crate::store::gathering::{Gathered, begun_with};
use crate::store::{Gather, StoreError};

/// Adds the event and begins the run if it is the one that was missing.
pub(super) fn gather(connection: &dyn Connection, gather: &Gather) -> Result<(), StoreError> {
    let Gather { workflow, key, part, event_id, event_at, given, rule, run } = gather;
    let (happened, now) = (to_micros(*event_at), to_micros(run.at));
    // First the row of the key: whoever gathers for it waits until this transaction is over.
    execute(
        connection,
        "INSERT INTO gatherings (workflow, key, touched_at) VALUES (?1, ?2, ?3) \
         ON CONFLICT (workflow, key) DO UPDATE SET touched_at = excluded.touched_at",
        params![workflow, key, now],
    )?;
    let added = execute(
        connection,
        "INSERT INTO gathered (workflow, key, part, event_id, event_at, given) VALUES (?1, ?2, ?3, ?4, ?5, ?6) \
         ON CONFLICT DO NOTHING",
        params![workflow, key, part, event_id, happened, to_json(given)?],
    )?;
    if added == 0 {
        return Ok(());
    }
    let forgotten = to_micros(rule.forgets_before(run.at.min(*event_at)));
    let sql = "DELETE FROM gathered WHERE workflow = ?1 AND event_at < ?2";
    execute(connection, sql, params![workflow, forgotten])?;
    let sql = "DELETE FROM gatherings WHERE workflow = ?1 AND touched_at < ?2 AND key <> ?3";
    execute(connection, sql, params![workflow, forgotten, key])?;
    let sql = "SELECT fired_at, workflow FROM gatherings WHERE workflow = ?1 AND key = ?2";
    let fired_at = rows(connection, "gatherings", sql, params![workflow, key], |columns| {
        columns.optional_at("fired_at")
    })?;
    let sql = "SELECT id, part, event_at, given FROM gathered WHERE workflow = ?1 AND key = ?2 ORDER BY id";
    let all = rows(connection, "gathered", sql, params![workflow, key], |columns| {
        Ok(Gathered {
            id: columns.get("id")?,
            part: columns.get("part")?,
            at: columns.at("event_at")?,
            given: columns.json("given")?,
        })
    })?;
    let fired_at = fired_at.into_iter().flatten().next();
    let Some(enough) = rule.is_met(&all, *event_at, fired_at) else { return Ok(()) };
    for id in &enough.taken {
        execute(connection, "DELETE FROM gathered WHERE id = ?1", params![id])?;
    }
    let latest = fired_at.map_or(enough.at, |fired_at| fired_at.max(enough.at));
    let sql = "UPDATE gatherings SET fired_at = ?3, run_id = ?4 WHERE workflow = ?1 AND key = ?2";
    execute(connection, sql, params![workflow, key, to_micros(latest), run.id.as_str()])?;
    create_run(connection, &begun_with(run, enough.input))
}

/// Keys for which events are gathered now, and the last run that began so.
pub(super) fn standing(
    connection: &dyn Connection,
    workflow: &str,
) -> Result<(i64, Option<String>), StoreError> {
    let sql = "SELECT COUNT(DISTINCT key) AS keys FROM gathered WHERE workflow = ?1";
    let keys = rows(connection, "gathered", sql, params![workflow], |columns| columns.get("keys"))?;
    let sql = "SELECT run_id, workflow FROM gatherings WHERE workflow = ?1 AND run_id IS NOT NULL \
               ORDER BY run_id DESC LIMIT 1";
    let last =
        rows(connection, "gatherings", sql, params![workflow], |columns| columns.get("run_id"))?;
    Ok((keys.first().copied().unwrap_or_default(), last.into_iter().next()))
}
