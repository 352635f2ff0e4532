//! Refresh tokens as objects: listed, and revoked one by one or many at once.

use callboard_contract::Inexistent;
use serde_json::{Value, json};

use super::{listing, users};
use crate::pipeline::{Answer, ApiError, Context, Envelope, Paging, Projection, Request, Table};
use crate::store::{Document, Key, Kind, Span, Transaction};

pub(crate) const KIND: Kind = Kind("refresh_token");
const BY_SESSION: &str = "session";

/// Ids that one call may revoke.
const MOST_IDS: usize = 100;

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

fn keys(token: &Value) -> Vec<Key> {
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
