//! Connections over HTTP.

use serde_json::{Value, json};

use crate::harness::{CLIENT_ID, TestTenant};

#[tokio::test]
async fn a_connection_is_created_found_changed_and_deleted_with_its_users() {
    let tenant = TestTenant::start().await;
    let admin = tenant.admin();
    let body = json!({"name": "people", "strategy": "auth0", "enabled_clients": [CLIENT_ID]});
    let made = admin.post("/connections", body.clone()).await.expect(201);
    assert_eq!(made["options"]["passwordPolicy"], "good");
    assert_eq!(made["enabled_clients"], json!([CLIENT_ID]));
    assert_eq!(
        admin.post("/connections", body).await.expect(409)["message"],
        "A connection with the same name already exists"
    );
    let path = format!("/connections/{}", made["id"].as_str().unwrap());
    let found = admin.get("/connections?name=people&strategy=auth0").await.expect(200);
    assert_eq!(found[0], admin.get(&path).await.expect(200));
    let changed =
        admin.patch(&path, json!({"options": {"disable_signup": true}})).await.expect(200);
    assert_eq!(changed["options"].get("passwordPolicy"), None);
    let user =
        json!({"connection": "people", "email": "a@example.com", "password": "Correct-Horse-1"});
    let user = admin.post("/users", user).await.expect(201);
    admin.delete(&path).await.expect(202);
    admin.delete(&path).await.expect(204);
    let user = user["user_id"].as_str().unwrap().replace('|', "%7C");
    admin.get(&format!("/users/{user}")).await.expect(404);
}

#[tokio::test]
async fn applications_are_switched_on_and_off_by_their_own_call() {
    let tenant = TestTenant::start().await;
    let admin = tenant.admin();
    let made =
        admin.post("/connections", json!({"name": "corp", "strategy": "samlp"})).await.expect(201);
    let path = format!("/connections/{}", made["id"].as_str().unwrap());
    let refused = admin.patch(&path, json!({"enabled_clients": [CLIENT_ID]})).await.expect(400);
    assert_eq!(
        refused["message"],
        "Payload validation error: 'Additional properties not allowed: enabled_clients'."
    );
    let of_client = format!("/clients/{CLIENT_ID}/connections?strategy=samlp");
    for (status, enabled) in [(true, 1), (true, 1), (false, 0)] {
        let switch = json!([{"client_id": CLIENT_ID, "status": status}]);
        admin.patch(&format!("{path}/clients"), switch).await.expect(204);
        let clients = admin.get(&format!("{path}/clients")).await.expect(200);
        assert_eq!(clients["clients"].as_array().unwrap().len(), enabled);
        let connections = admin.get(&of_client).await.expect(200);
        assert_eq!(connections["connections"].as_array().unwrap().len(), enabled);
    }
    let many: Vec<Value> =
        (0..51).map(|_| json!({"client_id": CLIENT_ID, "status": true})).collect();
    admin.patch(&format!("{path}/clients"), json!(many)).await.expect(400);
}

#[tokio::test]
async fn a_user_of_a_database_is_deleted_by_address() {
    let tenant = TestTenant::start().await;
    let admin = tenant.admin();
    let user = admin.create_user("gone@example.com").await;
    let database = admin.get("/connections?strategy=auth0").await.expect(200);
    let path = format!(
        "/connections/{}/users?email=gone%40example.com",
        database[0]["id"].as_str().unwrap()
    );
    for _ in 0..2 {
        admin.delete(&path).await.expect(204);
    }
    let user = user["user_id"].as_str().unwrap().replace('|', "%7C");
    admin.get(&format!("/users/{user}")).await.expect(404);
}

#[tokio::test]
async fn keys_of_a_connection_rotate() {
    let tenant = TestTenant::start().await;
    let admin = tenant.admin();
    let body = json!({
        "name": "oidc", "strategy": "okta",
        "options": {"domain": "a.okta.com", "client_id": "x", "token_endpoint_auth_method": "private_key_jwt"},
    });
    let made = admin.post("/connections", body).await.expect(201);
    let path = format!("/connections/{}/keys", made["id"].as_str().unwrap());
    let before = admin.get(&path).await.expect(200);
    let next = admin.post(&format!("{path}/rotate"), json!({})).await.expect(201);
    let after = admin.get(&path).await.expect(200);
    assert_eq!(after[0]["kid"], before[1]["kid"], "the next key is the present one");
    assert_eq!(after[1]["kid"], before[0]["kid"], "the present key is the previous one");
    assert_eq!(after[2]["kid"], next["kid"]);
    assert_eq!(
        (&after[0]["current"], &after[1]["previous"], &after[2]["next"]),
        (&json!(true), &json!(true), &json!(true))
    );
}

#[tokio::test]
async fn a_scim_token_is_shown_once() {
    let tenant = TestTenant::start().await;
    let admin = tenant.admin();
    let made =
        admin.post("/connections", json!({"name": "corp", "strategy": "samlp"})).await.expect(201);
    let path = format!("/connections/{}/scim-configuration", made["id"].as_str().unwrap());
    admin.get(&path).await.expect(404);
    admin.post(&path, json!({})).await.expect(201);
    let token = admin.post(&format!("{path}/tokens"), json!({})).await.expect(201);
    assert!(token["token"].is_string());
    let listed = admin.get(&format!("{path}/tokens")).await.expect(200);
    assert_eq!(listed[0]["token_id"], token["token_id"]);
    assert_eq!(listed[0].get("token"), None);
    admin.delete(&path).await.expect(204);
    admin.get(&path).await.expect(404);
}
