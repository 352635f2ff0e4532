use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use callboard_engine::Engine;
use http::StatusCode;

use crate::caller::Caller;
use crate::decode::{Body, Segments};
use crate::problem::ApiError;
use crate::{to_wire, wire};

/// `GET /v1/secrets`: names, never values.
#[tracing::instrument(name = "http.secrets.list", skip_all)]
pub(crate) async fn list(_: Caller, State(engine): State<Arc<Engine>>) -> Json<wire::NamedSecrets> {
    let secrets = engine.secrets().into_iter().map(to_wire::named_secret);
    Json(wire::NamedSecrets { secrets: secrets.collect() })
}

/// `PUT /v1/secrets/{name}`
#[tracing::instrument(name = "http.secrets.put", skip_all, fields(secret = %name))]
pub(crate) async fn put(
    _: Caller,
    State(engine): State<Arc<Engine>>,
    Segments(name): Segments<String>,
    Body(secret): Body<wire::SecretValue>,
) -> Result<Json<wire::NamedSecret>, ApiError> {
    let value = secret.value.to_string().into();
    Ok(Json(to_wire::named_secret(engine.put_secret(&name, value).await?)))
}

/// `DELETE /v1/secrets/{name}`
#[tracing::instrument(name = "http.secrets.remove", skip_all, fields(secret = %name))]
pub(crate) async fn remove(
    _: Caller,
    State(engine): State<Arc<Engine>>,
    Segments(name): Segments<String>,
) -> Result<StatusCode, ApiError> {
    engine.remove_secret(&name).await?;
    Ok(StatusCode::NO_CONTENT)
}
