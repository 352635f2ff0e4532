//! `/organizations`

use serde_json::{Value, json};

use crate::harness::{Caller, TestTenant, encoded};

async fn organization(admin: &Caller, name: &str) -> String {
    let made = admin.post("/organizations", json!({"name": name})).await.expect(201);
    made["id"].as_str().unwrap().to_owned()
}

async fn member(admin: &Caller, organization: &str, email: &str) -> String {
    let user = admin.create_user(email).await["user_id"].as_str().unwrap().to_owned();
    let path = format!("/organizations/{organization}/members");
    admin.post(&path, json!({"members": [user]})).await.expect(204);
    user
}

#[tokio::test]
async fn names_are_taken_once_and_lead_to_their_organization() {
    let tenant = TestTenant::start().await;
    let admin = tenant.admin();
    let id = organization(&admin, "acme").await;
    let refused = admin.post("/organizations", json!({"name": "acme"})).await.expect(409);
    assert_eq!(refused["message"], "An organization with this name already exists.");
    assert_eq!(admin.get("/organizations/name/acme").await.expect(200)["id"], id);
    admin.delete(&format!("/organizations/{id}")).await.expect(204);
    let gone = admin.delete(&format!("/organizations/{id}")).await.expect(404);
    assert_eq!(gone["message"], "No organization found by that id or name");
}

#[tokio::test]
async fn members_have_roles_that_go_with_their_membership() {
    let tenant = TestTenant::start().await;
    let admin = tenant.admin();
    let id = organization(&admin, "acme").await;
    let user = member(&admin, &id, "ann@example.com").await;
    let role = admin.post("/roles", json!({"name": "editor"})).await.expect(200);
    let roles = format!("/organizations/{id}/members/{}/roles", encoded(&user));
    admin.post(&roles, json!({"roles": [role["id"]]})).await.expect(204);
    assert_eq!(admin.get(&roles).await.expect(200)[0]["name"], "editor");
    let path = format!("/organizations/{id}/members?fields=user_id,roles");
    assert_eq!(admin.get(&path).await.expect(200)[0]["roles"][0]["id"], role["id"]);
    let of_user = format!("/users/{}/organizations", encoded(&user));
    assert_eq!(admin.get(&of_user).await.expect(200)[0]["name"], "acme");

    let members = format!("/organizations/{id}/members");
    admin.delete_with(&members, json!({"members": [user]})).await.expect(204);
    assert_eq!(admin.get(&roles).await.expect(200), json!([]));
    assert_eq!(admin.get(&of_user).await.expect(200), json!([]));
}

#[tokio::test]
async fn members_are_paged_by_checkpoint() {
    let tenant = TestTenant::start().await;
    let admin = tenant.admin();
    let id = organization(&admin, "acme").await;
    for email in ["a@example.com", "b@example.com", "c@example.com"] {
        member(&admin, &id, email).await;
    }
    let path = format!("/organizations/{id}/members?take=2");
    let first = admin.get(&path).await.expect(200);
    assert_eq!(first["members"].as_array().unwrap().len(), 2);
    let next = first["next"].as_str().unwrap();
    let second = admin.get(&format!("{path}&from={next}")).await.expect(200);
    assert_eq!(second["members"].as_array().unwrap().len(), 1);
    assert_eq!(second.get("next"), None);
}

#[tokio::test]
async fn an_invitation_needs_a_login_page_and_names_its_organization() {
    let tenant = TestTenant::start().await;
    let admin = tenant.admin();
    let id = organization(&admin, "acme").await;
    let path = format!("/organizations/{id}/invitations");
    for (login, status) in [(Value::Null, 400), (json!("https://app.example.com/login"), 201)] {
        let mut client = json!({"name": "app", "app_type": "regular_web"});
        if !login.is_null() {
            client["initiate_login_uri"] = login;
        }
        let client = admin.post("/clients", client).await.expect(201);
        let body = json!({
            "inviter": {"name": "Ann"}, "invitee": {"email": "bob@example.com"}, "client_id": client["client_id"],
        });
        let answered = admin.post(&path, body).await.expect(status);
        if status == 201 {
            let url = answered["invitation_url"].as_str().unwrap();
            assert!(url.starts_with("https://app.example.com/login?invitation="), "{url}");
            assert!(url.ends_with("&organization_name=acme"), "{url}");
            assert_eq!(answered["expires_at"], "2026-03-09T08:00:00.000Z");
        }
    }
}

#[tokio::test]
async fn a_deleted_user_is_nobodys_member() {
    let tenant = TestTenant::start().await;
    let admin = tenant.admin();
    let id = organization(&admin, "acme").await;
    let user = member(&admin, &id, "ann@example.com").await;
    admin.delete(&format!("/users/{}", encoded(&user))).await.expect(204);
    let path = format!("/organizations/{id}/members?include_totals=true");
    assert_eq!(admin.get(&path).await.expect(200)["total"], 0);
}
