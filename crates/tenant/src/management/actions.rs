//! Actions: code that is kept, built and deployed as the API shows it, and never run.
//!
//! A draft is built as soon as it is looked at; a deployment freezes it as a version. Versions stand in the action's own
//! document, hidden from its answers.

mod bindings;
mod executions;
mod modules;
mod triggers;
mod versions;

use callboard_contract::Inexistent;
use http::StatusCode;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::generic::{
    self, Family, Fields, IdForm, Listing, Occasion, Repeated, Unique, Verb::Read, fields_of, find,
    listed,
};
use crate::pipeline::{Answer, ApiError, Context, Request, Table};
use crate::store::Transaction;

/// The member in which an action keeps its versions, the oldest first.
const VERSIONS: &str = "versions";
const NEWEST_RUNTIME: &str = "node22";

static ACTIONS: Family = Family {
    fresh: |_| {
        json!({
            "code": "", "dependencies": [], "runtime": NEWEST_RUNTIME, "status": "built", "secrets": [],
            "all_changes_deployed": false,
        })
    },
    arrange,
    hidden: &[VERSIONS, "secrets.value", "deployed_version.secrets.value", "deploy"],
    unique: &[Unique { field: "name", taken: "An action with the same name already exists." }],
    repeated_delete: Repeated::NotFound,
    routes: &[(Read, "get_action", "")],
    ..Family::new("action", IdForm::Uuid, |_| Inexistent::Action.into())
};

pub(super) fn behaviours(table: &mut Table) {
    generic::behaviours(table, &ACTIONS);
    table.read("get_actions", list);
    table.write("post_action", "Create an action", create);
    table.write("patch_action", "Update an action", update);
    table.write("delete_action", "Delete an action", delete);
    table.read("post_test_action", test);
    versions::behaviours(table);
    triggers::behaviours(table);
    bindings::behaviours(table);
    executions::behaviours(table);
    modules::behaviours(table);
}

async fn list(context: Context, request: Request) -> Result<Answer, ApiError> {
    let mut found = listed(&ACTIONS, &context, &request).await?;
    found.retain(|action| {
        let action = &action.body;
        let triggers =
            action["supported_triggers"].as_array().map(Vec::as_slice).unwrap_or_default();
        let has_trigger = |id: &str| triggers.iter().any(|trigger| trigger["id"] == *id);
        let is_named = |name: &str| action["name"].as_str().is_some_and(|own| own.contains(name));
        let is_deployed = action.get("deployed_version").is_some();
        request.query_text("triggerId").is_none_or(has_trigger)
            && request.query_text("actionName").is_none_or(is_named)
            && request.query_flag("deployed").is_none_or(|wanted| wanted == is_deployed)
            && request.query_flag("installed") != Some(true)
    });
    let listing = Listing::of(generic::operation("get_actions"));
    listing.answer(&request, found, &|action| ACTIONS.shown(action))
}

async fn create(context: Context, request: Request) -> Result<Answer, ApiError> {
    let answer = generic::create(&ACTIONS, StatusCode::CREATED, context, request).await?;
    Ok(still_pending(answer))
}

async fn update(context: Context, request: Request) -> Result<Answer, ApiError> {
    let answer = generic::merge(&ACTIONS, StatusCode::OK, context, request).await?;
    Ok(still_pending(answer))
}

/// A build begins with the change and has ended by the time that anybody looks.
fn still_pending(mut answer: Answer) -> Answer {
    if let Some(action) = &mut answer.body {
        action["status"] = "pending".into();
        if action["deployed_version"]["number"] == action["current_version"]["number"]
            && action["all_changes_deployed"] == true
        {
            action["deployed_version"]["status"] = "pending".into();
            action["current_version"]["status"] = "PENDING".into();
        }
    }
    answer
}

async fn delete(context: Context, request: Request) -> Result<Answer, ApiError> {
    let action = find(&ACTIONS, &context, &request).await?;
    let mut change = Transaction::new().delete(ACTIONS.kind, action.id.as_str());
    let bound = bindings::of_action(&context, &action.id).await?;
    if !bound.is_empty() && request.query_flag("force") != Some(true) {
        return Err(ApiError::bad_request(
            "action_bound",
            "The action is bound to a trigger; unbind it first, or force the deletion.",
        ));
    }
    for trigger in bound {
        change = bindings::without_action(change, trigger, &action.id);
    }
    Ok(context.commit(change, Answer::no_content()).await?)
}

/// The code is not run, so there is nothing to tell but that it took no time.
async fn test(context: Context, request: Request) -> Result<Answer, ApiError> {
    find(&ACTIONS, &context, &request).await?;
    Ok(Answer::ok(json!({"payload": {"logs": "", "stats": {
        "total_request_duration_ms": 0, "total_runtime_execution_duration_ms": 0, "runtime_processing_duration_ms": 0,
        "action_duration_ms": 0, "runtime_external_call_duration_ms": 0, "boot_duration_ms": 0, "network_duration_ms": 0,
    }}})))
}

fn arrange(context: &Context, occasion: Occasion<'_>, action: &mut Fields) {
    let now = nanoseconds(context.now);
    action.insert("updated_at".into(), now.as_str().into());
    let before = match occasion {
        Occasion::Creation { .. } => {
            action.insert("created_at".into(), now.as_str().into());
            &Value::Null
        }
        Occasion::Change { before, .. } => before.get("secrets").unwrap_or(&Value::Null),
    };
    let secrets = kept_secrets(before, action.get("secrets"), &now);
    action.insert("secrets".into(), secrets);
    action.insert("all_changes_deployed".into(), false.into());
    if action.shift_remove("deploy") == Some(Value::Bool(true)) {
        let mut whole = Value::Object(std::mem::take(action));
        versions::add(context, &mut whole);
        *action = fields_of(whole);
    }
}

/// A secret that is named without a value keeps the one it has.
fn kept_secrets(before: &Value, sent: Option<&Value>, now: &str) -> Value {
    let known = |name: &Value| {
        before.as_array().into_iter().flatten().find(|secret| secret["name"] == *name).cloned()
    };
    let sent = sent.and_then(Value::as_array).into_iter().flatten();
    sent.map(|secret| match (secret.get("value"), known(&secret["name"])) {
        (None, Some(known)) => known,
        _ => json!({"name": secret["name"], "value": secret["value"], "updated_at": now}),
    })
    .collect()
}

/// Actions have finer times than everything else.
fn nanoseconds(moment: Timestamp) -> String {
    moment.strftime("%Y-%m-%dT%H:%M:%S.%9fZ").to_string()
}
