//! Runs over REST.

use callboard_console::wire;
use http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::harness::{ARRIVAL, Fate, one_call};
use crate::server::Server;

const ONE: &str = "office.desks.assign";

#[tokio::test]
async fn a_run_is_started_once_per_key_and_waited_for() {
    let server = Server::start(&[&one_call(ONE)]).await;
    server.put_link().await;
    let body = json!({"workflow": "one-call", "input": {"a": 1, "b": 2}, "idempotency_key": "k"});
    let accepted = server.call(Method::POST, "/v1/runs", Some(body.clone())).await;
    assert_eq!(accepted.status, StatusCode::ACCEPTED, "{accepted:?}");
    let id = accepted.body["id"].as_str().unwrap().to_owned();

    let done = server.call(Method::POST, "/v1/runs?wait=20", Some(body)).await;
    assert_eq!(done.status, StatusCode::OK, "{done:?}");
    let run: wire::Run = serde_json::from_value(done.body.clone()).unwrap();
    assert_eq!(
        (run.id, run.status.as_str(), run.workflow.as_str()),
        (id.clone(), "completed", "one-call")
    );
    assert_eq!((run.output, run.error), (Some(json!({"desk": 7})), None));
    assert_eq!((run.steps[0].id.as_str(), run.steps[0].name.as_str()), ("do/only", "only"));
    assert!(done.body.get("error").is_some_and(Value::is_null), "the key is always there");

    let other = json!({"workflow": "one-call", "input": {"a": 2}, "idempotency_key": "k"});
    let conflict = server.call(Method::POST, "/v1/runs", Some(other)).await;
    assert_eq!(
        (conflict.status, conflict.content_type.as_str()),
        (StatusCode::CONFLICT, "application/problem+json")
    );

    let journal = server.call(Method::GET, &format!("/v1/runs/{id}/journal"), None).await.body;
    let kinds: Vec<&str> = journal["entries"]
        .as_array()
        .unwrap()
        .iter()
        .map(|e| e["entry"].as_str().unwrap())
        .collect();
    assert_eq!(kinds, ["started", "attempted", "succeeded", "completed"]);
    assert_eq!(journal["entries"][3]["seq"], 4);
    let page =
        server.call(Method::GET, &format!("/v1/runs/{id}/steps?after=0&limit=5"), None).await;
    let page: wire::Steps = serde_json::from_value(page.body).unwrap();
    assert_eq!((page.steps[0].id.as_str(), page.next), ("do/only", None));
    let runs = server
        .call(Method::GET, "/v1/runs?status=completed&workflow=one-call&limit=5", None)
        .await
        .body;
    assert_eq!((&runs["runs"][0]["id"], &runs["next"]), (&json!(id), &Value::Null));
}

#[tokio::test]
async fn mistakes_of_a_caller_are_named() {
    let server = Server::start(&[&one_call(ONE)]).await;
    for (method, path, body, status, code) in [
        (Method::POST, "/v1/runs", json!({"workflow": "one-cal"}), 404, "unknown_workflow"),
        (Method::POST, "/v1/runs", json!({"workflow": "one-call", "inpt": 1}), 400, "invalid_body"),
        (Method::POST, "/v1/runs", json!([]), 400, "invalid_body"),
        (Method::POST, "/v1/runs?wait=soon", json!({"workflow": "one-call"}), 400, "invalid_query"),
        (Method::GET, "/v1/runs?status=done", Value::Null, 400, "invalid_query"),
        (Method::GET, "/v1/runs/nonsense", Value::Null, 404, "unknown_run"),
        (Method::GET, "/v1/runs/run_00000000000000000000000000", Value::Null, 404, "unknown_run"),
        (
            Method::POST,
            "/v1/runs/run_00000000000000000000000000/cancel",
            Value::Null,
            404,
            "unknown_run",
        ),
        (
            Method::POST,
            "/v1/actions/office.notes.write/run",
            json!({"arguments": {}}),
            422,
            "invalid_arguments",
        ),
    ] {
        let reply = server.call(method, path, Some(body)).await;
        assert_eq!(
            (reply.status.as_u16(), reply.body["code"].as_str()),
            (status, Some(code)),
            "{path}: {reply:?}"
        );
    }
}

#[tokio::test]
async fn a_step_that_asks_is_resolved_by_its_path_and_a_run_is_cancelled() {
    let server = Server::start(&[&one_call("office.badges.print"), ARRIVAL]).await;
    server.put_link().await;
    server.premises.office.will("office.badges.print", Fate::Vanishes);
    let body = json!({"workflow": "one-call"});
    let id = server.call(Method::POST, "/v1/runs", Some(body)).await.body["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let asks =
        crate::harness::to_the_end(&server.engine, &server.premises.time, &id.parse().unwrap())
            .await;
    assert_eq!(asks.status.name(), "attention");
    for step in ["do/only", "do%2Fonly"] {
        let path = format!("/v1/runs/{id}/steps/{step}/resolve");
        let reply = server
            .call(Method::POST, &path, Some(json!({"verdict": "happened", "output": {"ok": true}})))
            .await;
        if step == "do/only" {
            assert_eq!(reply.status, StatusCode::OK, "{reply:?}");
            assert_eq!(reply.body["steps"][0]["resolved_by"], "administrator");
        } else {
            assert_eq!(reply.body["code"], "run_is_final", "it was found: {reply:?}");
        }
    }
    let body = json!({"workflow": "arrival", "input": {"name": "Ada"}});
    let id = server.call(Method::POST, "/v1/runs?wait=0", Some(body)).await.body["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let cancelled = server.call(Method::POST, &format!("/v1/runs/{id}/cancel"), None).await.body;
    assert_eq!(
        (&cancelled["status"], &cancelled["cancelled_by"]),
        (&json!("cancelled"), &json!("administrator"))
    );
}

#[tokio::test]
async fn whoever_waits_hears_that_a_run_needs_somebody() {
    let server = Server::start(&[&one_call("office.badges.print")]).await;
    let body = json!({"workflow": "one-call"});
    let asks = server.call(Method::POST, "/v1/runs?wait=20", Some(body)).await;
    assert_eq!(
        (asks.status, &asks.body["status"]),
        (StatusCode::OK, &json!("attention")),
        "{asks:?}"
    );
    let body = json!({"arguments": {"person": "Ada"}});
    let path = "/v1/actions/office.badges.print/run?wait=20";
    let asks = server.call(Method::POST, path, Some(body)).await;
    assert_eq!(
        (asks.status, &asks.body["status"]),
        (StatusCode::OK, &json!("attention")),
        "{asks:?}"
    );
}

#[tokio::test]
async fn journal_and_events_come_page_by_page() {
    let server = Server::start(&[&one_call(ONE)]).await;
    server.put_link().await;
    let body = json!({"workflow": "one-call"});
    let done = server.call(Method::POST, "/v1/runs?wait=20", Some(body)).await.body;
    let id = done["id"].as_str().unwrap();
    for (what, list, number) in [("journal", "entries", "seq"), ("events", "events", "sequence")] {
        let (mut after, mut numbers) = (0, Vec::new());
        loop {
            let path = format!("/v1/runs/{id}/{what}?after={after}&limit=2");
            let page = server.call(Method::GET, &path, None).await.body;
            let found = page[list].as_array().unwrap().iter();
            numbers.extend(found.map(|entry| entry[number].as_u64().unwrap()));
            match page["next"].as_u64() {
                Some(next) => after = next,
                None => break,
            }
        }
        assert_eq!(numbers, [1, 2, 3, 4], "{what}");
    }
}

#[tokio::test]
async fn one_action_runs_through_a_link() {
    let server = Server::start(&[]).await;
    server.put_link().await;
    let body = json!({"arguments": {"person": "Ada"}, "link": "office"});
    let done =
        server.call(Method::POST, &format!("/v1/actions/{ONE}/run?wait=20"), Some(body)).await;
    assert_eq!(
        (done.status, &done.body["output"]),
        (StatusCode::OK, &json!({"desk": 7})),
        "{done:?}"
    );
}

#[tokio::test]
async fn a_run_is_paused_resumed_retried_and_run_again() {
    let server = Server::start(&[ARRIVAL, &one_call(ONE)]).await;
    server.put_link().await;
    let body = json!({"workflow": "arrival", "input": {"name": "Ada"}});
    let id = server.call(Method::POST, "/v1/runs", Some(body)).await.body["id"].clone();
    let id = id.as_str().unwrap();
    let path = |word: &str| format!("/v1/runs/{id}/{word}");
    let going = server.call(Method::POST, &path("retry"), Some(json!({}))).await;
    assert_eq!((going.status.as_u16(), &going.body["code"]), (409, &json!("still_going")));
    let paused = server.call(Method::POST, &path("pause"), None).await;
    assert_eq!((paused.status.as_u16(), &paused.body["paused_by"]), (200, &json!("administrator")));
    let resumed = server.call(Method::POST, &path("resume"), None).await;
    assert_eq!((resumed.status.as_u16(), resumed.body.get("paused_by")), (200, None));
    let again = server.call(Method::POST, &path("resume"), None).await;
    assert_eq!((again.status.as_u16(), &again.body["code"]), (409, &json!("not_paused")));

    let body = json!({"workflow": "one-call"});
    let done = server.call(Method::POST, "/v1/runs?wait=20", Some(body)).await.body;
    let first = done["id"].as_str().unwrap();
    let retry = format!("/v1/runs/{first}/retry?wait=20");
    let retried = server.call(Method::POST, &retry, Some(json!({"from": "do/only"}))).await;
    assert_eq!((retried.status.as_u16(), &retried.body["status"]), (200, &json!("completed")));
    assert_eq!(retried.body["origin"]["run"], first, "{retried:?}");
    let unknown = server.call(Method::POST, &retry, Some(json!({"from": "do/x"}))).await;
    assert_eq!((unknown.status.as_u16(), &unknown.body["code"]), (404, &json!("unknown_step")));
    let rerun = format!("/v1/runs/{first}/rerun?wait=20");
    let rerun = server.call(Method::POST, &rerun, Some(json!({}))).await;
    assert_eq!((rerun.status.as_u16(), &rerun.body["status"]), (200, &json!("completed")));
    let origin = server.call(Method::GET, &format!("/v1/runs/{first}"), None).await.body;
    // They began at the same instant.
    let (heirs, both) = (&origin["heirs"], [&retried.body["id"], &rerun.body["id"]]);
    assert!(both.iter().all(|id| heirs.as_array().unwrap().contains(id)), "{origin}");
    let none =
        server.call(Method::POST, "/v1/runs/archive", Some(json!({"older_than_days": 1}))).await;
    assert_eq!((none.status.as_u16(), &none.body["code"]), (409, &json!("no_archive")));
}
