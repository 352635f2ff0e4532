//! `/tickets`, and the pages that tickets open.

use serde_json::{Value, json};

use crate::harness::{Caller, TestTenant};

async fn password_ticket(admin: &Caller, body: Value) -> String {
    let made = admin.post("/tickets/password-change", body).await.expect(201);
    made["ticket"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_ticket_is_a_link_below_the_tenants_origin() {
    let tenant = TestTenant::start().await;
    let admin = tenant.admin();
    let user = admin.create_user("jane@example.com").await;
    let body = json!({"user_id": user["user_id"], "ttl_sec": 0});
    for (operation, page) in
        [("password-change", "reset-password"), ("email-verification", "email-verification")]
    {
        let made = admin.post(&format!("/tickets/{operation}"), body.clone()).await.expect(201);
        let link = made["ticket"].as_str().unwrap();
        let code = link
            .strip_prefix(&format!("{}/u/{page}?ticket=", tenant.url))
            .and_then(|rest| rest.strip_suffix('#'))
            .unwrap_or_else(|| panic!("{link}"));
        assert_eq!(code.len(), 32, "{link}");
        assert!(code.chars().all(|character| character.is_ascii_alphanumeric()), "{link}");
    }
}

#[tokio::test]
async fn the_log_does_not_show_the_ticket() {
    let tenant = TestTenant::start().await;
    let admin = tenant.admin();
    let user = admin.create_user("jane@example.com").await;
    let link = password_ticket(&admin, json!({"user_id": user["user_id"]})).await;
    let logs = admin.get("/logs?q=type:sapi").await.expect(200);
    let entry = logs
        .as_array()
        .unwrap()
        .iter()
        .find(|entry| entry["description"] == "Create a password change ticket")
        .unwrap();
    assert_eq!(entry["details"]["response"]["body"], json!({"ticket": "*****"}));
    let (_, code) = link.split_once("ticket=").unwrap();
    assert!(!logs.to_string().contains(code));
}

#[tokio::test]
async fn fields_that_do_not_go_together_are_refused() {
    let tenant = TestTenant::start().await;
    let admin = tenant.admin();
    let user = admin.create_user("jane@example.com").await;
    let id = &user["user_id"];
    let local_id = &user["identities"][0]["user_id"];
    let connection = connection_id(&admin).await;
    let (url, unknown_client) = ("https://example.com/done", "unknownclient0000000000000000000");
    for (operation, body, status, code) in [
        ("password-change", json!({}), 400, "invalid_body"),
        ("password-change", json!({"email": "jane@example.com"}), 400, "invalid_body"),
        ("password-change", json!({"connection_id": connection}), 400, "invalid_body"),
        (
            "password-change",
            json!({"user_id": id, "email": "jane@example.com"}),
            400,
            "invalid_body",
        ),
        ("password-change", json!({"user_id": id, "ttl_sec": i64::MAX}), 400, "invalid_body"),
        (
            "password-change",
            json!({"user_id": id, "result_url": "javascript:1"}),
            400,
            "invalid_body",
        ),
        (
            "password-change",
            json!({"user_id": id, "result_url": url, "client_id": unknown_client}),
            400,
            "invalid_body",
        ),
        (
            "password-change",
            json!({"user_id": id, "client_id": unknown_client}),
            400,
            "inexistent_client",
        ),
        (
            "password-change",
            json!({"user_id": id, "organization_id": "org_0000000000000000"}),
            400,
            "invalid_body",
        ),
        (
            "password-change",
            json!({"email": "jane@example.com", "connection_id": "con_0000000000000000"}),
            400,
            "inexistent_connection",
        ),
        (
            "password-change",
            json!({"email": "joe@example.com", "connection_id": connection}),
            404,
            "inexistent_user",
        ),
        ("password-change", json!({"user_id": "auth0|nobody"}), 404, "inexistent_user"),
        (
            "password-change",
            json!({"user_id": id, "identity": {"provider": "auth0", "user_id": "other"}}),
            400,
            "invalid_body",
        ),
        (
            "password-change",
            json!({"user_id": id, "identity": {
                "provider": "auth0", "user_id": local_id, "connection_id": "con_0000000000000000",
            }}),
            400,
            "invalid_body",
        ),
        ("email-verification", json!({}), 400, "invalid_body"),
        ("email-verification", json!({"user_id": "auth0|nobody"}), 404, "inexistent_user"),
        (
            "email-verification",
            json!({"user_id": id, "result_url": url, "organization_id": "org_0000000000000000"}),
            400,
            "invalid_body",
        ),
    ] {
        let answered = admin.post(&format!("/tickets/{operation}"), body.clone()).await;
        assert_eq!(answered.status, status, "{operation} {body}: {}", answered.body);
        assert_eq!(answered.body["errorCode"], code, "{operation} {body}: {}", answered.body);
    }
    let exact = json!({"user_id": id, "identity": {
        "provider": "auth0", "user_id": local_id, "connection_id": connection,
    }});
    password_ticket(&admin, exact).await;
    password_ticket(&admin, json!({"email": "Jane@example.com", "connection_id": connection}))
        .await;
}

async fn connection_id(admin: &Caller) -> String {
    let logs = admin.get("/logs?q=type:ss").await.expect(200);
    logs[0]["connection_id"].as_str().unwrap().to_owned()
}
