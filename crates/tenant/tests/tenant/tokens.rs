//! Getting tokens and verifying them.

use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{CLIENT_ID, CLIENT_SECRET, PASSWORD, TestTenant};

fn claims(token: &Value) -> Value {
    use base64::Engine as _;
    let payload = token.as_str().unwrap().split('.').nth(1).unwrap();
    serde_json::from_slice(
        &base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(payload).unwrap(),
    )
    .unwrap()
}

#[tokio::test]
async fn a_program_gets_a_token_with_the_scopes_of_its_grant() {
    let tenant = TestTenant::start().await;
    let audience = format!("{}/api/v2/", tenant.url);
    let body = tenant
        .token(json!({
            "grant_type": "client_credentials", "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET,
            "audience": audience, "scope": "read:users read:roles", "organization": null,
        }))
        .await
        .expect(200);
    assert_eq!(
        (&body["expires_in"], &body["token_type"], &body["scope"]),
        (&json!(86400), &json!("Bearer"), &json!("read:roles read:users"))
    );
    let claims = claims(&body["access_token"]);
    assert_eq!(claims["iss"], format!("{}/", tenant.url));
    assert_eq!(claims["sub"], format!("{CLIENT_ID}@clients"));
    assert_eq!(
        (&claims["aud"], &claims["azp"], &claims["gty"]),
        (&json!(audience), &json!(CLIENT_ID), &json!("client-credentials"))
    );
}

#[tokio::test]
async fn clients_authenticate_by_form_and_by_basic_header() {
    let tenant = TestTenant::start().await;
    let audience = format!("{}/api/v2/", tenant.url);
    let http = reqwest::Client::new();
    let url = format!("{}/oauth/token", tenant.url);
    let posted = http.post(&url).form(&[
        ("grant_type", "client_credentials"),
        ("client_id", CLIENT_ID),
        ("client_secret", CLIENT_SECRET),
        ("audience", &audience),
    ]);
    assert_eq!(posted.send().await.unwrap().status(), 200);
    let basic = http
        .post(&url)
        .basic_auth(CLIENT_ID, Some(CLIENT_SECRET))
        .form(&[("grant_type", "client_credentials"), ("audience", &audience)]);
    assert_eq!(basic.send().await.unwrap().status(), 200);
}

#[tokio::test]
async fn refusals_are_oauth_errors() {
    let tenant = TestTenant::start().await;
    let audience = format!("{}/api/v2/", tenant.url);
    let base = json!({
        "grant_type": "client_credentials", "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET, "audience": audience,
    });
    for (name, value, status, error) in [
        ("client_secret", json!("wrong"), 401, "access_denied"),
        ("client_id", json!("nobody"), 401, "access_denied"),
        ("audience", json!("https://unknown.example/"), 403, "access_denied"),
        ("audience", json!(null), 403, "access_denied"),
        ("grant_type", json!("magic"), 403, "unsupported_grant_type"),
        ("grant_type", json!(null), 400, "invalid_request"),
    ] {
        let mut request = base.clone();
        request[name] = value.clone();
        let body = tenant.token(request).await.expect(status);
        assert_eq!(body["error"], error, "{name} = {value}");
    }
}

#[tokio::test]
async fn a_person_logs_in_and_the_tenant_remembers() {
    let tenant = TestTenant::start().await;
    let admin = tenant.admin();
    let user = admin.create_user("jane@example.com").await;
    let body = tenant.log_in("JANE@example.com", PASSWORD).await.expect(200);
    let id_token = claims(&body["id_token"]);
    assert_eq!(
        (&id_token["sub"], &id_token["aud"], &id_token["email"]),
        (&user["user_id"], &json!(CLIENT_ID), &json!("jane@example.com"))
    );
    let profile = tenant.with_token(body["access_token"].as_str().unwrap());
    let profile = profile.send(Method::GET, "/userinfo", None).await.expect(200);
    assert_eq!(profile["sub"], user["user_id"]);
    let path = format!("/users/{}", crate::harness::encoded(user["user_id"].as_str().unwrap()));
    let seen = admin.get(&path).await.expect(200);
    assert_eq!((&seen["logins_count"], &seen["last_ip"]), (&json!(1), &json!("127.0.0.1")));
    let logs = admin.get(&format!("{path}/logs")).await.expect(200);
    let types: Vec<_> =
        logs.as_array().unwrap().iter().map(|entry| entry["type"].as_str().unwrap()).collect();
    assert_eq!(types, ["sepft", "s", "ss"]);
}

#[tokio::test]
async fn a_wrong_password_an_unknown_user_and_a_blocked_one_are_refused() {
    let tenant = TestTenant::start().await;
    let admin = tenant.admin();
    let user = admin.create_user("jane@example.com").await;
    for (name, password) in [("jane@example.com", "wrong"), ("nobody@example.com", PASSWORD)] {
        let body = tenant.log_in(name, password).await.expect(403);
        assert_eq!(
            body,
            json!({"error": "invalid_grant", "error_description": "Wrong email or password."})
        );
    }
    let path = format!("/users/{}", crate::harness::encoded(user["user_id"].as_str().unwrap()));
    admin.patch(&path, json!({"blocked": true})).await.expect(200);
    let body = tenant.log_in("jane@example.com", PASSWORD).await.expect(401);
    assert_eq!(body, json!({"error": "unauthorized", "error_description": "user is blocked"}));
    admin.patch(&path, json!({"blocked": false})).await.expect(200);
    tenant.log_in("jane@example.com", PASSWORD).await.expect(200);
    let logs = admin.get("/logs?q=type:(f%20OR%20fp%20OR%20fu)").await.expect(200);
    let types: Vec<_> =
        logs.as_array().unwrap().iter().map(|entry| entry["type"].as_str().unwrap()).collect();
    assert_eq!(types, ["f", "fu", "fp"]);
}

#[tokio::test]
async fn discovery_names_the_host_that_was_asked() {
    let tenant = TestTenant::start().await;
    let body = tenant
        .anonymous()
        .send(Method::GET, "/.well-known/openid-configuration", None)
        .await
        .expect(200);
    assert_eq!(body["issuer"], format!("{}/", tenant.url));
    let keys =
        tenant.anonymous().send(Method::GET, "/.well-known/jwks.json", None).await.expect(200);
    assert_eq!(
        (&keys["keys"][0]["kty"], keys["keys"][0]["kid"].as_str().unwrap().len()),
        (&json!("RSA"), 21)
    );
}

#[tokio::test]
async fn people_get_only_their_own_part_of_the_management_api() {
    let tenant = TestTenant::start().await;
    let admin = tenant.admin();
    let jane = admin.create_user("jane@example.com").await;
    let john = admin.create_user("john@example.com").await;
    let body = tenant
        .token(json!({
            "grant_type": "http://auth0.com/oauth/grant-type/password-realm",
            "realm": "Username-Password-Authentication",
            "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET,
            "username": "jane@example.com", "password": PASSWORD,
            "audience": format!("{}/api/v2/", tenant.url), "scope": "read:users read:current_user",
        }))
        .await
        .expect(200);
    assert_eq!(body["scope"], "read:current_user");
    let jane_herself = tenant.with_token(body["access_token"].as_str().unwrap());
    let path = |user: &Value| {
        format!("/users/{}", crate::harness::encoded(user["user_id"].as_str().unwrap()))
    };
    assert_eq!(jane_herself.get(&path(&jane)).await.expect(200)["email"], "jane@example.com");
    let refused = jane_herself.get(&path(&john)).await.expect(403);
    assert_eq!(refused["message"], "User to be acted on does not match subject in bearer token.");
    jane_herself.get("/users").await.expect(403);
}
