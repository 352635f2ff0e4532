//! Schedules and their occurrences.

use callboard_engine::{self as engine, RunId};

use crate::wire;

pub(crate) fn schedule(schedule: engine::Schedule) -> wire::Schedule {
    wire::Schedule {
        workflow: schedule.workflow,
        title: schedule.title,
        plan: schedule.plan,
        timezone: schedule.timezone,
        paused: schedule.paused.map(|paused| wire::Paused { at: paused.at, by: paused.by }),
        next_at: schedule.next_at,
        queued: schedule.queued,
        running: schedule.running.iter().map(RunId::to_string).collect(),
        last: schedule.last.map(occurrence),
    }
}

pub(crate) fn schedule_detail(detail: engine::ScheduleDetail) -> wire::ScheduleDetail {
    let instants =
        detail.next.into_iter().map(|at| wire::Instant { at: at.timestamp(), local: at });
    wire::ScheduleDetail {
        schedule: schedule(detail.schedule),
        next: instants.collect(),
        occurrences: detail.occurrences.into_iter().map(occurrence).collect(),
    }
}

pub(crate) fn occurrence(occurrence: engine::Occurrence) -> wire::Occurrence {
    wire::Occurrence {
        planned_at: occurrence.planned_at,
        last_at: (occurrence.last_at != occurrence.planned_at).then_some(occurrence.last_at),
        count: occurrence.count,
        origin: occurrence.origin.name().into(),
        asked_by: occurrence.asked_by,
        state: occurrence.state.name().into(),
        why: occurrence.why,
        run: occurrence.run.map(|run| run.to_string()),
        at: occurrence.at,
        ended_at: occurrence.ended_at,
    }
}

pub(crate) fn backfilled(all: Vec<engine::Backfilled>) -> wire::Backfilled {
    let occurrences = all.into_iter().map(|one| wire::MadeUp {
        planned_at: one.planned_at,
        earlier: one.earlier,
        run: one.run.map(|run| run.to_string()),
    });
    wire::Backfilled { occurrences: occurrences.collect() }
}
