//! Sessions, refresh tokens and what ends them, over HTTP.

use serde_json::{Value, json};

use crate::harness::{PASSWORD, TestTenant, encoded};

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
