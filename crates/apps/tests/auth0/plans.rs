//! Operations that not every plan has, against a scripted tenant.

use std::sync::{Arc, Mutex};

use axum::Json;
use axum::extract::State;
use axum::http::{Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use callboard_apps::{Failure, Link};
use serde_json::{Value, json};
use tokio_util::task::TaskTracker;

use crate::harness::Stage;

const USER: &str = "auth0|63d17c4a8869daf88ed7db97";

#[derive(Clone, Default)]
struct Script {
    enterprise: bool,
    calls: Arc<Mutex<Vec<String>>>,
}

async fn answer(State(script): State<Script>, method: Method, uri: Uri) -> Response {
    let path = uri.path().replace("auth0%7C63d17c4a8869daf88ed7db97", "U");
    if path == "/oauth/token" {
        return Json(json!({"access_token": "a.b.c", "expires_in": 86400, "token_type": "Bearer"}))
            .into_response();
    }
    script.calls.lock().unwrap().push(format!("{method} {path}"));
    let plan = json!({"statusCode": 403, "error": "Forbidden", "errorCode": "insufficient_scope",
        "message": "Please upgrade your subscription to enable this feature."});
    let body = match (method.as_str(), path.as_str()) {
        ("PATCH", "/api/v2/users/U") => json!({"user_id": USER, "blocked": true}),
        ("GET", "/api/v2/users/U") => {
            json!({"user_id": USER, "identities": [{"provider": "auth0"}, {"provider": "github"}]})
        }
        ("GET", "/api/v2/device-credentials") => json!([{"id": "dcr_1"}, {"id": "dcr_2"}]),
        ("POST", "/api/v2/tickets/password-change") => {
            json!({"ticket": "https://t.example/u/reset-password?ticket=T1CK3T#"})
        }
        ("DELETE", _) => return StatusCode::NO_CONTENT.into_response(),
        _ if script.enterprise => return (StatusCode::ACCEPTED, Json(json!({}))).into_response(),
        _ => return (StatusCode::FORBIDDEN, Json(plan)).into_response(),
    };
    Json(body).into_response()
}

async fn tenant(stage: &Stage, enterprise: bool, tasks: &TaskTracker) -> (Link, Script) {
    let script = Script { enterprise, calls: Arc::default() };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base_url = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
    let router = axum::Router::new().fallback(answer).with_state(script.clone());
    tasks.spawn(async move { axum::serve(listener, router).await });
    (Link { base_url, ..stage.link() }, script)
}

async fn perform(
    stage: &Stage,
    link: &Link,
    action: &str,
    arguments: Value,
) -> Result<Value, Failure> {
    let performed = stage.executor.perform(link, &stage.attempt(action, arguments)).await;
    performed.map(|performed| performed.output).map_err(|failed| failed.failure)
}

#[tokio::test]
async fn blocking_ends_sessions_and_tokens_where_the_plan_can() {
    let (stage, tasks) = (Stage::new().await, TaskTracker::new());
    let (link, script) = tenant(&stage, true, &tasks).await;
    let output = perform(&stage, &link, "auth0.users.block", json!({"user": USER})).await.unwrap();
    assert_eq!(
        output,
        json!({"user_id": USER, "blocked": true, "access_ended": "sessions and tokens"})
    );
    let calls = script.calls.lock().unwrap().clone();
    assert_eq!(
        calls,
        ["GET /api/v2/users/U", "PATCH /api/v2/users/U", "POST /api/v2/users/U/revoke-access"]
    );
}

#[tokio::test]
async fn blocking_ends_devices_and_consents_where_the_plan_cannot() {
    let (stage, tasks) = (Stage::new().await, TaskTracker::new());
    let (link, script) = tenant(&stage, false, &tasks).await;
    let output = perform(&stage, &link, "auth0.users.block", json!({"user": USER})).await.unwrap();
    assert_eq!(output["access_ended"], "devices and consents");
    let calls = script.calls.lock().unwrap().clone();
    let expected = [
        "GET /api/v2/users/U",
        "PATCH /api/v2/users/U",
        "POST /api/v2/users/U/revoke-access",
        "GET /api/v2/device-credentials",
        "DELETE /api/v2/device-credentials/dcr_1",
        "DELETE /api/v2/device-credentials/dcr_2",
        "DELETE /api/v2/grants",
    ];
    assert_eq!(calls, expected);
}

#[tokio::test]
async fn revoking_sessions_says_when_the_plan_lacks_it() {
    let (stage, tasks) = (Stage::new().await, TaskTracker::new());
    let (link, script) = tenant(&stage, false, &tasks).await;
    let refused = perform(&stage, &link, "auth0.users.sessions.revoke", json!({"user": USER}))
        .await
        .unwrap_err();
    let Failure::Rejected { status: 403, title, .. } = &refused else { panic!("{refused:?}") };
    assert!(title.starts_with("Please upgrade your subscription"), "{title}");
    let only = json!({"user": USER, "refresh_tokens": false});
    perform(&stage, &link, "auth0.users.sessions.revoke", only).await.unwrap();
    assert_eq!(script.calls.lock().unwrap().last().unwrap(), "DELETE /api/v2/users/U/sessions");
}

#[tokio::test]
async fn a_ticket_is_in_the_output_and_in_no_exchange() {
    let (stage, tasks) = (Stage::new().await, TaskTracker::new());
    let (link, _) = tenant(&stage, true, &tasks).await;
    let attempt = stage.attempt("auth0.password_tickets.create", json!({"user": USER}));
    assert_eq!(attempt.action.secret_outputs, ["/ticket"]);
    let made = stage.executor.perform(&link, &attempt).await.unwrap();
    assert!(made.output["ticket"].as_str().unwrap().contains("T1CK3T"));
    let shown = serde_json::to_string(&made.exchanges).unwrap();
    assert!(!shown.contains("T1CK3T"), "{shown}");
    let sent = made.exchanges[0].request.as_ref().unwrap();
    assert_eq!((&sent["ttl_sec"], sent.get("result_url")), (&json!(432_000), None));
}

#[tokio::test]
async fn linked_identities_are_deleted_only_if_that_is_said() {
    let (stage, tasks) = (Stage::new().await, TaskTracker::new());
    let (link, script) = tenant(&stage, true, &tasks).await;
    let refused =
        perform(&stage, &link, "auth0.users.delete", json!({"user": USER})).await.unwrap_err();
    let Failure::Rejected { status: 409, title, .. } = &refused else { panic!("{refused:?}") };
    assert!(title.starts_with("the user has linked identities"), "{title}");
    let all = json!({"user": USER, "linked_identities": true});
    perform(&stage, &link, "auth0.users.delete", all).await.unwrap();
    let calls = script.calls.lock().unwrap().clone();
    assert_eq!(calls, ["GET /api/v2/users/U", "GET /api/v2/users/U", "DELETE /api/v2/users/U"]);
}
