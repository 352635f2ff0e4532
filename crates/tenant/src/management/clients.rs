//! Applications.

use serde_json::{Value, json};

use crate::store::{Key, Kind};

pub(crate) const KIND: Kind = Kind("client");

/// The keys by which a client is found besides its id.
pub(crate) fn keys(_client: &Value) -> Vec<Key> {
    Vec::new()
}

/// An application for programs, with a secret that was chosen outside.
pub(crate) fn machine_to_machine(id: &str, secret: &str, tenant: &str) -> Value {
    json!({
        "client_id": id,
        "client_secret": secret,
        "name": "Callboard",
        "tenant": tenant,
        "global": false,
        "is_first_party": true,
        "app_type": "non_interactive",
        "oidc_conformant": true,
        "token_endpoint_auth_method": "client_secret_post",
        "grant_types": [
            "client_credentials", "password", "http://auth0.com/oauth/grant-type/password-realm", "refresh_token",
        ],
        "jwt_configuration": {"alg": "RS256", "lifetime_in_seconds": 36000, "secret_encoded": false},
    })
}
