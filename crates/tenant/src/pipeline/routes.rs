//! One route per operation of the contract, all through [`answer`].

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{RawPathParams, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodFilter, on};
use callboard_contract::{ErrorBody, Operation, contract};
use http::header::HeaderName;
use http::request::Parts;
use http::{HeaderValue, Request as HttpRequest, StatusCode};
use serde_json::Value;

use super::table::{Behaviour, Table};
use super::{ApiError, Context, Exchange, Origin, Request, authenticate, body};
use crate::tenants::{Tenant, Tenants};

const BASE: &str = "/api/v2";
const REQUEST_ID: HeaderName = HeaderName::from_static("x-auth0-requestid");

/// An operation with what it does.
struct Route {
    operation: &'static Operation,
    behaviour: Option<Behaviour>,
}

/// The Management API. Fails on a behaviour whose operation the contract does not know.
pub(crate) fn router(mut table: Table) -> Router<Tenants> {
    let mut router = Router::new();
    for operation in contract().operations() {
        let Ok(method) = MethodFilter::try_from(operation.method.clone()) else { continue };
        let route = Arc::new(Route { operation, behaviour: table.take(&operation.id) });
        let path = format!("{BASE}{}", positional(&operation.path));
        let handler = move |State(tenants): State<Tenants>,
                            path: RawPathParams,
                            request: HttpRequest<Body>| {
            let route = Arc::clone(&route);
            let values: Vec<_> = path.iter().map(|(_, value)| value.to_owned()).collect();
            async move { answer(&route, &tenants, values, request).await }
        };
        router = router.route(&path, on(method, handler));
    }
    let unknown = table.left_over();
    assert!(unknown.is_empty(), "behaviours without an operation in the contract: {unknown:?}");
    router
}

/// Two operations may name the same segment differently; routes must not.
fn positional(path: &str) -> String {
    let segments = path.split('/').enumerate().map(|(index, segment)| {
        if segment.starts_with('{') { format!("{{p{index}}}") } else { segment.to_owned() }
    });
    segments.collect::<Vec<_>>().join("/")
}

/// Names of the parameters in a path, in order.
fn parameter_names(path: &str) -> impl Iterator<Item = &str> {
    path.split('/').filter_map(|segment| segment.strip_prefix('{')?.strip_suffix('}'))
}

/// Every response says which request it answers.
async fn answer(
    route: &Route,
    tenants: &Tenants,
    values: Vec<String>,
    request: HttpRequest<Body>,
) -> Response {
    let (parts, body) = request.into_parts();
    let tenant = tenants.addressed_by(&parts.headers);
    let mut response = match run(route, tenants, &tenant, values, parts, body).await {
        Ok(response) => response,
        Err(error) => error.into_response(),
    };
    if let Ok(id) = HeaderValue::from_str(&tenant.random().hex(20)) {
        response.headers_mut().insert(REQUEST_ID, id);
    }
    response
}

async fn run(
    route: &Route,
    tenants: &Tenants,
    tenant: &Arc<Tenant>,
    values: Vec<String>,
    parts: Parts,
    body: Body,
) -> Result<Response, ApiError> {
    let operation = route.operation;
    let now = tenant.now();
    let origin = Origin::of(&parts.headers, tenants.scheme());
    let caller = authenticate::caller(tenant, &origin, &parts.headers, now)?;
    if !operation.permits(&|scope| caller.may(scope)) {
        return Err(operation.insufficient_scope().into());
    }
    let searches =
        parts.uri.query().is_some_and(|query| query.split('&').any(|pair| pair.starts_with("q=")));
    let rate = tenant.rate_limiter().take(operation, searches, now)?;
    let mut exchange = Exchange::of(&parts);
    let request = parse(operation, values, &parts, body).await?;
    exchange.query = Value::Object(request.query.clone());
    exchange.body = request.body.clone();
    let Some(behaviour) = &route.behaviour else {
        return Err(ApiError::new(StatusCode::NOT_IMPLEMENTED, "This operation is not available."));
    };
    let context = Context {
        tenant: Arc::clone(tenant),
        origin,
        caller,
        now,
        exchange: Arc::new(exchange),
        title: behaviour.title,
    };
    let outcome = (behaviour.run)(context, request).await;
    let mut response = outcome.unwrap_or_else(IntoResponse::into_response);
    if let Some(rate) = rate {
        response.headers_mut().extend(rate.headers());
    }
    Ok(response)
}

/// Path, query and body, each checked against the contract.
async fn parse(
    operation: &Operation,
    values: Vec<String>,
    parts: &Parts,
    body: Body,
) -> Result<Request, ApiError> {
    let path: Vec<_> = parameter_names(&operation.path).map(str::to_owned).zip(values).collect();
    operation.check_path(&path)?;
    let pairs: Vec<_> =
        url::form_urlencoded::parse(parts.uri.query().unwrap_or_default().as_bytes())
            .into_owned()
            .collect();
    let query = operation.check_query(&pairs)?;
    let body = body::read(operation, &parts.headers, body).await?;
    operation.check_body(&body)?;
    let body = if operation.body.is_some() { body } else { Value::Null };
    Ok(Request { path, query, body })
}

/// What an address without a route answers.
pub(crate) async fn not_found() -> ApiError {
    ErrorBody::no_route().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_routed_by_position_and_keep_their_names() {
        let path = "/users/{user_id}/identities/{provider}";
        assert_eq!(positional(path), "/users/{p2}/identities/{p4}");
        assert_eq!(parameter_names(path).collect::<Vec<_>>(), ["user_id", "provider"]);
    }
}
