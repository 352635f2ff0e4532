use serde_json::json;

use crate::harness::Stage;

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
