//! Certificates and public keys: what one that a caller sent says, and self-signed ones of our own.
//!
//! Only as much of X.509 as the API shows: subject, expiry, thumbprints, RSA keys.

mod der;
mod read;
mod sign;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

pub(crate) use read::{Certificate, PublicKey, Unreadable};
pub(crate) use sign::{SelfSigned, self_signed};

const LINE: usize = 64;

/// Armoured text with lines of 64 characters, ended as the API ends them.
pub(crate) fn pem(label: &str, bytes: &[u8]) -> String {
    let encoded = STANDARD.encode(bytes);
    let lines: Vec<_> = encoded
        .as_bytes()
        .chunks(LINE)
        .map(|line| String::from_utf8_lossy(line).into_owned())
        .collect();
    format!("-----BEGIN {label}-----\r\n{}\r\n-----END {label}-----\r\n", lines.join("\r\n"))
}

/// The bytes of the first armoured text with this label.
fn bytes_of_pem(label: &str, text: &str) -> Option<Vec<u8>> {
    let (_, rest) = text.split_once(&format!("-----BEGIN {label}-----"))?;
    let (encoded, _) = rest.split_once(&format!("-----END {label}-----"))?;
    let encoded: String = encoded.chars().filter(|character| !character.is_whitespace()).collect();
    STANDARD.decode(encoded).ok()
}
