//! `/event-streams`: what arrives at a webhook.

use callboard_tenant::{Data, Parcel, RateLimits};
use jiff::SignedDuration;
use serde_json::{Value, json};

use crate::harness::{Caller, TestTenant};
use crate::post::{Post, Reply, eventually, header};

async fn create(admin: &Caller, status: &str) -> String {
    let body = json!({
        "name": "stream", "status": status, "subscriptions": [{"event_type": "user.created"}],
        "destination": {"type": "webhook", "configuration": {
            "webhook_endpoint": "https://127.0.0.1:9/hook",
            "webhook_authorization": {"method": "bearer", "token": "s3cret"},
        }},
    });
    let made = admin.post("/event-streams", body).await.expect(201);
    assert!(!made.to_string().contains("s3cret"));
    format!("/event-streams/{}", made["id"].as_str().unwrap())
}

fn event(parcel: &Parcel) -> Value {
    serde_json::from_str(&parcel.body).unwrap()
}

fn email(parcel: &Parcel) -> Value {
    event(parcel)["data"]["object"]["email"].clone()
}

async fn failed(admin: &Caller, stream: &str) -> Vec<Value> {
    let listed = admin.get(&format!("{stream}/deliveries")).await.expect(200);
    listed.as_array().unwrap().clone()
}

#[tokio::test]
async fn a_webhook_gets_the_events_that_it_subscribes_to_while_enabled() {
    let tenant = TestTenant::start().await;
    let admin = tenant.admin();
    let mut post = Post::of(&tenant);
    let stream = create(&admin, "disabled").await;
    admin.create_user("missed@example.com").await;
    admin.patch(&stream, json!({"status": "enabled"})).await.expect(200);
    admin.post("/organizations", json!({"name": "acme"})).await.expect(201);
    admin.create_user("jane@example.com").await;
    let parcel = post.parcel().await;
    assert_eq!(parcel.url, "http://127.0.0.1:9/hook");
    assert_eq!(header(&parcel, "Authorization"), Some("Bearer s3cret"));
    assert_eq!(header(&parcel, "Content-Type"), Some("application/json"));
    assert_eq!(email(&parcel), "jane@example.com");
    let event = event(&parcel);
    assert_eq!((&event["type"], &event["specversion"]), (&json!("user.created"), &json!("1.0")));
    assert_eq!(format!("/event-streams/{}", event["a0stream"].as_str().unwrap()), stream);
    assert!(failed(&admin, &stream).await.is_empty());
}

#[tokio::test]
async fn an_event_is_tried_four_times_then_listed_and_delivered_again_on_request() {
    let tenant = TestTenant::start().await;
    let admin = tenant.admin();
    let mut post = Post::of(&tenant);
    let stream = create(&admin, "enabled").await;
    post.next(&[Reply::Status(500), Reply::Silence, Reply::Status(502), Reply::Status(503)]);
    admin.create_user("jane@example.com").await;
    let first = post.parcel().await;
    for pause in [1, 2, 4] {
        eventually(async || {
            tenant.advance(SignedDuration::from_secs(pause));
            !post.waiting().is_empty()
        })
        .await;
    }
    eventually(async || failed(&admin, &stream).await.len() == 1).await;
    let delivery = failed(&admin, &stream).await.remove(0);
    assert_eq!(delivery["attempts"].as_array().unwrap().len(), 4);
    assert_eq!(delivery["attempts"][1]["error_message"], "nobody answers");
    assert_eq!(delivery["event_type"], "user.created");
    let id = event(&first)["id"].clone();
    assert_eq!((&delivery["id"], &delivery["event"]["id"]), (&id, &id));
    let one = format!("{stream}/deliveries/{}", id.as_str().unwrap());
    assert_eq!(admin.get(&one).await.expect(200), delivery);
    let none =
        admin.get(&format!("{stream}/deliveries?event_types=user.deleted")).await.expect(200);
    assert_eq!(none, json!([]));
    admin
        .post(&format!("{stream}/redeliver"), json!({"event_types": ["user.created"]}))
        .await
        .expect(202);
    assert_eq!(post.parcel().await, first);
    eventually(async || failed(&admin, &stream).await.is_empty()).await;
    admin.get(&one).await.expect(404);
}

#[tokio::test]
async fn a_refusal_is_not_repeated_until_somebody_asks() {
    let tenant = TestTenant::start().await;
    let admin = tenant.admin();
    let mut post = Post::of(&tenant);
    let stream = create(&admin, "enabled").await;
    post.next(&[Reply::Status(400), Reply::Status(401)]);
    admin.create_user("jane@example.com").await;
    let first = post.parcel().await;
    eventually(async || failed(&admin, &stream).await.len() == 1).await;
    let path = format!("{stream}/redeliver/{}", event(&first)["id"].as_str().unwrap());
    admin.post(&path, json!({})).await.expect(202);
    assert_eq!(post.parcel().await, first);
    eventually(async || {
        failed(&admin, &stream).await[0]["attempts"].as_array().unwrap().len() == 2
    })
    .await;
    admin.create_user("john@example.com").await;
    assert_eq!(email(&post.parcel().await), "john@example.com");
}

#[tokio::test]
async fn a_test_event_says_that_it_is_one() {
    let tenant = TestTenant::start().await;
    let admin = tenant.admin();
    let mut post = Post::of(&tenant);
    let stream = create(&admin, "disabled").await;
    let body = json!({"event_type": "user.deleted", "data": {"object": {"user_id": "auth0|1"}}});
    let answered = admin.post(&format!("{stream}/test"), body).await.expect(202);
    let event = event(&post.parcel().await);
    assert_eq!((&event["a0purpose"], &event["type"]), (&json!("test"), &json!("user.deleted")));
    assert_eq!(event["id"], answered["id"]);
    assert_eq!(event["data"], json!({"object": {"user_id": "auth0|1"}}));
}

#[tokio::test]
async fn events_of_the_time_before_a_restart_are_delivered_after_it() {
    let folder = tempfile::tempdir().unwrap();
    let data = Data::Folder(folder.path().to_owned());
    let tenant = TestTenant::open(data.clone(), RateLimits::Off).await;
    let admin = tenant.admin();
    create(&admin, "enabled").await;
    admin.create_user("jane@example.com").await;
    tenant.stop().await;
    let tenant = TestTenant::open(data.clone(), RateLimits::Off).await;
    let mut post = Post::of(&tenant);
    assert_eq!(email(&post.parcel().await), "jane@example.com");
    tenant.admin().create_user("john@example.com").await;
    assert_eq!(email(&post.parcel().await), "john@example.com");
    tenant.stop().await;
}
