//! Users: profiles, and how they are found.

pub(crate) mod credential;

use callboard_contract::Inexistent;
use serde_json::Value;

use crate::pipeline::{Answer, ApiError, Context, Projection, Request, Table};
use crate::store::{Document, Key, Kind, Relation, Store, StoreError};

pub(crate) const KIND: Kind = Kind("user");
/// From a user to a [`super::permissions::Permission`] given directly.
pub(crate) const USER_PERMISSION: Relation = Relation("user-permission");

/// Shared: an address, exactly as it is stored.
pub(crate) const BY_EMAIL: &str = "email";
/// Unique: an identifier within a connection.
const BY_IDENTIFIER: &str = "identifier";

pub(super) fn behaviours(table: &mut Table) {
    table.read("get_users_by_id", get);
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
    store.find(KIND, BY_IDENTIFIER, &in_connection(connection, &identifier.to_lowercase())).await
}

/// Keys of a profile: its address, and every identifier of every identity.
pub(crate) fn keys(user: &Value) -> Vec<Key> {
    let mut keys = Vec::new();
    if let Some(email) = user["email"].as_str() {
        keys.push(Key::shared(BY_EMAIL, email));
    }
    let identities = user["identities"].as_array().map(Vec::as_slice).unwrap_or_default();
    for (position, identity) in identities.iter().enumerate() {
        let connection = identity["connection"].as_str().unwrap_or_default();
        let profile = if position == 0 { user } else { &identity["profileData"] };
        for name in ["email", "username", "phone_number"] {
            if let Some(value) = profile[name].as_str() {
                keys.push(Key::unique(
                    BY_IDENTIFIER,
                    in_connection(connection, &value.to_lowercase()),
                ));
            }
        }
    }
    keys
}

fn in_connection(connection: &str, identifier: &str) -> String {
    format!("{connection} {identifier}")
}

async fn get(context: Context, request: Request) -> Result<Answer, ApiError> {
    let user = find(&context, request.id()).await?;
    Ok(Answer::ok(Projection::of(&request).apply(user.body)))
}
