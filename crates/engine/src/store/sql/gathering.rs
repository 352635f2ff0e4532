//! Events on their way to runs that need several.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde_json::Value;

use super::apply::{create_run, execute};
use super::connection::{Connection, params};
use super::read::rows;
use super::rows::{to_json, to_micros};
use crate::store::gathering::{Gathered, MOST_GATHERED, holds};
use crate::store::{Gather, StoreError};

/// Adds the event and begins the run if it is the one that was missing.
pub(super) fn gather(connection: &dyn Connection, gather: &Gather) -> Result<(), StoreError> {
    let Gather { workflow, key, part, event_id, event_at, given, rule, run, .. } = gather;
    let (happened, now) = (to_micros(*event_at), to_micros(run.at));
    // As it is read back: stored instants are rounded.
    let event_at = Timestamp::from_microsecond(happened).unwrap_or(*event_at);
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
    let forgotten = to_micros(rule.forgets_before(run.at.min(event_at)));
    let sql = "DELETE FROM gathered WHERE workflow = ?1 AND event_at < ?2";
    execute(connection, sql, params![workflow, forgotten])?;
    let sql = "DELETE FROM gatherings WHERE workflow = ?1 AND touched_at < ?2 AND key <> ?3";
    execute(connection, sql, params![workflow, forgotten, key])?;
    forget_more(connection, gather)?;
    let sql = "SELECT fired_at, workflow FROM gatherings WHERE workflow = ?1 AND key = ?2";
    let fired_at = rows(connection, "gatherings", sql, params![workflow, key], |columns| {
        columns.optional_at("fired_at")
    })?;
    let fired_at = fired_at.into_iter().flatten().next();
    let all = in_reach(connection, gather, event_at)?;
    let holds = match rule.condition() {
        Some(condition) => {
            let ids: Vec<i64> = all.iter().map(|event| event.id).collect();
            holds(condition, given_by(connection, gather, &ids)?)
        }
        None => false,
    };
    let Some(enough) = rule.is_met(&all, holds, event_at, fired_at) else { return Ok(()) };
    let input = given_by(connection, gather, &enough.given)?;
    for id in &enough.taken {
        connection.perform("DELETE FROM gathered WHERE id = ?1", params![id])?;
    }
    let latest = fired_at.map_or(enough.at, |fired_at| fired_at.max(enough.at));
    let sql = "UPDATE gatherings SET fired_at = ?3, run_id = ?4 WHERE workflow = ?1 AND key = ?2";
    execute(connection, sql, params![workflow, key, to_micros(latest), run.id.as_str()])?;
    create_run(connection, &gather.begun_with(input))
}

/// What is more than anybody waits for goes, the oldest first, so that no event costs more than the one before.
fn forget_more(connection: &dyn Connection, gather: &Gather) -> Result<(), StoreError> {
    let Gather { workflow, key, part, .. } = gather;
    let most = i64::try_from(MOST_GATHERED).unwrap_or(i64::MAX);
    let sql = "DELETE FROM gathered WHERE id IN (SELECT id FROM gathered \
               WHERE workflow = ?1 AND key = ?2 AND part = ?3 \
               ORDER BY event_at DESC, id DESC LIMIT ?4 OFFSET ?5)";
    execute(connection, sql, params![workflow, key, part, i64::MAX, most]).map(drop)
}

/// The events of the key that can matter to the rule, without what they hold.
fn in_reach(
    connection: &dyn Connection,
    gather: &Gather,
    event_at: Timestamp,
) -> Result<Vec<Gathered>, StoreError> {
    let Gather { workflow, key, rule, .. } = gather;
    let (from, to) = rule.reach(event_at);
    let sql = "SELECT id, part, event_at FROM gathered \
               WHERE workflow = ?1 AND key = ?2 AND event_at BETWEEN ?3 AND ?4 ORDER BY id";
    let values = params![workflow, key, to_micros(from), to_micros(to)];
    rows(connection, "gathered", sql, values, |columns| {
        Ok(Gathered {
            id: columns.get("id")?,
            part: columns.get("part")?,
            at: columns.at("event_at")?,
        })
    })
}

/// What a run reads of these events, in this order.
fn given_by(
    connection: &dyn Connection,
    gather: &Gather,
    ids: &[i64],
) -> Result<Vec<Value>, StoreError> {
    let (Some(first), Some(last)) = (ids.iter().min(), ids.iter().max()) else {
        return Ok(Vec::new());
    };
    let Gather { workflow, key, .. } = gather;
    let wanted: BTreeSet<i64> = ids.iter().copied().collect();
    let sql = "SELECT id, given FROM gathered \
               WHERE workflow = ?1 AND key = ?2 AND id BETWEEN ?3 AND ?4";
    let values = params![workflow, key, *first, *last];
    let found = rows(connection, "gathered", sql, values, |columns| {
        let id: i64 = columns.get("id")?;
        let given = if wanted.contains(&id) { Some(columns.json("given")?) } else { None };
        Ok((id, given))
    })?;
    let mut found: BTreeMap<i64, Value> =
        found.into_iter().filter_map(|(id, given)| Some((id, given?))).collect();
    Ok(ids.iter().filter_map(|id| found.remove(id)).collect())
}

/// Nobody waits any more for the events of a workflow that leaves the library with this file.
pub(super) fn forget(connection: &dyn Connection, file: &str) -> Result<(), StoreError> {
    let named =
        "SELECT workflows.name FROM library JOIN workflows ON workflows.hash = library.hash";
    for table in ["gathered", "gatherings"] {
        let sql = format!(
            "DELETE FROM {table} WHERE workflow IN ({named} WHERE library.file = ?1) \
             AND workflow NOT IN ({named} WHERE library.file <> ?1)"
        );
        connection.perform(&sql, params![file])?;
    }
    Ok(())
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
