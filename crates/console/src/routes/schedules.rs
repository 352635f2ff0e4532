use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use callboard_engine::Engine;
use http::StatusCode;
use serde::Deserialize;

use crate::caller::Caller;
use crate::decode::{Body, Options, Segments};
use crate::problem::ApiError;
use crate::{to_wire, wire};

const USUAL_NEXT: usize = 5;
const USUAL_LAST: usize = 20;
const MOST: usize = 500;

/// `GET /v1/schedules`
#[tracing::instrument(name = "http.schedules.list", skip_all)]
pub(crate) async fn list(
    _: Caller,
    State(engine): State<Arc<Engine>>,
) -> Result<Json<wire::Schedules>, ApiError> {
    let schedules = engine.schedules().await?.into_iter().map(to_wire::schedule).collect();
    Ok(Json(wire::Schedules { schedules }))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Range {
    next: Option<usize>,
    last: Option<usize>,
}

/// `GET /v1/schedules/{workflow}`
#[tracing::instrument(name = "http.schedules.show", skip_all, fields(workflow = %workflow))]
pub(crate) async fn show(
    _: Caller,
    State(engine): State<Arc<Engine>>,
    Segments(workflow): Segments<String>,
    Options(range): Options<Range>,
) -> Result<Json<wire::ScheduleDetail>, ApiError> {
    let next = range.next.unwrap_or(USUAL_NEXT).min(MOST);
    let last = range.last.unwrap_or(USUAL_LAST).min(MOST);
    Ok(Json(to_wire::schedule_detail(engine.schedule(&workflow, next, last).await?)))
}

/// `POST /v1/schedules/{workflow}/pause`
#[tracing::instrument(name = "http.schedules.pause", skip_all, fields(workflow = %workflow))]
pub(crate) async fn pause(
    caller: Caller,
    State(engine): State<Arc<Engine>>,
    Segments(workflow): Segments<String>,
) -> Result<Json<wire::Schedule>, ApiError> {
    Ok(Json(to_wire::schedule(engine.pause_schedule(&workflow, &caller.0).await?)))
}

/// `POST /v1/schedules/{workflow}/resume`
#[tracing::instrument(name = "http.schedules.resume", skip_all, fields(workflow = %workflow))]
pub(crate) async fn resume(
    _: Caller,
    State(engine): State<Arc<Engine>>,
    Segments(workflow): Segments<String>,
) -> Result<Json<wire::Schedule>, ApiError> {
    Ok(Json(to_wire::schedule(engine.resume_schedule(&workflow).await?)))
}

/// `POST /v1/schedules/{workflow}/run`
#[tracing::instrument(name = "http.schedules.run", skip_all, fields(workflow = %workflow))]
pub(crate) async fn run(
    caller: Caller,
    State(engine): State<Arc<Engine>>,
    Segments(workflow): Segments<String>,
) -> Result<(StatusCode, Json<wire::Occurrence>), ApiError> {
    let occurrence = engine.run_schedule_now(&workflow, &caller.0).await?;
    Ok((StatusCode::ACCEPTED, Json(to_wire::occurrence(occurrence))))
}

/// `POST /v1/schedules/{workflow}/backfill`
#[tracing::instrument(name = "http.schedules.backfill", skip_all, fields(workflow = %workflow))]
pub(crate) async fn backfill(
    caller: Caller,
    State(engine): State<Arc<Engine>>,
    Segments(workflow): Segments<String>,
    Body(window): Body<wire::Backfill>,
) -> Result<(StatusCode, Json<wire::Backfilled>), ApiError> {
    let wire::Backfill { from, until } = window;
    let backfilled = engine.backfill_schedule(&workflow, from, until, &caller.0).await?;
    Ok((StatusCode::ACCEPTED, Json(to_wire::backfilled(backfilled))))
}
