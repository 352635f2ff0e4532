//! `/actions/triggers`: when an action can run, and with which runtimes.

use serde_json::{Value, json};

use crate::pipeline::{Answer, ApiError, Context, Request, Table};

/// Name, version, whether it is the current one.
const TRIGGERS: [(&str, &str, bool); 21] = [
    ("post-login", "v1", false),
    ("post-login", "v2", false),
    ("post-login", "v3", true),
    ("credentials-exchange", "v1", false),
    ("credentials-exchange", "v2", true),
    ("pre-user-registration", "v1", false),
    ("pre-user-registration", "v2", true),
    ("post-user-registration", "v1", false),
    ("post-user-registration", "v2", true),
    ("post-change-password", "v1", false),
    ("post-change-password", "v2", true),
    ("send-phone-message", "v1", false),
    ("send-phone-message", "v2", true),
    ("password-reset-post-challenge", "v1", true),
    ("custom-token-exchange", "v1", true),
    ("custom-email-provider", "v1", true),
    ("custom-phone-provider", "v1", true),
    ("event-stream", "v1", true),
    ("password-hash-migration", "v1", true),
    ("login-post-identifier", "v1", true),
    ("signup-post-identifier", "v1", true),
];
const RUNTIMES: [&str; 4] = ["node12", "node16", "node18", "node22"];

pub(super) fn behaviours(table: &mut Table) {
    table.read("get_triggers", list);
}

async fn list(_: Context, _: Request) -> Result<Answer, ApiError> {
    Ok(Answer::ok(json!({"triggers": TRIGGERS.into_iter().map(trigger).collect::<Value>()})))
}

fn trigger((id, version, is_current): (&str, &str, bool)) -> Value {
    let is_oldest = version == "v1" && !is_current;
    let runtimes: &[&str] = if is_oldest { &RUNTIMES[..1] } else { &RUNTIMES };
    let compatible = if (id, version) == ("post-login", "v3") {
        json!([{"id": id, "version": "v2"}])
    } else {
        json!([])
    };
    json!({
        "id": id, "version": version, "status": if is_current { "CURRENT" } else { "DEPRECATED" },
        "runtimes": runtimes, "default_runtime": runtimes.last(), "compatible_triggers": compatible,
    })
}
