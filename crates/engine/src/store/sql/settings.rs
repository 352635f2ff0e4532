//! What holds for all nodes on the data, and how often what they keep in memory has changed.

use std::collections::{BTreeMap, BTreeSet};

use super::connection::{Connection, params};
use super::read::rows;
use crate::store::{Change, StoreError, Topic};

/// The first one stays.
pub(super) fn keep(connection: &dyn Connection, name: &str, value: &str) -> Result<(), StoreError> {
    let sql = "INSERT INTO settings (name, value) VALUES (?1, ?2) ON CONFLICT DO NOTHING";
    connection.perform(sql, params![name, value])
}

pub(super) fn find(connection: &dyn Connection, name: &str) -> Result<Option<String>, StoreError> {
    let sql = "SELECT name, value FROM settings WHERE name = ?1";
    Ok(rows(connection, "settings", sql, params![name], |columns| columns.get("value"))?.pop())
}

/// Counts on what these changes make old in other nodes' memory.
pub(super) fn count(connection: &dyn Connection, changes: &[Change]) -> Result<(), StoreError> {
    let topics: BTreeSet<Topic> = changes.iter().filter_map(Topic::of).collect();
    let sql = "INSERT INTO revisions (topic, revision) VALUES (?1, 1) \
               ON CONFLICT (topic) DO UPDATE SET revision = revisions.revision + 1";
    topics.into_iter().try_for_each(|topic| connection.perform(sql, params![topic.name()]))
}

pub(super) fn revisions(connection: &dyn Connection) -> Result<BTreeMap<Topic, i64>, StoreError> {
    let sql = "SELECT topic, revision FROM revisions";
    let found = rows(connection, "revisions", sql, &[], |columns| {
        Ok((columns.get::<String>("topic")?, columns.get("revision")?))
    })?;
    let known = |name: &str| Topic::ALL.into_iter().find(|topic| topic.name() == name);
    Ok(found.into_iter().filter_map(|(name, count)| Some((known(&name)?, count))).collect())
}
