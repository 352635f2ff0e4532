use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use callboard_engine::Engine;

use crate::caller::Caller;
use crate::problem::ApiError;
use crate::{to_wire, wire};

/// `GET /v1/budgets`
#[tracing::instrument(name = "http.budgets.list", skip_all)]
pub(crate) async fn list(
    _: Caller,
    State(engine): State<Arc<Engine>>,
) -> Result<Json<wire::Budgets>, ApiError> {
    let budgets = engine.budgets().await?.into_iter().map(to_wire::budget).collect();
    Ok(Json(wire::Budgets { budgets }))
}
