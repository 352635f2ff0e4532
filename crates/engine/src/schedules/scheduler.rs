//! Begins what is due: one task, one wake queue, no polling per schedule.
//!
//! Each turn of a schedule is one transaction: the runs it creates, what it skips and how far it is settled, under the
//! revision that was read. Whoever comes second is refused and looks again.

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use super::decide::{Decision, SET_BACK, Situation, Span, Step, decide};
use super::policy::{self, Timetable};
use crate::driver::after;
use crate::engine::Shared;
use crate::ids::RunId;
use crate::journal::Trigger;
use crate::library::Workflow;
use crate::store::{
    Change, NewRun, Occurrence, OccurrenceState, Origin, Refusal, ScheduleRecord,
    SettledOccurrence, Signal, Standing, StoreError,
};

/// The wall clock may jump: look at least this often.
const LOOK_AROUND: SignedDuration = SignedDuration::from_secs(30);
const STORE_PAUSE: SignedDuration = SignedDuration::from_secs(1);

pub(crate) async fn keep_schedules(shared: Arc<Shared>) {
    while !shared.stop.is_cancelled() {
        let woken = shared.planned.notified();
        tokio::pin!(woken);
        woken.as_mut().enable();
        let next_look = begin_what_is_due(&shared).await.unwrap_or_else(|error| {
            tracing::error!("schedules cannot be looked at: {error}");
            after(shared.time.now(), STORE_PAUSE)
        });
        tokio::select! {
            biased;
            () = shared.stop.cancelled() => {}
            () = woken => {}
            () = shared.time.sleep_until(next_look) => {}
        }
    }
}

/// Answers when to look again.
async fn begin_what_is_due(shared: &Shared) -> Result<Timestamp, StoreError> {
    let now = shared.time.now();
    let store = shared.journal.store();
    let mut again_soon = false;
    for workflow in store.due_schedules(now, after(now, SET_BACK)).await? {
        // One schedule that cannot be read must not silence the others.
        match advance(shared, &workflow).await {
            Ok(settled) => again_soon |= !settled,
            Err(error) => {
                tracing::error!(workflow, "its schedule cannot go on: {error}");
                again_soon = true;
            }
        }
    }
    if again_soon {
        return Ok(after(now, STORE_PAUSE));
    }
    let around = after(now, LOOK_AROUND);
    // What is due and was left alone is another node's, which has read another definition.
    let soonest = after(now, STORE_PAUSE);
    let wake = store.next_schedule_wake().await?;
    Ok(wake.map_or(around, |wake| if wake <= now { soonest } else { wake.min(around) }))
}

/// Whether this node can settle it; another may.
async fn advance(shared: &Shared, workflow: &str) -> Result<bool, StoreError> {
    let mut taken = BTreeSet::new();
    loop {
        let Some(standing) = shared.journal.store().standing(workflow).await? else {
            return Ok(true);
        };
        let found = shared.library.find(workflow);
        let timetable = found.as_ref().and_then(|found| policy::timetable(&found.definition));
        let (Some(found), Some(timetable)) = (found, timetable) else { return Ok(false) };
        let is_current = standing.schedule.plan.as_ref() == Some(&timetable.plan.fingerprint());
        // Another node may have read another definition; its own reading settles it.
        if !is_current || standing.schedule.paused.is_some() {
            return Ok(is_current);
        }
        let now = shared.time.now();
        let decision = decide(&situation(&standing, &timetable, &taken, now));
        let turn = Turn { shared, workflow: &found, standing: &standing, now };
        let changes = turn.changes(&decision);
        match shared.journal.commit(changes).await {
            Ok(()) => {
                for step in &decision.steps {
                    if let Step::Cancel { run } = step {
                        shared.spoken.ring(run);
                    }
                }
                shared.wake.notify_one();
                return Ok(true);
            }
            Err(StoreError::Refused(Refusal::OccurrenceTaken { planned_at, .. })) => {
                taken.insert(planned_at);
            }
            Err(StoreError::Refused(refusal)) => {
                tracing::debug!(workflow, "looked at again: {refusal}");
            }
            Err(error) => return Err(error),
        }
    }
}

pub(super) fn situation<'a>(
    standing: &'a Standing,
    timetable: &'a Timetable,
    taken: &'a BTreeSet<Timestamp>,
    now: Timestamp,
) -> Situation<'a> {
    Situation {
        workflow: &standing.schedule.workflow,
        timetable,
        anchor: standing.schedule.anchor,
        watermark: standing.schedule.watermark,
        last_ended: standing.last_ended,
        queued: &standing.queued,
        open: &standing.open,
        taken,
        now,
    }
}

/// A decision on its way to the store.
pub(super) struct Turn<'a> {
    pub(super) shared: &'a Shared,
    pub(super) workflow: &'a Workflow,
    pub(super) standing: &'a Standing,
    pub(super) now: Timestamp,
}

impl Turn<'_> {
    fn changes(&self, decision: &Decision) -> Vec<Change> {
        let schedule = ScheduleRecord {
            watermark: decision.watermark,
            next_at: decision.next.map(|next| next.planned),
            wake_at: decision.next.map(|next| next.wake_at),
            ..self.standing.schedule.clone()
        };
        let mut changes = vec![Change::PutSchedule(Box::new(schedule))];
        for step in &decision.steps {
            self.push(step, &mut changes);
        }
        changes
    }

    fn push(&self, step: &Step, changes: &mut Vec<Change>) {
        match step {
            Step::Start { planned } => {
                let run = self.new_run(*planned, Origin::Time, None);
                let started = Occurrence { run: Some(run.id.clone()), ..self.occurrence(*planned) };
                changes.push(Change::CreateRun(Box::new(run)));
                changes.push(Change::AddOccurrence(Box::new(started)));
            }
            Step::StartQueued { id, planned } => {
                let waiting = self.standing.queued.iter().find(|waiting| waiting.id == *id);
                let origin = waiting.map_or(Origin::Time, |waiting| waiting.origin);
                let by = waiting.and_then(|waiting| waiting.asked_by.clone());
                let run = self.new_run(*planned, origin, by);
                let state = OccurrenceState::Started;
                changes.push(self.settled(*id, state, None, Some(run.id.clone())));
                let settled = changes.len() - 1;
                changes.insert(settled, Change::CreateRun(Box::new(run)));
            }
            Step::Queue { planned } => {
                let state = OccurrenceState::Queued;
                let queued = Occurrence { state, ..self.occurrence(*planned) };
                changes.push(Change::AddOccurrence(Box::new(queued)));
            }
            Step::Skip { span, why } => {
                changes.push(self.passed(*span, OccurrenceState::Skipped, why));
            }
            Step::Merge { span, into } => {
                let why = format!("{into} stands for it");
                changes.push(self.passed(*span, OccurrenceState::Merged, &why));
            }
            Step::DropQueued { id, why } => {
                let state = OccurrenceState::Skipped;
                changes.push(self.settled(*id, state, Some(why.clone()), None));
            }
            Step::Cancel { run } => {
                let by = format!("the schedule of {}", self.standing.schedule.workflow);
                let signal = Signal::Cancel { by };
                changes.push(Change::Signal { run: run.clone(), signal, at: self.now });
            }
        }
    }

    /// A run of the workflow as it is now. It reads which occurrence it is.
    pub(super) fn new_run(&self, planned: Timestamp, origin: Origin, by: Option<String>) -> NewRun {
        let input = json!({"plannedAt": planned.to_string()});
        let trigger = Trigger::Schedule { planned_at: planned, origin, by };
        self.shared.new_run(&self.workflow.definition, input, trigger)
    }

    /// One that begins because its time has come.
    pub(super) fn occurrence(&self, planned: Timestamp) -> Occurrence {
        Occurrence {
            id: 0,
            workflow: self.standing.schedule.workflow.clone(),
            planned_at: planned,
            last_at: planned,
            count: Some(1),
            origin: Origin::Time,
            asked_by: None,
            state: OccurrenceState::Started,
            why: None,
            run: None,
            at: self.now,
            ended_at: None,
        }
    }

    pub(super) fn passed(&self, span: Span, state: OccurrenceState, why: &str) -> Change {
        let Span { first, last, count } = span;
        let why = Some(why.to_owned());
        let passed = Occurrence { last_at: last, count, state, why, ..self.occurrence(first) };
        Change::AddOccurrence(Box::new(passed))
    }

    fn settled(
        &self,
        id: i64,
        state: OccurrenceState,
        why: Option<String>,
        run: Option<RunId>,
    ) -> Change {
        let workflow = self.standing.schedule.workflow.clone();
        let settled = SettledOccurrence { id, workflow, state, why, run, at: self.now };
        Change::SettleOccurrence(Box::new(settled))
    }
}
