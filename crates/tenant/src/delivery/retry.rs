//! What follows a failed delivery. Pure.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// Attempts that follow each other closely; then there is a longer pause.
const IN_A_ROW: u32 = 3;
const BETWEEN_ATTEMPTS: SignedDuration = SignedDuration::from_secs(1);
const BETWEEN_CYCLES: SignedDuration = SignedDuration::from_secs(30);
/// A log stream that has failed for so long without a break is suspended.
const PATIENCE: SignedDuration = SignedDuration::from_hours(24 * 7);

/// A log stream that cannot deliver.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Trouble {
    pub(super) since: Timestamp,
    pub(super) attempts: u32,
    pub(super) next_at: Timestamp,
    pub(super) error: String,
}

impl Trouble {
    /// One more failure.
    pub(super) fn after(before: Option<Self>, error: String, now: Timestamp) -> Self {
        let (since, attempts) =
            before.map_or((now, 1), |before| (before.since, before.attempts.saturating_add(1)));
        let pause = match attempts % IN_A_ROW {
            0 => BETWEEN_CYCLES,
            nth => BETWEEN_ATTEMPTS * i32::try_from(nth).unwrap_or(1),
        };
        Self { since, attempts, next_at: now + pause, error }
    }

    /// Whether it has lasted too long.
    pub(super) fn is_hopeless(&self, now: Timestamp) -> bool {
        now.duration_since(self.since) >= PATIENCE
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_attempts_then_a_pause_and_after_a_week_no_more() {
        let mut now: Timestamp = "2026-03-02T08:00:00Z".parse().unwrap();
        let start = now;
        let mut trouble = None;
        let mut pauses = Vec::new();
        for _ in 0..6 {
            let next = Trouble::after(trouble, "down".into(), now);
            pauses.push(next.next_at.duration_since(now).as_secs());
            now = next.next_at;
            trouble = Some(next);
        }
        assert_eq!(pauses, [1, 2, 30, 1, 2, 30]);
        let trouble = trouble.unwrap();
        assert_eq!((trouble.since, trouble.attempts), (start, 6));
        assert!(!trouble.is_hopeless(start + SignedDuration::from_hours(167)));
        assert!(trouble.is_hopeless(start + SignedDuration::from_hours(168)));
    }
}
