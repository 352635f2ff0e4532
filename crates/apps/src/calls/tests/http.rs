use callboard_flow::document::HttpOutput;
use callboard_flow::{FunctionCall, HttpCall};
use serde_json::json;

use super::stand_in::{StandIn, answer, echo, get, json_answer, map, perform, post, rejected};
use crate::calls::{CallFailure, CallOptions, Calls};

#[tokio::test]
async fn query_headers_and_body_arrive_as_they_were_given() {
    let server = StandIn::start(echo).await;
    let mut call = post("/pets?a=1", json!({"name": "Rex"}));
    call.query = map(json!({"tags": ["x", "y z"], "none": null, "n": 2}));
    call.headers = map(json!({"Accept": "application/json", "X-Count": 3}));
    let output = perform(&server.calls(), call).await.unwrap().output;
    assert_eq!(output["uri"], "/pets?a=1&tags=x&tags=y+z&n=2");
    assert_eq!(output["body"], "{\"name\":\"Rex\"}");
    let headers = &output["headers"];
    assert_eq!(headers["host"], "api.example");
    assert_eq!(headers["content-type"], "application/json");
    assert_eq!(headers["accept"], "application/json");
    assert_eq!(headers["x-count"], "3");
    assert_eq!(headers["idempotency-key"], "run-1:do/call");
}

#[tokio::test]
async fn each_output_shows_the_answer_in_its_way() {
    let server = StandIn::start(|_| {
        answer(201, &[("content-type", "application/json"), ("x-id", "7")], "{\"id\":7}")
    })
    .await;
    let calls = server.calls();
    for (output, expected) in
        [(HttpOutput::Content, json!({"id": 7})), (HttpOutput::Raw, json!("eyJpZCI6N30="))]
    {
        let call = HttpCall { output, ..get("/x") };
        assert_eq!(perform(&calls, call).await.unwrap().output, expected);
    }
    let mut call = get("/x?q=1");
    call.output = HttpOutput::Response;
    call.headers = map(json!({"Authorization": "Bearer abc-def"}));
    let output = perform(&calls, call).await.unwrap().output;
    assert_eq!(output["request"]["method"], "GET");
    assert_eq!(output["request"]["uri"], "https://api.example/x?q=1");
    assert_eq!(output["request"]["headers"]["authorization"], "[secret]");
    assert_eq!((&output["statusCode"], &output["content"]), (&json!(201), &json!({"id": 7})));
    assert_eq!(output["headers"]["x-id"], "7");
}

#[tokio::test]
async fn a_status_outside_the_range_is_a_communication_error() {
    let server = StandIn::start(|seen| match seen.uri.path() {
        "/404" => {
            answer(404, &[("content-type", "application/json")], "{\"message\":\"no\\n such pet\"}")
        }
        "/429" => answer(429, &[("retry-after", "30")], ""),
        "/503" => answer(503, &[], "busy"),
        "/304" => answer(304, &[], ""),
        _ => answer(302, &[("location", "/404")], ""),
    })
    .await;
    let calls = server.calls();
    for (path, status, title, detail) in [
        (
            "/404",
            404,
            "Not Found",
            "GET https://api.example/404 answered 404 Not Found: no such pet",
        ),
        (
            "/429",
            429,
            "Too Many Requests",
            "GET https://api.example/429 answered 429 Too Many Requests (retry after 30)",
        ),
        (
            "/503",
            503,
            "Service Unavailable",
            "GET https://api.example/503 answered 503 Service Unavailable: busy",
        ),
        ("/302", 302, "Found", "GET https://api.example/302 answered 302 Found"),
        ("/304", 304, "Not Modified", "GET https://api.example/304 answered 304 Not Modified"),
    ] {
        let error = rejected(perform(&calls, get(path)).await.unwrap_err());
        assert!(error.fits(&json!({
            "type": "https://open-workflow-specification.org/dsl/errors/types/communication", "status": status,
        })));
        assert_eq!((error.title.as_deref(), error.detail.as_deref()), (Some(title), Some(detail)));
    }
    let mut call = get("/304");
    call.redirect = true;
    assert_eq!(perform(&calls, call).await.unwrap().output, json!(null));
}

#[tokio::test]
async fn a_call_that_cannot_be_made_is_an_error_of_the_workflow() {
    let server = StandIn::start(echo).await;
    let calls = server.calls();
    for (call, said) in [
        (get("nonsense"), "not an address"),
        (get("ftp://api.example/"), "must be http or https"),
        (get("https://ada:pw@api.example/"), "give them as its authentication"),
        (HttpCall { headers: map(json!({"Host": "x"})), ..get("/") }, "cannot be given"),
        (HttpCall { headers: map(json!({"a b": "x"})), ..get("/") }, "not the name of a header"),
        (HttpCall { headers: map(json!({"a": "x\ny"})), ..get("/") }, "no header can hold"),
        (HttpCall { query: map(json!({"a": {"b": 1}})), ..get("/") }, "must be a text"),
        (HttpCall { method: "GE T".into(), ..get("/") }, "not an HTTP method"),
    ] {
        let error = rejected(perform(&calls, call).await.unwrap_err()).to_string();
        assert!(error.contains(said), "{error}");
    }
    assert!(server.seen().is_empty());
}

#[tokio::test]
async fn no_answer_is_told_apart_by_what_may_have_happened() {
    let hangs_up = StandIn::that_hangs_up().await;
    let calls = hangs_up.calls();
    let failed = perform(&calls, get("/x")).await.unwrap_err();
    assert!(matches!(failed.failure, CallFailure::Later(_)), "{failed}");
    assert_eq!(failed.exchanges.len(), 1);
    assert!(failed.exchanges[0].note.as_ref().unwrap().starts_with("cut"), "{failed:?}");
    let failed = perform(&calls, post("/x", json!({}))).await.unwrap_err();
    assert!(matches!(failed.failure, CallFailure::Unsure(_)), "{failed}");

    let gone = StandIn::start(echo).await.options();
    let failed = perform(&Calls::new(&gone).unwrap(), post("/x", json!({}))).await.unwrap_err();
    assert!(matches!(failed.failure, CallFailure::Later(_)), "{failed}");
    let unknown = post("https://nobody.invalid/x", json!({}));
    let failed = perform(&calls, unknown).await.unwrap_err();
    assert!(matches!(failed.failure, CallFailure::Later(_)), "{failed}");
}

#[tokio::test]
async fn an_answer_has_a_bound() {
    let server = StandIn::start(|_| answer(200, &[], &"x".repeat(2_000))).await;
    let options = CallOptions { longest_answer: 1_000, ..server.options() };
    let failed = perform(&Calls::new(&options).unwrap(), get("/x")).await.unwrap_err();
    let error = rejected(failed);
    assert_eq!(error.detail.unwrap(), "GET https://api.example/x answered more than 1000 bytes");
    let written = post("/x", json!({}));
    let failed = perform(&Calls::new(&options).unwrap(), written).await.unwrap_err();
    assert!(matches!(failed.failure, CallFailure::Unsure(_)), "it was done: {failed}");
}

#[tokio::test]
async fn exchanges_show_no_secrets() {
    let server = StandIn::start(|seen| {
        json_answer(&json!({"echo": seen.header("authorization"), "access_token": "fresh-token"}))
    })
    .await;
    let mut call =
        post("/x?api_key=k3y-in-query&page=2", json!({"password": "pw-in-body", "name": "Ada"}));
    call.headers =
        map(json!({"Authorization": "Bearer tok-in-header", "X-Api-Key": "key-in-header"}));
    let answer = perform(&server.calls(), call).await.unwrap();
    let shown = serde_json::to_string(&answer.exchanges).unwrap();
    for secret in ["k3y-in-query", "pw-in-body", "tok-in-header", "key-in-header", "fresh-token"] {
        assert!(!shown.contains(secret), "{secret} in {shown}");
    }
    assert!(shown.contains("Ada") && shown.contains("page=2"), "{shown}");
    assert_eq!(answer.output["access_token"], "fresh-token");
}

#[tokio::test]
async fn a_call_can_be_performed_on_any_thread() {
    let server = StandIn::start(echo).await;
    let calls = std::sync::Arc::new(server.calls());
    let mut tasks = tokio::task::JoinSet::new();
    for path in ["/a", "/b"] {
        let calls = calls.clone();
        tasks.spawn(async move { perform(&calls, get(path)).await.map(|done| done.output) });
    }
    for outcome in tasks.join_all().await {
        assert_eq!(outcome.unwrap()["method"], "GET");
    }
}

#[tokio::test]
async fn hidden_values_stay_hidden_wherever_they_turn_up() {
    let ticket = "https://tenant.example/lo/reset?ticket=abc";
    let server = StandIn::start(|seen| match seen.uri.path() {
        "/fails" => answer(400, &[], &format!("cannot send {}", seen.body)),
        _ => echo(seen),
    })
    .await;
    let calls = server.calls();
    let hidden = [secrecy::SecretString::from(ticket)];
    for (path, succeeds) in [("/mail", true), ("/fails", false)] {
        let call = FunctionCall::Http(post(path, json!({"text": format!("open {ticket}")})));
        let outcome = calls.perform(&call, &|_| None, "run-1:do/mail", &hidden).await;
        assert_eq!(outcome.is_ok(), succeeds);
        let shown = format!("{outcome:?}");
        assert!(!shown.contains(ticket) && shown.contains("[secret]"), "{shown}");
    }
}
