//! The tenants as an HTTP server.

use std::future::Future;
use std::net::SocketAddr;

use axum::Router;
use axum::response::{IntoResponse, Response};
use tokio::net::TcpListener;
use tower_http::catch_panic::CatchPanicLayer;

use crate::pipeline::ApiError;
use crate::tenants::Tenants;
use crate::{authentication, management, pipeline};

/// Every route of every tenant.
pub fn router(tenants: Tenants) -> Router {
    pipeline::router(management::table())
        .merge(authentication::router())
        .fallback(pipeline::not_found)
        .method_not_allowed_fallback(pipeline::not_found)
        .layer(CatchPanicLayer::custom(after_panic))
        .with_state(tenants)
}

/// Serves until `shutdown` completes; requests under way are finished.
pub async fn serve(
    listener: TcpListener,
    tenants: Tenants,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> std::io::Result<()> {
    let serving = tenants.clone();
    let ending = tenants.clone();
    let shutdown = async move {
        shutdown.await;
        ending.stop();
    };
    let service = router(tenants).into_make_service_with_connect_info::<SocketAddr>();
    let outcome = axum::serve(listener, service).with_graceful_shutdown(shutdown).await;
    serving.stop();
    serving.ended().await;
    outcome
}

#[expect(clippy::needless_pass_by_value, reason = "this is how the layer calls it")]
fn after_panic(panic: Box<dyn std::any::Any + Send>) -> Response {
    let text = panic
        .downcast_ref::<&str>()
        .map(ToString::to_string)
        .or_else(|| panic.downcast_ref().cloned());
    ApiError::internal(text.unwrap_or_else(|| "a panic without a message".into())).into_response()
}
