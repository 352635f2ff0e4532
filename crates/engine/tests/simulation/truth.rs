//! The truth about runs, requests and occurrences: what the journal says, what was done, and what was promised.

use std::collections::{BTreeMap, BTreeSet};

use callboard_engine::journal::{Entry, Fact, Then, Trigger};
use callboard_engine::{
    Engine, OccurrenceState, Origin, RunId, RunRecord, RunStatus, Store as _, Verdict,
};

use crate::acts::{Answer, Wish};
use crate::play::Play;
use crate::world::MINUTE;

/// A run that was cancelled ends so soon after the trouble.
const CANCELLED_WITHIN: u64 = 4 * MINUTE;

/// Schedules have gone on by themselves.
pub(crate) async fn of_schedules(play: &Play, engine: &Engine) {
    for workflow in &play.plot.shelf.schedules {
        let standing = play.store.standing(workflow).await.expect("the store reads");
        let Some(standing) = standing else {
            play.world.violated(&format!("{workflow} has no schedule"));
            continue;
        };
        let now = crate::clocks::at(play.world.now(), 0);
        let detail = engine.schedule(workflow, 1, 1).await.expect("a calm store reads").schedule;
        let waits_for_its_run = detail.next_at.is_none() && !standing.open.is_empty();
        let late = jiff::SignedDuration::from_secs(15);
        let is_ahead = detail.next_at.is_some_and(|next| next + late > now);
        if detail.paused.is_none() && !waits_for_its_run && !is_ahead {
            play.world.violated(&format!("the schedule of {workflow} is mute: {standing:?}"));
        }
    }
}

/// Journals are whole, derive again, and say what is true.
pub(crate) async fn of_runs(play: &Play, engine: &Engine, all: &[RunRecord]) {
    let here: BTreeSet<&RunId> = all.iter().map(|run| &run.id).collect();
    let calm_since = play.calm_since.unwrap_or(play.plot.length);
    for (run, known) in play.ledger.lock().unwrap().runs() {
        if !here.contains(run) {
            play.world.violated(&format!("{run} is lost"));
        }
        if let (Some(cancelled), ended) = (known.cancelled_at, known.ended_at) {
            let latest = cancelled.max(calm_since) + CANCELLED_WITHIN;
            if ended.is_none_or(|ended| ended > latest) {
                play.world.violated(&format!("{run} was cancelled at {cancelled}: {ended:?}"));
            }
        }
    }
    for run in all {
        let entries = engine.history(&run.id).await.expect("a calm store reads");
        {
            let ledger = play.ledger.lock().unwrap();
            let known = ledger.runs().get(&run.id).map(|known| &known.entries);
            if known != Some(&entries) {
                play.world.violated(&format!(
                    "the journal of {} has not what was written: {entries:#?}, but {known:#?}",
                    run.id
                ));
            }
        }
        if let Err(error) = engine.replay(&run.id).await {
            play.world.violated(&format!("{} does not derive again: {error}", run.id));
        }
        if let Some(open) = play.store.signals(&run.id).await.expect("the store reads").first() {
            play.world.violated(&format!("nobody listened to {open:?} of {}", run.id));
        }
        of_steps(play, &run.id, &entries);
    }
}

/// Nothing is attempted again that may have happened, and what is said to have happened has.
fn of_steps(play: &Play, run: &RunId, entries: &[Entry]) {
    let mut last: BTreeMap<String, &Fact> = BTreeMap::new();
    for entry in entries {
        let Some(step) = entry.fact.step() else { continue };
        let step = step.to_string();
        let key = format!("{run}:{step}");
        let before = last.insert(step, &entry.fact);
        match &entry.fact {
            Fact::Attempted { .. } => {
                let may = match before {
                    None | Some(Fact::Unblocked { .. }) => true,
                    Some(Fact::Deferred { then, .. }) => *then == Then::Perform,
                    Some(Fact::Resolved { verdict, .. }) => *verdict != Verdict::Happened,
                    Some(_) => false,
                };
                if !may {
                    play.world.violated(&format!("{key} was repeated after {before:?}"));
                }
            }
            Fact::Succeeded { .. } if !play.outside.has_happened(&key) => {
                play.world.violated(&format!("{key} succeeded and never happened"));
            }
            _ => {}
        }
    }
}

/// Who was told of a run finds it.
pub(crate) fn of_requests(play: &Play, all: &[RunRecord]) {
    let here: BTreeMap<&RunId, &RunRecord> = all.iter().map(|run| (&run.id, run)).collect();
    let mut by_key: BTreeMap<RunId, usize> = BTreeMap::new();
    for (place, request) in play.requests.lock().unwrap().iter().enumerate() {
        let Some(Answer::Runs(runs)) = &request.answer else { continue };
        for run in runs {
            if !here.contains_key(run) {
                play.world.violated(&format!("request {place} was promised {run}, which is lost"));
            }
        }
        if let Wish::Start { .. } = request.wish
            && let Some(other) = by_key.insert(runs[0].clone(), place)
        {
            play.world.violated(&format!("requests {other} and {place} have one run"));
        }
    }
    for run in all {
        if run.status == RunStatus::Attention {
            play.world.violated(&format!("{} still asks", run.id));
        }
    }
}

/// One occurrence is at most one run, and none is forgotten.
pub(crate) async fn of_occurrences(play: &Play, all: &[RunRecord]) {
    let mut begun: BTreeMap<(String, String), RunId> = BTreeMap::new();
    for run in all {
        let first = play.store.journal(&run.id).await.expect("the store reads").swap_remove(0);
        let Fact::Started { trigger: Trigger::Schedule { planned_at, .. }, .. } = first.fact else {
            continue;
        };
        let key = (run.workflow.clone(), planned_at.to_string());
        if let Some(other) = begun.insert(key, run.id.clone()) {
            play.world.violated(&format!("{other} and {} are one occurrence", run.id));
        }
    }
    let meddled = play.plot.wishes.iter().any(|(_, wish)| {
        matches!(wish, Wish::Backfill { .. } | Wish::Pause { .. } | Wish::Resume { .. })
    });
    for workflow in &play.plot.shelf.schedules {
        let standing = play.store.standing(workflow).await.expect("the store reads");
        let standing = standing.expect("a schedule stays");
        let all = play.store.occurrences(workflow, None, 100_000).await.expect("the store reads");
        for one in &all {
            let has_run = one.run.as_ref().is_some_and(|run| {
                begun.get(&(workflow.clone(), one.planned_at.to_string())) == Some(run)
            });
            if (one.state == OccurrenceState::Started) != has_run {
                play.world.violated(&format!("{one:?} and its run do not agree"));
            }
        }
        let schedule = &standing.schedule;
        let span = schedule.watermark.duration_since(schedule.anchor).as_secs();
        let planned = match schedule.plan.as_deref() {
            Some("every 20s") => span / 20,
            Some("every 1m30s" | "every 1m 30s") => span / 90,
            Some("cron * * * * * in UTC") => {
                schedule.watermark.as_second() / 60 - schedule.anchor.as_second() / 60
            }
            Some("cron */15 * * * * * in UTC") => {
                schedule.watermark.as_second() / 15 - schedule.anchor.as_second() / 15
            }
            _ => continue,
        };
        let counted = all.iter().filter(|one| one.origin == Origin::Time);
        let counted: u64 = counted.filter_map(|one| one.count).sum();
        if !meddled && !play.plot.clocks_jump && counted != planned.cast_unsigned() {
            play.world.violated(&format!(
                "{workflow} planned {planned} occurrences and accounts for {counted}"
            ));
        }
    }
}
