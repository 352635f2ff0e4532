//! What a user may do: permissions given directly and through roles.

use std::collections::BTreeSet;

use super::permissions::Permission;
use super::roles::{ROLE_PERMISSION, USER_ROLE};
use super::users::USER_PERMISSION;
use crate::store::{End, Span, Store, StoreError};

/// Limits of the real service: 50 roles a user, 1,000 permissions a role or user.
const MOST: u64 = 1_000;

/// The names of a user's permissions on one API.
pub(crate) async fn permissions_on(
    store: &dyn Store,
    user: &str,
    api: &str,
) -> Result<BTreeSet<String>, StoreError> {
    let all = Span::page(0, MOST);
    let mut related = store.related(USER_PERMISSION, End::From(user), all).await?;
    for role in store.related(USER_ROLE, End::From(user), all).await? {
        related.extend(store.related(ROLE_PERMISSION, End::From(&role.id), all).await?);
    }
    let permissions = related.iter().filter_map(|one| Permission::from_text(&one.id));
    Ok(permissions
        .filter(|permission| permission.api == api)
        .map(|permission| permission.name)
        .collect())
}
