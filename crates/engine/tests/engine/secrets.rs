//! `$secrets`: named, sealed, opened only in the arguments of a call.

use callboard_engine::{RunStatus, SecretError};
use serde_json::json;

use crate::harness::{PATIENCE, Premises, facts, printed, start};

const SECRET: &str = "open-sesame-4711";

const TEXT: &str = r"
document: {dsl: 1.0.3, namespace: test, name: whisper, version: 1.0.0}
use: {secrets: [phrase]}
do:
  - below: {run: {workflow: {namespace: test, name: below, version: latest, input: {said: '${ $secrets.phrase }'}}}}
  - tell: {emit: {event: {with: {type: told, data: '${ $secrets.phrase }'}}}}
  - keep: {set: {phrase: '${ $secrets.phrase }'}}
";
const BELOW: &str = r#"
document: {dsl: 1.0.3, namespace: test, name: below, version: 1.0.0}
do:
  - note: {call: 'office.notes.write:1@callboard', with: {text: '${ "say \(.said)!" }'}}
"#;

#[tokio::test]
async fn a_secret_reaches_calls_also_of_runs_below_and_is_nowhere_in_clear() {
    let premises = Premises::new();
    let engine = premises.open_with_link(&[TEXT, BELOW]).await;
    engine.put_secret("phrase", json!(SECRET).to_string().into()).await.unwrap();
    let run = engine.start_run(start("whisper", None)).await.unwrap().run;
    let done = engine.wait_for_run(&run, PATIENCE).await.unwrap();
    assert_eq!(done.status, RunStatus::Completed, "{done:#?}");
    assert_eq!(*premises.office.notes.lock().unwrap(), [format!("say {SECRET}!")]);
    assert_eq!(done.output, Some(json!({"phrase": "[sealed]"})));
    assert_eq!(done.events[0]["data"], "[sealed]");
    assert!(!printed(&engine.history(&run).await.unwrap()).contains(SECRET));
    assert!(!format!("{:?}", engine.secrets()).contains(SECRET));
    engine.stop(PATIENCE).await;
    drop(engine);
    for file in std::fs::read_dir(premises.folder.path()).unwrap() {
        let bytes = std::fs::read(file.unwrap().path()).unwrap_or_default();
        assert!(!bytes.windows(SECRET.len()).any(|window| window == SECRET.as_bytes()));
    }
    let engine = premises.open(&[TEXT, BELOW]).await;
    assert_eq!(engine.secrets()[0].name, "phrase", "it is there after a restart");
    engine.remove_secret("phrase").await.unwrap();
    assert!(matches!(engine.remove_secret("phrase").await, Err(SecretError::NotFound { .. })));
    let run = engine.start_run(start("whisper", None)).await.unwrap().run;
    let refused = engine.wait_for_run(&run, PATIENCE).await.unwrap();
    assert_eq!(refused.error.map(|error| error.status), Some(403));
    assert_eq!(facts(&engine.history(&run).await.unwrap()), ["started", "faulted"]);
}

#[tokio::test]
async fn a_secret_that_cannot_be_one_is_refused_without_being_shown() {
    let premises = Premises::new();
    let engine = premises.open(&[]).await;
    for (name, value, wrong) in [
        ("a b", json!(SECRET), "letters, digits"),
        ("a", json!([SECRET]), "a text or an object of texts"),
        ("a", json!({"n": 1, "x": SECRET}), "a text or an object of texts"),
    ] {
        let error =
            engine.put_secret(name, value.to_string().into()).await.unwrap_err().to_string();
        assert!(error.contains(wrong) && !error.contains(SECRET), "{error}");
    }
}

#[tokio::test]
async fn a_policy_may_name_a_secret() {
    let text = "
document: {dsl: 1.0.3, namespace: test, name: pet, version: 1.0.0}
use: {secrets: [shop]}
do:
  - get:
      call: http
      with: {method: get, endpoint: {uri: 'https://pets.test/1', authentication: {basic: {use: shop}}}}
";
    let premises = Premises::new();
    premises.office.calls_out.store(true, std::sync::atomic::Ordering::SeqCst);
    let engine = premises.open(&[text]).await;
    assert!(engine.library().problems().is_empty(), "{:?}", engine.library().problems());
    let value = json!({"username": "ada", "password": SECRET});
    engine.put_secret("shop", value.to_string().into()).await.unwrap();
    let run = engine.start_run(start("pet", None)).await.unwrap().run;
    let done = engine.wait_for_run(&run, PATIENCE).await.unwrap();
    assert_eq!(done.status, RunStatus::Completed, "{done:#?}");
    let seen = premises.office.policies.lock().unwrap().clone();
    assert_eq!(seen, [json!({"basic": value})]);
    assert!(!printed(&engine.history(&run).await.unwrap()).contains(SECRET));
}
