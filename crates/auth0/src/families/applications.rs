//! Applications, which the API calls clients.

use secrecy::SecretString;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::{PER_PAGE, by_id, fixed};
use crate::{InvalidCall, Listing, Paging, Typed};

/// An application.
#[derive(Clone, Deserialize)]
pub struct Application {
    /// The client id.
    pub client_id: String,
    /// The name.
    #[serde(default)]
    pub name: Option<String>,
    /// The secret, where the token's scopes show it and after a rotation.
    #[serde(default)]
    pub client_secret: Option<SecretString>,
    /// All other fields; keys among them may be secret.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

/// Prints id and name only: the rest may be secret.
impl std::fmt::Debug for Application {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Application")
            .field("client_id", &self.client_id)
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

/// `GET /clients`: all applications. The token's scopes decide which fields are shown.
pub fn list() -> Listing<Application> {
    let call = fixed("get_clients");
    Listing::new(call, "clients", Paging::Checkpoint { take: PER_PAGE, from: None })
}

/// `POST /clients/{id}/rotate-secret`: the old secret dies within 30 seconds, the answer holds the new one.
///
/// # Errors
/// When the id cannot be part of a path.
pub fn rotate_secret(client_id: &str) -> Result<Typed<Application>, InvalidCall> {
    Ok(Typed::new(by_id("post_rotate-secret", client_id)?))
}
