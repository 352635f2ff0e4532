//! Starting runs, and listing them.

use callboard_engine::{ActionRequest, RunFilter, RunStatus, Source, StartError, StartRequest};
use serde_json::json;

use crate::harness::{ARRIVAL, PATIENCE, Premises, one_call, printed, start};

#[tokio::test]
async fn one_idempotency_key_starts_one_run() {
    let premises = Premises::new();
    let engine = premises.open_with_link(&[ARRIVAL]).await;
    let first = engine.start_run(start("arrival", Some("k"))).await.unwrap();
    let again = engine.start_run(start("arrival", Some("k"))).await.unwrap();
    assert_eq!((first.earlier, again.earlier, &first.run), (false, true, &again.run));
    let other = StartRequest { input: json!({"name": "Bob"}), ..start("arrival", Some("k")) };
    let error = engine.start_run(other).await.unwrap_err();
    assert!(matches!(error, StartError::KeyUsedDifferently { .. }), "{error}");
    let error = engine.start_run(start("arrival", Some(""))).await.unwrap_err();
    assert!(matches!(error, StartError::InvalidKey), "{error}");
}

#[tokio::test]
async fn a_misspelt_name_gets_a_suggestion() {
    let premises = Premises::new();
    let engine = premises.open(&[ARRIVAL]).await;
    let error = engine.start_run(start("arival", None)).await.unwrap_err();
    assert_eq!(error.to_string(), "there is no workflow `arival`; did you mean `arrival`?");
}

#[tokio::test]
async fn one_action_runs_as_a_run_of_one_step_and_its_arguments_are_never_expressions() {
    let premises = Premises::new();
    let engine = premises.open_with_link(&[]).await;
    let request = |text: &str| ActionRequest {
        action: "office.notes.write".into(),
        arguments: [("text".to_owned(), json!(text))].into_iter().collect(),
        link: Some("office".into()),
        idempotency_key: None,
        by: "test".into(),
    };
    let run = engine.start_action(request("${ 1 + 1 }")).await.unwrap().run;
    let done = engine.wait_for_run(&run, PATIENCE).await.unwrap();
    assert_eq!(done.status, RunStatus::Completed, "{done:#?}");
    assert_eq!(*premises.office.notes.lock().unwrap(), ["${ 1 + 1 }"]);
    let wrong = ActionRequest { arguments: serde_json::Map::new(), ..request("") };
    let error = engine.start_action(wrong).await.unwrap_err().to_string();
    assert!(error.starts_with("the arguments do not fit `office.notes.write`"), "{error}");
}

#[tokio::test]
async fn a_secret_argument_reaches_the_app_and_nothing_else() {
    const PIN: &str = "pin-4711-x";
    let premises = Premises::new();
    let engine = premises.open_with_link(&[]).await;
    let request = |pin: &str| ActionRequest {
        action: "office.badges.print".into(),
        arguments: [("person".to_owned(), json!("Ada")), ("text".to_owned(), json!(pin))]
            .into_iter()
            .collect(),
        link: None,
        idempotency_key: Some("k".into()),
        by: "test".into(),
    };
    let first = engine.start_action(request(PIN)).await.unwrap();
    let done = engine.wait_for_run(&first.run, PATIENCE).await.unwrap();
    assert_eq!(done.status, RunStatus::Completed, "{done:#?}");
    assert_eq!(*premises.office.notes.lock().unwrap(), [PIN]);
    assert_eq!(done.input, json!({"person": "Ada", "text": "[sealed]"}));
    let history = printed(&engine.history(&first.run).await.unwrap());
    assert!(!history.contains(PIN) && history.contains("sealed:v1:"), "{history}");
    let again = engine.start_action(request(PIN)).await.unwrap();
    assert!(again.earlier, "the key knows the secret again");
    let error = engine.start_action(request("pin-4712-x")).await.unwrap_err();
    assert!(matches!(error, StartError::KeyUsedDifferently { .. }), "{error}");

    let text = one_call("office.badges.print")
        .replace("with: {person: Ada}", &format!("with: {{person: Ada, text: {PIN}}}"));
    let source = Source { file: "pin.yaml".into(), text };
    let run = engine.start_definition(source, json!({}), "test").await.unwrap().run;
    engine.wait_for_run(&run, PATIENCE).await.unwrap();
    let history = printed(&engine.history(&run).await.unwrap());
    assert!(!history.contains(PIN), "also where a workflow writes it: {history}");
}

#[tokio::test]
async fn runs_are_listed_newest_first_and_page_by_page() {
    let premises = Premises::new();
    let engine = premises.open_with_link(&[ARRIVAL, &one_call("office.desks.assign")]).await;
    let mut newest_first = Vec::new();
    for _ in 0..5 {
        premises.time.advance(jiff::SignedDuration::from_secs(1));
        newest_first.insert(0, engine.start_run(start("one-call", None)).await.unwrap().run);
    }
    for run in &newest_first {
        engine.wait_for_run(run, PATIENCE).await.unwrap();
    }
    let mut filter =
        RunFilter { limit: 2, workflow: Some("one-call".into()), ..RunFilter::default() };
    filter.status = Some(RunStatus::Completed);
    let mut listed = Vec::new();
    loop {
        let page = engine.runs(&filter).await.unwrap();
        listed.extend(page.runs.into_iter().map(|run| run.id));
        match page.next {
            Some(next) => filter.before = Some(next),
            None => break,
        }
    }
    assert_eq!(listed, newest_first);
    let none = RunFilter { status: Some(RunStatus::Faulted), limit: 2, ..RunFilter::default() };
    assert!(engine.runs(&none).await.unwrap().runs.is_empty());
}
