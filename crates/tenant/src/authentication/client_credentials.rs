//! A program asks for a token for itself.

use http::StatusCode;
use serde_json::{Value, json};

use super::OAuthError;
use super::client_authentication::{Client, TokenRequest};
use super::token::CLIENT_CREDENTIALS;
use crate::management::{client_grants, resource_servers};
use crate::pipeline::SYSTEM_API;
use crate::store::Transaction;
use crate::tokens::AccessToken;

/// Seconds, where an API does not say.
const DEFAULT_LIFETIME: i64 = 86_400;

pub(super) async fn exchange(request: &TokenRequest) -> Result<Value, OAuthError> {
    let client = request.authenticated_client().await?;
    match grant(request, &client).await {
        Ok(token) => {
            let answer = sign(request, &token)?;
            let event = request
                .log_event("seccft", &client)
                .with("audience", token.aud.clone())
                .with("scope", token.scope.clone())
                .with_details(
                    json!({"access_token_jti": token.jti, "actions": {"executions": []}}),
                );
            request.tenant.store().commit(Transaction::new().log(None, event.into_body())).await?;
            Ok(answer)
        }
        Err(error) if error.status == StatusCode::INTERNAL_SERVER_ERROR => Err(error),
        Err(error) => {
            let audience = request.form.find("audience").or_else(|| request.form.find("resource"));
            let event = request
                .log_event("feccft", &client)
                .described(error.description.clone())
                .with("audience", audience.unwrap_or_default());
            request.tenant.store().commit(Transaction::new().log(None, event.into_body())).await?;
            Err(error)
        }
    }
}

async fn grant(request: &TokenRequest, client: &Client) -> Result<AccessToken, OAuthError> {
    client.require_secret()?;
    client.require_grant_type(CLIENT_CREDENTIALS)?;
    let Some(audience) = request.form.find("audience").or_else(|| request.form.find("resource"))
    else {
        let description = "Non-global clients are not allowed access to APIv1";
        return Err(OAuthError::forbidden("access_denied", description));
    };
    let stored = request.origin.stored_audience(audience);
    let store = request.tenant.store();
    let api = store
        .find(resource_servers::KIND, resource_servers::BY_IDENTIFIER, stored)
        .await?
        .ok_or_else(|| {
            OAuthError::forbidden(
                "access_denied",
                format!("Service not enabled within domain: {audience}"),
            )
        })?;
    let key = client_grants::key_value(&client.id, stored, "client");
    let granted = store.find(client_grants::KIND, client_grants::BY_PARTIES, &key).await?.ok_or_else(|| {
        let description = format!(
            "Client is not authorized to access \"{audience}\". You need to create a \"client-grant\" associated to \
             this API. See: https://auth0.com/docs/api/v2#!/Client_Grants/post_client_grants"
        );
        OAuthError::forbidden("access_denied", description)
    })?;
    let available = if granted.body["allow_all_scopes"] == true {
        scopes_of(&api.body)
    } else {
        texts(&granted.body["scope"])
    };
    let scopes = narrowed(available, request.form.find("scope"));
    Ok(token(request, client, audience, &api.body, &scopes))
}

fn token(
    request: &TokenRequest,
    client: &Client,
    audience: &str,
    api: &Value,
    scopes: &[String],
) -> AccessToken {
    let lifetime = api["token_lifetime"].as_i64().unwrap_or(DEFAULT_LIFETIME);
    let (iat, exp) = AccessToken::window(request.now, lifetime);
    let carries_permissions =
        api["token_dialect"].as_str().is_some_and(|dialect| dialect.ends_with("_authz"));
    AccessToken {
        iss: request.origin.issuer(),
        sub: format!("{}@clients", client.id),
        aud: audience.into(),
        iat,
        exp,
        scope: (!scopes.is_empty()).then(|| scopes.join(" ")),
        gty: Some("client-credentials"),
        azp: client.id.clone(),
        jti: request.tenant.random().alphanumeric(22),
        permissions: (carries_permissions && api["identifier"] != SYSTEM_API)
            .then(|| scopes.to_vec()),
    }
}

fn sign(request: &TokenRequest, token: &AccessToken) -> Result<Value, OAuthError> {
    let signed = request.tenant.signing_key().sign("JWT", token)?;
    let mut answer = json!({"access_token": signed});
    if let Some(scope) = &token.scope {
        answer["scope"] = scope.as_str().into();
    }
    answer["expires_in"] = token.lifetime().into();
    answer["token_type"] = "Bearer".into();
    Ok(answer)
}

/// What was asked for among what there is; everything when nothing was asked for.
fn narrowed(available: Vec<String>, asked: Option<&str>) -> Vec<String> {
    match asked {
        None => available,
        Some(asked) => {
            let asked: Vec<_> = asked.split_whitespace().collect();
            available.into_iter().filter(|scope| asked.contains(&scope.as_str())).collect()
        }
    }
}

fn scopes_of(api: &Value) -> Vec<String> {
    let scopes = api["scopes"].as_array().map(Vec::as_slice).unwrap_or_default();
    scopes.iter().filter_map(|scope| scope["value"].as_str()).map(str::to_owned).collect()
}

fn texts(value: &Value) -> Vec<String> {
    let items = value.as_array().map(Vec::as_slice).unwrap_or_default();
    items.iter().filter_map(Value::as_str).map(str::to_owned).collect()
}
