//! ID tokens: who logged in, for the application that asked.

use serde_json::{Map, Value};

use super::OAuthError;
use super::client_authentication::{Client, TokenRequest};
use crate::tokens::{AccessToken, IdToken, sign_with_secret};

/// Seconds, where an application does not say.
const LIFETIME: i64 = 36_000;

/// Signed with the tenant's key, or with the application's secret where its settings do not ask for RS256.
pub(super) fn id_token(
    request: &TokenRequest,
    client: &Client,
    user: &Value,
    scopes: &[String],
    session: &str,
) -> Result<String, OAuthError> {
    let claims = claims(request, client, user, scopes, session);
    let secret = client.document["client_secret"].as_str();
    match secret.filter(|_| client.document["jwt_configuration"]["alg"] != "RS256") {
        Some(secret) => Ok(sign_with_secret(secret, &claims)?),
        None => Ok(request.tenant.signing_key().sign("JWT", &claims)?),
    }
}

fn claims(
    request: &TokenRequest,
    client: &Client,
    user: &Value,
    scopes: &[String],
    session: &str,
) -> IdToken {
    let lifetime = client.document["jwt_configuration"]["lifetime_in_seconds"].as_i64();
    let (iat, exp) = AccessToken::window(request.now, lifetime.unwrap_or(LIFETIME));
    IdToken {
        profile: profile_claims(user, scopes.iter().map(String::as_str)),
        iss: request.origin.issuer(),
        aud: client.id.clone(),
        sub: user["user_id"].as_str().unwrap_or_default().to_owned(),
        iat,
        exp,
        sid: session.to_owned(),
    }
}

/// What the OpenID scopes show of a profile.
pub(super) fn profile_claims<'a>(
    user: &Value,
    scopes: impl Iterator<Item = &'a str>,
) -> Map<String, Value> {
    let names = scopes.flat_map(|scope| match scope {
        "profile" => {
            ["nickname", "name", "picture", "updated_at", "given_name", "family_name"].as_slice()
        }
        "email" => ["email", "email_verified"].as_slice(),
        "phone" => ["phone_number", "phone_verified"].as_slice(),
        _ => [].as_slice(),
    });
    names.filter_map(|name| Some((name.to_string(), user.get(*name)?.clone()))).collect()
}
