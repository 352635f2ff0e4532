//! All routes in one list.

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::from_fn_with_state;
use axum::routing::{MethodRouter, get, post, put};
use callboard_engine::{Engine, LONGEST_BODY};
use http::StatusCode;

use crate::caller::require_key;
use crate::problem::ApiError;
use crate::routes::{actions, events, health, hooks, links, runs, schedules, secrets, workflows};

/// Who may use a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Anybody.
    Open,
    /// Whoever signs the body with the secret of a link.
    Signed,
    /// Whoever holds an API key.
    Key,
}

/// One path and its methods.
pub struct Route {
    pub path: &'static str,
    pub methods: &'static [&'static str],
    pub access: Access,
    handlers: fn() -> MethodRouter<Arc<Engine>>,
}

/// Bodies other than webhooks.
const LONGEST_JSON: usize = 4 << 20;

/// Every route of the API.
pub const ROUTES: &[Route] = &[
    route("/v1/health", &["GET"], Access::Open, || get(health::show)),
    route("/v1/hooks/{app}/{trigger}", &["POST"], Access::Signed, || post(hooks::receive)),
    route("/v1/runs", &["GET", "POST"], Access::Key, || get(runs::list).post(runs::start)),
    route("/v1/runs/{id}", &["GET"], Access::Key, || get(runs::show)),
    route("/v1/runs/{id}/journal", &["GET"], Access::Key, || get(runs::journal)),
    route("/v1/runs/{id}/events", &["GET"], Access::Key, || get(runs::events)),
    route("/v1/runs/{id}/replay", &["GET"], Access::Key, || get(runs::replay)),
    route("/v1/runs/{id}/reveal", &["POST"], Access::Key, || post(runs::reveal)),
    route("/v1/runs/{id}/cancel", &["POST"], Access::Key, || post(runs::cancel)),
    // A step's id has slashes of its own: `do/createUser`.
    route("/v1/runs/{id}/steps/{*step}", &["POST"], Access::Key, || post(runs::resolve)),
    route("/v1/events", &["POST"], Access::Key, || post(events::receive)),
    route("/v1/secrets", &["GET"], Access::Key, || get(secrets::list)),
    route("/v1/secrets/{name}", &["PUT", "DELETE"], Access::Key, || {
        put(secrets::put).delete(secrets::remove)
    }),
    route("/v1/links", &["GET"], Access::Key, || get(links::list)),
    route("/v1/links/{name}", &["GET", "PUT", "DELETE"], Access::Key, || {
        get(links::show).put(links::put).delete(links::remove)
    }),
    route("/v1/links/{name}/test", &["POST"], Access::Key, || post(links::test)),
    route("/v1/apps", &["GET"], Access::Key, || get(actions::apps)),
    route("/v1/actions", &["GET"], Access::Key, || get(actions::list)),
    route("/v1/actions/{id}", &["GET"], Access::Key, || get(actions::show)),
    route("/v1/actions/{id}/run", &["POST"], Access::Key, || post(actions::run)),
    route("/v1/schedules", &["GET"], Access::Key, || get(schedules::list)),
    route("/v1/schedules/{workflow}", &["GET"], Access::Key, || get(schedules::show)),
    route("/v1/schedules/{workflow}/pause", &["POST"], Access::Key, || post(schedules::pause)),
    route("/v1/schedules/{workflow}/resume", &["POST"], Access::Key, || post(schedules::resume)),
    route("/v1/schedules/{workflow}/run", &["POST"], Access::Key, || post(schedules::run)),
    route("/v1/schedules/{workflow}/backfill", &["POST"], Access::Key, || {
        post(schedules::backfill)
    }),
    route("/v1/workflows", &["GET"], Access::Key, || get(workflows::list)),
    route("/v1/workflows/check", &["POST"], Access::Key, || post(workflows::check)),
    route("/v1/workflows/reload", &["POST"], Access::Key, || post(workflows::reload)),
    route("/v1/workflows/{name}", &["GET"], Access::Key, || get(workflows::show)),
];

const fn route(
    path: &'static str,
    methods: &'static [&'static str],
    access: Access,
    handlers: fn() -> MethodRouter<Arc<Engine>>,
) -> Route {
    Route { path, methods, access, handlers }
}

/// The whole API over one engine.
pub fn router(engine: Arc<Engine>) -> Router {
    let (mut open, mut keyed) = (Router::new(), Router::new());
    for Route { path, access, handlers, .. } in ROUTES {
        match access {
            Access::Open => open = open.route(path, handlers()),
            Access::Signed => {
                open = open.route(path, handlers().layer(DefaultBodyLimit::max(LONGEST_BODY)));
            }
            Access::Key => {
                keyed = keyed.route(path, handlers().layer(DefaultBodyLimit::max(LONGEST_JSON)));
            }
        }
    }
    let keyed = keyed.route_layer(from_fn_with_state(Arc::clone(&engine), require_key));
    open.merge(keyed)
        .fallback(|| async {
            ApiError::new(
                StatusCode::NOT_FOUND,
                "unknown_route",
                "there is nothing at this address",
            )
        })
        .method_not_allowed_fallback(|| async {
            ApiError::new(
                StatusCode::METHOD_NOT_ALLOWED,
                "method_not_allowed",
                "this address takes other methods",
            )
        })
        .with_state(engine)
}
