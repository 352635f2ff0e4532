//! `/hooks/{id}/secrets`: set, never shown.

use serde_json::{Value, json};

use super::{HOOKS, SECRETS};
use crate::management::generic::{Fields, fields_of, find};
use crate::pipeline::{Answer, ApiError, Context, Request, Table};
use crate::store::{Document, Transaction};

const NOT_SHOWN: &str = "_VALUE_NOT_SHOWN_";

pub(super) fn behaviours(table: &mut Table) {
    table.read("get_secrets", list);
    table.write("post_secrets", "Add secrets to a Hook", add);
    table.write("patch_secrets", "Update secrets of a Hook", update);
    table.write("delete_secrets", "Delete secrets of a Hook", delete);
}

async fn list(context: Context, request: Request) -> Result<Answer, ApiError> {
    let hook = find(&HOOKS, &context, &request).await?;
    let shown = secrets_of(&hook).into_iter().map(|(name, _)| (name, NOT_SHOWN.into()));
    Ok(Answer::ok(Value::Object(shown.collect())))
}

async fn add(context: Context, request: Request) -> Result<Answer, ApiError> {
    let hook = find(&HOOKS, &context, &request).await?;
    let mut secrets = secrets_of(&hook);
    let added = request.into_fields();
    if let Some(name) = added.keys().find(|name| secrets.contains_key(*name)) {
        return Err(ApiError::conflict(format!("The secret {name} already exists")));
    }
    secrets.extend(added);
    store(&context, hook, secrets, Answer::created(json!({}))).await
}

async fn update(context: Context, request: Request) -> Result<Answer, ApiError> {
    let hook = find(&HOOKS, &context, &request).await?;
    let mut secrets = secrets_of(&hook);
    secrets.extend(request.into_fields());
    store(&context, hook, secrets, Answer::created(json!({}))).await
}

async fn delete(context: Context, request: Request) -> Result<Answer, ApiError> {
    let hook = find(&HOOKS, &context, &request).await?;
    let mut secrets = secrets_of(&hook);
    let gone = request.body.as_array().map(Vec::as_slice).unwrap_or_default();
    secrets.retain(|name, _| !gone.iter().any(|gone| gone.as_str() == Some(name)));
    store(&context, hook, secrets, Answer::no_content()).await
}

fn secrets_of(hook: &Document) -> Fields {
    fields_of(hook.body.get(SECRETS).cloned().unwrap_or_default())
}

async fn store(
    context: &Context,
    hook: Document,
    secrets: Fields,
    answer: Answer,
) -> Result<Answer, ApiError> {
    let mut body = hook.body;
    body[SECRETS] = Value::Object(secrets);
    let keys = HOOKS.keys(&body);
    let change = Transaction::new().replace(HOOKS.kind, hook.id, hook.version, body, keys);
    Ok(context.commit(change, answer).await?)
}
