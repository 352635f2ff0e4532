use serde_json::json;

use crate::harness::Stage;

#[tokio::test]
async fn undoing_an_assignment_leaves_roles_that_were_there_before() {
    let stage = Stage::new().await;
    let user = stage.user("ada@acme.example").await;
    let (old, new) = (stage.role("employee").await, stage.role("engineering").await);
    stage.output("auth0.users.roles.assign", json!({"user": user, "roles": [old]})).await;
    let both = json!({"user": user, "roles": [old, new]});
    let assigned = stage.do_and_undo("auth0.users.roles.assign", both.clone()).await;
    assert_eq!(assigned.output["added"], json!([new]));
    assert_eq!(assigned.before, Some(json!([old])));
    assert_eq!(stage.roles_of(&user).await, ["employee"]);
    stage.do_and_undo("auth0.users.roles.remove", both).await;
    assert_eq!(
        stage.roles_of(&user).await,
        ["employee"],
        "engineering was not held and is not given"
    );
}

#[tokio::test]
async fn a_pre_image_that_was_kept_is_used_after_a_crash() {
    let stage = Stage::new().await;
    let user = stage.user("ada@acme.example").await;
    let role = stage.role("employee").await;
    let link = stage.link();
    let mut attempt =
        stage.attempt("auth0.users.roles.assign", json!({"user": user, "roles": [role]}));
    attempt.before = stage.executor.before(&link, &attempt).await.unwrap();
    assert_eq!(attempt.before, Some(json!([])));
    stage.executor.perform(&link, &attempt).await.unwrap();
    let again = stage.executor.perform(&link, &attempt).await.unwrap();
    assert_eq!(
        again.output["added"],
        json!([role]),
        "the first try's effect is not mistaken for an old role"
    );
}

#[tokio::test]
async fn more_than_a_hundred_roles_are_read_in_pages() {
    let stage = Stage::new().await;
    for index in 0..103 {
        stage.role(&format!("role-{index:03}")).await;
    }
    let all = stage.output("auth0.roles.list", json!({})).await;
    assert_eq!(
        (all["roles"].as_array().map(Vec::len), &all["complete"]),
        (Some(103), &json!(true))
    );
    let some = stage.perform("auth0.roles.list", json!({"name": "ROLE-00"})).await.unwrap();
    assert_eq!(some.output["roles"].as_array().map(Vec::len), Some(10));
    let shown = &some.exchanges[0].answer.as_ref().unwrap()[0]["name"];
    assert_eq!(shown, "role-000", "the name of a role is not personal");
}
