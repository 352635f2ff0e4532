//! What can go wrong outside, and what the run does about it.

use callboard_apps::Failure;
use callboard_engine::{RunStatus, StepStatus};
use jiff::SignedDuration;
use serde_json::json;

use crate::harness::{
    ARRIVAL, Fate, PATIENCE, Premises, at_rest, facts, office_link, one_call, printed, start,
    to_the_end,
};

#[tokio::test]
async fn not_now_leaves_the_run_waiting_with_its_next_try_shown() {
    let premises = Premises::new();
    let engine = premises.open_with_link(&[&one_call("office.desks.assign")]).await;
    let now = callboard_engine::Time::now(premises.time.as_ref());
    for retry_at in [None, Some(now + SignedDuration::from_secs(90))] {
        let why = "the office is closed".into();
        premises.office.will("office.desks.assign", Fate::Fails(Failure::Later { retry_at, why }));
    }
    let run = engine.start_run(start("one-call", None)).await.unwrap().run;
    let detail = at_rest(&engine, &run).await;
    assert_eq!(detail.status, RunStatus::Waiting);
    assert_eq!(detail.next_at, Some(now + SignedDuration::from_secs(1)));
    assert_eq!(detail.steps[0].note.as_deref(), Some("the office is closed"));
    assert_eq!(detail.steps[0].status, StepStatus::Waiting);

    premises.time.advance(SignedDuration::from_secs(1));
    let second =
        engine.wait_until(&run, PATIENCE, |detail| detail.steps[0].attempts == 2).await.unwrap();
    let second =
        if second.status == RunStatus::Running { at_rest(&engine, &run).await } else { second };
    assert_eq!(
        second.next_at,
        Some(now + SignedDuration::from_secs(90)),
        "the service asked for patience"
    );

    let done = to_the_end(&engine, &premises.time, &run).await;
    assert_eq!((done.status, done.steps[0].attempts), (RunStatus::Completed, 3));
}

#[tokio::test]
async fn a_lost_answer_is_found_out_about_and_nothing_is_done_twice() {
    for (action, how) in [("office.desks.assign", "probed"), ("office.invites.send", "repeated")] {
        let premises = Premises::new();
        let engine = premises.open_with_link(&[&one_call(action)]).await;
        premises.office.will(action, Fate::Vanishes);
        let run = engine.start_run(start("one-call", None)).await.unwrap().run;
        let done = to_the_end(&engine, &premises.time, &run).await;
        assert_eq!(done.status, RunStatus::Completed, "{action}");
        assert_eq!(printed(&done.steps[0].how), format!("\"{how}\""), "{action}");
        assert_eq!(premises.office.effects().values().sum::<u32>(), 1, "{action}");
    }
}

#[tokio::test]
async fn an_attempt_without_effect_is_performed_again() {
    let premises = Premises::new();
    let engine = premises.open_with_link(&[&one_call("office.desks.assign")]).await;
    premises.office.will(
        "office.desks.assign",
        Fate::Fails(Failure::Unsure { why: "the line was cut".into() }),
    );
    let run = engine.start_run(start("one-call", None)).await.unwrap().run;
    let done = to_the_end(&engine, &premises.time, &run).await;
    let history = engine.history(&run).await.unwrap();
    let expected =
        ["started", "attempted", "deferred", "deferred", "attempted", "succeeded", "completed"];
    assert_eq!(facts(&history), expected);
    assert_eq!((done.status, done.steps[0].attempts), (RunStatus::Completed, 2));
}

#[tokio::test]
async fn a_refusal_faults_the_run_or_is_caught() {
    let caught = r"
document: {dsl: 1.0.3, namespace: test, name: caught, version: 1.0.0}
do:
  - careful:
      try: [{desk: {call: 'office.desks.assign:1@callboard', with: {person: Ada}}}]
      catch:
        errors: {with: {status: 409}}
        as: refusal
        do: [{adopt: {set: {why: '${ $refusal.detail }', type: '${ $refusal.type }'}}}]
";
    let premises = Premises::new();
    let engine = premises.open_with_link(&[&one_call("office.desks.assign"), caught]).await;
    let refusal = Failure::Rejected {
        status: 409,
        title: "Conflict".into(),
        body: json!({"message": "the desk is taken"}),
    };
    for workflow in ["one-call", "caught"] {
        premises.office.will("office.desks.assign", Fate::Fails(refusal.clone()));
        let run = engine.start_run(start(workflow, None)).await.unwrap().run;
        let done = to_the_end(&engine, &premises.time, &run).await;
        if workflow == "caught" {
            assert_eq!(done.status, RunStatus::Completed, "{done:#?}");
            let output = done.output.unwrap();
            assert_eq!(output["why"], "the desk is taken");
            assert!(
                output["type"].as_str().unwrap().ends_with("/errors/communication"),
                "{output}"
            );
        } else {
            let error = done.error.expect("a fault has an error");
            assert_eq!((done.status, error.status), (RunStatus::Faulted, 409));
            assert_eq!(error.detail.as_deref(), Some("the desk is taken"));
        }
    }
    assert!(premises.office.effects().is_empty());
}

#[tokio::test]
async fn a_bad_credential_asks_for_help_and_goes_on_when_the_link_is_changed() {
    let premises = Premises::new();
    let engine = premises.open_with_link(&[&one_call("office.desks.assign")]).await;
    let failure =
        Failure::Credentials { why: "the key has expired".into(), remedy: "renew it".into() };
    premises.office.will("office.desks.assign", Fate::Fails(failure));
    let run = engine.start_run(start("one-call", None)).await.unwrap().run;
    let asks = at_rest(&engine, &run).await;
    assert_eq!(asks.status, RunStatus::Attention);
    assert_eq!(asks.steps[0].remedy.as_deref(), Some("renew it"));

    engine.put_link(office_link()).await.unwrap();
    let done = engine.wait_for_run(&run, PATIENCE).await.unwrap();
    assert_eq!((done.status, done.steps[0].attempts), (RunStatus::Completed, 2), "{done:#?}");
}

#[tokio::test]
async fn an_effect_whose_answer_cannot_be_read_is_not_repeated() {
    let premises = Premises::new();
    let engine = premises.open_with_link(&[&one_call("office.desks.assign")]).await;
    let failure = Failure::Unreadable { why: "it happened, but its answer is odd".into() };
    premises.office.will("office.desks.assign", Fate::Fails(failure));
    let run = engine.start_run(start("one-call", None)).await.unwrap().run;
    let asks = at_rest(&engine, &run).await;
    assert_eq!((asks.status, asks.steps[0].attempts), (RunStatus::Attention, 1));
    assert_eq!(asks.steps[0].note.as_deref(), Some("it happened, but its answer is odd"));
    assert!(premises.office.effects().is_empty(), "nothing was sent again");
}

#[tokio::test]
async fn a_call_whose_sealed_value_does_not_open_asks_for_help_at_once() {
    let text = "
document: {dsl: 1.0.3, namespace: test, name: pets, version: 1.0.0}
do: [{pet: {call: http, with: {method: post, endpoint: 'https://pets.test/1', body: {x: 'sealed:v1:torn~'}}}}]
";
    let premises = Premises::new();
    premises.office.calls_out.store(true, std::sync::atomic::Ordering::SeqCst);
    let engine = premises.open(&[text]).await;
    let run = engine.start_run(start("pets", None)).await.unwrap().run;
    let asks = at_rest(&engine, &run).await;
    assert_eq!(asks.status, RunStatus::Attention, "{asks:#?}");
    assert!(asks.steps[0].remedy.as_deref().unwrap().starts_with("start with the key"));
    assert!(premises.office.notes.lock().unwrap().is_empty(), "nothing was sent");
}

#[tokio::test]
async fn a_missing_link_asks_for_one_and_nothing_is_attempted_before() {
    let premises = Premises::new();
    let engine = premises.open(&[&one_call("office.desks.assign")]).await;
    let run = engine.start_run(start("one-call", None)).await.unwrap().run;
    let asks = at_rest(&engine, &run).await;
    assert_eq!((asks.status, asks.steps[0].attempts), (RunStatus::Attention, 0));
    assert_eq!(
        asks.steps[0].remedy.as_deref(),
        Some("add it with `callboard link add office --app office`")
    );

    engine.put_link(office_link()).await.unwrap();
    let done = engine.wait_for_run(&run, PATIENCE).await.unwrap();
    assert_eq!((done.status, done.steps[0].attempts), (RunStatus::Completed, 1), "{done:#?}");
}

#[tokio::test]
async fn a_secret_reaches_the_next_call_and_nothing_else() {
    let premises = Premises::new();
    let engine = premises.open_with_link(&[ARRIVAL]).await;
    let run = engine.start_run(start("arrival", None)).await.unwrap().run;
    let done = to_the_end(&engine, &premises.time, &run).await;
    assert_eq!(done.status, RunStatus::Completed, "{done:#?}");
    let ticket = crate::harness::TICKET;
    assert_eq!(*premises.office.notes.lock().unwrap(), [format!("open {ticket}/now")]);
    let history = printed(&engine.history(&run).await.unwrap());
    assert!(history.contains("sealed:v1:") && !history.contains("s3cr3t"), "{history}");
    assert!(!format!("{done:?}").contains("s3cr3t") && !format!("{done:?}").contains("sealed:v1:"));
}

#[tokio::test]
async fn branches_of_a_fork_are_in_flight_together() {
    let text = r#"
document: {dsl: 1.0.3, namespace: test, name: fork, version: 1.0.0}
do:
  - both:
      fork:
        branches:
          - first: {call: 'office.desks.assign:1@callboard', with: {person: Ada}}
          - second: {call: 'office.invites.send:1@callboard', with: {person: Ada}}
  - each:
      for: {each: person, in: '${ ["Bob", "Eve"] }'}
      do: [{desk: {call: 'office.desks.assign:1@callboard', with: {person: '${ $person }'}}}]
"#;
    let premises = Premises::new();
    let engine = premises.open_with_link(&[text]).await;
    let run = engine.start_run(start("fork", None)).await.unwrap().run;
    let done = to_the_end(&engine, &premises.time, &run).await;
    assert_eq!(done.status, RunStatus::Completed, "{done:#?}");
    let history = engine.history(&run).await.unwrap();
    assert_eq!(facts(&history)[..3], ["started", "attempted", "attempted"]);
    assert_eq!(premises.office.effects().len(), 4);
}

#[tokio::test]
async fn the_languages_own_calls_are_repeated_when_they_only_read_and_asked_about_else() {
    for (method, status) in [("get", RunStatus::Completed), ("post", RunStatus::Attention)] {
        let text = format!(
            "document: {{dsl: 1.0.3, namespace: test, name: pets, version: 1.0.0}}\n\
             do: [{{pet: {{call: http, with: {{method: {method}, endpoint: 'https://pets.test/1'}}}}}}]\n"
        );
        let premises = Premises::new();
        premises.office.calls_out.store(true, std::sync::atomic::Ordering::SeqCst);
        let engine = premises.open(&[&text]).await;
        premises.office.will("http", Fate::Vanishes);
        let run = engine.start_run(start("pets", None)).await.unwrap().run;
        let rests = to_the_end(&engine, &premises.time, &run).await;
        assert_eq!(rests.status, status, "{method}: {rests:#?}");
        assert_eq!(rests.steps[0].action.as_deref(), Some("http"));
        let calls = premises.office.notes.lock().unwrap().len();
        if status == RunStatus::Completed {
            assert_eq!((rests.output, calls), (Some(json!({"pet": "cat"})), 2));
        } else {
            assert_eq!(calls, 1, "nothing is sent twice by itself");
        }
    }
}

#[tokio::test]
async fn what_stands_there_is_looked_at_until_it_is_known_and_nothing_is_attempted_before() {
    let premises = Premises::new();
    let engine = premises.open_with_link(&[&one_call("office.desks.move")]).await;
    let later = Failure::Later { retry_at: None, why: "the office is closed".into() };
    premises.office.will("look", Fate::Fails(later.clone()));
    premises.office.will("look", Fate::Fails(Failure::Unsure { why: "the line was cut".into() }));
    premises.office.will("office.desks.move", Fate::Fails(later));
    premises.office.will("office.desks.move", Fate::Vanishes);
    let run = engine.start_run(start("one-call", None)).await.unwrap().run;
    assert_eq!(at_rest(&engine, &run).await.steps[0].attempts, 0);
    let done = to_the_end(&engine, &premises.time, &run).await;
    assert_eq!((done.status, done.output), (RunStatus::Completed, Some(json!({"from": 7}))));
    let looks = premises.office.looks.load(std::sync::atomic::Ordering::SeqCst);
    assert_eq!(looks, 4, "again after what changed nothing, never after what may have changed it");
}
