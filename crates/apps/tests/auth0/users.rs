use callboard_apps::{Failure, Recovered};
use serde_json::{Value, json};

use crate::harness::{CLIENT_SECRET, CONNECTION, Stage};

fn ada() -> Value {
    json!({
        "connection": CONNECTION, "email": "Ada.Lovelace@acme.example", "name": "Ada Lovelace", "nickname": null,
        "app_metadata": {"department": "Engineering", "job_level": "Senior"},
    })
}

#[tokio::test]
async fn a_user_gets_a_password_that_nobody_sees() {
    let stage = Stage::new().await;
    let created = stage.perform("auth0.users.create", ada()).await.unwrap();
    assert_eq!(created.output["email"], "ada.lovelace@acme.example");
    assert_eq!(created.output["app_metadata"]["department"], "Engineering");
    let sent = created.exchanges[0].request.as_ref().unwrap();
    assert_eq!((&sent["password"], &sent["email"]), (&json!("[secret]"), &json!("[personal]")));
    let shown = format!("{}{}", serde_json::to_string(&created.exchanges).unwrap(), created.output);
    assert!(!shown.contains(CLIENT_SECRET) && !shown.contains("Lovelace\",\"user_id"), "{shown}");
    let read = stage.output("auth0.users.get", json!({"user": created.output["user_id"]})).await;
    assert_eq!(read["email_verified"], false);
}

#[tokio::test]
async fn a_repeated_attempt_recognises_its_own_user_and_no_other() {
    let stage = Stage::new().await;
    let attempt = stage.attempt("auth0.users.create", ada());
    let link = stage.link();
    assert!(matches!(stage.executor.recover(&link, &attempt).await.unwrap(), Recovered::DidNot));
    let first = stage.executor.perform(&link, &attempt).await.unwrap();
    let again = stage.executor.perform(&link, &attempt).await.unwrap();
    assert_eq!(first.output["user_id"], again.output["user_id"]);
    let Recovered::Happened(found) = stage.executor.recover(&link, &attempt).await.unwrap() else {
        panic!("the user is there")
    };
    assert_eq!(found.output["user_id"], first.output["user_id"]);
    let refused = stage.perform("auth0.users.create", ada()).await.unwrap_err();
    let Failure::Rejected { status, title, .. } = refused.failure else { panic!("{refused:?}") };
    assert_eq!((status, title.as_str()), (409, "The user already exists."));
}

#[tokio::test]
async fn undoing_a_creation_deletes_the_user() {
    let stage = Stage::new().await;
    let created = stage.do_and_undo("auth0.users.create", ada()).await;
    let gone = stage.perform("auth0.users.get", json!({"user": created.output["user_id"]})).await;
    assert!(matches!(gone.unwrap_err().failure, Failure::Rejected { status: 404, .. }));
}

#[tokio::test]
async fn an_address_is_found_whatever_its_case() {
    let stage = Stage::new().await;
    stage.output("auth0.users.create", ada()).await;
    for email in ["ada.lovelace@acme.example", "ADA.Lovelace@acme.example"] {
        let found = stage.output("auth0.users.list", json!({"email": email})).await;
        assert_eq!(found["users"].as_array().map(Vec::len), Some(1), "{email}");
    }
    let searched = stage.output("auth0.users.list", json!({"q": "name:ada*", "per_page": 5})).await;
    assert_eq!(
        (&searched["total"], &searched["users"][0]["name"]),
        (&json!(1), &json!("Ada Lovelace"))
    );
}

#[tokio::test]
async fn undoing_an_update_puts_back_what_was_there() {
    let stage = Stage::new().await;
    let user = stage.output("auth0.users.create", ada()).await["user_id"].clone();
    let changes = json!({
        "name": "Countess", "nickname": "ada", "email": "Countess@acme.example",
        "app_metadata": {"department": "Royal", "pager": "7"}, "user_metadata": {"theme": "dark"},
    });
    let updated =
        stage.do_and_undo("auth0.users.update", json!({"user": user, "changes": changes})).await;
    assert_eq!(updated.output["email"], "countess@acme.example");
    assert_eq!(updated.output["app_metadata"]["pager"], "7");
    let restored = stage.output("auth0.users.get", json!({"user": user})).await;
    assert_eq!(restored["email"], "ada.lovelace@acme.example");
    assert_eq!(restored["name"], "Ada Lovelace");
    assert_eq!(
        restored["app_metadata"],
        json!({"department": "Engineering", "job_level": "Senior"})
    );
    assert!(restored["user_metadata"].get("theme").is_none(), "{restored}");
}

#[tokio::test]
async fn e_mail_address_and_password_change_in_separate_calls() {
    let stage = Stage::new().await;
    let user = stage.user("bob@acme.example").await;
    let arguments = json!({"user": user, "password": "Correct-Horse-7", "changes": {"email": "rob@acme.example"}});
    let updated = stage.perform("auth0.users.update", arguments).await.unwrap();
    assert_eq!(updated.output["email"], "rob@acme.example");
    let methods: Vec<&str> =
        updated.exchanges.iter().map(|exchange| exchange.method.as_str()).collect();
    assert_eq!(methods, ["GET", "PATCH", "PATCH"]);
    let shown = serde_json::to_string(&updated.exchanges).unwrap();
    assert!(!shown.contains("Correct-Horse"), "{shown}");
}

#[tokio::test]
async fn a_block_is_undone_only_if_it_was_new() {
    let stage = Stage::new().await;
    let user = stage.user("eve@acme.example").await;
    let block = json!({"user": user, "end_access": false});
    let first = stage.do_and_undo("auth0.users.block", block.clone()).await;
    assert_eq!(first.output, json!({"user_id": user, "blocked": true, "access_ended": "nothing"}));
    let now = stage.output("auth0.users.get", json!({"user": user})).await;
    assert_eq!(now["blocked"], false);
    stage.output("auth0.users.block", block.clone()).await;
    stage.do_and_undo("auth0.users.block", block).await;
    let now = stage.output("auth0.users.get", json!({"user": user})).await;
    assert_eq!(now["blocked"], true, "the first block was not this run's");
    let unblocked = stage.output("auth0.users.unblock", json!({"user": user})).await;
    assert_eq!(unblocked, json!({"user_id": user, "blocked": false}));
}

#[tokio::test]
async fn deleting_twice_is_no_mistake() {
    let stage = Stage::new().await;
    let user = stage.user("mallory@acme.example").await;
    for _ in 0..2 {
        let deleted = stage.output("auth0.users.delete", json!({"user": user})).await;
        assert_eq!(deleted, json!({"user_id": user}));
    }
}
