//! Runs that take turns by `document.metadata.concurrency`.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use callboard_engine::journal::Fact;
use callboard_engine::{
    AgainRequest, Engine, Entry, Observer, RunDetail, RunFilter, RunId, RunStatus, Settings,
    StartError, StartRequest,
};
use serde_json::{Value, json};

use crate::backend;
use crate::harness::{PATIENCE, Premises, at_rest, facts, office_link, start, to_the_end};

/// One run for each name at a time: it rests, then writes its note.
const TURNS: &str = "
document:
  {dsl: 1.0.3, namespace: test, name: turns, version: 1.0.0, metadata: {concurrency: {key: .name}}}
schedule: {on: {one: {with: {type: turn}}}}
do:
  - rest: {wait: {seconds: 30}}
  - note: {call: 'office.notes.write:1@callboard', with: {text: '${ $workflow.input.note }'}}
";

async fn begin(engine: &Engine, name: impl Into<Value>, note: &str) -> RunId {
    let input = json!({"name": name.into(), "note": note});
    engine.start_run(StartRequest { input, ..start("turns", None) }).await.unwrap().run
}

/// It waits, and for nothing but the other.
async fn waits_behind(engine: &Engine, run: &RunId, other: &RunId) {
    let now = at_rest(engine, run).await;
    let why = format!("waits for its turn behind {other}");
    assert_eq!((now.status, now.next_at), (RunStatus::Waiting, None), "{now:#?}");
    assert_eq!((now.note, now.steps.len()), (Some(why), 0));
}

async fn goes(engine: &Engine, run: &RunId) {
    let rests = |now: &RunDetail| now.status == RunStatus::Waiting && now.next_at.is_some();
    let now = engine.wait_until(run, PATIENCE, rests).await.unwrap();
    assert!(rests(&now), "its turn should have come by now: {now:#?}");
    assert_eq!(now.note, None);
}

#[tokio::test]
async fn runs_with_the_same_key_go_one_after_the_other_also_after_a_restart() {
    let premises = Premises::new();
    let engine = premises.open_with_link(&[TURNS]).await;
    let first = begin(&engine, "Ada", "1").await;
    let second = begin(&engine, "Ada", "2").await;
    let third = begin(&engine, "Ada", "3").await;
    let other = begin(&engine, "Bob", "beside").await;
    goes(&engine, &first).await;
    goes(&engine, &other).await;
    waits_behind(&engine, &second, &first).await;
    waits_behind(&engine, &third, &second).await;

    engine.stop(PATIENCE).await;
    drop(engine);
    let engine = premises.open(&[TURNS]).await;
    waits_behind(&engine, &second, &first).await;
    for run in [&first, &second, &third] {
        goes(&engine, run).await;
        let done = to_the_end(&engine, &premises.time, run).await;
        assert_eq!(done.status, RunStatus::Completed, "{done:#?}");
    }
    to_the_end(&engine, &premises.time, &other).await;
    let notes = premises.office.notes.lock().unwrap().clone();
    let of_ada: Vec<&String> = notes.iter().filter(|note| *note != "beside").collect();
    assert_eq!(of_ada, ["1", "2", "3"]);
    let history = facts(&engine.history(&second).await.unwrap());
    assert_eq!(history[..4], ["started", "awaits_turn", "turn_came", "timer_set"]);
    let began = facts(&engine.history(&first).await.unwrap());
    assert_eq!(began[..2], ["started", "timer_set"]);
}

#[tokio::test]
async fn who_waits_can_be_cancelled_at_once_and_nobody_waits_for_it() {
    let premises = Premises::new();
    let engine = premises.open_with_link(&[TURNS]).await;
    let first = begin(&engine, "Ada", "1").await;
    let second = begin(&engine, "Ada", "2").await;
    let third = begin(&engine, "Ada", "3").await;
    goes(&engine, &first).await;
    engine.cancel(&second, "ann").await.unwrap();
    let gone = engine.wait_for_run(&second, PATIENCE).await.unwrap();
    assert_eq!((gone.status, gone.note), (RunStatus::Cancelled, None));
    waits_behind(&engine, &third, &second).await;
    // Nor does it matter how the one that goes ends.
    engine.cancel(&first, "ann").await.unwrap();
    goes(&engine, &third).await;
    to_the_end(&engine, &premises.time, &third).await;
    assert_eq!(*premises.office.notes.lock().unwrap(), ["3"]);
}

#[tokio::test]
async fn a_run_that_is_paused_while_it_waits_keeps_its_place() {
    let premises = Premises::new();
    let engine = premises.open_with_link(&[TURNS]).await;
    let first = begin(&engine, "Ada", "1").await;
    let second = begin(&engine, "Ada", "2").await;
    let third = begin(&engine, "Ada", "3").await;
    engine.pause(&second, "ann").await.unwrap();
    let is_paused = |now: &RunDetail| now.status == RunStatus::Paused;
    engine.wait_until(&second, PATIENCE, is_paused).await.unwrap();
    goes(&engine, &first).await;
    to_the_end(&engine, &premises.time, &first).await;
    let its_turn = |now: &RunDetail| now.note.is_none();
    let now = engine.wait_until(&second, PATIENCE, its_turn).await.unwrap();
    assert_eq!((now.status, now.note), (RunStatus::Paused, None));
    waits_behind(&engine, &third, &second).await;
    engine.resume(&second, "ann").await.unwrap();
    goes(&engine, &second).await;
    to_the_end(&engine, &premises.time, &second).await;
    goes(&engine, &third).await;
}

#[tokio::test]
async fn a_key_of_nothing_keeps_nobody_waiting_and_one_that_fails_refuses_the_start() {
    let premises = Premises::new();
    let engine = premises.open_with_link(&[TURNS]).await;
    for _ in 0..2 {
        let run = begin(&engine, Value::Null, "whenever").await;
        goes(&engine, &run).await;
    }
    let request = StartRequest { input: json!([1]), ..start("turns", None) };
    let error = engine.start_run(request).await.unwrap_err();
    assert!(matches!(error, StartError::NoConcurrencyKey { .. }), "{error}");
    assert!(error.to_string().contains("\".name\" failed"), "{error}");

    // Nobody asks on behalf of an event: the run says it.
    let event = json!({"specversion": "1.0", "id": "1", "source": "/tests", "type": "turn"});
    let received = engine.receive_events(vec![event]).await.unwrap().events.remove(0);
    let done = engine.wait_for_run(&received.runs[0], PATIENCE).await.unwrap();
    assert_eq!((done.status, done.steps.len()), (RunStatus::Faulted, 0), "{done:#?}");
    let error = done.error.unwrap().detail.unwrap();
    assert!(error.contains("the concurrency key cannot be told"), "{error}");
}

#[tokio::test]
async fn a_run_again_takes_its_turn_like_any_other() {
    let premises = Premises::new();
    let engine = premises.open_with_link(&[TURNS]).await;
    let first = begin(&engine, "Ada", "1").await;
    to_the_end(&engine, &premises.time, &first).await;
    let second = begin(&engine, "Ada", "2").await;
    let again = AgainRequest { run: first, idempotency_key: None, by: "ann".into() };
    let heir = engine.rerun(again).await.unwrap().run;
    waits_behind(&engine, &heir, &second).await;
    engine.cancel(&second, "ann").await.unwrap();
    engine.wait_for_run(&second, PATIENCE).await.unwrap();
    let again = AgainRequest { run: second.clone(), idempotency_key: None, by: "ann".into() };
    let retried = engine.retry(again, None).await.unwrap().run;
    waits_behind(&engine, &retried, &heir).await;
    for run in [&heir, &retried] {
        goes(&engine, run).await;
        to_the_end(&engine, &premises.time, run).await;
    }
    assert_eq!(*premises.office.notes.lock().unwrap(), ["1", "1", "2"]);
}

#[tokio::test]
async fn a_run_does_not_wait_for_one_that_waits_for_it() {
    let text = "
document: {dsl: 1.0.3, namespace: test, name: self, version: 1.0.0, metadata: {concurrency: {limit: 1}}}
do: [{below: {run: {workflow: {namespace: test, name: self, version: latest}}}}]
";
    let premises = Premises::new();
    let engine = premises.open(&[text]).await;
    let run = engine.start_run(start("self", None)).await.unwrap().run;
    let done = engine.wait_for_run(&run, PATIENCE).await.unwrap();
    assert_eq!(done.status, RunStatus::Faulted, "{done:#?}");
    assert!(done.error.unwrap().detail.unwrap().contains("would wait for its own end"));
}

#[tokio::test]
async fn runs_of_a_window_take_turns_by_the_events_in_it() {
    let text = "
document:
  dsl: 1.0.3
  namespace: test
  name: pairs
  version: 1.0.0
  metadata: {window: {count: 2, by: .data.who, within: PT1H, coolDown: PT1S}, concurrency: {key: '.[0].team'}}
schedule: {on: {one: {with: {type: knock}}}}
do: [{rest: {wait: {seconds: 30}}}]
";
    let premises = Premises::new();
    let engine = premises.open(&[text]).await;
    for (id, who, team) in [(1, "a", "x"), (2, "b", "x"), (3, "c", "y")] {
        for half in ["left", "right"] {
            let id = format!("{id}{half}");
            let data = json!({"who": who, "team": team});
            let event = json!({"specversion": "1.0", "id": id, "source": "/tests", "type": "knock", "data": data});
            engine.receive_events(vec![event]).await.unwrap();
        }
    }
    let filter = RunFilter { limit: 10, ..RunFilter::default() };
    let runs = engine.runs(&filter).await.unwrap().runs;
    let mut by_name = Vec::new();
    for run in runs {
        let input = engine.run(&run.id).await.unwrap().input;
        by_name.push((input[0]["who"].to_string(), run.id));
    }
    by_name.sort();
    let [(_, a), (_, b), (_, c)] = &by_name[..] else { panic!("one for each: {by_name:?}") };
    goes(&engine, a).await;
    goes(&engine, c).await;
    waits_behind(&engine, b, a).await;
    to_the_end(&engine, &premises.time, a).await;
    goes(&engine, b).await;
}

/// Which runs of the lane are between their first attempt and the commit of their end, and how many at most.
#[derive(Default)]
struct Crowd(Mutex<(BTreeSet<String>, usize)>);

#[async_trait]
impl Observer for Crowd {
    async fn before_commit(&self, _: u64, run: &RunId, entries: &[Entry]) {
        let mut crowd = self.0.lock().unwrap();
        for entry in entries {
            match entry.fact {
                Fact::Attempted { .. } => {
                    crowd.0.insert(run.to_string());
                    crowd.1 = crowd.1.max(crowd.0.len());
                }
                Fact::Completed { .. } => {
                    crowd.0.remove(run.as_str());
                }
                _ => {}
            }
        }
    }

    async fn after_commit(&self, _: u64, _: &RunId, _: &[Entry]) {}
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn never_more_than_the_limit_go_also_on_several_engines_and_all_come_to_an_end() {
    const TEXT: &str = "
document: {dsl: 1.0.3, namespace: test, name: crowd, version: 1.0.0, metadata: {concurrency: {limit: 2}}}
do:
  - one: {call: 'office.notes.write:1@callboard', with: {text: one}}
  - two: {call: 'office.notes.write:1@callboard', with: {text: two}}
";
    let premises = Premises::new();
    let crowd = Arc::new(Crowd::default());
    // Only a server is shared.
    let nodes = if backend::postgres().is_some() { 3 } else { 1 };
    let mut engines = Vec::new();
    for node in 0..nodes {
        let settings = premises.observed(&[TEXT], Arc::clone(&crowd) as Arc<dyn Observer>);
        let settings = Settings { node: format!("node-{node}"), ..settings };
        engines.push(Engine::open(settings).await.unwrap());
    }
    engines[0].put_link(office_link()).await.unwrap();
    let mut runs = Vec::new();
    for count in 0..24 {
        let engine = &engines[count % engines.len()];
        runs.push(engine.start_run(start("crowd", None)).await.unwrap().run);
    }
    for run in &runs {
        let done = engines[0].wait_for_run(run, PATIENCE).await.unwrap();
        assert_eq!(done.status, RunStatus::Completed, "{done:#?}");
    }
    assert!(crowd.0.lock().unwrap().1 <= 2, "two at a time");
    assert_eq!(premises.office.notes.lock().unwrap().len(), 48);
    for engine in engines {
        engine.stop(PATIENCE).await;
    }
}
