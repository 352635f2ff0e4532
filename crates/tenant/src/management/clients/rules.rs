//! What must hold between the fields of a client, beyond what its schema says.

use callboard_contract::ErrorBody;
use serde_json::{Map, Value};

use crate::pipeline::{ApiError, Context};

const MOST_METADATA: usize = 10;
const LONGEST_METADATA: usize = 255;

/// Checks a client as it would be stored.
pub(super) fn check(client: &Value) -> Result<(), ApiError> {
    let refused = |message: &str| Err(ApiError::invalid_body(message));
    let has = |name: &str| !client[name].is_null();
    let has_methods = client["client_authentication_methods"]
        .as_object()
        .is_some_and(|methods| !methods.is_empty());
    if has_methods && has("token_endpoint_auth_method") {
        return refused(
            "client_authentication_methods and token_endpoint_auth_method are mutually exclusive",
        );
    }
    let refresh = &client["refresh_token"];
    if refresh["rotation_type"] == "rotating" && refresh["expiration_type"] != "expiring" {
        return refused(
            "refresh_token.rotation_type rotating requires refresh_token.expiration_type expiring",
        );
    }
    if refresh["rotation_type"] == "rotating" && client["oidc_conformant"] == false {
        return refused("refresh_token.rotation_type rotating requires oidc_conformant");
    }
    if client["is_first_party"] == false
        && (has("organization_usage") || has("organization_require_behavior"))
    {
        return refused(
            "organization_usage and organization_require_behavior must be unset for third-party clients",
        );
    }
    if has("resource_server_identifier") && client["app_type"] != "resource_server" {
        return refused("resource_server_identifier requires app_type resource_server");
    }
    check_metadata(&client["client_metadata"])
}

fn check_metadata(metadata: &Value) -> Result<(), ApiError> {
    let Some(metadata) = metadata.as_object() else { return Ok(()) };
    let too_long = |text: &str| text.chars().count() > LONGEST_METADATA;
    let is_short =
        |(name, value): (&String, &Value)| !too_long(name) && !value.as_str().is_some_and(too_long);
    if metadata.len() > MOST_METADATA {
        return Err(ApiError::invalid_body(format!(
            "client_metadata can have at most {MOST_METADATA} keys"
        )));
    }
    if !metadata.iter().all(is_short) {
        let message = format!(
            "client_metadata keys and values can have at most {LONGEST_METADATA} characters"
        );
        return Err(ApiError::invalid_body(message));
    }
    Ok(())
}

/// Secrets may be set only with `update:client_keys`, everything else only with `update:clients`.
pub(super) fn check_keys_scope(
    context: &Context,
    change: &Map<String, Value>,
) -> Result<(), ApiError> {
    let is_key =
        |name: &String| matches!(name.as_str(), "client_secret" | "encryption_key" | "signing_key");
    if change.keys().any(is_key) {
        require(context, "update:client_keys")?;
    }
    if change.keys().any(|name| !is_key(name) && name != "client_authentication_methods") {
        require(context, "update:clients")?;
    }
    Ok(())
}

/// Authentication methods may be set only with a scope of their own.
pub(super) fn check_credentials_scope(
    context: &Context,
    change: &Map<String, Value>,
    scope: &str,
) -> Result<(), ApiError> {
    if change.contains_key("client_authentication_methods") {
        require(context, scope)
    } else {
        Ok(())
    }
}

fn require(context: &Context, scope: &str) -> Result<(), ApiError> {
    if context.caller.may(scope) {
        return Ok(());
    }
    let message = format!("Insufficient scope, expected any of: {scope}");
    Err(ErrorBody::new(403, message).with_code("insufficient_scope").into())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn fields_that_exclude_each_other_are_refused() {
        for (client, accepted) in [
            (json!({}), true),
            (json!({"token_endpoint_auth_method": "none"}), true),
            (
                json!({"token_endpoint_auth_method": "none", "client_authentication_methods": {"x": {}}}),
                false,
            ),
            (
                json!({"refresh_token": {"rotation_type": "rotating", "expiration_type": "non-expiring"}}),
                false,
            ),
            (json!({"is_first_party": false, "organization_usage": "allow"}), false),
            (json!({"resource_server_identifier": "https://api"}), false),
            (json!({"client_metadata": {"key": "x".repeat(256)}}), false),
        ] {
            assert_eq!(check(&client).is_ok(), accepted, "{client}");
        }
    }
}
