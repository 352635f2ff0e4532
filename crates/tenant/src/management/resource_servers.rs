//! Resource servers, "APIs" in the dashboard.

use callboard_contract::contract;
use serde_json::{Value, json};

use crate::pipeline::SYSTEM_API;
use crate::random::Random;
use crate::store::{Key, Kind};

pub(crate) const KIND: Kind = Kind("resource_server");

/// By identifier, as it is stored (the system API's without its host).
pub(crate) const BY_IDENTIFIER: &str = "identifier";

pub(crate) fn keys(server: &Value) -> Vec<Key> {
    vec![Key::unique(BY_IDENTIFIER, server["identifier"].as_str().unwrap_or_default())]
}

/// The Management API itself.
pub(crate) fn system(random: &Random) -> Value {
    let scopes: Vec<_> = contract()
        .scopes()
        .iter()
        .map(|scope| json!({"value": scope, "description": scope}))
        .collect();
    json!({
        "id": random.hex(24),
        "name": "Auth0 Management API",
        "identifier": SYSTEM_API,
        "is_system": true,
        "allow_offline_access": false,
        "skip_consent_for_verifiable_first_party_clients": false,
        "subject_type_authorization": {
            "user": {"policy": "allow_all"}, "client": {"policy": "require_client_grant"},
        },
        "signing_alg": "RS256",
        "token_lifetime": 86400,
        "token_lifetime_for_web": 7200,
        "scopes": scopes,
    })
}
