//! Keys of the REST API, by what can be checked of them.

use super::apply::execute;
use super::connection::{Connection, params};
use super::read::rows;
use super::rows::{Columns, to_json, to_micros};
use crate::store::{ApiKeyRecord, Refusal, StoreError};

pub(super) fn put(connection: &dyn Connection, key: &ApiKeyRecord) -> Result<(), StoreError> {
    let ApiKeyRecord { id, hash, name, person, groups, role, at } = key;
    execute(
        connection,
        "INSERT INTO api_keys (id, hash, name, person, groups, role, at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) \
         ON CONFLICT (id) DO UPDATE SET hash = excluded.hash, name = excluded.name, person = excluded.person, \
         groups = excluded.groups, role = excluded.role, at = excluded.at",
        params![id, hash, name, person, to_json(groups)?, role.name(), to_micros(*at)],
    )
    .map(drop)
}

pub(super) fn delete(connection: &dyn Connection, id: &str) -> Result<(), StoreError> {
    match execute(connection, "DELETE FROM api_keys WHERE id = ?1", params![id])? {
        0 => Err(StoreError::Refused(Refusal::NoSuchApiKey { name: id.to_owned() })),
        _ => Ok(()),
    }
}

pub(super) fn find(
    connection: &dyn Connection,
    id: &str,
) -> Result<Option<ApiKeyRecord>, StoreError> {
    Ok(rows(connection, "api_keys", "SELECT * FROM api_keys WHERE id = ?1", params![id], key)?
        .pop())
}

pub(super) fn list(connection: &dyn Connection) -> Result<Vec<ApiKeyRecord>, StoreError> {
    rows(connection, "api_keys", "SELECT * FROM api_keys ORDER BY name", &[], key)
}

fn key(columns: &Columns<'_>) -> Result<ApiKeyRecord, StoreError> {
    Ok(ApiKeyRecord {
        id: columns.get("id")?,
        hash: columns.get("hash")?,
        name: columns.get("name")?,
        person: columns.get("person")?,
        groups: columns.json("groups")?,
        role: columns.parse("role")?,
        at: columns.at("at")?,
    })
}
