use std::io::Write as _;
use std::path::Path;
use std::process::{Output, Stdio};

use serde_json::Value;

use crate::theatre::binary;

/// A data folder and a library that nobody serves: each command starts an autopilot of its own.
struct Office(tempfile::TempDir);

const TICK: &str = "
document: {dsl: 1.0.3, namespace: test, name: tick, version: 1.0.0, title: Tick, metadata: {timezone: Europe/Berlin}}
schedule: {cron: '30 6 * * *'}
do: [{note: {set: {done: true}}}]
";
const HEARD: &str = "
document: {dsl: 1.0.3, namespace: test, name: heard, version: 1.0.0}
schedule: {on: {one: {with: {type: office.bell}}}}
use: {secrets: [token]}
do: [{note: {set: {done: true}}}]
";

impl Office {
    fn open() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let workflows = folder.path().join("library/workflows");
        std::fs::create_dir_all(&workflows).unwrap();
        std::fs::write(workflows.join("tick.yaml"), TICK).unwrap();
        std::fs::write(workflows.join("heard.yaml"), HEARD).unwrap();
        Self(folder)
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn say(&self, arguments: &[&str], input: &str) -> Output {
        let mut command = std::process::Command::new(binary());
        command.args(arguments).args(["--data", "data", "--library", "library"]);
        command.current_dir(self.path()).stdin(Stdio::piped());
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        child.wait_with_output().unwrap()
    }

    fn told(&self, arguments: &[&str], input: &str) -> String {
        let output = self.say(arguments, input);
        assert!(output.status.success(), "{arguments:?}: {}", said(&output));
        String::from_utf8(output.stdout).unwrap()
    }

    fn json(&self, arguments: &[&str]) -> Value {
        serde_json::from_str(&self.told(&[arguments, &["--json"]].concat(), "")).unwrap()
    }
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn a_schedule_is_looked_at_paused_resumed_run_and_made_up_for() {
    let office = Office::open();
    let run = office.told(&["schedules", "run", "tick"], "");
    assert!(office.told(&["schedules", "show", "tick"], "").contains(run.trim()), "{run}");
    let list = office.told(&["schedules", "list"], "");
    assert!(list.contains("tick") && list.contains("cron 30 6 * * * in Europe/Berlin"), "{list}");
    let next = office.json(&["schedules", "next", "tick", "--count", "3"]);
    assert_eq!(next["next"].as_array().unwrap().len(), 3, "{next}");
    let next = office.told(&["schedules", "next", "tick", "--count", "1"], "");
    assert!(next.contains("06:30:00 +0"), "{next}");
    office.told(&["schedules", "pause", "tick"], "");
    assert!(office.told(&["schedules", "list"], "").contains("paused"));
    assert!(office.told(&["schedules", "show", "tick"], "").contains("since"));
    let resumed = office.told(&["schedules", "resume", "tick"], "");
    assert!(resumed.contains("tick goes on; next at"), "{resumed}");
    let window = ["--from", "2026-03-28", "--until", "2026-03-30"];
    let made_up = office.json(&[&["schedules", "backfill", "tick"], &window[..]].concat());
    let planned: Vec<&str> = made_up["occurrences"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|occurrence| occurrence["planned_at"].as_str())
        .collect();
    assert_eq!(planned, ["2026-03-28T05:30:00Z", "2026-03-29T04:30:00Z", "2026-03-30T04:30:00Z"]);
}

#[test]
fn what_is_named_wrongly_is_told_with_what_would_be_right() {
    let office = Office::open();
    for (arguments, code, part) in [
        (vec!["schedules", "show", "tikc"], 5, "did you mean `tick`?"),
        (vec!["schedules", "next", "heard"], 5, "no schedule by time"),
        (vec!["schedules", "next", "tick"], 5, "`callboard up`"),
        (
            vec!["schedules", "backfill", "tick", "--from", "monday", "--until", "2026-03-01"],
            2,
            "write 2026-03-01T06:00:00Z",
        ),
        (vec!["secret", "remove", "nothing"], 5, "nothing"),
        (vec!["events", "post", "none.json"], 1, "cannot read none.json"),
    ] {
        let output = office.say(&arguments, "");
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {}", said(&output));
        assert!(said(&output).contains(part), "{arguments:?}: {}", said(&output));
    }
}

#[test]
fn a_secret_comes_from_stdin_and_only_its_name_is_ever_told() {
    let office = Office::open();
    let set = office.told(&["secret", "set", "token"], "correct-horse\n");
    assert!(set.contains("$secrets.token") && !set.contains("horse"), "{set}");
    office.told(
        &["secret", "set", "login", "--object"],
        "{\"username\": \"ada\", \"password\": \"horse\"}",
    );
    let list = office.told(&["secret", "list"], "");
    assert!(list.contains("token") && list.contains("login") && !list.contains("horse"), "{list}");
    let wrong = office.say(&["secret", "set", "login", "--object"], "horse");
    assert_eq!(wrong.status.code(), Some(2));
    assert!(
        said(&wrong).contains("JSON object") && !said(&wrong).contains("horse"),
        "{}",
        said(&wrong)
    );
    let empty = office.say(&["secret", "set", "token"], "");
    assert!(said(&empty).contains("the secret is empty"), "{}", said(&empty));
    office.told(&["secret", "remove", "token"], "");
    assert!(!office.told(&["secret", "list"], "").contains("token"));
}

#[test]
fn an_event_from_a_file_starts_the_workflow_that_waits_for_it_once() {
    let office = Office::open();
    let event = "{specversion: '1.0', id: '1', source: https://office.example, type: office.bell, subject: door}";
    std::fs::write(office.path().join("bell.yaml"), event).unwrap();
    let first = office.json(&["events", "post", "bell.yaml"]);
    assert_eq!(first["events"][0]["runs"].as_array().unwrap().len(), 1, "{first}");
    let again = office.told(&["events", "post", "-"], event);
    assert!(again.contains("known") && again.contains("office.bell"), "{again}");
    std::fs::write(office.path().join("bell.yaml"), "{type: office.bell}").unwrap();
    let output = office.say(&["events", "post", "bell.yaml"], "");
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
}
