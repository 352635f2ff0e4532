use std::process::Stdio;

use http::Method;
use serde_json::{Value, json};
use tokio::process::Command;

use crate::theatre::{Theatre, binary};

const LEAVING: &str = r#"
document: {dsl: 1.0.3, namespace: hr, name: leaving, version: 1.0.0}
do:
  - ask:
      call: callboard.approvals.ask:1@callboard
      with:
        question: '${ "Block \($input.user)?" }'
        evidence: {reported: 'by HR'}
        from: {groups: [hr-leads]}
        fourEyes: true
        deadline: P2D
        about: {call: 'auth0.users.get:1@callboard', with: {user: '${ $input.user }'}, compare: [/blocked, /email]}
      export: {as: '${ {answer: .} }'}
  - decide:
      switch:
        - granted: {when: '${ $context.answer.approved }', then: block}
        - refused: {then: end}
  - block:
      call: auth0.users.block:1@callboard
      with: {user: '${ $workflow.input.user }'}
"#;

/// A command of a person on their own machine, against the server.
async fn command(theatre: &Theatre, key: &str, arguments: &[&str]) -> (Option<i32>, String) {
    let output = Command::new(binary())
        .args(arguments)
        .args(["--server", &theatre.stage.autopilot.url])
        .env("CALLBOARD_API_KEY", key)
        .stdin(Stdio::null())
        .output()
        .await
        .unwrap();
    let text = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8(text).unwrap())
}

async fn key(theatre: &Theatre, name: &str, role: &str) -> String {
    let admin = theatre.stage.api_key.clone();
    let add = ["key", "add", name, "--role", role, "--group", "hr-leads", "--json"];
    let (code, made) = command(theatre, &admin, &add).await;
    assert_eq!(code, Some(0), "{made}");
    let made: Value = serde_json::from_str(&made).unwrap();
    made["key"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_leaver_is_blocked_once_another_lead_has_approved_what_still_stands() {
    let Theatre { stage, folder } = Theatre::open().await;
    let library = folder.path().join("library");
    std::fs::create_dir_all(library.join("workflows")).unwrap();
    std::fs::write(library.join("workflows/leaving.yaml"), LEAVING).unwrap();
    let arguments = ["--library", library.to_str().unwrap()];
    let stage = stage.restart_autopilot(&arguments).await.unwrap();
    let theatre = Theatre { stage, folder };
    let user = json!({"connection": "Username-Password-Authentication", "email": "kim@example.com", "password": "Hunter22-Hunter22"});
    let user = theatre.stage.management(Method::POST, "/users", Some(&user)).await.unwrap();
    let id = user["user_id"].as_str().unwrap();
    let path = format!("/users/{}", id.replace('|', "%7C"));

    let (anna, bert) =
        (key(&theatre, "anna", "operator").await, key(&theatre, "bert", "approver").await);
    let input = json!({ "user": id }).to_string();
    let start = ["run", "start", "leaving", "--input", &input];
    let (code, started) = command(&theatre, &anna, &start).await;
    assert_eq!(code, Some(0), "{started}");
    let run = started.lines().next().unwrap();
    let asks = |run: &Value| run["steps"][0]["note"].to_string().contains("asks");
    theatre.stage.run_until(run, asks).await.unwrap();

    let (_, listed) = command(&theatre, &bert, &["approvals", "list", "--json"]).await;
    let listed: Value = serde_json::from_str(&listed).unwrap();
    let approval = listed["approvals"][0]["id"].as_str().unwrap().to_owned();
    let url = listed["approvals"][0]["url"].as_str().unwrap();
    assert_eq!(url, format!("{}/approvals/{approval}", theatre.stage.autopilot.url));
    let page = reqwest::get(url).await.unwrap().text().await.unwrap();
    assert!(page.contains("leaving") && !page.contains("kim@example.com"), "{page}");
    let form = reqwest::Client::new().post(url).body(format!("key={bert}"));
    let form = form.header("content-type", "application/x-www-form-urlencoded");
    let page = form.send().await.unwrap().text().await.unwrap();
    assert!(page.contains("kim@example.com"), "{page}");

    let yes = ["approvals", "answer", &approval, "--approve", "--reason", "last day was Friday"];
    let (code, own) = command(&theatre, &anna, &yes).await;
    assert!(code == Some(4) && own.contains("four eyes"), "{code:?} {own}");

    let change =
        json!({"email": "kim.new@example.com", "connection": "Username-Password-Authentication"});
    theatre.stage.management(Method::PATCH, &path, Some(&change)).await.unwrap();
    let (code, refused) = command(&theatre, &bert, &yes).await;
    assert!(
        code == Some(1) && refused.contains("has changed since it was asked"),
        "{code:?} {refused}"
    );
    let again = |run: &Value| run["steps"][0]["status"] == "waiting";
    theatre.stage.run_until(run, again).await.unwrap();
    let now = theatre.stage.management(Method::GET, &path, None).await.unwrap();
    assert_ne!(now["blocked"], true, "nothing was done yet");

    let (code, taken) = command(&theatre, &bert, &yes).await;
    assert!(code == Some(0) && taken.contains("bert said yes"), "{code:?} {taken}");
    let done = theatre.stage.settled(run).await.unwrap();
    assert_eq!(done["status"], "completed", "{done}");
    let now = theatre.stage.management(Method::GET, &path, None).await.unwrap();
    assert_eq!(now["blocked"], true);
    let (code, late) =
        command(&theatre, &bert, &["approvals", "answer", &approval, "--reject"]).await;
    assert!(code == Some(1) && late.contains("answered already: bert said yes"), "{code:?} {late}");
}
