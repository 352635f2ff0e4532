use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use callboard_engine::Engine;
use http::{HeaderMap, StatusCode};

use crate::decode::{Raw, Segments};
use crate::problem::ApiError;
use crate::to_wire;

/// `POST /v1/hooks/{app}/{trigger}`: 202 where something is new, 200 where nothing is.
#[tracing::instrument(name = "http.hooks.receive", skip_all, fields(app = %app, trigger = %trigger))]
pub(crate) async fn receive(
    State(engine): State<Arc<Engine>>,
    Segments((app, trigger)): Segments<(String, String)>,
    headers: HeaderMap,
    Raw(body): Raw,
) -> Result<Response, ApiError> {
    let receipt = engine.receive_webhook(&app, &trigger, &headers, &body).await?;
    let new = receipt.events.iter().any(|event| !event.duplicate);
    let status = if new { StatusCode::ACCEPTED } else { StatusCode::OK };
    Ok((status, Json(to_wire::delivery(receipt))).into_response())
}
