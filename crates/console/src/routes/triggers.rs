use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use callboard_engine::Engine;

use crate::caller::Caller;
use crate::problem::ApiError;
use crate::wire;

/// `GET /v1/triggers`
#[tracing::instrument(name = "http.triggers.list", skip_all)]
pub(crate) async fn list(
    _: Caller,
    State(engine): State<Arc<Engine>>,
) -> Result<Json<wire::Triggers>, ApiError> {
    Ok(Json(engine.triggers().await?))
}
