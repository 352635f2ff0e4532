//! The body of a request: JSON, a form, or a page.

use axum::body::{Body, to_bytes};
use callboard_contract::Operation;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, StatusCode};
use serde_json::Value;

use super::{ApiError, multipart};

/// What any endpoint accepts at most, in bytes.
pub(crate) const MAX_BODY: usize = 1_048_576;

/// `Null` when there is no body.
pub(super) async fn read(
    operation: &Operation,
    headers: &HeaderMap,
    body: Body,
) -> Result<Value, ApiError> {
    let bytes = to_bytes(body, MAX_BODY).await.map_err(|_| {
        let message = format!("Payload content length greater than maximum allowed: {MAX_BODY}");
        ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, message)
    })?;
    if bytes.is_empty() {
        return Ok(Value::Null);
    }
    match content_type(headers) {
        "application/x-www-form-urlencoded" => {
            let pairs: Vec<_> = url::form_urlencoded::parse(&bytes).into_owned().collect();
            Ok(operation.body_from_form(&pairs))
        }
        "multipart/form-data" => {
            let header = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
            let parts = multipart::parts(header.unwrap_or_default(), &bytes);
            Ok(operation.body_from_form(&parts))
        }
        "" | "application/json" => serde_json::from_slice(&bytes).map_err(|_| {
            ApiError::new(StatusCode::BAD_REQUEST, "Invalid request payload JSON format")
        }),
        "text/html" => Ok(String::from_utf8_lossy(&bytes).into_owned().into()),
        _ => Err(ApiError::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "Unsupported Media Type")),
    }
}

fn content_type(headers: &HeaderMap) -> &str {
    let header =
        headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    header.split(';').next().unwrap_or_default().trim()
}
