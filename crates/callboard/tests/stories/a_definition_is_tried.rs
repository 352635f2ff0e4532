use std::path::Path;
use std::process::Output;

use axum::Router;
use axum::extract::Path as Segment;
use axum::routing::get;
use serde_json::{Value, json};

use crate::theatre::binary;

async fn attempt(folder: &Path, definition: &str, input: &str, extra: &[&str]) -> Output {
    std::fs::write(folder.join("definition.yaml"), definition).unwrap();
    std::fs::write(folder.join("input.yaml"), input).unwrap();
    let mut command = tokio::process::Command::new(binary());
    command
        .args(["workflows", "try", "definition.yaml", "--input", "input.yaml"])
        .args(extra)
        .current_dir(folder);
    command.output().await.unwrap()
}

fn report(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr)))
}

#[tokio::test]
async fn calls_for_one_origin_go_to_another_and_tasks_are_told_in_order() {
    let folder = tempfile::tempdir().unwrap();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let origin = format!("https://pets.example.com=http://{}", listener.local_addr().unwrap());
    let pet =
        |Segment(id): Segment<u32>| async move { axum::Json(json!({"id": id, "name": "Rex"})) };
    #[expect(clippy::disallowed_methods, reason = "it ends with the test")]
    tokio::spawn(async move {
        axum::serve(listener, Router::new().route("/pets/{id}", get(pet))).await
    });
    let definition = "
document: {dsl: 1.0.3, namespace: test, name: pets, version: 1.0.0}
do:
  - find: {call: http, with: {method: get, endpoint: {uri: 'https://pets.example.com/pets/{id}'}}}
  - name: {set: {name: '${ .name }'}}
  - tell: {emit: {event: {with: {source: https://pets.example.com, type: pet.found, data: '${ . }'}}}}
";
    let output = attempt(folder.path(), definition, "id: 7", &["--origin", &origin]).await;
    let found = report(&output);
    assert_eq!(found["status"], "completed", "{found}");
    assert_eq!(found["tasks"], json!(["find", "name", "tell"]));
    assert_eq!(found["output"]["data"], json!({"name": "Rex"}));
    assert_eq!(found["events"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn an_error_that_nobody_catches_and_a_run_without_end_are_told_as_such() {
    let folder = tempfile::tempdir().unwrap();
    let faulty = "
document: {dsl: 1.0.3, namespace: test, name: faulty, version: 1.0.0}
do:
  - stop: {raise: {error: {type: https://example.com/errors/no, status: 418, title: No}}}
";
    let found = report(&attempt(folder.path(), faulty, "{}", &[]).await);
    assert_eq!(
        (found["status"].as_str(), found["error"]["instance"].as_str()),
        (Some("faulted"), Some("/do/0/stop"))
    );
    let endless = "
document: {dsl: 1.0.3, namespace: test, name: endless, version: 1.0.0}
do:
  - sleep: {wait: {days: 1}}
";
    let found = report(&attempt(folder.path(), endless, "{}", &["--timeout", "1"]).await);
    assert_eq!(found["status"], "cancelled", "{found}");
}

#[tokio::test]
async fn a_mistake_is_told_with_its_place_and_what_would_be_right() {
    let folder = tempfile::tempdir().unwrap();
    let definition = "
document: {dsl: 1.0.3, namespace: test, name: slip, version: 1.0.0}
do:
  - list:
      call: auth0.users.lits:1@callboard
";
    let output = attempt(folder.path(), definition, "{}", &[]).await;
    assert_eq!(output.status.code(), Some(1));
    assert!(output.stdout.is_empty(), "stdout is for the report");
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(text.contains("definition.yaml:5:") && text.contains("auth0.users.list"), "{text}");
}

#[tokio::test]
async fn a_secret_is_read_from_a_file_and_refused_as_an_argument() {
    let folder = tempfile::tempdir().unwrap();
    let definition = "
document: {dsl: 1.0.3, namespace: test, name: safe, version: 1.0.0}
use: {secrets: [token]}
do:
  - show: {set: {given: '${ $secrets | has(\"token\") }'}}
";
    std::fs::write(folder.path().join("token"), "s3cret-4711\n").unwrap();
    let found =
        report(&attempt(folder.path(), definition, "{}", &["--secret", "token=@token"]).await);
    assert_eq!(found["output"], json!({"given": true}), "{found}");
    let refused =
        attempt(folder.path(), definition, "{}", &["--secret", "token=s3cret-4711"]).await;
    let text = String::from_utf8(refused.stderr).unwrap();
    assert_eq!(refused.status.code(), Some(2));
    assert!(text.contains("token=@FILE") && !text.contains("4711"), "{text}");
}
