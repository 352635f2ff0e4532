//! Who sent a webhook: signature schemes as data.
//!
//! One description covers BambooHR, Stripe, Slack, Zendesk and Standard Webhooks: which bytes are signed, where
//! timestamp and signatures stand, how they are written, and how the key is.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use http::HeaderMap;
use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;
use subtle::ConstantTimeEq;

use crate::app::fill;

/// How a delivery proves where it comes from.
#[derive(Debug, Clone)]
pub(crate) enum Verification {
    HmacSha256 {
        /// `{body}`, `{timestamp}` and `{header:name}` are filled in: `{timestamp}.{body}`.
        signed: String,
        timestamp: Option<Part>,
        tolerance_seconds: Option<u64>,
        signature: Part,
        encoding: Encoding,
        key: KeyForm,
    },
    /// A header that holds the secret itself.
    SharedSecret(Part),
    /// Nobody checks; only for services that cannot sign.
    None,
    /// The manifest was wrong: nothing passes.
    Impossible,
}

/// A place in a header: the whole, or those of its pieces that begin with `prefix`.
#[derive(Debug, Clone, Default)]
pub(crate) struct Part {
    pub(crate) header: String,
    pub(crate) separator: Option<String>,
    pub(crate) prefix: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Encoding {
    Hex,
    Base64,
}

/// How the key is handed to people: Standard Webhooks writes `whsec_` and base64.
#[derive(Debug, Clone, Default)]
pub(crate) struct KeyForm {
    pub(crate) prefix: String,
    pub(crate) base64: bool,
}

/// Why a delivery is not believed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unverified {
    #[error("the header {0} is missing")]
    MissingHeader(String),
    #[error("the timestamp in {header} is not one")]
    UnreadableTimestamp { header: String },
    #[error(
        "the delivery is {age_seconds} s old, more than the {tolerance_seconds} s that are accepted"
    )]
    Stale { age_seconds: i64, tolerance_seconds: u64 },
    #[error(
        "the delivery is dated {ahead_seconds} s in the future, more than the {tolerance_seconds} s that are accepted; \
         one of the two clocks is wrong"
    )]
    Early { ahead_seconds: u64, tolerance_seconds: u64 },
    #[error("the signature does not fit the body and this link's signing secret")]
    WrongSignature,
    #[error("this link's signing secret is not written as this app writes them")]
    UnreadableSecret,
}

impl Verification {
    pub(crate) fn check(
        &self,
        headers: &HeaderMap,
        body: &[u8],
        secret: &SecretString,
        now: Timestamp,
    ) -> Result<(), Unverified> {
        match self {
            Self::None => Ok(()),
            Self::Impossible => Err(Unverified::WrongSignature),
            Self::SharedSecret(part) => {
                let expected = secret.expose_secret().as_bytes();
                let fits = |found: &String| bool::from(found.as_bytes().ct_eq(expected));
                if part.all(headers)?.iter().any(fits) {
                    Ok(())
                } else {
                    Err(Unverified::WrongSignature)
                }
            }
            Self::HmacSha256 { signed, timestamp, tolerance_seconds, signature, encoding, key } => {
                let timestamp = timestamp
                    .as_ref()
                    .map(|part| part.one(headers).map(|text| (part, text)))
                    .transpose()?;
                if let (Some((part, text)), Some(tolerance)) = (&timestamp, tolerance_seconds) {
                    check_age(&part.header, text, *tolerance, now)?;
                }
                let text = timestamp.as_ref().map(|(_, text)| text.as_str());
                let message = message(signed, headers, body, text)?;
                let mac = mac(&key.bytes(secret)?, &message);
                let fits = |written: &String| {
                    encoding.decode(written).is_some_and(|found| bool::from(found.ct_eq(&mac)))
                };
                if signature.all(headers)?.iter().any(fits) {
                    Ok(())
                } else {
                    Err(Unverified::WrongSignature)
                }
            }
        }
    }
}

fn mac(key: &[u8], message: &[u8]) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
    mac.update(message);
    mac.finalize().into_bytes().to_vec()
}

/// The signed bytes. The body is inserted as bytes, since it need not be text.
fn message(
    signed: &str,
    headers: &HeaderMap,
    body: &[u8],
    timestamp: Option<&str>,
) -> Result<Vec<u8>, Unverified> {
    let find = |name: &str| match name.strip_prefix("header:") {
        Some(header) => {
            headers.get(header).and_then(|value| value.to_str().ok()).map(str::to_owned)
        }
        None if name == "timestamp" => timestamp.map(str::to_owned),
        None => None,
    };
    let mut bytes = Vec::new();
    for (index, piece) in signed.split("{body}").enumerate() {
        if index > 0 {
            bytes.extend_from_slice(body);
        }
        bytes.extend_from_slice(fill(piece, &find).map_err(Unverified::MissingHeader)?.as_bytes());
    }
    Ok(bytes)
}

/// Deliveries from the future are as wrong as old ones.
fn check_age(
    header: &str,
    text: &str,
    tolerance_seconds: u64,
    now: Timestamp,
) -> Result<(), Unverified> {
    let sent = instant(text)
        .ok_or_else(|| Unverified::UnreadableTimestamp { header: header.to_owned() })?;
    let age_seconds = now.duration_since(sent).as_secs();
    match age_seconds.unsigned_abs() {
        within if within <= tolerance_seconds => Ok(()),
        ahead_seconds if age_seconds < 0 => {
            Err(Unverified::Early { ahead_seconds, tolerance_seconds })
        }
        _ => Err(Unverified::Stale { age_seconds, tolerance_seconds }),
    }
}

/// Seconds or milliseconds since 1970, or RFC 3339.
fn instant(text: &str) -> Option<Timestamp> {
    match text.parse::<i64>() {
        Ok(number) if number > 100_000_000_000 => Timestamp::from_millisecond(number).ok(),
        Ok(number) => Timestamp::from_second(number).ok(),
        Err(_) => text.parse().ok(),
    }
}

impl Part {
    fn all(&self, headers: &HeaderMap) -> Result<Vec<String>, Unverified> {
        let missing = || Unverified::MissingHeader(self.header.clone());
        let value = headers
            .get(self.header.as_str())
            .and_then(|value| value.to_str().ok())
            .ok_or_else(missing)?;
        let pieces: Vec<&str> = match &self.separator {
            Some(separator) => value.split(separator.as_str()).map(str::trim).collect(),
            None => vec![value.trim()],
        };
        Ok(pieces
            .into_iter()
            .filter_map(|piece| piece.strip_prefix(&self.prefix))
            .map(str::to_owned)
            .collect())
    }

    fn one(&self, headers: &HeaderMap) -> Result<String, Unverified> {
        self.all(headers)?
            .into_iter()
            .next()
            .ok_or_else(|| Unverified::MissingHeader(self.header.clone()))
    }
}

impl Encoding {
    fn decode(self, written: &str) -> Option<Vec<u8>> {
        match self {
            Self::Hex => hex::decode(written).ok(),
            Self::Base64 => STANDARD.decode(written).ok(),
        }
    }
}

impl KeyForm {
    fn bytes(&self, secret: &SecretString) -> Result<Vec<u8>, Unverified> {
        let text = secret.expose_secret();
        let text = text.strip_prefix(&self.prefix).unwrap_or(text);
        if !self.base64 {
            return Ok(text.as_bytes().to_vec());
        }
        STANDARD.decode(text).map_err(|_| Unverified::UnreadableSecret)
    }
}

#[cfg(test)]
mod tests {
    use http::{HeaderName, HeaderValue};

    use super::*;

    const NOW: &str = "2026-11-24T12:00:00Z";
    const BODY: &[u8] = br#"{"hello":"world"}"#;

    fn part(header: &str, separator: Option<&str>, prefix: &str) -> Part {
        Part {
            header: header.into(),
            separator: separator.map(str::to_owned),
            prefix: prefix.into(),
        }
    }

    fn headers(pairs: &[(&str, String)]) -> HeaderMap {
        let pairs = pairs.iter().map(|(name, value)| {
            (
                HeaderName::from_bytes(name.as_bytes()).unwrap(),
                HeaderValue::from_str(value).unwrap(),
            )
        });
        pairs.collect()
    }

    type Sign<'a> = &'a dyn Fn(&str) -> Vec<u8>;

    struct Scheme {
        name: &'static str,
        verification: Verification,
        secret: &'static str,
        headers: fn(timestamp: i64, sign: Sign<'_>) -> HeaderMap,
    }

    /// The key `secret`, as each scheme writes it, and how each one signs.
    fn schemes() -> Vec<Scheme> {
        let hmac = |signed: &str, timestamp, signature, encoding, key| Verification::HmacSha256 {
            signed: signed.into(),
            timestamp: Some(timestamp),
            tolerance_seconds: Some(300),
            signature,
            encoding,
            key,
        };
        vec![
            Scheme {
                name: "BambooHR",
                verification: hmac(
                    "{body}{timestamp}",
                    part("X-BambooHR-Timestamp", None, ""),
                    part("X-BambooHR-Signature", None, ""),
                    Encoding::Hex,
                    KeyForm::default(),
                ),
                secret: "secret",
                headers: |at, sign| {
                    let signature = hex::encode(sign(&format!("{}{at}", r#"{"hello":"world"}"#)));
                    headers(&[
                        ("x-bamboohr-timestamp", at.to_string()),
                        ("x-bamboohr-signature", signature),
                    ])
                },
            },
            Scheme {
                name: "Stripe",
                verification: hmac(
                    "{timestamp}.{body}",
                    part("Stripe-Signature", Some(","), "t="),
                    part("Stripe-Signature", Some(","), "v1="),
                    Encoding::Hex,
                    KeyForm::default(),
                ),
                secret: "secret",
                headers: |at, sign| {
                    let signature = hex::encode(sign(&format!("{at}.{}", r#"{"hello":"world"}"#)));
                    headers(&[(
                        "stripe-signature",
                        format!("t={at},v1={},v1={signature}", "00".repeat(32)),
                    )])
                },
            },
            Scheme {
                name: "Slack",
                verification: hmac(
                    "v0:{timestamp}:{body}",
                    part("X-Slack-Request-Timestamp", None, ""),
                    part("X-Slack-Signature", None, "v0="),
                    Encoding::Hex,
                    KeyForm::default(),
                ),
                secret: "secret",
                headers: |at, sign| {
                    let signature =
                        hex::encode(sign(&format!("v0:{at}:{}", r#"{"hello":"world"}"#)));
                    headers(&[
                        ("x-slack-request-timestamp", at.to_string()),
                        ("x-slack-signature", format!("v0={signature}")),
                    ])
                },
            },
            Scheme {
                name: "Standard Webhooks",
                verification: hmac(
                    "{header:webhook-id}.{timestamp}.{body}",
                    part("webhook-timestamp", None, ""),
                    part("webhook-signature", Some(" "), "v1,"),
                    Encoding::Base64,
                    KeyForm { prefix: "whsec_".into(), base64: true },
                ),
                secret: "whsec_c2VjcmV0",
                headers: |at, sign| {
                    let signature =
                        STANDARD.encode(sign(&format!("msg_1.{at}.{}", r#"{"hello":"world"}"#)));
                    headers(&[
                        ("webhook-id", "msg_1".into()),
                        ("webhook-timestamp", at.to_string()),
                        ("webhook-signature", format!("v1,AAAA v1,{signature}")),
                    ])
                },
            },
        ]
    }

    fn sign(key: &str) -> impl Fn(&str) -> Vec<u8> {
        let key = key.to_owned();
        move |message| mac(key.as_bytes(), message.as_bytes())
    }

    #[test]
    fn each_scheme_believes_its_own_signature_and_nothing_else() {
        let now: Timestamp = NOW.parse().unwrap();
        let at = now.as_second();
        for scheme in schemes() {
            let check = |headers: &HeaderMap, body: &[u8]| {
                scheme.verification.check(headers, body, &SecretString::from(scheme.secret), now)
            };
            let signed = (scheme.headers)(at, &sign("secret"));
            assert_eq!(check(&signed, BODY), Ok(()), "{}", scheme.name);
            assert_eq!(
                check(&signed, b"{}"),
                Err(Unverified::WrongSignature),
                "{}: another body",
                scheme.name
            );
            let forged = (scheme.headers)(at, &sign("guess"));
            assert_eq!(
                check(&forged, BODY),
                Err(Unverified::WrongSignature),
                "{}: another key",
                scheme.name
            );
            let none = check(&HeaderMap::new(), BODY);
            assert!(matches!(none, Err(Unverified::MissingHeader(_))), "{}: unsigned", scheme.name);
            for shift in [-301, 301] {
                let shifted = check(&(scheme.headers)(at + shift, &sign("secret")), BODY);
                let refused = match &shifted {
                    Err(Unverified::Stale { .. }) => shift < 0,
                    Err(Unverified::Early { .. }) => shift > 0,
                    _ => false,
                };
                assert!(refused, "{}: {shift} s", scheme.name);
            }
        }
    }

    #[test]
    fn a_timestamp_is_read_in_every_usual_form() {
        let expected: Timestamp = NOW.parse().unwrap();
        let seconds = expected.as_second().to_string();
        for text in [seconds.as_str(), &format!("{seconds}000"), NOW, "2026-11-24T13:00:00+01:00"] {
            assert_eq!(instant(text), Some(expected), "{text}");
        }
        assert_eq!(instant("yesterday"), None);
    }

    #[test]
    fn a_shared_secret_must_be_equal() {
        let verification = Verification::SharedSecret(part("authorization", None, "Bearer "));
        let now: Timestamp = NOW.parse().unwrap();
        for (sent, believed) in
            [("Bearer secret", true), ("Bearer secrets", false), ("secret", false)]
        {
            let headers = headers(&[("authorization", sent.into())]);
            let checked = verification.check(&headers, BODY, &SecretString::from("secret"), now);
            assert_eq!(checked.is_ok(), believed, "{sent}");
        }
    }
}
