//! Applications, which the API calls clients.

mod credentials;
mod defaults;
mod list;
mod rules;
mod visibility;

use callboard_contract::{Inexistent, metadata};
use serde_json::{Map, Value, json};

use super::{client_grants, connections};
use crate::pipeline::{Answer, ApiError, Context, Projection, Request, Table};
use crate::random::Random;
use crate::store::{Document, Key, Kind, Span, Store, StoreError, Transaction};

pub(crate) const KIND: Kind = Kind("client");

/// Grants and tokens of one client that are looked at when it is deleted.
const MOST: u64 = 100_000;
/// Bytes of a secret; 64 characters as text.
const SECRET_BYTES: usize = 48;

pub(super) fn behaviours(table: &mut Table) {
    table.read("get_clients", list::list);
    table.write("post_clients", "Create a Client", create);
    table.read("get_clients_by_id", get);
    table.write("patch_clients_by_id", "Update a Client", update);
    table.write("delete_clients_by_id", "Delete a Client", delete);
    table.write("post_rotate-secret", "Rotate a client secret", rotate_secret);
    table.read("get_client_connections", list::connections);
    credentials::behaviours(table);
}

/// The keys by which a client is found besides its id.
pub(crate) fn keys(client: &Value) -> Vec<Key> {
    let global = client["global"] == true;
    global.then(|| Key::unique("global", "global")).into_iter().collect()
}

/// The client, or the API's 404.
pub(crate) async fn find(context: &Context, id: &str) -> Result<Document, ApiError> {
    context.store().get(KIND, id).await?.ok_or_else(|| Inexistent::Client.into())
}

/// Refuses an id that is not a client's.
pub(crate) async fn require(store: &dyn Store, id: &str) -> Result<(), ApiError> {
    match store.get(KIND, id).await? {
        Some(_) => Ok(()),
        None => Err(Inexistent::Client.into()),
    }
}

/// The client that every tenant has and that stands for all of them; it holds the custom login page.
pub(crate) fn global(random: &Random, tenant: &str) -> Value {
    let mut client = defaults::complete(Map::new(), tenant);
    client.insert("name".into(), "All Applications".into());
    client.insert("global".into(), true.into());
    client.insert("client_id".into(), random.alphanumeric(32).into());
    client.insert("client_secret".into(), random.url_safe(SECRET_BYTES).into());
    Value::Object(client)
}

/// An application for programs, with a secret that was chosen outside.
pub(crate) fn machine_to_machine(id: &str, secret: &str, tenant: &str) -> Value {
    let chosen = json!({
        "client_id": id,
        "client_secret": secret,
        "name": "Callboard",
        "app_type": "non_interactive",
        "oidc_conformant": true,
        "token_endpoint_auth_method": "client_secret_post",
        "grant_types": [
            "client_credentials", "password", "http://auth0.com/oauth/grant-type/password-realm", "refresh_token",
        ],
        "jwt_configuration": {"alg": "RS256", "lifetime_in_seconds": 36000, "secret_encoded": false},
    });
    let Value::Object(chosen) = chosen else { return Value::Null };
    Value::Object(defaults::complete(chosen, tenant))
}

async fn get(context: Context, request: Request) -> Result<Answer, ApiError> {
    let client = find(&context, request.id()).await?;
    let shown = visibility::shown(&context, client.body);
    Ok(Answer::ok(Projection::of(&request).apply(shown)))
}

async fn create(context: Context, request: Request) -> Result<Answer, ApiError> {
    let given = request.into_fields();
    rules::check(&Value::Object(given.clone()))?;
    rules::check_credentials_scope(&context, &given, "create:client_credentials")?;
    let random = context.tenant.random();
    let id = random.alphanumeric(32);
    let mut client = defaults::complete(given, context.tenant.name());
    client.insert("client_id".into(), id.as_str().into());
    client.entry("client_secret").or_insert_with(|| random.url_safe(SECRET_BYTES).into());
    let new = credentials::take_new(&context, &mut client)?;
    let stored = Value::Object(client);
    let shown = new.shown_in(visibility::shown_to_its_maker(&context, stored.clone()));
    let change = Transaction::new().insert(KIND, id.as_str(), stored.clone(), keys(&stored));
    let change = new.kept(change, &id);
    Ok(context.commit(change, Answer::created(shown)).await?)
}

async fn update(context: Context, request: Request) -> Result<Answer, ApiError> {
    let found = find(&context, request.id()).await?;
    let change = request.into_fields();
    rules::check_keys_scope(&context, &change)?;
    rules::check_credentials_scope(&context, &change, "update:client_credentials")?;
    credentials::require_known(&context, &found.id, &change).await?;
    let client = changed(found.body, change)?;
    rules::check(&client)?;
    let answer = Answer::ok(visibility::shown(&context, client.clone()));
    let change =
        Transaction::new().replace(KIND, found.id, found.version, client.clone(), keys(&client));
    Ok(context.commit(change, answer).await?)
}

/// Root attributes replace; `null` removes; `client_metadata` is merged key by key.
fn changed(client: Value, change: Map<String, Value>) -> Result<Value, ApiError> {
    let Value::Object(mut client) = client else {
        return Err(ApiError::internal("a client is not an object"));
    };
    for (name, value) in defaults::under_present_names(change) {
        match (name.as_str(), value) {
            ("client_metadata", Value::Object(change)) if change.is_empty() => {}
            ("client_metadata", change @ Value::Object(_)) => {
                let stored =
                    client.get(&name).and_then(Value::as_object).cloned().unwrap_or_default();
                client.insert(name, metadata::merged(&stored, &change).into());
            }
            (_, Value::Null) => {
                client.shift_remove(&name);
            }
            (_, value) => {
                client.insert(name, value);
            }
        }
    }
    defaults::complete_parts(&mut client);
    Ok(Value::Object(client))
}

async fn delete(context: Context, request: Request) -> Result<Answer, ApiError> {
    let id = request.id();
    let client = context.store().get(KIND, id).await?;
    if client.is_some_and(|client| client.body["global"] == true) {
        return Err(ApiError::bad_request(
            "operation_not_supported",
            "The global client cannot be deleted.",
        ));
    }
    let change = without_belongings(context.store(), id).await?.delete(KIND, id);
    Ok(context.commit(change, Answer::no_content()).await?)
}

/// The removal of what goes with a client: grants, credentials, its places in connections, refresh tokens.
async fn without_belongings(store: &dyn Store, id: &str) -> Result<Transaction, StoreError> {
    let mut change = Transaction::new().unrelate_target(connections::ENABLED_CLIENT, id);
    let everything = Span::page(0, MOST);
    for kind in [client_grants::KIND, credentials::KIND] {
        for document in store.matching(kind, client_grants::BY_CLIENT, id, everything).await? {
            change = change.delete(kind, document.id);
        }
    }
    Ok(change)
}

async fn rotate_secret(context: Context, request: Request) -> Result<Answer, ApiError> {
    let found = find(&context, request.id()).await?;
    let mut client = found.body;
    if client["client_authentication_methods"]["private_key_jwt"].is_object() {
        return Err(ApiError::bad_request(
            "operation_not_supported",
            "The client is configured with private_key_jwt and has no secret to rotate.",
        ));
    }
    client["client_secret"] = context.tenant.random().url_safe(SECRET_BYTES).into();
    let answer = Answer::ok(visibility::shown_to_its_maker(&context, client.clone()));
    let keys = keys(&client);
    let change = Transaction::new().replace(KIND, found.id, found.version, client, keys);
    Ok(context.commit(change, answer).await?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_replaces_merges_and_removes() {
        let client = json!({
            "name": "a", "callbacks": ["x"], "logo_uri": "l", "client_metadata": {"a": "1", "b": "2"},
            "jwt_configuration": {"alg": "RS256", "secret_encoded": false},
        });
        for (change, name, expected) in [
            (json!({"callbacks": ["y"]}), "callbacks", json!(["y"])),
            (json!({"logo_uri": null}), "logo_uri", Value::Null),
            (
                json!({"client_metadata": {"a": null, "c": "3"}}),
                "client_metadata",
                json!({"b": "2", "c": "3"}),
            ),
            (json!({"client_metadata": {}}), "client_metadata", json!({"a": "1", "b": "2"})),
            (
                json!({"jwt_configuration": {"alg": "PS256"}}),
                "jwt_configuration",
                json!({"alg": "PS256", "secret_encoded": false}),
            ),
        ] {
            let after = changed(client.clone(), change.as_object().unwrap().clone()).unwrap();
            assert_eq!(after[name], expected, "{change}");
        }
    }
}
