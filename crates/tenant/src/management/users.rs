//! Users: profiles, and how they are found.

mod authentication_methods;
mod by_email;
pub(super) mod create;
pub(crate) mod credential;
mod delete;
mod effective;
mod identities;
mod list;
mod multifactor;
mod permissions;
pub(crate) mod profile;
mod roles;
mod update;

use callboard_contract::{ErrorBody, Inexistent};
use serde_json::Value;

use crate::pipeline::{Answer, ApiError, Context, Projection, Request, Table};
use crate::store::{Document, Key, Kind, Relation, Store, StoreError};

pub(crate) use delete::{farewell, removal};

pub(crate) const KIND: Kind = Kind("user");
/// From a user to a [`super::permissions::Permission`] given directly.
pub(crate) const USER_PERMISSION: Relation = Relation("user-permission");

/// Shared: an address, exactly as it is stored.
const BY_EMAIL: &str = "email";
/// Shared: an address in lower case, where it is not stored so.
const BY_FOLDED_EMAIL: &str = "folded_email";
/// The shared key of documents that belong to one user.
pub(crate) const BY_USER: &str = "user";
/// Unique: an e-mail, user name or phone number within a connection.
const BY_IDENTIFIER: &str = "identifier";
/// Unique: an identity that has been linked to another user's.
const BY_LINKED_IDENTITY: &str = "linked_identity";

pub(super) fn behaviours(table: &mut Table) {
    table.read("get_users", list::list);
    table.write("post_users", "Create a User", create::create);
    table.read("get_users-by-email", by_email::list);
    table.read("get_users_by_id", get);
    table.write("patch_users_by_id", "Update a User", update::update);
    table.write("delete_users_by_id", "Delete a User", delete::delete);
    authentication_methods::behaviours(table);
    effective::behaviours(table);
    identities::behaviours(table);
    multifactor::behaviours(table);
    permissions::behaviours(table);
    roles::behaviours(table);
}

/// The user, or the API's 404.
pub(crate) async fn find(context: &Context, id: &str) -> Result<Document, ApiError> {
    context.store().get(KIND, id).await?.ok_or_else(|| Inexistent::User.into())
}

/// The user whom a person means who logs in to a connection with an e-mail, user name or phone number.
pub(crate) async fn identified_by(
    store: &dyn Store,
    connection: &str,
    identifier: &str,
) -> Result<Option<Document>, StoreError> {
    store.find(KIND, BY_IDENTIFIER, &in_connection(connection, identifier)).await
}

/// Keys of a profile: its address, and every identifier of every identity.
pub(crate) fn keys(user: &Value) -> Vec<Key> {
    let mut keys = Vec::new();
    if let Some(email) = user["email"].as_str() {
        keys.push(Key::shared(BY_EMAIL, email));
        let folded = email.to_lowercase();
        if folded != email {
            keys.push(Key::shared(BY_FOLDED_EMAIL, folded));
        }
    }
    for (position, identity) in profile::identities(user).iter().enumerate() {
        let connection = identity["connection"].as_str().unwrap_or_default();
        if position > 0 {
            keys.push(Key::unique(BY_LINKED_IDENTITY, profile::identity_id(identity)));
        }
        let attributes = if position == 0 { user } else { &identity["profileData"] };
        for name in ["email", "username", "phone_number"] {
            if let Some(value) = attributes[name].as_str() {
                let key = Key::unique(BY_IDENTIFIER, in_connection(connection, value));
                // One user may have the same value twice.
                if !keys.contains(&key) {
                    keys.push(key);
                }
            }
        }
    }
    keys
}

fn in_connection(connection: &str, identifier: &str) -> String {
    format!("{connection} {}", identifier.to_lowercase())
}

/// A caller without `scope` has one of the `current_user` scopes and may act on itself only.
fn require_self_or(context: &Context, scope: &str, id: &str) -> Result<(), ApiError> {
    if context.caller.may(scope) || context.caller.subject == id {
        return Ok(());
    }
    Err(ErrorBody::not_the_subject().into())
}

async fn get(context: Context, request: Request) -> Result<Answer, ApiError> {
    require_self_or(&context, "read:users", request.id())?;
    let user = find(&context, request.id()).await?;
    Ok(Answer::ok(Projection::of(&request).apply(user.body)))
}
