//! Entries as log streams carry them, beside what is known of each type.
//!
//! `data/log_entries.txt` says of each type which members an entry has, `!` where it must have them, and their types; `*`
//! stands for every type. Members that the table does not name are fine.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::harness::{CLIENT_ID, CLIENT_SECRET, PASSWORD, TestTenant, encoded};
use crate::post::Post;

const FACTS: &str = include_str!("data/log_entries.txt");

#[derive(Debug)]
struct Member {
    is_required: bool,
    types: Vec<&'static str>,
}

type Members = BTreeMap<&'static str, Member>;

fn members(code: &str) -> Option<Members> {
    let line = |code: &str| {
        FACTS.lines().find_map(|line| line.strip_prefix(code)?.strip_prefix(' ').map(str::trim))
    };
    let all = [line("*")?, line(code)?].map(str::split_whitespace).into_iter().flatten();
    Some(
        all.filter_map(|member| {
            let (name, types) = member.rsplit_once(':')?;
            let is_required = name.ends_with('!');
            let name = name.trim_end_matches('!');
            Some((name, Member { is_required, types: types.split('|').collect() }))
        })
        .collect(),
    )
}

fn type_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

/// What is wrong with an entry.
fn faults(entry: &Value) -> Vec<String> {
    let code = entry["type"].as_str().unwrap_or_default();
    let Some(members) = members(code) else { return vec![format!("{code} is not known")] };
    let at = |name: &str| match name.split_once('.') {
        Some((outer, inner)) => entry.get(outer).and_then(|outer| outer.get(inner)),
        None => entry.get(name),
    };
    let mut faults = Vec::new();
    for (name, member) in &members {
        match at(name) {
            None if member.is_required => faults.push(format!("{code} lacks {name}")),
            Some(value) if !member.types.iter().any(|known| fits(known, value)) => {
                faults.push(format!("{code} has a {} as {name}", type_of(value)));
            }
            _ => {}
        }
    }
    faults
}

fn fits(known: &str, value: &Value) -> bool {
    match known {
        "any" => true,
        "integer" => value.is_i64() || value.is_u64(),
        known => known == type_of(value),
    }
}

#[tokio::test]
async fn entries_of_every_type_that_the_tenant_writes_are_as_known() {
    let tenant = TestTenant::start().await;
    let admin = tenant.admin();
    let mut post = Post::of(&tenant);
    let sink = json!({
        "type": "http", "name": "all", "startFrom": "2026-03-01T00:00:00Z",
        "sink": {"httpEndpoint": "https://127.0.0.1:9/", "httpContentFormat": "JSONARRAY"},
    });
    admin.post("/log-streams", sink).await.expect(200);
    let user = admin.create_user("jane@example.com").await;
    let path = format!("/users/{}", encoded(user["user_id"].as_str().unwrap()));
    tenant.log_in("nobody@example.com", PASSWORD).await;
    tenant.log_in("jane@example.com", "wrong").await;
    tenant.log_in("jane@example.com", PASSWORD).await;
    let offline = json!({
        "grant_type": "password", "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET,
        "username": "jane@example.com", "password": PASSWORD, "scope": "openid offline_access",
    });
    admin
        .patch(
            "/tenants/settings",
            json!({"default_directory": "Username-Password-Authentication"}),
        )
        .await
        .expect(200);
    let token = tenant.token(offline).await.body["refresh_token"].clone();
    for refresh_token in [token, json!("never given out")] {
        tenant
            .token(json!({
                "grant_type": "refresh_token", "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET,
                "refresh_token": refresh_token,
            }))
            .await;
    }
    let wrong = json!({"grant_type": "client_credentials", "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET, "audience": "urn:nothing"});
    tenant.token(wrong).await;
    admin.patch(&path, json!({"email": "jane2@example.com"})).await.expect(200);
    admin.patch(&path, json!({"password": "Correct-Horse-2"})).await.expect(200);
    admin.patch(&path, json!({"blocked": true})).await.expect(200);
    tenant.log_in("jane2@example.com", "Correct-Horse-2").await;
    admin.delete(&path).await.expect(204);
    let is_last = |record: &Value| record["data"]["details"]["request"]["method"] == "delete";
    let records = post.records(is_last).await;
    let codes: BTreeSet<_> =
        records.iter().filter_map(|record| record["data"]["type"].as_str()).collect();
    for code in [
        "s", "fp", "fu", "f", "ss", "sapi", "sdu", "seccft", "feccft", "sepft", "sertft", "fertft",
        "scp",
    ] {
        assert!(codes.contains(code), "{code} is not among {codes:?}");
    }
    let faults: BTreeSet<_> = records.iter().flat_map(|record| faults(&record["data"])).collect();
    assert!(faults.is_empty(), "{faults:#?}");
    for record in &records {
        let id = record["log_id"].as_str().unwrap();
        assert!(
            id.len() == 56 && id.starts_with("900") && id.bytes().all(|byte| byte.is_ascii_digit()),
            "{id}"
        );
    }
}
