//! Keys of the tenant: those it signs with, those that others brought, and those that encrypt its secrets.

mod encryption;
mod signing;

use callboard_contract::ErrorBody;
use serde_json::json;

use super::generic::{
    Singleton,
    singleton::Fresh,
    singleton::Verb::{Delete, Put, Read},
    singleton_behaviours,
};
use crate::pipeline::Table;

/// Public keys that the tenant's tokens may be verified with besides its own.
static CUSTOM_SIGNING: Singleton = Singleton {
    fresh: Fresh::Missing(|| ErrorBody::new(404, "Custom signing keys not found.")),
    routes: &[
        (Read, "get_custom_signing_keys", ""),
        (Put, "put_custom_signing_keys", "Create or replace custom signing keys"),
        (Delete, "delete_custom_signing_keys", "Delete custom signing keys"),
    ],
    ..Singleton::new("custom_signing_keys", |_, _| json!({"keys": []}))
};

pub(super) fn behaviours(table: &mut Table) {
    singleton_behaviours(table, &CUSTOM_SIGNING);
    encryption::behaviours(table);
    signing::behaviours(table);
}
