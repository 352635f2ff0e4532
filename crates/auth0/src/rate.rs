//! What a tenant says about its rate limits, and when to come back after a refusal.

use std::time::Duration;

use http::HeaderMap;
use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimeParser;

/// No tenant counts in windows longer than this, so a later moment is a mistake.
const LONGEST: Duration = Duration::from_hours(24);

/// The state of a rate bucket, as the `x-ratelimit-*` headers of one answer told it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateState {
    /// The size of the bucket.
    pub limit: u32,
    /// What is left in it.
    pub remaining: u32,
    /// When something is next added to it (not when it is full again).
    pub reset_at: Option<Timestamp>,
}

impl RateState {
    pub(crate) fn from_headers(headers: &HeaderMap) -> Option<Self> {
        Some(Self {
            limit: number(headers, "x-ratelimit-limit")?,
            remaining: number::<i64>(headers, "x-ratelimit-remaining")?.max(0).try_into().ok()?,
            reset_at: reset(headers),
        })
    }
}

/// When a refused call may be tried again: `retry-after` (seconds or an HTTP date), else `x-ratelimit-reset`, else
/// after `fallback`. A moment that is not in the future does not count.
pub(crate) fn retry_at(headers: &HeaderMap, now: Timestamp, fallback: Duration) -> Timestamp {
    let latest = after(now, LONGEST);
    let told = [retry_after(headers, now), reset(headers)];
    told.into_iter()
        .flatten()
        .find(|at| *at > now)
        .unwrap_or_else(|| after(now, fallback))
        .min(latest)
}

/// `now` and a while, or the end of time.
pub(crate) fn after(now: Timestamp, wait: Duration) -> Timestamp {
    now.checked_add(wait).unwrap_or(Timestamp::MAX)
}

fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<Timestamp> {
    if let Some(seconds) = number(headers, "retry-after") {
        return Some(after(now, Duration::from_secs(seconds)));
    }
    let text = headers.get("retry-after")?.to_str().ok()?;
    DateTimeParser::new().parse_timestamp(text).ok()
}

fn reset(headers: &HeaderMap) -> Option<Timestamp> {
    Timestamp::from_second(number(headers, "x-ratelimit-reset")?).ok()
}

fn number<T: std::str::FromStr>(headers: &HeaderMap, name: &str) -> Option<T> {
    headers.get(name)?.to_str().ok()?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
    }

    #[test]
    fn the_next_try_follows_the_best_header() {
        let now: Timestamp = "2026-11-24T12:00:00Z".parse().unwrap(); // 1_795_521_600
        for (given, expected) in [
            (
                &[("retry-after", "7"), ("x-ratelimit-reset", "1795521630")][..],
                "2026-11-24T12:00:07Z",
            ),
            (&[("retry-after", "Tue, 24 Nov 2026 12:01:00 GMT")][..], "2026-11-24T12:01:00Z"),
            (&[("x-ratelimit-reset", "1795521630")][..], "2026-11-24T12:00:30Z"),
            (
                &[("retry-after", "0"), ("x-ratelimit-reset", "1795521630")][..],
                "2026-11-24T12:00:30Z",
            ),
            (
                &[("retry-after", "soon"), ("x-ratelimit-reset", "1795521599")][..],
                "2026-11-24T12:00:02Z",
            ),
            (&[("retry-after", "99999999999")][..], "2026-11-25T12:00:00Z"),
            (&[][..], "2026-11-24T12:00:02Z"),
        ] {
            let at = retry_at(&headers(given), now, Duration::from_secs(2));
            assert_eq!(at.to_string(), expected, "{given:?}");
        }
    }

    #[test]
    fn a_bucket_is_known_only_from_limit_and_remaining() {
        let full = [
            ("x-ratelimit-limit", "10"),
            ("x-ratelimit-remaining", "-1"),
            ("x-ratelimit-reset", "5"),
        ];
        let state = RateState::from_headers(&headers(&full)).unwrap();
        assert_eq!(
            (state.limit, state.remaining, state.reset_at),
            (10, 0, Timestamp::from_second(5).ok())
        );
        assert_eq!(RateState::from_headers(&headers(&full[1..])), None);
    }
}
