//! Sessions, refresh tokens and what ends them, over HTTP.

use serde_json::{Value, json};

use crate::harness::{CLIENT_ID, CLIENT_SECRET, PASSWORD, TestTenant, encoded};

async fn logged_in(tenant: &TestTenant, times: usize) -> (String, Vec<Value>) {
    let user = tenant.admin().create_user("a@example.com").await;
    for _ in 0..times {
        tenant.log_in("a@example.com", PASSWORD).await.expect(200);
    }
    let path = format!("/users/{}", encoded(user["user_id"].as_str().unwrap()));
    let listed = tenant.admin().get(&format!("{path}/sessions")).await.expect(200);
    (path, listed["sessions"].as_array().unwrap().clone())
}

#[tokio::test]
async fn a_login_begins_a_session_that_ends_with_time_or_by_hand() {
    let tenant = TestTenant::start().await;
    let admin = tenant.admin();
    let (path, sessions) = logged_in(&tenant, 2).await;
    assert_eq!(sessions.len(), 2);
    assert_eq!(sessions[0]["expires_at"], "2026-03-09T08:00:00.000Z");
    assert_eq!(sessions[0]["idle_expires_at"], "2026-03-05T08:00:00.000Z");
    let one = format!("/sessions/{}", sessions[0]["id"].as_str().unwrap());
    assert_eq!(admin.get(&one).await.expect(200), sessions[0]);
    for _ in 0..2 {
        assert_eq!(admin.delete(&one).await.expect(202), json!({}));
    }
    assert_eq!(admin.get(&one).await.expect(404)["message"], "The session does not exist.");
    let left = admin.get(&format!("{path}/sessions?take=1")).await.expect(200);
    assert_eq!(left, json!({"sessions": [sessions[1]]}));
    admin.delete(&format!("{path}/sessions")).await.expect(202);
    assert_eq!(admin.get(&format!("{path}/sessions")).await.expect(200), json!({"sessions": []}));
}

#[tokio::test]
async fn access_is_revoked_as_a_whole_or_for_one_session() {
    let tenant = TestTenant::start().await;
    let admin = tenant.admin();
    let (path, sessions) = logged_in(&tenant, 3).await;
    let one = json!({"session_id": sessions[0]["id"]});
    admin.post(&format!("{path}/revoke-access"), one).await.expect(202);
    let left = admin.get(&format!("{path}/sessions")).await.expect(200);
    assert_eq!(left["sessions"].as_array().unwrap().len(), 2);
    admin.post(&format!("{path}/revoke-access"), json!({})).await.expect(202);
    assert_eq!(admin.get(&format!("{path}/sessions")).await.expect(200), json!({"sessions": []}));
    let tokens = admin.get(&format!("{path}/refresh-tokens?include_totals=true")).await.expect(200);
    assert_eq!(tokens, json!({"tokens": [], "total": 0}));
    admin.post("/users/auth0%7Cnobody/revoke-access", json!({})).await.expect(404);
}

#[tokio::test]
async fn lifting_blocks_and_withdrawing_consents_can_be_repeated() {
    let tenant = TestTenant::start().await;
    let admin = tenant.admin();
    let (path, _) = logged_in(&tenant, 0).await;
    let blocks = path.replace("/users/", "/user-blocks/");
    assert_eq!(admin.get(&blocks).await.expect(200), json!({"blocked_for": []}));
    for target in
        [blocks.as_str(), "/user-blocks?identifier=x", "/grants?user_id=x", "/device-credentials/x"]
    {
        for _ in 0..2 {
            admin.delete(target).await.expect(204);
        }
    }
    let revoked = admin.post("/refresh-tokens/revoke", json!({"ids": ["x"]})).await;
    revoked.expect(202);
    admin.post("/refresh-tokens/revoke", json!({})).await.expect(400);
}

#[tokio::test]
async fn a_refresh_token_works_until_its_user_is_blocked_or_it_is_revoked() {
    let tenant = TestTenant::start().await;
    let admin = tenant.admin();
    let (path, _) = logged_in(&tenant, 0).await;
    let login = json!({
        "grant_type": "http://auth0.com/oauth/grant-type/password-realm",
        "realm": "Username-Password-Authentication", "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET,
        "username": "a@example.com", "password": PASSWORD, "scope": "openid offline_access",
    });
    let first = tenant.token(login).await.expect(200);
    let exchange = json!({
        "grant_type": "refresh_token", "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET,
        "refresh_token": first["refresh_token"],
    });
    let renewed = tenant.token(exchange.clone()).await.expect(200);
    assert_eq!(renewed["scope"], "openid offline_access");
    assert_eq!(renewed.get("refresh_token"), None, "it does not rotate");
    let listed = admin.get(&format!("{path}/refresh-tokens")).await.expect(200);
    assert_eq!(listed["tokens"][0]["client_id"], CLIENT_ID);
    assert!(!listed.to_string().contains(first["refresh_token"].as_str().unwrap()));
    admin.patch(&path, json!({"blocked": true})).await.expect(200);
    let refused = tenant.token(exchange.clone()).await.expect(403);
    assert_eq!(refused, json!({"error": "invalid_grant", "error_description": "user is blocked"}));
    admin.patch(&path, json!({"blocked": false})).await.expect(200);
    tenant.token(exchange.clone()).await.expect(200);
    admin.post(&format!("{path}/revoke-access"), json!({})).await.expect(202);
    let refused = tenant.token(exchange).await.expect(403);
    assert_eq!(refused["error_description"], "Unknown or invalid refresh token.");
}

#[tokio::test]
async fn a_rotating_refresh_token_is_good_for_one_exchange() {
    let tenant = TestTenant::start().await;
    let rotating =
        json!({"refresh_token": {"rotation_type": "rotating", "expiration_type": "expiring"}});
    tenant.admin().patch(&format!("/clients/{CLIENT_ID}"), rotating).await.expect(200);
    logged_in(&tenant, 0).await;
    let login = json!({
        "grant_type": "http://auth0.com/oauth/grant-type/password-realm",
        "realm": "Username-Password-Authentication", "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET,
        "username": "a@example.com", "password": PASSWORD, "scope": "offline_access",
    });
    let first = tenant.token(login).await.expect(200)["refresh_token"].clone();
    let exchange = |token: &Value| {
        json!({
            "grant_type": "refresh_token", "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET, "refresh_token": token,
        })
    };
    let second = tenant.token(exchange(&first)).await.expect(200)["refresh_token"].clone();
    tenant.token(exchange(&first)).await.expect(403);
    tenant.token(exchange(&second)).await.expect(200);
}

#[tokio::test]
async fn a_new_address_or_password_ends_sessions_and_a_new_name_does_not() {
    for (change, left) in [
        (json!({"email": "b@example.com"}), 0),
        (json!({"password": "Another-Horse-2"}), 0),
        (json!({"nickname": "b"}), 1),
    ] {
        let tenant = TestTenant::start().await;
        let (path, _) = logged_in(&tenant, 1).await;
        tenant.admin().patch(&path, change.clone()).await.expect(200);
        let listed = tenant.admin().get(&format!("{path}/sessions")).await.expect(200);
        assert_eq!(listed["sessions"].as_array().unwrap().len(), left, "{change}");
    }
}
