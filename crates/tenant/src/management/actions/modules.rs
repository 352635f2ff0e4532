//! `/actions/modules`: code that actions share. Its versions stand in the module's own document.

use callboard_contract::Inexistent;
use http::StatusCode;
use serde_json::{Value, json};

use super::{ACTIONS, VERSIONS, kept_secrets};
use crate::management::generic::{
    self, Family, Fields, IdForm, Listing, Occasion, Repeated, Unique,
    Verb::{Create, List, Merge, Read},
    fields_of, find, listed, uuid,
};
use crate::pipeline::{Answer, ApiError, Context, Paging, Request, Table};
use crate::store::{Document, Transaction};

const FROZEN: [&str; 3] = ["code", "secrets", "dependencies"];

static MODULES: Family = Family {
    fresh: |_| {
        json!({
            "dependencies": [], "secrets": [], "actions_using_module_total": 0, "all_changes_published": false,
            "latest_version_number": 0,
        })
    },
    arrange,
    hidden: &[VERSIONS, "secrets.value", "latest_version.secrets.value", "publish"],
    unique: &[Unique { field: "name", taken: "A module with the same name already exists." }],
    repeated_delete: Repeated::NotFound,
    routes: &[
        (Create, "post_action_module", "Create an action module"),
        (Read, "get_action_module", ""),
        (List, "get_action_modules", ""),
        (Merge, "patch_action_module", "Update an action module"),
    ],
    ..Family::new("action_module", IdForm::Uuid, |_| Inexistent::Other("action module").into())
};

pub(super) fn behaviours(table: &mut Table) {
    generic::behaviours(table, &MODULES);
    table.write("delete_action_module", "Delete an action module", delete);
    table.read("get_action_module_actions", actions);
    table.read("get_action_module_versions", versions);
    table.read("get_action_module_version", version);
    table.write("post_action_module_version", "Publish an action module", publish);
    table.write("post_action_module_rollback", "Roll back an action module", roll_back);
}

fn arrange(context: &Context, occasion: Occasion<'_>, module: &mut Fields) {
    let before = match occasion {
        Occasion::Creation { .. } => &Value::Null,
        Occasion::Change { before, .. } => before.get("secrets").unwrap_or(&Value::Null),
    };
    let secrets = kept_secrets(before, module.get("secrets"), &context.timestamp());
    module.insert("secrets".into(), secrets);
    module.insert("all_changes_published".into(), false.into());
    if module.shift_remove("publish") == Some(Value::Bool(true)) {
        let mut whole = Value::Object(std::mem::take(module));
        add_version(context, &mut whole);
        *module = fields_of(whole);
    }
}

fn add_version(context: &Context, module: &mut Value) {
    let mut versions = module[VERSIONS].as_array().cloned().unwrap_or_default();
    let number = versions.len() + 1;
    let mut version = json!({
        "id": uuid(context.tenant.random()), "module_id": module["id"], "version_number": number,
        "created_at": context.timestamp(),
    });
    for name in FROZEN {
        version[name] = module[name].clone();
    }
    module["latest_version"] = generic::without(version.clone(), &["module_id"]);
    module["latest_version_number"] = number.into();
    module["all_changes_published"] = true.into();
    versions.push(version);
    module[VERSIONS] = versions.into();
}

/// A module that an action uses stays.
async fn delete(context: Context, request: Request) -> Result<Answer, ApiError> {
    let module = find(&MODULES, &context, &request).await?;
    if !users_of(&context, &request, &module.id).await?.is_empty() {
        let message = "The module is in use by at least one action.";
        return Err(ApiError::new(StatusCode::PRECONDITION_FAILED, message));
    }
    let change = Transaction::new().delete(MODULES.kind, module.id);
    Ok(context.commit(change, Answer::no_content()).await?)
}

async fn actions(context: Context, request: Request) -> Result<Answer, ApiError> {
    let module = find(&MODULES, &context, &request).await?;
    let using = users_of(&context, &request, &module.id).await?;
    let rows = using.into_iter().map(|action| {
        json!({
            "action_id": action.body["id"], "action_name": action.body["name"], "module_id": module.id,
            "supported_triggers": action.body["supported_triggers"],
        })
    });
    page(&request, "get_action_module_actions", rows.collect())
}

async fn users_of(
    context: &Context,
    request: &Request,
    module: &str,
) -> Result<Vec<Document>, ApiError> {
    let mut using = listed(&ACTIONS, context, request).await?;
    using.retain(|action| {
        let mut modules = action.body["modules"].as_array().into_iter().flatten();
        modules.any(|one| one["module_id"] == *module)
    });
    Ok(using)
}

async fn versions(context: Context, request: Request) -> Result<Answer, ApiError> {
    let module = find(&MODULES, &context, &request).await?.body;
    let rows = module[VERSIONS].as_array().cloned().unwrap_or_default().into_iter().rev();
    page(&request, "get_action_module_versions", rows.map(shown).collect())
}

async fn version(context: Context, request: Request) -> Result<Answer, ApiError> {
    let module = find(&MODULES, &context, &request).await?.body;
    version_of(&module, request.path("versionId")).map(|version| Answer::ok(shown(version)))
}

async fn publish(context: Context, request: Request) -> Result<Answer, ApiError> {
    let module = find(&MODULES, &context, &request).await?;
    let mut whole = module.body;
    add_version(&context, &mut whole);
    let newest = whole[VERSIONS].as_array().and_then(|all| all.last()).cloned().unwrap_or_default();
    let keys = MODULES.keys(&whole);
    let change = Transaction::new().replace(MODULES.kind, module.id, module.version, whole, keys);
    Ok(context.commit(change, Answer::ok(shown(newest))).await?)
}

/// The draft becomes what a version holds.
async fn roll_back(context: Context, request: Request) -> Result<Answer, ApiError> {
    let module = find(&MODULES, &context, &request).await?;
    let mut whole = module.body;
    let id = request.body["module_version_id"].as_str().unwrap_or_default();
    let version = version_of(&whole, id)?;
    for name in FROZEN {
        whole[name] = version[name].clone();
    }
    whole["updated_at"] = context.timestamp().into();
    let answer = Answer::ok(MODULES.shown(whole.clone()));
    let keys = MODULES.keys(&whole);
    let change = Transaction::new().replace(MODULES.kind, module.id, module.version, whole, keys);
    Ok(context.commit(change, answer).await?)
}

fn version_of(module: &Value, id: &str) -> Result<Value, ApiError> {
    let mut versions = module[VERSIONS].as_array().into_iter().flatten();
    let found = versions.find(|version| version["id"] == *id).cloned();
    found.ok_or_else(|| Inexistent::Other("action module version").into())
}

fn shown(version: Value) -> Value {
    generic::without(version, &["secrets.value"])
}

fn page(request: &Request, operation: &str, rows: Vec<Value>) -> Result<Answer, ApiError> {
    let paging = Paging::of(request)?;
    let total = rows.len() as u64;
    let rows = paging.page_of(rows);
    Ok(Listing::of(generic::operation(operation)).wrapped(&paging, rows, total))
}
