//! Runs that begin by themselves.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use callboard_engine::{
    Engine, Observer, Occurrence, RunFilter, RunStatus, ScheduleDetail, ScheduleError, Settings,
    Time as _,
};
use jiff::{SignedDuration, Timestamp};
use tokio::sync::Notify;

use crate::crashes::{Hold, Holder, runtime};
use crate::harness::{Fate, PATIENCE, Premises, office_link};

const DESK: &str = "office.desks.assign";

fn tick(schedule: &str, metadata: &str) -> String {
    format!(
        "document: {{dsl: 1.0.3, namespace: test, name: tick, version: 1.0.0, metadata: {{{metadata}}}}}\n\
         schedule: {{{schedule}}}\n\
         do: [{{only: {{call: '{DESK}:1@callboard', with: {{person: Ada}}}}}}]\n"
    )
}

fn hourly(metadata: &str) -> String {
    tick("cron: '0 * * * *'", metadata)
}

/// The schedule once it is as wanted.
async fn until(engine: &Engine, wanted: impl Fn(&ScheduleDetail) -> bool) -> ScheduleDetail {
    let look = async {
        loop {
            let detail = engine.schedule("tick", 3, 100).await.unwrap();
            if wanted(&detail) {
                return detail;
            }
            // What is looked at stands on disk: leave the machine to those who write it.
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let found = tokio::time::timeout(PATIENCE, look).await.ok();
    if found.is_none() {
        eprintln!("not as wanted: {:#?}", engine.schedule("tick", 3, 100).await);
    }
    found.expect("the schedule should be as wanted by now")
}

/// Everything due is decided.
fn is_decided(premises: &Premises, detail: &ScheduleDetail) -> bool {
    detail.schedule.next_at.is_some_and(|next| next > premises.time.now())
}

/// Everything due is decided, and every run has ended.
async fn quiet(premises: &Premises, engine: &Engine) -> ScheduleDetail {
    until(engine, |detail| {
        is_decided(premises, detail)
            && detail.schedule.running.is_empty()
            && detail.schedule.queued == 0
    })
    .await
}

/// What became of the occurrences, oldest first: `10:00 started`, `11:00-13:00 merged`.
fn story(detail: &ScheduleDetail) -> Vec<String> {
    let clock = |at: Timestamp| at.strftime("%H:%M").to_string();
    let line = |occurrence: &Occurrence| {
        let first = clock(occurrence.planned_at);
        let span = if occurrence.last_at == occurrence.planned_at {
            first
        } else {
            format!("{first}-{}", clock(occurrence.last_at))
        };
        format!("{span} {}", occurrence.state)
    };
    let mut lines: Vec<String> = detail.occurrences.iter().map(line).collect();
    lines.reverse();
    lines
}

fn hours(hours: i64) -> SignedDuration {
    SignedDuration::from_hours(hours)
}

async fn runs(engine: &Engine) -> usize {
    engine.runs(&RunFilter { limit: 500, ..RunFilter::default() }).await.unwrap().runs.len()
}

#[tokio::test]
async fn an_occurrence_begins_one_run_that_knows_its_time() {
    let premises = Premises::new();
    let engine = premises.open_with_link(&[&hourly("timezone: Europe/Berlin")]).await;
    let detail = quiet(&premises, &engine).await;
    assert_eq!(detail.schedule.plan, "cron 0 * * * * in Europe/Berlin");
    assert_eq!(detail.next[0].to_string(), "2026-01-05T11:00:00+01:00[Europe/Berlin]");
    assert_eq!((detail.next.len(), detail.occurrences.len()), (3, 0));
    for count in 1..=3 {
        premises.time.advance(hours(1));
        let detail = quiet(&premises, &engine).await;
        assert_eq!(detail.occurrences.len(), count, "{detail:#?}");
        let run = detail.occurrences[0].run.clone().unwrap();
        let run = engine.wait_for_run(&run, PATIENCE).await.unwrap();
        assert_eq!(run.status, RunStatus::Completed, "{run:#?}");
        let planned = detail.occurrences[0].planned_at;
        assert_eq!(run.input, serde_json::json!({"plannedAt": planned.to_string()}));
    }
    assert_eq!(runs(&engine).await, 3);
    assert_eq!(engine.schedules().await.unwrap().len(), 1);
}

#[tokio::test]
async fn what_passed_while_nothing_ran_is_made_up_for_as_the_workflow_says() {
    for (missed, expected) in [
        ("", &["10:00 started", "11:00-13:00 merged", "14:00 started"][..]),
        ("missed: once", &["10:00 started", "11:00-13:00 merged", "14:00 started"]),
        ("missed: skip", &["10:00 started", "11:00-14:00 skipped"]),
        (
            "missed: all, overlap: parallel",
            &["10:00 started", "11:00 started", "12:00 started", "13:00 started", "14:00 started"],
        ),
        (
            "missed: all, missedLimit: 2, overlap: parallel",
            &["10:00 started", "11:00-12:00 skipped", "13:00 started", "14:00 started"],
        ),
        (
            "deadline: {minutes: 90}",
            &["10:00 started", "11:00-12:00 skipped", "13:00 merged", "14:00 started"],
        ),
    ] {
        let (premises, text) = (Premises::new(), hourly(missed));
        let engine = premises.open_with_link(&[&text]).await;
        premises.time.advance(hours(1));
        quiet(&premises, &engine).await;
        engine.stop(PATIENCE).await;
        drop(engine);

        premises.time.advance(SignedDuration::from_mins(4 * 60 + 10));
        let engine = premises.open(&[&text]).await;
        let detail = quiet(&premises, &engine).await;
        assert_eq!(story(&detail), expected, "{missed}");
        premises.time.advance(SignedDuration::from_mins(50));
        let detail = quiet(&premises, &engine).await;
        assert_eq!(story(&detail).last().unwrap(), "15:00 started", "{missed}: it goes on");
        engine.stop(PATIENCE).await;
        drop(engine);

        let engine = premises.open(&[&text]).await;
        let again = quiet(&premises, &engine).await;
        assert_eq!(story(&again), story(&detail), "{missed}: a restart doubles nothing");
        engine.stop(PATIENCE).await;
    }
}

#[tokio::test]
async fn while_a_run_still_goes_the_next_is_treated_as_the_workflow_says() {
    for (overlap, meanwhile, finally) in [
        ("", &["10:00 started", "11:00 skipped"][..], &["10:00 started", "11:00 skipped"][..]),
        ("overlap: queue", &["10:00 started", "11:00 queued"], &["10:00 started", "11:00 started"]),
        (
            "overlap: parallel",
            &["10:00 started", "11:00 started"],
            &["10:00 started", "11:00 started"],
        ),
        (
            "overlap: parallel, concurrency: {limit: 1}",
            &["10:00 started", "11:00 queued"],
            &["10:00 started", "11:00 started"],
        ),
        (
            "overlap: cancel-running",
            &["10:00 started", "11:00 queued"],
            &["10:00 started", "11:00 started"],
        ),
    ] {
        let premises = Premises::new();
        let engine = premises.open_with_link(&[&hourly(overlap)]).await;
        premises.office.will(DESK, Fate::Dawdles);
        premises.time.advance(hours(1));
        premises.office.dawdling.notified().await;
        premises.time.advance(hours(1));
        let detail = until(&engine, |detail| is_decided(&premises, detail)).await;
        assert_eq!(story(&detail), meanwhile, "{overlap}");
        premises.office.hurry.notify_one();
        let detail = quiet(&premises, &engine).await;
        assert_eq!(story(&detail), finally, "{overlap}");
        let first = detail.occurrences.last().unwrap().run.clone().unwrap();
        let status = engine.run(&first).await.unwrap().status;
        let expected =
            if overlap.contains("cancel") { RunStatus::Cancelled } else { RunStatus::Completed };
        assert_eq!(status, expected, "{overlap}");
        engine.stop(PATIENCE).await;
    }
}

#[tokio::test]
async fn after_counts_from_the_end_of_the_last_run() {
    let premises = Premises::new();
    let engine = premises.open_with_link(&[&tick("after: {hours: 1}", "")]).await;
    premises.office.will(DESK, Fate::Dawdles);
    premises.time.advance(hours(1));
    premises.office.dawdling.notified().await;
    premises.time.advance(SignedDuration::from_mins(150));
    premises.office.hurry.notify_one();
    let detail = quiet(&premises, &engine).await;
    assert_eq!(detail.schedule.next_at, Some("2026-01-05T13:30:00Z".parse().unwrap()));
    premises.time.advance(hours(1));
    let detail = quiet(&premises, &engine).await;
    assert_eq!(story(&detail), ["10:00 started", "13:30 started"]);
}

#[tokio::test]
async fn a_clock_that_is_set_back_fires_nothing_twice_and_mutes_nothing() {
    let premises = Premises::new();
    let engine = premises.open_with_link(&[&hourly("")]).await;
    premises.time.advance(hours(1));
    quiet(&premises, &engine).await;
    premises.time.advance(SignedDuration::from_mins(-30));
    engine.stop(PATIENCE).await;
    drop(engine);
    let engine = premises.open(&[&hourly("")]).await;
    let back = until(&engine, |detail| {
        detail.schedule.next_at == Some("2026-01-05T10:00:00Z".parse().unwrap())
    });
    assert_eq!(story(&back.await), ["10:00 started"]);
    premises.time.advance(SignedDuration::from_mins(30));
    assert_eq!(story(&quiet(&premises, &engine).await), ["10:00 started"]);
    premises.time.advance(hours(1));
    assert_eq!(story(&quiet(&premises, &engine).await), ["10:00 started", "11:00 started"]);

    // A year ahead by mistake, and back again.
    premises.time.advance(hours(24 * 365));
    quiet(&premises, &engine).await;
    premises.time.advance(hours(-24 * 365));
    engine.stop(PATIENCE).await;
    drop(engine);
    let engine = premises.open(&[&hourly("")]).await;
    let next = Some("2026-01-05T12:00:00Z".parse().unwrap());
    until(&engine, |detail| detail.schedule.next_at == next).await;
    premises.time.advance(hours(1));
    let detail = quiet(&premises, &engine).await;
    assert_eq!(story(&detail).last().unwrap(), "12:00 started", "{detail:#?}");
}

#[tokio::test]
async fn a_paused_schedule_begins_nothing_and_goes_on_from_when_it_is_resumed() {
    let premises = Premises::new();
    let engine = premises.open_with_link(&[&hourly("")]).await;
    let paused = engine.pause_schedule("tick", "ada").await.unwrap();
    assert_eq!((paused.next_at, paused.paused.unwrap().by), (None, "ada".to_owned()));
    premises.time.advance(hours(3));
    // Somebody may still want one.
    let asked = engine.run_schedule_now("tick", "ada").await.unwrap();
    assert_eq!(asked.asked_by.as_deref(), Some("ada"));
    until(&engine, |detail| detail.schedule.running.is_empty()).await;
    engine.resume_schedule("tick").await.unwrap();
    let detail = quiet(&premises, &engine).await;
    assert_eq!(story(&detail), ["12:00 started", "10:00-12:00 skipped"]);
    assert_eq!(detail.occurrences[0].why.as_deref(), Some("it was paused"));
    premises.time.advance(hours(1));
    assert_eq!(story(&quiet(&premises, &engine).await).last().unwrap(), "13:00 started");
}

#[tokio::test]
async fn a_window_is_made_up_for_once() {
    let premises = Premises::new();
    let engine = premises.open_with_link(&[&hourly("")]).await;
    premises.time.advance(hours(1));
    quiet(&premises, &engine).await;
    let at = |text: &str| format!("2026-01-05T{text}:00Z").parse::<Timestamp>().unwrap();
    let made = engine.backfill_schedule("tick", at("07:00"), at("10:00"), "ada").await.unwrap();
    let made: Vec<bool> = made.iter().map(|one| one.earlier).collect();
    assert_eq!(made, [false, false, false, true]);
    let detail = quiet(&premises, &engine).await;
    assert_eq!(
        story(&detail),
        ["10:00 started", "07:00 started", "08:00 started", "09:00 started"]
    );
    let again = engine.backfill_schedule("tick", at("07:00"), at("10:00"), "ada").await.unwrap();
    assert!(again.iter().all(|one| one.earlier && one.run.is_some()), "{again:?}");
    assert_eq!(runs(&engine).await, 4);
    let ahead = engine.backfill_schedule("tick", at("07:00"), at("11:00"), "ada").await;
    assert!(matches!(ahead, Err(ScheduleError::Window { .. })), "{ahead:?}");
    let unknown = engine.backfill_schedule("tock", at("07:00"), at("08:00"), "ada").await;
    assert_eq!(
        unknown.unwrap_err().to_string(),
        "there is no workflow `tock`; did you mean `tick`?"
    );
}

#[tokio::test]
async fn one_wanted_now_is_refused_while_another_goes_where_overlaps_are_skipped() {
    let premises = Premises::new();
    let engine = premises.open_with_link(&[&hourly("")]).await;
    premises.office.will(DESK, Fate::Dawdles);
    engine.run_schedule_now("tick", "ada").await.unwrap();
    premises.office.dawdling.notified().await;
    premises.time.advance(SignedDuration::from_secs(1));
    let refused = engine.run_schedule_now("tick", "ada").await;
    assert!(matches!(refused, Err(ScheduleError::StillGoing { .. })), "{refused:?}");
    premises.office.hurry.notify_one();
    quiet(&premises, &engine).await;
    assert_eq!(runs(&engine).await, 1);
}

#[tokio::test]
async fn a_changed_plan_counts_from_now_and_one_that_is_gone_stops() {
    let premises = Premises::new();
    let file = premises.library_folder().join("tick.yaml");
    std::fs::write(&file, hourly("")).unwrap();
    let folder = Some(premises.library_folder());
    let settings = Settings { workflows_folder: folder, ..premises.settings(&[]) };
    let engine = Engine::open(settings).await.unwrap();
    engine.put_link(office_link()).await.unwrap();
    premises.time.advance(SignedDuration::from_mins(50));
    std::fs::write(&file, tick("cron: '15 * * * *'", "")).unwrap();
    assert!(engine.reload_library().await.unwrap().is_empty());
    premises.time.advance(SignedDuration::from_mins(20));
    let detail = until(&engine, |detail| {
        detail.schedule.next_at == Some("2026-01-05T10:15:00Z".parse().unwrap())
    });
    assert_eq!(story(&detail.await), Vec::<String>::new(), "10:00 is no plan any more");
    // A mistake leaves the old plan in force.
    std::fs::write(&file, tick("cron: '15 25 * * *'", "")).unwrap();
    assert!(!engine.reload_library().await.unwrap().is_empty());
    premises.time.advance(SignedDuration::from_mins(10));
    assert_eq!(story(&quiet(&premises, &engine).await), ["10:15 started"]);

    std::fs::remove_file(&file).unwrap();
    engine.reload_library().await.unwrap();
    premises.time.advance(hours(5));
    assert!(engine.schedules().await.unwrap().is_empty());
    std::fs::write(&file, tick("cron: '15 * * * *'", "")).unwrap();
    engine.reload_library().await.unwrap();
    premises.time.advance(hours(1));
    let detail = quiet(&premises, &engine).await;
    assert_eq!(story(&detail), ["10:15 started", "16:15 started"], "it counts from its return");
}

#[test]
fn a_crash_before_or_after_any_entry_begins_each_occurrence_once() {
    for ordinal in 1..=8 {
        for hold in [Hold::Before(ordinal), Hold::After(ordinal)] {
            let premises = Premises::new();
            let text = hourly("overlap: queue, missed: all");
            let dying = runtime();
            let holder =
                Arc::new(Holder { hold, held: AtomicBool::new(false), reached: Notify::new() });
            let settings = premises.observed(&[&text], Arc::clone(&holder) as Arc<dyn Observer>);
            let engine = dying.block_on(async {
                let engine = Engine::open(settings).await.unwrap();
                engine.put_link(office_link()).await.unwrap();
                // Two at once: the second waits for the first.
                premises.time.advance(hours(2));
                holder.reached.notified().await;
                engine
            });
            dying.shutdown_timeout(PATIENCE);
            drop(engine);
            runtime().block_on(async {
                let engine = premises.open(&[&text]).await;
                let detail = quiet(&premises, &engine).await;
                assert_eq!(story(&detail), ["10:00 started", "11:00 started"], "{hold:?}");
                assert_eq!(runs(&engine).await, 2, "{hold:?}");
                let effects = premises.office.effects();
                assert_eq!(effects.len(), 2, "{hold:?}: {effects:?}");
                assert!(effects.values().all(|count| *count == 1), "{hold:?}: {effects:?}");
                engine.stop(PATIENCE).await;
            });
        }
    }
}

#[tokio::test]
async fn a_mistake_is_named_with_its_place_and_what_would_be_right() {
    let premises = Premises::new();
    let engine = premises.open(&[]).await;
    for (schedule, metadata, message, suggestion) in [
        ("cron: '61 * * * *'", "", "`61 * * * *` is not a plan", "five fields"),
        ("cron: '0 0 30 2 *'", "", "no day is ever like that", "five fields"),
        ("cron: '0 * * * *'", "timezone: Europe/Berlim", "is not a time zone", "\"Europe/Berlin\""),
        ("cron: '0 * * * *'", "missed: onse", "\"missed\" is one of", "\"once\"?"),
        ("cron: '0 * * * *'", "overlap: que", "\"overlap\" is one of", "\"queue\""),
        ("cron: '0 * * * *'", "missedLimit: 0", "from 1 to 1000", "whole number"),
        ("cron: '0 * * * *'", "jitter: soon", "\"soon\" is not a duration", "{minutes: 5}"),
        ("cron: '0 * * * *'", "concurrency: {keys: .a}", "has no \"keys\"", "key"),
        ("every: {milliseconds: 5}", "", "at least one second", "{seconds: 1}"),
        ("every: '${ 1 }'", "", "no expression", "duration"),
        ("every: {hours: 1}, after: {hours: 1}", "", "not both", "a workflow for each"),
    ] {
        let source =
            callboard_engine::Source { file: "tick.yaml".into(), text: tick(schedule, metadata) };
        let problems = engine.library().check(&source).unwrap_err().0;
        let fits = problems.iter().any(|problem| {
            let helps = problem.suggestion.as_ref().is_some_and(|text| text.contains(suggestion));
            problem.file == "tick.yaml"
                && problem.line > 0
                && problem.message.contains(message)
                && helps
        });
        assert!(fits, "{schedule} {metadata}: {problems:#?}");
    }
}
