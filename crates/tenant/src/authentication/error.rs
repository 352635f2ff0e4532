//! OAuth's error body, `{"error", "error_description"}`.

use std::error::Error;

use axum::Json;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use serde_json::json;

use crate::passwords::HashError;
use crate::store::{CommitError, StoreError};
use crate::tokens::TokenError;

/// A refusal of the Authentication API.
#[derive(Debug)]
pub(crate) struct OAuthError {
    pub(crate) status: StatusCode,
    pub(crate) error: &'static str,
    pub(crate) description: String,
    uri: Option<&'static str>,
    cause: Option<Box<dyn Error + Send + Sync>>,
}

impl OAuthError {
    pub(crate) fn new(
        status: StatusCode,
        error: &'static str,
        description: impl Into<String>,
    ) -> Self {
        Self { status, error, description: description.into(), uri: None, cause: None }
    }

    pub(crate) fn unauthorized(error: &'static str, description: impl Into<String>) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, error, description)
    }

    pub(crate) fn forbidden(error: &'static str, description: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, error, description)
    }

    pub(crate) fn missing(parameter: &str) -> Self {
        Self::new(
            StatusCode::BAD_REQUEST,
            "invalid_request",
            format!("Missing required parameter: {parameter}"),
        )
    }

    pub(crate) fn see(mut self, uri: &'static str) -> Self {
        self.uri = Some(uri);
        self
    }

    fn internal(cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        let mut error =
            Self::new(StatusCode::INTERNAL_SERVER_ERROR, "server_error", "Internal Server Error");
        error.cause = Some(cause.into());
        error
    }
}

impl IntoResponse for OAuthError {
    fn into_response(self) -> Response {
        if let Some(cause) = &self.cause {
            tracing::error!(error = cause.as_ref(), "a token request failed");
        }
        let mut body = json!({"error": self.error, "error_description": self.description});
        if let Some(uri) = self.uri {
            body["error_uri"] = uri.into();
        }
        (self.status, Json(body)).into_response()
    }
}

impl From<StoreError> for OAuthError {
    fn from(error: StoreError) -> Self {
        Self::internal(error)
    }
}

impl From<CommitError> for OAuthError {
    fn from(error: CommitError) -> Self {
        Self::internal(error)
    }
}

impl From<TokenError> for OAuthError {
    fn from(error: TokenError) -> Self {
        Self::internal(error)
    }
}

impl From<HashError> for OAuthError {
    fn from(error: HashError) -> Self {
        Self::internal(error)
    }
}
