//! `/logs`

use serde_json::{Value, json};

use crate::harness::{PASSWORD, TestTenant};

#[tokio::test]
async fn a_write_leaves_an_entry_without_secrets() {
    let tenant = TestTenant::start().await;
    let admin = tenant.admin();
    admin.create_user("jane@example.com").await;
    let logs = admin.get("/logs?q=type:sapi").await.expect(200);
    let entry = &logs[0];
    assert_eq!(
        (&entry["description"], entry["log_id"].as_str().unwrap().len()),
        (&json!("Create a User"), 56)
    );
    assert_eq!(entry["_id"], entry["log_id"]);
    assert_eq!(entry["details"]["request"]["body"]["password"], "*****");
    assert_eq!(entry["details"]["request"]["path"], "/api/v2/users");
    assert_eq!(entry["details"]["response"]["statusCode"], 201);
    assert!(!logs.to_string().contains(PASSWORD));
    let one = admin.get(&format!("/logs/{}", entry["log_id"].as_str().unwrap())).await.expect(200);
    assert_eq!(one, *entry);
    admin.get("/logs/900000").await.expect(404);
}

#[tokio::test]
async fn a_checkpoint_leads_through_the_whole_log_once() {
    let tenant = TestTenant::start().await;
    let admin = tenant.admin();
    for name in ["a", "b", "c"] {
        admin.post("/roles", json!({"name": name})).await.expect(200);
    }
    let mut path = "/logs?take=2".to_owned();
    let mut seen: Vec<Value> = Vec::new();
    loop {
        let answered = admin.get(&path).await;
        let link = answered.headers["link"].to_str().unwrap().to_owned();
        let page = answered.expect(200);
        if page == json!([]) {
            break;
        }
        seen.extend(page.as_array().unwrap().iter().map(|entry| entry["log_id"].clone()));
        let next = link.trim_start_matches('<').split('>').next().unwrap();
        path = next.split_once("/api/v2").unwrap().1.to_owned();
    }
    let newest_first = admin.get("/logs?per_page=100").await.expect(200);
    let mut expected: Vec<_> =
        newest_first.as_array().unwrap().iter().map(|entry| entry["log_id"].clone()).collect();
    expected.reverse();
    assert_eq!(seen, expected);
    assert_eq!(seen.len(), 4, "one token and three roles");
}

#[tokio::test]
async fn totals_count_the_page_and_the_wall_stands_at_a_thousand() {
    let tenant = TestTenant::start().await;
    let admin = tenant.admin();
    admin.post("/roles", json!({"name": "a"})).await.expect(200);
    let page = admin.get("/logs?include_totals=true&per_page=1").await.expect(200);
    assert_eq!((&page["length"], &page["total"]), (&json!(1), &json!(1)));
    let wall = admin.get("/logs?page=11&per_page=100").await.expect(400);
    assert!(
        wall["message"]
            .as_str()
            .unwrap()
            .starts_with("Requesting page 11 exceeds the allowed maximum of 1000")
    );
    admin.get("/logs?q=type:").await.expect(400);
}

#[tokio::test]
async fn a_correlation_id_reaches_the_log() {
    let tenant = TestTenant::start().await;
    let sent = reqwest::Client::new()
        .post(format!("{}/api/v2/roles", tenant.url))
        .bearer_auth(tenant.admin().token())
        .header("x-correlation-id", "run:7")
        .json(&json!({"name": "a"}))
        .send();
    assert_eq!(sent.await.unwrap().status(), 200);
    let logs = tenant.admin().get("/logs?q=type:sapi").await.expect(200);
    assert_eq!(logs[0]["references"], json!({"correlation_id": "run:7"}));
}
