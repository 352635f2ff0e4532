//! Named secrets, sealed.

use super::apply::execute;
use super::connection::{Connection, params};
use super::read::rows;
use super::rows::to_micros;
use crate::store::{Refusal, SecretRecord, StoreError};

pub(super) fn put(connection: &dyn Connection, secret: &SecretRecord) -> Result<(), StoreError> {
    let SecretRecord { name, sealed, changed_at } = secret;
    execute(
        connection,
        "INSERT INTO secrets (name, sealed, changed_at) VALUES (?1, ?2, ?3) \
         ON CONFLICT (name) DO UPDATE SET sealed = excluded.sealed, changed_at = excluded.changed_at",
        params![name, sealed, to_micros(*changed_at)],
    )
    .map(drop)
}

pub(super) fn delete(connection: &dyn Connection, name: &str) -> Result<(), StoreError> {
    match execute(connection, "DELETE FROM secrets WHERE name = ?1", params![name])? {
        0 => Err(StoreError::Refused(Refusal::NoSuchSecret { name: name.to_owned() })),
        _ => Ok(()),
    }
}

pub(super) fn list(connection: &dyn Connection) -> Result<Vec<SecretRecord>, StoreError> {
    rows(connection, "secrets", "SELECT * FROM secrets ORDER BY name", &[], |columns| {
        Ok(SecretRecord {
            name: columns.get("name")?,
            sealed: columns.get("sealed")?,
            changed_at: columns.at("changed_at")?,
        })
    })
}
