//! Resource servers, client grants and tenant settings over HTTP.

use serde_json::json;

use crate::harness::{CLIENT_ID, TestTenant};

#[tokio::test]
async fn an_api_is_found_by_id_and_by_identifier() {
    let tenant = TestTenant::start().await;
    let admin = tenant.admin();
    let body = json!({"identifier": "https://api.example.com/", "scopes": [{"value": "read:x"}]});
    let made = admin.post("/resource-servers", body.clone()).await.expect(201);
    admin.post("/resource-servers", body).await.expect(409);
    let by_id = format!("/resource-servers/{}", made["id"].as_str().unwrap());
    let by_identifier = "/resource-servers/https%3A%2F%2Fapi.example.com%2F";
    assert_eq!(admin.get(&by_id).await.expect(200), made);
    assert_eq!(admin.get(by_identifier).await.expect(200), made);
    for _ in 0..2 {
        admin.delete(by_identifier).await.expect(204);
    }
    admin.get(&by_id).await.expect(404);
}

#[tokio::test]
async fn a_scope_that_leaves_its_api_leaves_roles_too() {
    let tenant = TestTenant::start().await;
    let admin = tenant.admin();
    let scopes = json!([{"value": "read:x"}, {"value": "write:x"}]);
    let api = admin
        .post("/resource-servers", json!({"identifier": "api", "scopes": scopes}))
        .await
        .expect(201);
    let role = admin.post("/roles", json!({"name": "r"})).await.expect(200);
    let permissions = format!("/roles/{}/permissions", role["id"].as_str().unwrap());
    let given = json!({"permissions": [
        {"resource_server_identifier": "api", "permission_name": "read:x"},
        {"resource_server_identifier": "api", "permission_name": "write:x"},
    ]});
    admin.post(&permissions, given).await.expect(201);
    let path = format!("/resource-servers/{}", api["id"].as_str().unwrap());
    admin.patch(&path, json!({"scopes": [{"value": "read:x"}]})).await.expect(200);
    let left = admin.get(&permissions).await.expect(200);
    assert_eq!(left.as_array().unwrap().len(), 1);
    assert_eq!(left[0]["permission_name"], "read:x");
}

#[tokio::test]
async fn the_system_api_keeps_its_scopes_and_stays() {
    let tenant = TestTenant::start().await;
    let admin = tenant.admin();
    let audience = format!("{}/api/v2/", tenant.url);
    let path = format!("/resource-servers/{}", audience.replace(':', "%3A").replace('/', "%2F"));
    let system = admin.get(&path).await.expect(200);
    assert_eq!(system["identifier"], audience);
    assert_eq!(system["is_system"], true);
    admin.patch(&path, json!({"scopes": []})).await.expect(400);
    admin.patch(&path, json!({"token_lifetime": 3600})).await.expect(200);
    admin.delete(&path).await.expect(400);
}

#[tokio::test]
async fn there_is_one_grant_per_client_and_api() {
    let tenant = TestTenant::start().await;
    let admin = tenant.admin();
    let api = json!({"identifier": "api", "scopes": [{"value": "read:x"}]});
    admin.post("/resource-servers", api).await.expect(201);
    let body = json!({"client_id": CLIENT_ID, "audience": "api", "scope": ["read:x"]});
    let grant = admin.post("/client-grants", body.clone()).await.expect(201);
    assert_eq!(grant.as_object().unwrap().len(), 4, "id, client, audience and scope");
    admin.post("/client-grants", body).await.expect(409);
    for (body, status) in [
        (json!({"client_id": "nobody", "audience": "api"}), 404),
        (json!({"client_id": CLIENT_ID, "audience": "nothing"}), 404),
        (json!({"client_id": CLIENT_ID, "audience": "api", "scope": ["write:x"]}), 400),
        (json!({"audience": "api"}), 400),
    ] {
        let refused = admin.post("/client-grants", body.clone()).await;
        assert_eq!(refused.status, status, "{body}");
    }
    for (query, total) in [
        (format!("client_id={CLIENT_ID}"), 2),
        (format!("client_id={CLIENT_ID}&audience=api"), 1),
        ("audience=api".into(), 1),
        ("allow_any_organization=true".into(), 0),
    ] {
        let listed =
            admin.get(&format!("/client-grants?include_totals=true&{query}")).await.expect(200);
        assert_eq!(listed["total"], total, "{query}");
    }
    let path = format!("/client-grants/{}", grant["id"].as_str().unwrap());
    assert_eq!(admin.patch(&path, json!({"scope": []})).await.expect(200)["scope"], json!([]));
    for _ in 0..2 {
        admin.delete(&path).await.expect(204);
    }
}

#[tokio::test]
async fn settings_are_merged_and_show_only_the_fields_asked_for() {
    let tenant = TestTenant::start().await;
    let admin = tenant.admin();
    let change = json!({"friendly_name": "Acme", "flags": {"enable_sso": false}});
    admin.patch("/tenants/settings", change).await.expect(200);
    let seen = admin.get("/tenants/settings?fields=friendly_name,flags").await.expect(200);
    assert_eq!(seen.as_object().unwrap().len(), 2);
    assert_eq!(seen["friendly_name"], "Acme");
    assert_eq!(seen["flags"]["enable_sso"], false);
    assert_eq!(seen["flags"]["universal_login"], true);
    let shorter = json!({"session_lifetime": 1, "idle_session_lifetime": 2});
    admin.patch("/tenants/settings", shorter).await.expect(400);
}
