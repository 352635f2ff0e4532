use std::path::Path;
use std::process::{Output, Stdio};

use serde_json::Value;
use tokio::process::Command;

use crate::theatre::binary;

const LEAVING: &str = "
document: {dsl: 1.0.3, namespace: hr, name: leaving, version: 1.0.0}
do:
  - ask:
      call: callboard.approvals.ask:1@callboard
      with: {question: '${ \"Block \" + $input.user + \"?\" }', fourEyes: true}
";

/// A command on the data folder, where no server runs.
async fn command(folder: &Path, key: Option<&str>, arguments: &[&str]) -> Output {
    let mut command = Command::new(binary());
    command.args(arguments).args(["--data", "data", "--library", "."]).current_dir(folder);
    match key {
        Some(key) => command.env("CALLBOARD_API_KEY", key),
        None => command.env_remove("CALLBOARD_API_KEY"),
    };
    command.stdin(Stdio::null()).output().await.unwrap()
}

fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{output:?}"))
}

fn told(output: &Output) -> String {
    String::from_utf8([&output.stdout[..], &output.stderr[..]].concat()).unwrap()
}

#[tokio::test]
async fn whoever_starts_with_their_key_is_the_one_whom_four_eyes_see() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    std::fs::create_dir(folder.join("workflows")).unwrap();
    std::fs::write(folder.join("workflows/leaving.yaml"), LEAVING).unwrap();
    std::fs::write(folder.join("who.yaml"), "user: kim").unwrap();
    let mut keys = Vec::new();
    for name in ["anna", "bert"] {
        let add = ["key", "add", name, "--role", "operator", "--json"];
        let made = json(&command(folder, None, &add).await);
        keys.push(made["key"].as_str().unwrap().to_owned());
    }
    let (anna, bert) = (keys[0].as_str(), keys[1].as_str());
    let start = ["run", "start", "leaving", "--input", "@who.yaml"];
    let started = command(folder, Some(anna), &start).await;
    let words = told(&started);
    assert!(words.contains("no server runs on this data folder"), "{words}");
    let run = words.lines().next().unwrap();
    // The next command drives it on until it asks.
    let cursor =
        ["run", "start", "leaving", "--input", "{\"user\": \"lee\"}", "--wait", "1", "--json"];
    let second = json(&command(folder, Some(bert), &cursor).await);
    assert_eq!(second["trigger"]["by"], "bert", "{second}");

    let list = ["approvals", "list", "--json", "--limit", "1"];
    let newest = json(&command(folder, None, &list).await);
    let next = newest["next"].as_str().unwrap();
    let older = json(&command(folder, None, &[&list[..], &["--cursor", next]].concat()).await);
    let pages = [&newest, &older].map(|page| page["approvals"][0].clone());
    let asked = pages.iter().find(|asked| asked["run"] == run).unwrap();
    assert_eq!(asked["question"], "Block kim?");
    let answer = ["approvals", "answer", asked["id"].as_str().unwrap(), "--approve"];
    let own = command(folder, Some(anna), &answer).await;
    assert!(own.status.code() == Some(4) && told(&own).contains("four eyes"), "{own:?}");
    let forged = command(folder, Some("callboard_anna_0123"), &answer).await;
    assert_eq!(forged.status.code(), Some(4), "{forged:?}");
    let taken = command(folder, Some(bert), &answer).await;
    assert!(taken.status.success(), "{taken:?}");
    let watched = command(folder, None, &["run", "watch", run]).await;
    assert!(watched.status.success(), "{watched:?}");

    let steps = told(&command(folder, None, &["run", "steps", run]).await);
    assert!(steps.contains("ask"), "{steps}");
    let journal = ["run", "journal", run, "--limit", "1"];
    let journal = told(&command(folder, None, &journal).await);
    assert!(journal.contains("started") && journal.contains("--after 1"), "{journal}");
    let events = told(&command(folder, None, &["run", "events", run]).await);
    assert!(events.contains("io.serverlessworkflow.workflow.completed.v1"), "{events}");
    let apps = told(&command(folder, None, &["apps", "list"]).await);
    assert!(apps.contains("auth0"), "{apps}");
}
