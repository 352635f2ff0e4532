use serde_json::json;

use crate::harness::{CLIENT_ID, CONNECTION, Stage};

#[tokio::test]
async fn logs_are_read_on_from_the_last_one() {
    let stage = Stage::new().await;
    stage.user("ada@acme.example").await;
    let newest = stage.output("auth0.logs.list", json!({"take": 1})).await;
    let from = newest["logs"][0]["log_id"].clone();
    let nothing = stage.output("auth0.logs.list", json!({"from": from})).await;
    assert_eq!(nothing, json!({"logs": [], "last": from}));
    stage.user("bob@acme.example").await;
    let news = stage.output("auth0.logs.list", json!({"from": from})).await;
    let logs = news["logs"].as_array().unwrap();
    assert!(!logs.is_empty(), "{news}");
    assert_eq!(news["last"], logs.last().unwrap()["log_id"]);
}

#[tokio::test]
async fn a_raw_call_reaches_any_operation_and_no_other_address() {
    let stage = Stage::new().await;
    let listed = stage
        .output("auth0.raw", json!({"method": "GET", "path": "/roles", "query": {"per_page": 5}}))
        .await;
    assert_eq!(listed, json!([]));
    for path in ["/roles/../../oauth/token", "//elsewhere.example/api", "roles", "/roles?x=1"] {
        let refused = stage.perform("auth0.raw", json!({"method": "GET", "path": path})).await;
        assert!(refused.is_err(), "{path}");
    }
}

#[tokio::test]
async fn connections_and_applications_are_listed_without_options_or_secrets() {
    let stage = Stage::new().await;
    let connections = stage.output("auth0.connections.list", json!({})).await;
    assert_eq!(connections["connections"][0]["name"], CONNECTION);
    assert!(connections["connections"][0].get("options").is_none(), "{connections}");
    let applications = stage.output("auth0.applications.list", json!({})).await;
    let ours = applications["applications"]
        .as_array()
        .unwrap()
        .iter()
        .find(|one| one["client_id"] == CLIENT_ID);
    assert!(ours.unwrap().get("client_secret").is_none(), "{applications}");
}

#[tokio::test]
async fn a_new_client_secret_is_in_the_output_and_nowhere_else() {
    let stage = Stage::new().await;
    let body = json!({"name": "Billing", "app_type": "non_interactive"});
    let made = stage
        .output("auth0.raw", json!({"method": "POST", "path": "/clients", "body": body}))
        .await;
    let rotated = stage
        .perform("auth0.applications.secret.rotate", json!({"application": made["client_id"]}))
        .await;
    let rotated = rotated.unwrap();
    let secret = rotated.output["client_secret"].as_str().unwrap();
    assert_eq!((secret.len(), &rotated.output["name"]), (64, &json!("Billing")));
    let shown = serde_json::to_string(&rotated.exchanges).unwrap();
    assert!(!shown.contains(secret) && shown.contains("[secret]"), "{shown}");
}
