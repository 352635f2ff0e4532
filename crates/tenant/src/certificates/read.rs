//! What a certificate or public key says.

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};

use super::bytes_of_pem;
use super::der::{
    BIT_STRING, CONTEXT_0, Element, Elements, INTEGER, OBJECT_ID, SEQUENCE, UTC_TIME,
};

/// Attributes of a name: encoded object id, short name, long name.
const ATTRIBUTES: [(&[u8], &str, &str); 7] = [
    (&[0x55, 4, 3], "CN", "commonName"),
    (&[0x55, 4, 6], "C", "countryName"),
    (&[0x55, 4, 7], "L", "localityName"),
    (&[0x55, 4, 8], "ST", "stateOrProvinceName"),
    (&[0x55, 4, 10], "O", "organizationName"),
    (&[0x55, 4, 11], "OU", "organizationalUnitName"),
    (&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 1], "emailAddress", "emailAddress"),
];

/// The text is no armoured certificate or key of the wanted kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a readable PEM")]
pub(crate) struct Unreadable;

/// The facts of a certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Certificate {
    subject: Vec<(&'static str, &'static str, String)>,
    /// `2049-12-31T23:59:59.000Z`
    pub(crate) expires_at: String,
    /// SHA-1, hexadecimal.
    pub(crate) thumbprint: String,
    /// SHA-256, url-safe base64.
    pub(crate) thumbprint_sha256: String,
}

impl Certificate {
    pub(crate) fn from_pem(text: &str) -> Result<Self, Unreadable> {
        let bytes = bytes_of_pem("CERTIFICATE", text).ok_or(Unreadable)?;
        Self::from_der(&bytes).ok_or(Unreadable)
    }

    fn from_der(bytes: &[u8]) -> Option<Self> {
        let certificate = Elements(bytes).next()?.tagged(SEQUENCE)?;
        let mut fields = certificate.children().next()?.tagged(SEQUENCE)?.children();
        // The version is there only when it is not the first one; the serial number always follows.
        if fields.next()?.tag == CONTEXT_0 {
            fields.next()?;
        }
        let _signature_algorithm = fields.next()?;
        let _issuer = fields.next()?;
        let validity = fields.next()?.tagged(SEQUENCE)?;
        let subject = fields.next()?.tagged(SEQUENCE)?;
        Some(Self {
            subject: subject.children().filter_map(attribute).collect(),
            expires_at: time(validity.children().nth(1)?)?,
            thumbprint: hex::encode(digest(&SHA1_FOR_LEGACY_USE_ONLY, bytes)),
            thumbprint_sha256: URL_SAFE_NO_PAD.encode(digest(&SHA256, bytes)),
        })
    }

    /// Its subject by long names: `{"commonName": "…"}`.
    pub(crate) fn subject(&self) -> Map<String, Value> {
        let named =
            self.subject.iter().map(|(_, long, value)| ((*long).to_owned(), value.as_str().into()));
        named.collect()
    }

    /// Its subject, one attribute a line, by short names.
    pub(crate) fn subject_lines(&self) -> String {
        let lines: Vec<_> =
            self.subject.iter().map(|(short, _, value)| format!("{short}={value}")).collect();
        lines.join("\n")
    }
}

fn attribute(set: Element<'_>) -> Option<(&'static str, &'static str, String)> {
    let mut parts = set.children().next()?.tagged(SEQUENCE)?.children();
    let id = parts.next()?.tagged(OBJECT_ID)?.content;
    let value = String::from_utf8_lossy(parts.next()?.content).into_owned();
    let (_, short, long) = ATTRIBUTES.into_iter().find(|(known, _, _)| *known == id)?;
    Some((short, long, value))
}

/// `090909220543Z` or `20090909220543Z` as the API writes times.
fn time(element: Element<'_>) -> Option<String> {
    let text = std::str::from_utf8(element.content).ok()?.strip_suffix('Z')?;
    if !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let text = if element.tag == UTC_TIME {
        // Two digits from 50 on belong to the last century (RFC 5280, 4.1.2.5.1).
        let century = if text.get(..2)? >= "50" { "19" } else { "20" };
        format!("{century}{text}")
    } else {
        text.to_owned()
    };
    let part = |range: std::ops::Range<usize>| text.get(range);
    Some(format!(
        "{}-{}-{}T{}:{}:{}.000Z",
        part(0..4)?,
        part(4..6)?,
        part(6..8)?,
        part(8..10)?,
        part(10..12)?,
        part(12..14)?
    ))
}

/// The numbers of an RSA public key, without leading zeros.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PublicKey {
    modulus: Vec<u8>,
    exponent: Vec<u8>,
}

impl PublicKey {
    /// Reads an armoured key, or the key of an armoured certificate.
    pub(crate) fn from_pem(text: &str) -> Result<Self, Unreadable> {
        if let Some(bytes) = bytes_of_pem("PUBLIC KEY", text) {
            return Elements(&bytes).next().and_then(Self::from_info).ok_or(Unreadable);
        }
        let bytes = bytes_of_pem("CERTIFICATE", text).ok_or(Unreadable)?;
        Self::from_certificate(&bytes).ok_or(Unreadable)
    }

    fn from_certificate(bytes: &[u8]) -> Option<Self> {
        let certificate = Elements(bytes).next()?.tagged(SEQUENCE)?;
        let mut fields = certificate.children().next()?.tagged(SEQUENCE)?.children();
        // Version, when there is one, serial number, algorithm, issuer, validity, subject; then the key.
        let skipped = if fields.clone().next()?.tag == CONTEXT_0 { 6 } else { 5 };
        fields.nth(skipped).and_then(Self::from_info)
    }

    /// `SubjectPublicKeyInfo`: algorithm, then the key as a bit string.
    fn from_info(info: Element<'_>) -> Option<Self> {
        let bits = info.tagged(SEQUENCE)?.children().nth(1)?.tagged(BIT_STRING)?;
        let (_unused_bits, key) = bits.content.split_first()?;
        let mut numbers = Elements(key).next()?.tagged(SEQUENCE)?.children();
        let mut number = || {
            let bytes = numbers.next()?.tagged(INTEGER)?.content;
            let first = bytes.iter().position(|byte| *byte != 0)?;
            Some(bytes[first..].to_vec())
        };
        Some(Self { modulus: number()?, exponent: number()? })
    }

    /// The key's own thumbprint (RFC 7638), which serves as its id.
    pub(crate) fn thumbprint(&self) -> String {
        let encode = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        let canonical = format!(
            r#"{{"e":"{}","kty":"RSA","n":"{}"}}"#,
            encode(&self.exponent),
            encode(&self.modulus)
        );
        encode(digest(&SHA256, canonical.as_bytes()).as_ref())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_notations_of_time_are_read() {
        for (tag, text, expected) in [
            (UTC_TIME, "100909220543Z", Some("2010-09-09T22:05:43.000Z")),
            (UTC_TIME, "990909220543Z", Some("1999-09-09T22:05:43.000Z")),
            (0x18, "99991231235959Z", Some("9999-12-31T23:59:59.000Z")),
            (UTC_TIME, "soonZ", None),
        ] {
            let element = Element { tag, content: text.as_bytes() };
            assert_eq!(time(element).as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn what_is_no_certificate_is_refused() {
        for text in ["", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----", "x"] {
            assert_eq!(Certificate::from_pem(text), Err(Unreadable), "{text}");
            assert_eq!(PublicKey::from_pem(text), Err(Unreadable), "{text}");
        }
    }
}
