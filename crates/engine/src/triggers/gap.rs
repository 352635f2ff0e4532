//! What was lost for good: the tenant's retention overtook the checkpoint while nobody read.

use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use super::follower::Follower;
use super::place::{Gap, Place};
use crate::store::Change;

/// No plan keeps its log for less.
pub(super) const SHORTEST_RETENTION: SignedDuration = SignedDuration::from_hours(24);

/// Whether entries may have come and gone since the place was read last.
pub(super) fn may_have_lost(place: &Place, now: Timestamp) -> bool {
    place.read_at.is_some_and(|read_at| now.duration_since(read_at) >= SHORTEST_RETENTION)
}

/// The gap before the oldest entry that is kept; none where that is older than the last reading.
pub(super) fn before(
    place: &Place,
    oldest: Option<Timestamp>,
    now: Timestamp,
    why: &str,
) -> Option<Gap> {
    let after = place.read_at.or(place.position_at);
    let is_complete = after.zip(oldest).is_some_and(|(after, oldest)| oldest <= after);
    let why = why.to_owned();
    (!is_complete).then_some(Gap { noticed_at: now, after, until: oldest, why })
}

impl Follower {
    /// Says it: to workflows, to the log, and to whoever looks at the triggers.
    pub(super) fn alarm(&self, place: &mut Place, gap: Gap) -> Change {
        let (link, trigger) = (&self.link.name, &self.trigger);
        tracing::error!(link, trigger = trigger.name, "events were lost: {}", gap.why);
        let id = format!("gap/{}/{}", self.key, gap.noticed_at);
        let data = json!({
            "app": trigger.app,
            "trigger": trigger.name,
            "link": link,
            "after": gap.after,
            "until": gap.until,
            "why": gap.why,
        });
        place.gap = Some(gap);
        self.shared.announce("gap", &id, &format!("link/{link}"), &data)
    }
}
