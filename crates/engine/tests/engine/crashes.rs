//! A crash before or after any entry changes nothing.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use callboard_engine::{Engine, Entry, Observer, RunFilter, RunId, RunStatus};
use serde_json::json;
use tokio::sync::Notify;

use crate::harness::{ARRIVAL, PATIENCE, Premises, facts, office_link, start, to_the_end};

#[derive(Debug, Clone, Copy)]
enum Hold {
    Before(u64),
    After(u64),
}

/// Stands still at one entry, and lets nothing else pass from then on.
struct Holder {
    hold: Hold,
    held: AtomicBool,
    reached: Notify,
}

impl Holder {
    async fn stand_still(&self) {
        self.held.store(true, Ordering::SeqCst);
        self.reached.notify_one();
        std::future::pending::<()>().await;
    }
}

fn covers(first: u64, entries: &[Entry], wanted: u64) -> bool {
    (first..first + entries.len() as u64).contains(&wanted)
}

#[async_trait]
impl Observer for Holder {
    async fn before_commit(&self, ordinal: u64, _: &RunId, entries: &[Entry]) {
        let here = matches!(self.hold, Hold::Before(wanted) if covers(ordinal, entries, wanted));
        if here || self.held.load(Ordering::SeqCst) {
            self.stand_still().await;
        }
    }

    async fn after_commit(&self, ordinal: u64, _: &RunId, entries: &[Entry]) {
        if matches!(self.hold, Hold::After(wanted) if covers(ordinal, entries, wanted)) {
            self.stand_still().await;
        }
    }
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

/// Runs until the entry is reached, then stops as if the power had gone: every task is dropped where it stands.
fn crash_at(premises: &Premises, hold: Hold) {
    let runtime = runtime();
    let holder = Arc::new(Holder { hold, held: AtomicBool::new(false), reached: Notify::new() });
    let settings = premises.observed(&[ARRIVAL], Arc::clone(&holder) as Arc<dyn Observer>);
    let engine = runtime.block_on(async {
        let engine = Engine::open(settings).await.unwrap();
        engine.put_link(office_link()).await.unwrap();
        let course = async {
            let started = engine.start_run(start("arrival", Some("once"))).await.unwrap();
            to_the_end(&engine, &premises.time, &started.run).await;
        };
        tokio::select! {
            () = holder.reached.notified() => {}
            () = course => {}
        }
        engine
    });
    // In this order: tasks die before anybody can ask them to stop.
    runtime.shutdown_timeout(PATIENCE);
    drop(engine);
}

#[test]
fn a_crash_before_or_after_any_entry_changes_nothing() {
    let calm = Premises::new();
    let entries = runtime().block_on(async {
        let engine = calm.open_with_link(&[ARRIVAL]).await;
        let started = engine.start_run(start("arrival", Some("once"))).await.unwrap();
        let detail = to_the_end(&engine, &calm.time, &started.run).await;
        assert_eq!(detail.status, RunStatus::Completed, "{detail:#?}");
        assert_eq!(detail.output, Some(json!({"desk": 7})));
        engine.history(&started.run).await.unwrap()
    });
    let expected = [
        "started",
        "attempted",
        "succeeded",
        "timer_set",
        "timer_fired",
        "attempted",
        "succeeded",
        "attempted",
        "succeeded",
        "completed",
    ];
    assert_eq!(facts(&entries), expected);

    for ordinal in 1..=entries.len() as u64 {
        for hold in [Hold::Before(ordinal), Hold::After(ordinal)] {
            let premises = Premises::new();
            crash_at(&premises, hold);
            runtime().block_on(finishes_as_if_nothing_had_been(&premises, hold));
        }
    }
}

async fn finishes_as_if_nothing_had_been(premises: &Premises, hold: Hold) {
    let engine = premises.open(&[ARRIVAL]).await;
    // Whoever got no answer asks again.
    let started = engine.start_run(start("arrival", Some("once"))).await.unwrap();
    let detail = to_the_end(&engine, &premises.time, &started.run).await;
    assert_eq!(detail.status, RunStatus::Completed, "{hold:?}: {detail:#?}");
    assert_eq!(detail.output, Some(json!({"desk": 7})), "{hold:?}");
    let effects = premises.office.effects();
    assert_eq!(effects.len(), 3, "{hold:?}: {effects:?}");
    assert!(effects.values().all(|count| *count == 1), "{hold:?}: nothing twice: {effects:?}");
    let runs = engine.runs(&RunFilter { limit: 10, ..RunFilter::default() }).await.unwrap().runs;
    assert_eq!(runs.len(), 1, "{hold:?}");
    let tasks = engine.replay(&started.run).await.unwrap();
    let began = tasks.iter().filter(|fact| fact.change == callboard_flow::Change::Started);
    let began: Vec<&str> = began.map(|fact| fact.task.as_str()).collect();
    assert_eq!(began, ["desk", "pause", "invite", "note"], "{hold:?}: it derives again");
    engine.stop(PATIENCE).await;
}

#[test]
fn a_step_that_only_a_person_can_judge_is_never_repeated_by_itself() {
    let premises = Premises::new();
    let text = crate::harness::one_call("office.badges.print");
    let runtime_of_the_crash = runtime();
    let hold = Hold::Before(3);
    let holder = Arc::new(Holder { hold, held: AtomicBool::new(false), reached: Notify::new() });
    let settings = premises.observed(&[&text], Arc::clone(&holder) as Arc<dyn Observer>);
    let engine = runtime_of_the_crash.block_on(async {
        let engine = Engine::open(settings).await.unwrap();
        engine.put_link(office_link()).await.unwrap();
        engine.start_run(start("one-call", Some("once"))).await.unwrap();
        holder.reached.notified().await;
        engine
    });
    runtime_of_the_crash.shutdown_timeout(PATIENCE);
    drop(engine);
    runtime().block_on(async {
        let engine = premises.open(&[&text]).await;
        let started = engine.start_run(start("one-call", Some("once"))).await.unwrap();
        let detail = crate::harness::at_rest(&engine, &started.run).await;
        assert_eq!(detail.status, RunStatus::Attention, "{detail:#?}");
        assert_eq!(detail.steps[0].note.as_deref(), Some("the printer keeps no list"));
        assert_eq!(premises.office.effects().values().sum::<u32>(), 1);
    });
}
