//! What people are asked, as the journals tell it.

use super::connection::{Connection, params};
use super::read::rows;
use super::rows::{Columns, to_json};
use crate::approvals::{Approval, ApprovalState};
use crate::ids::RunId;
use crate::store::{ApprovalFilter, StoreError};

/// No list is longer than this.
const MOST: usize = 500;

pub(super) fn put(connection: &dyn Connection, approval: &Approval) -> Result<(), StoreError> {
    let open = i64::from(approval.is_open());
    let sql = "INSERT INTO approvals (id, run_id, open, approval) VALUES (?1, ?2, ?3, ?4) \
               ON CONFLICT (id) DO UPDATE SET open = excluded.open, approval = excluded.approval";
    let values = params![approval.asked.id, approval.run.as_str(), open, to_json(approval)?];
    connection.perform(sql, values)
}

pub(super) fn close_all(connection: &dyn Connection, run: &RunId) -> Result<(), StoreError> {
    let sql = "UPDATE approvals SET open = 0 WHERE run_id = ?1 AND open = 1";
    connection.perform(sql, params![run.as_str()])
}

pub(super) fn find(connection: &dyn Connection, id: &str) -> Result<Option<Approval>, StoreError> {
    let sql = "SELECT * FROM approvals WHERE id = ?1";
    Ok(rows(connection, "approvals", sql, params![id], approval)?.pop())
}

pub(super) fn list(
    connection: &dyn Connection,
    filter: &ApprovalFilter,
) -> Result<Vec<Approval>, StoreError> {
    let open = if filter.open { "open = 1 AND" } else { "" };
    let sql = format!("SELECT * FROM approvals WHERE {open} id < ?1 ORDER BY id DESC LIMIT ?2");
    // No id is greater than this.
    let before = filter.before.as_deref().unwrap_or("b");
    let limit = i64::try_from(filter.limit.clamp(1, MOST)).unwrap_or(i64::MAX);
    rows(connection, "approvals", &sql, params![before, limit], approval)
}

fn approval(columns: &Columns<'_>) -> Result<Approval, StoreError> {
    let mut approval: Approval = columns.json("approval")?;
    if columns.get::<i64>("open")? == 0 && approval.is_open() {
        approval.state = ApprovalState::Dropped;
    }
    Ok(approval)
}
