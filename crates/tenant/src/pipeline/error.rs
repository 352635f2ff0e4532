//! The one renderer of the Management API's errors.

use std::error::Error;
use std::fmt;

use axum::Json;
use axum::response::{IntoResponse, Response};
use callboard_contract::{ErrorBody, Inexistent, Unauthorized, Violation};
use http::header::WWW_AUTHENTICATE;
use http::{HeaderName, HeaderValue, StatusCode};

use crate::passwords::HashError;
use crate::store::{CommitError, StoreError};

/// A refusal, or a failure of ours. From 500 on the caller reads a general sentence and only the log the cause.
#[derive(Debug)]
pub(crate) struct ApiError {
    body: Box<ErrorBody>,
    headers: Vec<(HeaderName, HeaderValue)>,
    cause: Option<Box<dyn Error + Send + Sync>>,
}

impl ApiError {
    pub(crate) fn new(status: StatusCode, message: impl Into<String>) -> Self {
        ErrorBody::new(status.as_u16(), message).into()
    }

    pub(crate) fn bad_request(code: &str, message: impl Into<String>) -> Self {
        ErrorBody::new(400, message).with_code(code).into()
    }

    /// A body that breaks a rule which no schema tells.
    pub(crate) fn invalid_body(message: impl Into<String>) -> Self {
        ErrorBody::invalid_body(message).into()
    }

    /// 409, for which most families have no code.
    pub(crate) fn conflict(message: impl Into<String>) -> Self {
        ErrorBody::new(409, message).into()
    }

    pub(crate) fn internal(cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { cause: Some(cause.into()), ..ErrorBody::internal().into() }
    }

    /// What the caller reads.
    pub(crate) fn message(&self) -> &str {
        &self.body.message
    }

    pub(crate) fn with_header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }

    fn status(&self) -> StatusCode {
        StatusCode::from_u16(self.body.status_code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        if let Some(cause) = &self.cause {
            tracing::error!(error = cause.as_ref(), "a request failed");
        }
        let mut response = (self.status(), Json(&self.body)).into_response();
        super::answer::mark_json(&mut response);
        response.headers_mut().extend(self.headers);
        response
    }
}

impl fmt::Display for ApiError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.body.fmt(formatter)
    }
}

impl From<ErrorBody> for ApiError {
    fn from(body: ErrorBody) -> Self {
        Self { body: Box::new(body), headers: Vec::new(), cause: None }
    }
}

impl From<Inexistent<'_>> for ApiError {
    fn from(thing: Inexistent<'_>) -> Self {
        ErrorBody::from(thing).into()
    }
}

impl From<Violation> for ApiError {
    fn from(violation: Violation) -> Self {
        ErrorBody::from(violation).into()
    }
}

impl From<Unauthorized<'_>> for ApiError {
    fn from(reason: Unauthorized<'_>) -> Self {
        let challenge = HeaderValue::from_str(&reason.challenge());
        let error = Self::from(ErrorBody::from(reason));
        match challenge {
            Ok(challenge) => error.with_header(WWW_AUTHENTICATE, challenge),
            Err(_) => error,
        }
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        Self::internal(error)
    }
}

impl From<HashError> for ApiError {
    fn from(error: HashError) -> Self {
        Self::internal(error)
    }
}

/// Behaviours answer the conflicts they expect themselves; what is left is a race between two writers.
impl From<CommitError> for ApiError {
    fn from(error: CommitError) -> Self {
        match error {
            CommitError::Conflict(conflict) => Self::conflict(conflict.to_string()),
            CommitError::Store(error) => error.into(),
        }
    }
}
