//! Every action of the embedded apps (but Auth0) against its stand-in.
#![allow(clippy::unwrap_used, reason = "what cannot be set up fails the test")]

mod support;

use callboard_apps::{Failure, LinkCredentials};
use serde_json::{Value, json};
use support::{SECRET, Stage, mail, message, upsert};

#[tokio::test]
async fn an_employee_is_read_with_the_fields_that_were_asked_for() {
    let stage = Stage::new().await;
    let read = stage
        .perform(
            "bamboohr.employees.get",
            json!({"employee": 42, "fields": ["firstName", "shoeSize"]}),
        )
        .await;
    assert_eq!(read.unwrap().output, json!({"id": "42", "firstName": "Ada"}));
    let refused =
        stage.perform("bamboohr.employees.get", json!({"employee": "1"})).await.unwrap_err();
    assert_eq!(refused.to_string(), "Employee not found (HTTP 404)");
}

#[tokio::test]
async fn a_row_written_twice_is_one_row() {
    let stage = Stage::new().await;
    let first = stage.perform("airtable.records.upsert", upsert()).await.unwrap().output;
    let second = stage.perform("airtable.records.upsert", upsert()).await.unwrap().output;
    assert_eq!(
        (&first["created"], &second["created"]),
        (&json!([first["rows"][0]["id"]]), &json!([]))
    );
    assert_eq!(second["updated"], first["created"]);
    let listed = stage
        .perform("airtable.records.list", json!({"table": "IT provisioning"}))
        .await
        .unwrap()
        .output;
    assert_eq!(listed["rows"][0]["fields"]["User"], "auth0|1");
    assert_eq!(listed["rows"].as_array().map(Vec::len), Some(1));
    let ids = first["created"].clone();
    stage
        .perform("airtable.records.delete", json!({"table": "IT provisioning", "ids": ids}))
        .await
        .unwrap();
    assert!(stage.sandbox.rows("airtable", "records").is_empty());
}

#[tokio::test]
async fn a_message_is_posted_and_can_be_deleted() {
    let stage = Stage::new().await;
    let posted = stage.perform("slack.messages.post", message()).await.unwrap().output;
    assert_eq!(posted["channel"], "C0ITOPS0000");
    assert_eq!(stage.sandbox.rows("slack", "messages")[0]["text"], "Ada starts on Tuesday");
    stage.perform("slack.messages.delete", posted.clone()).await.unwrap();
    stage
        .perform("slack.messages.delete", posted)
        .await
        .expect("a message that is gone already is no mistake");
    assert!(stage.sandbox.rows("slack", "messages").is_empty());
}

#[tokio::test]
async fn a_200_that_says_no_is_a_refusal() {
    let stage = Stage::new().await;
    let refused = stage
        .perform("slack.messages.post", json!({"channel": "#nowhere", "text": "x"}))
        .await
        .unwrap_err();
    let Failure::Rejected { status, title, .. } = refused.failure else { panic!("{refused:?}") };
    assert_eq!((status, title.as_str()), (400, "channel_not_found"));
    assert_eq!(refused.exchanges.len(), 1);
}

#[tokio::test]
async fn a_mail_with_the_same_key_is_sent_once_and_with_another_text_refused() {
    let stage = Stage::new().await;
    let first = stage.perform("resend.emails.send", mail()).await.unwrap().output;
    let second = stage.perform("resend.emails.send", mail()).await.unwrap().output;
    assert_eq!(first, second);
    let emails = stage.sandbox.rows("resend", "emails");
    assert_eq!(emails.len(), 1);
    assert_eq!(
        (&emails[0]["from"], &emails[0]["to"]),
        (&json!("IT <it@example.com>"), &json!(["ada@home.example"]))
    );
    let mut other = mail();
    other["subject"] = json!("Other");
    let refused = stage.perform("resend.emails.send", other).await.unwrap_err();
    assert!(matches!(refused.failure, Failure::Rejected { status: 409, .. }), "{refused:?}");
}

#[tokio::test]
async fn a_wrong_secret_is_answered_with_the_remedy() {
    let stage = Stage::new().await;
    for (action, arguments, remedy) in [
        ("bamboohr.employees.get", json!({"employee": "42"}), "make a new API key in BambooHR"),
        ("airtable.records.upsert", upsert(), "make a new personal access token"),
        ("slack.messages.post", message(), "reinstall the Slack app"),
        ("resend.emails.send", mail(), "make a new API key at resend.com"),
    ] {
        let attempt = stage.attempt(action, arguments);
        let mut link = stage.link(attempt.action.app());
        link.credentials = LinkCredentials::Secret("wrong".into());
        let refused = stage.executor.perform(&link, &attempt).await.unwrap_err();
        let Failure::Credentials { remedy: found, .. } = &refused.failure else {
            panic!("{action}: {refused:?}")
        };
        assert!(found.starts_with(remedy), "{action}: {found}");
        link.credentials = LinkCredentials::Open;
        let refused = stage.executor.perform(&link, &attempt).await.unwrap_err();
        assert!(refused.to_string().contains("has no secret"), "{action}: {refused}");
    }
}

#[tokio::test]
async fn arguments_that_do_not_fit_are_named_and_nothing_is_sent() {
    let stage = Stage::new().await;
    for (action, arguments, expected) in [
        ("slack.messages.post", json!({"channel": "#it-ops"}), "\"text\" is a required property"),
        ("slack.messages.post", json!({"channel": "#it-ops", "text": 5}), "/text: "),
        ("airtable.records.upsert", json!({"table": "t", "key": [], "rows": [{}]}), "/key: "),
        ("bamboohr.employees.get", json!({"employee": "../files"}), "Employee not found"),
        ("bamboohr.employees.get", json!({"employee": ".."}), "`id` cannot stand in the path"),
    ] {
        let refused = stage.perform(action, arguments.clone()).await.unwrap_err();
        assert!(refused.to_string().contains(expected), "{action} {arguments}: {refused}");
    }
    let arrived: Vec<String> =
        stage.sandbox.received().iter().map(|one| one.path.clone()).collect();
    assert_eq!(arrived, ["/api/gateway.php/acme/v1/employees/..%2Ffiles"]);
}

#[tokio::test]
async fn every_link_can_be_tested() {
    let stage = Stage::new().await;
    for (app, who) in [
        ("bamboohr", "Callboard sandbox"),
        ("airtable", "usrSandbox00000000"),
        ("slack", "callboard in Sandbox"),
        ("resend", "a key for example.com"),
    ] {
        let tested =
            stage.executor.test(stage.catalogue.app(app).unwrap(), &stage.link(app)).await.unwrap();
        assert_eq!(tested.who, who, "{app}");
    }
}

#[tokio::test]
async fn every_write_carries_its_key_and_its_run() {
    let stage = Stage::new().await;
    stage.perform("bamboohr.employees.get", json!({"employee": "42"})).await.unwrap();
    stage.perform("airtable.records.upsert", upsert()).await.unwrap();
    stage.perform("slack.messages.post", message()).await.unwrap();
    stage.perform("resend.emails.send", mail()).await.unwrap();
    for one in stage.sandbox.received() {
        let (key, run) = (&one.headers["idempotency-key"], &one.headers["x-correlation-id"]);
        if one.method == "GET" {
            assert_eq!((key, run), (&Value::Null, &Value::Null), "{}", one.path);
        } else {
            let expected = format!("run-1:do/{}.{}", one.app, one.action.unwrap());
            assert_eq!((key, run), (&json!(expected), &json!("run-1")), "{}", one.path);
        }
    }
}

#[tokio::test]
async fn nothing_secret_or_personal_is_in_any_exchange() {
    let stage = Stage::new().await;
    let mut exchanges = Vec::new();
    for (action, arguments) in [
        ("bamboohr.employees.get", json!({"employee": "42"})),
        ("airtable.records.upsert", upsert()),
        ("slack.messages.post", message()),
        ("resend.emails.send", mail()),
    ] {
        let mut attempt = stage.attempt(action, arguments);
        attempt.secrets.push("T1CK3T-s3cr3t".into());
        let link = stage.link(attempt.action.app());
        exchanges.extend(stage.executor.perform(&link, &attempt).await.unwrap().exchanges);
    }
    let shown = serde_json::to_string(&exchanges).unwrap();
    for hidden in [SECRET, "T1CK3T", "ada@home.example", "Lovelace", "starts on Tuesday", "auth0|1"]
    {
        assert!(!shown.contains(hidden), "{hidden} in {shown}");
    }
    assert!(shown.contains("[secret]") && shown.contains("[personal]"), "{shown}");
}

#[tokio::test]
async fn an_answer_that_repeats_a_secret_does_not_bring_it_into_the_output() {
    let stage = Stage::new().await;
    stage
        .sandbox
        .seed(&json!({"bamboohr": {"employees": [{"id": "9", "note": "hush-hush-hush"}]}}))
        .unwrap();
    let mut attempt =
        stage.attempt("bamboohr.employees.get", json!({"employee": "9", "fields": ["note"]}));
    attempt.secrets.push("hush-hush-hush".into());
    let read = stage.executor.perform(&stage.link("bamboohr"), &attempt).await.unwrap();
    assert_eq!(read.output, json!({"id": "9", "note": "[secret]"}));
}
