//! What a new client gets where its maker says nothing.

use serde_json::{Map, Value, json};

/// Seconds a refresh token lives: when its client authenticates with a posted secret, and otherwise.
const CONFIDENTIAL_LIFETIMES: (u64, u64) = (31_557_600, 2_592_000);
const OTHER_LIFETIMES: (u64, u64) = (2_592_000, 1_296_000);
const ID_TOKEN_LIFETIME: u64 = 36_000;

/// The given fields with the defaults for the rest. Ids and secrets are the caller's business.
pub(super) fn complete(given: Map<String, Value>, tenant: &str) -> Map<String, Value> {
    let app_type = given.get("app_type").and_then(Value::as_str).unwrap_or_default().to_owned();
    let is_confidential = given
        .get("token_endpoint_auth_method")
        .is_some_and(|method| method == "client_secret_post");
    let defaults = json!({
        "tenant": tenant,
        "global": false,
        "is_token_endpoint_ip_header_trusted": false,
        "is_first_party": true,
        "oidc_conformant": app_type == "express_configuration",
        "sso_disabled": false,
        "cross_origin_authentication": false,
        "encrypted": true,
        "callback_url_template": false,
        "custom_login_page_on": true,
        "grant_types": grant_types(&app_type),
        "jwt_configuration": {"lifetime_in_seconds": ID_TOKEN_LIFETIME, "secret_encoded": false},
        "refresh_token": refresh_token(is_confidential),
    });
    let mut client = Map::new();
    if let Value::Object(defaults) = defaults {
        client.extend(defaults);
    }
    if matches!(app_type.as_str(), "native" | "spa")
        && !given.contains_key("client_authentication_methods")
    {
        client.insert("token_endpoint_auth_method".into(), "none".into());
    }
    if app_type == "express_configuration" {
        client.insert("organization_usage".into(), "require".into());
    }
    client.extend(under_present_names(given).into_iter().filter(|(_, value)| !value.is_null()));
    complete_parts(&mut client);
    client
}

/// Fields that have been renamed are stored under the new name only.
pub(super) fn under_present_names(mut given: Map<String, Value>) -> Map<String, Value> {
    if let Some(logout) = given.shift_remove("oidc_backchannel_logout") {
        given.entry("oidc_logout").or_insert(logout);
    }
    given
}

/// Fills in what nested objects leave open, after creation and after each change.
pub(super) fn complete_parts(client: &mut Map<String, Value>) {
    if let Some(Value::Object(jwt)) = client.get_mut("jwt_configuration") {
        jwt.entry("secret_encoded").or_insert(Value::Bool(false));
    }
    let is_confidential = client
        .get("token_endpoint_auth_method")
        .is_some_and(|method| method == "client_secret_post");
    if let Some(Value::Object(refresh)) = client.get_mut("refresh_token") {
        let expires = refresh.get("expiration_type").is_some_and(|kind| kind == "expiring");
        let lifetimes = if is_confidential { CONFIDENTIAL_LIFETIMES } else { OTHER_LIFETIMES };
        for (name, default) in [
            ("leeway", json!(0)),
            ("token_lifetime", json!(lifetimes.0)),
            ("idle_token_lifetime", json!(lifetimes.1)),
            ("infinite_token_lifetime", json!(!expires)),
            ("infinite_idle_token_lifetime", json!(!expires)),
        ] {
            refresh.entry(name).or_insert(default);
        }
    }
}

fn grant_types(app_type: &str) -> &'static [&'static str] {
    match app_type {
        "native" | "spa" => &["authorization_code", "implicit", "refresh_token"],
        "resource_server" => &[],
        "express_configuration" => &["authorization_code", "client_credentials"],
        _ => &["authorization_code", "implicit", "refresh_token", "client_credentials"],
    }
}

fn refresh_token(is_confidential: bool) -> Value {
    let (lifetime, idle) = if is_confidential { CONFIDENTIAL_LIFETIMES } else { OTHER_LIFETIMES };
    json!({
        "expiration_type": "non-expiring",
        "leeway": 0,
        "infinite_token_lifetime": true,
        "infinite_idle_token_lifetime": true,
        "token_lifetime": lifetime,
        "idle_token_lifetime": idle,
        "rotation_type": "non-rotating",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_follow_type_and_authentication_method() {
        for (given, grants, method, lifetime) in [
            (json!({}), 4, Value::Null, 2_592_000),
            (json!({"app_type": "spa"}), 3, json!("none"), 2_592_000),
            (json!({"app_type": "resource_server"}), 0, Value::Null, 2_592_000),
            (
                json!({"app_type": "non_interactive", "token_endpoint_auth_method": "client_secret_post"}),
                4,
                json!("client_secret_post"),
                31_557_600,
            ),
        ] {
            let client = Value::Object(complete(given.as_object().unwrap().clone(), "acme"));
            assert_eq!(client["grant_types"].as_array().unwrap().len(), grants, "{given}");
            assert_eq!(client["token_endpoint_auth_method"], method, "{given}");
            assert_eq!(client["refresh_token"]["token_lifetime"], lifetime, "{given}");
        }
    }

    #[test]
    fn an_expiring_refresh_token_is_not_infinite() {
        let given = json!({"refresh_token": {"rotation_type": "non-rotating", "expiration_type": "expiring"}});
        let client = Value::Object(complete(given.as_object().unwrap().clone(), "acme"));
        assert_eq!(client["refresh_token"]["infinite_token_lifetime"], false);
        assert_eq!(client["refresh_token"]["idle_token_lifetime"], 1_296_000);
    }
}
