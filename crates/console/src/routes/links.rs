use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use callboard_engine::{Engine, LinkDraft};
use http::StatusCode;

use crate::caller::Caller;
use crate::decode::{Body, Segments};
use crate::problem::ApiError;
use crate::{to_wire, wire};

/// `GET /v1/links`
#[tracing::instrument(name = "http.links.list", skip_all)]
pub(crate) async fn list(_: Caller, State(engine): State<Arc<Engine>>) -> Json<wire::Links> {
    Json(wire::Links { links: engine.links().list().into_iter().map(to_wire::link).collect() })
}

/// `GET /v1/links/{name}`
#[tracing::instrument(name = "http.links.show", skip_all, fields(link = %name))]
pub(crate) async fn show(
    _: Caller,
    State(engine): State<Arc<Engine>>,
    Segments(name): Segments<String>,
) -> Result<Json<wire::Link>, ApiError> {
    Ok(Json(to_wire::link(engine.links().get(&name)?)))
}

/// `PUT /v1/links/{name}`
#[tracing::instrument(name = "http.links.put", skip_all, fields(link = %name))]
pub(crate) async fn put(
    _: Caller,
    State(engine): State<Arc<Engine>>,
    Segments(name): Segments<String>,
    Body(link): Body<wire::LinkRequest>,
) -> Result<Json<wire::Link>, ApiError> {
    let wire::LinkRequest { app, url, settings, secrets } = link;
    let url = url.map(|text| {
        text.parse().map_err(|error| {
            ApiError::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                "invalid_url",
                format!("`{text}` is no address: {error}"),
            )
        })
    });
    let secrets = secrets.into_iter().map(|(name, secret)| (name, secret.0.into())).collect();
    let draft = LinkDraft { name, app, url: url.transpose()?, settings, secrets };
    Ok(Json(to_wire::link(engine.put_link(draft).await?)))
}

/// `DELETE /v1/links/{name}`
#[tracing::instrument(name = "http.links.remove", skip_all, fields(link = %name))]
pub(crate) async fn remove(
    _: Caller,
    State(engine): State<Arc<Engine>>,
    Segments(name): Segments<String>,
) -> Result<StatusCode, ApiError> {
    engine.links().remove(&name).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `POST /v1/links/{name}/default`
#[tracing::instrument(name = "http.links.make_default", skip_all, fields(link = %name))]
pub(crate) async fn make_default(
    _: Caller,
    State(engine): State<Arc<Engine>>,
    Segments(name): Segments<String>,
) -> Result<Json<wire::Link>, ApiError> {
    Ok(Json(to_wire::link(engine.make_default_link(&name).await?)))
}

/// `POST /v1/links/{name}/test`
#[tracing::instrument(name = "http.links.test", skip_all, fields(link = %name))]
pub(crate) async fn test(
    _: Caller,
    State(engine): State<Arc<Engine>>,
    Segments(name): Segments<String>,
) -> Result<Json<wire::LinkReport>, ApiError> {
    Ok(Json(to_wire::link_report(engine.test_link(&name).await?)))
}
