//! `/roles`, and who has them.

use serde_json::json;

use crate::harness::{TestTenant, encoded};

#[tokio::test]
async fn a_role_lives_from_creation_to_deletion() {
    let tenant = TestTenant::start().await;
    let admin = tenant.admin();
    let role =
        admin.post("/roles", json!({"name": "Editor", "description": "Edits"})).await.expect(200);
    let path = format!("/roles/{}", role["id"].as_str().unwrap());
    assert_eq!(role["id"].as_str().unwrap().len(), 20);
    assert_eq!(admin.get(&path).await.expect(200), role);
    let changed = admin.patch(&path, json!({"description": "Edits all"})).await.expect(200);
    assert_eq!(
        (&changed["name"], &changed["description"]),
        (&json!("Editor"), &json!("Edits all"))
    );
    admin.post("/roles", json!({"name": "Editor"})).await.expect(409);
    assert_eq!(admin.delete(&path).await.expect(200), json!({}));
    let gone = admin.get(&path).await.expect(404);
    assert_eq!(
        gone,
        json!({"statusCode": 404, "error": "Not Found", "message": "The role does not exist."})
    );
    admin.delete(&path).await.expect(404);
}

#[tokio::test]
async fn roles_are_listed_by_page_and_by_part_of_their_name() {
    let tenant = TestTenant::start().await;
    let admin = tenant.admin();
    for name in ["Alpha", "Beta", "Alphabet"] {
        admin.post("/roles", json!({"name": name})).await.expect(200);
    }
    let page = admin.get("/roles?include_totals=true&per_page=2&page=1").await.expect(200);
    assert_eq!((&page["start"], &page["limit"], &page["total"]), (&json!(2), &json!(2), &json!(3)));
    assert_eq!(page["roles"][0]["name"], "Alphabet");
    let found = admin.get("/roles?name_filter=alph").await.expect(200);
    assert_eq!(found.as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn users_get_and_lose_roles_from_both_sides() {
    let tenant = TestTenant::start().await;
    let admin = tenant.admin();
    let user = admin.create_user("jane@example.com").await;
    let user_id = user["user_id"].as_str().unwrap();
    let role =
        admin.post("/roles", json!({"name": "Editor", "description": "Edits"})).await.expect(200);
    let role_id = role["id"].as_str().unwrap();
    let of_user = format!("/users/{}/roles", encoded(user_id));
    let of_role = format!("/roles/{role_id}/users");
    admin.post(&of_user, json!({"roles": [role_id]})).await.expect(204);
    admin.post(&of_user, json!({"roles": [role_id]})).await.expect(204);
    assert_eq!(admin.get(&of_user).await.expect(200), json!([role]));
    let page = admin.get(&format!("{of_role}?include_totals=true")).await.expect(200);
    assert_eq!(page["total"], 1);
    assert_eq!(page["users"][0]["email"], "jane@example.com");
    admin.delete_with(&of_user, json!({"roles": [role_id]})).await.expect(204);
    assert_eq!(admin.get(&of_role).await.expect(200), json!([]));
    assert_eq!(admin.post(&of_role, json!({"users": [user_id]})).await.expect(200), json!({}));
    let one = admin.get(&format!("{of_role}?take=1")).await.expect(200);
    assert_eq!((one["users"][0]["user_id"].as_str(), one.get("next")), (Some(user_id), None));
    admin.delete(&format!("/roles/{role_id}")).await.expect(200);
    assert_eq!(admin.get(&of_user).await.expect(200), json!([]));
    admin.post(&of_user, json!({"roles": ["rol_0000000000000000"]})).await.expect(404);
    admin.post(&of_user, json!({"roles": []})).await.expect(400);
}
