//! Client grants: which application may get tokens for which API, with which scopes.

use serde_json::Value;

use crate::store::{Key, Kind};

pub(crate) const KIND: Kind = Kind("client_grant");

/// One grant per client, audience and kind of subject.
pub(crate) const BY_PARTIES: &str = "parties";

pub(crate) fn keys(grant: &Value) -> Vec<Key> {
    let text = |name: &str| grant[name].as_str().unwrap_or_default();
    let subject = grant["subject_type"].as_str().unwrap_or("client");
    vec![
        Key::unique(BY_PARTIES, key_value(text("client_id"), text("audience"), subject)),
        Key::shared("client", text("client_id")),
        Key::shared("audience", text("audience")),
    ]
}

/// The value of [`BY_PARTIES`]. `audience` as it is stored.
pub(crate) fn key_value(client_id: &str, audience: &str, subject_type: &str) -> String {
    format!("{client_id} {subject_type} {audience}")
}
