//! Inbound provisioning: how a directory's attributes map to a user's, and the tokens it comes with.

use callboard_contract::timestamps::to_wire;
use http::StatusCode;
use serde_json::{Map, Value, json};

use super::find;
use crate::pipeline::{Answer, ApiError, Context, Envelope, Paging, Request, Table};
use crate::store::{Document, Key, Kind, Span, Store, StoreError, Transaction};

const KIND: Kind = Kind("scim_configuration");
const TOKEN: Kind = Kind("scim_token");
const BY_CONNECTION: &str = "connection";
/// Tokens that a connection may have.
const MOST_TOKENS: usize = 2;
const TOKEN_BYTES: usize = 48;
const ENTERPRISE_USER: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

pub(super) fn behaviours(table: &mut Table) {
    table.read("get_connections-scim-configurations", list);
    table.read("get_scim-configuration", get);
    table.write("post_scim-configuration", "Create a SCIM configuration", create);
    table.write("patch_scim-configuration", "Update a SCIM configuration", update);
    table.write("delete_scim-configuration", "Delete a SCIM configuration", delete);
    table.read("get_default-mapping", default_mapping);
    table.read("get_scim_tokens", tokens);
    table.write("post_scim_token", "Create a SCIM token", create_token);
    table.write("delete_tokens_by_tokenId", "Delete a SCIM token", delete_token);
}

async fn configuration(context: &Context, connection: &str) -> Result<Document, ApiError> {
    let found = context.store().get(KIND, connection).await?;
    found.ok_or_else(|| ApiError::new(StatusCode::NOT_FOUND, "Not Found"))
}

async fn list(context: Context, request: Request) -> Result<Answer, ApiError> {
    let paging = Paging::by_checkpoint(&request)?;
    let found = context.store().list(KIND, paging.span()).await?;
    let rows = found.into_iter().map(|one| (one.position, one.body)).collect();
    Ok(paging.answer("scim_configurations", rows, 0, Envelope::TotalFirst))
}

async fn get(context: Context, request: Request) -> Result<Answer, ApiError> {
    find(&context, request.id()).await?;
    Ok(Answer::ok(configuration(&context, request.id()).await?.body))
}

async fn create(context: Context, request: Request) -> Result<Answer, ApiError> {
    let connection = find(&context, request.id()).await?;
    if context.store().get(KIND, &connection.id).await?.is_some() {
        return Err(ApiError::conflict("A SCIM configuration already exists for this connection."));
    }
    let now = context.timestamp();
    let mut body = Map::new();
    for (name, value) in [
        ("tenant_name", context.tenant.name().into()),
        ("connection_id", connection.id.as_str().into()),
        ("connection_name", connection.body["name"].clone()),
        ("strategy", connection.body["strategy"].clone()),
        ("mapping", mapping()),
        ("updated_on", now.as_str().into()),
        ("created_at", now.into()),
        ("user_id_attribute", "externalId".into()),
    ] {
        body.insert(name.into(), value);
    }
    body.extend(request.into_fields().into_iter().filter(|(_, value)| !value.is_null()));
    let body = Value::Object(body);
    let change = Transaction::new().insert(KIND, connection.id, body.clone(), Vec::new());
    Ok(context.commit(change, Answer::created(body)).await?)
}

async fn update(context: Context, request: Request) -> Result<Answer, ApiError> {
    find(&context, request.id()).await?;
    let found = configuration(&context, request.id()).await?;
    let mut body = found.body;
    for (name, value) in request.into_fields() {
        body[name.as_str()] = value;
    }
    body["updated_on"] = context.timestamp().into();
    let answer = Answer::ok(body.clone());
    let change = Transaction::new().replace(KIND, found.id, found.version, body, Vec::new());
    Ok(context.commit(change, answer).await?)
}

async fn delete(context: Context, request: Request) -> Result<Answer, ApiError> {
    let change = removed(Transaction::new(), context.store(), request.id()).await?;
    Ok(context.commit(change, Answer::no_content()).await?)
}

/// The configuration of a connection and its tokens go.
pub(super) async fn removed(
    change: Transaction,
    store: &dyn Store,
    connection: &str,
) -> Result<Transaction, StoreError> {
    let tokens = store.matching(TOKEN, BY_CONNECTION, connection, Span::page(0, u64::MAX)).await?;
    let change = tokens.into_iter().fold(change, |change, token| change.delete(TOKEN, token.id));
    Ok(change.delete(KIND, connection))
}

async fn default_mapping(context: Context, request: Request) -> Result<Answer, ApiError> {
    find(&context, request.id()).await?;
    Ok(Answer::ok(json!({"mapping": mapping()})))
}

async fn tokens_of(context: &Context, connection: &str) -> Result<Vec<Document>, ApiError> {
    let all = Span::page(0, u64::MAX);
    Ok(context.store().matching(TOKEN, BY_CONNECTION, connection, all).await?)
}

async fn tokens(context: Context, request: Request) -> Result<Answer, ApiError> {
    find(&context, request.id()).await?;
    let found = tokens_of(&context, request.id()).await?;
    Ok(Answer::ok(found.into_iter().map(|token| token.body).collect::<Vec<_>>()))
}

/// The token itself is shown this once and not kept.
async fn create_token(context: Context, request: Request) -> Result<Answer, ApiError> {
    find(&context, request.id()).await?;
    let connection = configuration(&context, request.id()).await?.id;
    if tokens_of(&context, &connection).await?.len() >= MOST_TOKENS {
        return Err(ApiError::conflict(format!(
            "A connection can have at most {MOST_TOKENS} SCIM tokens."
        )));
    }
    let random = context.tenant.random();
    let id = format!("tok_{}", random.alphanumeric(16));
    let given = request.into_fields();
    let lifetime = given.get("token_lifetime").and_then(Value::as_i64);
    let mut kept = json!({
        "token_id": id,
        "scopes": given.get("scopes").cloned().unwrap_or_else(default_scopes),
        "created_at": context.timestamp(),
    });
    if let Some(seconds) = lifetime {
        let until = context.now.saturating_add(jiff::SignedDuration::from_secs(seconds));
        kept["valid_until"] = to_wire(until.unwrap_or(jiff::Timestamp::MAX)).into();
    }
    let mut shown = kept.clone();
    shown["token"] = format!("{id}.{}", random.url_safe(TOKEN_BYTES)).into();
    let keys = vec![Key::shared(BY_CONNECTION, connection)];
    let change = Transaction::new().insert(TOKEN, id, kept, keys);
    Ok(context.commit(change, Answer::created(shown)).await?)
}

fn default_scopes() -> Value {
    json!(["get:users", "post:users", "put:users", "patch:users", "delete:users"])
}

async fn delete_token(context: Context, request: Request) -> Result<Answer, ApiError> {
    find(&context, request.id()).await?;
    let id = request.path("tokenId");
    let is_its_own = tokens_of(&context, request.id()).await?.iter().any(|token| token.id == id);
    let change = if is_its_own { Transaction::new().delete(TOKEN, id) } else { Transaction::new() };
    Ok(context.commit(change, Answer::no_content()).await?)
}

/// How attributes map unless a connection says otherwise.
fn mapping() -> Value {
    let pairs = [
        ("userName", "preferred_username"),
        ("emails[primary eq true].value", "email"),
        ("externalId", "app_metadata.external_id"),
        ("active", "blocked"),
        ("displayName", "name"),
        ("name.givenName", "given_name"),
        ("name.familyName", "family_name"),
        ("name.middleName", "app_metadata.middle_name"),
        ("name.honorificPrefix", "app_metadata.honorific_prefix"),
        ("name.honorificSuffix", "app_metadata.honorific_suffix"),
        ("nickName", "nickname"),
        ("photos[type eq \"photo\"].value", "picture"),
        ("phoneNumbers[primary eq true].value", "app_metadata.primary_phone_number"),
        ("phoneNumbers[type eq \"mobile\"].value", "app_metadata.mobile_phone_number"),
        ("addresses[type eq \"work\"].streetAddress", "app_metadata.street_address"),
        ("addresses[type eq \"work\"].locality", "app_metadata.city"),
        ("addresses[type eq \"work\"].region", "app_metadata.state"),
        ("addresses[type eq \"work\"].postalCode", "app_metadata.postal_code"),
        ("addresses[type eq \"work\"].formatted", "app_metadata.postal_address"),
        ("addresses[type eq \"work\"].country", "app_metadata.country"),
        ("profileUrl", "app_metadata.profile_url"),
        ("userType", "app_metadata.user_type"),
        ("title", "app_metadata.title"),
        ("preferredLanguage", "app_metadata.language"),
        ("locale", "app_metadata.locale"),
        ("timezone", "app_metadata.timezone"),
    ];
    let of_enterprise = [
        ("employeeNumber", "app_metadata.employee_id"),
        ("costCenter", "app_metadata.cost_center"),
        ("organization", "app_metadata.organization"),
        ("division", "app_metadata.division"),
        ("department", "app_metadata.department"),
        ("manager", "app_metadata.manager"),
    ];
    let plain = pairs.into_iter().map(|(scim, auth0)| json!({"scim": scim, "auth0": auth0}));
    let of_enterprise = of_enterprise
        .into_iter()
        .map(|(scim, auth0)| json!({"scim": format!("{ENTERPRISE_USER}.{scim}"), "auth0": auth0}));
    plain.chain(of_enterprise).collect()
}
