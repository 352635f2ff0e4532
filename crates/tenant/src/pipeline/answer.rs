//! What a behaviour answers.

use axum::Json;
use axum::response::{IntoResponse, Response};
use http::header::{CONTENT_TYPE, LINK};
use http::{HeaderName, HeaderValue, StatusCode};
use serde_json::Value;

/// A status, perhaps a body, perhaps headers.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) body: Option<Value>,
    pub(crate) headers: Vec<(HeaderName, HeaderValue)>,
}

impl Answer {
    pub(crate) fn ok(body: impl Into<Value>) -> Self {
        Self::with(StatusCode::OK, body)
    }

    pub(crate) fn created(body: impl Into<Value>) -> Self {
        Self::with(StatusCode::CREATED, body)
    }

    /// 202: the rest happens later.
    pub(crate) fn accepted(body: impl Into<Value>) -> Self {
        Self::with(StatusCode::ACCEPTED, body)
    }

    pub(crate) fn no_content() -> Self {
        Self { status: StatusCode::NO_CONTENT, body: None, headers: Vec::new() }
    }

    pub(crate) fn with(status: StatusCode, body: impl Into<Value>) -> Self {
        Self { status, body: Some(body.into()), headers: Vec::new() }
    }

    /// `Link: <url>; rel="next"`
    pub(crate) fn and_next(mut self, url: &str) -> Self {
        if let Ok(value) = HeaderValue::from_str(&format!("<{url}>; rel=\"next\"")) {
            self.headers.push((LINK, value));
        }
        self
    }
}

impl IntoResponse for Answer {
    fn into_response(self) -> Response {
        let mut response = match self.body {
            Some(body) => (self.status, Json(body)).into_response(),
            None => self.status.into_response(),
        };
        if self.status != StatusCode::NO_CONTENT {
            mark_json(&mut response);
        }
        response.headers_mut().extend(self.headers);
        response
    }
}

/// The content type that the API always states.
pub(super) fn mark_json(response: &mut Response) {
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static("application/json; charset=utf-8"));
}
