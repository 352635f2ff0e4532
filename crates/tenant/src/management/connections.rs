//! Connections: where users come from.

use serde_json::{Value, json};

use crate::random::Random;
use crate::store::{Key, Kind, Relation};

pub(crate) const KIND: Kind = Kind("connection");
pub(crate) const BY_NAME: &str = "name";

/// From a connection to a client whose users may log in through it.
pub(crate) const ENABLED_CLIENT: Relation = Relation("connection-client");

/// The database connection that every new tenant has.
pub(crate) const FIRST_DATABASE: &str = "Username-Password-Authentication";

pub(crate) fn keys(connection: &Value) -> Vec<Key> {
    vec![
        Key::unique(BY_NAME, connection["name"].as_str().unwrap_or_default()),
        Key::shared("strategy", connection["strategy"].as_str().unwrap_or_default()),
    ]
}

pub(crate) fn first_database(random: &Random) -> Value {
    json!({
        "id": format!("con_{}", random.alphanumeric(16)),
        "name": FIRST_DATABASE,
        "strategy": "auth0",
        "options": {
            "mfa": {"active": true, "return_enroll_settings": true},
            "passwordPolicy": "good",
            "strategy_version": 2,
            "authentication_methods": {
                "password": {"enabled": true, "api_behavior": "required", "signup_behavior": "allow"},
                "passkey": {"enabled": false},
            },
            "passkey_options": {
                "challenge_ui": "both", "progressive_enrollment_enabled": true, "local_enrollment_enabled": true,
            },
            "brute_force_protection": true,
        },
        "is_domain_connection": false,
        "realms": [FIRST_DATABASE],
        "authentication": {"active": true},
        "connected_accounts": {"active": false},
    })
}
