//! Who calls: a bearer key, checked before a handler runs.

use std::sync::Arc;

use axum::extract::{FromRequestParts, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use callboard_engine::{Caller as Person, Engine};
use http::header::AUTHORIZATION;
use http::request::Parts;
use http::{Method, StatusCode};

use crate::problem::ApiError;
use crate::router::{Access, Methods};

/// The name of somebody with a valid key.
#[derive(Debug, Clone)]
pub(crate) struct Caller(pub(crate) String);

/// Somebody with a valid key, whole.
#[derive(Debug, Clone)]
pub(crate) struct Known(pub(crate) Person);

/// Lets requests with a valid key of the role that the method wants pass.
pub(crate) async fn require_key(
    State((engine, methods)): State<(Arc<Engine>, Methods)>,
    mut request: Request,
    next: Next,
) -> Response {
    let Some(needed) = needed(methods, request.method()) else { return next.run(request).await };
    let header = request.headers().get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    let key = header
        .and_then(|value| value.split_once(' '))
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
    let Some((_, key)) = key else {
        return ApiError::unauthorized("send an API key as `Authorization: Bearer KEY`")
            .into_response();
    };
    match engine.api_keys().check(key.trim()).await {
        Ok(Some(person)) => {
            let Access::Role(role) = needed else { return next.run(request).await };
            if person.role < role {
                let detail = format!(
                    "this takes the role {role}; the key of {} has the role {}",
                    person.name, person.role
                );
                return ApiError::new(StatusCode::FORBIDDEN, "forbidden", detail).into_response();
            }
            request.extensions_mut().insert(Caller(person.name.clone()));
            request.extensions_mut().insert(Known(person));
            next.run(request).await
        }
        Ok(None) => ApiError::unauthorized("this API key is not valid").into_response(),
        Err(error) => ApiError::from(error).into_response(),
    }
}

/// What a method of a route asks for, where it asks for a key.
fn needed(methods: Methods, method: &Method) -> Option<Access> {
    let method = if method == Method::HEAD { "GET" } else { method.as_str() };
    let known = methods.iter().find(|(known, _)| *known == method);
    // A method that is not in the table is not served either.
    known.map(|(_, access)| *access).filter(|access| matches!(access, Access::Role(_)))
}

impl<S: Send + Sync> FromRequestParts<S> for Caller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        let caller = parts.extensions.get::<Self>().cloned();
        caller.ok_or_else(|| ApiError::unauthorized("this needs an API key"))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Known {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        let known = parts.extensions.get::<Self>().cloned();
        known.ok_or_else(|| ApiError::unauthorized("this needs an API key"))
    }
}
