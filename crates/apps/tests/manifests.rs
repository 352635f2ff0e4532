//! Manifests as they come with Callboard, and what is said about broken ones.
#![allow(clippy::unwrap_used, reason = "what cannot be set up fails the test")]

use std::fs;
use std::path::Path;

use callboard_apps::{Catalogue, Inverse, Recovery, Reversal, Risk};
use serde_json::{Value, json};

#[test]
fn every_manifest_that_comes_with_callboard_loads() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../apps");
    let catalogue = Catalogue::of_folder(&folder).unwrap_or_else(|problems| panic!("{problems}"));
    let apps: Vec<&str> = catalogue.apps().map(|app| app.name.as_str()).collect();
    assert_eq!(
        apps,
        ["airtable", "auth0", "bamboohr", "exa", "hubspot", "resend", "slack", "stripe", "zendesk"]
    );
}

#[test]
fn every_action_of_auth0_knows_its_scopes() {
    let catalogue = Catalogue::embedded();
    let auth0 = catalogue.app("auth0").unwrap();
    assert_eq!(auth0.actions.len(), 19);
    for action in &auth0.actions {
        let scoped = action.operations().iter().all(|operation| !operation.scopes.is_empty());
        assert!(
            scoped && (action.id == "auth0.raw" || !action.operations().is_empty()),
            "{}",
            action.id
        );
    }
    let rotate = catalogue.action("auth0.applications.secret.rotate:1@callboard").unwrap();
    assert_eq!(rotate.operations()[0].scopes, [["update:client_keys"]]);
    assert_eq!(rotate.secret_outputs, ["/client_secret"]);
}

#[test]
fn an_action_is_found_by_its_version_only() {
    let catalogue = Catalogue::embedded();
    for (name, found) in [
        ("auth0.users.create", true),
        ("auth0.users.create:1@callboard", true),
        ("auth0.users.create:2@callboard", false),
        ("auth0.users.create:1@elsewhere", false),
        ("auth0.users.creates", false),
    ] {
        assert_eq!(catalogue.action(name).is_some(), found, "{name}");
    }
}

#[test]
fn reads_are_repeatable_and_everything_else_says_how_it_is_recovered() {
    for action in Catalogue::embedded().actions() {
        if action.risk == Risk::Read {
            assert!(matches!(action.recovery, Recovery::Repeat), "{}", action.id);
            assert!(matches!(action.inverse, Inverse::Nothing), "{}", action.id);
        }
        assert!(!action.summary.is_empty() && action.minutes_saved > 0.0, "{}", action.id);
    }
}

#[test]
fn a_raw_call_is_as_risky_as_its_method() {
    let catalogue = Catalogue::embedded();
    let raw = catalogue.action("auth0.raw").unwrap();
    for (method, risk) in
        [("GET", Risk::Read), ("PATCH", Risk::Change), ("DELETE", Risk::Destructive)]
    {
        assert_eq!(
            raw.risk_of(&json!({"method": method, "path": "/stats/daily"})),
            risk,
            "{method}"
        );
    }
    assert_eq!(raw.risk_of(&json!({})), Risk::Destructive, "when in doubt");
}

fn call(action: &str, arguments: Value) -> Reversal {
    Reversal::Call { action: action.to_owned(), arguments }
}

#[test]
fn the_inverse_undoes_exactly_what_was_done() {
    let catalogue = Catalogue::embedded();
    let user = "auth0|1";
    for (action, input, output, before, expected) in [
        (
            "auth0.users.create",
            json!({"connection": "db"}),
            json!({"user_id": user}),
            Value::Null,
            call("auth0.users.delete", json!({"user": user})),
        ),
        (
            "auth0.users.roles.assign",
            json!({"user": user, "roles": ["a", "b"]}),
            json!({}),
            json!(["b", "c"]),
            call("auth0.users.roles.remove", json!({"user": user, "roles": ["a"]})),
        ),
        (
            "auth0.users.roles.assign",
            json!({"user": user, "roles": ["a"]}),
            json!({}),
            json!(["a"]),
            Reversal::Nothing,
        ),
        (
            "auth0.users.roles.remove",
            json!({"user": user, "roles": ["a", "b"]}),
            json!({}),
            json!(["b", "c"]),
            call("auth0.users.roles.assign", json!({"user": user, "roles": ["b"]})),
        ),
        (
            "auth0.users.block",
            json!({"user": user}),
            json!({}),
            json!({"blocked": false}),
            call("auth0.users.unblock", json!({"user": user})),
        ),
        (
            "auth0.users.block",
            json!({"user": user}),
            json!({}),
            json!({"blocked": true}),
            Reversal::Nothing,
        ),
        (
            "auth0.users.unblock",
            json!({"user": user}),
            json!({}),
            json!({"blocked": true}),
            call("auth0.users.block", json!({"user": user, "end_access": false})),
        ),
        (
            "auth0.users.update",
            json!({"user": user, "changes": {"name": "New"}}),
            json!({}),
            json!({"name": "Old"}),
            call("auth0.users.update", json!({"user": user, "changes": {"name": "Old"}})),
        ),
        (
            "airtable.records.upsert",
            json!({"table": "IT", "key": ["id"], "rows": [{}]}),
            json!({"created": ["rec1"], "updated": []}),
            Value::Null,
            call("airtable.records.delete", json!({"table": "IT", "ids": ["rec1"]})),
        ),
        (
            "slack.messages.post",
            json!({"channel": "#it-ops", "text": "x"}),
            json!({"channel": "C1", "ts": "1.2"}),
            Value::Null,
            call("slack.messages.delete", json!({"channel": "C1", "ts": "1.2"})),
        ),
    ] {
        let found =
            catalogue.action(action).unwrap().reversal(&input, &output, Some(&before)).unwrap();
        assert_eq!(found, expected, "{action} of {input}");
    }
    let upsert = catalogue.action("airtable.records.upsert").unwrap();
    let updated = upsert.reversal(
        &json!({"table": "IT"}),
        &json!({"created": [], "updated": ["rec1"]}),
        None,
    );
    assert!(matches!(updated.unwrap(), Reversal::Impossible { .. }));
}

const APP: &str = r"
app: pager
title: Pager
summary: Wakes people.
base_url: https://pager.example
auth: {scheme: bearer, remedy: make a new token}
settings: {type: object}
health: none
errors: {}
rate_limit: {}
personal_data: None.
redact: {secret: [], personal: []}
";

const ACTION: &str = r"
actions:
  people.wake:
    version: 1
    title: Wake
    summary: Wakes somebody.
    input: {type: object, properties: {person: {type: string}}}
    output: {type: object}
    request:
      method: POST
      path: /people/{id}/wake
      parameters: {id: '${ .input.person }'}
    risk: additive
    inverse: {irreversible: nobody falls asleep on command}
    recovery: {ask: waking twice is rude}
    bucket: api
    personal_data: {reads: [], writes: []}
    minutes_saved: 2
";

fn problems_of(manifest: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    let app = folder.path().join("pager");
    fs::create_dir(&app).unwrap();
    fs::write(app.join("app.yaml"), manifest.trim_start()).unwrap();
    match Catalogue::of_folder(folder.path()) {
        Ok(_) => String::new(),
        Err(problems) => problems.to_string().replace(&format!("{}/", folder.path().display()), ""),
    }
}

#[test]
fn a_complete_manifest_loads() {
    assert_eq!(problems_of(&format!("{APP}{ACTION}")), "");
}

#[test]
fn an_action_that_lacks_a_field_does_not_load_and_the_message_says_which_and_where() {
    let declared = "title|summary|input|output|request|risk|inverse|recovery|bucket|personal_data|minutes_saved|version";
    for field in declared.split('|') {
        // The field and, for a map over several lines, what belongs to it.
        let mut kept = Vec::new();
        let mut skipping = false;
        for line in ACTION.lines() {
            let starts = line.starts_with(&format!("    {field}:"));
            skipping = starts || (skipping && line.starts_with("      "));
            if !skipping {
                kept.push(line);
            }
        }
        let found = problems_of(&format!("{APP}{}\n", kept.join("\n")));
        let expected = format!("pager/app.yaml:14:3: action `pager.people.wake` lacks `{field}`");
        assert!(found.starts_with(&expected), "{field}: {found}");
    }
}

#[test]
fn every_mistake_is_named_with_its_place_and_what_was_meant() {
    for (from, to, expected) in [
        (
            "risk: additive",
            "risk: aditive",
            "24:5: `risk` of action `pager.people.wake` must be one of read, additive, change, destructive, not `aditive`\n  help: did you mean `additive`?",
        ),
        ("bucket: api", "buckets: api", "action `pager.people.wake` lacks `bucket`"),
        (
            "bucket: api",
            "buckets: api",
            "action `pager.people.wake` has an unknown field `buckets`\n  help: did you mean `bucket`?",
        ),
        (
            "{id: '${ .input.person }'}",
            "{id: '${ .input.person | }'}",
            "has a mistake in `id`: term expected at the end",
        ),
        (
            "{id: '${ .input.person }'}",
            "{person: x}",
            "lacks a value for `{id}` of /people/{id}/wake under `parameters`",
        ),
        (
            "path: /people",
            "operation: post_user\n      path: /people",
            "names the unknown operation `post_user`\n  help: did you mean `post_users`?",
        ),
        (
            "recovery: {ask: waking twice is rude}",
            "recovery: maybe",
            "`recovery` of action `pager.people.wake` must be `repeat`, `provider_key`, `chosen_id`, `probe` or `ask: why`",
        ),
        (
            "inverse: {irreversible: nobody falls asleep on command}",
            "inverse: nothing",
            "changes something, so its `inverse` is an action with arguments or `irreversible: why`",
        ),
        (
            "inverse: {irreversible: nobody falls asleep on command}",
            "inverse: {action: pager.people.lull, arguments: {}}",
            "the inverse of `pager.people.wake` is the unknown action `pager.people.lull`",
        ),
        (
            "minutes_saved: 2",
            "minutes_saved: a lot",
            "`minutes_saved` of action `pager.people.wake` must be a number",
        ),
        (
            "input: {type: object,",
            "input: {type: objects,",
            "`input` of action `pager.people.wake`: it is not a JSON Schema",
        ),
        ("scheme: bearer", "scheme: barer", "has the unknown scheme `barer`"),
        (
            "app: pager",
            "app: pagers",
            "`app` of the app `pager` must be `pager`, as its folder is called",
        ),
        ("health: none\n", "", "the app `pager` lacks `health`"),
        (
            "method: POST",
            "method: POST\n      boby: {}",
            "has an unknown field `boby`\n  help: did you mean `body`?",
        ),
    ] {
        let manifest = format!("{APP}{ACTION}").replacen(from, to, 1);
        let found = problems_of(&manifest);
        assert!(found.contains(expected), "{to}:\n{found}");
        assert!(
            found.starts_with("pager/app.yaml:") || found.starts_with("apps/pager:"),
            "{to}:\n{found}"
        );
    }
}

#[test]
fn an_overlay_adds_an_action_to_an_app_and_replaces_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let slack = folder.path().join("slack");
    fs::create_dir(&slack).unwrap();
    fs::write(slack.join("more.yaml"), ACTION.replace("people.wake", "people.ping")).unwrap();
    let catalogue = Catalogue::load(&[folder.path().to_owned()]).unwrap();
    assert!(catalogue.action("slack.people.ping").is_some());
    assert!(catalogue.action("slack.messages.post").is_some(), "the embedded file stays");
}
