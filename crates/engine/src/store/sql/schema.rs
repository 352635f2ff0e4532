//! Tables, and how an older database becomes a newer one.

use super::connection::{Connection, params};
use super::read::rows;
use crate::store::StoreError;

/// In order; each is applied once and never changed afterwards.
const MIGRATIONS: &[&str] = &["
    CREATE TABLE workflows (
        hash TEXT PRIMARY KEY, name TEXT NOT NULL, version TEXT NOT NULL, source_name TEXT NOT NULL,
        text TEXT NOT NULL, at INTEGER NOT NULL
    ) STRICT;
    CREATE TABLE library (
        file TEXT PRIMARY KEY, hash TEXT NOT NULL REFERENCES workflows(hash), at INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE runs (
        id TEXT PRIMARY KEY, workflow TEXT NOT NULL, workflow_hash TEXT NOT NULL REFERENCES workflows(hash),
        mode TEXT NOT NULL, status TEXT NOT NULL, created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL,
        wake_at INTEGER, blocked_on TEXT,
        node TEXT, boot TEXT, epoch INTEGER NOT NULL DEFAULT 0, lease_until INTEGER
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX runs_due ON runs(wake_at) WHERE wake_at IS NOT NULL AND boot IS NULL;
    CREATE INDEX runs_owned ON runs(lease_until) WHERE boot IS NOT NULL;
    CREATE INDEX runs_blocked ON runs(blocked_on) WHERE blocked_on IS NOT NULL;
    CREATE INDEX runs_by_status ON runs(status, id);
    CREATE INDEX runs_by_workflow ON runs(workflow, id);
    CREATE TABLE journal (
        run_id TEXT NOT NULL REFERENCES runs(id), seq INTEGER NOT NULL, at INTEGER NOT NULL, kind TEXT NOT NULL,
        version INTEGER NOT NULL, entry TEXT NOT NULL, PRIMARY KEY (run_id, seq)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE signals (
        id INTEGER PRIMARY KEY AUTOINCREMENT, run_id TEXT NOT NULL REFERENCES runs(id), signal TEXT NOT NULL,
        at INTEGER NOT NULL
    ) STRICT;
    CREATE INDEX signals_by_run ON signals(run_id, id);
    CREATE TABLE inbox (
        app TEXT NOT NULL, trigger_name TEXT NOT NULL, dedupe_key TEXT NOT NULL, event_type TEXT NOT NULL,
        subject TEXT NOT NULL, data TEXT NOT NULL, runs TEXT NOT NULL, at INTEGER NOT NULL,
        PRIMARY KEY (app, trigger_name, dedupe_key)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE start_keys (
        key TEXT PRIMARY KEY, fingerprint TEXT NOT NULL, run_id TEXT NOT NULL, at INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE links (
        name TEXT PRIMARY KEY, app TEXT NOT NULL, base_url TEXT NOT NULL, settings TEXT NOT NULL,
        sealed TEXT NOT NULL, changed_at INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE api_keys (
        id TEXT PRIMARY KEY, hash BLOB NOT NULL, name TEXT NOT NULL, at INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
", "
    CREATE TABLE subscriptions (
        id INTEGER PRIMARY KEY, run_id TEXT NOT NULL REFERENCES runs(id), step TEXT NOT NULL,
        event_type TEXT, attributes TEXT NOT NULL
    ) STRICT;
    CREATE INDEX subscriptions_by_run ON subscriptions(run_id, step);
    CREATE INDEX subscriptions_by_type ON subscriptions(event_type);
    CREATE TABLE secrets (
        name TEXT PRIMARY KEY, sealed TEXT NOT NULL, changed_at INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
", "
    ALTER TABLE inbox RENAME TO inbox_without_link;
    CREATE TABLE inbox (
        app TEXT NOT NULL, trigger_name TEXT NOT NULL, link TEXT NOT NULL, dedupe_key TEXT NOT NULL,
        event_type TEXT NOT NULL, subject TEXT NOT NULL, data TEXT NOT NULL, runs TEXT NOT NULL, at INTEGER NOT NULL,
        PRIMARY KEY (app, trigger_name, link, dedupe_key)
    ) STRICT, WITHOUT ROWID;
    INSERT INTO inbox SELECT old.app, old.trigger_name,
        COALESCE((SELECT MIN(name) FROM links WHERE links.app = old.app), ''),
        old.dedupe_key, old.event_type, old.subject, old.data, old.runs, old.at FROM inbox_without_link AS old;
    DROP TABLE inbox_without_link;
", "
    CREATE TABLE schedules (
        workflow TEXT PRIMARY KEY, revision INTEGER NOT NULL, plan TEXT, anchor INTEGER NOT NULL,
        watermark INTEGER NOT NULL, next_at INTEGER, wake_at INTEGER, paused_at INTEGER, paused_by TEXT
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX schedules_due ON schedules(wake_at) WHERE wake_at IS NOT NULL;
    CREATE TABLE occurrences (
        id INTEGER PRIMARY KEY AUTOINCREMENT, workflow TEXT NOT NULL, planned_at INTEGER NOT NULL,
        last_at INTEGER NOT NULL, count INTEGER, origin TEXT NOT NULL, asked_by TEXT, state TEXT NOT NULL,
        why TEXT, run_id TEXT REFERENCES runs(id), at INTEGER NOT NULL, ended_at INTEGER
    ) STRICT;
    CREATE UNIQUE INDEX occurrences_once ON occurrences(workflow, planned_at) WHERE state IN ('started', 'queued');
    CREATE UNIQUE INDEX occurrences_by_run ON occurrences(run_id) WHERE run_id IS NOT NULL;
    CREATE INDEX occurrences_open ON occurrences(workflow) WHERE state = 'started' AND ended_at IS NULL;
    CREATE INDEX occurrences_ended ON occurrences(workflow, ended_at) WHERE ended_at IS NOT NULL;
    CREATE INDEX occurrences_queued ON occurrences(workflow, id) WHERE state = 'queued';
    CREATE INDEX occurrences_history ON occurrences(workflow, id);
", "
    ALTER TABLE api_keys ADD COLUMN person TEXT NOT NULL DEFAULT '';
    ALTER TABLE api_keys ADD COLUMN groups TEXT NOT NULL DEFAULT '[]';
    ALTER TABLE api_keys ADD COLUMN role TEXT NOT NULL DEFAULT 'administrator';
    UPDATE api_keys SET person = name;
", "
    CREATE TABLE approvals (
        id TEXT PRIMARY KEY, run_id TEXT NOT NULL REFERENCES runs(id), open INTEGER NOT NULL, approval TEXT NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX approvals_open ON approvals(id) WHERE open = 1;
    CREATE INDEX approvals_by_run ON approvals(run_id);
", "
    CREATE TABLE documents (
        kind TEXT NOT NULL, key TEXT NOT NULL, revision INTEGER NOT NULL, value TEXT NOT NULL, at INTEGER NOT NULL,
        PRIMARY KEY (kind, key)
    ) STRICT, WITHOUT ROWID;
", "
    ALTER TABLE links ADD COLUMN is_default INTEGER NOT NULL DEFAULT 0;
", "
    CREATE TABLE gatherings (
        workflow TEXT NOT NULL, key TEXT NOT NULL, touched_at INTEGER NOT NULL, fired_at INTEGER, run_id TEXT,
        PRIMARY KEY (workflow, key)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX gatherings_by_time ON gatherings(workflow, touched_at);
    CREATE TABLE gathered (
        id INTEGER PRIMARY KEY AUTOINCREMENT, workflow TEXT NOT NULL, key TEXT NOT NULL, part INTEGER NOT NULL,
        event_id TEXT NOT NULL, event_at INTEGER NOT NULL, given TEXT NOT NULL
    ) STRICT;
    CREATE UNIQUE INDEX gathered_once ON gathered(workflow, key, part, event_id);
    CREATE INDEX inbox_by_time ON inbox(app, trigger_name, at);
    CREATE INDEX gathered_by_time ON gathered(workflow, event_at);
", "
    ALTER TABLE runs ADD COLUMN origin TEXT;
    CREATE INDEX runs_by_origin ON runs(origin) WHERE origin IS NOT NULL;
    CREATE INDEX runs_over ON runs(updated_at) WHERE status IN ('completed', 'faulted', 'cancelled');
    CREATE INDEX inbox_by_age ON inbox(at);
    CREATE INDEX start_keys_by_age ON start_keys(at);
    CREATE TABLE archived_runs (run_id TEXT PRIMARY KEY, file TEXT NOT NULL) STRICT, WITHOUT ROWID;
", "
    CREATE TABLE settings (
        name TEXT PRIMARY KEY, value TEXT NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE revisions (
        topic TEXT PRIMARY KEY, revision INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
    ALTER TABLE schema_migrations ADD COLUMN needs INTEGER NOT NULL DEFAULT 0;
", "
    CREATE TABLE budgets (
        tenant TEXT PRIMARY KEY, revision INTEGER NOT NULL, state TEXT NOT NULL
    ) STRICT, WITHOUT ROWID;
", "
    CREATE INDEX gathered_by_key ON gathered(workflow, key, part, event_at);
", "
    CREATE TABLE lanes (
        place INTEGER PRIMARY KEY AUTOINCREMENT, workflow TEXT NOT NULL, key TEXT NOT NULL,
        run_id TEXT NOT NULL REFERENCES runs(id), most INTEGER NOT NULL, goes INTEGER NOT NULL
    ) STRICT;
    CREATE INDEX lanes_in_order ON lanes(workflow, key, goes, place);
    CREATE UNIQUE INDEX lanes_by_run ON lanes(run_id);
", "
    ALTER TABLE runs ADD COLUMN on_leave TEXT;
    CREATE INDEX runs_on_leave ON runs(on_leave, wake_at) WHERE on_leave IS NOT NULL AND boot IS NULL;
"];

/// Migrations that a program of before must not work beside: `needs` of their rows is their own version. All others only
/// add, so that nodes of two versions share a database while they are replaced one by one. A new kind of journal entry
/// is none that only adds: an older node could not drive a run that has one.
const EXCLUSIVE: &[i64] = &[12, 14];

/// Brings an older database up to date. The caller is in a transaction.
pub(in crate::store) fn migrate(connection: &dyn Connection) -> Result<(), StoreError> {
    let dialect = connection.dialect();
    let known = i64::try_from(MIGRATIONS.len()).unwrap_or(i64::MAX);
    connection.batch(&(dialect.migration)(
        "CREATE TABLE IF NOT EXISTS schema_migrations (version INTEGER PRIMARY KEY) STRICT",
    ))?;
    if let Some(alone) = dialect.alone {
        connection.batch(alone)?;
    }
    let found = current(connection)?;
    if found > known {
        // Whoever migrated it so far says from which version on a program may work with it.
        let needed = single(connection, "SELECT MAX(needs) AS version FROM schema_migrations")?;
        return if needed > known { Err(StoreError::TooNew { found, known }) } else { Ok(()) };
    }
    for (version, migration) in (1..).zip(MIGRATIONS).filter(|(version, _)| *version > found) {
        connection.batch(&(dialect.migration)(migration))?;
        let version: i64 = version;
        connection
            .perform("INSERT INTO schema_migrations (version) VALUES (?1)", params![version])?;
        if EXCLUSIVE.contains(&version) {
            let sql = "UPDATE schema_migrations SET needs = version WHERE version = ?1";
            connection.perform(sql, params![version])?;
        }
    }
    Ok(())
}

fn current(connection: &dyn Connection) -> Result<i64, StoreError> {
    single(connection, "SELECT COALESCE(MAX(version), 0) AS version FROM schema_migrations")
}

fn single(connection: &dyn Connection, sql: &str) -> Result<i64, StoreError> {
    let found = rows(connection, "schema_migrations", sql, &[], |columns| columns.get("version"))?;
    Ok(found.first().copied().unwrap_or_default())
}
