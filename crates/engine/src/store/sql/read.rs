//! Questions as SQL.

use super::apply::FINAL;
use super::connection::{Connection, Parameter, params};
use super::rows::{Columns, from_list};
use crate::ids::RunId;
use crate::journal::{Entry, VERSION};
use crate::run::Mode;
use crate::store::{
    EventRecord, LinkRecord, Page, RunFilter, RunRecord, Signal, StoreError, WorkflowRecord,
};
use jiff::Timestamp;

/// No list is longer than this.
const MOST: usize = 500;

pub(super) fn next_wake(connection: &dyn Connection) -> Result<Option<Timestamp>, StoreError> {
    let sql = "SELECT MIN(wake_at) AS wake_at FROM runs WHERE wake_at IS NOT NULL AND boot IS NULL";
    Ok(rows(connection, "runs", sql, &[], |columns| columns.optional_at("wake_at"))?
        .pop()
        .flatten())
}

pub(super) fn find_run(
    connection: &dyn Connection,
    id: &RunId,
) -> Result<Option<RunRecord>, StoreError> {
    Ok(rows(connection, "runs", "SELECT * FROM runs WHERE id = ?1", params![id.as_str()], run)?
        .pop())
}

pub(super) fn list_runs(
    connection: &dyn Connection,
    filter: &RunFilter,
) -> Result<Page, StoreError> {
    let limit = filter.limit.clamp(1, MOST);
    let (sql, values) = list_runs_query(filter, limit + 1);
    let mut runs = rows(connection, "runs", &sql, &parameters(&values), run)?;
    let more = runs.len() > limit;
    runs.truncate(limit);
    let next = if more { runs.last().map(|run| run.id.clone()) } else { None };
    Ok(Page { runs, next })
}

/// Only the conditions that there are: an index cannot serve "this, or anything".
fn list_runs_query(filter: &RunFilter, most: usize) -> (String, Vec<String>) {
    let conditions = [
        ("id <", filter.before.as_ref().map(|run| run.as_str().to_owned())),
        ("status =", filter.status.map(|status| status.name().to_owned())),
        ("workflow =", filter.workflow.clone()),
    ];
    let (mut sql, mut values) = ("SELECT * FROM runs".to_owned(), Vec::new());
    for (condition, value) in conditions {
        let Some(value) = value else { continue };
        let word = if values.is_empty() { "WHERE" } else { "AND" };
        values.push(value);
        sql.extend([" ", word, " ", condition, " ?", &values.len().to_string()]);
    }
    sql.extend([" ORDER BY id DESC LIMIT ", &most.to_string()]);
    (sql, values)
}

fn parameters(values: &[String]) -> Vec<&dyn Parameter> {
    values.iter().map(|value| value as &dyn Parameter).collect()
}

pub(super) fn heirs(connection: &dyn Connection, id: &RunId) -> Result<Vec<RunId>, StoreError> {
    let sql = "SELECT id FROM runs WHERE origin = ?1 ORDER BY id";
    rows(connection, "runs", sql, params![id.as_str()], |columns| columns.parse("id"))
}

/// One of the runs that go back to this one, directly or through others, that is not over.
pub(super) fn going_heir(
    connection: &dyn Connection,
    id: &RunId,
) -> Result<Option<RunId>, StoreError> {
    let sql = format!(
        "WITH RECURSIVE line (id) AS (SELECT id FROM runs WHERE origin = ?1 \
         UNION SELECT runs.id FROM runs JOIN line ON runs.origin = line.id) \
         SELECT id FROM runs WHERE id IN (SELECT id FROM line) AND status NOT IN {FINAL} ORDER BY id LIMIT 1"
    );
    Ok(rows(connection, "runs", &sql, params![id.as_str()], |columns| columns.parse("id"))?.pop())
}

pub(super) fn journal(
    connection: &dyn Connection,
    id: &RunId,
    after: i64,
    limit: usize,
) -> Result<Vec<Entry>, StoreError> {
    let sql = "SELECT run_id, version, entry FROM journal WHERE run_id = ?1 AND seq > ?2 ORDER BY seq LIMIT ?3";
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    rows(connection, "journal", sql, params![id.as_str(), after, limit], |columns| {
        match columns.get::<u32>("version")? {
            VERSION => columns.json("entry"),
            other => Err(columns
                .inconsistent(&format!("it has version {other}, this program reads {VERSION}"))),
        }
    })
}

pub(super) fn last_seq(connection: &dyn Connection, id: &RunId) -> Result<i64, StoreError> {
    let sql = "SELECT ?1 AS run_id, COALESCE(MAX(seq), 0) AS seq FROM journal WHERE run_id = ?1";
    let found = rows(connection, "journal", sql, params![id.as_str()], |row| row.get("seq"))?;
    Ok(found.first().copied().unwrap_or_default())
}

pub(super) fn signals(
    connection: &dyn Connection,
    id: &RunId,
) -> Result<Vec<(i64, Signal)>, StoreError> {
    let sql = "SELECT run_id, id, signal FROM signals WHERE run_id = ?1 ORDER BY id";
    rows(connection, "signals", sql, params![id.as_str()], |columns| {
        Ok((columns.get("id")?, columns.json("signal")?))
    })
}

pub(super) fn spoken_to(connection: &dyn Connection, boot: &str) -> Result<Vec<RunId>, StoreError> {
    let sql = "SELECT id FROM runs WHERE boot IS NOT NULL AND boot = ?1 \
               AND EXISTS (SELECT 1 FROM signals WHERE run_id = runs.id)";
    rows(connection, "runs", sql, params![boot], |columns| columns.parse("id"))
}

/// What a key that is taken was taken for.
pub(super) fn start_key(
    connection: &dyn Connection,
    key: &str,
) -> Result<(String, RunId), StoreError> {
    let sql = "SELECT key, fingerprint, run_id FROM start_keys WHERE key = ?1";
    let found = rows(connection, "start_keys", sql, params![key], |columns| {
        Ok((columns.get("fingerprint")?, columns.parse("run_id")?))
    });
    found?.pop().ok_or_else(|| StoreError::Inconsistent {
        table: "start_keys",
        id: key.to_owned(),
        why: "it is taken and not there".into(),
    })
}

pub(super) fn find_workflow(
    connection: &dyn Connection,
    hash: &str,
) -> Result<Option<WorkflowRecord>, StoreError> {
    Ok(rows(
        connection,
        "workflows",
        "SELECT * FROM workflows WHERE hash = ?1",
        params![hash],
        workflow,
    )?
    .pop())
}

pub(super) fn list_library(
    connection: &dyn Connection,
) -> Result<Vec<(String, WorkflowRecord)>, StoreError> {
    let sql = "SELECT library.file, workflows.* FROM library JOIN workflows USING (hash) ORDER BY library.file";
    rows(connection, "library", sql, &[], |columns| Ok((columns.get("file")?, workflow(columns)?)))
}

pub(super) fn list_versions(
    connection: &dyn Connection,
) -> Result<Vec<WorkflowRecord>, StoreError> {
    let sql = "SELECT * FROM workflows WHERE name IN \
               (SELECT workflows.name FROM library JOIN workflows USING (hash)) ORDER BY at, hash";
    rows(connection, "workflows", sql, &[], workflow)
}

pub(super) fn find_link(
    connection: &dyn Connection,
    name: &str,
) -> Result<Option<LinkRecord>, StoreError> {
    Ok(rows(connection, "links", "SELECT * FROM links WHERE name = ?1", params![name], link)?.pop())
}

pub(super) fn list_links(connection: &dyn Connection) -> Result<Vec<LinkRecord>, StoreError> {
    rows(connection, "links", "SELECT * FROM links ORDER BY name", &[], link)
}

pub(super) fn find_event(
    connection: &dyn Connection,
    app: &str,
    trigger: &str,
    link: &str,
    dedupe_key: &str,
) -> Result<Option<EventRecord>, StoreError> {
    let sql = "SELECT * FROM inbox WHERE app = ?1 AND trigger_name = ?2 AND link = ?3 AND dedupe_key = ?4";
    let found =
        rows(connection, "inbox", sql, params![app, trigger, link, dedupe_key], |columns| {
            Ok(EventRecord {
                app: columns.get("app")?,
                trigger: columns.get("trigger_name")?,
                link: columns.get("link")?,
                dedupe_key: columns.get("dedupe_key")?,
                event_type: columns.get("event_type")?,
                subject: columns.get("subject")?,
                data: columns.json("data")?,
                runs: columns.json("runs")?,
                at: columns.at("at")?,
            })
        });
    Ok(found?.pop())
}

pub(super) fn run(columns: &Columns<'_>) -> Result<RunRecord, StoreError> {
    Ok(RunRecord {
        id: columns.parse("id")?,
        workflow: columns.get("workflow")?,
        workflow_hash: columns.get("workflow_hash")?,
        mode: columns.parse::<Mode>("mode")?,
        status: columns.parse("status")?,
        created_at: columns.at("created_at")?,
        updated_at: columns.at("updated_at")?,
        wake_at: columns.optional_at("wake_at")?,
        blocked_on: from_list(columns.get::<Option<String>>("blocked_on")?.as_deref()),
        epoch: columns.get("epoch")?,
    })
}

fn workflow(columns: &Columns<'_>) -> Result<WorkflowRecord, StoreError> {
    Ok(WorkflowRecord {
        hash: columns.get("hash")?,
        name: columns.get("name")?,
        version: columns.get("version")?,
        source_name: columns.get("source_name")?,
        text: columns.get("text")?,
        at: columns.at("at")?,
    })
}

fn link(columns: &Columns<'_>) -> Result<LinkRecord, StoreError> {
    Ok(LinkRecord {
        name: columns.get("name")?,
        app: columns.get("app")?,
        base_url: columns.get("base_url")?,
        settings: columns.json("settings")?,
        sealed: columns.get("sealed")?,
        changed_at: columns.at("changed_at")?,
        is_default: columns.get::<i64>("is_default")? != 0,
    })
}

pub(super) fn rows<T>(
    connection: &dyn Connection,
    table: &'static str,
    sql: &str,
    values: &[&dyn Parameter],
    read: impl Fn(&Columns<'_>) -> Result<T, StoreError>,
) -> Result<Vec<T>, StoreError> {
    let mut found = Vec::new();
    connection.query(sql, values, &mut |row| {
        found.push(read(&Columns { table, row })?);
        Ok(())
    })?;
    Ok(found)
}

pub(super) fn last_event_at(
    connection: &dyn Connection,
    app: &str,
    trigger: &str,
) -> Result<Option<Timestamp>, StoreError> {
    let sql = "SELECT MAX(at) AS at FROM inbox WHERE app = ?1 AND trigger_name = ?2";
    let found =
        rows(connection, "inbox", sql, params![app, trigger], |columns| columns.optional_at("at"));
    Ok(found?.pop().flatten())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::RunStatus;

    #[test]
    fn every_list_of_runs_is_read_from_an_index_in_its_order() {
        let connection = rusqlite::Connection::open_in_memory().unwrap();
        crate::store::sql::schema::migrate(&connection).unwrap();
        let before = Some(format!("run_{}", "a".repeat(26)).parse().unwrap());
        for (status, workflow, index) in [
            (None, None, "PRIMARY KEY"),
            (Some(RunStatus::Faulted), None, "runs_by_status"),
            (None, Some("arrival"), "runs_by_workflow"),
            (Some(RunStatus::Faulted), Some("arrival"), "runs_by_"),
        ] {
            let (workflow, before) = (workflow.map(str::to_owned), before.clone());
            let filter = RunFilter { status, workflow, before, limit: 10 };
            let (sql, values) = list_runs_query(&filter, 11);
            let mut plan = connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
            let steps =
                plan.query_map(rusqlite::params_from_iter(values), |row| row.get::<_, String>(3));
            let plan: Vec<String> = steps.unwrap().map(Result::unwrap).collect();
            let plan = plan.join("; ");
            assert!(plan.contains("SEARCH") && plan.contains(index), "{filter:?}: {plan}");
            assert!(!plan.contains("TEMP B-TREE"), "{filter:?} sorts: {plan}");
        }
    }
}
