//! What others need to know to use and verify the tenant's tokens.

use axum::Json;
use axum::extract::State;
use http::HeaderMap;
use serde_json::{Value, json};

use crate::pipeline::Origin;
use crate::tenants::Tenants;
use crate::tokens::SigningKey;

/// `GET /.well-known/jwks.json`
pub(super) async fn jwks(State(tenants): State<Tenants>, headers: HeaderMap) -> Json<Value> {
    let tenant = tenants.addressed_by(&headers);
    Json(json!({"keys": tenant.keys().published().map(SigningKey::jwk).collect::<Value>()}))
}

/// `GET /.well-known/openid-configuration`
pub(super) async fn configuration(
    State(tenants): State<Tenants>,
    headers: HeaderMap,
) -> Json<Value> {
    let origin = Origin::of(&headers, tenants.scheme());
    Json(json!({
        "issuer": origin.issuer(),
        "authorization_endpoint": origin.url("/authorize"),
        "token_endpoint": origin.url("/oauth/token"),
        "device_authorization_endpoint": origin.url("/oauth/device/code"),
        "userinfo_endpoint": origin.userinfo_audience(),
        "mfa_challenge_endpoint": origin.url("/mfa/challenge"),
        "jwks_uri": origin.url("/.well-known/jwks.json"),
        "registration_endpoint": origin.url("/oidc/register"),
        "revocation_endpoint": origin.url("/oauth/revoke"),
        "scopes_supported": [
            "openid", "profile", "offline_access", "name", "given_name", "family_name", "nickname", "email",
            "email_verified", "picture", "created_at", "identities", "phone", "address",
        ],
        "response_types_supported": [
            "code", "token", "id_token", "code token", "code id_token", "token id_token", "code token id_token",
        ],
        "code_challenge_methods_supported": ["S256", "plain"],
        "response_modes_supported": ["query", "fragment", "form_post"],
        "subject_types_supported": ["public"],
        "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post", "private_key_jwt"],
        "claims_supported": [
            "aud", "auth_time", "created_at", "email", "email_verified", "exp", "family_name", "given_name", "iat",
            "identities", "iss", "name", "nickname", "phone_number", "picture", "sub",
        ],
        "request_uri_parameter_supported": false,
        "request_parameter_supported": false,
        "id_token_signing_alg_values_supported": ["HS256", "RS256", "PS256"],
        "token_endpoint_auth_signing_alg_values_supported": ["RS256", "RS384", "PS256"],
        "end_session_endpoint": origin.url("/oidc/logout"),
    }))
}
