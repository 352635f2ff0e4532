//! Random text, from a source that is given.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// Fills a buffer with random bytes. Tests give a seeded one.
pub type Rng = Arc<dyn Fn(&mut [u8]) + Send + Sync>;

const ALPHANUMERIC: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

/// The forms of random text that a tenant hands out.
#[derive(Clone)]
pub(crate) struct Random(Rng);

impl Random {
    pub(crate) fn new(rng: Rng) -> Self {
        Self(rng)
    }

    /// `length` lower-case hexadecimal digits; `length` is even.
    pub(crate) fn hex(&self, length: usize) -> String {
        hex::encode(self.bytes(length / 2))
    }

    /// `length` letters and digits, each equally likely.
    pub(crate) fn alphanumeric(&self, length: usize) -> String {
        let mut text = String::with_capacity(length);
        while text.len() < length {
            let wanted = length - text.len();
            // 248 is the largest multiple of 62 below 256; what is above would favour some characters.
            let usable = self.bytes(wanted + 8).into_iter().filter(|byte| *byte < 248).take(wanted);
            text.extend(usable.map(|byte| char::from(ALPHANUMERIC[usize::from(byte % 62)])));
        }
        text
    }

    /// Url-safe base64 of so many random bytes.
    pub(crate) fn url_safe(&self, bytes: usize) -> String {
        URL_SAFE_NO_PAD.encode(self.bytes(bytes))
    }

    pub(crate) fn bytes(&self, count: usize) -> Vec<u8> {
        let mut bytes = vec![0; count];
        (self.0)(&mut bytes);
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_have_the_length_and_alphabet_asked_for() {
        let random = Random::new(Arc::new(|buffer| {
            for (index, byte) in buffer.iter_mut().enumerate() {
                *byte = u8::try_from(index * 37 % 256).unwrap();
            }
        }));
        for length in [16, 22, 32] {
            let text = random.alphanumeric(length);
            assert_eq!(text.len(), length);
            assert!(text.chars().all(|character| character.is_ascii_alphanumeric()), "{text}");
        }
        assert_eq!(random.hex(24).len(), 24);
        assert_eq!(random.url_safe(48).len(), 64);
    }
}
