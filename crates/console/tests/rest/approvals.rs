//! Questions to people over REST, and their page.

use callboard_engine::RunStatus;
use http::{Method, StatusCode};
use reqwest::header::HeaderMap;
use serde_json::{Value, json};

use crate::harness::{PATIENCE, at_rest};
use crate::server::Server;

const ASKING: &str = "document: {dsl: 1.0.3, namespace: test, name: asking, version: 1.0.0}\n\
    do: [{ask: {call: 'callboard.approvals.ask:1@callboard', with: {question: 'Block <Ada>?', \
    evidence: {why: '<script>alert(1)</script>'}, from: {groups: [hr-leads]}, fourEyes: true}}}]\n";

/// A server with a run that asks: the run and the approval.
async fn asking() -> (Server, String, String) {
    let server = Server::start(&[ASKING]).await;
    let body = json!({"workflow": "asking"});
    let started = server.call(Method::POST, "/v1/runs", Some(body)).await;
    let run = started.body["id"].as_str().unwrap().to_owned();
    at_rest(&server.engine, &run.parse().unwrap()).await;
    let open = server.call(Method::GET, "/v1/approvals", None).await.body;
    assert_eq!(open["approvals"].as_array().unwrap().len(), 1, "{open}");
    (server, run, open["approvals"][0]["id"].as_str().unwrap().to_owned())
}

async fn key(server: &Server, name: &str, groups: &[&str]) -> String {
    let body = json!({"name": name, "role": "approver", "groups": groups});
    let made = server.call(Method::POST, "/v1/keys", Some(body)).await;
    made.body["key"].as_str().unwrap().to_owned()
}

/// Status, headers and text of the page.
async fn page(server: &Server, method: Method, id: &str) -> (StatusCode, HeaderMap, String) {
    let request = server.request(method, &format!("/approvals/{id}"));
    let answer = request.header("Sec-Purpose", "prefetch").send().await.unwrap();
    (answer.status(), answer.headers().clone(), answer.text().await.unwrap())
}

async fn fill_in(server: &Server, id: &str, form: &[(&str, &str)]) -> (StatusCode, String) {
    let body: Vec<String> =
        form.iter().map(|(name, value)| format!("{name}={}", value.replace(' ', "+"))).collect();
    let request = server
        .request(Method::POST, &format!("/approvals/{id}"))
        .header("content-type", "application/x-www-form-urlencoded")
        .body(body.join("&"));
    let answer = request.send().await.unwrap();
    (answer.status(), answer.text().await.unwrap())
}

#[tokio::test]
async fn a_person_answers_over_rest_and_others_are_told_why_not() {
    let (server, run, id) = asking().await;
    let (bob, mallory) =
        (key(&server, "bob", &["hr-leads"]).await, key(&server, "mallory", &[]).await);
    let path = format!("/v1/approvals/{id}/answer");
    let answer = json!({"approve": true, "reason": "it is so", "round": 1});
    let request = server.request(Method::POST, &path).bearer_auth(&mallory).json(&answer);
    let refused = server.send(request).await;
    assert_eq!((refused.status.as_u16(), &refused.body["code"]), (403, &json!("not_asked")));
    let request = server.request(Method::POST, &path).bearer_auth(&bob).json(&answer);
    let taken = server.send(request).await;
    assert_eq!(
        (taken.status.as_u16(), &taken.body["state"]),
        (200, &json!("approved")),
        "{taken:?}"
    );
    let done = server.call(Method::GET, &format!("/v1/runs/{run}?wait=20"), None).await.body;
    assert_eq!(
        (&done["status"], &done["output"]["by"]),
        (&json!("completed"), &json!("bob")),
        "{done}"
    );
    let shown = server.call(Method::GET, &format!("/v1/approvals/{id}"), None).await.body;
    assert_eq!((&shown["answers"][0]["by"], &shown["state"]), (&json!("bob"), &json!("approved")));
    let open = server.call(Method::GET, "/v1/approvals?open=true", None).await.body;
    assert_eq!(open, json!({"approvals": [], "next": null}));
    assert_eq!(server.call(Method::GET, "/v1/approvals", None).await.body, open);
    for query in ["all", "all=true", "open=false"] {
        let all = server.call(Method::GET, &format!("/v1/approvals?{query}"), None).await.body;
        assert_eq!(all["approvals"][0]["id"], id.as_str(), "{query}");
    }
    let wrong = server.call(Method::GET, "/v1/approvals?all=maybe", None).await;
    assert_eq!((wrong.status.as_u16(), &wrong.body["code"]), (400, &json!("invalid_query")));
    let unknown = server.call(Method::GET, "/v1/approvals/apr_none", None).await;
    assert_eq!((unknown.status.as_u16(), &unknown.body["code"]), (404, &json!("unknown_approval")));
}

#[tokio::test]
async fn a_mail_scanner_that_follows_every_link_answers_nothing() {
    let (server, run, id) = asking().await;
    for method in [Method::GET, Method::HEAD, Method::GET] {
        let (status, headers, text) = page(&server, method.clone(), &id).await;
        assert_eq!(status, StatusCode::OK);
        assert_eq!(headers["cache-control"], "no-store");
        assert_eq!(headers["referrer-policy"], "no-referrer");
        let policy = headers["content-security-policy"].to_str().unwrap();
        assert!(policy.starts_with("default-src 'none'") && policy.contains("form-action 'self'"));
        // Every address on the page is followed as well, and those that an answer could hide behind.
        let links = text.split(['"', '\'']).filter(|part| part.starts_with('/'));
        let guesses = ["?answer=approve", "/answer", "/approve", "?approve=true&key=x"];
        let guesses = guesses.map(|end| format!("/approvals/{id}{end}"));
        for link in links.map(str::to_owned).chain(guesses) {
            for method in [Method::GET, Method::HEAD] {
                server.request(method, &link).send().await.unwrap();
            }
        }
        let api = format!("/v1/approvals/{id}/answer");
        let got = server.call(Method::GET, &api, None).await;
        assert_eq!(got.status, StatusCode::METHOD_NOT_ALLOWED);
    }
    let (status, _) = fill_in(&server, &id, &[]).await;
    assert_eq!(status, StatusCode::BAD_REQUEST, "a scanner that sends an empty form");
    let still = server.call(Method::GET, &format!("/v1/approvals/{id}"), None).await.body;
    assert_eq!((&still["state"], &still["answers"]), (&json!("open"), &json!([])));
    let run = server.engine.run(&run.parse().unwrap()).await.unwrap();
    assert_eq!(run.status, RunStatus::Waiting);
}

#[tokio::test]
async fn the_question_and_its_evidence_are_shown_for_a_key_only() {
    let (server, _, id) = asking().await;
    let bob = key(&server, "bob", &["hr-leads"]).await;
    let (_, _, text) = page(&server, Method::GET, &id).await;
    assert!(text.contains("group hr-leads") && text.contains("name=\"key\""), "{text}");
    for form in [vec![], vec![("key", "wrong")]] {
        let (_, refused) = fill_in(&server, &id, &form).await;
        for text in [&text, &refused] {
            assert!(!text.contains("Ada") && !text.contains("script"), "{text}");
        }
    }
    let (status, text) = fill_in(&server, &id, &[("key", &bob)]).await;
    assert_eq!(status, StatusCode::OK);
    assert!(text.contains("Block &lt;Ada&gt;?") && text.contains("&lt;script&gt;"), "{text}");
    assert!(!text.contains("<script") && !text.contains(&bob), "{text}");
    assert!(text.contains("value=\"approve\""), "{text}");
}

#[tokio::test]
async fn the_form_answers_for_whoever_holds_the_key() {
    let (server, run, id) = asking().await;
    let bob = key(&server, "bob", &["hr-leads"]).await;
    let mallory = key(&server, "mallory", &[]).await;
    for (form, status, sentence) in [
        (vec![("key", "wrong"), ("answer", "approve"), ("round", "1")], 401, "key is not valid"),
        (
            vec![
                ("key", mallory.as_str()),
                ("answer", "approve"),
                ("round", "1"),
                ("reason", "let me in"),
            ],
            403,
            "Mallory may not answer this: it is asked of the group hr-leads.",
        ),
        (vec![("key", bob.as_str()), ("answer", "approve"), ("round", "2")], 409, "asked afresh"),
        (vec![("key", bob.as_str()), ("answer", "approve")], 400, "Choose Approve"),
        (vec![("key", bob.as_str()), ("answer", "maybe"), ("round", "1")], 400, "choose Approve"),
    ] {
        let (given, text) = fill_in(&server, &id, &form).await;
        assert_eq!(given.as_u16(), status, "{form:?}");
        assert!(text.contains(sentence), "{sentence}: {text}");
        assert!(!text.contains(&mallory) && !text.contains(&bob), "the key is never shown");
    }
    let form = [("key", bob.as_str()), ("answer", "reject"), ("round", "1"), ("reason", "not her")];
    let (status, text) = fill_in(&server, &id, &form).await;
    // The client followed the way back to the page.
    assert_eq!(status, StatusCode::OK, "{text}");
    assert!(text.contains("Rejected at") && !text.contains("not her"), "{text}");
    let (_, text) = fill_in(&server, &id, &[("key", &bob)]).await;
    assert!(text.contains("not her") && !text.contains("<form"), "{text}");
    let run = server.engine.wait_for_run(&run.parse().unwrap(), PATIENCE).await.unwrap();
    let output: Value = run.output.unwrap();
    assert_eq!((&output["approved"], &output["reason"]), (&json!(false), &json!("not her")));
    let (status, _, text) = page(&server, Method::GET, "apr_none").await;
    assert_eq!((status, text.contains("No such question")), (StatusCode::NOT_FOUND, true));
}
