use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use callboard_engine::{
    Engine, Resolution, RunDetail, RunFilter, RunId, RunStatus, StartRequest, Started, StepStatus,
};
use http::StatusCode;
use serde::Deserialize;

use crate::caller::Caller;
use crate::decode::{Body, Options, Segments};
use crate::problem::ApiError;
use crate::{to_wire, wire};

/// Nobody is kept waiting for longer.
const LONGEST_WAIT: u64 = 600;
/// How long an answer waits for the run to take up what was said to it.
const TAKE_UP: Duration = Duration::from_secs(10);

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Waiting {
    wait: Option<u64>,
}

/// `POST /v1/runs`
#[tracing::instrument(name = "http.runs.start", skip_all, fields(workflow = %start.workflow))]
pub(crate) async fn start(
    caller: Caller,
    State(engine): State<Arc<Engine>>,
    Options(waiting): Options<Waiting>,
    Body(start): Body<wire::Start>,
) -> Result<Response, ApiError> {
    let wire::Start { workflow, input, idempotency_key, priority } = start;
    let request = StartRequest { workflow, input, idempotency_key, priority, by: caller.0 };
    let started = engine.start_run(request).await?;
    accepted(&engine, started, waiting).await
}

/// 200 with the run if it ends in time or needs somebody, else 202 with its id.
pub(crate) async fn accepted(
    engine: &Engine,
    started: Started,
    waiting: Waiting,
) -> Result<Response, ApiError> {
    if let Some(seconds) = waiting.wait {
        let patience = Duration::from_secs(seconds.min(LONGEST_WAIT));
        let run = engine.wait_for_status(&started.run, patience, is_settled).await?;
        if is_settled(run.status) {
            return Ok(Json(to_wire::run(run)).into_response());
        }
    }
    Ok((StatusCode::ACCEPTED, Json(wire::Accepted { id: started.run.to_string() })).into_response())
}

/// Nothing more happens by itself at once.
fn is_settled(status: RunStatus) -> bool {
    status.is_final() || status == RunStatus::Attention
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Filter {
    status: Option<String>,
    workflow: Option<String>,
    limit: Option<usize>,
    cursor: Option<String>,
}

const USUAL_LIMIT: usize = 20;
/// Of steps, entries and events of a run.
const USUAL_PAGE: usize = 100;
const LONGEST_PAGE: usize = 500;

/// `GET /v1/runs`
#[tracing::instrument(name = "http.runs.list", skip_all)]
pub(crate) async fn list(
    _: Caller,
    State(engine): State<Arc<Engine>>,
    Options(filter): Options<Filter>,
) -> Result<Json<wire::Runs>, ApiError> {
    let invalid = |error: String| ApiError::new(StatusCode::BAD_REQUEST, "invalid_query", error);
    let status: Option<Result<RunStatus, _>> = filter.status.map(|text| text.parse());
    let before: Option<Result<RunId, _>> = filter.cursor.map(|text| text.parse());
    let filter = RunFilter {
        status: status.transpose().map_err(|error| invalid(error.to_string()))?,
        workflow: filter.workflow,
        before: before.transpose().map_err(|error| invalid(error.to_string()))?,
        limit: filter.limit.unwrap_or(USUAL_LIMIT),
    };
    Ok(Json(to_wire::runs(engine.runs(&filter).await?)))
}

/// `GET /v1/runs/{id}`, with `?wait=SECONDS` as soon as nothing more happens by itself at once: final, or attention.
#[tracing::instrument(name = "http.runs.show", skip_all, fields(run.id = %id))]
pub(crate) async fn show(
    _: Caller,
    State(engine): State<Arc<Engine>>,
    Segments(id): Segments<String>,
    Options(waiting): Options<Waiting>,
) -> Result<Json<wire::Run>, ApiError> {
    let id = run_id(&id)?;
    let patience = Duration::from_secs(waiting.wait.unwrap_or(0).min(LONGEST_WAIT));
    Ok(Json(to_wire::run(engine.wait_for_status(&id, patience, is_settled).await?)))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct After {
    after: Option<usize>,
    limit: Option<usize>,
}

impl After {
    fn usual(&self) -> (usize, usize) {
        (self.after.unwrap_or(0), self.limit.unwrap_or(USUAL_PAGE).clamp(1, LONGEST_PAGE))
    }
}

/// `GET /v1/runs/{id}/steps`: in the order in which they began, those after so many with `?after=NUMBER`.
#[tracing::instrument(name = "http.runs.steps", skip_all, fields(run.id = %id))]
pub(crate) async fn steps(
    _: Caller,
    State(engine): State<Arc<Engine>>,
    Segments(id): Segments<String>,
    Options(page): Options<After>,
) -> Result<Json<wire::Steps>, ApiError> {
    let (after, limit) = page.usual();
    Ok(Json(to_wire::steps(engine.steps(&run_id(&id)?, after, limit).await?)))
}

/// `GET /v1/runs/{id}/journal`: as it was written, the entries after a place with `?after=NUMBER`.
#[tracing::instrument(name = "http.runs.journal", skip_all, fields(run.id = %id))]
pub(crate) async fn journal(
    _: Caller,
    State(engine): State<Arc<Engine>>,
    Segments(id): Segments<String>,
    Options(page): Options<After>,
) -> Result<Json<wire::Journal>, ApiError> {
    let (after, limit) = page.usual();
    let (entries, more) = engine.history_page(&run_id(&id)?, after, limit).await?;
    Ok(Json(to_wire::journal(&entries, after, more)))
}

/// `GET /v1/runs/{id}/events`: its lifecycle events, those after a number with `?after=SEQUENCE`.
#[tracing::instrument(name = "http.runs.events", skip_all, fields(run.id = %id))]
pub(crate) async fn events(
    _: Caller,
    State(engine): State<Arc<Engine>>,
    Segments(id): Segments<String>,
    Options(page): Options<After>,
) -> Result<Json<wire::Events>, ApiError> {
    let (after, limit) = page.usual();
    let (events, more) = engine.lifecycle(&run_id(&id)?, after, limit).await?;
    let next = more.then(|| after + events.len());
    Ok(Json(wire::Events { events, next }))
}

/// `GET /v1/runs/{id}/replay`: derives every decision again; 409 where the journal does not follow from the workflow.
#[tracing::instrument(name = "http.runs.replay", skip_all, fields(run.id = %id))]
pub(crate) async fn replay(
    _: Caller,
    State(engine): State<Arc<Engine>>,
    Segments(id): Segments<String>,
) -> Result<Json<wire::Replayed>, ApiError> {
    Ok(Json(to_wire::replayed(&engine.replay(&run_id(&id)?).await?)))
}

/// `POST /v1/runs/{id}/reveal`: the output with its secrets in clear. A `POST`, so that no link or cache shows them.
#[tracing::instrument(name = "http.runs.reveal", skip_all, fields(run.id = %id))]
pub(crate) async fn reveal(
    caller: Caller,
    State(engine): State<Arc<Engine>>,
    Segments(id): Segments<String>,
) -> Result<Json<wire::Revealed>, ApiError> {
    let output = engine.reveal(&run_id(&id)?, &caller.0).await?;
    Ok(Json(wire::Revealed { output }))
}

/// `POST /v1/runs/{id}/cancel`
#[tracing::instrument(name = "http.runs.cancel", skip_all, fields(run.id = %id))]
pub(crate) async fn cancel(
    caller: Caller,
    State(engine): State<Arc<Engine>>,
    Segments(id): Segments<String>,
) -> Result<Json<wire::Run>, ApiError> {
    let id = run_id(&id)?;
    engine.cancel(&id, &caller.0).await?;
    Ok(Json(to_wire::run(engine.wait_for_run(&id, TAKE_UP).await?)))
}

/// `POST /v1/runs/{id}/steps/{step}/resolve`
#[tracing::instrument(name = "http.runs.resolve", skip_all, fields(run.id = %id))]
pub(crate) async fn resolve(
    caller: Caller,
    State(engine): State<Arc<Engine>>,
    Segments((id, step)): Segments<(String, String)>,
    Body(resolve): Body<wire::Resolve>,
) -> Result<Json<wire::Run>, ApiError> {
    let unknown =
        || ApiError::new(StatusCode::NOT_FOUND, "unknown_route", "a step takes `…/resolve` only");
    let step = callboard_flow::StepId::new(step.strip_suffix("/resolve").ok_or_else(unknown)?);
    let id = run_id(&id)?;
    let verdict = to_wire::verdict(resolve.verdict);
    let resolution =
        Resolution { step: step.clone(), verdict, output: resolve.output, by: caller.0 };
    engine.resolve(&id, resolution).await?;
    let taken_up = |run: &RunDetail| {
        !run.steps.iter().any(|known| known.step == step && known.status == StepStatus::Attention)
    };
    Ok(Json(to_wire::run(engine.wait_until(&id, TAKE_UP, taken_up).await?)))
}

pub(super) fn run_id(text: &str) -> Result<RunId, ApiError> {
    // What cannot be an id names no run.
    text.parse().map_err(|error| ApiError::new(StatusCode::NOT_FOUND, "unknown_run", error))
}
