//! What a tenant logs and announces reaches workflows by itself.

use std::time::Duration;

use callboard::stage::Stage;
use http::Method;
use serde_json::{Value, json};

use crate::theatre::Theatre;

const GUESSING: &str = "
document:
  dsl: 1.0.3
  namespace: security
  name: guessing
  version: 1.0.0
  metadata:
    window: {count: 3, by: .data.user_name, within: PT5M}
schedule:
  on: {any: [{with: {type: auth0.log.fp}}, {with: {type: auth0.log.fu}}]}
do:
  - note: {set: {attempts: '${ length }'}}
";
const GREETING: &str = "
document: {dsl: 1.0.3, namespace: people, name: greeting, version: 1.0.0}
schedule:
  on: {one: {with: {type: auth0.user.created}}}
do:
  - note: {set: {user: '${ .[0].object.user_id }'}}
";

async fn feeds(stage: &Stage) -> Vec<Value> {
    let found = stage.expect(Method::GET, "/v1/triggers", None).await.unwrap();
    let triggers = found["triggers"].as_array().unwrap().iter();
    let auth0 = triggers.filter(|trigger| trigger["app"] == "auth0");
    auth0.flat_map(|trigger| trigger["feeds"].as_array().unwrap().clone()).collect()
}

/// Looks until it is so.
async fn until<T, F: Future<Output = Option<T>>>(what: &str, look: impl Fn() -> F) -> T {
    let wait = async {
        let mut pace = tokio::time::interval(Duration::from_millis(100));
        loop {
            pace.tick().await;
            if let Some(found) = look().await {
                return found;
            }
        }
    };
    tokio::time::timeout(Duration::from_mins(1), wait).await.expect(what)
}

async fn runs(stage: &Stage, workflow: &str) -> Vec<Value> {
    let path = format!("/v1/runs?workflow={workflow}");
    let found = stage.expect(Method::GET, &path, None).await.unwrap();
    found["runs"].as_array().unwrap().clone()
}

async fn run_of(stage: &Stage, workflow: &str) -> Value {
    let id = until("the run begins", || async move {
        Some(runs(stage, workflow).await.first()?["id"].as_str()?.to_owned())
    })
    .await;
    stage.settled(&id).await.unwrap()
}

/// Both feeds are read, and were read since a moment ago.
async fn are_read(stage: &Stage) {
    let before: Vec<Value> =
        feeds(stage).await.iter().map(|feed| feed["read_at"].clone()).collect();
    until("both feeds are read", || {
        let before = &before;
        async move {
            let feeds = feeds(stage).await;
            let read = feeds.iter().zip(before).all(|(feed, before)| {
                let moved = feed["kind"] == "events" || feed["read_at"] != *before;
                !feed["read_at"].is_null() && moved
            });
            (feeds.len() == 2 && read).then_some(())
        }
    })
    .await;
}

#[tokio::test]
async fn three_wrong_passwords_are_one_run_and_a_new_user_is_another_also_after_a_crash() {
    let theatre = Theatre::open().await;
    let library = theatre.folder.path().join("library");
    std::fs::create_dir_all(library.join("workflows")).unwrap();
    for (name, text) in [("guessing.yaml", GUESSING), ("greeting.yaml", GREETING)] {
        std::fs::write(library.join("workflows").join(name), text).unwrap();
    }
    let library = library.to_str().unwrap().to_owned();
    let stage = theatre.stage;
    let link = json!({"app": "auth0", "url": stage.tenant.url, "settings": {"poll_seconds": 1},
                      "secrets": {"client_id": stage.client.0, "client_secret": stage.client.1}});
    stage.expect(Method::PUT, "/v1/links/tenant", Some(&link)).await.unwrap();
    let stage = stage.restart_autopilot(&["--library", &library]).await.unwrap();
    are_read(&stage).await;

    let connection = "Username-Password-Authentication";
    let user =
        json!({"connection": connection, "email": "ada@example.com", "password": "Right-horse-7"});
    let user = stage.management(Method::POST, "/users", Some(&user)).await.unwrap();
    let greeted = run_of(&stage, "greeting").await;
    assert_eq!(greeted["status"], "completed", "{greeted}");
    assert_eq!(greeted["output"]["user"], user["user_id"]);

    for attempt in 0..3 {
        let login = json!({
            "grant_type": "http://auth0.com/oauth/grant-type/password-realm", "realm": connection,
            "client_id": stage.client.0, "client_secret": stage.client.1,
            "username": "ada@example.com", "password": format!("Wrong-{attempt}"),
        });
        let url = format!("{}/oauth/token", stage.tenant.url);
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let answer = client.post(url).json(&login).send().await.unwrap();
        let (status, text) = (answer.status(), answer.text().await.unwrap());
        assert_eq!(status, 403, "{text}");
        if attempt == 1 {
            are_read(&stage).await;
        }
    }
    let guessed = run_of(&stage, "guessing").await;
    assert_eq!(guessed["output"]["attempts"], 3, "{guessed}");

    let stage = stage.restart_autopilot(&["--library", &library]).await.unwrap();
    are_read(&stage).await;
    assert_eq!(runs(&stage, "guessing").await.len(), 1);
    assert_eq!(runs(&stage, "greeting").await.len(), 1);
}
