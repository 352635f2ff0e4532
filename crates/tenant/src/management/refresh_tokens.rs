//! Refresh tokens as objects: listed, and revoked one by one or many at once.

use callboard_contract::Inexistent;
use callboard_contract::timestamps::to_wire;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};

use super::{listing, users};
use crate::pipeline::{Answer, ApiError, Context, Envelope, Paging, Projection, Request, Table};
use crate::random::Random;
use crate::store::{Document, Key, Kind, Span, Store, StoreError, Transaction};

pub(crate) const KIND: Kind = Kind("refresh_token");
const BY_SESSION: &str = "session";

/// Ids that one call may revoke.
const MOST_IDS: usize = 100;
/// Bytes of an id, and of the secret that a client holds.
const ID_BYTES: usize = 14;
const SECRET_BYTES: usize = 48;

pub(super) fn behaviours(table: &mut Table) {
    table.read("get_refresh_token", get);
    table.read("get_refresh_tokens", list);
    table.write("patch_refresh-tokens_by_id", "Update a refresh token", update);
    table.write("delete_refresh_token", "Delete a refresh token", delete);
    table.write("revoke_refresh_tokens", "Revoke refresh tokens", revoke_many);
    table.read("get_refresh_tokens_for_user", list_of_user);
    table.write(
        "delete_refresh_tokens_for_user",
        "Delete all refresh tokens of a user",
        delete_of_user,
    );
}

/// What a new token is for, and where it was asked for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Issue<'a> {
    pub(crate) user_id: &'a str,
    pub(crate) client: &'a Value,
    pub(crate) session_id: &'a str,
    pub(crate) audience: &'a str,
    /// Separated by spaces.
    pub(crate) scopes: &'a str,
    pub(crate) ip: &'a str,
    pub(crate) user_agent: &'a str,
    pub(crate) at: Timestamp,
}

/// A new token: kept under the beginning of its hash, and as the client gets it.
pub(crate) fn issue(
    change: Transaction,
    random: &Random,
    issue: &Issue<'_>,
) -> (Transaction, String) {
    let settings = &issue.client["refresh_token"];
    let token = json!({
        "user_id": issue.user_id,
        "created_at": to_wire(issue.at),
        "idle_expires_at": expiry(settings, "idle_token_lifetime", "infinite_idle_token_lifetime", issue.at),
        "expires_at": expiry(settings, "token_lifetime", "infinite_token_lifetime", issue.at),
        "device": {
            "initial_ip": issue.ip, "initial_user_agent": issue.user_agent,
            "last_ip": issue.ip, "last_user_agent": issue.user_agent,
        },
        "client_id": issue.client["client_id"],
        "session_id": issue.session_id,
        "rotating": settings["rotation_type"] == "rotating",
        "resource_servers": [{"audience": issue.audience, "scopes": issue.scopes}],
    });
    rotated(change, random, &token)
}

/// The same token under a new secret.
pub(crate) fn rotated(
    change: Transaction,
    random: &Random,
    token: &Value,
) -> (Transaction, String) {
    let secret = format!("v1.{}", random.url_safe(SECRET_BYTES));
    let id = id(&secret);
    let mut kept = Map::new();
    kept.insert("id".into(), id.as_str().into());
    kept.extend(
        token
            .as_object()
            .into_iter()
            .flatten()
            .filter(|(name, _)| *name != "id")
            .map(|(name, value)| (name.clone(), value.clone())),
    );
    let kept = Value::Object(kept);
    let keys = keys(&kept);
    (change.insert(KIND, id, kept, keys), secret)
}

/// The token after an exchange, which moves its idle expiry.
pub(crate) fn used(token: &Value, client: &Value, at: Timestamp) -> Value {
    let settings = &client["refresh_token"];
    let mut token = token.clone();
    token["last_exchanged_at"] = to_wire(at).into();
    token["idle_expires_at"] =
        expiry(settings, "idle_token_lifetime", "infinite_idle_token_lifetime", at);
    token
}

/// The token with this secret, unless it has expired.
pub(crate) async fn by_secret(
    store: &dyn Store,
    secret: &str,
    now: Timestamp,
) -> Result<Option<Document>, StoreError> {
    let now = to_wire(now);
    let is_live = |token: &Value| {
        ["expires_at", "idle_expires_at"]
            .iter()
            .all(|name| token[*name].as_str().is_none_or(|until| until > now.as_str()))
    };
    Ok(store.get(KIND, &id(secret)).await?.filter(|token| is_live(&token.body)))
}

/// The beginning of a secret's SHA-256: nobody can find the secret from it, nor another one with the same.
fn id(secret: &str) -> String {
    hex::encode(&Sha256::digest(secret.as_bytes())[..ID_BYTES])
}

/// Null for a token that does not expire.
fn expiry(settings: &Value, lifetime: &str, infinite: &str, at: Timestamp) -> Value {
    match settings[lifetime].as_i64().filter(|_| settings[infinite] == false) {
        Some(seconds) => {
            let until = at.saturating_add(SignedDuration::from_secs(seconds));
            to_wire(until.unwrap_or(Timestamp::MAX)).into()
        }
        None => Value::Null,
    }
}

pub(crate) fn keys(token: &Value) -> Vec<Key> {
    let text = |name: &str| token[name].as_str().unwrap_or_default();
    vec![Key::shared(users::BY_USER, text("user_id")), Key::shared(BY_SESSION, text("session_id"))]
}

/// The tokens that a session led to go.
pub(super) fn of_session_removed(change: Transaction, session: &str) -> Transaction {
    change.delete_matching(KIND, BY_SESSION, session)
}

async fn find(context: &Context, id: &str) -> Result<Document, ApiError> {
    let found = context.store().get(KIND, id).await?;
    found.ok_or_else(|| Inexistent::Other("refresh token").into())
}

async fn of_user(context: &Context, user: &str) -> Result<Vec<Document>, ApiError> {
    let all = Span::page(0, u64::MAX);
    Ok(context.store().matching(KIND, users::BY_USER, user, all).await?)
}

async fn get(context: Context, request: Request) -> Result<Answer, ApiError> {
    Ok(Answer::ok(find(&context, request.id()).await?.body))
}

async fn list(context: Context, request: Request) -> Result<Answer, ApiError> {
    let Some(user) = request.query_text("user_id") else {
        return Err(ApiError::bad_request(
            "invalid_query_string",
            "Missing required 'user_id' parameter.",
        ));
    };
    let user = users::find(&context, user).await?;
    let paging = Paging::by_checkpoint(&request)?;
    let client = request.query_text("client_id");
    let mut found = of_user(&context, &user.id).await?;
    found.retain(|token| client.is_none_or(|client| token.body["client_id"] == client));
    let page = listing::page_of(found, &paging);
    let projection = Projection::of(&request);
    let rows = page
        .rows
        .into_iter()
        .map(|(position, token)| (position, projection.apply(token)))
        .collect();
    Ok(paging.answer("refresh_tokens", rows, page.total, Envelope::TotalFirst))
}

/// With `include_totals` this list tells its total although it is paged by checkpoint.
async fn list_of_user(context: Context, request: Request) -> Result<Answer, ApiError> {
    let user = users::find(&context, request.path("user_id")).await?;
    let paging = Paging::by_checkpoint(&request)?;
    let page = listing::page_of(of_user(&context, &user.id).await?, &paging);
    let total = page.total;
    let mut answer = paging.answer("tokens", page.rows, total, Envelope::TotalFirst);
    if let Some(body) = answer.body.as_mut().filter(|_| paging.include_totals) {
        body["total"] = total.into();
    }
    Ok(answer)
}

async fn update(context: Context, request: Request) -> Result<Answer, ApiError> {
    let found = find(&context, request.id()).await?;
    let mut token = found.body;
    for (name, value) in request.into_fields() {
        token[name.as_str()] = value;
    }
    let answer = Answer::ok(token.clone());
    let keys = keys(&token);
    let change = Transaction::new().replace(KIND, found.id, found.version, token, keys);
    Ok(context.commit(change, answer).await?)
}

async fn delete(context: Context, request: Request) -> Result<Answer, ApiError> {
    let change = Transaction::new().delete(KIND, request.id());
    Ok(context.commit(change, Answer::no_content()).await?)
}

async fn delete_of_user(context: Context, request: Request) -> Result<Answer, ApiError> {
    let user = users::find(&context, request.path("user_id")).await?;
    let change = Transaction::new().delete_matching(KIND, users::BY_USER, user.id);
    Ok(context.commit(change, Answer::accepted(json!({}))).await?)
}

/// By ids, or those of a user, narrowed by client and audience.
async fn revoke_many(context: Context, request: Request) -> Result<Answer, ApiError> {
    let ids = request.body_texts("ids");
    let text = |name: &str| request.body[name].as_str();
    let mut change = Transaction::new();
    match (ids.is_empty(), text("user_id")) {
        (false, None) if ids.len() <= MOST_IDS => {
            for id in ids {
                change = change.delete(KIND, id);
            }
        }
        (false, None) => {
            return Err(ApiError::invalid_body(format!(
                "At most {MOST_IDS} ids can be revoked at a time."
            )));
        }
        (true, Some(user)) => {
            let of_client =
                |token: &Value| text("client_id").is_none_or(|client| token["client_id"] == client);
            let for_audience = |token: &Value| {
                let servers =
                    token["resource_servers"].as_array().map(Vec::as_slice).unwrap_or_default();
                text("audience").is_none_or(|audience| {
                    servers.iter().any(|server| server["audience"] == audience)
                })
            };
            let found = of_user(&context, user).await?;
            for token in
                found.into_iter().filter(|one| of_client(&one.body) && for_audience(&one.body))
            {
                change = change.delete(KIND, token.id);
            }
        }
        _ => return Err(ApiError::invalid_body("Exactly one of ids and user_id is required.")),
    }
    Ok(context.commit(change, Answer::accepted(json!({}))).await?)
}
