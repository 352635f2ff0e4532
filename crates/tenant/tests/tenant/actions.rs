//! `/actions`: drafts, versions, deployments and bindings.

use serde_json::{Value, json};

use crate::harness::{Caller, TestTenant};

async fn action(admin: &Caller) -> Value {
    let body = json!({
        "name": "greet", "supported_triggers": [{"id": "post-login", "version": "v3"}], "code": "one",
        "secrets": [{"name": "KEY", "value": "hidden"}],
    });
    admin.post("/actions/actions", body).await.expect(201)
}

#[tokio::test]
async fn a_deployment_freezes_the_draft_as_a_version() {
    let tenant = TestTenant::start().await;
    let admin = tenant.admin();
    let made = action(&admin).await;
    assert_eq!(
        (&made["status"], &made["all_changes_deployed"]),
        (&json!("pending"), &json!(false))
    );
    assert_eq!(made["secrets"][0].get("value"), None);
    let path = format!("/actions/actions/{}", made["id"].as_str().unwrap());
    assert_eq!(admin.get(&path).await.expect(200)["status"], "built");
    let first = admin.post(&format!("{path}/deploy"), Value::Null).await.expect(200);
    assert_eq!(first["number"], 1);
    admin.patch(&path, json!({"code": "two"})).await.expect(200);
    let shown = admin.get(&path).await.expect(200);
    assert_eq!(
        (&shown["deployed_version"]["code"], &shown["code"]),
        (&json!("one"), &json!("two"))
    );
    admin.post(&format!("{path}/deploy"), Value::Null).await.expect(200);
    let versions = admin.get(&format!("{path}/versions")).await.expect(200);
    let deployed: Vec<_> =
        versions["versions"].as_array().unwrap().iter().map(|one| &one["deployed"]).collect();
    assert_eq!(deployed, [true, false]);
    let back = format!("{path}/versions/{}/deploy", first["id"].as_str().unwrap());
    admin.post(&back, json!({})).await.expect(200);
    let shown = admin.get(&path).await.expect(200);
    assert_eq!(
        (&shown["deployed_version"]["code"], &shown["code"]),
        (&json!("one"), &json!("two"))
    );
}

#[tokio::test]
async fn a_bound_action_is_deleted_only_by_force() {
    let tenant = TestTenant::start().await;
    let admin = tenant.admin();
    let made = action(&admin).await;
    let bindings = json!({"bindings": [{"ref": {"type": "action_name", "value": "greet"}}]});
    let list = "/actions/triggers/post-login/bindings";
    let bound = admin.patch(list, bindings).await.expect(200);
    assert_eq!(bound["bindings"][0]["action"]["id"], made["id"]);
    let path = format!("/actions/actions/{}", made["id"].as_str().unwrap());
    admin.delete(&path).await.expect(400);
    admin.delete(&format!("{path}?force=true")).await.expect(204);
    assert_eq!(admin.get(list).await.expect(200)["bindings"], json!([]));
}
