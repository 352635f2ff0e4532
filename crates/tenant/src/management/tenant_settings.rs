//! The tenant's own settings: one document.

use serde_json::{Value, json};

use crate::store::Kind;

pub(crate) const KIND: Kind = Kind("tenant_settings");
pub(crate) const ID: &str = "settings";

/// What a new tenant answers.
pub(crate) fn fresh() -> Value {
    json!({
        "enabled_locales": ["en"],
        "flags": {
            "allow_changing_enable_sso": false,
            "disable_impersonation": true,
            "enable_sso": true,
            "enable_public_signup_user_exists_error": true,
            "universal_login": true,
            "revoke_refresh_token_grant": false,
            "remove_alg_from_jwks": true,
        },
        "idle_session_lifetime": 72,
        "session_lifetime": 168,
        "sandbox_version": "22",
        "sandbox_versions_available": ["22", "18"],
        "oidc_logout": {"rp_logout_end_session_endpoint_discovery": true},
        "session_cookie": {"mode": "persistent"},
        "resource_parameter_profile": "audience",
    })
}
