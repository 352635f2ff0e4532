//! Ids of log entries: time of indexing, then a counter, so that their order is the order of commit.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use rusqlite::{Connection, OptionalExtension as _};

use crate::store::StoreError;

/// Where the counter of a new tenant starts; the size that real ids have.
const FIRST_COUNT: u64 = 1_223_372_036_854_775_808;

/// The id of the newest entry.
pub(super) fn newest(connection: &Connection) -> Result<Option<String>, StoreError> {
    let sql = "SELECT id FROM log_entry ORDER BY id DESC LIMIT 1";
    Ok(connection.query_row(sql, [], |row| row.get(0)).optional()?)
}

/// Gives out ids that only ever grow, even when the clock is set back.
#[derive(Debug)]
pub(super) struct LogIds {
    stamp: String,
    count: u64,
}

impl LogIds {
    /// Goes on after the newest entry.
    pub(super) fn resume(connection: &Connection) -> Result<Self, StoreError> {
        Ok(newest(connection)?
            .as_deref()
            .and_then(Self::after)
            .unwrap_or(Self { stamp: String::new(), count: FIRST_COUNT }))
    }

    fn after(newest: &str) -> Option<Self> {
        let stamp = newest.get(3..23)?.to_owned();
        let count = newest.get(23..)?.parse::<u64>().ok()?;
        Some(Self { stamp, count })
    }

    pub(super) fn next(&mut self, now: Timestamp) -> String {
        let stamp = now.to_zoned(TimeZone::UTC).strftime("%Y%m%d%H%M%S%6f").to_string();
        if stamp > self.stamp {
            self.stamp = stamp;
        }
        self.count += 1;
        format!("900{}{:033}", self.stamp, self.count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn an_id_shows_the_moment_and_is_56_digits_long() {
        let mut ids = LogIds { stamp: String::new(), count: FIRST_COUNT };
        let id = ids.next(at("2023-03-14T14:47:09.188593Z"));
        assert!(id.starts_with("90020230314144709188593"), "{id}");
        assert_eq!(id.len(), 56);
    }

    #[test]
    fn ids_grow_even_when_the_clock_goes_back() {
        let mut ids = LogIds { stamp: String::new(), count: FIRST_COUNT };
        let first = ids.next(at("2026-01-01T00:00:01Z"));
        let second = ids.next(at("2025-01-01T00:00:00Z"));
        let resumed = LogIds::after(&second).unwrap().next(at("2024-01-01T00:00:00Z"));
        assert!(first < second && second < resumed, "{first} {second} {resumed}");
    }
}
