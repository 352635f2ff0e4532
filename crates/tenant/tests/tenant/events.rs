//! `/events`

use callboard_tenant::{Data, RateLimits};
use jiff::SignedDuration;
use serde_json::{Value, json};

use crate::harness::{Caller, PASSWORD, TestTenant, encoded};
use crate::listener::{Listener, Message};

fn names(messages: &[Message]) -> Vec<&str> {
    messages.iter().map(|message| message.name.as_str()).collect()
}

async fn create_organization(admin: &Caller, name: &str) -> String {
    let made = admin.post("/organizations", json!({"name": name})).await.expect(201);
    made["id"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn what_happens_to_a_user_is_told_with_the_state_before() {
    let tenant = TestTenant::start().await;
    let admin = tenant.admin();
    let mut listener = Listener::open(&admin, "", None).await;
    let user = admin.create_user("jane@example.com").await;
    let path = format!("/users/{}", encoded(user["user_id"].as_str().unwrap()));
    admin
        .patch(&path, json!({"user_metadata": {"team": "blue"}, "name": "Jane"}))
        .await
        .expect(200);
    admin.delete(&path).await.expect(204);
    let told = listener.events(3).await;
    assert_eq!(names(&told), ["user.created", "user.updated", "user.deleted"]);
    assert_eq!(*told[0].object(), user);
    let event = &told[1].data["event"];
    assert_eq!(event["data"]["object"]["name"], "Jane");
    assert_eq!(event["data"]["previous_object"], user);
    assert_eq!(
        (&event["specversion"], &event["source"], &event["a0tenant"], &event["time"]),
        (
            &json!("1.0"),
            &json!("urn:auth0:test.localhost"),
            &json!("test"),
            &json!("2026-03-02T08:00:00.000Z")
        )
    );
    assert_eq!(event["id"].as_str().unwrap().len(), 26);
    let context = &event["data"]["context"];
    assert_eq!(context["client"]["id"], crate::harness::CLIENT_ID);
    assert_eq!(
        (&context["request"]["method"], &context["request"]["ip"]),
        (&json!("PATCH"), &json!("127.0.0.1"))
    );
    assert_eq!(told[2].object()["deleted_at"], "2026-03-02T08:00:00.000Z");
    assert!(!format!("{told:?}").contains(PASSWORD));
}

#[tokio::test]
async fn a_login_is_no_update_of_a_user() {
    let tenant = TestTenant::start().await;
    let admin = tenant.admin();
    admin.create_user("jane@example.com").await;
    let mut listener = Listener::open(&admin, "", None).await;
    assert_eq!(tenant.log_in("jane@example.com", PASSWORD).await.status, 200);
    admin.create_user("john@example.com").await;
    let told = listener.event().await;
    assert_eq!(
        (told.name.as_str(), &told.object()["email"]),
        ("user.created", &json!("john@example.com"))
    );
}

#[tokio::test]
async fn what_happens_in_an_organization_is_told_once() {
    let tenant = TestTenant::start().await;
    let admin = tenant.admin();
    let user = admin.create_user("jane@example.com").await["user_id"].clone();
    let role = admin.post("/roles", json!({"name": "editor"})).await.expect(200)["id"].clone();
    let connection = admin.get("/connections").await.expect(200)[0]["id"].clone();
    let mut listener = Listener::open(&admin, "", None).await;
    let id = create_organization(&admin, "acme").await;
    let path = format!("/organizations/{id}");
    admin.patch(&path, json!({"display_name": "Acme"})).await.expect(200);
    for _ in 0..2 {
        admin.post(&format!("{path}/members"), json!({"members": [user]})).await.expect(204);
    }
    let roles = format!("{path}/members/{}/roles", encoded(user.as_str().unwrap()));
    admin.post(&roles, json!({"roles": [role]})).await.expect(204);
    admin.delete_with(&roles, json!({"roles": [role]})).await.expect(204);
    let enabled = format!("{path}/enabled_connections");
    admin.post(&enabled, json!({"connection_id": connection})).await.expect(201);
    let one = format!("{enabled}/{}", connection.as_str().unwrap());
    admin.patch(&one, json!({"assign_membership_on_login": true})).await.expect(200);
    admin.delete(&one).await.expect(204);
    for _ in 0..2 {
        admin.delete_with(&format!("{path}/members"), json!({"members": [user]})).await.expect(204);
    }
    admin.delete(&path).await.expect(204);
    let told = listener.events(10).await;
    assert_eq!(
        names(&told),
        [
            "organization.created",
            "organization.updated",
            "organization.member.added",
            "organization.member.role.assigned",
            "organization.member.role.deleted",
            "organization.connection.added",
            "organization.connection.updated",
            "organization.connection.removed",
            "organization.member.deleted",
            "organization.deleted",
        ]
    );
    assert_eq!(told[1].data["event"]["data"]["previous_object"], json!({"name": "acme", "id": id}));
    assert_eq!(
        *told[2].object(),
        json!({"organization": {"name": "acme", "id": id}, "user": {"user_id": user}})
    );
    assert_eq!(told[3].object()["role"], json!({"id": role, "name": "editor"}));
    assert_eq!(told[6].object()["assign_membership_on_login"], true);
}

#[tokio::test]
async fn a_listener_goes_on_where_it_left() {
    let tenant = TestTenant::start().await;
    let admin = tenant.admin();
    let mut listener = Listener::open(&admin, "", None).await;
    let start = listener.message().await.unwrap();
    assert_eq!((start.name.as_str(), &start.data["offset"]), ("offset-only", &json!(start.id)));
    admin.create_user("one@example.com").await;
    let first = listener.event().await;
    assert_eq!(first.data["offset"], first.id.as_str());
    drop(listener);
    tenant.advance(SignedDuration::from_secs(10));
    admin.create_user("two@example.com").await;
    let emails = async |query: &str, last: Option<&str>, count: usize| {
        let told = Listener::open(&admin, query, last).await.events(count).await;
        let emails = told.iter().map(|event| event.object()["email"].clone());
        emails.collect::<Vec<Value>>()
    };
    let both = [json!("one@example.com"), json!("two@example.com")];
    assert_eq!(emails(&format!("?from={}", start.id), None, 2).await, both);
    assert_eq!(emails("?from_timestamp=2026-03-02T00:00:00Z", None, 2).await, both);
    assert_eq!(emails("?from_timestamp=2026-03-02T08:00:05Z", None, 1).await, both[1..]);
    assert_eq!(emails("", Some(&first.id), 1).await, both[1..]);
    assert_eq!(emails(&format!("?from={}", start.id), Some(&first.id), 1).await, both[1..]);
}

#[tokio::test]
async fn a_listener_hears_the_types_it_asks_for_and_moves_past_the_others() {
    let tenant = TestTenant::start().await;
    let admin = tenant.admin();
    let query = "?event_type=organization.created&event_type=organization.deleted";
    let mut listener = Listener::open(&admin, query, None).await;
    let start = listener.message().await.unwrap();
    admin.create_user("jane@example.com").await;
    create_organization(&admin, "acme").await;
    let told = listener.message().await.unwrap();
    assert_eq!(told.name, "organization.created");
    admin.create_user("john@example.com").await;
    tenant.advance(SignedDuration::from_secs(16));
    let beat = listener.message().await.unwrap();
    assert_eq!(beat.name, "offset-only");
    assert!(beat.id != told.id && told.id != start.id, "the offset has moved");
    let mut rest = Listener::open(&admin, "", Some(&beat.id)).await;
    create_organization(&admin, "beta").await;
    assert_eq!(rest.event().await.object()["name"], "beta");
}

#[tokio::test]
async fn a_wrong_question_is_refused() {
    let tenant = TestTenant::start().await;
    let admin = tenant.admin();
    for (query, message) in [
        ("?from=nonsense", "Invalid cursor format."),
        ("?from=MS45OTk5", "Invalid cursor format."),
        (
            "?from_timestamp=yesterday",
            "Query validation error: 'Object didn't pass validation for format date-time: yesterday' on property \
             from_timestamp.",
        ),
    ] {
        assert_eq!(admin.get(&format!("/events{query}")).await.expect(400)["message"], message);
    }
    let unknown = admin.get("/events?event_type=user.blocked").await.expect(400);
    assert_eq!(unknown["errorCode"], "invalid_query_string");
    let other = tenant.with_scopes("read:users").await;
    let refused = other.get("/events").await.expect(403);
    assert_eq!(refused["message"], "Insufficient scope, expected any of: read:events");
}

#[tokio::test]
async fn a_connection_lasts_five_minutes_and_says_so() {
    let tenant = TestTenant::start().await;
    let admin = tenant.admin();
    let mut listener = Listener::open(&admin, "", None).await;
    let start = listener.message().await.unwrap();
    tenant.advance(SignedDuration::from_mins(6));
    let last = listener.message().await.unwrap();
    assert_eq!(
        (last.name.as_str(), &last.data["error"]["code"]),
        ("error", &json!("connection_timeout"))
    );
    assert_eq!(last.data["error"]["offset"], start.id.as_str());
    assert_eq!(listener.message().await, None);
}

#[tokio::test]
async fn one_listener_too_many_is_refused_until_another_leaves() {
    let tenant = TestTenant::start().await;
    let admin = tenant.admin();
    let mut listeners = Vec::new();
    for _ in 0..256 {
        listeners.push(Listener::open(&admin, "", None).await);
    }
    let refused = admin.get("/events").await.expect(403);
    assert_eq!(
        refused["message"],
        "Maximum concurrent event stream connections reached. Please close existing connections."
    );
    admin.create_user("jane@example.com").await;
    for listener in &mut listeners {
        assert_eq!(listener.event().await.name, "user.created");
    }
}

#[tokio::test]
async fn events_outlive_a_restart_and_listeners_do_not_hold_it_up() {
    let folder = tempfile::tempdir().unwrap();
    let data = Data::Folder(folder.path().to_owned());
    let tenant = TestTenant::open(data.clone(), RateLimits::Off).await;
    let admin = tenant.admin();
    let mut listener = Listener::open(&admin, "", None).await;
    let start = listener.message().await.unwrap();
    admin.create_user("jane@example.com").await;
    let told = listener.event().await;
    tenant.stop().await;
    assert_eq!(listener.message().await, None);
    let tenant = TestTenant::open(data, RateLimits::Off).await;
    let query = format!("?from={}", start.id);
    assert_eq!(Listener::open(&tenant.admin(), &query, None).await.event().await, told);
}

#[tokio::test]
async fn after_a_week_an_offset_is_gone() {
    let tenant = TestTenant::start().await;
    let admin = tenant.admin();
    let start = Listener::open(&admin, "", None).await.message().await.unwrap();
    admin.create_user("jane@example.com").await;
    tenant.advance(SignedDuration::from_hours(24 * 8));
    let tenant_token = tenant.renewed().await;
    create_organization(&tenant_token, "acme").await;
    let gone = tenant_token.get(&format!("/events?from={}", start.id)).await.expect(410);
    assert_eq!(gone["message"], "Cursor points to data no longer available in the stream.");
    let mut rest =
        Listener::open(&tenant_token, "?from_timestamp=2026-03-01T00:00:00Z", None).await;
    assert_eq!(rest.event().await.object()["name"], "acme");
}
