//! `listen` and `emit`: events between runs, from webhooks and from clients.

use callboard_engine::{Engine, EventError, RunDetail, RunFilter, RunId, RunStatus};
use http::HeaderMap;
use jiff::SignedDuration;
use serde_json::{Value, json};

use crate::crashes::Story;
use crate::harness::{PATIENCE, Premises, at_rest, facts, start};

const HEAD: &str = "document: {dsl: 1.0.3, namespace: test, version: 1.0.0, name: ";

fn listening(to: &str) -> String {
    format!("{HEAD}listening}}\ndo: [{{hear: {{listen: {{to: {to}}}}}}}]\n")
}

fn event(id: &str, kind: &str, data: impl Into<Value>) -> Value {
    json!({"specversion": "1.0", "id": id, "source": "/tests", "type": kind, "data": data.into()})
}

async fn publish(engine: &Engine, event: Value) -> callboard_engine::ReceivedEvent {
    engine.receive_events(vec![event]).await.unwrap().events.remove(0)
}

async fn listener(engine: &Engine) -> RunId {
    let run = engine.start_run(start("listening", None)).await.unwrap().run;
    assert_eq!(at_rest(engine, &run).await.status, RunStatus::Waiting);
    run
}

async fn heard(engine: &Engine, run: &RunId) -> RunDetail {
    let done = engine.wait_for_run(run, PATIENCE).await.unwrap();
    assert_eq!(done.status, RunStatus::Completed, "{done:#?}");
    done
}

#[tokio::test]
async fn one_any_and_all_events_are_awaited_and_correlated() {
    let by_room = "correlate: {room: {from: .data.room}}";
    for (to, events, output) in [
        ("{one: {with: {type: a}}}".to_owned(), vec![("b", json!(1)), ("a", json!(2))], json!([2])),
        (
            "{one: {with: {type: a, data: '${ . > 3 }'}}}".to_owned(),
            vec![("a", json!(3)), ("a", json!(4))],
            json!([4]),
        ),
        ("{any: []}".to_owned(), vec![("whatever", json!(1))], json!([1])),
        (
            "{any: [{with: {type: a}}], until: {one: {with: {type: stop}}}}".to_owned(),
            vec![("a", json!(1)), ("a", json!(2)), ("stop", json!(0))],
            json!([1, 2]),
        ),
        (
            "{any: [{with: {type: a}}], until: 'length >= 2'}".to_owned(),
            vec![("a", json!(1)), ("a", json!(2))],
            json!([1, 2]),
        ),
        (
            format!(
                "{{all: [{{with: {{type: a}}, {by_room}}}, {{with: {{type: b}}, {by_room}}}]}}"
            ),
            vec![("a", json!({"room": 1})), ("b", json!({"room": 2})), ("b", json!({"room": 1}))],
            json!([{"room": 1}, {"room": 1}]),
        ),
    ] {
        let premises = Premises::new();
        let engine = premises.open(&[&listening(&to)]).await;
        let run = listener(&engine).await;
        for (place, (kind, data)) in events.into_iter().enumerate() {
            publish(&engine, event(&place.to_string(), kind, data)).await;
        }
        assert_eq!(heard(&engine, &run).await.output, Some(output), "{to}");
        let late = publish(&engine, event("late", "a", 9)).await;
        assert!(!late.duplicate, "nobody listens any more, and nothing fails: {to}");
    }
}

#[tokio::test]
async fn each_event_has_its_turn_and_a_deadline_ends_the_listening() {
    let text = format!(
        "{HEAD}listening}}
do:
  - hear:
      listen: {{to: {{any: [{{with: {{type: a}}}}], until: {{one: {{with: {{type: stop}}}}}}}}}}
      foreach:
        item: it
        do: [{{note: {{call: 'office.notes.write:1@callboard', with: {{text: '${{ $it }}'}}}}}}, {{told: {{set: {{it: '${{ $it }}'}}}}}}]
  - never:
      try: [{{wait: {{timeout: {{after: PT1M}}, listen: {{to: {{one: {{with: {{type: never}}}}}}}}}}}}]
      catch: {{do: [{{late: {{set: {{late: true}}}}}}]}}
"
    );
    let premises = Premises::new();
    let engine = premises.open_with_link(&[&text]).await;
    let run = listener(&engine).await;
    for (id, kind) in [("1", "a"), ("2", "a"), ("3", "stop")] {
        publish(&engine, event(id, kind, format!("note {id}"))).await;
    }
    let deadline = |run: &RunDetail| run.steps.iter().any(|step| step.next_at.is_some());
    engine.wait_until(&run, PATIENCE, deadline).await.unwrap();
    assert_eq!(*premises.office.notes.lock().unwrap(), ["note 1", "note 2"]);
    premises.time.advance(SignedDuration::from_mins(1));
    assert_eq!(heard(&engine, &run).await.output, Some(json!({"late": true})));
}

#[tokio::test]
async fn an_event_counts_once_and_what_is_none_stores_nothing() {
    let premises = Premises::new();
    let engine =
        premises.open(&[&listening("{any: [{with: {type: a}}], until: 'length == 2'}")]).await;
    let run = listener(&engine).await;
    assert!(!publish(&engine, event("1", "a", 1)).await.duplicate);
    assert!(publish(&engine, event("1", "a", 1)).await.duplicate);
    for wrong in [
        json!(1),
        json!({"specversion": "0.3", "id": "2", "source": "/tests", "type": "a"}),
        json!({"specversion": "1.0", "id": "", "source": "/tests", "type": "a"}),
        json!({"specversion": "1.0", "id": "2", "source": "/tests", "type": "a", "time": "soon"}),
    ] {
        let batch = vec![event("2", "a", 2), wrong];
        let error = engine.receive_events(batch).await.unwrap_err();
        assert!(matches!(error, EventError::Invalid { place: 2, .. }), "{error}");
    }
    assert!(!publish(&engine, event("2", "a", 3)).await.duplicate);
    assert_eq!(heard(&engine, &run).await.output, Some(json!([1, 3])));
}

#[tokio::test]
async fn a_webhook_is_heard_as_well_also_after_a_restart() {
    let text = listening("{one: {with: {type: office.person.arrived}}}");
    let premises = Premises::new();
    let engine = premises.open_with_link(&[&text]).await;
    let run = listener(&engine).await;
    engine.stop(PATIENCE).await;
    drop(engine);
    let engine = premises.open(&[&text]).await;
    let headers: HeaderMap = [("x-office-secret".parse().unwrap(), "knock-knock".parse().unwrap())]
        .into_iter()
        .collect();
    let body = br#"{"people":[{"id":"1","action":"arrived","name":"Ada"}]}"#;
    engine.receive_webhook("office", "arrivals", &headers, body).await.unwrap();
    assert_eq!(heard(&engine, &run).await.output, Some(json!([{"name": "Ada"}])));
    let facts = facts(&engine.history(&run).await.unwrap());
    assert_eq!(facts, ["started", "listening", "received", "completed"]);
}

fn telling(name: &str, kind: &str, data: &str) -> String {
    format!(
        "{HEAD}{name}}}\ndo: [{{tell: {{emit: {{event: {{with: {{type: {kind}, data: {data}}}}}}}}}}}]\n"
    )
}

#[tokio::test]
async fn what_a_run_emits_starts_workflows_and_is_heard_by_its_own_branches() {
    let both = format!(
        "{HEAD}both}}
do:
  - together:
      fork:
        branches:
          - hear: {{listen: {{to: {{one: {{with: {{type: hello}}}}}}}}}}
          - tell: {{emit: {{event: {{with: {{type: hello, data: {{n: 1}}}}}}}}}}
"
    );
    let started = format!(
        "{HEAD}started}}\nschedule: {{on: {{one: {{with: {{type: hello}}}}}}}}\ndo: [{{keep: {{set: '${{ .[0] }}'}}}}]\n"
    );
    let premises = Premises::new();
    let engine = premises.open(&[&both, &started]).await;
    let run = engine.start_run(start("both", None)).await.unwrap().run;
    let done = heard(&engine, &run).await;
    assert_eq!(done.output.unwrap()[0], json!([{"n": 1}]));
    let filter = RunFilter { workflow: Some("started".into()), limit: 5, ..RunFilter::default() };
    let begun = engine.runs(&filter).await.unwrap().runs;
    assert_eq!(begun.len(), 1);
    assert_eq!(heard(&engine, &begun[0].id).await.output, Some(json!({"n": 1})));
}

#[tokio::test]
async fn an_event_with_an_id_of_its_own_is_published_once() {
    let head = format!("{HEAD}twice}}\n");
    let tell = "emit: {event: {with: {id: only, source: /here, type: a, data: 1}}}";
    let text = format!("{head}do: [{{first: {{{tell}}}}}, {{second: {{{tell}}}}}]\n");
    let to = "{any: [{with: {type: a}}], until: 'length == 2'}";
    let premises = Premises::new();
    let engine = premises.open(&[&text, &listening(to)]).await;
    let run = listener(&engine).await;
    let telling = engine.start_run(start("twice", None)).await.unwrap().run;
    heard(&engine, &telling).await;
    publish(&engine, event("other", "a", 2)).await;
    assert_eq!(heard(&engine, &run).await.output, Some(json!([1, 2])));
}

#[tokio::test]
async fn an_event_of_a_client_starts_a_workflow_once() {
    let text = format!(
        "{HEAD}started}}\nschedule: {{on: {{one: {{with: {{type: hello}}}}}}}}\ndo: [{{keep: {{set: '${{ .[0] }}'}}}}]\n"
    );
    let premises = Premises::new();
    let engine = premises.open(&[&text]).await;
    let first = publish(&engine, event("1", "hello", json!({"n": 1}))).await;
    let again = publish(&engine, event("1", "hello", json!({"n": 2}))).await;
    assert_eq!((first.runs.len(), &again.runs, again.duplicate), (1, &first.runs, true));
    assert_eq!(heard(&engine, &first.runs[0]).await.output, Some(json!({"n": 1})));
}

#[test]
fn a_crash_at_any_entry_loses_no_event_and_hears_none_twice() {
    let text = format!(
        "{HEAD}meeting}}
do:
  - meet:
      fork:
        branches:
          - hear:
              listen: {{to: {{any: [{{with: {{type: hello}}}}], until: 'length == 2'}}}}
          - invite:
              do:
                - first: {{run: {{workflow: {{namespace: test, name: one, version: 1.0.0}}, await: false}}}}
                - second: {{run: {{workflow: {{namespace: test, name: two, version: latest}}}}}}
  - note: {{call: 'office.notes.write:1@callboard', with: {{text: '${{ .[0] | sort | tostring }}'}}}}
  - count: {{set: {{heard: 2}}}}
"
    );
    let (one, two) = (telling("one", "hello", "1"), telling("two", "hello", "2"));
    let story = Story {
        workflows: &[&text, &one, &two],
        started: "meeting",
        output: json!({"heard": 2}),
        effects: 1,
        runs: 3,
    };
    story.survives_a_crash_at_any_entry();
}
