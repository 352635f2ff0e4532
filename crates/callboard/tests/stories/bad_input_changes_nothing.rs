use std::process::Output;

use http::Method;
use serde_json::{Value, json};

use crate::theatre::{Theatre, Traces, binary, engineer, now};
use callboard::stage::{Delivery, Stage, created, sign};

async fn runs(stage: &Stage) -> usize {
    stage.expect(Method::GET, "/v1/runs", None).await.unwrap()["runs"].as_array().unwrap().len()
}

#[tokio::test]
async fn a_webhook_that_is_forged_stale_malformed_or_too_large_stores_nothing() {
    let theatre = Theatre::open().await;
    let (stage, key) = (&theatre.stage, &theatre.stage.webhook_secret);
    let hire = engineer("1", "Nobody");
    let good = created(&[&hire], now(), key);
    let forged = created(&[&hire], now(), "another key");
    let altered = Delivery { body: good.body.replace("Nobody", "Somebody"), ..good.clone() };
    let late = created(&[&hire], now() - jiff::SignedDuration::from_hours(1), key);
    let malformed = sign("{\"employees\": [".into(), now(), key);
    let shapeless = sign(json!({"people": []}).to_string(), now(), key);
    let oversized =
        sign(json!({"employees": [], "padding": "x".repeat(2 << 20)}).to_string(), now(), key);
    for (what, delivery, status) in [
        ("forged", forged, 401),
        ("altered", altered, 401),
        ("stale", late, 401),
        ("malformed", malformed, 400),
        ("shapeless", shapeless, 400),
        ("oversized", oversized, 413),
    ] {
        let (found, problem) = stage.deliver(&delivery).await.unwrap();
        assert_eq!(found, status, "{what}: {problem}");
        assert_eq!(problem["status"], status, "{what} is no problem document: {problem}");
        assert!(
            problem["detail"].as_str().is_some_and(|detail| detail.len() > 10),
            "{what}: {problem}"
        );
    }
    assert_eq!(runs(stage).await, 0);
    let (status, _) = stage.deliver(&good).await.unwrap();
    assert_eq!(status, 202, "what was refused before must not count as seen");
}

#[tokio::test]
async fn a_mistake_in_a_workflow_is_shown_with_its_line_while_the_old_version_runs_on() {
    let mut theatre = Theatre::open().await;
    let library = theatre.folder.path().join("library/workflows");
    std::fs::create_dir_all(&library).unwrap();
    let text = include_str!("../../../../library/workflows/new-hire.yaml");
    let broken =
        text.replace("call: auth0.roles.list:1@callboard", "call: auth0.roles.lits:1@callboard");
    let line = 1 + text
        .lines()
        .position(|line| line.contains("call: auth0.roles.list:1@callboard"))
        .unwrap();
    std::fs::write(library.join("new-hire.yaml"), broken).unwrap();
    let folder = theatre.folder.path().join("library").display().to_string();
    theatre.stage = theatre.stage.restart_autopilot(&["--library", &folder]).await.unwrap();
    let shown = theatre.stage.expect(Method::GET, "/v1/workflows", None).await.unwrap();
    let mistake = &shown["mistakes"][0];
    assert_eq!(
        (mistake["file"].as_str(), mistake["line"].as_u64()),
        (Some("new-hire.yaml"), Some(line as u64))
    );
    assert!(
        mistake["suggestion"].as_str().is_some_and(|text| text.contains("auth0.roles.list")),
        "{mistake}"
    );
    let hire = engineer("1", "Oldversion");
    let run = theatre.stage.settled(&theatre.announce(&hire).await).await.unwrap();
    assert_eq!(run["status"], "completed", "{run}");
    assert_eq!(theatre.traces(&hire).await, Traces::of_an_engineer());
}

/// Runs a command against the stage's autopilot, with `input` on stdin.
async fn callboard(stage: &Stage, arguments: &[&str], input: &str) -> Output {
    use tokio::io::AsyncWriteExt as _;
    let mut command = tokio::process::Command::new(binary());
    command
        .args(arguments)
        .env("CALLBOARD_SERVER", &stage.autopilot.url)
        .env("CALLBOARD_API_KEY", &stage.api_key);
    command.stdin(std::process::Stdio::piped()).stdout(std::process::Stdio::piped());
    let mut child = command.stderr(std::process::Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    // A command that reads nothing may be gone already.
    drop(stdin.write_all(input.as_bytes()).await);
    drop(stdin);
    child.wait_with_output().await.unwrap()
}

#[tokio::test]
async fn the_command_line_names_what_is_wrong_and_the_remedy_in_one_sentence() {
    let theatre = Theatre::open().await;
    let stage = &theatre.stage;
    for (arguments, input, code, words) in [
        (vec!["link", "test", "nowhere"], "", 5, vec!["nowhere", "link list"]),
        (vec!["link", "add", "x", "--app", "salesfarce"], "", 5, vec!["salesfarce", "auth0"]),
        (
            vec!["link", "add", "x", "--app", "auth0", "--url", "http://127.0.0.1:1"],
            "client_id=a\n",
            1,
            vec!["client_secret"],
        ),
        (vec!["run", "start", "new-hier"], "", 5, vec!["new-hier", "new-hire"]),
        (vec!["run", "show", "run_nothing"], "", 5, vec!["run_nothing"]),
        (vec!["run", "start", "new-hire", "--input", "{"], "", 2, vec!["--input"]),
        (vec!["actions", "show", "auth0.users.crate"], "", 5, vec!["auth0.users.create"]),
        (vec!["frobnicate"], "", 2, vec!["frobnicate"]),
    ] {
        let output = callboard(stage, &arguments, input).await;
        let text = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {text}");
        for word in words {
            assert!(text.contains(word), "{arguments:?} does not say {word}: {text}");
        }
    }
}

#[tokio::test]
async fn a_link_is_added_without_its_secret_in_arguments_or_answers() {
    let theatre = Theatre::open().await;
    let (id, secret) = &theatre.stage.client;
    let input = format!("client_id={id}\nclient_secret={secret}\n");
    let arguments =
        ["--json", "link", "add", "second", "--app", "auth0", "--url", &theatre.stage.tenant.url];
    let added = callboard(&theatre.stage, &arguments, &input).await;
    assert!(added.status.success(), "{}", String::from_utf8_lossy(&added.stderr));
    let shown: Value = serde_json::from_slice(&added.stdout).unwrap();
    assert_eq!(shown["secrets"], json!(["client_id", "client_secret"]));
    assert!(!String::from_utf8(added.stdout).unwrap().contains(secret.as_str()));
    let tested = callboard(&theatre.stage, &["link", "test", "second"], "").await;
    assert!(tested.status.success(), "{}", String::from_utf8_lossy(&tested.stderr));
    let text = String::from_utf8(tested.stdout).unwrap();
    assert!(
        text.contains("works") && text.contains(id.as_str()) && text.contains("scopes"),
        "{text}"
    );
}
