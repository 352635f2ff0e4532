//! Whom a ticket is for: a user, and which of the user's identities.

use callboard_contract::{ErrorBody, Inexistent};
use serde_json::Value;

use crate::management::users::profile;
use crate::management::{connections, users};
use crate::pipeline::ApiError;
use crate::store::{Document, Store, StoreError};

/// One identity of a user, and the connection it belongs to.
#[derive(Debug, Clone)]
pub(crate) struct Subject {
    pub(crate) user: Document,
    /// Of the identity among the user's; the primary one is the first.
    pub(crate) position: usize,
    pub(crate) connection: Document,
}

impl Subject {
    /// The identity that a request describes; without one the primary.
    pub(crate) async fn chosen(
        store: &dyn Store,
        user: Document,
        wanted: Option<&Value>,
    ) -> Result<Self, ApiError> {
        let id = wanted.map(profile::identity_id);
        let found = match &id {
            Some(id) => Self::of_identity(store, user, id).await?,
            None => Self::at(store, user, 0).await?,
        };
        let no_connection = || {
            let message = ErrorBody::from(Inexistent::Connection).message;
            ApiError::bad_request("inexistent_connection", message)
        };
        let unknown = || {
            id.as_ref().map_or_else(no_connection, |id| {
                ApiError::invalid_body(format!("The user does not have the identity {id}"))
            })
        };
        let found = found.ok_or_else(unknown)?;
        match wanted.and_then(|identity| identity["connection_id"].as_str()) {
            Some(connection) if connection != found.connection.id => Err(ApiError::invalid_body(
                format!("The identity does not belong to the connection {connection}"),
            )),
            _ => Ok(found),
        }
    }

    /// Who has this address in a connection.
    pub(crate) async fn by_email(
        store: &dyn Store,
        connection: Document,
        email: &str,
    ) -> Result<Option<Self>, StoreError> {
        let name = connection.body["name"].as_str().unwrap_or_default();
        let Some(user) = users::identified_by(store, name, email).await? else { return Ok(None) };
        let position = profile::identities(&user.body)
            .iter()
            .position(|identity| identity["connection"] == name)
            .unwrap_or_default();
        let found = Self { user, position, connection };
        // A user name or phone number finds its user too, but is not an address.
        let is_address = found.email().is_some_and(|known| known.eq_ignore_ascii_case(email));
        Ok(is_address.then_some(found))
    }

    /// A user's identity by its full id, `auth0|…`; none if it or its connection has gone.
    pub(super) async fn of_identity(
        store: &dyn Store,
        user: Document,
        id: &str,
    ) -> Result<Option<Self>, StoreError> {
        let identities = profile::identities(&user.body);
        match identities.iter().position(|identity| profile::identity_id(identity) == id) {
            Some(position) => Self::at(store, user, position).await,
            None => Ok(None),
        }
    }

    async fn at(
        store: &dyn Store,
        user: Document,
        position: usize,
    ) -> Result<Option<Self>, StoreError> {
        let identity = profile::identities(&user.body).get(position);
        let name =
            identity.and_then(|identity| identity["connection"].as_str()).unwrap_or_default();
        let connection = store.find(connections::KIND, connections::BY_NAME, name).await?;
        Ok(connection.map(|connection| Self { user, position, connection }))
    }

    /// `auth0|…` of the identity; of a primary one this is the user's id.
    pub(crate) fn identity_id(&self) -> String {
        let identity = profile::identities(&self.user.body).get(self.position);
        identity.map_or_else(|| self.user.id.clone(), profile::identity_id)
    }

    /// The identity's address.
    pub(crate) fn email(&self) -> Option<&str> {
        if self.position == 0 {
            return self.user.body["email"].as_str();
        }
        self.user.body["identities"][self.position]["profileData"]["email"].as_str()
    }

    /// Whether the identity belongs to a database.
    pub(crate) fn has_password(&self) -> bool {
        self.connection.body["strategy"] == "auth0"
    }
}
