//! Which application sends a token request, and whether it may use this grant.

use std::sync::Arc;

use axum::body::Body;
use http::Request;
use http::request::Parts;
use jiff::Timestamp;
use serde_json::Value;
use subtle::ConstantTimeEq as _;

use super::OAuthError;
use super::form::Form;
use crate::logs::LogEvent;
use crate::management::clients;
use crate::pipeline::{Exchange, Origin};
use crate::tenants::{Tenant, Tenants};

/// One request to the Authentication API.
pub(super) struct TokenRequest {
    pub(super) tenant: Arc<Tenant>,
    pub(super) origin: Origin,
    pub(super) now: Timestamp,
    pub(super) form: Form,
    pub(super) exchange: Exchange,
}

/// An application that has shown who it is.
#[derive(Debug)]
pub(super) struct Client {
    pub(super) id: String,
    pub(super) document: Value,
}

impl TokenRequest {
    pub(super) async fn read(
        tenants: &Tenants,
        request: Request<Body>,
    ) -> Result<Self, OAuthError> {
        let (parts, body): (Parts, Body) = request.into_parts();
        let tenant = tenants.addressed_by(&parts.headers);
        let origin = Origin::of(&parts.headers, tenants.scheme());
        let form = Form::read(&parts.headers, body).await?;
        let now = tenant.now();
        Ok(Self { tenant, origin, now, form, exchange: Exchange::of(&parts) })
    }

    /// A log event of this request.
    pub(super) fn log_event(&self, kind: &'static str, client: &Client) -> LogEvent {
        LogEvent::new(kind, self.now)
            .at(&self.exchange.ip, &self.exchange.user_agent)
            .by_client(&client.id)
            .with("client_name", client.name())
            .with("hostname", self.origin.host())
    }

    /// The application behind `client_id` and its secret, where it has one to show.
    pub(super) async fn authenticated_client(&self) -> Result<Client, OAuthError> {
        let id = self.form.get("client_id")?;
        let refused = || OAuthError::unauthorized("access_denied", "Unauthorized");
        let found = self.tenant.store().get(clients::KIND, id).await?.ok_or_else(refused)?;
        let client = Client { id: found.id, document: found.body };
        if client.is_public() {
            return Ok(client);
        }
        let given = self.form.find("client_secret").unwrap_or_default();
        let expected = client.document["client_secret"].as_str().unwrap_or_default();
        let matches =
            !expected.is_empty() && bool::from(given.as_bytes().ct_eq(expected.as_bytes()));
        if matches { Ok(client) } else { Err(refused()) }
    }
}

impl Client {
    pub(super) fn name(&self) -> &str {
        self.document["name"].as_str().unwrap_or_default()
    }

    /// Has no secret to prove itself with.
    fn is_public(&self) -> bool {
        self.document["token_endpoint_auth_method"] == "none"
    }

    pub(super) fn require_grant_type(&self, grant: &str) -> Result<(), OAuthError> {
        let allowed =
            self.document["grant_types"].as_array().map(Vec::as_slice).unwrap_or_default();
        if allowed.iter().any(|one| one == grant) {
            return Ok(());
        }
        let description = format!("Grant type '{grant}' not allowed for the client.");
        Err(OAuthError::forbidden("unauthorized_client", description)
            .see("https://auth0.com/docs/clients/client-grant-types"))
    }

    /// A public application cannot act for itself.
    pub(super) fn require_secret(&self) -> Result<(), OAuthError> {
        if self.is_public() {
            Err(OAuthError::unauthorized("access_denied", "Unauthorized"))
        } else {
            Ok(())
        }
    }
}
