//! A crash before or after any entry changes nothing.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use callboard_engine::journal::Fact;
use callboard_engine::{Engine, Entry, Observer, RunFilter, RunId, RunStatus};
use serde_json::{Value, json};
use tokio::sync::Notify;

use crate::harness::{
    ARRIVAL, PATIENCE, Premises, at_rest, facts, office_link, one_call, start, to_the_end,
};

#[derive(Debug, Clone, Copy)]
pub(crate) enum Hold {
    Before(u64),
    After(u64),
}

/// Stands still at one entry, and lets nothing else pass from then on.
pub(crate) struct Holder {
    pub(crate) hold: Hold,
    pub(crate) held: AtomicBool,
    pub(crate) reached: Notify,
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

pub(crate) fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

/// Workflows, which of them is started, and what is so at the end whatever happened on the way.
pub(crate) struct Story<'a> {
    pub(crate) workflows: &'a [&'a str],
    pub(crate) started: &'a str,
    pub(crate) output: Value,
    /// How many things were done outside, each once.
    pub(crate) effects: usize,
    pub(crate) runs: usize,
}

impl Story<'_> {
    /// Tells it without a crash, then with one before and after each entry. Answers the calm journal of the first run.
    pub(crate) fn survives_a_crash_at_any_entry(&self) -> Vec<Entry> {
        let calm = Premises::new();
        let (entries, all) = runtime().block_on(async {
            let engine = calm.open_with_link(self.workflows).await;
            let run = self.ends_well(&engine, &calm, None).await;
            let mut all = 0;
            for run in all_runs(&engine).await {
                all += engine.history(&run).await.unwrap().len();
            }
            (engine.history(&run).await.unwrap(), all)
        });
        for ordinal in 1..=all as u64 {
            for hold in [Hold::Before(ordinal), Hold::After(ordinal)] {
                let premises = Premises::new();
                self.crash_at(&premises, hold);
                runtime().block_on(async {
                    let engine = premises.open(self.workflows).await;
                    self.ends_well(&engine, &premises, Some(hold)).await;
                    engine.stop(PATIENCE).await;
                });
            }
        }
        entries
    }

    /// Runs until the entry is reached, then stops as if the power had gone: every task is dropped where it stands.
    fn crash_at(&self, premises: &Premises, hold: Hold) {
        let runtime = runtime();
        let holder =
            Arc::new(Holder { hold, held: AtomicBool::new(false), reached: Notify::new() });
        let settings = premises.observed(self.workflows, Arc::clone(&holder) as Arc<dyn Observer>);
        let engine = runtime.block_on(async {
            let engine = Engine::open(settings).await.unwrap();
            engine.put_link(office_link()).await.unwrap();
            let course = async {
                let started = engine.start_run(start(self.started, Some("once"))).await.unwrap();
                to_the_end(&engine, &premises.time, &started.run).await;
                all_at_rest(&engine).await;
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

    async fn ends_well(&self, engine: &Engine, premises: &Premises, hold: Option<Hold>) -> RunId {
        // Whoever got no answer asks again.
        let started = engine.start_run(start(self.started, Some("once"))).await.unwrap();
        let detail = to_the_end(engine, &premises.time, &started.run).await;
        all_at_rest(engine).await;
        assert_eq!(detail.status, RunStatus::Completed, "{hold:?}: {detail:#?}");
        assert_eq!(detail.output.as_ref(), Some(&self.output), "{hold:?}");
        let effects = premises.office.effects();
        assert_eq!(effects.len(), self.effects, "{hold:?}: {effects:?}");
        assert!(effects.values().all(|count| *count == 1), "{hold:?}: nothing twice: {effects:?}");
        assert_eq!(all_runs(engine).await.len(), self.runs, "{hold:?}");
        started.run
    }
}

async fn all_runs(engine: &Engine) -> Vec<RunId> {
    let filter = RunFilter { limit: 100, ..RunFilter::default() };
    engine.runs(&filter).await.unwrap().runs.into_iter().map(|run| run.id).collect()
}

async fn all_at_rest(engine: &Engine) {
    for run in all_runs(engine).await {
        at_rest(engine, &run).await;
    }
}

#[test]
fn a_crash_before_or_after_any_entry_changes_nothing() {
    let output = json!({"desk": 7});
    let story = Story { workflows: &[ARRIVAL], started: "arrival", output, effects: 3, runs: 1 };
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
    assert_eq!(facts(&story.survives_a_crash_at_any_entry()), expected);
}

#[test]
fn what_stood_there_before_is_known_after_a_crash_as_well() {
    let text = one_call("office.desks.move");
    let output = json!({"from": 7});
    let story = Story { workflows: &[&text], started: "one-call", output, effects: 1, runs: 1 };
    let entries = story.survives_a_crash_at_any_entry();
    let Fact::Attempted { before: Some(before), .. } = &entries[1].fact else {
        panic!("it is kept with the attempt: {entries:#?}")
    };
    assert!(before.starts_with("sealed:") && !before.contains("desk"), "{before}");
}

#[test]
fn a_step_that_only_a_person_can_judge_is_never_repeated_by_itself() {
    let premises = Premises::new();
    let text = one_call("office.badges.print");
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
        let detail = at_rest(&engine, &started.run).await;
        assert_eq!(detail.status, RunStatus::Attention, "{detail:#?}");
        assert_eq!(detail.steps[0].note.as_deref(), Some("the printer keeps no list"));
        assert_eq!(premises.office.effects().values().sum::<u32>(), 1);
    });
}
