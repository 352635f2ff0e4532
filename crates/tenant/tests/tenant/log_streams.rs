//! `/log-streams`: what arrives at a sink.

use callboard_tenant::{Data, RateLimits};
use jiff::SignedDuration;
use serde_json::{Value, json};

use crate::harness::{Caller, TestTenant};
use crate::post::{Post, Reply, eventually, header, records_of};

const ENDPOINT: &str = "https://127.0.0.1:9/logs";

async fn create(admin: &Caller, sink: &Value, more: &Value) -> String {
    let mut body = json!({"type": "http", "name": "stream", "sink": {"httpEndpoint": ENDPOINT}});
    body["sink"].as_object_mut().unwrap().extend(sink.as_object().unwrap().clone());
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let made = admin.post("/log-streams", body).await.expect(200);
    made["id"].as_str().unwrap().to_owned()
}

async fn create_role(admin: &Caller, name: &str) {
    admin.post("/roles", json!({"name": name})).await.expect(200);
}

fn role_of(record: &Value) -> &Value {
    &record["data"]["details"]["request"]["body"]["name"]
}

fn is_role(name: &str) -> impl Fn(&Value) -> bool {
    move |record| role_of(record) == name
}

#[tokio::test]
async fn entries_arrive_in_the_sinks_format_with_its_headers() {
    for format in ["JSONLINES", "JSONARRAY", "JSONOBJECT"] {
        let tenant = TestTenant::start().await;
        let admin = tenant.admin();
        let mut post = Post::of(&tenant);
        let sink = json!({
            "httpContentFormat": format, "httpContentType": "application/json; charset=utf-8",
            "httpAuthorization": "Bearer s3cret", "httpCustomHeaders": [{"header": "X-Team", "value": "blue"}],
        });
        create(&admin, &sink, &json!({})).await;
        for name in ["a", "b", "c"] {
            create_role(&admin, name).await;
        }
        let mut parcels = Vec::new();
        let mut records = Vec::new();
        while !records.iter().any(is_role("c")) {
            let parcel = post.parcel().await;
            records.extend(records_of(&parcel));
            parcels.push(parcel);
        }
        for parcel in &parcels {
            assert_eq!(parcel.url, "http://127.0.0.1:9/logs");
            assert_eq!(header(parcel, "Content-Type"), Some("application/json; charset=utf-8"));
            assert_eq!(header(parcel, "Authorization"), Some("Bearer s3cret"));
            assert_eq!(header(parcel, "X-Team"), Some("blue"));
            match format {
                "JSONARRAY" => assert!(parcel.body.starts_with("[{")),
                "JSONLINES" => assert!(parcel.body.ends_with("}\n")),
                _ => assert!(parcel.body.starts_with("{\"log_id\"")),
            }
        }
        // The creation of the stream is the first thing it tells.
        let logs = admin.get("/logs?take=100&from=").await.expect(200);
        let logged: Vec<_> =
            logs.as_array().unwrap()[1..].iter().map(|entry| &entry["log_id"]).collect();
        let told: Vec<_> = records.iter().map(|record| &record["log_id"]).collect();
        assert_eq!(told, logged, "{format}");
        assert_eq!(records[0]["data"]["log_id"], records[0]["log_id"]);
        assert_eq!(records[0]["data"]["tenant_name"], "test");
    }
}

#[tokio::test]
async fn a_filter_lets_its_categories_through() {
    let tenant = TestTenant::start().await;
    let admin = tenant.admin();
    let mut post = Post::of(&tenant);
    let filters = json!({"filters": [{"type": "category", "name": "auth.login.fail"}]});
    create(&admin, &json!({}), &filters).await;
    create_role(&admin, "a").await;
    assert_eq!(tenant.log_in("nobody@example.com", "x").await.status, 403);
    let records = records_of(&post.parcel().await);
    assert_eq!(records.iter().map(|record| &record["data"]["type"]).collect::<Vec<_>>(), ["fu"]);
}

#[tokio::test]
async fn a_failed_delivery_is_repeated_until_it_works() {
    let tenant = TestTenant::start().await;
    let admin = tenant.admin();
    let mut post = Post::of(&tenant);
    let filters = json!({"filters": [{"type": "category", "name": "auth.login.fail"}]});
    let id = create(&admin, &json!({}), &filters).await;
    post.next(&[Reply::Silence, Reply::Status(500), Reply::Status(403)]);
    tenant.log_in("nobody@example.com", "x").await;
    let first = post.parcel().await;
    for pause in [1, 2, 30] {
        // Nothing but the clock brings the next attempt.
        create_role(&admin, &format!("after {pause}")).await;
        tenant.advance(SignedDuration::from_secs(pause));
        assert_eq!(post.parcel().await, first, "{pause}");
    }
    let stream = admin.get(&format!("/log-streams/{id}")).await.expect(200);
    assert_eq!(stream["status"], "active");
    assert!(post.waiting().is_empty());
}

#[tokio::test]
async fn a_stream_that_fails_for_a_week_is_suspended_and_loses_nothing() {
    let tenant = TestTenant::start().await;
    let admin = tenant.admin();
    let mut post = Post::of(&tenant);
    let filters = json!({"filters": [{"type": "category", "name": "auth.login.fail"}]});
    let path = format!("/log-streams/{}", create(&admin, &json!({}), &filters).await);
    post.always(Reply::Status(503));
    tenant.log_in("first@example.com", "x").await;
    post.parcel().await;
    tenant.advance(SignedDuration::from_hours(24 * 8));
    let admin = tenant.renewed().await;
    post.parcel().await;
    eventually(async || admin.get(&path).await.expect(200)["status"] == "suspended").await;
    tenant.log_in("second@example.com", "x").await;
    post.always(Reply::Status(204));
    assert!(post.waiting().is_empty());
    admin.patch(&path, json!({"status": "active"})).await.expect(200);
    let records = post.records(|record| record["data"]["user_name"] == "second@example.com").await;
    assert_eq!(records[0]["data"]["user_name"], "first@example.com");
}

#[tokio::test]
async fn what_a_paused_stream_misses_comes_when_it_goes_on() {
    let tenant = TestTenant::start().await;
    let admin = tenant.admin();
    let mut post = Post::of(&tenant);
    let path = format!("/log-streams/{}", create(&admin, &json!({}), &json!({})).await);
    create_role(&admin, "before").await;
    post.records(is_role("before")).await;
    admin.patch(&path, json!({"status": "paused"})).await.expect(200);
    create_role(&admin, "meanwhile").await;
    admin.patch(&path, json!({"status": "active"})).await.expect(200);
    let records = post
        .records(|record| record["data"]["details"]["request"]["body"]["status"] == "active")
        .await;
    assert!(records.iter().any(is_role("meanwhile")), "{records:?}");
    assert!(!records.iter().any(is_role("before")));
}

#[tokio::test]
async fn a_stream_goes_on_after_a_restart_where_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let data = Data::Folder(folder.path().to_owned());
    let tenant = TestTenant::open(data.clone(), RateLimits::Off).await;
    let admin = tenant.admin();
    let mut post = Post::of(&tenant);
    create(&admin, &json!({}), &json!({})).await;
    create_role(&admin, "taken").await;
    post.records(is_role("taken")).await;
    post.always(Reply::Silence);
    create_role(&admin, "refused").await;
    post.parcel().await;
    tenant.stop().await;
    let tenant = TestTenant::open(data, RateLimits::Off).await;
    let mut post = Post::of(&tenant);
    tenant.advance(SignedDuration::from_mins(1));
    let records = post.records(is_role("refused")).await;
    assert!(!records.iter().any(is_role("taken")), "{records:?}");
}

#[tokio::test]
async fn a_stream_may_start_in_the_past_and_hides_personal_data() {
    let tenant = TestTenant::start().await;
    let admin = tenant.admin();
    admin.create_user("jane@example.com").await;
    tenant.advance(SignedDuration::from_secs(5));
    create_role(&admin, "later").await;
    let mut post = Post::of(&tenant);
    let hiding = json!({
        "startFrom": "2026-03-02T08:00:00.000Z",
        "pii_config": {"log_fields": ["email"], "method": "mask"},
    });
    create(&admin, &json!({}), &hiding).await;
    let records = post.records(is_role("later")).await;
    let created = records.iter().find(|record| record["data"]["type"] == "sapi").unwrap();
    assert_eq!(created["data"]["details"]["request"]["body"]["email"], "********");
    create(&admin, &json!({}), &json!({"startFrom": "2026-03-02T08:00:04Z", "name": "other"}))
        .await;
    let records = post.records(is_role("later")).await;
    assert!(
        records
            .iter()
            .all(|record| record["data"]["date"].as_str().unwrap() > "2026-03-02T08:00:04")
    );
}
