//! Runs that need several events: windows that count, sets that are collected; and loops that are stopped.

use callboard_engine::{Engine, RunDetail, RunStatus, Time as _};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::backend;
use crate::harness::{ARRIVAL, Premises, at_rest};
use crate::tower::{listener, runs_of};

fn counting(window: &str) -> String {
    format!(
        "document: {{dsl: 1.0.3, namespace: test, name: counting, version: 1.0.0, metadata: {{window: {window}}}}}\n\
         schedule: {{on: {{one: {{with: {{type: '${{ startswith(\"door.\") }}'}}}}}}}}\n\
         do: [{{only: {{set: {{heard: '${{ length }}'}}}}}}]\n"
    )
}

fn collecting(on: &str) -> String {
    format!(
        "document: {{dsl: 1.0.3, namespace: test, name: collecting, version: 1.0.0}}\n\
         schedule: {{on: {on}}}\n\
         do: [{{only: {{set: {{heard: '${{ . }}'}}}}}}]\n"
    )
}

fn event(id: u32, kind: &str, at: Timestamp, data: &Value) -> Value {
    json!({"specversion": "1.0", "id": id.to_string(), "source": "/test", "type": kind, "time": at.to_string(), "data": data})
}

async fn send(engine: &Engine, id: u32, kind: &str, at: Timestamp, data: Value) {
    engine.receive_events(vec![event(id, kind, at, &data)]).await.unwrap();
}

async fn inputs(engine: &Engine, workflow: &str) -> Vec<Value> {
    let mut inputs = Vec::new();
    for run in runs_of(engine, workflow).await {
        inputs.push(at_rest(engine, &run.id).await.input);
    }
    inputs
}

#[tokio::test]
async fn a_window_counts_by_key_and_by_the_time_of_events_and_survives_a_restart() {
    let premises = Premises::new();
    let workflow = counting("{count: 3, by: .data.who, within: PT5M, coolDown: PT30M}");
    let now = premises.time.now();
    let ago = |seconds: i64| now - SignedDuration::from_secs(seconds);
    let engine = premises.open(&[&workflow]).await;
    send(&engine, 1, "door.knock", ago(200), json!({"who": "ada"})).await;
    send(&engine, 2, "door.knock", ago(190), json!({"who": "bob"})).await;
    send(&engine, 2, "door.knock", ago(190), json!({"who": "bob"})).await;
    send(&engine, 3, "door.knock", ago(100), json!({"who": "ada"})).await;
    send(&engine, 4, "door.knock", ago(90), json!({"nobody": true})).await;
    drop(engine);
    let engine = premises.open(&[&workflow]).await;
    // Too old to stand in a window with the others.
    send(&engine, 5, "door.knock", ago(900), json!({"who": "ada"})).await;
    assert!(runs_of(&engine, "counting").await.is_empty());
    // Late, and still inside.
    send(&engine, 6, "door.bell", ago(150), json!({"who": "ada"})).await;
    send(&engine, 7, "door.knock", ago(10), json!({"who": "ada"})).await;
    let runs = inputs(&engine, "counting").await;
    assert_eq!(runs.len(), 1, "{runs:?}");
    assert_eq!(runs[0].as_array().unwrap().len(), 3);
    premises.time.advance(SignedDuration::from_mins(31));
    let later = premises.time.now();
    for id in 8..=10 {
        send(&engine, id, "door.knock", later, json!({"who": "ada"})).await;
    }
    assert_eq!(inputs(&engine, "counting").await.len(), 2);
}

#[tokio::test]
async fn events_that_belong_together_start_one_run() {
    let on = "{all: [{with: {type: a}, correlate: {order: {from: .data.order}}}, \
              {with: {type: b}, correlate: {order: {from: .data.order}}}]}";
    let premises = Premises::new();
    let workflow = collecting(on);
    let now = premises.time.now();
    let engine = premises.open(&[&workflow]).await;
    send(&engine, 1, "a", now, json!({"order": 1})).await;
    send(&engine, 2, "b", now, json!({"order": 2})).await;
    send(&engine, 3, "a", now, json!({"order": 1, "again": true})).await;
    drop(engine);
    let engine = premises.open(&[&workflow]).await;
    assert!(runs_of(&engine, "collecting").await.is_empty());
    send(&engine, 4, "b", now, json!({"order": 1})).await;
    assert_eq!(inputs(&engine, "collecting").await, [json!([{"order": 1}, {"order": 1}])]);
    send(&engine, 5, "b", now, json!({"order": 1, "second": true})).await;
    let all = inputs(&engine, "collecting").await;
    assert_eq!(all[1], json!([{"order": 1, "again": true}, {"order": 1, "second": true}]));
}

#[tokio::test]
async fn events_are_gathered_until_something_happens() {
    for (on, last) in [
        ("{any: [{with: {type: a}}], until: 'length == 3'}", "a"),
        ("{any: [{with: {type: a}}], until: {one: {with: {type: stop}}}}", "stop"),
    ] {
        let premises = Premises::new();
        let workflow = collecting(on);
        let now = premises.time.now();
        let engine = premises.open(&[&workflow]).await;
        send(&engine, 1, "a", now, json!(1)).await;
        send(&engine, 2, "a", now, json!(2)).await;
        assert!(runs_of(&engine, "collecting").await.is_empty(), "{on}");
        send(&engine, 3, last, now, json!(3)).await;
        let found = inputs(&engine, "collecting").await;
        let expected = if last == "a" { json!([1, 2, 3]) } else { json!([1, 2]) };
        assert_eq!(found, [expected], "{on}");
    }
}

#[tokio::test]
async fn of_a_thousand_events_that_wait_the_oldest_makes_room_for_the_next() {
    let on = "{all: [{with: {type: a}}, {with: {type: b}}]}";
    let premises = Premises::new();
    let workflow = collecting(on);
    let began = premises.time.now() - SignedDuration::from_secs(1_100);
    let at = |id: u32| began + SignedDuration::from_secs(id.into());
    let engine = premises.open(&[&workflow]).await;
    let all: Vec<Value> = (1..=1_003).map(|id| event(id, "a", at(id), &json!(id))).collect();
    for some in all.chunks(100) {
        engine.receive_events(some.to_vec()).await.unwrap();
    }
    send(&engine, 2_000, "b", at(1_050), json!("b")).await;
    assert_eq!(inputs(&engine, "collecting").await, [json!([4, "b"])]);
}

#[tokio::test]
async fn an_event_is_weighed_with_none_but_those_that_can_stand_in_a_window_with_it() {
    let premises = Premises::new();
    let workflow = counting("{count: 2, within: PT5M}");
    let now = premises.time.now();
    let engine = premises.open(&[&workflow]).await;
    send(&engine, 1, "door.knock", now - SignedDuration::from_mins(9), json!(1)).await;
    // Whoever reads it cannot go on.
    backend::execute_at(premises.place(), "UPDATE gathered SET given = '{'");
    send(&engine, 2, "door.knock", now - SignedDuration::from_mins(1), json!(2)).await;
    send(&engine, 3, "door.knock", now, json!(3)).await;
    assert_eq!(inputs(&engine, "counting").await, [json!([2, 3])]);
}

#[tokio::test]
async fn a_window_of_one_is_full_however_finely_the_event_tells_its_time() {
    let premises = Premises::new();
    let workflow = counting("{count: 1, within: PT5M}");
    let engine = premises.open(&[&workflow]).await;
    let at = premises.time.now() - SignedDuration::from_nanos(1_500);
    send(&engine, 1, "door.knock", at, json!(1)).await;
    assert_eq!(inputs(&engine, "counting").await, [json!([1])]);
}

#[tokio::test]
async fn a_condition_that_makes_no_sense_is_refused_with_a_sentence() {
    let premises = Premises::new();
    let engine = premises.open(&[]).await;
    let mixed = collecting(
        "{all: [{with: {type: a}, correlate: {x: {from: .data.x}}}, {with: {type: b}}]}",
    );
    for (text, sentence) in [
        (counting("{count: 3}"), "how long"),
        (counting("{within: PT5M}"), "how many"),
        (counting("{count: 0, within: PT5M}"), "from 1 to"),
        (counting("{count: 3, within: PT5M, cooldown: PT5M}"), "no `cooldown`"),
        (mixed, "the same names"),
    ] {
        let source = callboard_engine::Source { file: "a.yaml".into(), text };
        let problems = engine.library().check(&source).unwrap_err().to_string();
        assert!(problems.contains(sentence), "{problems}");
    }
}

#[tokio::test]
async fn runs_that_begin_each_other_without_end_are_stopped_and_that_is_said() {
    let echo = |name: &str, hears: &str, says: &str| {
        format!(
            "document: {{dsl: 1.0.3, namespace: test, name: {name}, version: 1.0.0}}\n\
             schedule: {{on: {{one: {{with: {{type: {hears}}}}}}}}}\n\
             do: [{{say: {{emit: {{event: {{with: {{source: /test, type: {says}}}}}}}}}}}]\n"
        )
    };
    let premises = Premises::new();
    let (first, second) = (echo("ping", "pong", "ping"), echo("pong", "ping", "pong"));
    let alarm = listener("on-loop", "callboard.trigger.loop");
    let engine = premises.open(&[&first, &second, &alarm]).await;
    send(&engine, 1, "ping", premises.time.now(), json!({})).await;
    let stopped = first_run(&engine, "on-loop").await;
    assert_eq!(stopped.status, RunStatus::Completed);
    let run = stopped.input[0]["run"].as_str().unwrap().parse().unwrap();
    let last = at_rest(&engine, &run).await;
    assert_eq!(last.status, RunStatus::Cancelled);
    assert!(last.cancelled_by.unwrap().contains("loop guard"));
    let all = runs_of(&engine, "ping").await.len() + runs_of(&engine, "pong").await.len();
    assert_eq!(all, 18);
}

/// Waits for a run of the workflow, and for its end.
async fn first_run(engine: &Engine, workflow: &str) -> RunDetail {
    let deadline = tokio::time::Instant::now() + crate::harness::PATIENCE;
    loop {
        if let Some(run) = runs_of(engine, workflow).await.first() {
            return at_rest(engine, &run.id).await;
        }
        assert!(tokio::time::Instant::now() < deadline, "{workflow} should begin by now");
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn what_was_gathered_for_a_workflow_goes_with_it() {
    let premises = Premises::new();
    let workflow = counting("{count: 3, by: .data.who, within: PT5M}");
    let (now, store) = (premises.time.now(), premises.store());
    let engine = premises.open(&[&workflow]).await;
    send(&engine, 1, "door.knock", now, json!({"who": "ada"})).await;
    drop(engine);
    // Another version in the same place, and in another file.
    let changed = workflow.replace("1.0.0", "1.0.1");
    drop(premises.open(&[&changed]).await);
    drop(premises.open(&[ARRIVAL, &changed]).await);
    assert_eq!(store.gathering("counting").await.unwrap().0, 1);
    drop(premises.open(&[ARRIVAL]).await);
    assert_eq!(store.gathering("counting").await.unwrap().0, 0);
}
