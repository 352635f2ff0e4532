use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use callboard_engine::{Engine, Source};
use http::StatusCode;

use crate::caller::Caller;
use crate::decode::{Body, Segments};
use crate::problem::ApiError;
use crate::{to_wire, wire};

/// `GET /v1/workflows`
#[tracing::instrument(name = "http.workflows.list", skip_all)]
pub(crate) async fn list(_: Caller, State(engine): State<Arc<Engine>>) -> Json<wire::Workflows> {
    Json(to_wire::workflows(engine.library()))
}

/// `GET /v1/workflows/{name}`
#[tracing::instrument(name = "http.workflows.show", skip_all, fields(workflow = %name))]
pub(crate) async fn show(
    _: Caller,
    State(engine): State<Arc<Engine>>,
    Segments(name): Segments<String>,
) -> Result<Json<wire::WorkflowDetail>, ApiError> {
    Ok(Json(to_wire::workflow_detail(&*engine.workflow(&name)?)))
}

/// `POST /v1/workflows/check`
#[tracing::instrument(name = "http.workflows.check", skip_all)]
pub(crate) async fn check(
    _: Caller,
    State(engine): State<Arc<Engine>>,
    Body(check): Body<wire::Check>,
) -> Json<wire::Checked> {
    let wire::Check { file, text } = check;
    Json(to_wire::checked(&engine.check(&Source { file, text })))
}

/// `POST /v1/workflows/reload`
#[tracing::instrument(name = "http.workflows.reload", skip_all)]
pub(crate) async fn reload(
    _: Caller,
    State(engine): State<Arc<Engine>>,
) -> Result<Json<wire::Workflows>, ApiError> {
    let reloaded = engine.reload_library().await;
    reloaded
        .map_err(|error| ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", error))?;
    Ok(Json(to_wire::workflows(engine.library())))
}
