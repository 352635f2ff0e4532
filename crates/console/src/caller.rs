//! Who calls: a bearer key, checked before a handler runs.

use std::sync::Arc;

use axum::extract::{FromRequestParts, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use callboard_engine::Engine;
use http::header::AUTHORIZATION;
use http::request::Parts;

use crate::problem::ApiError;

/// Somebody with a valid key.
#[derive(Debug, Clone)]
pub(crate) struct Caller(pub(crate) String);

/// Lets requests with a valid key pass.
pub(crate) async fn require_key(
    State(engine): State<Arc<Engine>>,
    mut request: Request,
    next: Next,
) -> Response {
    let header = request.headers().get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    let key = header
        .and_then(|value| value.split_once(' '))
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
    let Some((_, key)) = key else {
        return ApiError::unauthorized("send an API key as `Authorization: Bearer KEY`")
            .into_response();
    };
    match engine.api_keys().check(key.trim()).await {
        Ok(Some(caller)) => {
            request.extensions_mut().insert(Caller(caller.name));
            next.run(request).await
        }
        Ok(None) => ApiError::unauthorized("this API key is not valid").into_response(),
        Err(error) => ApiError::from(error).into_response(),
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Caller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        let caller = parts.extensions.get::<Self>().cloned();
        caller.ok_or_else(|| ApiError::unauthorized("this needs an API key"))
    }
}
