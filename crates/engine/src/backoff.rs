//! How long a step waits before its next try.

use jiff::{SignedDuration, Timestamp};

const FIRST: SignedDuration = SignedDuration::from_secs(1);
const LONGEST: SignedDuration = SignedDuration::from_mins(5);
/// A service may ask for patience, but not for more than this.
const LONGEST_ASKED: SignedDuration = SignedDuration::from_hours(24);

/// Doubles from one second up to five minutes; never before the instant the service asked for.
pub(crate) fn next_try(now: Timestamp, tries_so_far: u32, asked: Option<Timestamp>) -> Timestamp {
    let wait = 2_i32.checked_pow(tries_so_far).and_then(|factor| FIRST.checked_mul(factor));
    let own = now.saturating_add(wait.unwrap_or(LONGEST).min(LONGEST)).unwrap_or(Timestamp::MAX);
    let latest = now.saturating_add(LONGEST_ASKED).unwrap_or(Timestamp::MAX);
    asked.map_or(own, |asked| own.max(asked.min(latest)))
}

const FIRST_LOOK: SignedDuration = SignedDuration::from_mins(5);
const LONGEST_LOOK: SignedDuration = SignedDuration::from_hours(6);

/// When a step that lacks a permission looks again by itself: doubles from five minutes up to six hours. A person who
/// mends the link need not wait for it.
pub(crate) fn next_look(since: Timestamp, looks_so_far: u32) -> Timestamp {
    let wait = 2_i32.checked_pow(looks_so_far).and_then(|factor| FIRST_LOOK.checked_mul(factor));
    let wait = wait.unwrap_or(LONGEST_LOOK).min(LONGEST_LOOK);
    since.saturating_add(wait).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lacks_a_permission_looks_again_ever_more_rarely() {
        for (looks, minutes) in [(0, 5), (1, 10), (6, 320), (7, 360), (4_000_000_000, 360)] {
            let next = next_look(Timestamp::UNIX_EPOCH, looks);
            assert_eq!(next.as_second(), minutes * 60, "{looks} looks");
        }
    }

    #[test]
    fn the_wait_doubles_up_to_a_cap_and_honours_the_service() {
        let now = Timestamp::UNIX_EPOCH;
        let at = |seconds| Timestamp::from_second(seconds).unwrap();
        for (tries, asked, expected) in [
            (0, None, 1),
            (1, None, 2),
            (8, None, 256),
            (9, None, 300),
            (4_000_000_000, None, 300),
            (0, Some(90), 90),
            (9, Some(90), 300),
            (0, Some(10_000_000), 86_400),
        ] {
            assert_eq!(
                next_try(now, tries, asked.map(at)),
                at(expected),
                "{tries} tries, asked {asked:?}"
            );
        }
    }
}
