//! The envelope of the Management API's errors, and the errors that recur.

mod inexistent;
mod unauthorized;

use http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::Violation;

pub use inexistent::Inexistent;
pub use unauthorized::Unauthorized;

/// The body of an error. Its keys come in the order of the fields; absent ones are left out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "camelCase")]
#[error("{status_code} {error}: {message}")]
pub struct ErrorBody {
    /// The HTTP status.
    pub status_code: u16,
    /// The status in words, as in `Not Found`.
    pub error: String,
    /// What is wrong.
    pub message: String,
    /// A name for the error, as in `inexistent_user`. About a third of the real 404 and 409 bodies have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error_code: Option<String>,
    /// More about it; with 401 the message once more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attributes: Option<Value>,
}

/// Which bucket is empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limit {
    /// The one of the whole API.
    Global,
    /// The one of the endpoint's group.
    Endpoint,
}

impl ErrorBody {
    /// An error without code.
    pub fn new(status: u16, message: impl Into<String>) -> Self {
        let reason = StatusCode::from_u16(status).ok().and_then(|status| status.canonical_reason());
        Self {
            status_code: status,
            error: reason.unwrap_or("Unknown").to_owned(),
            message: message.into(),
            error_code: None,
            attributes: None,
        }
    }

    /// The same error with a code.
    #[must_use]
    pub fn with_code(mut self, code: &str) -> Self {
        self.error_code = Some(code.to_owned());
        self
    }

    /// A path that no operation has.
    pub fn no_route() -> Self {
        Self::new(404, "Not Found")
    }

    /// Too many requests.
    pub fn too_many_requests(limit: Limit) -> Self {
        let which = match limit {
            Limit::Global => "Global",
            Limit::Endpoint => "Endpoint",
        };
        Self::new(429, format!("{which} limit has been reached")).with_code("too_many_requests")
    }

    /// A fault of the server; it says nothing about its cause.
    pub fn internal() -> Self {
        Self::new(500, "An internal server error occurred")
    }

    /// A rule of the domain that the body breaks, in its own words.
    pub fn invalid_body(message: impl Into<String>) -> Self {
        Self::new(400, message).with_code("invalid_body")
    }

    /// A user that exists in the connection already: 409 on creation.
    pub fn user_exists() -> Self {
        Self::new(409, "The user already exists.").with_code("auth0_idp_error")
    }

    /// An address that another user of the connection has: 400 on a change.
    pub fn email_exists() -> Self {
        Self::new(400, "The specified new email already exists").with_code("auth0_idp_error")
    }

    /// A `…:current_user…` scope used on somebody else.
    pub fn not_the_subject() -> Self {
        Self::new(403, "User to be acted on does not match subject in bearer token.")
    }
}

impl From<Violation> for ErrorBody {
    fn from(violation: Violation) -> Self {
        Self::new(400, violation.to_string()).with_code(violation.error_code())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_envelope_has_auth0s_keys_in_auth0s_order() {
        let body = ErrorBody::from(Inexistent::User);
        assert_eq!(
            serde_json::to_string(&body).unwrap(),
            r#"{"statusCode":404,"error":"Not Found","message":"The user does not exist.","errorCode":"inexistent_user"}"#
        );
        let body = ErrorBody::from(Unauthorized::Expired);
        assert_eq!(
            serde_json::to_string(&body).unwrap(),
            r#"{"statusCode":401,"error":"Unauthorized","message":"Expired token received for JSON Web Token validation","attributes":{"error":"Expired token received for JSON Web Token validation"}}"#
        );
    }

    #[test]
    fn an_error_without_code_is_read_too() {
        let body: ErrorBody = serde_json::from_value(
            json!({"statusCode": 404, "error": "Not Found", "message": "The role does not exist."}),
        )
        .unwrap();
        assert_eq!(body, Inexistent::Role.into());
    }
}
