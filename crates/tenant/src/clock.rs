//! Time, from a source that is given, and how the API writes it.

use std::sync::Arc;

use jiff::Timestamp;
use jiff::tz::TimeZone;

/// Tells the time. Tests give one that they can move.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// ISO 8601 in UTC with milliseconds: `2023-01-25T19:00:26.187Z`.
pub(crate) fn text(moment: Timestamp) -> String {
    moment.to_zoned(TimeZone::UTC).strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_exactly_milliseconds() {
        for (moment, expected) in [
            ("2023-01-25T19:00:26Z", "2023-01-25T19:00:26.000Z"),
            ("2023-01-25T19:00:26.187999Z", "2023-01-25T19:00:26.187Z"),
        ] {
            assert_eq!(text(moment.parse().unwrap()), expected);
        }
    }
}
