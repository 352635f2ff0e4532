//! `run: workflow`: runs that begin runs.

use callboard_engine::{Engine, RunDetail, RunFilter, RunId, RunStatus};
use jiff::SignedDuration;
use serde_json::json;

use crate::crashes::Story;
use crate::harness::{PATIENCE, Premises, at_rest, printed, start, to_the_end};

const HEAD: &str = "document: {dsl: 1.0.3, namespace: test, version: 1.0.0, name: ";

fn parent(run: &str) -> String {
    format!("{HEAD}parent}}\ndo: [{{below: {{run: {{{run}}}}}}}]\n")
}

const CHILD: &str = "
document: {dsl: 1.0.3, namespace: test, name: child, version: 1.0.0}
do:
  - desk: {call: 'office.desks.assign:1@callboard', with: {person: '${ .who }'}}
  - pause: {wait: {seconds: 30}}
";

const BELOW: &str =
    "workflow: {namespace: test, name: child, version: latest, input: {who: '${ .name }'}}";

async fn only_child(engine: &Engine) -> RunId {
    let filter = RunFilter { workflow: Some("child".into()), limit: 5, ..RunFilter::default() };
    let mut runs = engine.runs(&filter).await.unwrap().runs;
    assert_eq!(runs.len(), 1);
    runs.remove(0).id
}

async fn ended(engine: &Engine, run: &RunId) -> RunDetail {
    engine.wait_for_run(run, PATIENCE).await.unwrap()
}

#[tokio::test]
async fn a_run_waits_for_the_run_that_it_began() {
    let premises = Premises::new();
    let engine = premises.open_with_link(&[&parent(BELOW), CHILD]).await;
    let run = engine.start_run(start("parent", None)).await.unwrap().run;
    assert_eq!(at_rest(&engine, &run).await.status, RunStatus::Waiting);
    let child = only_child(&engine).await;
    assert_eq!(engine.run(&run).await.unwrap().steps[0].run.as_ref(), Some(&child));
    assert!(printed(&engine.run(&child).await.unwrap().trigger).contains(run.as_str()));
    to_the_end(&engine, &premises.time, &child).await;
    let done = ended(&engine, &run).await;
    assert_eq!((done.status, done.output), (RunStatus::Completed, Some(json!({"desk": 7}))));
}

#[tokio::test]
async fn a_version_that_the_library_had_before_is_begun_where_it_is_named() {
    let said = |version: &str| {
        format!(
            "document: {{dsl: 1.0.3, namespace: test, name: child, version: {version}}}\ndo: [{{say: {{set: {{said: {version}}}}}}}]\n"
        )
    };
    let named = |version: &str| {
        parent(&format!("workflow: {{namespace: test, name: child, version: {version}}}"))
    };
    let premises = Premises::new();
    for version in ["1.0.0", "2.0.0"] {
        premises.open(&[&said(version)]).await.stop(PATIENCE).await;
    }
    for (wanted, output) in [("1.0.0", "1.0.0"), ("2.0.0", "2.0.0"), ("latest", "3.0.0")] {
        let engine = premises.open(&[&said("3.0.0"), &named(wanted)]).await;
        let run = engine.start_run(start("parent", None)).await.unwrap().run;
        assert_eq!(ended(&engine, &run).await.output, Some(json!({ "said": output })), "{wanted}");
        engine.stop(PATIENCE).await;
    }
    let engine = premises.open(&[&said("3.0.0"), &named("4.0.0")]).await;
    let run = engine.start_run(start("parent", None)).await.unwrap().run;
    let why = ended(&engine, &run).await.error.and_then(|error| error.detail).unwrap();
    assert!(why.ends_with("known are 1.0.0, 2.0.0, 3.0.0"), "{why}");
}

#[tokio::test]
async fn a_run_that_is_not_awaited_lives_on_alone() {
    let premises = Premises::new();
    let alone = format!("{BELOW}, await: false");
    let engine = premises.open_with_link(&[&parent(&alone), CHILD]).await;
    let run = engine.start_run(start("parent", None)).await.unwrap().run;
    assert_eq!(ended(&engine, &run).await.output, Some(json!({"name": "Ada"})));
    let child = to_the_end(&engine, &premises.time, &only_child(&engine).await).await;
    assert_eq!(child.status, RunStatus::Completed);
}

#[tokio::test]
async fn cancelling_a_run_or_losing_interest_cancels_those_below() {
    for timeout in [false, true] {
        let premises = Premises::new();
        let text = if timeout {
            parent(BELOW).replace("{run:", "{timeout: {after: PT10S}, run:")
        } else {
            parent(BELOW)
        };
        let engine = premises.open_with_link(&[&text, CHILD]).await;
        let run = engine.start_run(start("parent", None)).await.unwrap().run;
        at_rest(&engine, &run).await;
        let child = only_child(&engine).await;
        at_rest(&engine, &child).await;
        if timeout {
            premises.time.advance(SignedDuration::from_secs(10));
            assert_eq!(ended(&engine, &run).await.error.map(|error| error.status), Some(408));
        } else {
            engine.cancel(&run, "ada").await.unwrap();
            assert_eq!(ended(&engine, &run).await.status, RunStatus::Cancelled);
        }
        let child = ended(&engine, &child).await;
        assert_eq!(child.status, RunStatus::Cancelled);
        let by = if timeout { run.as_str() } else { "ada" };
        assert_eq!(child.cancelled_by.as_deref(), Some(by));
    }
}

#[tokio::test]
async fn the_end_of_a_run_below_is_an_error_unless_it_completed() {
    let raising = "
document: {dsl: 1.0.3, namespace: test, name: child, version: 1.0.0}
do: [{no: {raise: {error: {type: https://errors.test/no, status: 418, title: No}}}}]
";
    let itself = "workflow: {namespace: test, name: parent, version: latest}";
    let other = "workflow: {namespace: test, name: child, version: 2.0.0}";
    let nobody = "workflow: {namespace: test, name: nobody, version: latest}";
    for (below, status, detail) in [
        (BELOW, 418, ""),
        (other, 400, "the version 2.0.0 of `child` is not known here; known are 1.0.0"),
        (nobody, 400, "no workflow `nobody`"),
        (itself, 400, "do they begin each other?"),
    ] {
        let premises = Premises::new();
        let engine = premises.open(&[&parent(below), raising]).await;
        let run = engine.start_run(start("parent", None)).await.unwrap().run;
        let error = ended(&engine, &run).await.error.unwrap();
        assert_eq!(error.status, status, "{below}: {error:?}");
        assert!(error.detail.unwrap_or_default().contains(detail), "{below}");
    }
}

#[tokio::test]
async fn a_cancelled_run_below_faults_the_one_above() {
    let premises = Premises::new();
    let engine = premises.open_with_link(&[&parent(BELOW), CHILD]).await;
    let run = engine.start_run(start("parent", None)).await.unwrap().run;
    at_rest(&engine, &run).await;
    let child = only_child(&engine).await;
    engine.cancel(&child, "bob").await.unwrap();
    let error = ended(&engine, &run).await.error.unwrap();
    assert_eq!(error.detail.as_deref(), Some("the workflow was cancelled by bob"));
}

#[test]
fn a_crash_at_any_entry_begins_one_run_below_and_hears_its_end_once() {
    let quick = CHILD.replace("  - pause: {wait: {seconds: 30}}\n", "");
    let text = format!(
        "{HEAD}parent}}
do:
  - below: {{run: {{{BELOW}}}}}
  - note: {{call: 'office.notes.write:1@callboard', with: {{text: '${{ \"desk \\(.desk)\" }}'}}}}
  - tell: {{set: {{done: true}}}}
"
    );
    let output = json!({"done": true});
    Story { workflows: &[&text, &quick], started: "parent", output, effects: 2, runs: 2 }
        .survives_a_crash_at_any_entry();
}
