use http::Method;
use serde_json::{Value, json};

use crate::theatre::Theatre;

/// Performs one action as a run of one step and gives its output.
async fn act(theatre: &Theatre, action: &str, arguments: Value) -> Value {
    let path = format!("/v1/actions/{action}/run?wait=30");
    let run = theatre
        .stage
        .expect(Method::POST, &path, Some(&json!({ "arguments": arguments })))
        .await
        .unwrap();
    assert_eq!(run["status"], "completed", "{action}: {run}");
    run["output"].clone()
}

async fn user(theatre: &Theatre, id: &str) -> Value {
    let path = format!("/users/{}", id.replace('|', "%7C"));
    theatre.stage.management(Method::GET, &path, None).await.unwrap()
}

#[tokio::test]
async fn every_named_action_on_a_user_shows_in_the_tenant() {
    let theatre = Theatre::open().await;
    let connection = "Username-Password-Authentication";
    let made = act(
        &theatre,
        "auth0.users.create",
        json!({"connection": connection, "email": "Kim@Example.com"}),
    )
    .await;
    let id = made["user_id"].as_str().unwrap();
    assert_eq!(made["email"], "kim@example.com");
    assert!(made.get("password").is_none());

    let found = act(&theatre, "auth0.users.list", json!({"email": "KIM@example.com"})).await;
    assert_eq!(found["users"][0]["user_id"], id);
    act(
        &theatre,
        "auth0.users.update",
        json!({"user": id, "changes": {"app_metadata": {"floor": 3}}}),
    )
    .await;
    assert_eq!(
        act(&theatre, "auth0.users.get", json!({ "user": id })).await["app_metadata"],
        json!({"floor": 3})
    );

    let roles = act(&theatre, "auth0.roles.list", json!({})).await;
    let sales = roles["roles"]
        .as_array()
        .unwrap()
        .iter()
        .find(|role| role["name"] == "sales")
        .unwrap()["id"]
        .clone();
    act(&theatre, "auth0.users.roles.assign", json!({"user": id, "roles": [sales]})).await;
    let held = act(&theatre, "auth0.users.roles.list", json!({ "user": id })).await;
    assert_eq!(held["roles"][0]["name"], "sales");
    act(&theatre, "auth0.users.roles.remove", json!({"user": id, "roles": [sales]})).await;
    assert_eq!(
        act(&theatre, "auth0.users.roles.list", json!({ "user": id })).await["roles"],
        json!([])
    );

    act(&theatre, "auth0.users.block", json!({ "user": id })).await;
    assert_eq!(user(&theatre, id).await["blocked"], true);
    assert_eq!(
        act(&theatre, "auth0.users.sessions.list", json!({ "user": id })).await["sessions"],
        json!([])
    );
    act(&theatre, "auth0.users.unblock", json!({ "user": id })).await;
    assert_eq!(user(&theatre, id).await["blocked"], false);
    act(&theatre, "auth0.users.sessions.revoke", json!({ "user": id })).await;

    let logged = act(&theatre, "auth0.logs.list", json!({})).await;
    assert!(!logged["logs"].as_array().unwrap().is_empty());
    act(&theatre, "auth0.users.delete", json!({ "user": id })).await;
    assert_eq!(
        act(&theatre, "auth0.users.list", json!({"email": "kim@example.com"})).await["users"],
        json!([])
    );
}

#[tokio::test]
async fn applications_are_listed_without_secrets_and_a_rotated_secret_is_sealed_until_it_is_asked_for()
 {
    let theatre = Theatre::open().await;
    let client = json!({"name": "Billing", "app_type": "non_interactive"});
    let client = theatre.stage.management(Method::POST, "/clients", Some(&client)).await.unwrap();
    let before = client["client_secret"].as_str().unwrap();
    let listed = act(&theatre, "auth0.applications.list", json!({})).await.to_string();
    assert!(listed.contains("Billing") && !listed.contains(before), "{listed}");
    let connections = act(&theatre, "auth0.connections.list", json!({})).await.to_string();
    assert!(connections.contains("Username-Password-Authentication"), "{connections}");

    let start = json!({"arguments": {"application": client["client_id"]}});
    let path = "/v1/actions/auth0.applications.secret.rotate/run?wait=30";
    let run = theatre.stage.expect(Method::POST, path, Some(&start)).await.unwrap();
    let rotated = run["output"].to_string();
    let path = format!("/clients/{}", client["client_id"].as_str().unwrap());
    let now = theatre.stage.management(Method::GET, &path, None).await.unwrap();
    let after = now["client_secret"].as_str().unwrap();
    assert_ne!(after, before);
    assert!(!rotated.contains(after), "the new secret is shown in the run's output");
    let path = format!("/v1/runs/{}/reveal", run["id"].as_str().unwrap());
    let revealed = theatre.stage.expect(Method::POST, &path, Some(&json!({}))).await.unwrap();
    assert_eq!(
        revealed["output"]["client_secret"], after,
        "the old secret is gone; somebody must get the new one"
    );
}

#[tokio::test]
async fn a_raw_call_is_checked_against_the_contract_and_performed() {
    let theatre = Theatre::open().await;
    let call = json!({"method": "POST", "path": "/roles", "body": {"name": "auditor"}});
    act(&theatre, "auth0.raw", call).await;
    let roles =
        theatre.stage.management(Method::GET, "/roles?name_filter=auditor", None).await.unwrap();
    assert_eq!(roles.as_array().unwrap().len(), 1);
}
