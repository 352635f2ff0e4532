//! What every operation has in common.

use callboard_contract::contract;
use callboard_tenant::{Data, Plan, RateLimits};
use jiff::SignedDuration;
use reqwest::Method;
use serde_json::json;

use crate::harness::TestTenant;

/// A concrete path for a template.
fn sample(path: &str) -> String {
    path.split('/')
        .map(|segment| if segment.starts_with('{') { "x" } else { segment })
        .collect::<Vec<_>>()
        .join("/")
}

#[tokio::test]
async fn without_a_token_every_operation_answers_401() {
    let tenant = TestTenant::start().await;
    let anonymous = tenant.anonymous();
    for operation in contract().operations() {
        let path = format!("/api/v2{}", sample(&operation.path));
        let answered = anonymous.send(operation.method.clone(), &path, None).await;
        assert_eq!(answered.status, 401, "{}", operation.id);
        assert_eq!(answered.headers["www-authenticate"], "Bearer", "{}", operation.id);
    }
}

#[tokio::test]
async fn without_the_scope_every_operation_answers_403_with_what_it_needs() {
    let tenant = TestTenant::start().await;
    let caller = tenant.with_scopes("no:such").await;
    for operation in contract().operations().iter().filter(|operation| !operation.scopes.is_empty())
    {
        let path = format!("/api/v2{}", sample(&operation.path));
        let answered = caller.send(operation.method.clone(), &path, None).await;
        assert_eq!(answered.status, 403, "{}", operation.id);
        assert_eq!(answered.body["errorCode"], "insufficient_scope", "{}", operation.id);
        assert!(answered.body["message"].as_str().unwrap().ends_with(&operation.expected_scopes()));
    }
}

#[tokio::test]
async fn a_token_is_refused_in_the_words_of_the_api() {
    let tenant = TestTenant::start().await;
    let good = tenant.token(json!({
        "grant_type": "client_credentials", "client_id": crate::harness::CLIENT_ID,
        "client_secret": crate::harness::CLIENT_SECRET, "audience": format!("{}/api/v2/", tenant.url),
    }));
    let good = good.await.expect(200)["access_token"].as_str().unwrap().to_owned();
    let (signed, _) = good.rsplit_once('.').unwrap();
    let forged = format!("{signed}.{}", "A".repeat(342));
    for (token, status, message) in [
        ("opaque", 400, "Bad HTTP authentication header format"),
        ("a.b.c", 401, "Invalid token"),
        (&forged, 401, "Invalid signature received for JSON Web Token validation"),
    ] {
        let body = tenant.with_token(token).get("/users").await.expect(status);
        assert_eq!(body["message"], message);
    }
    assert_eq!(tenant.with_token(&good).get("/users").await.status, 200);
    tenant.advance(SignedDuration::from_hours(24));
    let body = tenant.with_token(&good).get("/users").await.expect(401);
    insta::assert_snapshot!(body, @r#"{"statusCode":401,"error":"Unauthorized","message":"Expired token received for JSON Web Token validation","attributes":{"error":"Expired token received for JSON Web Token validation"}}"#);
}

#[tokio::test]
async fn an_unknown_route_and_a_wrong_method_are_not_found() {
    let tenant = TestTenant::start().await;
    for (method, path) in
        [(Method::GET, "/api/v2/nonsense"), (Method::DELETE, "/api/v2/users"), (Method::GET, "/x")]
    {
        let body = tenant.admin().send(method, path, None).await.expect(404);
        assert_eq!(body, json!({"statusCode": 404, "error": "Not Found", "message": "Not Found"}));
    }
}

#[tokio::test]
async fn bodies_are_json_or_forms_and_not_too_large() {
    let tenant = TestTenant::start().await;
    let token = tenant.admin();
    let form = reqwest::Client::new()
        .post(format!("{}/api/v2/roles", tenant.url))
        .bearer_auth(token.token())
        .form(&[("name", "from-a-form")])
        .send();
    assert_eq!(form.await.unwrap().status(), 200);
    for (body, status) in [("{\"name\":", 400), (&*"x".repeat(1_100_000), 413)] {
        let sent = reqwest::Client::new()
            .post(format!("{}/api/v2/roles", tenant.url))
            .bearer_auth(token.token())
            .header("content-type", "application/json")
            .body(body.to_owned())
            .send();
        assert_eq!(sent.await.unwrap().status(), status);
    }
}

#[tokio::test]
async fn a_plan_limits_requests_and_says_so() {
    let tenant = TestTenant::with_limits(RateLimits::Plan(Plan::Free)).await;
    let admin = tenant.admin();
    let first = admin.get("/roles").await;
    assert_eq!(
        (&first.headers["x-ratelimit-limit"], &first.headers["x-ratelimit-remaining"]),
        (&"2".parse().unwrap(), &"1".parse().unwrap())
    );
    admin.get("/roles").await;
    let refused = admin.get("/roles").await;
    assert_eq!(refused.headers["x-ratelimit-remaining"], "0");
    let body = refused.expect(429);
    insta::assert_snapshot!(body, @r#"{"statusCode":429,"error":"Too Many Requests","message":"Global limit has been reached","errorCode":"too_many_requests"}"#);
    tenant.advance(SignedDuration::from_secs(1));
    admin.get("/roles").await.expect(200);
}

#[tokio::test]
async fn every_answer_names_its_request() {
    let tenant = TestTenant::start().await;
    let one = tenant.admin().get("/roles").await;
    let other = tenant.anonymous().get("/roles").await;
    let id = |answered: &crate::harness::Answered| {
        answered.headers["x-auth0-requestid"].to_str().unwrap().to_owned()
    };
    assert_eq!(id(&one).len(), 20);
    assert_ne!(id(&one), id(&other));
}

#[tokio::test]
async fn data_and_keys_survive_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let data = Data::Folder(folder.path().join("new"));
    let first = TestTenant::open(data.clone(), RateLimits::Off).await;
    first.admin().post("/roles", json!({"name": "kept"})).await.expect(200);
    let keys = first.anonymous().send(Method::GET, "/.well-known/jwks.json", None).await.body;
    drop(first);
    let second = TestTenant::open(data, RateLimits::Off).await;
    assert_eq!(second.admin().get("/roles").await.expect(200)[0]["name"], "kept");
    assert_eq!(
        second.anonymous().send(Method::GET, "/.well-known/jwks.json", None).await.body,
        keys
    );
}
