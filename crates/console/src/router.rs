//! All routes in one list.

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::from_fn_with_state;
use axum::routing::{MethodRouter, get, post, put};
use callboard_engine::{Engine, LONGEST_BODY, Role};
use http::StatusCode;

use crate::caller::require_key;
use crate::page;
use crate::problem::ApiError;
use crate::routes::{
    actions, approvals, budgets, control, events, health, hooks, keys, links, runs, schedules,
    secrets, triggers, workflows,
};

/// Who may use a method of a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Anybody.
    Open,
    /// Whoever signs the body with the secret of a link.
    Signed,
    /// Whoever holds an API key with this role, or one that may more.
    Role(Role),
}

/// Methods, each with who may use it.
pub type Methods = &'static [(&'static str, Access)];

/// One path and its methods.
pub struct Route {
    pub path: &'static str,
    pub methods: Methods,
    handlers: fn() -> MethodRouter<Arc<Engine>>,
}

/// Bodies other than webhooks.
const LONGEST_JSON: usize = 4 << 20;

const VIEWER: Access = Access::Role(Role::Viewer);
const APPROVER: Access = Access::Role(Role::Approver);
const OPERATOR: Access = Access::Role(Role::Operator);
const ADMINISTRATOR: Access = Access::Role(Role::Administrator);

/// Every route of the API, with who may use it.
pub const ROUTES: &[Route] = &[
    route("/v1/health", &[("GET", Access::Open)], || get(health::show)),
    route("/v1/hooks/{app}/{trigger}", &[("POST", Access::Signed)], || post(hooks::receive)),
    route("/v1/runs", &[("GET", VIEWER), ("POST", OPERATOR)], || get(runs::list).post(runs::start)),
    route("/v1/runs/{id}", &[("GET", VIEWER)], || get(runs::show)),
    route("/v1/runs/{id}/steps", &[("GET", VIEWER)], || get(runs::steps)),
    route("/v1/runs/{id}/journal", &[("GET", VIEWER)], || get(runs::journal)),
    route("/v1/runs/{id}/events", &[("GET", VIEWER)], || get(runs::events)),
    route("/v1/runs/{id}/replay", &[("GET", VIEWER)], || get(runs::replay)),
    route("/v1/runs/{id}/reveal", &[("POST", OPERATOR)], || post(runs::reveal)),
    route("/v1/runs/{id}/cancel", &[("POST", OPERATOR)], || post(runs::cancel)),
    route("/v1/runs/{id}/pause", &[("POST", OPERATOR)], || post(control::pause)),
    route("/v1/runs/{id}/resume", &[("POST", OPERATOR)], || post(control::resume)),
    route("/v1/runs/{id}/retry", &[("POST", OPERATOR)], || post(control::retry)),
    route("/v1/runs/{id}/rerun", &[("POST", OPERATOR)], || post(control::rerun)),
    route("/v1/runs/archive", &[("POST", ADMINISTRATOR)], || post(control::archive)),
    // A step's id has slashes of its own: `do/createUser`.
    route("/v1/runs/{id}/steps/{*step}", &[("POST", OPERATOR)], || post(runs::resolve)),
    route("/v1/approvals", &[("GET", VIEWER)], || get(approvals::list)),
    route("/v1/approvals/{id}", &[("GET", VIEWER)], || get(approvals::show)),
    route("/v1/approvals/{id}/answer", &[("POST", APPROVER)], || post(approvals::answer)),
    // Whoever has the link may read the question; the form asks for a key.
    route("/approvals/{id}", &[("GET", Access::Open), ("POST", Access::Open)], || {
        get(page::show).post(page::answer)
    }),
    route("/assets/approval.css", &[("GET", Access::Open)], || get(page::style)),
    route("/v1/events", &[("POST", OPERATOR)], || post(events::receive)),
    route("/v1/keys", &[("GET", ADMINISTRATOR), ("POST", ADMINISTRATOR)], || {
        get(keys::list).post(keys::add)
    }),
    route("/v1/keys/{name}", &[("DELETE", ADMINISTRATOR)], || axum::routing::delete(keys::revoke)),
    route("/v1/secrets", &[("GET", VIEWER)], || get(secrets::list)),
    route("/v1/secrets/{name}", &[("PUT", ADMINISTRATOR), ("DELETE", ADMINISTRATOR)], || {
        put(secrets::put).delete(secrets::remove)
    }),
    route("/v1/links", &[("GET", VIEWER)], || get(links::list)),
    route(
        "/v1/links/{name}",
        &[("GET", VIEWER), ("PUT", ADMINISTRATOR), ("DELETE", ADMINISTRATOR)],
        || get(links::show).put(links::put).delete(links::remove),
    ),
    route("/v1/links/{name}/default", &[("POST", ADMINISTRATOR)], || post(links::make_default)),
    route("/v1/links/{name}/test", &[("POST", OPERATOR)], || post(links::test)),
    route("/v1/apps", &[("GET", VIEWER)], || get(actions::apps)),
    route("/v1/actions", &[("GET", VIEWER)], || get(actions::list)),
    route("/v1/actions/{id}", &[("GET", VIEWER)], || get(actions::show)),
    route("/v1/actions/{id}/run", &[("POST", OPERATOR)], || post(actions::run)),
    route("/v1/budgets", &[("GET", VIEWER)], || get(budgets::list)),
    route("/v1/schedules", &[("GET", VIEWER)], || get(schedules::list)),
    route("/v1/schedules/{workflow}", &[("GET", VIEWER)], || get(schedules::show)),
    route("/v1/schedules/{workflow}/pause", &[("POST", OPERATOR)], || post(schedules::pause)),
    route("/v1/schedules/{workflow}/resume", &[("POST", OPERATOR)], || post(schedules::resume)),
    route("/v1/schedules/{workflow}/run", &[("POST", OPERATOR)], || post(schedules::run)),
    route("/v1/schedules/{workflow}/backfill", &[("POST", OPERATOR)], || post(schedules::backfill)),
    route("/v1/triggers", &[("GET", VIEWER)], || get(triggers::list)),
    route("/v1/workflows", &[("GET", VIEWER)], || get(workflows::list)),
    // Keeps nothing of what it checks.
    route("/v1/workflows/check", &[("POST", VIEWER)], || post(workflows::check)),
    route("/v1/workflows/reload", &[("POST", ADMINISTRATOR)], || post(workflows::reload)),
    route("/v1/workflows/{name}", &[("GET", VIEWER)], || get(workflows::show)),
];

const fn route(
    path: &'static str,
    methods: Methods,
    handlers: fn() -> MethodRouter<Arc<Engine>>,
) -> Route {
    Route { path, methods, handlers }
}

impl Route {
    fn limit(&self) -> usize {
        let signed = self.methods.iter().any(|(_, access)| *access == Access::Signed);
        if signed { LONGEST_BODY } else { LONGEST_JSON }
    }
}

/// The whole API over one engine.
pub fn router(engine: Arc<Engine>) -> Router {
    let mut all = Router::new();
    for route in ROUTES {
        let guard = from_fn_with_state((Arc::clone(&engine), route.methods), require_key);
        let limit = DefaultBodyLimit::max(route.limit());
        all = all.route(route.path, (route.handlers)().layer(limit).route_layer(guard));
    }
    all.fallback(|| async {
        ApiError::new(StatusCode::NOT_FOUND, "unknown_route", "there is nothing at this address")
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
