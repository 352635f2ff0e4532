//! Which fields of a request go together.

use serde_json::{Map, Value};

use crate::pipeline::ApiError;

/// A user is named by `user_id`, or by `email` and `connection_id`.
pub(super) fn password_change(fields: &Map<String, Value>) -> Result<(), ApiError> {
    let has = |name: &str| fields.contains_key(name);
    for other in ["email", "connection_id"] {
        if has("user_id") && has(other) {
            return Err(together("user_id", other));
        }
    }
    if has("email") && !has("connection_id") {
        return Err(needed("connection_id", "email"));
    }
    if has("connection_id") && !has("email") {
        return Err(needed("email", "connection_id"));
    }
    if !has("user_id") && !has("email") {
        return Err(ApiError::invalid_body(
            "Either user_id, or email and connection_id must be specified",
        ));
    }
    if has("identity") && !has("user_id") {
        return Err(needed("user_id", "identity"));
    }
    destination(fields)
}

/// The contract requires `user_id` already.
pub(super) fn email_verification(fields: &Map<String, Value>) -> Result<(), ApiError> {
    destination(fields)
}

/// Either the caller says where the user goes afterwards, or the application's settings do.
///
/// With a page and an Action of its own a real tenant takes `client_id` beside `result_url`; this one has neither.
fn destination(fields: &Map<String, Value>) -> Result<(), ApiError> {
    let clash =
        ["client_id", "organization_id"].into_iter().find(|name| fields.contains_key(*name));
    match clash {
        Some(other) if fields.contains_key("result_url") => Err(together("result_url", other)),
        _ => Ok(()),
    }
}

fn together(one: &str, other: &str) -> ApiError {
    ApiError::invalid_body(format!("{one} and {other} cannot be specified together"))
}

fn needed(missing: &str, present: &str) -> ApiError {
    ApiError::invalid_body(format!("{missing} must be specified together with {present}"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_password_ticket_is_for_one_user_and_leads_to_one_place() {
        for (fields, accepted) in [
            (json!({"user_id": "u"}), true),
            (json!({"email": "e", "connection_id": "c"}), true),
            (
                json!({"user_id": "u", "identity": {}, "client_id": "x", "organization_id": "o"}),
                true,
            ),
            (json!({"user_id": "u", "result_url": "r"}), true),
            (json!({}), false),
            (json!({"email": "e"}), false),
            (json!({"connection_id": "c"}), false),
            (json!({"user_id": "u", "email": "e"}), false),
            (json!({"user_id": "u", "connection_id": "c"}), false),
            (json!({"email": "e", "connection_id": "c", "identity": {}}), false),
            (json!({"user_id": "u", "result_url": "r", "client_id": "x"}), false),
            (json!({"user_id": "u", "result_url": "r", "organization_id": "o"}), false),
        ] {
            let outcome = password_change(fields.as_object().unwrap());
            assert_eq!(outcome.is_ok(), accepted, "{fields}");
        }
    }
}
