//! Encryption at rest: one key, XChaCha20-Poly1305, a random nonce for every sealed text.
//!
//! What is sealed is bound to a context (a link's name, a run's id): moved elsewhere it does not open.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chacha20poly1305::aead::{Aead as _, Payload};
use chacha20poly1305::{Key, XChaCha20Poly1305, XNonce};
use hmac::{Hmac, KeyInit as _, Mac as _};
use secrecy::{ExposeSecret as _, SecretString};
use sha2::Sha256;

use crate::private_file;
use crate::time::Random;

/// Seals and opens texts with the installation's key. Prints nothing of it.
#[derive(Clone)]
pub(crate) struct Vault {
    cipher: XChaCha20Poly1305,
    fingerprints: Hmac<Sha256>,
    random: Random,
}

/// Where the key comes from.
#[derive(Debug, Clone)]
pub enum KeySource {
    /// A file with 64 hex digits, made with mode 0600 where it is not there.
    File(PathBuf),
    /// 64 hex digits, handed in by the owner.
    Given(SecretString),
}

/// Why the key cannot be had or a sealed text does not open.
#[derive(Debug, thiserror::Error)]
pub enum VaultError {
    #[error("the key file {path} cannot be {tried}")]
    File { path: PathBuf, tried: &'static str, source: io::Error },
    #[error(
        "the key that seals credentials must be 64 hex digits ({found}); make one with `openssl rand -hex 32`"
    )]
    NotAKey { found: String },
    #[error(
        "the sealed {what} does not open: it was sealed with another key, or belongs elsewhere"
    )]
    DoesNotOpen { what: String },
}

const KEY_BYTES: usize = 32;
const NONCE_BYTES: usize = 24;
/// Fingerprints have a key of their own, made of the installation's.
const FINGERPRINTS: &[u8] = b"callboard fingerprints v1";

impl Vault {
    pub(crate) fn open(source: &KeySource, random: Random) -> Result<Self, VaultError> {
        let key = match source {
            KeySource::Given(text) => parse(text.expose_secret(), "the given key")?,
            KeySource::File(path) => read_or_make(path, &random)?,
        };
        let fingerprints = keyed(&keyed(&key).chain_update(FINGERPRINTS).finalize().into_bytes());
        Ok(Self { cipher: XChaCha20Poly1305::new(&Key::from(key)), fingerprints, random })
    }

    /// Seals `plain`; the answer is URL-safe base64 without padding.
    pub(crate) fn seal(&self, context: &str, plain: &str) -> String {
        let mut nonce = [0; NONCE_BYTES];
        (self.random)(&mut nonce);
        let payload = Payload { msg: plain.as_bytes(), aad: context.as_bytes() };
        let sealed = self
            .cipher
            .encrypt(&XNonce::from(nonce), payload)
            .expect("a text in memory is short enough");
        URL_SAFE_NO_PAD.encode([nonce.as_slice(), &sealed].concat())
    }

    /// The same for the same text: tells whether two secrets are alike, and nothing about them without the key.
    pub(crate) fn fingerprint(&self, plain: &str) -> String {
        let mac = self.fingerprints.clone().chain_update(plain.as_bytes());
        hex::encode(mac.finalize().into_bytes())
    }

    /// Opens what `seal` made in the same context.
    pub(crate) fn open_sealed(
        &self,
        context: &str,
        sealed: &str,
    ) -> Result<SecretString, VaultError> {
        let closed = || VaultError::DoesNotOpen { what: context.into() };
        let bytes = URL_SAFE_NO_PAD.decode(sealed).map_err(|_| closed())?;
        let (nonce, text) = bytes.split_first_chunk::<NONCE_BYTES>().ok_or_else(closed)?;
        let payload = Payload { msg: text, aad: context.as_bytes() };
        let plain = self.cipher.decrypt(&XNonce::from(*nonce), payload).map_err(|_| closed())?;
        String::from_utf8(plain).map(SecretString::from).map_err(|_| closed())
    }
}

impl std::fmt::Debug for Vault {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Vault")
    }
}

fn keyed(key: &[u8]) -> Hmac<Sha256> {
    Hmac::new_from_slice(key).expect("HMAC takes keys of any length")
}

fn parse(text: &str, place: &str) -> Result<[u8; KEY_BYTES], VaultError> {
    let mut key = [0; KEY_BYTES];
    let text = text.trim();
    hex::decode_to_slice(text, &mut key).map_err(|_| VaultError::NotAKey {
        found: format!("{place} has {} characters", text.chars().count()),
    })?;
    Ok(key)
}

fn read_or_make(path: &Path, random: &Random) -> Result<[u8; KEY_BYTES], VaultError> {
    let failed = |tried| move |source| VaultError::File { path: path.into(), tried, source };
    match fs::read_to_string(path) {
        Ok(text) => parse(&text, &path.display().to_string()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let mut key = [0; KEY_BYTES];
            random(&mut key);
            private_file::write(path, format!("{}\n", hex::encode(key)).as_bytes())
                .map_err(failed("made"))?;
            Ok(key)
        }
        Err(error) => Err(failed("read")(error)),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU8, Ordering};

    use super::*;

    fn random() -> Random {
        let next = AtomicU8::new(1);
        Arc::new(move |buffer| buffer.fill_with(|| next.fetch_add(1, Ordering::Relaxed)))
    }

    fn given(byte: u8) -> Vault {
        Vault::open(&KeySource::Given(hex::encode([byte; 32]).into()), random()).unwrap()
    }

    #[test]
    fn what_was_sealed_opens_only_in_its_context_and_with_its_key() {
        let vault = given(7);
        let sealed = vault.seal("link crm", "s3cret");
        assert!(!sealed.contains("s3cret"));
        assert_eq!(vault.open_sealed("link crm", &sealed).unwrap().expose_secret(), "s3cret");
        assert!(vault.open_sealed("link hr", &sealed).is_err(), "another context");
        assert!(given(8).open_sealed("link crm", &sealed).is_err(), "another key");
        assert!(vault.open_sealed("link crm", &format!("{sealed}A")).is_err(), "tampered with");
        assert_ne!(sealed, vault.seal("link crm", "s3cret"), "never the same nonce");
    }

    #[test]
    fn a_fingerprint_is_the_same_for_the_same_secret_and_key_only() {
        let found = given(7).fingerprint("s3cret");
        assert_eq!(found, given(7).fingerprint("s3cret"));
        assert_ne!(found, given(7).fingerprint("s3cred"));
        assert_ne!(found, given(8).fingerprint("s3cret"));
    }

    #[test]
    fn the_key_file_is_made_once_and_private() {
        let folder = tempfile::tempdir().unwrap();
        let source = KeySource::File(folder.path().join("secrets.key"));
        let sealed = Vault::open(&source, random()).unwrap().seal("x", "kept");
        let opened = Vault::open(&source, random()).unwrap().open_sealed("x", &sealed).unwrap();
        assert_eq!(opened.expose_secret(), "kept");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let mode =
                fs::metadata(folder.path().join("secrets.key")).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
    }

    #[test]
    fn a_key_of_the_wrong_shape_is_refused_without_being_shown() {
        for text in ["", "abc", "zz", &"g".repeat(64), &"a".repeat(66)] {
            let error = Vault::open(&KeySource::Given(text.to_string().into()), random())
                .unwrap_err()
                .to_string();
            assert!(error.contains("64 hex digits"), "{error}");
            assert!(text.is_empty() || !error.contains(&format!("`{text}`")), "{error}");
        }
    }
}
