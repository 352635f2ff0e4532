use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use callboard_engine::{Engine, KeyDraft, Role};
use http::StatusCode;
use secrecy::ExposeSecret as _;

use crate::caller::Caller;
use crate::decode::{Body, Segments};
use crate::problem::ApiError;
use crate::{to_wire, wire};

/// `GET /v1/keys`: who holds which, never the keys.
#[tracing::instrument(name = "http.keys.list", skip_all)]
pub(crate) async fn list(
    _: Caller,
    State(engine): State<Arc<Engine>>,
) -> Result<Json<wire::Keys>, ApiError> {
    let keys = engine.api_keys().list().await?;
    Ok(Json(wire::Keys { keys: keys.into_iter().map(to_wire::key).collect() }))
}

/// `POST /v1/keys`: the answer is the only time that the key can be seen.
#[tracing::instrument(name = "http.keys.add", skip_all, fields(key = %draft.name))]
pub(crate) async fn add(
    _: Caller,
    State(engine): State<Arc<Engine>>,
    Body(draft): Body<wire::KeyRequest>,
) -> Result<(StatusCode, Json<wire::NewKey>), ApiError> {
    let wire::KeyRequest { name, person, groups, role } = draft;
    let role: Role = role
        .parse()
        .map_err(|error| ApiError::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid_role", error))?;
    let draft = KeyDraft { name: name.clone(), person, groups, role };
    let key = engine.api_keys().add(draft).await?;
    let key = key.expose_secret().to_owned();
    Ok((StatusCode::CREATED, Json(wire::NewKey { name, key })))
}

/// `DELETE /v1/keys/{name}`
#[tracing::instrument(name = "http.keys.revoke", skip_all, fields(key = %name))]
pub(crate) async fn revoke(
    _: Caller,
    State(engine): State<Arc<Engine>>,
    Segments(name): Segments<String>,
) -> Result<StatusCode, ApiError> {
    engine.api_keys().revoke(&name).await?;
    Ok(StatusCode::NO_CONTENT)
}
