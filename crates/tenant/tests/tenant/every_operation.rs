//! What holds for every operation of the contract, whatever it does.

use callboard_contract::{Operation, contract};
use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{TestTenant, encoded};

/// A value that the path's schema accepts.
fn path_value<'a>(operation: &Operation, name: &'a str) -> &'a str {
    match (operation.path.as_str(), name) {
        (path, "prompt") if path.starts_with("/prompts") => "login",
        (_, "screen") => "login-id",
        (_, "language") => "en",
        (_, "page") => "get-started",
        ("/email-templates/{templateName}", _) => "verify_email",
        ("/guardian/factors/{name}", _) => "otp",
        ("/actions/triggers/{triggerId}/bindings", _) => "post-login",
        (path, "id") if path.starts_with("/organizations") => "org_0000000000000001",
        (path, "id") if path.starts_with("/connections") => "con_0000000000000001",
        (path, "id") if path.starts_with("/event-streams") => "est_0000000000000000000001",
        (path, "id") if path.starts_with("/groups") => "grp_1111111111111111111111",
        (path, "id") if path.starts_with("/users") => "auth0|507f1f77bcf86cd799439020",
        (_, "user_id") => "auth0|507f1f77bcf86cd799439020",
        (_, "ip") => "10.0.0.1",
        _ => "aaaaaaaaaaaaaaaaaaaaaa",
    }
}

fn path(operation: &Operation) -> String {
    let segments = operation.path.split('/').map(|segment| {
        match segment.strip_prefix('{').and_then(|segment| segment.strip_suffix('}')) {
            Some(name) => encoded(path_value(operation, name)),
            None => segment.to_owned(),
        }
    });
    format!("/api/v2{}", segments.collect::<Vec<_>>().join("/"))
}

fn body(operation: &Operation) -> Option<Value> {
    operation.body.as_ref().map(|_| json!({}))
}

fn calls() -> impl Iterator<Item = (&'static Operation, Method, String, Option<Value>)> {
    contract()
        .operations()
        .iter()
        .map(|operation| (operation, operation.method.clone(), path(operation), body(operation)))
}

#[tokio::test]
async fn every_operation_asks_for_a_token() {
    let tenant = TestTenant::start().await;
    let nobody = tenant.anonymous();
    for (operation, method, path, body) in calls() {
        let answered = nobody.send(method, &path, body).await;
        assert_eq!(answered.status, 401, "{}: {}", operation.id, answered.body);
    }
}

#[tokio::test]
async fn every_operation_asks_for_its_scope() {
    let tenant = TestTenant::start().await;
    let caller = tenant.with_scopes("read:nothing").await;
    for (operation, method, path, body) in calls() {
        if operation.scopes.is_empty() {
            continue;
        }
        let answered = caller.send(method, &path, body).await;
        assert_eq!(answered.status, 403, "{}: {}", operation.id, answered.body);
        assert_eq!(answered.body["errorCode"], "insufficient_scope", "{}", operation.id);
    }
}

#[tokio::test]
async fn no_operation_fails_on_an_empty_tenant() {
    let tenant = TestTenant::start().await;
    let admin = tenant.admin();
    for (operation, method, path, body) in calls() {
        // Its answer does not end by itself.
        if operation.id == "subscribe_events" {
            continue;
        }
        let answered = admin.send(method, &path, body).await;
        let is_failure = answered.status.as_u16() >= 500;
        assert!(!is_failure, "{}: {}", operation.id, answered.body);
    }
}
