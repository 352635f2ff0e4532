//! What people say to runs.

use callboard_engine::{AnswerError, Resolution, RunStatus, Verdict};
use callboard_flow::StepId;
use serde_json::json;

use crate::harness::{Fate, PATIENCE, Premises, at_rest, one_call, printed, start};

fn resolution(step: &str, verdict: Verdict) -> Resolution {
    Resolution { step: StepId::new(step), verdict, output: None, by: "ada".into() }
}

#[tokio::test]
async fn a_verdict_settles_a_step_and_the_run_goes_on() {
    for (verdict, effects) in [(Verdict::Happened, 1), (Verdict::DidNot, 2), (Verdict::Repeat, 2)] {
        let premises = Premises::new();
        let engine = premises.open_with_link(&[&one_call("office.badges.print")]).await;
        premises.office.will("office.badges.print", Fate::Vanishes);
        let run = engine.start_run(start("one-call", None)).await.unwrap().run;
        let asks = crate::harness::to_the_end(&engine, &premises.time, &run).await;
        assert_eq!(asks.status, RunStatus::Attention, "{verdict:?}");
        let output = (verdict == Verdict::Happened).then(|| json!({"seen": true}));
        engine
            .resolve(&run, Resolution { output, ..resolution("do/only", verdict) })
            .await
            .unwrap();
        let done = engine.wait_for_run(&run, PATIENCE).await.unwrap();
        assert_eq!(done.status, RunStatus::Completed, "{verdict:?}: {done:#?}");
        assert_eq!(done.steps[0].resolved_by.as_deref(), Some("ada"));
        assert_eq!(premises.office.effects().values().sum::<u32>(), effects, "{verdict:?}");
        if verdict == Verdict::Happened {
            assert_eq!(done.output, Some(json!({"seen": true})));
        }
    }
}

#[tokio::test]
async fn an_answer_that_nobody_asked_for_is_refused() {
    let premises = Premises::new();
    let engine = premises.open_with_link(&[&one_call("office.badges.print")]).await;
    premises.office.will("office.badges.print", Fate::Vanishes);
    let run = engine.start_run(start("one-call", None)).await.unwrap().run;
    crate::harness::to_the_end(&engine, &premises.time, &run).await;
    let wrong = engine.resolve(&run, resolution("do/other", Verdict::Repeat)).await.unwrap_err();
    assert!(wrong.to_string().contains("those that do: `do/only`"), "{wrong}");
    let needless = Resolution { output: Some(json!(1)), ..resolution("do/only", Verdict::Repeat) };
    assert!(matches!(engine.resolve(&run, needless).await, Err(AnswerError::NeedlessOutput)));
}

#[tokio::test]
async fn an_output_that_a_person_gives_is_checked_and_its_secrets_are_sealed() {
    let premises = Premises::new();
    let engine = premises.open_with_link(&[&one_call("office.badges.print")]).await;
    premises.office.will("office.badges.print", Fate::Vanishes);
    let run = engine.start_run(start("one-call", None)).await.unwrap().run;
    crate::harness::to_the_end(&engine, &premises.time, &run).await;
    let happened =
        |output| Resolution { output: Some(output), ..resolution("do/only", Verdict::Happened) };
    let wrong = engine.resolve(&run, happened(json!({"code": 7}))).await.unwrap_err();
    assert!(wrong.to_string().contains("does not fit `office.badges.print`: /code"), "{wrong}");
    engine.resolve(&run, happened(json!({"code": "s3cret-code"}))).await.unwrap();
    let done = engine.wait_for_run(&run, PATIENCE).await.unwrap();
    assert_eq!(done.output, Some(json!({"code": "[sealed]"})), "{done:#?}");
    let history = printed(&engine.history(&run).await.unwrap());
    assert!(!history.contains("s3cret-code"), "{history}");
}

#[tokio::test]
async fn a_cancelled_run_begins_nothing_new_and_takes_nothing_more() {
    let premises = Premises::new();
    let engine = premises.open_with_link(&[crate::harness::ARRIVAL]).await;
    let run = engine.start_run(start("arrival", None)).await.unwrap().run;
    assert_eq!(at_rest(&engine, &run).await.status, RunStatus::Waiting);
    engine.cancel(&run, "ada").await.unwrap();
    let done = engine.wait_for_run(&run, PATIENCE).await.unwrap();
    assert_eq!((done.status, done.cancelled_by.as_deref()), (RunStatus::Cancelled, Some("ada")));
    assert_eq!(premises.office.effects().len(), 1, "only the desk, before the pause");
    let late = engine.cancel(&run, "ada").await.unwrap_err();
    assert!(matches!(late, AnswerError::Final { status: RunStatus::Cancelled, .. }), "{late}");
}

#[tokio::test]
async fn a_call_in_flight_reports_before_the_run_is_cancelled() {
    let premises = Premises::new();
    let engine = premises.open_with_link(&[crate::harness::ARRIVAL]).await;
    premises.office.will("office.desks.assign", Fate::Dawdles);
    let run = engine.start_run(start("arrival", None)).await.unwrap().run;
    premises.office.dawdling.notified().await;
    engine.cancel(&run, "ada").await.unwrap();
    premises.office.hurry.notify_one();
    let done = engine.wait_for_run(&run, PATIENCE).await.unwrap();
    assert_eq!(done.status, RunStatus::Cancelled);
    let facts = crate::harness::facts(&engine.history(&run).await.unwrap());
    assert_eq!(facts[..3], ["started", "attempted", "succeeded"]);
    assert_eq!(facts.last(), Some(&"cancelled"));
}

#[tokio::test]
async fn stopping_waits_for_calls_in_flight_and_the_next_start_goes_on() {
    let premises = Premises::new();
    let engine = premises.open_with_link(&[crate::harness::ARRIVAL]).await;
    premises.office.will("office.desks.assign", Fate::Dawdles);
    let run = engine.start_run(start("arrival", None)).await.unwrap().run;
    premises.office.dawdling.notified().await;
    premises.office.hurry.notify_one();
    engine.stop(PATIENCE).await;
    let before = engine.history(&run).await.unwrap().len();
    drop(engine);
    let engine = premises.open(&[crate::harness::ARRIVAL]).await;
    let done = crate::harness::to_the_end(&engine, &premises.time, &run).await;
    assert_eq!(done.status, RunStatus::Completed, "{done:#?}");
    assert!(before >= 3 && premises.office.effects().values().all(|count| *count == 1), "{before}");
}

#[tokio::test]
async fn a_mistake_in_the_program_loses_no_run() {
    let premises = Premises::new();
    let engine = premises.open_with_link(&[&one_call("office.desks.assign")]).await;
    premises.office.will("office.desks.assign", Fate::Panics);
    let run = engine.start_run(start("one-call", None)).await.unwrap().run;
    let done = crate::harness::to_the_end(&engine, &premises.time, &run).await;
    assert_eq!(done.status, RunStatus::Completed, "{done:#?}");
}
