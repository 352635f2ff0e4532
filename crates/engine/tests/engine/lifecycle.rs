//! Lifecycle events: told of a run, and published for who asks for them.

use callboard_engine::{Engine, RunDetail, RunFilter, RunId, RunStatus};
use serde_json::{Value, json};

use crate::harness::{PATIENCE, Premises, at_rest, start};

const FAULTED: &str = "io.serverlessworkflow.workflow.faulted.v1";

fn head(name: &str) -> String {
    format!("document: {{dsl: 1.0.3, namespace: test, version: 1.0.0, name: {name}}}\n")
}

fn failing(name: &str) -> String {
    let error = "{type: https://test.example/errors/own, status: 409, title: Own}";
    format!("{}do: [{{stop: {{raise: {{error: {error}}}}}}}]\n", head(name))
}

/// A workflow that begins with these events and does that.
fn on(name: &str, filter: &str, tasks: &str) -> String {
    format!("{}schedule: {{on: {{one: {{with: {filter}}}}}}}\ndo: {tasks}\n", head(name))
}

async fn runs(engine: &Engine, workflow: &str) -> Vec<RunId> {
    let filter = RunFilter { workflow: Some(workflow.into()), limit: 200, ..RunFilter::default() };
    engine.runs(&filter).await.unwrap().runs.into_iter().map(|run| run.id).collect()
}

async fn ended(engine: &Engine, run: &RunId) -> RunDetail {
    let done = engine.wait_for_run(run, PATIENCE).await.unwrap();
    assert!(done.status.is_final(), "{done:#?}");
    done
}

async fn kinds(engine: &Engine, run: &RunId) -> Vec<String> {
    let (events, _) = engine.lifecycle(run, 0, 100).await.unwrap();
    let kind = |event: &Value| {
        event["type"].as_str().unwrap().trim_start_matches("io.serverlessworkflow.").to_owned()
    };
    events.iter().map(kind).collect()
}

#[tokio::test]
async fn a_workflow_begins_with_the_faults_of_others_and_with_nothing_else() {
    let premises = Premises::new();
    let watcher = on(
        "watcher",
        &format!("{{type: {FAULTED}}}"),
        "[{note: {set: {of: '${ .[0].definition.name }', status: '${ .[0].error.status }'}}}]",
    );
    let fine = format!("{}do: [{{done: {{set: {{ok: true}}}}}}]\n", head("fine"));
    let engine = premises.open(&[&failing("failing"), &watcher, &fine]).await;
    let fine = engine.start_run(start("fine", None)).await.unwrap().run;
    ended(&engine, &fine).await;
    let failed = engine.start_run(start("failing", None)).await.unwrap().run;
    ended(&engine, &failed).await;
    // The run begins in the transaction of the fault.
    let begun = runs(&engine, "watcher").await;
    assert_eq!(begun.len(), 1);
    let told = ended(&engine, &begun[0]).await;
    assert_eq!(told.output, Some(json!({"of": "failing", "status": 409})), "{told:#?}");
    let source = format!("/runs/{failed}");
    let id = format!("{failed}/2");
    let store = premises.store();
    assert!(store.find_event("", &source, "", &id).await.unwrap().is_some());
    let (events, _) = engine.lifecycle(&failed, 0, 100).await.unwrap();
    assert_eq!(events.last().unwrap()["id"], id, "what is told and what is published is one event");
    let source = format!("/runs/{fine}");
    let nobody = store.find_event("", &source, "", &format!("{fine}/2")).await.unwrap();
    assert!(nobody.is_none(), "nobody asked for it");
}

#[tokio::test]
async fn workflows_that_fault_over_faults_are_stopped() {
    let premises = Premises::new();
    let raise = "[{stop: {raise: {error: {type: https://test.example/errors/own, status: 500, title: Own}}}}]";
    let filter = format!("{{type: {FAULTED}}}");
    let (ping, other) = (on("ping", &filter, raise), on("pong", &filter, raise));
    let alarm = on("alarm", "{type: callboard.trigger.loop}", "[{heard: {set: {ok: true}}}]");
    let cancelled = "{type: io.serverlessworkflow.workflow.cancelled.v1}";
    let sorry = on("sorry", cancelled, "[{heard: {set: {ok: true}}}]");
    let engine = premises.open(&[&ping, &other, &alarm, &sorry]).await;
    let first = engine.start_run(start("ping", None)).await.unwrap().run;
    ended(&engine, &first).await;
    // Each begins the other; the last one is cancelled before it does anything, and an alarm is raised.
    let (store, mut last) = (premises.store(), first);
    for _ in 0..17 {
        ended(&engine, &last).await;
        let (source, id) = (format!("/runs/{last}"), format!("{last}/2"));
        let event = store.find_event("", &source, "", &id).await.unwrap().unwrap();
        assert_eq!(event.runs.len(), 1, "no workflow begins with its own faults");
        last = event.runs[0].clone();
    }
    assert_eq!(ended(&engine, &last).await.status, RunStatus::Cancelled);
    let count = runs(&engine, "ping").await.len() + runs(&engine, "pong").await.len();
    assert_eq!(count, 18);
    let alarms = runs(&engine, "alarm").await;
    assert_eq!(alarms.len(), 1);
    ended(&engine, &alarms[0]).await;
    assert_eq!(runs(&engine, "sorry").await, [], "what was stopped begins nothing");
}

#[tokio::test]
async fn a_halt_is_told_and_heard_by_who_names_it_only() {
    let premises = Premises::new();
    let suspended = "{one: {with: {type: io.serverlessworkflow.workflow.suspended.v1}}}";
    let listening =
        |name: &str, to: &str| format!("{}do: [{{hear: {{listen: {{to: {to}}}}}}}]\n", head(name));
    let named = listening("named", suspended);
    let anything = listening("anything", "{any: []}");
    let sleeper = format!("{}do: [{{rest: {{wait: {{hours: 1}}}}}}]\n", head("sleeper"));
    let engine = premises.open(&[&named, &anything, &sleeper]).await;
    let mut begun = Vec::new();
    for name in ["named", "anything", "sleeper"] {
        let run = engine.start_run(start(name, None)).await.unwrap().run;
        at_rest(&engine, &run).await;
        begun.push(run);
    }
    let sleeper = &begun[2];
    engine.pause(sleeper, "ann").await.unwrap();
    let heard = ended(&engine, &begun[0]).await;
    assert_eq!(heard.output.unwrap()[0]["name"], sleeper.as_str());
    assert_eq!(engine.run(&begun[1]).await.unwrap().status, RunStatus::Waiting);
    engine.resume(sleeper, "ann").await.unwrap();
    let resumed = |run: &RunDetail| run.paused_by.is_none();
    engine.wait_until(sleeper, PATIENCE, resumed).await.unwrap();
    let expected =
        ["workflow.started.v1", "task.started.v1", "workflow.suspended.v1", "workflow.resumed.v1"];
    assert_eq!(kinds(&engine, sleeper).await, expected);
    let (page, more) = engine.lifecycle(sleeper, 1, 2).await.unwrap();
    let numbers: Vec<u64> = page.iter().map(|event| event["sequence"].as_u64().unwrap()).collect();
    assert_eq!((numbers, more), (vec![2, 3], true));
}
