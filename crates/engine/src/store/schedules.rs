//! What the store keeps of schedules: one row each, and one per occurrence.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::ids::RunId;

/// Where a workflow's schedule stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScheduleRecord {
    pub workflow: String,
    /// The one that was read; the store counts on.
    pub revision: i64,
    /// Fingerprint of the plan; none where the workflow has no schedule any more.
    pub plan: Option<String>,
    /// When this plan was first seen.
    pub anchor: Timestamp,
    /// Everything planned up to here is settled.
    pub watermark: Timestamp,
    /// The next planned instant.
    pub next_at: Option<Timestamp>,
    /// When to look at it again: that instant and its jitter, or at once.
    pub wake_at: Option<Timestamp>,
    pub paused: Option<Paused>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Paused {
    pub at: Timestamp,
    pub by: String,
}

/// A schedule with what waits and what runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    pub schedule: ScheduleRecord,
    /// Oldest first.
    pub queued: Vec<QueuedOccurrence>,
    /// Runs of its occurrences that have not ended.
    pub open: Vec<RunId>,
    pub last_ended: Option<Timestamp>,
}

/// An occurrence that waits for room.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueuedOccurrence {
    pub id: i64,
    pub planned_at: Timestamp,
    pub origin: Origin,
    pub asked_by: Option<String>,
}

/// Why an occurrence is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// Its time came.
    Time,
    /// Somebody wanted a run now.
    Request,
    /// Somebody wanted a window of the past.
    Backfill,
}

/// What became of an occurrence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OccurrenceState {
    Started,
    Queued,
    Skipped,
    /// Another occurrence stands for it.
    Merged,
}

/// An occurrence, or many in a row with the same fate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Occurrence {
    pub id: i64,
    pub workflow: String,
    /// The planned instant: with the workflow's name its key. The first of many.
    pub planned_at: Timestamp,
    /// The last of many.
    pub last_at: Timestamp,
    /// How many; none where nobody counted.
    pub count: Option<u64>,
    pub origin: Origin,
    pub asked_by: Option<String>,
    pub state: OccurrenceState,
    /// Why there is no run, as a sentence.
    pub why: Option<String>,
    pub run: Option<RunId>,
    /// When this was decided.
    pub at: Timestamp,
    pub ended_at: Option<Timestamp>,
}

/// What becomes of one that waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettledOccurrence {
    pub id: i64,
    pub workflow: String,
    pub state: OccurrenceState,
    pub why: Option<String>,
    pub run: Option<RunId>,
    pub at: Timestamp,
}

/// A text that names no origin or state of an occurrence.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is nothing that an occurrence can be")]
pub struct InvalidOccurrence(String);

impl Origin {
    pub fn name(self) -> &'static str {
        match self {
            Self::Time => "time",
            Self::Request => "request",
            Self::Backfill => "backfill",
        }
    }
}

impl FromStr for Origin {
    type Err = InvalidOccurrence;

    fn from_str(text: &str) -> Result<Self, InvalidOccurrence> {
        let all = [Self::Time, Self::Request, Self::Backfill];
        let found = all.into_iter().find(|origin| origin.name() == text);
        found.ok_or_else(|| InvalidOccurrence(text.into()))
    }
}

impl OccurrenceState {
    pub fn name(self) -> &'static str {
        match self {
            Self::Started => "started",
            Self::Queued => "queued",
            Self::Skipped => "skipped",
            Self::Merged => "merged",
        }
    }
}

impl fmt::Display for OccurrenceState {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

impl FromStr for OccurrenceState {
    type Err = InvalidOccurrence;

    fn from_str(text: &str) -> Result<Self, InvalidOccurrence> {
        let all = [Self::Started, Self::Queued, Self::Skipped, Self::Merged];
        let found = all.into_iter().find(|state| state.name() == text);
        found.ok_or_else(|| InvalidOccurrence(text.into()))
    }
}
