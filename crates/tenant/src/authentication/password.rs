//! A person's token by user name and password: grant types `password` and `password-realm`.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::OAuthError;
use super::client_authentication::{Client, TokenRequest};
use super::id_token::id_token;
use super::login;
use super::refresh;
use super::token::PASSWORD_REALM;
use crate::management::refresh_tokens::Issue;
use crate::management::{connections, effective, resource_servers, sessions, tenant_settings};
use crate::pipeline::SYSTEM_API;
use crate::store::{Document, Transaction};
use crate::tokens::AccessToken;

/// Scopes of OpenID Connect; everything else belongs to an API.
const IDENTITY_SCOPES: [&str; 6] =
    ["openid", "profile", "email", "phone", "address", "offline_access"];

/// Seconds, where an API does not say.
const ACCESS_TOKEN_LIFETIME: i64 = 86_400;

pub(super) async fn exchange(request: &TokenRequest, grant: &str) -> Result<Value, OAuthError> {
    let client = request.authenticated_client().await?;
    client.require_grant_type(grant)?;
    let identifier = request.form.get("username")?;
    let password = request.form.get("password")?;
    let settings = settings(request).await?;
    let connection = connection(request, &client, grant, &settings).await?;
    let api = api(request, &settings).await?;
    let user = login::with_password(request, &client, &connection, identifier, password).await?;
    let (change, session) = sessions::begin(
        Transaction::new(),
        request.tenant.random(),
        &settings,
        &sessions::Login {
            user_id: user["user_id"].as_str().unwrap_or_default(),
            client_id: &client.id,
            ip: &request.exchange.ip,
            user_agent: &request.exchange.user_agent,
            at: request.now,
        },
    );
    let scope = request.form.find("scope").unwrap_or_default();
    let asked: Vec<&str> = scope.split_whitespace().collect();
    let grant = Grant { asked: &asked, gty: "password", session: &session };
    let mut answer = tokens(request, &client, &user, api.as_ref(), &grant).await?;
    let userinfo = request.origin.userinfo_audience();
    let audience = api.as_ref().and_then(|api| api["identifier"].as_str());
    let issue = Issue {
        user_id: user["user_id"].as_str().unwrap_or_default(),
        client: &client.document,
        session_id: &session,
        audience: &audience.map_or(userinfo, |stored| request.origin.visible_audience(stored)),
        scopes: answer.get("scope").and_then(Value::as_str).unwrap_or_default(),
        ip: &request.exchange.ip,
        user_agent: &request.exchange.user_agent,
        at: request.now,
    };
    let mut more = Map::new();
    let change = refresh::added(change, request, &client, &issue, api.as_ref(), &mut more);
    let event = request
        .log_event("sepft", &client)
        .with("audience", issue.audience)
        .with("scope", issue.scopes)
        .with_details(json!({}))
        .about_user(user["user_id"].as_str().unwrap_or_default(), user["name"].as_str());
    answer.extend(more);
    let subject = user["user_id"].as_str().map(str::to_owned);
    request.tenant.store().commit(change.log(subject, event.into_body())).await?;
    Ok(Value::Object(answer))
}

async fn settings(request: &TokenRequest) -> Result<Value, OAuthError> {
    let found = request.tenant.store().get(tenant_settings::KIND, tenant_settings::ID).await?;
    Ok(found.map_or(Value::Null, |document| document.body))
}

/// The realm, or the tenant's default directory; it must be enabled for the application.
async fn connection(
    request: &TokenRequest,
    client: &Client,
    grant: &str,
    settings: &Value,
) -> Result<Document, OAuthError> {
    let default = || settings["default_directory"].as_str().filter(|name| !name.is_empty());
    let name = if grant == PASSWORD_REALM { Some(request.form.get("realm")?) } else { default() };
    let unusable = || {
        let description = "Authorization server not configured with default connection.";
        OAuthError::forbidden("server_error", description)
    };
    let name = name.ok_or_else(unusable)?;
    let store = request.tenant.store();
    let found = store.find(connections::KIND, connections::BY_NAME, name).await?;
    let found = found.ok_or_else(unusable)?;
    if !store.is_related(connections::ENABLED_CLIENT, &found.id, &client.id).await? {
        let description = "the connection is not enabled for the client";
        return Err(OAuthError::forbidden("unauthorized_client", description));
    }
    Ok(found)
}

/// The API that the token is for; none means a token for `/userinfo` only.
async fn api(request: &TokenRequest, settings: &Value) -> Result<Option<Value>, OAuthError> {
    let default = || settings["default_audience"].as_str().filter(|audience| !audience.is_empty());
    let Some(audience) = request.form.find("audience").or_else(default) else { return Ok(None) };
    if audience == request.origin.userinfo_audience() {
        return Ok(None);
    }
    let stored = request.origin.stored_audience(audience);
    let found = request
        .tenant
        .store()
        .find(resource_servers::KIND, resource_servers::BY_IDENTIFIER, stored)
        .await?
        .ok_or_else(|| {
            OAuthError::forbidden(
                "access_denied",
                format!("Service not enabled within domain: {audience}"),
            )
        })?;
    if found.body["subject_type_authorization"]["user"]["policy"] == "deny_all" {
        let description = format!("Client is not authorized to access \"{audience}\" for users.");
        return Err(OAuthError::forbidden("access_denied", description));
    }
    Ok(Some(found.body))
}

/// What tokens are asked for, and by which grant.
pub(super) struct Grant<'a> {
    pub(super) asked: &'a [&'a str],
    /// The access token's `gty`.
    pub(super) gty: &'static str,
    /// The id of the session.
    pub(super) session: &'a str,
}

pub(super) async fn tokens(
    request: &TokenRequest,
    client: &Client,
    user: &Value,
    api: Option<&Value>,
    grant: &Grant<'_>,
) -> Result<Map<String, Value>, OAuthError> {
    let granted = granted_scopes(request, user, api, grant.asked).await?;
    let access =
        AccessToken { gty: Some(grant.gty), ..access_token(request, client, user, api, &granted) };
    let key = request.tenant.signing_key();
    let mut answer = Map::new();
    answer.insert("access_token".into(), key.sign("JWT", &access)?.into());
    if granted.scopes.iter().any(|scope| scope == "openid") {
        answer.insert(
            "id_token".into(),
            id_token(request, client, user, &granted.scopes, grant.session)?.into(),
        );
    }
    if let Some(scope) = &access.scope {
        answer.insert("scope".into(), scope.as_str().into());
    }
    answer.insert("expires_in".into(), access.lifetime().into());
    answer.insert("token_type".into(), "Bearer".into());
    Ok(answer)
}

struct Granted {
    scopes: Vec<String>,
    /// Every permission on the API, where its dialect carries them.
    permissions: Option<Vec<String>>,
}

/// OpenID scopes as asked for; of the API's those it defines, or with RBAC those the user has.
async fn granted_scopes(
    request: &TokenRequest,
    user: &Value,
    api: Option<&Value>,
    asked: &[&str],
) -> Result<Granted, OAuthError> {
    let of_api: BTreeSet<String> = match api {
        None => BTreeSet::new(),
        Some(api) if api["enforce_policies"] == true => {
            let identifier = api["identifier"].as_str().unwrap_or_default();
            let id = user["user_id"].as_str().unwrap_or_default();
            effective::permissions_on(request.tenant.store(), id, identifier).await?
        }
        // Of the Management API people get only what concerns themselves.
        Some(api) if api["identifier"] == SYSTEM_API => {
            defined_scopes(api).filter(|scope| scope.contains(":current_user")).collect()
        }
        Some(api) => defined_scopes(api).collect(),
    };
    let is_granted = |scope: &&&str| IDENTITY_SCOPES.contains(*scope) || of_api.contains(**scope);
    let scopes = asked.iter().filter(is_granted).map(ToString::to_string).collect();
    let carries = |api: &Value| {
        api["token_dialect"].as_str().is_some_and(|dialect| dialect.ends_with("_authz"))
    };
    let permissions = api.filter(|api| api["enforce_policies"] == true && carries(api));
    Ok(Granted { scopes, permissions: permissions.map(|_| of_api.into_iter().collect()) })
}

fn defined_scopes(api: &Value) -> impl Iterator<Item = String> {
    let scopes = api["scopes"].as_array().map(Vec::as_slice).unwrap_or_default();
    scopes.iter().filter_map(|scope| scope["value"].as_str()).map(str::to_owned)
}

fn access_token(
    request: &TokenRequest,
    client: &Client,
    user: &Value,
    api: Option<&Value>,
    granted: &Granted,
) -> AccessToken {
    let lifetime =
        api.and_then(|api| api["token_lifetime"].as_i64()).unwrap_or(ACCESS_TOKEN_LIFETIME);
    let (iat, exp) = AccessToken::window(request.now, lifetime);
    let userinfo = request.origin.userinfo_audience();
    let aud = match api {
        None => json!(userinfo),
        Some(api) => {
            let audience =
                request.origin.visible_audience(api["identifier"].as_str().unwrap_or_default());
            if granted.scopes.iter().any(|scope| scope == "openid") {
                json!([audience, userinfo])
            } else {
                json!(audience)
            }
        }
    };
    AccessToken {
        iss: request.origin.issuer(),
        sub: user["user_id"].as_str().unwrap_or_default().to_owned(),
        aud,
        iat,
        exp,
        scope: (!granted.scopes.is_empty()).then(|| granted.scopes.join(" ")),
        gty: Some("password"),
        azp: client.id.clone(),
        jti: request.tenant.random().alphanumeric(22),
        permissions: granted.permissions.clone(),
    }
}
