//! `CloudEvents`, secrets, replay and lifecycle over REST.

use callboard_engine::RunStatus;
use http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::harness::{PATIENCE, at_rest};
use crate::server::Server;

const LISTENING: &str = "
document: {dsl: 1.0.3, namespace: test, name: listening, version: 1.0.0}
do: [{hear: {listen: {to: {one: {with: {type: hello}}}}}}]
";

async fn start(server: &Server, workflow: &str) -> callboard_engine::RunId {
    let body = json!({"workflow": workflow});
    let started = server.call(Method::POST, "/v1/runs", Some(body)).await;
    started.body["id"].as_str().unwrap().parse().unwrap()
}

fn hello(id: &str) -> Value {
    json!({"specversion": "1.0", "id": id, "source": "/tests", "type": "hello", "data": 1})
}

#[tokio::test]
async fn an_event_is_accepted_once_and_heard_and_the_run_tells_its_lifecycle() {
    let server = Server::start(&[LISTENING]).await;
    let run = start(&server, "listening").await;
    assert_eq!(at_rest(&server.engine, &run).await.status, RunStatus::Waiting);
    for (body, status, code) in [
        (json!({"type": "hello"}), StatusCode::BAD_REQUEST, Some("invalid_event")),
        (json!([hello("1"), hello("2")]), StatusCode::ACCEPTED, None),
        (hello("2"), StatusCode::OK, None),
    ] {
        let request =
            server.request(Method::POST, "/v1/events").bearer_auth(crate::server::API_KEY);
        let kind = if body.is_array() { "cloudevents-batch" } else { "cloudevents" };
        let request = request.header("content-type", format!("application/{kind}+json"));
        let reply = server.send(request.body(body.to_string())).await;
        assert_eq!((reply.status, reply.body["code"].as_str()), (status, code), "{reply:?}");
    }
    server.engine.wait_for_run(&run, PATIENCE).await.unwrap();
    let feed = server.call(Method::GET, &format!("/v1/runs/{run}/events"), None).await.body;
    let kinds: Vec<&str> = feed["events"]
        .as_array()
        .unwrap()
        .iter()
        .map(|event| {
            event["type"].as_str().unwrap().strip_prefix("io.serverlessworkflow.").unwrap()
        })
        .collect();
    let expected =
        ["workflow.started.v1", "task.started.v1", "task.completed.v1", "workflow.completed.v1"];
    assert_eq!(kinds, expected);
    assert_eq!(feed["events"][1]["data"]["task"], "/do/0/hear");
    let rest = server.call(Method::GET, &format!("/v1/runs/{run}/events?after=3"), None).await.body;
    assert_eq!(rest["events"], json!([feed["events"][3]]));
    let replayed = server.call(Method::GET, &format!("/v1/runs/{run}/replay"), None).await;
    assert_eq!(
        (replayed.status, replayed.body["tasks"].as_array().unwrap().len()),
        (StatusCode::OK, 2)
    );
}

#[tokio::test]
async fn secrets_go_in_and_only_their_names_come_out() {
    let server = Server::start(&[]).await;
    for (name, body, status) in [
        ("pin", json!({"value": "s3cret-4711"}), StatusCode::OK),
        ("pin", json!({"value": 4711}), StatusCode::UNPROCESSABLE_ENTITY),
        ("p n", json!({"value": "s3cret-4711"}), StatusCode::UNPROCESSABLE_ENTITY),
    ] {
        let reply = server.call(Method::PUT, &format!("/v1/secrets/{name}"), Some(body)).await;
        assert_eq!(reply.status, status, "{reply:?}");
        assert!(!reply.body.to_string().contains("4711"), "{reply:?}");
    }
    let listed = server.call(Method::GET, "/v1/secrets", None).await.body;
    assert_eq!(listed["secrets"][0]["name"], "pin");
    assert!(!listed.to_string().contains("4711"));
    for status in [StatusCode::NO_CONTENT, StatusCode::NOT_FOUND] {
        assert_eq!(server.call(Method::DELETE, "/v1/secrets/pin", None).await.status, status);
    }
}
