//! Versions of an action: frozen drafts, one of which is deployed.

use callboard_contract::Inexistent;
use serde_json::{Value, json};

use super::{ACTIONS, VERSIONS, nanoseconds};
use crate::management::generic::{self, Listing, find, uuid};
use crate::pipeline::{Answer, ApiError, Context, Paging, Request, Table};
use crate::store::{Document, Transaction};

/// What a version takes over from the draft.
const FROZEN: [&str; 6] =
    ["code", "dependencies", "secrets", "runtime", "supported_triggers", "modules"];
/// What a version tells of its action.
const OF_ACTION: [&str; 5] = ["id", "name", "supported_triggers", "created_at", "updated_at"];

pub(super) fn behaviours(table: &mut Table) {
    table.write("post_deploy_action", "Deploy an action", deploy);
    table.read("get_action_versions", list);
    table.read("get_action_version", get);
    table.write("post_deploy_draft_version", "Roll back to a previous action version", roll_back);
}

/// Freezes the draft as the newest version and deploys it.
pub(super) fn add(context: &Context, action: &mut Value) {
    let mut version = json!({});
    take_over(&mut version, action);
    let now = nanoseconds(context.now);
    let number = action[VERSIONS].as_array().map_or(0, Vec::len) + 1;
    version["id"] = uuid(context.tenant.random()).into();
    version["action_id"] = action["id"].clone();
    version["number"] = number.into();
    version["deployed"] = true.into();
    version["status"] = "built".into();
    for name in ["built_at", "created_at", "updated_at"] {
        version[name] = now.as_str().into();
    }
    let mut versions = action[VERSIONS].as_array().cloned().unwrap_or_default();
    for older in &mut versions {
        older["deployed"] = false.into();
    }
    action["current_version"] = json!({
        "id": version["id"], "code": version["code"], "runtime": version["runtime"], "status": "BUILT",
        "number": number, "build_time": now, "created_at": now, "updated_at": now,
    });
    action["deployed_version"] = version.clone();
    action["all_changes_deployed"] = true.into();
    versions.push(version);
    action[VERSIONS] = versions.into();
}

async fn deploy(context: Context, request: Request) -> Result<Answer, ApiError> {
    let action = find(&ACTIONS, &context, &request).await?;
    let draft = action.body.clone();
    commit_new(&context, action, &draft, false).await
}

/// Deploys what an older version holds, as a new version; with `update_draft` the draft becomes it, too.
async fn roll_back(context: Context, request: Request) -> Result<Answer, ApiError> {
    let action = of_path(&context, &request).await?;
    let version = version_of(&action.body, request.id())?;
    let to_draft = request.body["update_draft"] == true;
    commit_new(&context, action, &version, !to_draft).await
}

/// Makes a version of what `source` holds.
async fn commit_new(
    context: &Context,
    action: Document,
    source: &Value,
    keep_draft: bool,
) -> Result<Answer, ApiError> {
    let draft = action.body;
    let mut whole = draft.clone();
    take_over(&mut whole, source);
    add(context, &mut whole);
    if keep_draft {
        take_over(&mut whole, &draft);
        whole["all_changes_deployed"] = false.into();
    }
    // The deployment itself goes on after the answer.
    let mut version = shown(&whole, &whole["deployed_version"]);
    version["deployed"] = false.into();
    let answer = Answer::ok(version);
    let keys = ACTIONS.keys(&whole);
    let change = Transaction::new().replace(ACTIONS.kind, action.id, action.version, whole, keys);
    Ok(context.commit(change, answer).await?)
}

fn take_over(action: &mut Value, source: &Value) {
    for name in FROZEN {
        if let Some(value) = source.get(name) {
            action[name] = value.clone();
        }
    }
}

async fn list(context: Context, request: Request) -> Result<Answer, ApiError> {
    let action = of_path(&context, &request).await?.body;
    let versions = action[VERSIONS].as_array().map(Vec::as_slice).unwrap_or_default();
    let newest_first: Vec<_> =
        versions.iter().rev().map(|version| shown(&action, version)).collect();
    let paging = Paging::of(&request)?;
    let total = newest_first.len() as u64;
    let rows = paging.page_of(newest_first);
    Ok(Listing::of(generic::operation("get_action_versions")).wrapped(&paging, rows, total))
}

async fn get(context: Context, request: Request) -> Result<Answer, ApiError> {
    let action = of_path(&context, &request).await?.body;
    let version = version_of(&action, request.id())?;
    Ok(Answer::ok(shown(&action, &version)))
}

/// Below an action, its own id goes by another name.
async fn of_path(context: &Context, request: &Request) -> Result<Document, ApiError> {
    let found = context.store().get(ACTIONS.kind, request.path("actionId")).await?;
    found.ok_or_else(|| Inexistent::Action.into())
}

fn version_of(action: &Value, id: &str) -> Result<Value, ApiError> {
    let mut versions = action[VERSIONS].as_array().into_iter().flatten();
    let found = versions.find(|version| version["id"] == *id).cloned();
    found.ok_or_else(|| Inexistent::Other("action version").into())
}

fn shown(action: &Value, version: &Value) -> Value {
    let mut shown = generic::without(version.clone(), &["secrets.value"]);
    let mut summary = json!({"all_changes_deployed": false});
    for name in OF_ACTION {
        summary[name] = action[name].clone();
    }
    shown["action"] = summary;
    shown
}
