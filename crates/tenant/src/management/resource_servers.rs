//! Resource servers, "APIs" in the dashboard.

mod scopes;

use callboard_contract::{Inexistent, contract};
use serde_json::{Map, Value, json};

use super::{client_grants, listing};
use crate::pipeline::{
    Answer, ApiError, Context, Envelope, Paging, Projection, Request, SYSTEM_API, Table,
};
use crate::random::Random;
use crate::store::{CommitError, Conflict, Document, Key, Kind, Span, Transaction};

pub(crate) const KIND: Kind = Kind("resource_server");

/// By identifier, as it is stored (the system API's without its host).
pub(crate) const BY_IDENTIFIER: &str = "identifier";

/// What may be changed of the Management API itself.
const CHANGEABLE_OF_SYSTEM: [&str; 2] = ["token_lifetime", "token_lifetime_for_web"];
const TOKEN_LIFETIME: u64 = 86_400;
const TOKEN_LIFETIME_FOR_WEB: u64 = 7_200;
const SECRET_LENGTH: usize = 32;
/// Grants that are looked at when an API is deleted.
const MOST: u64 = 100_000;

pub(super) fn behaviours(table: &mut Table) {
    table.read("get_resource-servers", list);
    table.write("post_resource-servers", "Create a resource server", create);
    table.read("get_resource-servers_by_id", get);
    table.write("patch_resource-servers_by_id", "Update a resource server", update);
    table.write("delete_resource-servers_by_id", "Delete a resource server", delete);
}

pub(crate) fn keys(server: &Value) -> Vec<Key> {
    vec![Key::unique(BY_IDENTIFIER, server["identifier"].as_str().unwrap_or_default())]
}

/// The Management API itself.
pub(crate) fn system(random: &Random) -> Value {
    let scopes: Vec<_> = contract()
        .scopes()
        .iter()
        .map(|scope| json!({"value": scope, "description": scope}))
        .collect();
    json!({
        "id": random.hex(24),
        "name": "Auth0 Management API",
        "identifier": SYSTEM_API,
        "is_system": true,
        "allow_offline_access": false,
        "skip_consent_for_verifiable_first_party_clients": false,
        "subject_type_authorization": {
            "user": {"policy": "allow_all"}, "client": {"policy": "require_client_grant"},
        },
        "signing_alg": "RS256",
        "token_lifetime": TOKEN_LIFETIME,
        "token_lifetime_for_web": TOKEN_LIFETIME_FOR_WEB,
        "scopes": scopes,
    })
}

/// By id, or by identifier.
async fn find(context: &Context, id: &str) -> Result<Option<Document>, ApiError> {
    let store = context.store();
    if let Some(found) = store.get(KIND, id).await? {
        return Ok(Some(found));
    }
    Ok(store.find(KIND, BY_IDENTIFIER, context.origin.stored_audience(id)).await?)
}

async fn require(context: &Context, id: &str) -> Result<Document, ApiError> {
    find(context, id).await?.ok_or_else(|| Inexistent::ResourceServer.into())
}

/// With its identifier as the caller knows it.
fn shown(context: &Context, mut server: Value) -> Value {
    let visible =
        server["identifier"].as_str().map(|stored| context.origin.visible_audience(stored));
    if let Some(identifier) = visible {
        server["identifier"] = identifier.into();
    }
    server
}

async fn list(context: Context, request: Request) -> Result<Answer, ApiError> {
    let paging = Paging::of(&request)?;
    paging.within_wall()?;
    let identifiers: Vec<_> = request
        .query_texts("identifiers")
        .iter()
        .map(|identifier| context.origin.stored_audience(identifier).to_owned())
        .collect();
    let store = context.store();
    let page = if identifiers.is_empty() {
        listing::page(store, KIND, &paging).await?
    } else {
        let mut found = Vec::new();
        for identifier in identifiers {
            found.extend(store.find(KIND, BY_IDENTIFIER, &identifier).await?);
        }
        listing::page_of(found, &paging)
    };
    let projection = Projection::of(&request);
    let rows = page
        .rows
        .into_iter()
        .map(|(position, server)| (position, projection.apply(shown(&context, server))))
        .collect();
    Ok(paging.answer("resource_servers", rows, page.total, Envelope::TotalFirst))
}

async fn get(context: Context, request: Request) -> Result<Answer, ApiError> {
    let found = require(&context, request.id()).await?;
    Ok(Answer::ok(Projection::of(&request).apply(shown(&context, found.body))))
}

async fn create(context: Context, request: Request) -> Result<Answer, ApiError> {
    let random = context.tenant.random();
    let id = random.hex(24);
    let server = new(&id, request.into_fields(), || random.alphanumeric(SECRET_LENGTH));
    let stored =
        server["identifier"].as_str().map(|visible| context.origin.stored_audience(visible));
    if stored == Some(SYSTEM_API) {
        return Err(duplicate());
    }
    let change = Transaction::new().insert(KIND, id, server.clone(), keys(&server));
    context.commit(change, Answer::created(server)).await.map_err(|error| match error {
        CommitError::Conflict(Conflict::Taken { .. }) => duplicate(),
        other => other.into(),
    })
}

fn duplicate() -> ApiError {
    ApiError::conflict("A resource server with the same identifier already exists.")
}

/// The given fields with the defaults for the rest.
fn new(id: &str, given: Map<String, Value>, secret: impl Fn() -> String) -> Value {
    let defaults = json!({
        "id": id,
        "allow_offline_access": false,
        "skip_consent_for_verifiable_first_party_clients": false,
        "subject_type_authorization": {
            "user": {"policy": "allow_all"}, "client": {"policy": "require_client_grant"},
        },
        "token_lifetime": TOKEN_LIFETIME,
        "token_lifetime_for_web": TOKEN_LIFETIME_FOR_WEB,
        "signing_alg": "RS256",
    });
    let mut server = defaults.as_object().cloned().unwrap_or_default();
    let given = given.into_iter().filter(|(_, value)| !value.is_null());
    server.extend(given);
    complete(&mut server, secret);
    Value::Object(server)
}

/// The web lifetime never exceeds the other; HS256 needs a secret, the other algorithms none.
fn complete(server: &mut Map<String, Value>, secret: impl Fn() -> String) {
    let lifetime = server.get("token_lifetime").and_then(Value::as_u64).unwrap_or(TOKEN_LIFETIME);
    if server
        .get("token_lifetime_for_web")
        .and_then(Value::as_u64)
        .is_some_and(|web| web > lifetime)
    {
        server.insert("token_lifetime_for_web".into(), lifetime.into());
    }
    if server.get("signing_alg").is_some_and(|algorithm| algorithm == "HS256") {
        server.entry("signing_secret").or_insert_with(|| secret().into());
    } else {
        server.shift_remove("signing_secret");
    }
}

async fn update(context: Context, request: Request) -> Result<Answer, ApiError> {
    let found = require(&context, request.id()).await?;
    let given = request.into_fields();
    let is_system = found.body["is_system"] == true;
    if is_system && given.keys().any(|name| !CHANGEABLE_OF_SYSTEM.contains(&name.as_str())) {
        let message = "Only the token lifetimes of a system API can be changed.";
        return Err(ApiError::bad_request("operation_not_supported", message));
    }
    let random = context.tenant.random();
    let mut server = found.body.as_object().cloned().unwrap_or_default();
    for (name, value) in given {
        if value.is_null() {
            server.shift_remove(&name);
        } else {
            server.insert(name, value);
        }
    }
    complete(&mut server, || random.alphanumeric(SECRET_LENGTH));
    let server = Value::Object(server);
    let gone = scopes::missing_in(&server, &found.body);
    let answer = Answer::ok(shown(&context, server.clone()));
    let change =
        Transaction::new().replace(KIND, found.id, found.version, server.clone(), keys(&server));
    let change = scopes::withdrawn(change, &server, &gone);
    Ok(context.commit(change, answer).await?)
}

async fn delete(context: Context, request: Request) -> Result<Answer, ApiError> {
    let Some(found) = find(&context, request.id()).await? else {
        return Ok(context.commit(Transaction::new(), Answer::no_content()).await?);
    };
    if found.body["is_system"] == true {
        let message = "A system API cannot be deleted.";
        return Err(ApiError::bad_request("operation_not_supported", message));
    }
    let identifier = found.body["identifier"].as_str().unwrap_or_default();
    let grants = context
        .store()
        .matching(client_grants::KIND, client_grants::BY_AUDIENCE, identifier, Span::page(0, MOST))
        .await?;
    let mut change = scopes::withdrawn(Transaction::new(), &found.body, &scopes::of(&found.body));
    for grant in grants {
        change = change.delete(client_grants::KIND, grant.id);
    }
    Ok(context.commit(change.delete(KIND, found.id), Answer::no_content()).await?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_api_gets_what_its_maker_left_open() {
        let make = |given: Value| new("id", given.as_object().unwrap().clone(), || "secret".into());
        let api = make(json!({"identifier": "https://api"}));
        assert_eq!(api["signing_alg"], "RS256");
        assert_eq!(api["token_lifetime_for_web"], 7_200);
        assert_eq!(api.get("signing_secret"), None);
        assert_eq!(make(json!({"signing_alg": "HS256"}))["signing_secret"], "secret");
        assert_eq!(make(json!({"token_lifetime": 60}))["token_lifetime_for_web"], 60);
    }
}
