//! Runs that begin by themselves at planned instants: `schedule.cron`, `schedule.every`, `schedule.after`.
//!
//! One occurrence is one key (workflow and planned instant) and at most one run. A run is created in the transaction
//! that settles its instant, so neither a crash nor a second node doubles or loses one. What happens on the nights when
//! clocks change stands in `plan`; missed and overlapping occurrences in `decide`.

mod decide;
mod follow;
mod plan;
mod policy;
mod requests;
mod scheduler;

use std::sync::Arc;

use jiff::{Timestamp, Zoned};

pub(crate) use follow::follow_library;
pub(crate) use policy::problems;
pub use requests::Backfilled;
pub(crate) use scheduler::keep_schedules;

use crate::engine::Engine;
use crate::ids::RunId;
use crate::library::Workflow;
use crate::nearest::nearest;
use crate::store::{Change, Occurrence, Paused, Refusal, ScheduleRecord, Standing, StoreError};
use plan::When;
use policy::Timetable;
use scheduler::Turn;

/// A schedule as it stands.
#[derive(Debug, Clone, PartialEq)]
pub struct Schedule {
    pub workflow: String,
    pub title: Option<String>,
    /// `cron 0 6 * * MON-FRI in Europe/Berlin`, `every 15m`, `after 1h`.
    pub plan: String,
    pub timezone: String,
    pub paused: Option<Paused>,
    /// The next planned instant; none while it is paused, or until the last run of an `after` has ended.
    pub next_at: Option<Timestamp>,
    /// Occurrences that wait for a run to end.
    pub queued: usize,
    /// Runs of the schedule that have not ended.
    pub running: Vec<RunId>,
    pub last: Option<Occurrence>,
}

/// A schedule with what is ahead and what has been.
#[derive(Debug, Clone, PartialEq)]
pub struct ScheduleDetail {
    pub schedule: Schedule,
    /// Planned instants in the schedule's zone.
    pub next: Vec<Zoned>,
    /// Newest first.
    pub occurrences: Vec<Occurrence>,
}

/// Why a schedule did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum ScheduleError {
    #[error("there is no workflow `{name}`{}", .nearest.as_ref().map(|name| format!("; did you mean `{name}`?")).unwrap_or_default())]
    UnknownWorkflow { name: String, nearest: Option<String> },
    #[error("the workflow `{workflow}` has no schedule by time")]
    NoSchedule { workflow: String },
    #[error(
        "the schedule of `{workflow}` has not begun to count; it does with the first `callboard up` on this data"
    )]
    NotBegun { workflow: String },
    #[error("{run} is still going, and the schedule of `{workflow}` skips what would overlap")]
    StillGoing { workflow: String, run: RunId },
    #[error("the window {from} to {until} cannot be made up for: {why}")]
    Window { from: Timestamp, until: Timestamp, why: String },
    #[error("{0}")]
    Store(#[from] StoreError),
}

/// A schedule that was found, with all that decides about it.
struct Found {
    workflow: Arc<Workflow>,
    timetable: Timetable,
    standing: Standing,
}

impl Engine {
    /// All schedules, by name of workflow.
    pub async fn schedules(&self) -> Result<Vec<Schedule>, ScheduleError> {
        let mut schedules = Vec::new();
        for workflow in self.library().list() {
            match self.find_schedule(&workflow.definition.document.name).await {
                Ok(found) => schedules.push(self.summary(&found).await?),
                Err(ScheduleError::NoSchedule { .. } | ScheduleError::NotBegun { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(schedules)
    }

    /// One schedule with its next `ahead` planned instants and its last `back` occurrences.
    pub async fn schedule(
        &self,
        workflow: &str,
        ahead: usize,
        back: usize,
    ) -> Result<ScheduleDetail, ScheduleError> {
        let found = self.find_schedule(workflow).await?;
        let Timetable { plan, .. } = &found.timetable;
        let anchor = found.standing.schedule.anchor;
        let first = found.standing.schedule.next_at;
        let next = std::iter::successors(first, |last| match plan.when {
            When::After(_) => None,
            _ => plan.next_after(anchor, *last),
        });
        let next = next.take(ahead).map(|at| at.to_zoned(plan.zone.clone())).collect();
        let store = self.shared.journal.store();
        let occurrences = store.occurrences(workflow, None, back).await?;
        Ok(ScheduleDetail { schedule: self.summary(&found).await?, next, occurrences })
    }

    async fn find_schedule(&self, workflow: &str) -> Result<Found, ScheduleError> {
        let found = self.library().find(workflow).ok_or_else(|| {
            let all = self.library().list();
            let names = all.iter().map(|known| known.definition.document.name.as_str());
            ScheduleError::UnknownWorkflow {
                name: workflow.into(),
                nearest: nearest(workflow, names),
            }
        })?;
        let timetable = policy::timetable(&found.definition);
        let standing = self.shared.journal.store().standing(workflow).await?;
        match (timetable, standing) {
            (Some(timetable), Some(standing)) => Ok(Found { workflow: found, timetable, standing }),
            (Some(_), None) => Err(ScheduleError::NotBegun { workflow: workflow.into() }),
            (None, _) => Err(ScheduleError::NoSchedule { workflow: workflow.into() }),
        }
    }

    async fn summary(&self, found: &Found) -> Result<Schedule, ScheduleError> {
        let Found { workflow, timetable, standing } = found;
        let name = &standing.schedule.workflow;
        let last = self.shared.journal.store().occurrences(name, None, 1).await?.pop();
        Ok(Schedule {
            workflow: name.clone(),
            title: workflow.definition.document.title.clone(),
            plan: timetable.plan.fingerprint(),
            timezone: timetable.plan.zone.iana_name().unwrap_or("UTC").to_owned(),
            paused: standing.schedule.paused.clone(),
            next_at: standing.schedule.next_at,
            queued: standing.queued.len(),
            running: standing.open.clone(),
            last,
        })
    }

    fn turn<'a>(&'a self, found: &'a Found, now: Timestamp) -> Turn<'a> {
        let Found { workflow, standing, .. } = found;
        Turn { shared: &self.shared, workflow, standing, now }
    }

    /// Whether it was committed; else the schedule has moved meanwhile: look again.
    async fn commit_turn(&self, changes: Vec<Change>) -> Result<bool, StoreError> {
        match self.shared.journal.commit(changes).await {
            Ok(()) => {
                self.shared.planned.notify_one();
                self.shared.wake.notify_one();
                Ok(true)
            }
            Err(StoreError::Refused(
                Refusal::ScheduleMoved { .. }
                | Refusal::OccurrenceTaken { .. }
                | Refusal::RunIsFinal { .. },
            )) => Ok(false),
            Err(error) => Err(error),
        }
    }
}

impl Found {
    /// The schedule as it is, to be looked at again at once.
    fn woken(&self, now: Timestamp) -> Change {
        let schedule = self.standing.schedule.clone();
        let soonest = schedule.wake_at.map_or(now, |wake| wake.min(now));
        let wake_at = schedule.paused.is_none().then_some(soonest);
        Change::PutSchedule(Box::new(ScheduleRecord { wake_at, ..schedule }))
    }
}
