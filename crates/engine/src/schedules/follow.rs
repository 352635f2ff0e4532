//! Schedules follow the library: a new plan counts from now, an old one goes on, one that is gone stops.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::decide::due_at;
use super::plan::When;
use super::policy::{self, Timetable};
use crate::engine::Shared;
use crate::store::{
    Change, OccurrenceState, Refusal, ScheduleRecord, SettledOccurrence, StoreError,
};

/// To be called whenever the library was read.
pub(crate) async fn follow_library(shared: &Shared) -> Result<(), StoreError> {
    let store = shared.journal.store();
    loop {
        let known = store.list_schedules().await?.into_iter();
        let mut known: BTreeMap<String, ScheduleRecord> =
            known.map(|record| (record.workflow.clone(), record)).collect();
        let now = to_micros(shared.time.now());
        let mut changes = Vec::new();
        for workflow in shared.library.list() {
            let Some(timetable) = policy::timetable(&workflow.definition) else { continue };
            let name = &workflow.definition.document.name;
            let record = known.remove(name);
            let plan = Some(timetable.plan.fingerprint());
            if record.as_ref().is_none_or(|record| record.plan != plan) {
                changes.push(Change::PutSchedule(Box::new(begun(name, record, &timetable, now))));
            }
        }
        for gone in known.into_values().filter(|record| record.plan.is_some()) {
            changes.extend(retired(shared, gone).await?);
        }
        if changes.is_empty() {
            return Ok(());
        }
        match shared.journal.commit(changes).await {
            Err(StoreError::Refused(Refusal::ScheduleMoved { .. })) => {}
            done => {
                shared.planned.notify_one();
                return done;
            }
        }
    }
}

/// A plan that nobody saw before counts from now. Whoever paused the workflow's schedule paused this one as well.
fn begun(
    workflow: &str,
    before: Option<ScheduleRecord>,
    timetable: &Timetable,
    now: Timestamp,
) -> ScheduleRecord {
    let paused = before.as_ref().and_then(|before| before.paused.clone());
    let next = timetable.plan.next_after(now, now).filter(|_| paused.is_none());
    let wake = next.map(|next| due_at(workflow, next, timetable.policy.jitter));
    // The end of a run that still goes wakes it then.
    let is_after = matches!(timetable.plan.when, When::After(_));
    let wakes_at_once = before.is_some() && is_after && paused.is_none();
    ScheduleRecord {
        workflow: workflow.to_owned(),
        revision: before.map_or(0, |before| before.revision),
        plan: Some(timetable.plan.fingerprint()),
        anchor: now,
        watermark: now,
        next_at: next,
        wake_at: if wakes_at_once { Some(now) } else { wake },
        paused,
    }
}

async fn retired(shared: &Shared, record: ScheduleRecord) -> Result<Vec<Change>, StoreError> {
    let standing = shared.journal.store().standing(&record.workflow).await?;
    let waiting = standing.into_iter().flat_map(|standing| standing.queued);
    let workflow = record.workflow.clone();
    let at = shared.time.now();
    let dropped = waiting.map(|waiting| {
        Change::SettleOccurrence(Box::new(SettledOccurrence {
            id: waiting.id,
            workflow: workflow.clone(),
            state: OccurrenceState::Skipped,
            why: Some("the workflow has no schedule any more".into()),
            run: None,
            at,
        }))
    });
    let mut changes: Vec<Change> = dropped.collect();
    let stopped = ScheduleRecord { plan: None, next_at: None, wake_at: None, ..record };
    changes.push(Change::PutSchedule(Box::new(stopped)));
    Ok(changes)
}

/// As the store keeps it.
pub(super) fn to_micros(at: Timestamp) -> Timestamp {
    Timestamp::from_microsecond(at.as_microsecond()).unwrap_or(at)
}
