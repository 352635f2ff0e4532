use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::response::Response;
use callboard_engine::{AgainRequest, Engine, RunDetail};
use callboard_flow::StepId;
use http::StatusCode;

use super::runs::{Waiting, accepted, run_id};
use crate::caller::Caller;
use crate::decode::{Body, Options, Segments};
use crate::problem::ApiError;
use crate::{to_wire, wire};

/// How long an answer waits for the run to take up what was said to it.
const TAKE_UP: Duration = Duration::from_secs(10);

/// `POST /v1/runs/{id}/pause`
#[tracing::instrument(name = "http.runs.pause", skip_all, fields(run.id = %id))]
pub(crate) async fn pause(
    caller: Caller,
    State(engine): State<Arc<Engine>>,
    Segments(id): Segments<String>,
) -> Result<Json<wire::Run>, ApiError> {
    let id = run_id(&id)?;
    engine.pause(&id, &caller.0).await?;
    let heard = |run: &RunDetail| run.paused_by.is_some() || run.status.is_final();
    Ok(Json(to_wire::run(engine.wait_until(&id, TAKE_UP, heard).await?)))
}

/// `POST /v1/runs/{id}/resume`
#[tracing::instrument(name = "http.runs.resume", skip_all, fields(run.id = %id))]
pub(crate) async fn resume(
    caller: Caller,
    State(engine): State<Arc<Engine>>,
    Segments(id): Segments<String>,
) -> Result<Json<wire::Run>, ApiError> {
    let id = run_id(&id)?;
    engine.resume(&id, &caller.0).await?;
    let heard = |run: &RunDetail| run.paused_by.is_none();
    Ok(Json(to_wire::run(engine.wait_until(&id, TAKE_UP, heard).await?)))
}

/// `POST /v1/runs/{id}/retry`: a new run that goes on from a step of one that is over.
#[tracing::instrument(name = "http.runs.retry", skip_all, fields(run.id = %id))]
pub(crate) async fn retry(
    caller: Caller,
    State(engine): State<Arc<Engine>>,
    Segments(id): Segments<String>,
    Options(waiting): Options<Waiting>,
    Body(again): Body<wire::Again>,
) -> Result<Response, ApiError> {
    let wire::Again { from, idempotency_key } = again;
    let request = AgainRequest { run: run_id(&id)?, idempotency_key, by: caller.0 };
    let started = engine.retry(request, from.map(StepId::new)).await?;
    accepted(&engine, started, waiting).await
}

/// `POST /v1/runs/{id}/rerun`: a new run with the same input.
#[tracing::instrument(name = "http.runs.rerun", skip_all, fields(run.id = %id))]
pub(crate) async fn rerun(
    caller: Caller,
    State(engine): State<Arc<Engine>>,
    Segments(id): Segments<String>,
    Options(waiting): Options<Waiting>,
    Body(again): Body<wire::Again>,
) -> Result<Response, ApiError> {
    let wire::Again { from, idempotency_key } = again;
    if from.is_some() {
        let detail = "`from` belongs to a retry; a rerun begins at the beginning";
        return Err(ApiError::new(StatusCode::BAD_REQUEST, "invalid_body", detail));
    }
    let request = AgainRequest { run: run_id(&id)?, idempotency_key, by: caller.0 };
    let started = engine.rerun(request).await?;
    accepted(&engine, started, waiting).await
}

/// `POST /v1/runs/archive`
#[tracing::instrument(name = "http.runs.archive", skip_all)]
pub(crate) async fn archive(
    _: Caller,
    State(engine): State<Arc<Engine>>,
    Body(archive): Body<wire::Archive>,
) -> Result<Json<wire::Archived>, ApiError> {
    let older_than = jiff::SignedDuration::from_hours(24 * i64::from(archive.older_than_days));
    let archived = engine.archive_runs(older_than).await?;
    let files = archived.files.iter().map(|file| file.display().to_string());
    Ok(Json(wire::Archived { runs: archived.runs, files: files.collect() }))
}
