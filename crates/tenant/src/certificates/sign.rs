//! Self-signed certificates for keys that a tenant signs with.

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use aws_lc_rs::encoding::{AsDer as _, PublicKeyX509Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeyPair;
use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_SHA256};

use super::der::{
    BIT_STRING, CONTEXT_0, INTEGER, NULL, OBJECT_ID, SET, UTC_TIME, UTF8, element, sequence,
};
use super::pem;

/// `sha256WithRSAEncryption`
const SHA256_WITH_RSA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 11];
const COMMON_NAME: &[u8] = &[0x55, 4, 3];
/// PKCS #7 `signedData` and `data`
const SIGNED_DATA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 7, 2];
const DATA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 7, 1];

/// The certificate only carries the key, so its dates say nothing; being fixed, they let every start of a tenant show
/// the same certificate.
const NOT_BEFORE: &[u8] = b"200101000000Z";
const NOT_AFTER: &[u8] = b"491231235959Z";
const SERIAL_BYTES: usize = 9;

/// A certificate as the API shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SelfSigned {
    pub(crate) pem: String,
    /// The same certificate in a PKCS #7 container.
    pub(crate) pkcs7: String,
    /// SHA-1, hexadecimal in capitals.
    pub(crate) thumbprint: String,
}

impl SelfSigned {
    /// The thumbprint with colons.
    pub(crate) fn fingerprint(&self) -> String {
        let pairs: Vec<_> = self
            .thumbprint
            .as_bytes()
            .chunks(2)
            .map(|pair| String::from_utf8_lossy(pair).into_owned())
            .collect();
        pairs.join(":")
    }
}

/// A certificate of the key for this name, signed with itself. The same key and name give the same certificate.
pub(crate) fn self_signed(
    pair: &KeyPair,
    name: &str,
) -> Result<SelfSigned, aws_lc_rs::error::Unspecified> {
    let key: PublicKeyX509Der<'_> = pair.public_key().as_der()?;
    let algorithm = sequence(&[&element(OBJECT_ID, SHA256_WITH_RSA), &element(NULL, &[])]);
    let common_name =
        sequence(&[&element(OBJECT_ID, COMMON_NAME), &element(UTF8, name.as_bytes())]);
    let name = sequence(&[&element(SET, &common_name)]);
    let mut serial =
        digest(&SHA1_FOR_LEGACY_USE_ONLY, key.as_ref()).as_ref()[..SERIAL_BYTES].to_vec();
    // A number below 64 in front keeps the serial positive and of one length.
    serial[0] = serial[0] & 0x3f | 0x20;
    let body = sequence(&[
        &element(CONTEXT_0, &element(INTEGER, &[2])),
        &element(INTEGER, &serial),
        &algorithm,
        &name,
        &sequence(&[&element(UTC_TIME, NOT_BEFORE), &element(UTC_TIME, NOT_AFTER)]),
        &name,
        key.as_ref(),
    ]);
    let mut signature = vec![0; pair.public_modulus_len()];
    pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), &body, &mut signature)?;
    signature.insert(0, 0);
    let certificate = sequence(&[&body, &algorithm, &element(BIT_STRING, &signature)]);
    Ok(SelfSigned {
        pem: pem("CERTIFICATE", &certificate),
        pkcs7: pem("PKCS7", &container(&certificate)),
        thumbprint: hex::encode_upper(digest(&SHA1_FOR_LEGACY_USE_ONLY, &certificate)),
    })
}

/// `SignedData` without signers, which is how certificates travel in PKCS #7.
fn container(certificate: &[u8]) -> Vec<u8> {
    let signed = sequence(&[
        &element(INTEGER, &[1]),
        &element(SET, &[]),
        &sequence(&[&element(OBJECT_ID, DATA)]),
        &element(CONTEXT_0, certificate),
        &element(SET, &[]),
    ]);
    sequence(&[&element(OBJECT_ID, SIGNED_DATA), &element(CONTEXT_0, &signed)])
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::rsa::KeySize;

    use super::*;
    use crate::certificates::{Certificate, PublicKey};

    #[test]
    fn what_we_sign_we_can_read() {
        let pair = KeyPair::generate(KeySize::Rsa2048).unwrap();
        let signed = self_signed(&pair, "acme").unwrap();
        assert_eq!(signed, self_signed(&pair, "acme").unwrap(), "the same certificate each time");
        let certificate = Certificate::from_pem(&signed.pem).unwrap();
        assert_eq!(certificate.subject_lines(), "CN=acme");
        assert_eq!(certificate.subject()["commonName"], "acme");
        assert_eq!(certificate.expires_at, "2049-12-31T23:59:59.000Z");
        assert_eq!(certificate.thumbprint.to_uppercase(), signed.thumbprint);
        assert_eq!(PublicKey::from_pem(&signed.pem).unwrap().thumbprint().len(), 43);
        assert_eq!(signed.fingerprint().len(), 59);
    }
}
