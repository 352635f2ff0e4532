//! `/users`

use serde_json::{Value, json};

use crate::harness::{Caller, PASSWORD, TestTenant, encoded};

const DATABASE: &str = "Username-Password-Authentication";

fn path(user: &Value) -> String {
    format!("/users/{}", encoded(user["user_id"].as_str().unwrap()))
}

async fn create(admin: &Caller, more: Value) -> crate::harness::Answered {
    let mut body = json!({"connection": DATABASE, "password": PASSWORD});
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    admin.post("/users", body).await
}

#[tokio::test]
async fn a_new_user_has_what_the_server_adds() {
    let tenant = TestTenant::start().await;
    let admin = tenant.admin();
    let user = create(
        &admin,
        json!({"email": "Jane.Doe@Example.com", "user_id": "abc", "given_name": "Jane"}),
    );
    let user = user.await.expect(201);
    insta::assert_json_snapshot!(user, @r#"
    {
      "created_at": "2026-03-02T08:00:00.000Z",
      "email": "jane.doe@example.com",
      "email_verified": false,
      "given_name": "Jane",
      "identities": [
        {
          "connection": "Username-Password-Authentication",
          "user_id": "abc",
          "provider": "auth0",
          "isSocial": false
        }
      ],
      "name": "jane.doe@example.com",
      "nickname": "jane.doe",
      "picture": "https://s.gravatar.com/avatar/0cba00ca3da1b283a57287bcceb17e35?s=480&r=pg&d=https%3A%2F%2Fcdn.auth0.com%2Favatars%2Fja.png",
      "updated_at": "2026-03-02T08:00:00.000Z",
      "user_id": "auth0|abc"
    }
    "#);
    assert_eq!(tenant.admin().get("/users/auth0%7Cabc").await.expect(200), user);
}

#[tokio::test]
async fn a_wrong_creation_is_refused_with_the_reason() {
    let tenant = TestTenant::start().await;
    let admin = tenant.admin();
    create(&admin, json!({"email": "taken@example.com", "user_id": "taken"})).await.expect(201);
    for (body, status, message) in [
        (json!({"email": "TAKEN@example.com"}), 409, "The user already exists."),
        (
            json!({"email": "other@example.com", "user_id": "taken"}),
            409,
            "The user already exists.",
        ),
        (json!({}), 400, "Payload validation error: 'Missing required property: email'."),
        (
            json!({"email": "a@example.com", "password": "weak"}),
            400,
            "PasswordStrengthError: Password is too weak",
        ),
        (
            json!({"email": "a@example.com", "connection": "none"}),
            400,
            "The connection does not exist",
        ),
        (
            json!({"email": "a@example.com", "shoe": 42}),
            400,
            "Payload validation error: 'Additional properties not allowed: shoe'.",
        ),
        (
            json!({"email": "a@example.com", "app_metadata": {"email": 1}}),
            400,
            "app_metadata must not have the property email",
        ),
    ] {
        let answered = create(&admin, body.clone()).await.expect(status);
        assert_eq!(answered["message"], message, "{body}");
    }
    let body = admin.post("/users", json!({"email": "a@example.com"})).await.expect(400);
    assert_eq!(
        body["message"],
        "Payload validation error: 'Missing required property: connection'."
    );
}

#[tokio::test]
async fn metadata_is_merged_at_the_first_level() {
    let tenant = TestTenant::start().await;
    let admin = tenant.admin();
    let user = create(
        &admin,
        json!({"email": "a@example.com", "app_metadata": {"a": {"x": 1, "y": 2}, "b": 1}}),
    );
    let path = path(&user.await.expect(201));
    let changed = admin
        .patch(&path, json!({"app_metadata": {"a": {"x": 3}, "b": null, "c": []}}))
        .await
        .expect(200);
    assert_eq!(changed["app_metadata"], json!({"a": {"x": 3}, "c": []}));
    let emptied =
        admin.patch(&path, json!({"app_metadata": {}, "user_metadata": {}})).await.expect(200);
    assert_eq!((emptied.get("app_metadata"), &emptied["user_metadata"]), (None, &json!({})));
}

#[tokio::test]
async fn a_change_follows_the_rules_of_its_attributes() {
    let tenant = TestTenant::start().await;
    let admin = tenant.admin();
    admin.create_user("taken@example.com").await;
    let user =
        create(&admin, json!({"email": "a@example.com", "email_verified": true, "nickname": "n"}))
            .await
            .expect(201);
    let path = path(&user);
    let changed =
        admin.patch(&path, json!({"email": "New@example.com", "nickname": null})).await.expect(200);
    assert_eq!(
        (&changed["email"], &changed["email_verified"], changed.get("nickname")),
        (&json!("new@example.com"), &json!(false), None)
    );
    for (body, message) in [
        (json!({"email": "taken@example.com"}), "The specified new email already exists"),
        (
            json!({"email": "x@example.com", "password": PASSWORD}),
            "Cannot update password and email simultaneously",
        ),
        (
            json!({"password": PASSWORD, "email_verified": true}),
            "Cannot update password and email_verified simultaneously",
        ),
        (json!({"password": "weak"}), "PasswordStrengthError: Password is too weak"),
    ] {
        let answered = admin.patch(&path, body.clone()).await.expect(400);
        assert_eq!(answered["message"], message, "{body}");
    }
    let unknown =
        admin.patch(&path, json!({"identities": [], "updated_at": "x"})).await.expect(400);
    assert!(unknown["message"].as_str().unwrap().starts_with("Payload validation error: 'Additional properties not allowed: updated_at,identities (consider"));
    admin.patch("/users/auth0%7Cnobody", json!({"nickname": "n"})).await.expect(404);
}

#[tokio::test]
async fn a_new_password_replaces_the_old_one_and_lifts_a_block() {
    let tenant = TestTenant::start().await;
    let admin = tenant.admin();
    let user = admin.create_user("a@example.com").await;
    let blocked = admin.patch(&path(&user), json!({"blocked": true})).await.expect(200);
    assert_eq!(blocked["blocked"], true);
    let changed =
        admin.patch(&path(&user), json!({"password": "Another-Horse-2"})).await.expect(200);
    assert_eq!(
        (&changed["blocked"], &changed["last_password_reset"]),
        (&json!(false), &json!("2026-03-02T08:00:00.000Z"))
    );
    tenant.log_in("a@example.com", PASSWORD).await.expect(403);
    tenant.log_in("a@example.com", "Another-Horse-2").await.expect(200);
}

#[tokio::test]
async fn a_deleted_user_is_gone_and_its_address_free() {
    let tenant = TestTenant::start().await;
    let admin = tenant.admin();
    let user = admin.create_user("a@example.com").await;
    admin.delete(&path(&user)).await.expect(204);
    admin.delete(&path(&user)).await.expect(204);
    let gone = admin.get(&path(&user)).await.expect(404);
    insta::assert_snapshot!(gone, @r#"{"statusCode":404,"error":"Not Found","message":"The user does not exist.","errorCode":"inexistent_user"}"#);
    assert_eq!(admin.get("/users-by-email?email=a%40example.com").await.expect(200), json!([]));
    admin.create_user("a@example.com").await;
    let deletions = admin.get("/logs?q=type:sdu").await.expect(200);
    assert_eq!(deletions[0]["user_id"], user["user_id"]);
}

#[tokio::test]
async fn users_are_found_listed_sorted_and_projected() {
    let tenant = TestTenant::start().await;
    let admin = tenant.admin();
    for (email, level) in [("ann@example.com", 3), ("bob@example.com", 1), ("cleo@example.org", 2)]
    {
        let more = json!({"email": email, "app_metadata": {"level": level}});
        create(&admin, more).await.expect(201);
    }
    for (query, expected) in [
        ("q=email%3A%22BOB%40example.com%22", vec!["bob@example.com"]),
        (
            "q=email.domain:example.com%20AND%20app_metadata.level:[2%20TO%20*]",
            vec!["ann@example.com"],
        ),
        ("q=email:*example.org%20OR%20name:ann*", vec!["ann@example.com", "cleo@example.org"]),
        ("sort=email:-1", vec!["cleo@example.org", "bob@example.com", "ann@example.com"]),
        ("per_page=1&page=1", vec!["bob@example.com"]),
        ("page=5", vec![]),
    ] {
        let found = admin.get(&format!("/users?search_engine=v3&{query}")).await.expect(200);
        let emails: Vec<_> =
            found.as_array().unwrap().iter().map(|user| user["email"].as_str().unwrap()).collect();
        assert_eq!(emails, expected, "{query}");
    }
    let page = admin
        .get("/users?include_totals=true&per_page=2&fields=email,name&include_fields=true")
        .await
        .expect(200);
    assert_eq!(page["users"][0], json!({"email": "ann@example.com", "name": "ann@example.com"}));
    assert_eq!((&page["length"], &page["total"]), (&json!(2), &json!(3)));
    let wall = admin.get("/users?page=10&per_page=100").await.expect(400);
    assert!(
        wall["message"]
            .as_str()
            .unwrap()
            .starts_with("You can only page through the first 1000 records.")
    );
}

#[tokio::test]
async fn linked_accounts_become_one_user_and_part_again() {
    let tenant = TestTenant::start().await;
    let admin = tenant.admin();
    let primary = admin.create_user("a@example.com").await;
    let secondary =
        create(&admin, json!({"email": "b@example.com", "user_metadata": {"lost": true}}))
            .await
            .expect(201);
    let identities = format!("{}/identities", path(&primary));
    let link = json!({"provider": "auth0", "user_id": secondary["user_id"]});
    let linked = admin.post(&identities, link.clone()).await.expect(201);
    assert_eq!(linked[1]["profileData"]["email"], "b@example.com");
    admin.get(&path(&secondary)).await.expect(404);
    let again = admin.post(&identities, link).await.expect(409);
    assert_eq!(again["message"], "Specified identity already exists.");
    let login = tenant.log_in("b@example.com", PASSWORD).await.expect(200);
    assert!(login["id_token"].is_string());
    let local = secondary["identities"][0]["user_id"].as_str().unwrap();
    let unknown = format!("{identities}/auth0/nobody");
    admin.delete(&unknown).await.expect(404);
    let left = admin.delete(&format!("{identities}/auth0/{local}")).await.expect(200);
    assert_eq!(left.as_array().unwrap().len(), 1);
    let freed = admin.get(&path(&secondary)).await.expect(200);
    assert_eq!((&freed["email"], freed.get("user_metadata")), (&json!("b@example.com"), None));
}

#[tokio::test]
async fn permissions_show_where_they_come_from() {
    let tenant = TestTenant::start().await;
    let admin = tenant.admin();
    let user = admin.create_user("a@example.com").await;
    let role = admin.post("/roles", json!({"name": "Reader"})).await.expect(200);
    let role_id = role["id"].as_str().unwrap();
    let api = format!("{}/api/v2/", tenant.url);
    let permission = json!({"permissions": [{"resource_server_identifier": api, "permission_name": "read:users"}]});
    let of_role = format!("/roles/{role_id}/permissions");
    let of_user = format!("{}/permissions", path(&user));
    assert_eq!(admin.post(&of_role, permission.clone()).await.expect(201), json!({}));
    assert_eq!(admin.post(&of_user, permission.clone()).await.expect(201), json!({}));
    admin.post(&format!("{}/roles", path(&user)), json!({"roles": [role_id]})).await.expect(204);
    let page = admin.get(&format!("{of_user}?include_totals=true")).await.expect(200);
    assert_eq!(page["total"], 1);
    assert_eq!(page["permissions"][0]["resource_server_identifier"], api);
    assert_eq!(
        page["permissions"][0]["sources"],
        json!([
            {"source_id": "", "source_name": "", "source_type": "DIRECT"},
            {"source_id": role_id, "source_name": "Reader", "source_type": "ROLE"},
        ])
    );
    let api_query = format!("resource_server_identifier={}", encoded(&api));
    let effective = format!("{}/effective-permissions", path(&user));
    let held = admin.get(&format!("{effective}?{api_query}")).await.expect(200);
    assert_eq!(held["permissions"][0]["sources"], json!(["direct", "roles"]));
    let behind =
        format!("{effective}/sources/effective-roles?{api_query}&permission_name=read:users");
    assert_eq!(admin.get(&behind).await.expect(200)["roles"][0]["id"], role_id);
    let roles = admin.get(&format!("{}/effective-roles", path(&user))).await.expect(200);
    assert_eq!(roles["roles"][0]["sources"], json!(["direct"]));
    admin.delete_with(&of_role, permission.clone()).await.expect(204);
    admin.delete_with(&of_user, permission).await.expect(204);
    assert_eq!(admin.get(&of_user).await.expect(200), json!([]));
    let unknown = json!({"permissions": [{"resource_server_identifier": api, "permission_name": "fly:planes"}]});
    admin.post(&of_user, unknown).await.expect(404);
}

#[tokio::test]
async fn a_narrow_scope_opens_one_kind_of_metadata_only() {
    let tenant = TestTenant::start().await;
    let user = tenant.admin().create_user("a@example.com").await;
    let narrow = tenant.with_scopes("update:users_app_metadata").await;
    narrow.patch(&path(&user), json!({"app_metadata": {"a": 1}})).await.expect(200);
    let refused = narrow.patch(&path(&user), json!({"nickname": "n"})).await.expect(403);
    assert_eq!(refused["errorCode"], "insufficient_scope");
}

#[tokio::test]
async fn changes_at_the_same_time_are_all_kept() {
    let tenant = TestTenant::start().await;
    let user = tenant.admin().create_user("a@example.com").await;
    let writers: Vec<_> = (0..6)
        .map(|number| {
            let (admin, path) = (tenant.admin(), path(&user));
            async move {
                admin.patch(&path, json!({"app_metadata": {format!("k{number}"): number}})).await
            }
        })
        .collect();
    let tasks = tokio_util::task::TaskTracker::new();
    let running: Vec<_> = writers.into_iter().map(|writer| tasks.spawn(writer)).collect();
    for one in running {
        one.await.unwrap().expect(200);
    }
    let seen = tenant.admin().get(&path(&user)).await.expect(200);
    assert_eq!(seen["app_metadata"].as_object().unwrap().len(), 6);
}
