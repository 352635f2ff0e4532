//! `/actions/triggers/{triggerId}/bindings`: which actions run at a trigger, in which order.

use serde_json::{Value, json};

use super::{ACTIONS, nanoseconds};
use crate::management::generic::{self, Listing, uuid};
use crate::pipeline::{Answer, ApiError, Context, Paging, Request, Table};
use crate::store::{Document, Kind, Span, StoreError, Transaction};

/// One document for each trigger: its list.
const KIND: Kind = Kind("action_bindings");
/// There are fewer triggers than this.
const MOST: u64 = 100;

pub(super) fn behaviours(table: &mut Table) {
    table.read("get_bindings", list);
    table.write("patch_bindings", "Update trigger bindings", replace);
}

/// The lists in which an action stands.
pub(super) async fn of_action(context: &Context, id: &str) -> Result<Vec<Document>, StoreError> {
    let mut all = context.store().list(KIND, Span::page(0, MOST)).await?;
    all.retain(|list| entries(&list.body).iter().any(|binding| binding["action_id"] == *id));
    Ok(all)
}

/// Also takes the action off this list.
pub(super) fn without_action(change: Transaction, list: Document, id: &str) -> Transaction {
    let kept = entries(&list.body).iter().filter(|binding| binding["action_id"] != *id).cloned();
    change.replace(KIND, list.id, list.version, kept.collect(), Vec::new())
}

async fn list(context: Context, request: Request) -> Result<Answer, ApiError> {
    let stored = context.store().get(KIND, request.path("triggerId")).await?;
    let stored = stored.map_or(Value::Null, |list| list.body);
    let mut rows = Vec::new();
    for binding in entries(&stored) {
        rows.push(shown(&context, binding).await?);
    }
    let paging = Paging::of(&request)?;
    let total = rows.len() as u64;
    let rows = paging.page_of(rows);
    Ok(Listing::of(generic::operation("get_bindings")).wrapped(&paging, rows, total))
}

/// The whole list at once. A binding that is referred to keeps its id and age.
async fn replace(context: Context, request: Request) -> Result<Answer, ApiError> {
    let trigger = request.path("triggerId").to_owned();
    let stored = context.store().get(KIND, &trigger).await?;
    let before = stored.map_or(Value::Null, |list| list.body);
    let now = nanoseconds(context.now);
    let (mut kept, mut answered) = (Vec::new(), Vec::new());
    for wanted in request.body["bindings"].as_array().into_iter().flatten() {
        let action = action_of(&context, &wanted["ref"], entries(&before)).await?;
        let known = entries(&before).iter().find(|binding| binding["action_id"] == *action.id);
        let id = known.map_or_else(
            || uuid(context.tenant.random()),
            |known| known["id"].as_str().unwrap_or_default().to_owned(),
        );
        let created =
            known.map_or_else(|| now.as_str().into(), |known| known["created_at"].clone());
        let name = wanted.get("display_name").unwrap_or(&action.body["name"]);
        let binding = json!({
            "id": id, "trigger_id": trigger, "action_id": action.id, "display_name": name, "created_at": created,
            "updated_at": now,
        });
        answered.push(shown(&context, &binding).await?);
        kept.push(binding);
    }
    let answer = Answer::ok(json!({"bindings": answered}));
    let change = Transaction::new().put(KIND, trigger, kept.into(), Vec::new());
    Ok(context.commit(change, answer).await?)
}

fn entries(list: &Value) -> &[Value] {
    list.as_array().map(Vec::as_slice).unwrap_or_default()
}

/// The action to which a reference leads: by its id, its name, or a binding of it.
async fn action_of(
    context: &Context,
    reference: &Value,
    before: &[Value],
) -> Result<Document, ApiError> {
    let value = reference["value"].as_str().unwrap_or_default();
    let found = match reference["type"].as_str() {
        Some("action_name") => context.store().find(ACTIONS.kind, "name", value).await?,
        Some("binding_id") => {
            let binding = before.iter().find(|binding| binding["id"] == *value);
            let id = binding.and_then(|binding| binding["action_id"].as_str()).unwrap_or_default();
            context.store().get(ACTIONS.kind, id).await?
        }
        _ => context.store().get(ACTIONS.kind, value).await?,
    };
    found.ok_or_else(|| ApiError::invalid_body(format!("The action {value} does not exist.")))
}

async fn shown(context: &Context, binding: &Value) -> Result<Value, StoreError> {
    let id = binding["action_id"].as_str().unwrap_or_default();
    let action = context.store().get(ACTIONS.kind, id).await?;
    let action = action.map_or(Value::Null, |action| ACTIONS.shown(action.body));
    let mut shown = generic::without(binding.clone(), &["action_id"]);
    shown["action"] =
        generic::without(action, &["code", "dependencies", "runtime", "status", "secrets"]);
    shown["action"]["all_changes_deployed"] = false.into();
    Ok(shown)
}
