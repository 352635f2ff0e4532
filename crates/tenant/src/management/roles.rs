//! Roles: names for sets of permissions, and who has them.

mod permissions;
mod users;

use callboard_contract::Inexistent;
use http::StatusCode;
use serde_json::{Map, Value, json};

use super::organizations::MEMBER_ROLE;
use crate::pipeline::{Answer, ApiError, Context, Envelope, Paging, Request, Table};
use crate::store::{CommitError, Conflict, Document, Key, Kind, Relation, Span, Transaction};

pub(crate) const KIND: Kind = Kind("role");
/// From a user to a role.
pub(crate) const USER_ROLE: Relation = Relation("user-role");
/// From a role to a [`super::permissions::Permission`].
pub(crate) const ROLE_PERMISSION: Relation = Relation("role-permission");

const BY_NAME: &str = "name";
/// Roles that a tenant may have.
const MOST_ROLES: u64 = 1_000;

pub(super) fn behaviours(table: &mut Table) {
    table.read("get_roles", list);
    table.write("post_roles", "Create a role", create);
    table.read("get_roles_by_id", get);
    table.write("patch_roles_by_id", "Update a role", update);
    table.write("delete_roles_by_id", "Delete a role", delete);
    permissions::behaviours(table);
    users::behaviours(table);
}

/// The role, or the API's 404.
pub(crate) async fn find(context: &Context, id: &str) -> Result<Document, ApiError> {
    context.store().get(KIND, id).await?.ok_or_else(|| Inexistent::Role.into())
}

async fn list(context: Context, request: Request) -> Result<Answer, ApiError> {
    let paging = Paging::of(&request)?;
    paging.within_wall()?;
    let Some(filter) = request.query_text("name_filter").map(str::to_lowercase) else {
        let found = context.store().list(KIND, paging.span()).await?;
        let total = context.store().count(KIND).await?;
        let rows = found.into_iter().map(|role| (role.position, role.body)).collect();
        return Ok(paging.answer("roles", rows, total, Envelope::CollectionFirst));
    };
    let all = context.store().list(KIND, Span::page(0, MOST_ROLES)).await?;
    let named = |role: &Value| {
        role["name"].as_str().is_some_and(|name| name.to_lowercase().contains(&filter))
    };
    let matching: Vec<_> = all.into_iter().map(|role| role.body).filter(named).collect();
    let total = matching.len() as u64;
    Ok(paging.answer("roles", paging.page_of(matching), total, Envelope::CollectionFirst))
}

async fn create(context: Context, request: Request) -> Result<Answer, ApiError> {
    let id = format!("rol_{}", context.tenant.random().alphanumeric(16));
    let mut role = Map::new();
    role.insert("id".into(), id.as_str().into());
    role.extend(request.into_fields());
    let role = Value::Object(role);
    let change = Transaction::new().insert(KIND, id, role.clone(), keys(&role));
    context.commit(change, Answer::ok(role)).await.map_err(duplicate_name)
}

async fn get(context: Context, request: Request) -> Result<Answer, ApiError> {
    Ok(Answer::ok(find(&context, request.id()).await?.body))
}

async fn update(context: Context, request: Request) -> Result<Answer, ApiError> {
    let found = find(&context, request.id()).await?;
    let Value::Object(mut role) = found.body else {
        return Err(ApiError::internal("a role is not an object"));
    };
    role.extend(request.into_fields());
    let role = Value::Object(role);
    let change =
        Transaction::new().replace(KIND, found.id, found.version, role.clone(), keys(&role));
    context.commit(change, Answer::ok(role)).await.map_err(duplicate_name)
}

async fn delete(context: Context, request: Request) -> Result<Answer, ApiError> {
    let role = find(&context, request.id()).await?;
    let change = Transaction::new()
        .unrelate_target(USER_ROLE, role.id.as_str())
        .unrelate_source(ROLE_PERMISSION, role.id.as_str())
        .unrelate_target(MEMBER_ROLE, role.id.as_str())
        .delete(KIND, role.id);
    Ok(context.commit(change, Answer::with(StatusCode::OK, json!({}))).await?)
}

fn keys(role: &Value) -> Vec<Key> {
    vec![Key::unique(BY_NAME, role["name"].as_str().unwrap_or_default())]
}

fn duplicate_name(error: CommitError) -> ApiError {
    match error {
        CommitError::Conflict(Conflict::Taken { .. }) => {
            ApiError::conflict("The role already exists.")
        }
        other => other.into(),
    }
}
