//! The RSA key with which a tenant signs, generated once and kept in its store.

use aws_lc_rs::encoding::{AsDer as _, Pkcs8V1Der};
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::KeyPair as _;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header};
use serde::Serialize;
use serde_json::{Value, json};

use super::TokenError;
use crate::certificates::{SelfSigned, self_signed};
use crate::random::Random;

/// A key pair ready for use.
pub(crate) struct SigningKey {
    kid: String,
    pkcs8: Vec<u8>,
    signing: EncodingKey,
    pub(super) verifying: DecodingKey,
    modulus: String,
    exponent: String,
    certificate: SelfSigned,
}

impl SigningKey {
    pub(crate) fn generate(random: &Random) -> Result<Self, TokenError> {
        let pair = KeyPair::generate(KeySize::Rsa2048).map_err(|_| TokenError::Generate)?;
        let pkcs8: Pkcs8V1Der<'_> = pair.as_der().map_err(|_| TokenError::Generate)?;
        // 21 characters, as real key ids have.
        let kid = random.url_safe(16).chars().take(21).collect();
        Self::from_parts(kid, pkcs8.as_ref().to_vec())
    }

    /// Reads what [`Self::to_document`] wrote.
    pub(crate) fn from_document(document: &Value) -> Result<Self, TokenError> {
        let kid = document["kid"].as_str().ok_or(TokenError::Damaged)?;
        let encoded = document["pkcs8"].as_str().ok_or(TokenError::Damaged)?;
        let pkcs8 = STANDARD.decode(encoded).map_err(|_| TokenError::Damaged)?;
        Self::from_parts(kid.to_owned(), pkcs8)
    }

    pub(crate) fn to_document(&self) -> Value {
        json!({"kid": self.kid, "pkcs8": STANDARD.encode(&self.pkcs8)})
    }

    fn from_parts(kid: String, pkcs8: Vec<u8>) -> Result<Self, TokenError> {
        let pair = KeyPair::from_pkcs8(&pkcs8).map_err(|_| TokenError::Damaged)?;
        let public = pair.public_key();
        let modulus = URL_SAFE_NO_PAD.encode(public.modulus().big_endian_without_leading_zero());
        let exponent = URL_SAFE_NO_PAD.encode(public.exponent().big_endian_without_leading_zero());
        let signing = EncodingKey::from_rsa_pem(pem(&pkcs8).as_bytes())?;
        let verifying = DecodingKey::from_rsa_components(&modulus, &exponent)?;
        let certificate = self_signed(&pair, &kid).map_err(|_| TokenError::Generate)?;
        Ok(Self { kid, pkcs8, signing, verifying, modulus, exponent, certificate })
    }

    pub(crate) fn kid(&self) -> &str {
        &self.kid
    }

    /// The public half in a self-signed certificate.
    pub(crate) fn certificate(&self) -> &SelfSigned {
        &self.certificate
    }

    /// Signs claims with RS256. `kind` is the header's `typ`.
    pub(crate) fn sign(&self, kind: &str, claims: &impl Serialize) -> Result<String, TokenError> {
        let mut header = Header::new(Algorithm::RS256);
        header.typ = Some(kind.to_owned());
        header.kid = Some(self.kid.clone());
        Ok(jsonwebtoken::encode(&header, claims, &self.signing)?)
    }

    /// The public half as `/.well-known/jwks.json` shows it.
    pub(crate) fn jwk(&self) -> Value {
        json!({
            "kty": "RSA", "use": "sig", "n": self.modulus, "e": self.exponent, "kid": self.kid, "alg": "RS256",
        })
    }
}

/// Signs claims with HS256, for applications that verify with their secret.
pub(crate) fn sign_with_secret(
    secret: &str,
    claims: &impl Serialize,
) -> Result<String, TokenError> {
    let key = EncodingKey::from_secret(secret.as_bytes());
    Ok(jsonwebtoken::encode(&Header::new(Algorithm::HS256), claims, &key)?)
}

fn pem(pkcs8: &[u8]) -> String {
    format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", STANDARD.encode(pkcs8))
}
