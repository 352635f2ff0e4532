//! `/users/{id}/authentication-methods`

use serde_json::json;

use crate::harness::{TestTenant, encoded};

#[tokio::test]
async fn a_method_is_shown_masked_and_goes_with_its_user() {
    let tenant = TestTenant::start().await;
    let admin = tenant.admin();
    let user = admin.create_user("jane@example.com").await;
    let user_path = format!("/users/{}", encoded(user["user_id"].as_str().unwrap()));
    let path = format!("{user_path}/authentication-methods");
    let email = json!({"type": "email", "name": "Work", "email": "jane.doe@example.com"});
    let made = admin.post(&path, email).await.expect(201);
    assert_eq!((&made["email"], made.get("confirmed")), (&json!("jane****@exam*******"), None));
    let one = format!("{path}/{}", encoded(made["id"].as_str().unwrap()));
    let read = admin.get(&one).await.expect(200);
    assert_eq!((&read["confirmed"], &read["name"]), (&json!(true), &json!("Work")));
    let renamed = admin.patch(&one, json!({"name": "Home"})).await.expect(200);
    assert_eq!(renamed["name"], "Home");
    admin.delete(&one).await.expect(204);
    admin.get(&one).await.expect(404);
    admin.delete(&user_path).await.expect(204);
    admin.get(&path).await.expect(404);
}

#[tokio::test]
async fn all_methods_are_replaced_and_reset_at_once() {
    let tenant = TestTenant::start().await;
    let admin = tenant.admin();
    let user = admin.create_user("jane@example.com").await;
    let path =
        format!("/users/{}/authentication-methods", encoded(user["user_id"].as_str().unwrap()));
    let wanted = json!([
        {"type": "phone", "name": "P", "phone_number": "+44207022435044"},
        {"type": "totp", "name": "T", "totp_secret": "2PRBEUB5JXJGXVNSXIDQZXK4GYHJGJ6WSGOTTQA"},
    ]);
    let set = admin.put(&path, wanted).await.expect(200);
    assert_eq!(
        (&set[0]["phone_number"], set[1].get("totp_secret")),
        (&json!("+44207022435044"), None)
    );
    let page = admin.get(&format!("{path}?include_totals=true")).await.expect(200);
    assert_eq!(
        (&page["total"], &page["authenticators"][0]["phone_number"]),
        (&json!(2), &json!("XXXXXXXXXXX5044"))
    );
    admin.delete(&path).await.expect(204);
    assert_eq!(admin.get(&path).await.expect(200), json!([]));
}

#[tokio::test]
async fn a_recovery_code_is_new_each_time_and_stays_out_of_the_log() {
    let tenant = TestTenant::start().await;
    let admin = tenant.admin();
    let user = admin.create_user("jane@example.com").await;
    let path = format!("/users/{}", encoded(user["user_id"].as_str().unwrap()));
    let regenerate = format!("{path}/recovery-code-regeneration");
    let first = admin.post(&regenerate, json!({})).await.expect(200);
    let second = admin.post(&regenerate, json!({})).await.expect(200);
    assert_eq!(first["recovery_code"].as_str().unwrap().len(), 24);
    assert_ne!(first, second);
    let logs = admin.get("/logs?q=type:sapi").await.expect(200).to_string();
    assert!(!logs.contains(first["recovery_code"].as_str().unwrap()));
    assert_eq!(admin.get(&format!("{path}/enrollments")).await.expect(200), json!([]));
    let forget = format!("{path}/multifactor/actions/invalidate-remember-browser");
    admin.post(&forget, json!({})).await.expect(204);
    admin.delete(&format!("{path}/authenticators")).await.expect(204);
}
