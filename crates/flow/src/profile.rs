//! What `document.metadata` says about how a workflow is run: one typed reading, and every mistake in it with its place.
//!
//! The keys are ours, so others may stand beside them. A new key has three places here: its name in [`KEYS`], its
//! field in [`Profile`], its line in `read`.

mod concurrency;
mod priority;
mod read;

use std::collections::BTreeMap;

use jiff::{SignedDuration, tz::TimeZone};

use crate::{document::Definition, problem::Problem};

pub use concurrency::Concurrency;
pub use priority::{InvalidPriority, Priority};

/// Every key that means something here.
pub const KEYS: [&str; 13] = [
    "timezone",
    "missed",
    "missedLimit",
    "overlap",
    "jitter",
    "deadline",
    "concurrency",
    "owner",
    "links",
    "priority",
    // Read by whoever acts on it; named here so that it is not taken for a mistake.
    "window",
    "minutesSaved",
    "minutesSavedSource",
];

/// No more missed occurrences are made up for at once.
pub const MOST_MADE_UP: u64 = 1_000;
/// Unless `missedLimit` says otherwise.
const USUAL_MADE_UP: u64 = 100;

/// How a workflow is run, as its author wants it. What is left out has its usual meaning.
#[derive(Debug, Clone, PartialEq)]
pub struct Profile {
    /// Zone of `schedule.cron`; UTC unless set.
    pub timezone: TimeZone,
    pub missed: Missed,
    /// The usual one depends on the kind of schedule.
    pub overlap: Option<Overlap>,
    /// How many runs at a time.
    pub concurrency: Option<Concurrency>,
    /// Each start is put off by a part of it.
    pub jitter: Option<SignedDuration>,
    /// Too late to begin after that.
    pub deadline: Option<SignedDuration>,
    /// Who answers for it.
    pub owner: Option<String>,
    /// App to the name of the link that stands for it.
    pub links: BTreeMap<String, String>,
    pub priority: Option<Priority>,
    /// What a run saves, by the author's own count.
    pub minutes_saved: Option<f64>,
}

/// What becomes of occurrences that passed while nobody could begin them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Missed {
    Skip,
    /// One run stands for all of them.
    Once,
    /// The latest of them, at most so many.
    All {
        limit: u64,
    },
}

/// What becomes of an occurrence while earlier ones still run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Overlap {
    Skip,
    Queue,
    Parallel,
    CancelRunning,
}

impl Profile {
    /// The profile of a definition; a key that is wrong counts as left out.
    pub fn of(definition: &Definition) -> Self {
        read::read(definition).0
    }
}

/// Every mistake in the keys that are known.
pub fn problems(definition: &Definition) -> Vec<Problem> {
    read::read(definition).1
}

/// Keys that look like a known one and are none, and keys that say nothing of a workflow like this.
pub(crate) fn doubtful(definition: &Definition) -> Vec<Problem> {
    let mut doubts = read::doubtful(definition);
    doubts.extend(read::unheard(definition));
    doubts
}

#[cfg(test)]
mod tests;
