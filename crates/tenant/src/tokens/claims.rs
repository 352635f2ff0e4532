//! What stands in the tokens that a tenant issues.

use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Map, Value};

/// An access token in Auth0's own profile (dialects `access_token` and `access_token_authz`).
#[derive(Debug, Clone, Serialize)]
pub(crate) struct AccessToken {
    pub(crate) iss: String,
    pub(crate) sub: String,
    /// One audience, or several.
    pub(crate) aud: Value,
    pub(crate) iat: i64,
    pub(crate) exp: i64,
    /// Absent when empty.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) scope: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) gty: Option<&'static str>,
    pub(crate) azp: String,
    pub(crate) jti: String,
    /// Only in the dialects that carry them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) permissions: Option<Vec<String>>,
}

/// An ID token: who logged in, for the application that asked.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct IdToken {
    /// What the granted scopes show of the profile.
    #[serde(flatten)]
    pub(crate) profile: Map<String, Value>,
    pub(crate) iss: String,
    pub(crate) aud: String,
    pub(crate) sub: String,
    pub(crate) iat: i64,
    pub(crate) exp: i64,
    pub(crate) sid: String,
}

impl AccessToken {
    /// The seconds from issue to expiry.
    pub(crate) fn lifetime(&self) -> i64 {
        self.exp - self.iat
    }

    pub(crate) fn window(now: Timestamp, lifetime: i64) -> (i64, i64) {
        let issued = now.as_second();
        (issued, issued.saturating_add(lifetime))
    }
}
