//! Tables and settings of the database.

use rusqlite::Connection;

use super::Durability;
use crate::store::StoreError;

/// `position` doubles as the row number, so an index on the rest is already in order of insertion.
const TABLES: &str = "
CREATE TABLE IF NOT EXISTS document (
  position INTEGER PRIMARY KEY AUTOINCREMENT,
  kind TEXT NOT NULL, id TEXT NOT NULL, version INTEGER NOT NULL, body TEXT NOT NULL,
  UNIQUE (kind, id));
CREATE INDEX IF NOT EXISTS document_order ON document (kind);
CREATE TABLE IF NOT EXISTS unique_key (
  kind TEXT NOT NULL, name TEXT NOT NULL, value TEXT NOT NULL, id TEXT NOT NULL,
  PRIMARY KEY (kind, name, value)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS unique_key_owner ON unique_key (kind, id);
CREATE TABLE IF NOT EXISTS shared_key (
  kind TEXT NOT NULL, name TEXT NOT NULL, value TEXT NOT NULL, id TEXT NOT NULL,
  PRIMARY KEY (kind, name, value, id)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS shared_key_owner ON shared_key (kind, id);
CREATE TABLE IF NOT EXISTS relation (
  position INTEGER PRIMARY KEY AUTOINCREMENT,
  name TEXT NOT NULL, source TEXT NOT NULL, target TEXT NOT NULL,
  UNIQUE (name, source, target));
CREATE INDEX IF NOT EXISTS relation_from ON relation (name, source);
CREATE INDEX IF NOT EXISTS relation_to ON relation (name, target);
CREATE TABLE IF NOT EXISTS log_entry (
  id TEXT PRIMARY KEY, user TEXT, body TEXT NOT NULL) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS log_entry_user ON log_entry (user, id) WHERE user IS NOT NULL;
CREATE TABLE IF NOT EXISTS event (
  position INTEGER PRIMARY KEY AUTOINCREMENT, at_ms INTEGER NOT NULL, name TEXT NOT NULL, body TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS event_at ON event (at_ms);
";

pub(super) fn prepare(connection: &Connection, durability: Durability) -> Result<(), StoreError> {
    connection.execute_batch("PRAGMA journal_mode = WAL;")?;
    connection.execute_batch(match durability {
        Durability::Full => "PRAGMA synchronous = FULL;",
        Durability::Process => "PRAGMA synchronous = OFF;",
    })?;
    connection.set_prepared_statement_cache_capacity(64);
    connection.execute_batch(TABLES)?;
    Ok(())
}

pub(super) fn tune_reader(connection: &Connection) -> Result<(), StoreError> {
    connection.execute_batch("PRAGMA mmap_size = 268435456;")?;
    connection.set_prepared_statement_cache_capacity(64);
    Ok(())
}
