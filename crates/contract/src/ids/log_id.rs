//! The id of a log event.

use std::{fmt, str::FromStr};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

const LENGTH: usize = 56;

/// The id of a log event: 56 digits, in which a later event sorts behind an earlier one.
///
/// `900`, the time of indexing as `YYYYMMDDhhmmss` and six digits of microseconds (UTC), and a counter of 33 digits.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct LogId(String);

/// Why a text is not the id of a log event.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not the id of a log event: expected {LENGTH} digits")]
pub struct InvalidLogId(String);

impl LogId {
    /// The id of the event indexed at this time as this one of all.
    pub fn new(indexed_at: Timestamp, counter: u64) -> Self {
        Self(format!("900{}{counter:033}", indexed_at.strftime("%Y%m%d%H%M%S%6f")))
    }

    /// The whole id.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for LogId {
    type Err = InvalidLogId;

    fn from_str(text: &str) -> Result<Self, InvalidLogId> {
        if text.len() == LENGTH && text.bytes().all(|byte| byte.is_ascii_digit()) {
            return Ok(Self(text.to_owned()));
        }
        Err(InvalidLogId(text.to_owned()))
    }
}

impl TryFrom<String> for LogId {
    type Error = InvalidLogId;

    fn try_from(text: String) -> Result<Self, InvalidLogId> {
        text.parse()
    }
}

impl From<LogId> for String {
    fn from(id: LogId) -> Self {
        id.0
    }
}

impl fmt::Display for LogId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_id_tells_its_time_and_sorts_by_it() {
        let at: Timestamp = "2023-03-14T14:47:09.188593Z".parse().unwrap();
        let id = LogId::new(at, 1_223_372_037_868_840_734);
        assert_eq!(id.as_str(), "90020230314144709188593000000000000001223372037868840734");
        assert_eq!(id.as_str().parse(), Ok(id.clone()));
        assert!(id < LogId::new(at, 1_223_372_037_868_840_735));
        assert!(id < LogId::new("2023-03-14T14:47:09.188594Z".parse().unwrap(), 0));
        assert!("900".parse::<LogId>().is_err());
    }
}
