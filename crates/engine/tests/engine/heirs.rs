//! What a retry takes as standing, and when there is none.

use callboard_apps::Failure;
use callboard_engine::{AgainError, AgainRequest, Engine, RunDetail, RunFilter, RunId, RunStatus};
use callboard_flow::StepId;
use serde_json::json;

use crate::harness::{ARRIVAL, Fate, PATIENCE, Premises, start, to_the_end};

fn again(run: &RunId) -> AgainRequest {
    AgainRequest { run: run.clone(), idempotency_key: None, by: "ann".into() }
}

fn workflow(tasks: &str) -> String {
    format!("document: {{dsl: 1.0.3, namespace: test, name: parts, version: 1.0.0}}\ndo:\n{tasks}")
}

const DESK: &str = "desk: {call: 'office.desks.assign:1@callboard', with: {person: Ada}}";
const NOTE: &str = "note: {call: 'office.notes.write:1@callboard', with: {text: hello}}";
const INVITE: &str = "invite: {call: 'office.invites.send:1@callboard', with: {person: Ada}}";
const NO: &str = "no: {raise: {error: {type: https://errors.test/no, status: 418, title: No}}}";

/// A run of the workflow whose next note is refused.
async fn faulted(premises: &Premises, engine: &Engine) -> RunDetail {
    refuse_note(premises);
    let run = engine.start_run(start("parts", None)).await.unwrap().run;
    let failed = to_the_end(engine, &premises.time, &run).await;
    assert_eq!(failed.status, RunStatus::Faulted, "{failed:#?}");
    failed
}

fn refuse_note(premises: &Premises) {
    let failure = Failure::Rejected { status: 422, title: "no".into(), body: json!({}) };
    premises.office.will("office.notes.write", Fate::Fails(failure));
}

#[tokio::test]
async fn a_run_below_that_nobody_awaits_is_not_begun_again_by_a_retry() {
    let child = "document: {dsl: 1.0.3, namespace: test, name: child, version: 1.0.0}\n\
                 do: [{say: {set: {said: true}}}]\n";
    let below =
        "below: {run: {workflow: {namespace: test, name: child, version: latest}, await: false}}";
    let text = workflow(&format!("  - {below}\n  - {DESK}\n  - {NOTE}\n"));
    let premises = Premises::new();
    let engine = premises.open_with_link(&[&text, child]).await;
    let failed = faulted(&premises, &engine).await;
    let heir = engine.retry(again(&failed.id), None).await.unwrap().run;
    let done = to_the_end(&engine, &premises.time, &heir).await;
    assert_eq!(done.status, RunStatus::Completed, "{done:#?}");
    let children = RunFilter { workflow: Some("child".into()), limit: 5, ..RunFilter::default() };
    assert_eq!(engine.runs(&children).await.unwrap().runs.len(), 1);
    let keys: Vec<String> = premises.office.effects().into_keys().collect();
    let expected = [format!("{}:do/desk", failed.id), format!("{heir}:do/note")];
    assert!(keys.len() == 2 && expected.iter().all(|key| keys.contains(key)), "{keys:?}");
}

#[tokio::test]
async fn items_that_went_ahead_of_the_one_that_is_done_anew_are_inherited() {
    let text = "document: {dsl: 1.0.3, namespace: test, name: parts, version: 1.0.0}\n\
         do: [{all: {for: {each: n, in: '${ [range(8)] }'}, metadata: {concurrency: 2, onError: continue}, do: [{note: \
         {call: 'office.notes.write:1@callboard', with: {text: '${ \"note \\($n)\" }'}}}]}}]\n";
    let premises = Premises::new();
    let engine = premises.open_with_link(&[text]).await;
    refuse_note(&premises);
    let run = engine.start_run(start("parts", None)).await.unwrap().run;
    let first = to_the_end(&engine, &premises.time, &run).await;
    let output = first.output.unwrap();
    assert_eq!((&output["succeeded"], &output["failed"]), (&json!(7), &json!(1)));
    let failed = output["errors"][0]["index"].as_u64().unwrap();
    let from = StepId::new(format!("do/all[{failed}]/note"));
    let heir = engine.retry(again(&run), Some(from.clone())).await.unwrap().run;
    let done = to_the_end(&engine, &premises.time, &heir).await;
    assert_eq!(done.output.unwrap()["succeeded"], 8);
    let effects = premises.office.effects();
    let anew: Vec<&String> = effects.keys().filter(|key| key.starts_with(heir.as_str())).collect();
    assert_eq!((effects.len(), anew), (8, vec![&format!("{heir}:{from}")]));
}

#[tokio::test]
async fn a_failure_that_was_caught_is_not_what_a_retry_goes_back_to() {
    let caught = format!("  - soft: {{try: [{{{NOTE}}}], catch: {{}}}}\n");
    for (tasks, from) in [
        (format!("{caught}  - {NO}\n"), None),
        (format!("{caught}  - odd: {{set: '${{ error(\"odd\") }}'}}\n"), None),
        (
            format!("  - hard: {{try: [{{{NOTE}}}], catch: {{do: [{{{NO}}}]}}}}\n"),
            Some("do/hard/note"),
        ),
    ] {
        let premises = Premises::new();
        let text = workflow(&tasks);
        let engine = premises.open_with_link(&[&text]).await;
        let failed = faulted(&premises, &engine).await;
        let retried = engine.retry(again(&failed.id), None).await;
        match from {
            None => assert!(matches!(retried, Err(AgainError::NothingFailed { .. })), "{tasks}"),
            Some(step) => {
                let done = to_the_end(&engine, &premises.time, &retried.unwrap().run).await;
                assert_eq!(done.status, RunStatus::Completed, "{tasks}");
                assert_eq!(done.origin.unwrap().from, Some(StepId::new(step)));
            }
        }
    }
}

#[tokio::test]
async fn what_a_catch_has_undone_is_not_taken_as_standing() {
    let tasks = format!(
        "  - both: {{try: [{{{DESK}}}, {{{NOTE}}}], catch: {{do: [{{{INVITE}}}, {{{NO}}}]}}}}\n"
    );
    let premises = Premises::new();
    let text = workflow(&tasks);
    let engine = premises.open_with_link(&[&text]).await;
    let failed = faulted(&premises, &engine).await;
    for step in ["do/both/note", "do/both/desk"] {
        let refused = engine.retry(again(&failed.id), Some(StepId::new(step))).await.unwrap_err();
        let text = refused.to_string();
        assert!(matches!(refused, AgainError::WouldForget { .. }), "{step}: {text}");
        assert!(text.contains("`do/both:catch/invite`") && text.contains("rerun"), "{text}");
    }
    let rerun = engine.rerun(again(&failed.id)).await.unwrap().run;
    let done = to_the_end(&engine, &premises.time, &rerun).await;
    assert_eq!(done.status, RunStatus::Completed);
}

#[tokio::test]
async fn only_one_run_at_a_time_goes_back_to_another() {
    let premises = Premises::new();
    let engine = premises.open_with_link(&[ARRIVAL]).await;
    let run = engine.start_run(start("arrival", None)).await.unwrap().run;
    to_the_end(&engine, &premises.time, &run).await;
    let from = || Some(StepId::new("do/invite"));
    premises.office.will("office.invites.send", Fate::Dawdles);
    let (one, other) =
        tokio::join!(engine.retry(again(&run), from()), engine.retry(again(&run), from()));
    let (begun, refused) = if one.is_ok() { (one, other) } else { (other, one) };
    let heir = begun.unwrap().run;
    assert!(matches!(refused, Err(AgainError::HeirGoesOn { heir: going, .. }) if going == heir));
    premises.office.dawdling.notified().await;
    let refused = engine.rerun(again(&run)).await;
    assert!(matches!(refused, Err(AgainError::HeirGoesOn { .. })), "{refused:?}");
    premises.office.hurry.notify_one();
    engine.wait_for_run(&heir, PATIENCE).await.unwrap();

    // Also through others.
    premises.office.will("office.invites.send", Fate::Dawdles);
    let second = engine.retry(again(&heir), from()).await.unwrap().run;
    premises.office.dawdling.notified().await;
    let refused = engine.retry(again(&run), from()).await;
    assert!(matches!(refused, Err(AgainError::HeirGoesOn { heir: going, .. }) if going == second));
    premises.office.hurry.notify_one();
    engine.wait_for_run(&second, PATIENCE).await.unwrap();
    engine.retry(again(&run), from()).await.unwrap();
}
