//! Runs that are halted, and runs that go back to an earlier one.

use callboard_apps::Failure;
use callboard_engine::journal::Fact;
use callboard_engine::{
    AgainError, AgainRequest, AnswerError, Engine, RunDetail, RunId, RunStatus,
};
use callboard_flow::StepId;
use jiff::SignedDuration;
use serde_json::json;

use crate::harness::{
    ARRIVAL, Fate, PATIENCE, Premises, TICKET, at_rest, facts, one_call, start, to_the_end,
};

fn again(run: &RunId) -> AgainRequest {
    AgainRequest { run: run.clone(), idempotency_key: None, by: "ann".into() }
}

fn rejected() -> Fate {
    Fate::Fails(Failure::Rejected { status: 422, title: "no".into(), body: json!({}) })
}

async fn paused(engine: &Engine, run: &RunId) -> RunDetail {
    let is_paused = |detail: &RunDetail| detail.status == RunStatus::Paused;
    let now = engine.wait_until(run, PATIENCE, is_paused).await.unwrap();
    assert!(is_paused(&now), "{now:#?}");
    now
}

#[tokio::test]
async fn a_paused_run_lets_its_call_end_and_begins_nothing_until_it_is_resumed() {
    let premises = Premises::new();
    let engine = premises.open_with_link(&[ARRIVAL]).await;
    premises.office.will("office.desks.assign", Fate::Dawdles);
    let run = engine.start_run(start("arrival", None)).await.unwrap().run;
    premises.office.dawdling.notified().await;
    engine.pause(&run, "ann").await.unwrap();
    let heard = |detail: &RunDetail| detail.paused_by.is_some();
    let going = engine.wait_until(&run, PATIENCE, heard).await.unwrap();
    assert_eq!(going.status, RunStatus::Running, "its call is still on its way");
    premises.office.hurry.notify_one();
    let now = paused(&engine, &run).await;
    assert_eq!((now.paused_by.as_deref(), now.next_at), (Some("ann"), None));
    let history = facts(&engine.history(&run).await.unwrap());
    assert_eq!(history, ["started", "attempted", "paused", "succeeded"], "no timer was set");
    assert_eq!(premises.office.effects().len(), 1);

    engine.stop(PATIENCE).await;
    drop(engine);
    let engine = premises.open(&[ARRIVAL]).await;
    paused(&engine, &run).await;
    engine.resume(&run, "bob").await.unwrap();
    let on = |detail: &RunDetail| detail.status != RunStatus::Paused;
    engine.wait_until(&run, PATIENCE, on).await.unwrap();
    let done = to_the_end(&engine, &premises.time, &run).await;
    assert_eq!((done.status, done.paused_by), (RunStatus::Completed, None));
}

#[tokio::test]
async fn a_timer_that_passes_during_a_pause_is_due_at_its_end() {
    let premises = Premises::new();
    let engine = premises.open_with_link(&[ARRIVAL]).await;
    let run = engine.start_run(start("arrival", None)).await.unwrap().run;
    assert!(at_rest(&engine, &run).await.next_at.is_some(), "it waits for its timer");
    engine.pause(&run, "ann").await.unwrap();
    paused(&engine, &run).await;
    premises.time.advance(SignedDuration::from_hours(1));
    let still = engine.wait_for_run(&run, std::time::Duration::ZERO).await.unwrap();
    assert_eq!((still.status, still.next_at), (RunStatus::Paused, None));
    engine.resume(&run, "ann").await.unwrap();
    let done = engine.wait_for_run(&run, PATIENCE).await.unwrap();
    assert_eq!(done.status, RunStatus::Completed, "no clock was moved: {done:#?}");
}

#[tokio::test]
async fn a_paused_run_can_be_cancelled_and_only_a_paused_one_resumed() {
    let premises = Premises::new();
    let engine = premises.open_with_link(&[ARRIVAL]).await;
    let run = engine.start_run(start("arrival", None)).await.unwrap().run;
    at_rest(&engine, &run).await;
    let refused = engine.resume(&run, "ann").await;
    assert!(matches!(refused, Err(AnswerError::NotPaused { .. })), "{refused:?}");
    engine.pause(&run, "ann").await.unwrap();
    paused(&engine, &run).await;
    engine.cancel(&run, "ann").await.unwrap();
    let done = engine.wait_for_run(&run, PATIENCE).await.unwrap();
    assert_eq!((done.status, done.paused_by), (RunStatus::Cancelled, None));
    let refused = engine.pause(&run, "ann").await;
    assert!(matches!(refused, Err(AnswerError::Final { .. })), "{refused:?}");
}

#[tokio::test]
async fn a_retry_inherits_what_is_done_and_does_the_failed_step_anew() {
    let premises = Premises::new();
    let engine = premises.open_with_link(&[ARRIVAL]).await;
    premises.office.will("office.notes.write", rejected());
    let run = engine.start_run(start("arrival", None)).await.unwrap().run;
    let failed = to_the_end(&engine, &premises.time, &run).await;
    assert_eq!(failed.status, RunStatus::Faulted);
    let before = premises.office.effects();

    let heir = engine.retry(again(&run), None).await.unwrap().run;
    let done = engine.wait_for_run(&heir, PATIENCE).await.unwrap();
    assert_eq!(done.status, RunStatus::Completed, "its timer is not waited for again: {done:#?}");
    assert_eq!(done.output, Some(json!({"desk": 7})));
    let mut after = premises.office.effects();
    after.retain(|key, _| !before.contains_key(key));
    let keys: Vec<String> = after.into_keys().collect();
    assert_eq!(keys, [format!("{heir}:do/note")], "only the failed step was made, with a new key");
    let notes = premises.office.notes.lock().unwrap().clone();
    assert_eq!(notes, [format!("open {TICKET}/now")], "a secret of an inherited step opens");
    let inherited: Vec<bool> = done.steps.iter().map(|step| step.inherited).collect();
    assert_eq!(inherited, [true, true, true, false]);
    let origin = done.origin.unwrap();
    assert_eq!((&origin.run, origin.from), (&run, Some(StepId::new("do/note"))));
    assert_eq!(origin.by, "ann");
    assert_eq!(engine.run(&run).await.unwrap().heirs, std::slice::from_ref(&heir));

    // One that goes back to the heir has the same secrets, and is the same run to the interpreter.
    let second = engine.retry(again(&heir), Some(StepId::new("do/note"))).await.unwrap().run;
    let done = engine.wait_for_run(&second, PATIENCE).await.unwrap();
    assert_eq!((done.status, done.origin.unwrap().root), (RunStatus::Completed, run));
    assert_eq!(premises.office.notes.lock().unwrap().len(), 2);
}

#[tokio::test]
async fn a_retry_from_an_earlier_step_does_everything_from_there_anew() {
    let premises = Premises::new();
    let engine = premises.open_with_link(&[ARRIVAL]).await;
    let run = engine.start_run(start("arrival", None)).await.unwrap().run;
    to_the_end(&engine, &premises.time, &run).await;
    let request = AgainRequest { idempotency_key: Some("k".into()), ..again(&run) };
    let from = Some(StepId::new("do/invite"));
    let heir = engine.retry(request.clone(), from.clone()).await.unwrap();
    let same = engine.retry(request, from).await.unwrap();
    assert_eq!((&same.run, same.earlier), (&heir.run, true));
    let done = engine.wait_for_run(&heir.run, PATIENCE).await.unwrap();
    assert_eq!(done.status, RunStatus::Completed);
    let keys = premises.office.effects();
    let of_heir = keys.keys().filter(|key| key.starts_with(heir.run.as_str())).count();
    assert_eq!((keys.len(), of_heir), (5, 2), "{keys:?}");
    let entries = engine.history(&heir.run).await.unwrap();
    let own = entries.iter().find_map(|entry| match &entry.fact {
        Fact::Attempted { step, key, .. } if step.as_str() == "do/desk" => Some(key.clone()),
        _ => None,
    });
    assert_eq!(own, Some(format!("{run}:do/desk")), "what is inherited is as it was");
}

#[tokio::test]
async fn what_may_have_happened_before_a_cancellation_is_not_repeated_by_a_retry() {
    let premises = Premises::new();
    let engine = premises.open_with_link(&[&one_call("office.badges.print")]).await;
    premises.office.will("office.badges.print", Fate::Vanishes);
    let run = engine.start_run(start("one-call", None)).await.unwrap().run;
    assert_eq!(to_the_end(&engine, &premises.time, &run).await.status, RunStatus::Attention);
    engine.cancel(&run, "ann").await.unwrap();
    engine.wait_for_run(&run, PATIENCE).await.unwrap();
    let heir = engine.retry(again(&run), None).await.unwrap().run;
    let asks = to_the_end(&engine, &premises.time, &heir).await;
    assert_eq!(asks.status, RunStatus::Attention, "a person must still answer: {asks:#?}");
    assert_eq!(premises.office.effects().values().sum::<u32>(), 1);
}

#[tokio::test]
async fn a_rerun_takes_the_same_input_through_the_workflow_as_it_is_now() {
    let premises = Premises::new();
    let folder = premises.library_folder();
    let settings = |workflows: &[&str]| callboard_engine::Settings {
        workflows_folder: Some(folder.clone()),
        ..premises.settings(workflows)
    };
    let text = one_call("office.desks.assign");
    std::fs::write(folder.join("one.yaml"), &text).unwrap();
    let engine = Engine::open(settings(&[])).await.unwrap();
    engine.put_link(crate::harness::office_link()).await.unwrap();
    premises.office.will("office.desks.assign", rejected());
    let run = engine.start_run(start("one-call", None)).await.unwrap().run;
    assert_eq!(to_the_end(&engine, &premises.time, &run).await.status, RunStatus::Faulted);
    std::fs::write(folder.join("one.yaml"), text.replace("{person: Ada}", "{person: Bea}"))
        .unwrap();
    engine.reload_library().await.unwrap();
    let rerun = engine.rerun(again(&run)).await.unwrap().run;
    let done = to_the_end(&engine, &premises.time, &rerun).await;
    assert_eq!(done.status, RunStatus::Completed);
    assert_eq!((&done.input, done.steps[0].inherited), (&json!({"name": "Ada"}), false));
    assert_eq!(done.steps[0].arguments, Some(json!({"person": "Bea"})));
    assert_eq!(done.origin.unwrap().run, run);
}

#[tokio::test]
async fn a_run_that_cannot_be_tried_again_says_why() {
    let premises = Premises::new();
    let engine = premises.open_with_link(&[ARRIVAL]).await;
    let run = engine.start_run(start("arrival", None)).await.unwrap().run;
    at_rest(&engine, &run).await;
    let going = engine.retry(again(&run), None).await;
    assert!(matches!(going, Err(AgainError::StillGoing { .. })), "{going:?}");
    to_the_end(&engine, &premises.time, &run).await;
    let nothing = engine.retry(again(&run), None).await.unwrap_err().to_string();
    assert!(nothing.contains("no step of the run") && nothing.contains("`do/desk`"), "{nothing}");
    let unknown = engine.retry(again(&run), Some(StepId::new("do/dsk"))).await;
    assert!(matches!(unknown, Err(AgainError::NoSuchStep { .. })), "{unknown:?}");
}
