//! Several nodes on one PostgreSQL database. Without one these say nothing: `tests/with-postgres` starts one.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use callboard_engine::{
    Engine, Entry, KeySource, Observer, OpenError, RunFilter, RunId, RunStatus, Settings, Time as _,
};
use jiff::SignedDuration;
use serde_json::json;
use tokio::sync::Notify;

use crate::backend;
use crate::crashes::runtime;
use crate::harness::{
    ARRIVAL, Fate, ManualTime, PATIENCE, Premises, at_rest, office_link, one_call, start,
    to_the_end,
};

const DESK: &str = "office.desks.assign";

/// Premises that nodes share, and the clock of their leases.
struct Shared {
    premises: Premises,
    leases: Arc<ManualTime>,
}

impl Shared {
    fn new() -> Option<Self> {
        backend::postgres()?;
        Some(Self { premises: Premises::new(), leases: ManualTime::new() })
    }

    fn settings(&self, node: &str, workflows: &[&str]) -> Settings {
        let leases = Arc::clone(&self.leases);
        Settings {
            node: node.into(),
            lease_clock: Arc::new(move || leases.now()),
            ..self.premises.settings(workflows)
        }
    }

    async fn node(&self, node: &str, workflows: &[&str]) -> Engine {
        Engine::open(self.settings(node, workflows)).await.unwrap()
    }

    /// Every thing that was done outside, and each once.
    fn effects(&self) -> usize {
        let effects = self.premises.office.effects();
        assert!(effects.values().all(|count| *count == 1), "nothing twice: {effects:?}");
        effects.len()
    }
}

/// Asks until it is so.
async fn until(what: &str, mut wanted: impl AsyncFnMut() -> bool) {
    let asking = async {
        while !wanted().await {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, asking).await.unwrap_or_else(|_| panic!("{what} by now"));
}

#[test]
fn a_node_that_dies_is_followed_by_another_once_its_lease_is_over() {
    let Some(shared) = Shared::new() else { return };
    let text = one_call(DESK);
    shared.premises.office.will(DESK, Fate::Dawdles);
    let dying = runtime();
    let (engine, run) = dying.block_on(async {
        let engine = shared.node("one", &[&text]).await;
        engine.put_link(office_link()).await.unwrap();
        let run = engine.start_run(start("one-call", None)).await.unwrap().run;
        shared.premises.office.dawdling.notified().await;
        (engine, run)
    });
    // In this order: tasks die before anybody can ask them to stop.
    dying.shutdown_timeout(PATIENCE);
    drop(engine);
    runtime().block_on(async {
        let engine = shared.node("two", &[&text]).await;
        let other = engine.start_run(start("one-call", None)).await.unwrap().run;
        engine.wait_for_run(&other, PATIENCE).await.unwrap();
        assert_eq!(engine.run(&run).await.unwrap().status, RunStatus::Running, "still leased");

        shared.leases.advance(SignedDuration::from_secs(61));
        // Anything makes it look around.
        engine.start_run(start("one-call", None)).await.unwrap();
        let done = engine.wait_for_run(&run, PATIENCE).await.unwrap();
        assert_eq!(done.status, RunStatus::Completed, "{done:#?}");
        until("three desks are assigned", async || shared.effects() == 3).await;
        engine.stop(PATIENCE).await;
    });
}

#[tokio::test]
async fn a_node_takes_no_runs_of_a_living_one_that_was_given_its_name() {
    let Some(shared) = Shared::new() else { return };
    let text = one_call(DESK);
    shared.premises.office.will(DESK, Fate::Dawdles);
    let engine = shared.node("one", &[&text]).await;
    engine.put_link(office_link()).await.unwrap();
    let run = engine.start_run(start("one-call", None)).await.unwrap().run;
    shared.premises.office.dawdling.notified().await;

    let twin = shared.node("one", &[&text]).await;
    let next = twin.start_run(start("one-call", None)).await.unwrap().run;
    twin.wait_for_run(&next, PATIENCE).await.unwrap();
    assert_eq!(twin.run(&run).await.unwrap().status, RunStatus::Running, "it is left alone");
    shared.premises.office.hurry.notify_one();
    let done = engine.wait_for_run(&run, PATIENCE).await.unwrap();
    assert_eq!(done.status, RunStatus::Completed, "{done:#?}");
    assert_eq!(shared.effects(), 2);

    // The name is free when both are gone, and the next one has it at once.
    drop((engine, twin));
    let store = shared.premises.store();
    assert!(store.disown("one", "third").await.unwrap());
}

/// Stands still before its n-th entry, until it may go on.
#[derive(Default)]
struct Pause {
    before: u64,
    reached: Notify,
    go_on: Notify,
}

#[async_trait]
impl Observer for Pause {
    async fn before_commit(&self, ordinal: u64, _: &RunId, entries: &[Entry]) {
        if (ordinal..ordinal + entries.len() as u64).contains(&self.before) {
            self.reached.notify_one();
            self.go_on.notified().await;
        }
    }

    async fn after_commit(&self, _: u64, _: &RunId, _: &[Entry]) {}
}

#[tokio::test]
async fn what_a_node_writes_that_slept_through_its_lease_is_refused() {
    let Some(shared) = Shared::new() else { return };
    let text = one_call(DESK);
    // Started, attempted: the third tells the outcome.
    let pause = Arc::new(Pause { before: 3, ..Pause::default() });
    let observer = Some(Arc::clone(&pause) as Arc<dyn Observer>);
    let sleeper = Settings { observer, ..shared.settings("sleeper", &[&text]) };
    let sleeper = Engine::open(sleeper).await.unwrap();
    sleeper.put_link(office_link()).await.unwrap();
    let run = sleeper.start_run(start("one-call", None)).await.unwrap().run;
    pause.reached.notified().await;

    shared.leases.advance(SignedDuration::from_secs(61));
    let other = shared.node("other", &[&text]).await;
    let done = other.wait_for_run(&run, PATIENCE).await.unwrap();
    assert_eq!(done.status, RunStatus::Completed, "{done:#?}");
    let history = other.history(&run).await.unwrap();

    pause.go_on.notify_one();
    // It has lost this run, and goes on with others.
    let next = sleeper.start_run(start("one-call", None)).await.unwrap().run;
    sleeper.wait_for_run(&next, PATIENCE).await.unwrap();
    sleeper.stop(PATIENCE).await;
    assert_eq!(other.history(&run).await.unwrap(), history);
    assert_eq!(shared.effects(), 2);
    other.stop(PATIENCE).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_occurrence_begins_one_run_whoever_is_first() {
    let Some(shared) = Shared::new() else { return };
    let text = format!("{}schedule: {{cron: '* * * * *'}}\n", one_call(DESK));
    let nodes = [
        shared.node("one", &[&text]).await,
        shared.node("two", &[&text]).await,
        shared.node("three", &[&text]).await,
    ];
    nodes[0].put_link(office_link()).await.unwrap();
    let all = RunFilter { limit: 500, ..RunFilter::default() };
    for minute in 1..=10 {
        shared.premises.time.advance(SignedDuration::from_mins(1));
        until("the next one has ended", async || {
            let runs = nodes[minute % 3].runs(&all).await.unwrap().runs;
            runs.len() >= minute && runs.iter().all(|run| run.status.is_final())
        })
        .await;
    }
    for node in &nodes {
        node.stop(PATIENCE).await;
    }
    assert_eq!(nodes[0].runs(&all).await.unwrap().runs.len(), 10);
    assert_eq!(shared.effects(), 10);
}

/// Counts what a node writes.
#[derive(Default)]
struct Count(AtomicU64);

#[async_trait]
impl Observer for Count {
    async fn before_commit(&self, _: u64, _: &RunId, entries: &[Entry]) {
        self.0.fetch_add(entries.len() as u64, Ordering::Relaxed);
    }

    async fn after_commit(&self, _: u64, _: &RunId, _: &[Entry]) {}
}

#[tokio::test(flavor = "multi_thread")]
async fn nodes_share_the_work_and_do_everything_once() {
    let Some(shared) = Shared::new() else { return };
    let text = one_call(DESK);
    let (mut nodes, mut counts) = (Vec::new(), Vec::new());
    for node in ["one", "two", "three"] {
        let count = Arc::new(Count::default());
        let observer = Some(Arc::clone(&count) as Arc<dyn Observer>);
        let settings = Settings { observer, ..shared.settings(node, &[&text]) };
        nodes.push(Engine::open(settings).await.unwrap());
        counts.push(count);
    }
    nodes[0].put_link(office_link()).await.unwrap();
    let mut runs = Vec::new();
    for _ in 0..200 {
        // All of them are started at one.
        runs.push(nodes[0].start_run(start("one-call", None)).await.unwrap().run);
    }
    for (place, run) in runs.iter().enumerate() {
        let done = nodes[place % 3].wait_for_run(run, PATIENCE).await.unwrap();
        assert_eq!(done.status, RunStatus::Completed, "{done:#?}");
    }
    assert_eq!(shared.effects(), 200);
    let written: Vec<u64> = counts.iter().map(|count| count.0.load(Ordering::Relaxed)).collect();
    assert!(written.iter().all(|count| *count > 0), "each did its part: {written:?}");
    for node in &nodes {
        node.stop(PATIENCE).await;
    }
}

#[tokio::test]
async fn what_is_arranged_at_one_node_holds_at_the_others() {
    let Some(shared) = Shared::new() else { return };
    let text = one_call(DESK);
    let (one, two) = (shared.node("one", &[&text]).await, shared.node("two", &[&text]).await);
    let run = two.start_run(start("one-call", None)).await.unwrap().run;
    assert_eq!(at_rest(&two, &run).await.status, RunStatus::Attention, "there is no link");

    one.put_link(office_link()).await.unwrap();
    let done = two.wait_for_run(&run, PATIENCE).await.unwrap();
    assert_eq!(done.status, RunStatus::Completed, "{done:#?}");
    until("the link is known", async || two.links().get("office").is_ok()).await;
    one.put_secret("token", "\"x\"".into()).await.unwrap();
    until("the secret is known", async || !two.secrets().is_empty()).await;
    one.links().remove("office").await.unwrap();
    until("the link is gone", async || two.links().get("office").is_err()).await;

    one.stop(PATIENCE).await;
    two.stop(PATIENCE).await;
}

#[tokio::test]
async fn a_library_that_one_node_reads_again_is_that_of_all() {
    let Some(shared) = Shared::new() else { return };
    let folder = Some(shared.premises.library_folder());
    let at =
        |node: &str| Settings { workflows_folder: folder.clone(), ..shared.settings(node, &[]) };
    let one = Engine::open(at("one")).await.unwrap();
    let two = Engine::open(at("two")).await.unwrap();
    assert!(two.library().find("one-call").is_none());
    let file = shared.premises.library_folder().join("desk.yaml");
    std::fs::write(file, one_call(DESK)).unwrap();
    assert!(one.reload_library().await.unwrap().is_empty());
    until("the workflow is known", async || two.library().find("one-call").is_some()).await;
    one.stop(PATIENCE).await;
    two.stop(PATIENCE).await;
}

#[tokio::test]
async fn what_is_said_at_one_node_is_heard_where_the_run_is() {
    let Some(shared) = Shared::new() else { return };
    let listening = "document: {dsl: 1.0.3, namespace: test, name: listening, version: 1.0.0}\n\
                     do: [{hear: {listen: {to: {one: {with: {type: a}}}}}}]\n";
    let texts = [ARRIVAL, listening];
    let (one, two) = (shared.node("one", &texts).await, shared.node("two", &texts).await);
    one.put_link(office_link()).await.unwrap();

    let listener = one.start_run(start("listening", None)).await.unwrap().run;
    assert_eq!(at_rest(&two, &listener).await.status, RunStatus::Waiting);
    let event =
        json!({"specversion": "1.0", "id": "1", "source": "/tests", "type": "a", "data": 7});
    two.receive_events(vec![event]).await.unwrap();
    let done = one.wait_for_run(&listener, PATIENCE).await.unwrap();
    assert_eq!(done.output, Some(json!([7])), "{done:#?}");

    shared.premises.office.will(DESK, Fate::Dawdles);
    let run = one.start_run(start("arrival", None)).await.unwrap().run;
    shared.premises.office.dawdling.notified().await;
    two.cancel(&run, "ada").await.unwrap();
    shared.premises.office.hurry.notify_one();
    for node in [&one, &two] {
        let done = node.wait_for_run(&run, PATIENCE).await.unwrap();
        assert_eq!(done.status, RunStatus::Cancelled, "{done:#?}");
    }

    let run = one.start_run(start("arrival", None)).await.unwrap().run;
    let done = to_the_end(&two, &shared.premises.time, &run).await;
    assert_eq!(done.status, RunStatus::Completed, "{done:#?}");
    one.stop(PATIENCE).await;
    two.stop(PATIENCE).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_that_break_lose_and_double_nothing() {
    let Some(shared) = Shared::new() else { return };
    let engine = shared.node("one", &[ARRIVAL]).await;
    engine.put_link(office_link()).await.unwrap();
    let mut runs = Vec::new();
    for number in 0..60 {
        let key = format!("run {number}");
        // Whoever got no answer asks again.
        runs.push(engine.start_run(start("arrival", Some(&key))).await.unwrap().run);
        if number % 3 == 0 {
            backend::break_connections(shared.premises.place());
        }
    }
    for run in &runs {
        let done = to_the_end(&engine, &shared.premises.time, run).await;
        assert_eq!(done.status, RunStatus::Completed, "{done:#?}");
    }
    assert_eq!(shared.effects(), 180);
    engine.stop(PATIENCE).await;
}

#[tokio::test]
async fn a_start_with_another_key_is_refused() {
    let premises = Premises::new();
    premises.open(&[]).await.stop(PATIENCE).await;
    let other = KeySource::Given("ab".repeat(32).into());
    let refused = Engine::open(Settings { key: other, ..premises.settings(&[]) }).await;
    assert!(matches!(refused.err(), Some(OpenError::OtherKey)));
}

#[tokio::test]
async fn a_wrong_key_is_not_taken_for_the_right_one_of_older_data() {
    let premises = Premises::new();
    premises.open_with_link(&[]).await.stop(PATIENCE).await;
    // As before there was a check of the key.
    backend::execute_at(premises.place(), "DELETE FROM settings");
    let other = KeySource::Given("ab".repeat(32).into());
    let refused = Engine::open(Settings { key: other, ..premises.settings(&[]) }).await;
    assert!(matches!(refused.err(), Some(OpenError::Links(_))));
    premises.open(&[]).await.stop(PATIENCE).await;
}
