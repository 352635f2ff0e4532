//! Schedules.

use jiff::{Timestamp, Zoned};
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Schedules {
    pub schedules: Vec<Schedule>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Schedule {
    pub workflow: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// `cron 0 6 * * MON-FRI in Europe/Berlin`.
    pub plan: String,
    pub timezone: String,
    pub paused: Option<Paused>,
    pub next_at: Option<Timestamp>,
    /// Occurrences that wait for a run to end.
    pub queued: usize,
    /// Runs that have not ended.
    pub running: Vec<String>,
    pub last: Option<Occurrence>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Paused {
    pub at: Timestamp,
    pub by: String,
}

/// A schedule with what is ahead and what has been.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ScheduleDetail {
    #[serde(flatten)]
    pub schedule: Schedule,
    pub next: Vec<Instant>,
    /// Newest first.
    pub occurrences: Vec<Occurrence>,
}

/// A planned instant, also as the clock on the wall shows it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Instant {
    pub at: Timestamp,
    /// `2026-03-29T03:00:00+02:00[Europe/Berlin]`.
    pub local: Zoned,
}

/// An occurrence, or many in a row with the same fate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Occurrence {
    pub planned_at: Timestamp,
    /// The last of many.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_at: Option<Timestamp>,
    /// How many; null where nobody counted.
    pub count: Option<u64>,
    /// `time`, `request` or `backfill`.
    pub origin: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asked_by: Option<String>,
    /// `started`, `queued`, `skipped` or `merged`.
    pub state: String,
    /// Why there is no run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    pub run: Option<String>,
    /// When this was decided.
    pub at: Timestamp,
    pub ended_at: Option<Timestamp>,
}

/// Body of `POST /v1/schedules/{workflow}/backfill`; both ends included.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Backfill {
    pub from: Timestamp,
    pub until: Timestamp,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Backfilled {
    pub occurrences: Vec<MadeUp>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MadeUp {
    pub planned_at: Timestamp,
    /// It was begun before, or waits already; nothing was changed.
    pub earlier: bool,
    /// Its run, where it was begun before.
    pub run: Option<String>,
}
