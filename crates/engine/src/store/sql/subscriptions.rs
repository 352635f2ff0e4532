//! Who listens for which events.

use std::collections::BTreeSet;

use callboard_flow::{StepId, Subscription};
use serde_json::{Map, Value};

use super::apply::execute;
use super::connection::{Connection, params};
use super::read::rows;
use super::rows::to_json;
use crate::ids::RunId;
use crate::lifecycle::is_lifecycle;
use crate::store::StoreError;

/// The attribute that subscriptions are found by.
const TYPE: &str = "type";

pub(super) fn add(
    connection: &dyn Connection,
    run: &RunId,
    step: &StepId,
    subscriptions: &[Subscription],
) -> Result<(), StoreError> {
    let sql =
        "INSERT INTO subscriptions (run_id, step, event_type, attributes) VALUES (?1, ?2, ?3, ?4)";
    for Subscription { attributes } in subscriptions {
        let event_type = attributes.get(TYPE).and_then(Value::as_str);
        let values = params![run.as_str(), step.as_str(), event_type, to_json(attributes)?];
        execute(connection, sql, values)?;
    }
    Ok(())
}

pub(super) fn remove(
    connection: &dyn Connection,
    run: &RunId,
    step: &StepId,
) -> Result<(), StoreError> {
    let sql = "DELETE FROM subscriptions WHERE run_id = ?1 AND step = ?2";
    execute(connection, sql, params![run.as_str(), step.as_str()]).map(drop)
}

pub(super) fn remove_all(connection: &dyn Connection, run: &RunId) -> Result<(), StoreError> {
    let sql = "DELETE FROM subscriptions WHERE run_id = ?1";
    execute(connection, sql, params![run.as_str()]).map(drop)
}

/// Types that begin so, each once; none for those who listen for any.
pub(super) fn types(
    connection: &dyn Connection,
    prefix: &str,
) -> Result<Vec<Option<String>>, StoreError> {
    let sql = "SELECT DISTINCT event_type FROM subscriptions WHERE event_type >= ?1 AND event_type < ?2 \
               UNION ALL SELECT NULL WHERE EXISTS (SELECT 1 FROM subscriptions WHERE event_type IS NULL)";
    let beyond = format!("{prefix}\u{10ffff}");
    let row = |columns: &super::rows::Columns<'_>| columns.get("event_type");
    rows(connection, "subscriptions", sql, params![prefix, beyond], row)
}

/// Steps that an event may be for, each once, those that subscribed first first.
pub(super) fn matching(
    connection: &dyn Connection,
    event: &Value,
) -> Result<Vec<(RunId, StepId)>, StoreError> {
    // Two searches of one index: no scan of those who wait for something else.
    let sql = "SELECT run_id, id, step, attributes FROM subscriptions WHERE event_type = ?1 \
               UNION ALL SELECT run_id, id, step, attributes FROM subscriptions WHERE event_type IS NULL \
               ORDER BY id";
    let event_type = event.get(TYPE).and_then(Value::as_str);
    let must_name_it = is_lifecycle(event);
    let found = rows(connection, "subscriptions", sql, params![event_type], |columns| {
        let attributes: Map<String, Value> = columns.json("attributes")?;
        // Who listens for anything means what happens outside, not every run.
        let fits = attributes.iter().all(|(name, wanted)| event.get(name) == Some(wanted))
            && (!must_name_it || attributes.contains_key(TYPE));
        let step = StepId::new(columns.get::<String>("step")?);
        Ok((fits, columns.parse::<RunId>("run_id")?, step))
    })?;
    let mut seen = BTreeSet::new();
    let fitting = found.into_iter().filter_map(|(fits, run, step)| fits.then_some((run, step)));
    Ok(fitting.filter(|found| seen.insert(found.clone())).collect())
}
