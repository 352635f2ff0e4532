//! Refresh tokens: handed out to who asks for `offline_access`, and exchanged for new access tokens.

use serde_json::{Map, Value, json};

use super::OAuthError;
use super::client_authentication::{Client, TokenRequest};
use super::password::{self, Grant};
use super::token::REFRESH_TOKEN;
use crate::management::refresh_tokens::{self, Issue};
use crate::management::{resource_servers, users};
use crate::store::{Document, Transaction};

const OFFLINE_ACCESS: &str = "offline_access";

/// Adds a refresh token to an answer, where it was asked for and client and API allow it.
pub(super) fn added(
    change: Transaction,
    request: &TokenRequest,
    client: &Client,
    issue: &Issue<'_>,
    api: Option<&Value>,
    answer: &mut Map<String, Value>,
) -> Transaction {
    let is_asked = issue.scopes.split_whitespace().any(|scope| scope == OFFLINE_ACCESS);
    let is_allowed = api.is_none_or(|api| api["allow_offline_access"] == true);
    if !is_asked || !is_allowed || client.require_grant_type(REFRESH_TOKEN).is_err() {
        return change;
    }
    let (change, token) = refresh_tokens::issue(change, request.tenant.random(), issue);
    answer.insert("refresh_token".into(), token.into());
    change
}

pub(super) async fn exchange(request: &TokenRequest) -> Result<Value, OAuthError> {
    let client = request.authenticated_client().await?;
    client.require_grant_type(REFRESH_TOKEN)?;
    let secret = request.form.get("refresh_token")?;
    let store = request.tenant.store();
    let found = refresh_tokens::by_secret(store, secret, request.now).await?;
    let Some(token) = found.filter(|token| token.body["client_id"] == client.id.as_str()) else {
        return Err(refused(request, &client, None, "Unknown or invalid refresh token.").await?);
    };
    let user_id = token.body["user_id"].as_str().unwrap_or_default();
    let Some(user) = store.get(users::KIND, user_id).await? else {
        return Err(refused(request, &client, None, "Unknown or invalid refresh token.").await?);
    };
    if user.body["blocked"] == true {
        return Err(refused(request, &client, Some(&user.id), "user is blocked").await?);
    }
    let granted =
        token.body["resource_servers"][0]["scopes"].as_str().unwrap_or_default().to_owned();
    let wanted = request.form.find("scope");
    let asked: Vec<&str> = granted
        .split_whitespace()
        .filter(|scope| {
            wanted.is_none_or(|wanted| wanted.split_whitespace().any(|one| one == *scope))
        })
        .collect();
    let api = api(request, &token).await?;
    let session = token.body["session_id"].as_str().unwrap_or_default().to_owned();
    let grant = Grant { asked: &asked, gty: REFRESH_TOKEN, session: &session };
    let mut answer = password::tokens(request, &client, &user.body, api.as_ref(), &grant).await?;
    let change = renewed(request, &client, token, &mut answer);
    let event = request
        .log_event("sertft", &client)
        .about_user(&user.id, user.body["name"].as_str())
        .with(
            "audience",
            api.as_ref().map_or_else(
                || request.origin.userinfo_audience(),
                |api| {
                    request.origin.visible_audience(api["identifier"].as_str().unwrap_or_default())
                },
            ),
        )
        .with_details(json!({}));
    store.commit(change.log(Some(user.id), event.into_body())).await?;
    Ok(Value::Object(answer))
}

/// A rotating token gives way to a new one; another one notes that it was used.
fn renewed(
    request: &TokenRequest,
    client: &Client,
    token: Document,
    answer: &mut Map<String, Value>,
) -> Transaction {
    let used = refresh_tokens::used(&token.body, &client.document, request.now);
    // The version must still be the same: of two exchanges at once only one succeeds.
    let change = Transaction::new().replace(
        refresh_tokens::KIND,
        token.id.as_str(),
        token.version,
        used.clone(),
        refresh_tokens::keys(&used),
    );
    if token.body["rotating"] != true {
        return change;
    }
    let (change, secret) = refresh_tokens::rotated(
        change.delete(refresh_tokens::KIND, token.id),
        request.tenant.random(),
        &used,
    );
    answer.insert("refresh_token".into(), secret.into());
    change
}

/// The API that the token was given for; none for `/userinfo`.
async fn api(request: &TokenRequest, token: &Document) -> Result<Option<Value>, OAuthError> {
    let audience = token.body["resource_servers"][0]["audience"].as_str().unwrap_or_default();
    let stored = request.origin.stored_audience(audience);
    let store = request.tenant.store();
    let found = store.find(resource_servers::KIND, resource_servers::BY_IDENTIFIER, stored).await?;
    Ok(found.map(|api| api.body))
}

async fn refused(
    request: &TokenRequest,
    client: &Client,
    user: Option<&str>,
    why: &'static str,
) -> Result<OAuthError, OAuthError> {
    let event = request
        .log_event("fertft", client)
        .described(why)
        .with("audience", request.form.find("audience").unwrap_or_default())
        .with_details(json!({}));
    let event = match user {
        Some(user) => event.about_user(user, None),
        None => event,
    };
    let change = Transaction::new().log(user.map(str::to_owned), event.into_body());
    request.tenant.store().commit(change).await?;
    Ok(OAuthError::forbidden("invalid_grant", why))
}
