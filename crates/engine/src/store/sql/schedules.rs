//! Schedules and their occurrences as SQL.

use jiff::Timestamp;

use super::apply::execute;
use super::connection::{Connection, params};
use super::read::rows;
use super::rows::{Columns, optional_micros, to_micros};
use crate::ids::RunId;
use crate::store::{
    Occurrence, OccurrenceState, Paused, QueuedOccurrence, Refusal, ScheduleRecord,
    SettledOccurrence, Standing, StoreError,
};

/// No list is longer than this.
const MOST: usize = 1_000;

pub(super) fn put(
    connection: &dyn Connection,
    schedule: &ScheduleRecord,
) -> Result<(), StoreError> {
    let ScheduleRecord { workflow, revision, plan, anchor, watermark, next_at, wake_at, paused } =
        schedule;
    let values = params![
        workflow,
        revision,
        plan,
        to_micros(*anchor),
        to_micros(*watermark),
        optional_micros(*next_at),
        optional_micros(*wake_at),
        optional_micros(paused.as_ref().map(|paused| paused.at)),
        paused.as_ref().map(|paused| &paused.by),
    ];
    let sql = if *revision == 0 {
        "INSERT INTO schedules (workflow, revision, plan, anchor, watermark, next_at, wake_at, paused_at, paused_by) \
         VALUES (?1, ?2 + 1, ?3, ?4, ?5, ?6, ?7, ?8, ?9) ON CONFLICT DO NOTHING"
    } else {
        "UPDATE schedules SET revision = ?2 + 1, plan = ?3, anchor = ?4, watermark = ?5, next_at = ?6, wake_at = ?7, \
         paused_at = ?8, paused_by = ?9 WHERE workflow = ?1 AND revision = ?2"
    };
    match execute(connection, sql, values)? {
        0 => Err(moved(workflow)),
        _ => Ok(()),
    }
}

pub(super) fn add(connection: &dyn Connection, occurrence: &Occurrence) -> Result<(), StoreError> {
    let Occurrence { workflow, planned_at, last_at, count, origin, asked_by, .. } = occurrence;
    let count = count.and_then(|count| i64::try_from(count).ok());
    let added = execute(
        connection,
        "INSERT INTO occurrences (workflow, planned_at, last_at, count, origin, asked_by, state, why, run_id, at, ended_at) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11) ON CONFLICT DO NOTHING",
        params![
            workflow,
            to_micros(*planned_at),
            to_micros(*last_at),
            count,
            origin.name(),
            asked_by,
            occurrence.state.name(),
            occurrence.why,
            occurrence.run.as_ref().map(RunId::as_str),
            to_micros(occurrence.at),
            optional_micros(occurrence.ended_at),
        ],
    )?;
    if added == 1 {
        return Ok(());
    }
    let (workflow, planned_at) = (workflow.clone(), *planned_at);
    Err(StoreError::Refused(Refusal::OccurrenceTaken { workflow, planned_at }))
}

pub(super) fn settle(
    connection: &dyn Connection,
    settled: &SettledOccurrence,
) -> Result<(), StoreError> {
    let SettledOccurrence { id, workflow, state, why, run, at } = settled;
    let changed = execute(
        connection,
        "UPDATE occurrences SET state = ?2, why = ?3, run_id = ?4, at = ?5 WHERE id = ?1 AND state = 'queued'",
        params![id, state.name(), why, run.as_ref().map(RunId::as_str), to_micros(*at)],
    )?;
    if changed == 1 { Ok(()) } else { Err(moved(workflow)) }
}

/// The end of an occurrence's run makes its schedule due: something may wait for it.
pub(super) fn run_ended(
    connection: &dyn Connection,
    run: &RunId,
    at: Timestamp,
) -> Result<(), StoreError> {
    let values = params![run.as_str(), to_micros(at)];
    let sql = "UPDATE occurrences SET ended_at = ?2 WHERE run_id = ?1 AND ended_at IS NULL";
    if execute(connection, sql, values)? == 0 {
        return Ok(());
    }
    execute(
        connection,
        "UPDATE schedules SET revision = revision + 1, \
         wake_at = CASE WHEN plan IS NULL OR paused_at IS NOT NULL OR wake_at < ?2 THEN wake_at ELSE ?2 END \
         WHERE workflow = (SELECT workflow FROM occurrences WHERE run_id = ?1)",
        values,
    )
    .map(drop)
}

pub(super) fn list(connection: &dyn Connection) -> Result<Vec<ScheduleRecord>, StoreError> {
    rows(connection, "schedules", "SELECT * FROM schedules ORDER BY workflow", &[], schedule)
}

pub(super) fn due(
    connection: &dyn Connection,
    now: Timestamp,
    ahead: Timestamp,
) -> Result<Vec<String>, StoreError> {
    let sql = "SELECT workflow FROM schedules WHERE wake_at <= ?1 \
               OR (wake_at IS NOT NULL AND (watermark > ?2 OR (next_at IS NULL AND wake_at > ?2)))";
    let values = params![to_micros(now), to_micros(ahead)];
    rows(connection, "schedules", sql, values, |columns| columns.get("workflow"))
}

pub(super) fn next_wake(connection: &dyn Connection) -> Result<Option<Timestamp>, StoreError> {
    let sql = "SELECT MIN(wake_at) AS wake_at FROM schedules WHERE wake_at IS NOT NULL";
    let found = rows(connection, "schedules", sql, &[], |columns| columns.optional_at("wake_at"));
    Ok(found?.pop().flatten())
}

pub(super) fn standing(
    connection: &dyn Connection,
    workflow: &str,
) -> Result<Option<Standing>, StoreError> {
    // One statement at a time sees no change of another connection half: the revision tells if something moved between.
    let sql = "SELECT * FROM schedules WHERE workflow = ?1";
    let Some(schedule) = rows(connection, "schedules", sql, params![workflow], schedule)?.pop()
    else {
        return Ok(None);
    };
    let sql = "SELECT * FROM occurrences WHERE workflow = ?1 AND state = 'queued' ORDER BY id";
    let queued = rows(connection, "occurrences", sql, params![workflow], |columns| {
        Ok(QueuedOccurrence {
            id: columns.get("id")?,
            planned_at: columns.at("planned_at")?,
            origin: columns.parse("origin")?,
            asked_by: columns.get("asked_by")?,
        })
    })?;
    let sql = "SELECT run_id FROM occurrences WHERE workflow = ?1 AND state = 'started' AND ended_at IS NULL ORDER BY id";
    let open =
        rows(connection, "occurrences", sql, params![workflow], |columns| columns.parse("run_id"))?;
    let sql = "SELECT MAX(ended_at) AS ended_at FROM occurrences WHERE workflow = ?1 AND ended_at IS NOT NULL";
    let last_ended = rows(connection, "occurrences", sql, params![workflow], |columns| {
        columns.optional_at("ended_at")
    })?;
    Ok(Some(Standing {
        schedule,
        queued,
        open,
        last_ended: last_ended.into_iter().flatten().next(),
    }))
}

pub(super) fn occurrences(
    connection: &dyn Connection,
    workflow: &str,
    before: Option<i64>,
    limit: usize,
) -> Result<Vec<Occurrence>, StoreError> {
    let sql = "SELECT * FROM occurrences WHERE workflow = ?1 AND id < ?2 ORDER BY id DESC LIMIT ?3";
    let limit = i64::try_from(limit.min(MOST)).unwrap_or_default();
    let values = params![workflow, before.unwrap_or(i64::MAX), limit];
    rows(connection, "occurrences", sql, values, occurrence)
}

pub(super) fn find_occurrence(
    connection: &dyn Connection,
    workflow: &str,
    planned_at: Timestamp,
) -> Result<Option<Occurrence>, StoreError> {
    let sql = "SELECT * FROM occurrences WHERE workflow = ?1 AND planned_at = ?2 AND state IN ('started', 'queued')";
    let values = params![workflow, to_micros(planned_at)];
    Ok(rows(connection, "occurrences", sql, values, occurrence)?.pop())
}

fn schedule(columns: &Columns<'_>) -> Result<ScheduleRecord, StoreError> {
    let paused = match columns.optional_at("paused_at")? {
        Some(at) => Some(Paused { at, by: columns.get("paused_by")? }),
        None => None,
    };
    Ok(ScheduleRecord {
        workflow: columns.get("workflow")?,
        revision: columns.get("revision")?,
        plan: columns.get("plan")?,
        anchor: columns.at("anchor")?,
        watermark: columns.at("watermark")?,
        next_at: columns.optional_at("next_at")?,
        wake_at: columns.optional_at("wake_at")?,
        paused,
    })
}

fn occurrence(columns: &Columns<'_>) -> Result<Occurrence, StoreError> {
    let run = columns.get::<Option<String>>("run_id")?;
    let count = columns.get::<Option<i64>>("count")?;
    Ok(Occurrence {
        id: columns.get("id")?,
        workflow: columns.get("workflow")?,
        planned_at: columns.at("planned_at")?,
        last_at: columns.at("last_at")?,
        count: count.and_then(|count| u64::try_from(count).ok()),
        origin: columns.parse("origin")?,
        asked_by: columns.get("asked_by")?,
        state: columns.parse::<OccurrenceState>("state")?,
        why: columns.get("why")?,
        run: if run.is_some() { Some(columns.parse("run_id")?) } else { None },
        at: columns.at("at")?,
        ended_at: columns.optional_at("ended_at")?,
    })
}

fn moved(workflow: &str) -> StoreError {
    StoreError::Refused(Refusal::ScheduleMoved { workflow: workflow.to_owned() })
}
