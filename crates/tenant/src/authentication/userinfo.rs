//! `/userinfo`: the profile of the person whose access token this is.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::header::AUTHORIZATION;
use http::{HeaderMap, StatusCode};
use serde_json::{Map, Value};

use super::id_token::profile_claims;
use crate::management::users;
use crate::pipeline::Origin;
use crate::store::StoreError;
use crate::tenants::Tenants;

pub(super) async fn userinfo(State(tenants): State<Tenants>, headers: HeaderMap) -> Response {
    match profile(&tenants, &headers).await {
        Ok(Some(claims)) => Json(claims).into_response(),
        Ok(None) => (StatusCode::UNAUTHORIZED, "Unauthorized").into_response(),
        Err(error) => {
            tracing::error!(error = %error, "a profile could not be read");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

/// None for a token that does not open this endpoint.
async fn profile(tenants: &Tenants, headers: &HeaderMap) -> Result<Option<Value>, StoreError> {
    let tenant = tenants.addressed_by(headers);
    let origin = Origin::of(headers, tenants.scheme());
    let header =
        headers.get(AUTHORIZATION).and_then(|header| header.to_str().ok()).unwrap_or_default();
    let token = header.strip_prefix("Bearer ").unwrap_or_default();
    let key = tenant.keys().of_token(token);
    let Ok(caller) = tenant.verifier().verify(&key, token, tenant.now()) else {
        return Ok(None);
    };
    if caller.issuer != origin.issuer() || !caller.audience.contains(&origin.userinfo_audience()) {
        return Ok(None);
    }
    let Some(user) = tenant.store().get(users::KIND, &caller.subject).await? else {
        return Ok(None);
    };
    let mut claims = Map::new();
    claims.insert("sub".into(), user.id.into());
    claims.extend(profile_claims(&user.body, caller.scopes.iter().map(String::as_str)));
    Ok(Some(Value::Object(claims)))
}
