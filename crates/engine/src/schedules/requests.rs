//! What people ask of a schedule: pause, resume, a run now, a window of the past.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};

use super::decide::passed_by;
use super::follow::to_micros;
use super::plan::When;
use super::policy::{MOST_MADE_UP, Overlap};
use super::scheduler::situation;
use super::{Schedule, ScheduleError};
use crate::engine::Engine;
use crate::ids::RunId;
use crate::store::{Change, Occurrence, OccurrenceState, Origin, Paused, ScheduleRecord, Signal};

/// What became of one instant of a window.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Backfilled {
    pub planned_at: Timestamp,
    /// It was begun before, or waits already; nothing was changed.
    pub earlier: bool,
    pub run: Option<RunId>,
}

impl Engine {
    /// Nothing begins by itself until it is resumed.
    pub async fn pause_schedule(
        &self,
        workflow: &str,
        by: &str,
    ) -> Result<Schedule, ScheduleError> {
        loop {
            let found = self.find_schedule(workflow).await?;
            if found.standing.schedule.paused.is_some() {
                return self.summary(&found).await;
            }
            let paused = Some(Paused { at: self.shared.time.now(), by: by.to_owned() });
            let record = found.standing.schedule.clone();
            let record = ScheduleRecord { paused, next_at: None, wake_at: None, ..record };
            self.commit_turn(vec![Change::PutSchedule(Box::new(record))]).await?;
        }
    }

    /// It goes on from now. What passed meanwhile is skipped and can be backfilled; what waited goes on waiting.
    pub async fn resume_schedule(&self, workflow: &str) -> Result<Schedule, ScheduleError> {
        loop {
            let found = self.find_schedule(workflow).await?;
            if found.standing.schedule.paused.is_none() {
                return self.summary(&found).await;
            }
            let now = to_micros(self.shared.time.now());
            let anchor = found.standing.schedule.anchor;
            let record = ScheduleRecord {
                paused: None,
                watermark: now,
                next_at: found.timetable.plan.next_after(anchor, now),
                wake_at: Some(now),
                ..found.standing.schedule.clone()
            };
            let mut changes = vec![Change::PutSchedule(Box::new(record))];
            let passed =
                passed_by(&situation(&found.standing, &found.timetable, &BTreeSet::new(), now));
            let turn = self.turn(&found, now);
            let skipped = OccurrenceState::Skipped;
            changes.extend(passed.map(|span| turn.passed(span, skipped, "it was paused")));
            self.commit_turn(changes).await?;
        }
    }

    /// An occurrence that somebody wants now. Runs that still go are treated as the schedule says.
    pub async fn run_schedule_now(
        &self,
        workflow: &str,
        by: &str,
    ) -> Result<Occurrence, ScheduleError> {
        loop {
            let found = self.find_schedule(workflow).await?;
            let now = to_micros(self.shared.time.now());
            let (turn, open) = (self.turn(&found, now), &found.standing.open);
            let mut changes = vec![found.woken(now)];
            let policy = &found.timetable.policy;
            let has_room = policy.limit.is_none_or(|limit| open.len() < limit);
            let by = Some(by.to_owned());
            let mut wanted = Occurrence {
                origin: Origin::Request,
                asked_by: by.clone(),
                ..turn.occurrence(now)
            };
            if has_room {
                let run = turn.new_run(now, Origin::Request, by);
                wanted.run = Some(run.id.clone());
                changes.push(Change::CreateRun(Box::new(run)));
            } else {
                wanted.state = OccurrenceState::Queued;
                match (policy.overlap, open.first()) {
                    (Overlap::Skip, Some(run)) => {
                        let (workflow, run) = (workflow.to_owned(), run.clone());
                        return Err(ScheduleError::StillGoing { workflow, run });
                    }
                    (Overlap::CancelRunning, _) => changes.extend(open.iter().map(|run| {
                        let by = format!("the schedule of {workflow}");
                        let signal = Signal::Cancel { by };
                        Change::Signal { run: run.clone(), signal, at: now }
                    })),
                    _ => {}
                }
            }
            changes.push(Change::AddOccurrence(Box::new(wanted)));
            self.commit_turn(changes).await?;
            for run in open {
                self.shared.spoken.ring(run);
            }
            let store = self.shared.journal.store();
            // An earlier one of the same instant as well: one key, one run.
            if let Some(occurrence) = store.find_occurrence(workflow, now).await? {
                return Ok(occurrence);
            }
        }
    }

    /// Begins what the plan has between `from` and `until`, both included, and was not begun before: one after another,
    /// or all at once where runs may be parallel.
    pub async fn backfill_schedule(
        &self,
        workflow: &str,
        from: Timestamp,
        until: Timestamp,
        by: &str,
    ) -> Result<Vec<Backfilled>, ScheduleError> {
        let refused = |why: &str| ScheduleError::Window { from, until, why: why.to_owned() };
        loop {
            let found = self.find_schedule(workflow).await?;
            let now = to_micros(self.shared.time.now());
            if until > now {
                return Err(refused("it does not lie in the past"));
            }
            if matches!(found.timetable.plan.when, When::After(_)) {
                return Err(refused("`schedule.after` plans one run at a time"));
            }
            let most = usize::try_from(MOST_MADE_UP).unwrap_or(usize::MAX);
            let anchor = found.standing.schedule.anchor;
            let before = from.saturating_sub(SignedDuration::from_nanos(1)).unwrap_or(from);
            let planned = found.timetable.plan.between(anchor, before, until).take(most + 1);
            let planned: Vec<_> = planned.collect();
            if planned.len() > most {
                return Err(refused(&format!("it has more than {most} occurrences")));
            }
            let (turn, mut changes) = (self.turn(&found, now), vec![found.woken(now)]);
            let mut backfilled = Vec::new();
            for planned_at in planned {
                let earlier =
                    self.shared.journal.store().find_occurrence(workflow, planned_at).await?;
                if earlier.is_none() {
                    changes.push(Change::AddOccurrence(Box::new(Occurrence {
                        origin: Origin::Backfill,
                        asked_by: Some(by.to_owned()),
                        state: OccurrenceState::Queued,
                        ..turn.occurrence(planned_at)
                    })));
                }
                let (run, earlier) =
                    (earlier.as_ref().and_then(|e| e.run.clone()), earlier.is_some());
                backfilled.push(Backfilled { planned_at, earlier, run });
            }
            if self.commit_turn(changes).await? {
                return Ok(backfilled);
            }
        }
    }
}
