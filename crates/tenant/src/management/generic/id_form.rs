//! What ids of a family look like, and the next one.

use jiff::Timestamp;

use crate::pipeline::{ApiError, Context};
use crate::random::Random;
use crate::store::{Kind, Transaction};

/// How a new thing gets its id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::management) enum IdForm {
    /// A prefix and so many letters and digits.
    Prefixed(&'static str, usize),
    /// A prefix and so many letters and digits that cannot be taken for one another.
    Base58(&'static str, usize),
    /// A random UUID.
    Uuid,
    /// A ULID: sorted by time.
    Ulid,
    /// A prefix and a number of so many digits that grows by one.
    Numbered(&'static str, usize),
    /// The caller names it, in the path or in the body.
    Chosen,
}

/// Who was the last in a family that counts.
const SEQUENCE: Kind = Kind("sequence");
const CROCKFORD: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const BASE58: &[u8; 58] = b"123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";

impl IdForm {
    /// The next id, and the change with what has to be kept for the one after it. `chosen` is what the caller named.
    pub(super) async fn next(
        self,
        context: &Context,
        kind: Kind,
        chosen: &str,
        change: Transaction,
    ) -> Result<(String, Transaction), ApiError> {
        let random = context.tenant.random();
        let id = match self {
            Self::Prefixed(prefix, length) => format!("{prefix}{}", random.alphanumeric(length)),
            Self::Base58(prefix, length) => format!("{prefix}{}", base58(random, length)),
            Self::Uuid => uuid(random),
            Self::Ulid => ulid(random, context.now),
            Self::Chosen => chosen.to_owned(),
            Self::Numbered(prefix, digits) => {
                let last = context.store().get(SEQUENCE, kind.0).await?;
                let number = last.as_ref().and_then(|last| last.body.as_u64()).unwrap_or(0) + 1;
                let change = match last {
                    Some(last) => {
                        change.replace(SEQUENCE, kind.0, last.version, number.into(), Vec::new())
                    }
                    None => change.insert(SEQUENCE, kind.0, number.into(), Vec::new()),
                };
                return Ok((format!("{prefix}{number:0digits$}"), change));
            }
        };
        Ok((id, change))
    }
}

fn base58(random: &Random, length: usize) -> String {
    let bytes = random.bytes(length).into_iter();
    bytes.map(|byte| char::from(BASE58[usize::from(byte) % BASE58.len()])).collect()
}

/// A random UUID (version 4).
pub(in crate::management) fn uuid(random: &Random) -> String {
    let mut digits = random.hex(32);
    digits.replace_range(12..13, "4");
    let variant = match digits.as_bytes()[16] {
        b'0'..=b'3' => "8",
        b'4'..=b'7' => "9",
        b'8'..=b'9' | b'a'..=b'b' => "a",
        _ => "b",
    };
    digits.replace_range(16..17, variant);
    let part = |range: std::ops::Range<usize>| digits.get(range).unwrap_or_default();
    [part(0..8), part(8..12), part(12..16), part(16..20), part(20..32)].join("-")
}

/// Milliseconds and randomness in Crockford's base 32.
fn ulid(random: &Random, now: Timestamp) -> String {
    let milliseconds = u64::try_from(now.as_millisecond()).unwrap_or(0);
    let digit = |index: usize| char::from(CROCKFORD[index % 32]);
    let time = (0..10).rev().map(|place| {
        let bits = (milliseconds >> (place * 5)) & 31;
        digit(usize::try_from(bits).unwrap_or(0))
    });
    let rest = random.bytes(16).into_iter().map(|byte| digit(usize::from(byte)));
    time.chain(rest).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[test]
    fn made_ids_have_their_form() {
        let random = Random::new(Arc::new(|bytes| bytes.fill(0xc7)));
        assert_eq!(uuid(&random), "c7c7c7c7-c7c7-47c7-b7c7-c7c7c7c7c7c7");
        let moment = "2023-01-25T17:49:32.656Z".parse().unwrap();
        assert_eq!(ulid(&random, moment), "01GQN0S6KG7777777777777777");
    }
}
