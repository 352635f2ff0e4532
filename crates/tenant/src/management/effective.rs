//! What a user may do: permissions given directly and through roles.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::permissions::Permission;
use super::roles::{self, ROLE_PERMISSION, USER_ROLE};
use super::users::USER_PERMISSION;
use crate::store::{End, Span, Store, StoreError};

/// Limits of the real service: 50 roles a user, 1,000 permissions a role or user.
const ALL: Span = Span { after: 0, skip: 0, limit: 1_000 };

/// A permission and where a user has it from.
pub(crate) struct Held {
    pub(crate) permission: Permission,
    pub(crate) directly: bool,
    /// Roles that have the permission, as they are stored.
    pub(crate) roles: Vec<Value>,
}

/// The names of a user's permissions on one API.
pub(crate) async fn permissions_on(
    store: &dyn Store,
    user: &str,
    api: &str,
) -> Result<BTreeSet<String>, StoreError> {
    let held = permissions(store, user).await?.into_iter();
    Ok(held.map(|held| held.permission).filter(|one| one.api == api).map(|one| one.name).collect())
}

/// Every permission of a user once, those given directly first.
pub(crate) async fn permissions(store: &dyn Store, user: &str) -> Result<Vec<Held>, StoreError> {
    let direct = store.related(USER_PERMISSION, End::From(user), ALL).await?;
    let direct = direct.iter().filter_map(|one| Permission::from_text(&one.id));
    let mut held: Vec<Held> =
        direct.map(|permission| Held { permission, directly: true, roles: Vec::new() }).collect();
    for role in roles(store, user).await? {
        let id = role["id"].as_str().unwrap_or_default();
        let through = store.related(ROLE_PERMISSION, End::From(id), ALL).await?;
        for permission in through.iter().filter_map(|one| Permission::from_text(&one.id)) {
            match held.iter_mut().find(|known| known.permission == permission) {
                Some(known) => known.roles.push(role.clone()),
                None => held.push(Held { permission, directly: false, roles: vec![role.clone()] }),
            }
        }
    }
    Ok(held)
}

/// The roles of a user, in the order in which it got them.
pub(crate) async fn roles(store: &dyn Store, user: &str) -> Result<Vec<Value>, StoreError> {
    let mut found = Vec::new();
    for one in store.related(USER_ROLE, End::From(user), ALL).await? {
        if let Some(role) = store.get(roles::KIND, &one.id).await? {
            found.push(role.body);
        }
    }
    Ok(found)
}

/// A role as the effective views show it: this tenant has no groups, so every role is given directly.
pub(crate) fn with_source(mut role: Value) -> Value {
    if role["description"].is_null() {
        role["description"] = "".into();
    }
    role["sources"] = json!(["direct"]);
    role
}
