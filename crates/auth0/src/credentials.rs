//! Who the client is, and why a tenant gives it no token.

use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

/// How the client proves who it is.
#[derive(Debug, Clone)]
pub enum Credentials {
    /// An access token made elsewhere; it cannot be renewed.
    Token(SecretString),
    /// A machine-to-machine application, which fetches its own tokens.
    ClientCredentials {
        /// The application's client id.
        client_id: String,
        /// Its client secret.
        client_secret: SecretString,
    },
}

impl PartialEq for Credentials {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Token(a), Self::Token(b)) => a.expose_secret() == b.expose_secret(),
            (
                Self::ClientCredentials { client_id: a, client_secret: x },
                Self::ClientCredentials { client_id: b, client_secret: y },
            ) => a == b && x.expose_secret() == y.expose_secret(),
            _ => false,
        }
    }
}

/// Why the token endpoint refused. Each message ends with the remedy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CredentialsError {
    /// Auth0 does not tell a wrong secret from an unknown client.
    #[error(
        "the client id `{client_id}` or its secret is wrong; copy both again from the application's settings"
    )]
    WrongClientOrSecret {
        /// The client id that was sent.
        client_id: String,
    },
    /// The application has no grant for the Management API.
    #[error(
        "the application `{client_id}` has no grant for {audience}; authorize it for the Management API and choose its scopes"
    )]
    MissingGrant {
        /// The client id that was sent.
        client_id: String,
        /// The audience that was asked for.
        audience: String,
    },
    /// The audience is no API of this tenant; usually a custom domain or a missing slash at the end.
    #[error(
        "the tenant has no API {audience}; the audience is https://<canonical tenant domain>/api/v2/, with the slash at the end"
    )]
    WrongAudience {
        /// The audience that was asked for.
        audience: String,
    },
    /// The application may not use client credentials.
    #[error(
        "the application `{client_id}` may not use client credentials; add the grant type `client_credentials` to it"
    )]
    GrantTypeNotAllowed {
        /// The client id that was sent.
        client_id: String,
    },
    /// Another refusal of the token endpoint.
    #[error(
        "the token endpoint refused ({status} {error}): {description}; check the link's domain, client and audience"
    )]
    Refused {
        /// The HTTP status.
        status: u16,
        /// The OAuth error code.
        error: String,
        /// The tenant's sentence.
        description: String,
    },
}

impl CredentialsError {
    /// What is wrong, and what to do about it, apart.
    pub fn parts(&self) -> (String, String) {
        let text = self.to_string();
        let parts = text.rsplit_once("; ");
        let (what, remedy) = parts.unwrap_or((&text, ""));
        (what.to_owned(), remedy.to_owned())
    }

    /// Reads a refusal of `POST /oauth/token`.
    pub(crate) fn classify(status: u16, body: &Value, client_id: &str, audience: &str) -> Self {
        let text = |key: &str| body.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
        let (error, description) = (text("error"), text("error_description"));
        let client_id = client_id.to_owned();
        let audience = audience.to_owned();
        match (status, error.as_str()) {
            (401, "access_denied" | "invalid_client" | "unauthorized") => {
                Self::WrongClientOrSecret { client_id }
            }
            (_, "unauthorized_client") => Self::GrantTypeNotAllowed { client_id },
            (403, "access_denied")
                if description.starts_with("Service not enabled within domain") =>
            {
                Self::WrongAudience { audience }
            }
            (403, "access_denied") if description.contains("is not authorized to access") => {
                Self::MissingGrant { client_id, audience }
            }
            _ => Self::Refused { status, error, description },
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn refusals_of_the_token_endpoint_name_the_remedy() {
        for (status, error, description, expected) in [
            (401, "access_denied", "Unauthorized", "copy both again"),
            (401, "invalid_client", "Client authentication failed", "copy both again"),
            (
                403,
                "access_denied",
                "Service not enabled within domain: https://x/api/v2",
                "with the slash at the end",
            ),
            (
                403,
                "access_denied",
                "Client is not authorized to access \"https://x/api/v2/\". You",
                "authorize it for",
            ),
            (
                403,
                "access_denied",
                "Client \"c\" is not authorized to access resource server \"r\".",
                "authorize it for",
            ),
            (
                403,
                "unauthorized_client",
                "Grant type 'client_credentials' not allowed for the client.",
                "add the grant type",
            ),
            (400, "invalid_request", "No", "(400 invalid_request): No;"),
        ] {
            let body = json!({"error": error, "error_description": description});
            let message =
                CredentialsError::classify(status, &body, "c", "https://x/api/v2/").to_string();
            assert!(message.contains(expected), "{status} {error} {description}: {message}");
        }
    }

    #[test]
    fn credentials_print_no_secret() {
        let credentials =
            Credentials::ClientCredentials { client_id: "c".into(), client_secret: "hush".into() };
        assert!(
            !format!("{credentials:?} {:?}", Credentials::Token("hush".into())).contains("hush")
        );
    }
}
