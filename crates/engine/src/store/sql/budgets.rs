//! Rate budgets, and the runs that wait for them.

use jiff::Timestamp;

use super::apply::execute;
use super::connection::{Connection, params};
use super::read::rows;
use super::rows::{Columns, to_json, to_micros};
use crate::store::{BudgetRecord, Refusal, StoreError};

pub(super) fn put(connection: &dyn Connection, budget: &BudgetRecord) -> Result<(), StoreError> {
    let BudgetRecord { tenant, revision, state } = budget;
    let sql = match revision {
        1 => {
            "INSERT INTO budgets (tenant, revision, state) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING"
        }
        _ => "UPDATE budgets SET revision = ?2, state = ?3 WHERE tenant = ?1 AND revision = ?2 - 1",
    };
    match execute(connection, sql, params![tenant, revision, to_json(state)?])? {
        0 => Err(StoreError::Refused(Refusal::BudgetMoved { tenant: tenant.clone() })),
        _ => Ok(()),
    }
}

pub(super) fn call_in(
    connection: &dyn Connection,
    on: &str,
    limit: usize,
    at: Timestamp,
) -> Result<(), StoreError> {
    // A run that somebody else holds just now is passed over: it is spoken to, and wakes for that.
    let sql = format!(
        "WITH called AS MATERIALIZED (SELECT id FROM runs \
         WHERE on_leave = ?1 AND boot IS NULL AND wake_at > ?2 ORDER BY wake_at LIMIT ?3 {}) \
         UPDATE runs SET wake_at = ?2 WHERE id IN (SELECT id FROM called)",
        connection.dialect().for_update_skip_locked
    );
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    execute(connection, &sql, params![on, to_micros(at), limit]).map(drop)
}

pub(super) fn find(
    connection: &dyn Connection,
    tenant: &str,
) -> Result<Option<BudgetRecord>, StoreError> {
    let sql = "SELECT * FROM budgets WHERE tenant = ?1";
    Ok(rows(connection, "budgets", sql, params![tenant], budget)?.pop())
}

pub(super) fn list(connection: &dyn Connection) -> Result<Vec<BudgetRecord>, StoreError> {
    rows(connection, "budgets", "SELECT * FROM budgets ORDER BY tenant", &[], budget)
}

fn budget(columns: &Columns<'_>) -> Result<BudgetRecord, StoreError> {
    Ok(BudgetRecord {
        tenant: columns.get("tenant")?,
        revision: columns.get("revision")?,
        state: columns.json("state")?,
    })
}
