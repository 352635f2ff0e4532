//! Tokens: the tenant's signing key, what is signed with it, and who stands behind a token that comes back.

mod claims;
mod key;
mod key_ring;
mod verify;

pub(crate) use claims::{AccessToken, IdToken};
pub(crate) use key::{SigningKey, sign_with_secret};
pub(crate) use key_ring::KeyRing;
pub(crate) use verify::{Caller, InvalidToken, Verifier, subject_of_id_token};

/// The tokens of this tenant could not be made.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    #[error("cannot generate an RSA key")]
    Generate,
    #[error("the stored signing key is damaged")]
    Damaged,
    #[error("cannot sign a token")]
    Sign(#[from] jsonwebtoken::errors::Error),
}
