//! What our own access token says about itself. Nothing is verified here: the tenant does that with every call.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use serde::Deserialize;

/// The claims that matter to the holder.
#[derive(Debug, Default, PartialEq, Deserialize)]
pub(crate) struct Claims {
    pub(crate) sub: Option<String>,
    pub(crate) exp: Option<i64>,
    scope: Option<String>,
    permissions: Option<Vec<String>>,
    azp: Option<String>,
    client_id: Option<String>,
}

impl Claims {
    /// The claims of a JWT; an opaque token has none.
    pub(crate) fn read(token: &str) -> Option<Self> {
        let payload = token.split('.').nth(1)?;
        let bytes = URL_SAFE_NO_PAD.decode(payload.trim_end_matches('=')).ok()?;
        serde_json::from_slice(&bytes).ok()
    }

    pub(crate) fn expires_at(&self) -> Option<Timestamp> {
        Timestamp::from_second(self.exp?).ok()
    }

    /// The scopes, from `scope` or from `permissions`. A JWT with neither has none.
    pub(crate) fn scopes(&self) -> Vec<String> {
        match (&self.scope, &self.permissions) {
            (Some(scope), _) => split_scopes(scope),
            (None, Some(permissions)) => permissions.clone(),
            (None, None) => Vec::new(),
        }
    }

    /// The application the token was issued to.
    pub(crate) fn client(&self) -> Option<String> {
        let from_subject =
            || self.sub.as_deref().and_then(|sub| sub.strip_suffix("@clients")).map(str::to_owned);
        self.azp.clone().or_else(|| self.client_id.clone()).or_else(from_subject)
    }
}

/// `"a b"` as `["a", "b"]`.
pub(crate) fn split_scopes(scope: &str) -> Vec<String> {
    scope.split_whitespace().map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_tells_who_it_is_until_when_and_what_for() {
        for (payload, client, scopes) in [
            (
                r#"{"sub":"c1@clients","exp":60,"scope":"read:users read:roles","azp":"c2"}"#,
                Some("c2"),
                2,
            ),
            (r#"{"sub":"c1@clients","exp":60}"#, Some("c1"), 0),
            (r#"{"sub":"auth0|1","exp":60,"permissions":["read:users"]}"#, None, 1),
        ] {
            let token = format!("e30.{}.sig", URL_SAFE_NO_PAD.encode(payload));
            let claims = Claims::read(&token).unwrap();
            assert_eq!(
                (claims.client().as_deref(), claims.scopes().len()),
                (client, scopes),
                "{payload}"
            );
            assert_eq!(claims.expires_at(), Timestamp::from_second(60).ok(), "{payload}");
        }
    }

    #[test]
    fn an_opaque_token_tells_nothing() {
        for token in ["", "opaque", "a.b.c", "a.!.c", "a.bnVsbA.c"] {
            assert_eq!(Claims::read(token), None, "{token}");
        }
    }
}
