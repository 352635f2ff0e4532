//! Who goes and who waits among runs that take turns. Whoever creates or ends a run of a lane holds the lane first.

use std::collections::BTreeSet;

use jiff::Timestamp;
use sha2::{Digest as _, Sha256};

use super::apply::{append, execute, tell};
use super::connection::{Connection, params};
use super::read::rows;
use crate::ids::RunId;
use crate::journal::{Entry, Fact};
use crate::lanes::Lane;
use crate::store::{Change, NewRun, Signal, StoreError};

/// Takes the lanes that these changes name, in one order. Answers the runs whose turn comes with them.
pub(super) fn take(
    connection: &dyn Connection,
    changes: &[Change],
) -> Result<Vec<RunId>, StoreError> {
    if connection.dialect().hold.is_none() {
        return Ok(Vec::new());
    }
    let mut numbers = BTreeSet::new();
    let mut left = Vec::new();
    for change in changes {
        match change {
            Change::CreateRun(run) => numbers.extend(number_of(run)),
            Change::CreateHeir(heir) => numbers.extend(number_of(&heir.new)),
            Change::Publish(publication) => {
                numbers.extend(publication.starts.iter().filter_map(number_of));
            }
            Change::LeaveLane { run, .. } => left.extend(lane_of(connection, run)?),
            _ => {}
        }
    }
    numbers.extend(left.iter().map(|(workflow, key)| number(workflow, key)));
    numbers.into_iter().try_for_each(|number| hold(connection, number))?;
    let next = left.iter().map(|(workflow, key)| next(connection, workflow, key));
    let next: Vec<Option<Waiting>> = next.collect::<Result<_, _>>()?;
    Ok(next.into_iter().flatten().map(|waiting| waiting.run).collect())
}

/// A run that was just created takes its place; `next_seq` is that of its next entry.
pub(super) fn enter(
    connection: &dyn Connection,
    run: &NewRun,
    next_seq: i64,
) -> Result<(), StoreError> {
    let Some(Lane::Turns { key, limit }) = run.lane() else { return Ok(()) };
    let (workflow, id) = (&run.workflow, run.id.as_str());
    hold(connection, number(workflow, key))?;
    let sql = "SELECT COUNT(*) AS standing, COUNT(CASE WHEN goes = 1 THEN 1 END) AS going \
               FROM lanes WHERE workflow = ?1 AND key = ?2";
    let counted = rows(connection, "lanes", sql, params![workflow, key], |columns| {
        Ok((columns.get::<i64>("standing")?, columns.get::<i64>("going")?))
    })?;
    let (standing, going) = counted.into_iter().next().unwrap_or_default();
    let goes = standing == going && going < i64::from(*limit);
    let ahead = if goes { None } else { last(connection, workflow, key)? };
    connection.perform(
        "INSERT INTO lanes (workflow, key, run_id, most, goes) VALUES (?1, ?2, ?3, ?4, ?5)",
        params![workflow, key, id, limit, i64::from(goes)],
    )?;
    let Some(behind) = ahead else { return Ok(()) };
    let sql = "UPDATE runs SET status = 'waiting', wake_at = NULL WHERE id = ?1";
    connection.perform(sql, params![id])?;
    let waits = Entry { at: run.at, fact: Fact::AwaitsTurn { behind } };
    append(connection, &run.id, next_seq, &[waits])?;
    admit(connection, workflow, key, run.at)
}

/// A run has ended: it leaves, and whose turn that makes it is told.
pub(super) fn leave(
    connection: &dyn Connection,
    run: &RunId,
    at: Timestamp,
) -> Result<(), StoreError> {
    let Some((workflow, key)) = lane_of(connection, run)? else { return Ok(()) };
    execute(connection, "DELETE FROM lanes WHERE run_id = ?1", params![run.as_str()])?;
    admit(connection, &workflow, &key, at)
}

/// Workflow and key of the lane that a run stands in.
fn lane_of(
    connection: &dyn Connection,
    run: &RunId,
) -> Result<Option<(String, String)>, StoreError> {
    let sql = "SELECT run_id, workflow, key FROM lanes WHERE run_id = ?1";
    let found = rows(connection, "lanes", sql, params![run.as_str()], |columns| {
        Ok((columns.get("workflow")?, columns.get("key")?))
    })?;
    Ok(found.into_iter().next())
}

/// Runs that wait go in their order, as long as there is room for the first of them by its own limit.
fn admit(
    connection: &dyn Connection,
    workflow: &str,
    key: &str,
    at: Timestamp,
) -> Result<(), StoreError> {
    while let Some(waiting) = next(connection, workflow, key)?.filter(Waiting::has_room) {
        let sql = "UPDATE lanes SET goes = 1 WHERE run_id = ?1";
        connection.perform(sql, params![waiting.run.as_str()])?;
        let sql = "UPDATE runs SET status = 'running' WHERE id = ?1 AND status = 'waiting'";
        connection.perform(sql, params![waiting.run.as_str()])?;
        tell(connection, &waiting.run, &Signal::Turn, at)?;
    }
    Ok(())
}

/// The first that waits.
struct Waiting {
    run: RunId,
    most: i64,
    going: i64,
}

impl Waiting {
    fn has_room(&self) -> bool {
        self.going < self.most
    }
}

fn next(
    connection: &dyn Connection,
    workflow: &str,
    key: &str,
) -> Result<Option<Waiting>, StoreError> {
    let sql = "SELECT run_id, most, (SELECT COUNT(*) FROM lanes AS other \
               WHERE other.workflow = ?1 AND other.key = ?2 AND other.goes = 1) AS going \
               FROM lanes WHERE workflow = ?1 AND key = ?2 AND goes = 0 ORDER BY place LIMIT 1";
    let found = rows(connection, "lanes", sql, params![workflow, key], |columns| {
        Ok(Waiting {
            run: columns.parse("run_id")?,
            most: columns.get("most")?,
            going: columns.get("going")?,
        })
    })?;
    Ok(found.into_iter().next())
}

fn last(
    connection: &dyn Connection,
    workflow: &str,
    key: &str,
) -> Result<Option<RunId>, StoreError> {
    let sql =
        "SELECT run_id FROM lanes WHERE workflow = ?1 AND key = ?2 ORDER BY place DESC LIMIT 1";
    let found =
        rows(connection, "lanes", sql, params![workflow, key], |columns| columns.parse("run_id"))?;
    Ok(found.into_iter().next())
}

/// Until the transaction is over. Lanes that share a number only wait for each other.
fn hold(connection: &dyn Connection, number: i64) -> Result<(), StoreError> {
    match connection.dialect().hold {
        Some(hold) => connection.perform(hold, params![number]),
        None => Ok(()),
    }
}

fn number_of(run: &NewRun) -> Option<i64> {
    match run.lane()? {
        Lane::Turns { key, .. } => Some(number(&run.workflow, key)),
        Lane::Failed { .. } => None,
    }
}

fn number(workflow: &str, key: &str) -> i64 {
    let digest = Sha256::digest(format!("{workflow}\0{key}"));
    digest.iter().take(8).fold(0, |number, byte| number << 8 | i64::from(*byte))
}
