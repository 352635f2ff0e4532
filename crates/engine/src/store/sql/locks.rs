//! Whoever says something to a run, or lets go of it, holds its row first: what was said in between is seen by one of
//! the two. Rows are taken in one order, so that two transactions seldom wait for each other.

use std::collections::BTreeSet;

use super::connection::{Connection, Parameter, params};
use super::lanes;
use crate::ids::RunId;
use crate::store::{Change, Handover, StoreError};

/// Takes every lane that these changes name, then every run.
pub(super) fn take(connection: &dyn Connection, changes: &[Change]) -> Result<(), StoreError> {
    let next = lanes::take(connection, changes)?;
    let runs: BTreeSet<&RunId> = changes
        .iter()
        .filter_map(|change| match change {
            // One statement of it, the first, changes the row and looks at nothing else.
            Change::Advance(advance)
                if changes.len() == 1 && matches!(advance.handover, Handover::Keep { .. }) =>
            {
                None
            }
            Change::Advance(advance) => Some(&advance.run),
            Change::CreateHeir(heir) => Some(&heir.origin),
            Change::Signal { run, .. } | Change::Tell { run, .. } => Some(run),
            _ => None,
        })
        .chain(&next)
        .collect();
    take_runs(connection, runs)
}

pub(super) fn take_runs(
    connection: &dyn Connection,
    runs: BTreeSet<&RunId>,
) -> Result<(), StoreError> {
    runs.into_iter().try_for_each(|run| take_where(connection, "id = ?1", params![run.as_str()]))
}

pub(super) fn take_where(
    connection: &dyn Connection,
    condition: &str,
    values: &[&dyn Parameter],
) -> Result<(), StoreError> {
    match connection.dialect().for_update {
        "" => Ok(()),
        for_update => {
            let sql = format!("SELECT id FROM runs WHERE {condition} ORDER BY id {for_update}");
            connection.perform(&sql, values)
        }
    }
}
