//! A link: Callboard's credential for one tenant or app, decrypted and only in memory.

use secrecy::SecretString;
use serde_json::{Map, Value};
use url::Url;

/// Where an action is performed and as whom.
#[derive(Debug, Clone)]
pub struct Link {
    pub name: String,
    /// The app it belongs to: `auth0`, `slack`.
    pub app: String,
    pub base_url: Url,
    /// As the app's settings schema says; for Auth0 `audience` where it is not `<base_url>/api/v2/`.
    pub settings: Map<String, Value>,
    pub credentials: LinkCredentials,
}

/// What the link proves itself with. How it is sent is the app's `auth`.
#[derive(Debug, Clone)]
pub enum LinkCredentials {
    Open,
    /// A token, key or password.
    Secret(SecretString),
    ClientCredentials {
        client_id: String,
        client_secret: SecretString,
    },
}
