use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use callboard_engine::Engine;
use http::StatusCode;
use serde_json::Value;

use crate::caller::Caller;
use crate::decode::Body;
use crate::problem::ApiError;
use crate::to_wire;

/// `POST /v1/events`: one `CloudEvent` or an array of them. 202 where something is new, 200 where nothing is.
#[tracing::instrument(name = "http.events.receive", skip_all)]
pub(crate) async fn receive(
    Caller(by): Caller,
    State(engine): State<Arc<Engine>>,
    Body(body): Body<Value>,
) -> Result<Response, ApiError> {
    let events = match body {
        Value::Array(events) => events,
        event => vec![event],
    };
    let receipt = engine.receive_events_of(&by, events).await?;
    let new = receipt.events.iter().any(|event| !event.duplicate);
    let status = if new { StatusCode::ACCEPTED } else { StatusCode::OK };
    Ok((status, Json(to_wire::delivery(receipt))).into_response())
}
