//! Engines and stores with a mistake in them: the simulation must notice.

use callboard_engine::store::{Change, Claim, Handover};
use jiff::SignedDuration;

use crate::dice::Dice;
use crate::world::World;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mutation {
    /// Whoever writes is taken for the owner, and told so.
    NoFence,
    /// Leases are over as soon as they are given.
    NoLease,
    /// Now and then the last of several entries is not written.
    ForgetsEntries,
    /// Now and then a run that rests is not woken.
    ForgetsWakes,
    /// Now and then what is said to a run is lost.
    ForgetsSignals,
    /// An event that was seen is taken for a new one.
    NoDeduplication,
    /// An attempt that may have happened is taken for one that did not.
    RepeatsSilently,
    /// What is committed is written down only a little later, and gets lost in a crash.
    AnswersTooEarly,
}

impl Mutation {
    pub(crate) const ALL: [Self; 8] = [
        Self::NoFence,
        Self::NoLease,
        Self::ForgetsEntries,
        Self::ForgetsWakes,
        Self::ForgetsSignals,
        Self::NoDeduplication,
        Self::RepeatsSilently,
        Self::AnswersTooEarly,
    ];
}

impl Mutation {
    /// What the store is told instead.
    pub(crate) fn of_changes(self, world: &World, mut changes: Vec<Change>) -> Vec<Change> {
        let now_and_then = |per_mille| world.throw(|dice| dice.happens(per_mille));
        for change in &mut changes {
            match (self, change) {
                (Self::ForgetsEntries, Change::Advance(advance))
                    if advance.entries.len() > 1 && now_and_then(50) =>
                {
                    advance.entries.pop();
                }
                (Self::ForgetsWakes, Change::Advance(advance)) => {
                    if let Handover::Release { wake_at, .. } = &mut advance.handover
                        && now_and_then(50)
                    {
                        *wake_at = None;
                    }
                }
                (Self::NoDeduplication, Change::StoreEvent(event)) => {
                    event.dedupe_key =
                        format!("{} {}", event.dedupe_key, world.throw(Dice::number));
                }
                _ => {}
            }
        }
        if self == Self::ForgetsSignals {
            changes.retain(|change| {
                !matches!(change, Change::Tell { .. } | Change::Signal { .. }) || !now_and_then(100)
            });
        }
        changes
    }

    pub(crate) fn of_claim(self, mut claim: Claim) -> Claim {
        if self == Self::NoLease {
            claim.lease_now += SignedDuration::from_hours(1);
        }
        claim
    }
}
