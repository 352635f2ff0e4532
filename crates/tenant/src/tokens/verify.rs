//! Who stands behind a bearer token. A signature is checked once; later requests find the token by its hash.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use jiff::Timestamp;
use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, Validation};
use serde::Deserialize;
use sha2::{Digest as _, Sha256};

use super::SigningKey;

/// Remembered tokens; a process that sees more starts afresh.
const REMEMBERED: usize = 10_000;

/// The holder of a valid access token.
#[derive(Debug)]
pub(crate) struct Caller {
    pub(crate) issuer: String,
    /// A user id, or `<client_id>@clients`.
    pub(crate) subject: String,
    pub(crate) audience: Vec<String>,
    pub(crate) client_id: String,
    /// In the order of the token.
    pub(crate) scopes: Vec<String>,
    pub(crate) jti: Option<String>,
    expires_at: i64,
}

impl Caller {
    pub(crate) fn may(&self, scope: &str) -> bool {
        self.scopes.iter().any(|granted| granted == scope)
    }
}

/// Why a bearer token was refused, in the words of the API.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum InvalidToken {
    #[error("Invalid token")]
    Malformed,
    #[error("Invalid signature received for JSON Web Token validation")]
    Signature,
    #[error("Expired token received for JSON Web Token validation")]
    Expired,
}

/// Checks access tokens against the tenant's own keys.
#[derive(Default)]
pub(crate) struct Verifier {
    known: RwLock<HashMap<[u8; 32], Arc<Caller>>>,
}

impl Verifier {
    /// The caller, if the tenant issued this token and it is still valid. Issuer and audience are the caller's to
    /// check, since they depend on the name by which the tenant was addressed.
    pub(crate) fn verify(
        &self,
        key: &SigningKey,
        token: &str,
        now: Timestamp,
    ) -> Result<Arc<Caller>, InvalidToken> {
        let hash: [u8; 32] = Sha256::digest(token.as_bytes()).into();
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner).get(&hash).cloned();
        let caller = match known {
            Some(caller) => caller,
            None => self.remember(hash, decode(key, token)?),
        };
        if caller.expires_at <= now.as_second() {
            return Err(InvalidToken::Expired);
        }
        Ok(caller)
    }

    /// Looks at every token anew; a key has been revoked.
    pub(crate) fn forget(&self) {
        self.known.write().unwrap_or_else(PoisonError::into_inner).clear();
    }

    fn remember(&self, hash: [u8; 32], caller: Caller) -> Arc<Caller> {
        let caller = Arc::new(caller);
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= REMEMBERED {
            known.clear();
        }
        known.insert(hash, Arc::clone(&caller));
        caller
    }
}

/// The user whom an ID token, issued to this client, is about.
pub(crate) fn subject_of_id_token(
    key: &SigningKey,
    token: &str,
    client_id: &str,
    now: Timestamp,
) -> Result<String, InvalidToken> {
    let claims = claims(key, token)?;
    if claims.exp <= now.as_second() {
        return Err(InvalidToken::Expired);
    }
    let is_for_client = claims.aud.into_list().iter().any(|audience| audience == client_id);
    if is_for_client { Ok(claims.sub) } else { Err(InvalidToken::Malformed) }
}

#[derive(Deserialize)]
struct Claims {
    iss: String,
    sub: String,
    aud: Audience,
    exp: i64,
    azp: Option<String>,
    client_id: Option<String>,
    #[serde(default)]
    scope: String,
    jti: Option<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Several(Vec<String>),
}

impl Audience {
    fn into_list(self) -> Vec<String> {
        match self {
            Self::One(audience) => vec![audience],
            Self::Several(audiences) => audiences,
        }
    }
}

fn claims(key: &SigningKey, token: &str) -> Result<Claims, InvalidToken> {
    let mut validation = Validation::new(Algorithm::RS256);
    // Expiry is checked against the tenant's clock, audience against the request's host.
    validation.validate_exp = false;
    validation.validate_aud = false;
    let token = jsonwebtoken::decode::<Claims>(token, &key.verifying, &validation);
    token.map(|token| token.claims).map_err(|error| match error.kind() {
        ErrorKind::InvalidSignature => InvalidToken::Signature,
        _ => InvalidToken::Malformed,
    })
}

fn decode(key: &SigningKey, token: &str) -> Result<Caller, InvalidToken> {
    let claims = claims(key, token)?;
    Ok(Caller {
        client_id: claims.azp.or(claims.client_id).ok_or(InvalidToken::Malformed)?,
        issuer: claims.iss,
        subject: claims.sub,
        audience: claims.aud.into_list(),
        scopes: claims.scope.split_whitespace().map(str::to_owned).collect(),
        jti: claims.jti,
        expires_at: claims.exp,
    })
}
