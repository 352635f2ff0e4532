//! `POST /oauth/token`

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::Request;
use http::header::{CACHE_CONTROL, PRAGMA};
use serde_json::Value;

use super::client_authentication::TokenRequest;
use super::{OAuthError, client_credentials, password, refresh};
use crate::tenants::Tenants;

pub(super) const CLIENT_CREDENTIALS: &str = "client_credentials";
pub(super) const REFRESH_TOKEN: &str = "refresh_token";
pub(super) const PASSWORD: &str = "password";
pub(super) const PASSWORD_REALM: &str = "http://auth0.com/oauth/grant-type/password-realm";

pub(super) async fn token(State(tenants): State<Tenants>, request: Request<Body>) -> Response {
    match issue(&tenants, request).await {
        Ok(body) => {
            ([(CACHE_CONTROL, "no-store"), (PRAGMA, "no-cache")], Json(body)).into_response()
        }
        Err(error) => error.into_response(),
    }
}

async fn issue(tenants: &Tenants, request: Request<Body>) -> Result<Value, OAuthError> {
    let request = TokenRequest::read(tenants, request).await?;
    let grant = request.form.get("grant_type")?.to_owned();
    match grant.as_str() {
        CLIENT_CREDENTIALS => client_credentials::exchange(&request).await,
        REFRESH_TOKEN => refresh::exchange(&request).await,
        PASSWORD | PASSWORD_REALM => password::exchange(&request, &grant).await,
        unknown => Err(OAuthError::forbidden(
            "unsupported_grant_type",
            format!("Unsupported grant type: {unknown}"),
        )),
    }
}
