//! Identifiers of runs, events and keys: time-ordered, so that newest first is an index scan.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::time::Random;

/// One execution of a workflow. Example: `run_06b8r6w3k2yv4n9q8h5d7c1m0e`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RunId(String);

/// A text that is not the id of a run.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not the id of a run: they look like `run_` and 26 letters and digits")]
pub struct InvalidRunId(String);

const PREFIX: &str = "run_";
const LENGTH: usize = 26;
/// Crockford's alphabet: sorted by byte value, no letter that reads like a digit.
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

impl RunId {
    /// A new id: 48 bits of milliseconds, then 80 random bits.
    pub fn generate(now: Timestamp, random: &Random) -> Self {
        Self(format!("{PREFIX}{}", time_ordered(now, random)))
    }

    /// The id of a run that another one begins: the same for the same step of the same run.
    pub(crate) fn derived(now: Timestamp, from: &str) -> Self {
        let hash = Sha256::digest(from.as_bytes());
        let random: Random = Arc::new(move |buffer| buffer.copy_from_slice(&hash[..buffer.len()]));
        Self::generate(now, &random)
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// 26 characters that sort by time of making.
pub(crate) fn time_ordered(now: Timestamp, random: &Random) -> String {
    let mut bytes = [0; 16];
    random(&mut bytes[6..]);
    let milliseconds = u64::try_from(now.as_millisecond()).unwrap_or_default();
    bytes[..6].copy_from_slice(&milliseconds.to_be_bytes()[2..]);
    let number = u128::from_be_bytes(bytes);
    (0..LENGTH)
        .rev()
        .map(|place| char::from(ALPHABET[(number >> (5 * place)) as usize & 31]))
        .collect()
}

impl FromStr for RunId {
    type Err = InvalidRunId;

    fn from_str(text: &str) -> Result<Self, InvalidRunId> {
        match text.strip_prefix(PREFIX) {
            Some(rest)
                if rest.len() == LENGTH && rest.bytes().all(|byte| ALPHABET.contains(&byte)) =>
            {
                Ok(Self(text.into()))
            }
            _ => Err(InvalidRunId(text.into())),
        }
    }
}

impl TryFrom<String> for RunId {
    type Error = InvalidRunId;

    fn try_from(text: String) -> Result<Self, InvalidRunId> {
        text.parse()
    }
}

impl From<RunId> for String {
    fn from(id: RunId) -> Self {
        id.0
    }
}

impl fmt::Display for RunId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_later_id_sorts_after_an_earlier_one_and_reads_back() {
        let random: Random = Arc::new(|buffer| buffer.fill(0xff));
        let mut earlier = RunId::generate(Timestamp::UNIX_EPOCH, &random);
        for milliseconds in [1, 2, 31, 32, 1_000_000_000_000, 1_800_000_000_000] {
            let later =
                RunId::generate(Timestamp::from_millisecond(milliseconds).unwrap(), &random);
            assert!(earlier < later, "{earlier} before {later}");
            assert_eq!(later.as_str().parse::<RunId>().unwrap(), later);
            earlier = later;
        }
    }

    #[test]
    fn what_is_not_an_id_is_refused() {
        for text in [
            "",
            "run_",
            "run_short",
            "job_06b8r6w3k2yv4n9q8h5d7c1m0e",
            "run_06b8r6w3k2yv4n9q8h5d7c1m0U",
        ] {
            assert!(text.parse::<RunId>().is_err(), "{text}");
        }
    }
}
