use axum::Json;

use crate::wire;

/// `GET /v1/health`
pub(crate) async fn show() -> Json<wire::Health> {
    Json(wire::Health { status: "ok".into() })
}
