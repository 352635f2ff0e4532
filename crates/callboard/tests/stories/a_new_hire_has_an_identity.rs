use http::Method;
use serde_json::{Value, json};

use crate::theatre::{Theatre, Traces, engineer, now};
use callboard::stage::{Employee, created};

#[tokio::test]
async fn a_webhook_becomes_an_account_with_roles_a_row_a_message_and_an_invitation() {
    let theatre = Theatre::open().await;
    let hire = engineer("1", "Onestep");
    let run = theatre.stage.settled(&theatre.announce(&hire).await).await.unwrap();
    assert_eq!(run["status"], "completed", "{run}");
    assert_eq!(theatre.traces(&hire).await, Traces::of_an_engineer());
    let user_id = run["output"]["user_id"].as_str().unwrap().replace('|', "%7C");
    let user =
        theatre.stage.management(Method::GET, &format!("/users/{user_id}"), None).await.unwrap();
    let metadata = json!({"department": "Engineering", "job_level": "Senior", "start_date": "2026-12-01", "employee_id": "1"});
    assert_eq!(user["app_metadata"], metadata);
    let called: Vec<&str> = run["steps"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|step| step["action"].as_str())
        .collect();
    let wanted = [
        "bamboohr.employees.get",
        "auth0.users.create",
        "auth0.roles.list",
        "auth0.users.roles.assign",
        "auth0.password_tickets.create",
        "resend.emails.send",
        "airtable.records.upsert",
        "slack.messages.post",
    ];
    assert_eq!(called, wanted);
    for step in run["steps"].as_array().unwrap().iter().filter(|step| step["action"].is_string()) {
        assert!(!step["exchanges"].as_array().unwrap().is_empty(), "no outcome to see in {step}");
    }
}

#[tokio::test]
async fn the_same_webhook_again_changes_nothing_and_says_so() {
    let theatre = Theatre::open().await;
    let hire = engineer("1", "Twice");
    theatre.stage.employ(&[&hire]).await.unwrap();
    let delivery = created(&[&hire], now(), &theatre.stage.webhook_secret);
    let (first, started) = theatre.stage.deliver(&delivery).await.unwrap();
    theatre.stage.settled(started["events"][0]["runs"][0].as_str().unwrap()).await.unwrap();
    let (second, again) = theatre.stage.deliver(&delivery).await.unwrap();
    assert_eq!((first, second), (202, 200));
    assert_eq!(again["events"][0]["duplicate"], true);
    assert_eq!(again["events"][0]["runs"], started["events"][0]["runs"]);
    assert_eq!(theatre.traces(&hire).await, Traces::of_an_engineer());
    let runs = theatre.stage.expect(Method::GET, "/v1/runs", None).await.unwrap();
    assert_eq!(runs["runs"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn somebody_who_has_an_account_is_adopted_not_duplicated() {
    let theatre = Theatre::open().await;
    let hire = engineer("1", "Known");
    let account = json!({"connection": "Username-Password-Authentication", "email": hire.work_email,
                         "password": "Correct-horse-battery-7", "app_metadata": {"plan": "contractor"}});
    let before = theatre.stage.management(Method::POST, "/users", Some(&account)).await.unwrap();
    let run = theatre.stage.settled(&theatre.announce(&hire).await).await.unwrap();
    assert_eq!(run["status"], "completed", "{run}");
    assert_eq!(run["output"]["user_id"], before["user_id"]);
    assert_eq!(run["output"]["identity"], "adopted");
    // An adopted account has a password already: no invitation.
    assert_eq!(theatre.traces(&hire).await, Traces { mails: 0, ..Traces::of_an_engineer() });
    let rows = theatre.stage.rows("airtable", "records").await.unwrap();
    assert_eq!(rows[0]["fields"]["Identity"], "adopted");
}

#[tokio::test]
async fn an_unknown_department_gets_the_default_role() {
    let theatre = Theatre::open().await;
    let hire = Employee::new("1", ("Robin", "Oddly"), "Codebreaking", "Senior", "2026-12-01");
    let run = theatre.stage.settled(&theatre.announce(&hire).await).await.unwrap();
    assert_eq!(run["status"], "completed", "{run}");
    assert_eq!(
        theatre.traces(&hire).await,
        Traces { roles: vec!["employee".into()], ..Traces::of_an_engineer() }
    );
}

#[tokio::test]
async fn neither_password_nor_ticket_nor_credential_is_on_disk_or_in_a_log() {
    let theatre = Theatre::open().await;
    let hire = engineer("1", "Secret");
    let run = theatre.stage.settled(&theatre.announce(&hire).await).await.unwrap();
    assert_eq!(run["status"], "completed", "{run}");
    let mails = theatre.stage.rows("resend", "emails").await.unwrap();
    let text = mails[0]["text"].as_str().unwrap();
    let ticket: String = text
        .split_once("ticket=")
        .unwrap()
        .1
        .chars()
        .take_while(char::is_ascii_alphanumeric)
        .collect();
    assert!(ticket.len() >= 20, "no ticket in {text}");
    assert_eq!(logged_password(&theatre).await, "*****", "the tenant's log shows a password");
    let secrets =
        [ticket.as_str(), theatre.stage.client.1.as_str(), theatre.stage.webhook_secret.as_str()];
    let places = ["autopilot/callboard.db", "autopilot/callboard.db-wal", "logs/autopilot.log"];
    for place in places {
        let bytes = std::fs::read(theatre.folder.path().join(place)).unwrap();
        for secret in secrets {
            assert!(!contains(&bytes, secret.as_bytes()), "{place} holds a secret");
        }
    }
    // The test can fail: what is no secret is found.
    let journal = std::fs::read(theatre.folder.path().join("autopilot/callboard.db-wal")).unwrap();
    assert!(contains(&journal, hire.work_email.as_bytes()));
}

/// What the tenant's log shows of the password that was sent; the password itself is kept nowhere.
async fn logged_password(theatre: &Theatre) -> Value {
    let logs = theatre.stage.management(Method::GET, "/logs", None).await.unwrap();
    let created =
        logs.as_array().unwrap().iter().find(|entry| entry["description"] == "Create a User");
    created.unwrap()["details"]["request"]["body"]["password"].clone()
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}
