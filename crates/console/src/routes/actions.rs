use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::response::Response;
use callboard_engine::{ActionRequest, Engine};

use crate::caller::Caller;
use crate::decode::{Body, Options, Segments};
use crate::problem::ApiError;
use crate::routes::runs::{Waiting, accepted};
use crate::{to_wire, wire};

/// `GET /v1/apps`
#[tracing::instrument(name = "http.apps.list", skip_all)]
pub(crate) async fn apps(
    _: Caller,
    State(engine): State<Arc<Engine>>,
) -> Result<Json<wire::Apps>, ApiError> {
    let apps = engine
        .catalogue()
        .apps()
        .map(|app| Ok(to_wire::app(app, engine.links().secret_names(&app.name)?)));
    Ok(Json(wire::Apps { apps: apps.collect::<Result<_, ApiError>>()? }))
}

/// `GET /v1/actions`
#[tracing::instrument(name = "http.actions.list", skip_all)]
pub(crate) async fn list(_: Caller, State(engine): State<Arc<Engine>>) -> Json<wire::Actions> {
    let actions = engine.catalogue().actions().map(|action| to_wire::action(action));
    Json(wire::Actions { actions: actions.collect() })
}

/// `GET /v1/actions/{id}`
#[tracing::instrument(name = "http.actions.show", skip_all, fields(action = %id))]
pub(crate) async fn show(
    _: Caller,
    State(engine): State<Arc<Engine>>,
    Segments(id): Segments<String>,
) -> Result<Json<wire::ActionDetail>, ApiError> {
    Ok(Json(to_wire::action_detail(engine.action(&id)?)))
}

/// `POST /v1/actions/{id}/run`
#[tracing::instrument(name = "http.actions.run", skip_all, fields(action = %id))]
pub(crate) async fn run(
    caller: Caller,
    State(engine): State<Arc<Engine>>,
    Segments(id): Segments<String>,
    Options(waiting): Options<Waiting>,
    Body(start): Body<wire::ActionStart>,
) -> Result<Response, ApiError> {
    let wire::ActionStart { arguments, link, idempotency_key } = start;
    let request = ActionRequest { action: id, arguments, link, idempotency_key, by: caller.0 };
    let started = engine.start_action(request).await?;
    accepted(&engine, started, waiting).await
}
