//! The scopes of an API, and what happens where they are given when one goes.

use serde_json::Value;

use crate::management::permissions::Permission;
use crate::management::roles::ROLE_PERMISSION;
use crate::management::users::USER_PERMISSION;
use crate::store::Transaction;

/// The names of an API's scopes.
pub(super) fn of(server: &Value) -> Vec<String> {
    let scopes = server["scopes"].as_array().map(Vec::as_slice).unwrap_or_default();
    scopes.iter().filter_map(|scope| scope["value"].as_str()).map(str::to_owned).collect()
}

/// The scopes that an API had before and has no longer.
pub(super) fn missing_in(after: &Value, before: &Value) -> Vec<String> {
    let left = of(after);
    of(before).into_iter().filter(|scope| !left.contains(scope)).collect()
}

/// Takes scopes of an API from every role and user that has them.
pub(super) fn withdrawn(change: Transaction, server: &Value, scopes: &[String]) -> Transaction {
    let api = server["identifier"].as_str().unwrap_or_default();
    scopes.iter().fold(change, |change, name| {
        let permission = Permission { api: api.to_owned(), name: name.clone() }.to_text();
        change
            .unrelate_target(ROLE_PERMISSION, permission.as_str())
            .unrelate_target(USER_PERMISSION, permission)
    })
}
