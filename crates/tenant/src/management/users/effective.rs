//! `/users/{id}/effective-roles` and `/users/{id}/effective-permissions`: what a user has, however it came by it.

use serde_json::{Value, json};

use super::find;
use crate::management::effective::{self, Held, with_source};
use crate::management::permissions::Apis;
use crate::pipeline::{Answer, ApiError, Context, Envelope, Paging, Request, Table};

pub(super) fn behaviours(table: &mut Table) {
    table.read("get_user_effective_roles", roles);
    table.read("get_user_effective_permissions", permissions);
    table.read("get_user_effective_permission_role_sources", roles_behind_permission);
}

async fn roles(context: Context, request: Request) -> Result<Answer, ApiError> {
    let user = find(&context, request.id()).await?;
    let roles = effective::roles(context.store(), &user.id).await?;
    answer(&request, "roles", roles.into_iter().map(with_source).collect())
}

/// Those on the API that the query names.
async fn permissions(context: Context, request: Request) -> Result<Answer, ApiError> {
    let mut apis = Apis::default();
    let mut rows = Vec::new();
    for held in held_on_api(&context, &request).await? {
        let mut row = apis.describe(&context, &held.permission).await?;
        let direct = held.directly.then_some("direct");
        let roles = (!held.roles.is_empty()).then_some("roles");
        row["sources"] = json!(direct.into_iter().chain(roles).collect::<Vec<_>>());
        rows.push(row);
    }
    answer(&request, "permissions", rows)
}

async fn roles_behind_permission(context: Context, request: Request) -> Result<Answer, ApiError> {
    let name = request.query_text("permission_name").unwrap_or_default();
    let held = held_on_api(&context, &request).await?;
    let roles =
        held.into_iter().filter(|held| held.permission.name == name).flat_map(|held| held.roles);
    answer(&request, "roles", roles.map(with_source).collect())
}

async fn held_on_api(context: &Context, request: &Request) -> Result<Vec<Held>, ApiError> {
    let user = find(context, request.id()).await?;
    let api = request.query_text("resource_server_identifier").unwrap_or_default();
    let api = context.origin.stored_audience(api);
    let mut held = effective::permissions(context.store(), &user.id).await?;
    held.retain(|held| held.permission.api == api);
    Ok(held)
}

fn answer(request: &Request, collection: &str, rows: Vec<Value>) -> Result<Answer, ApiError> {
    let paging = Paging::by_checkpoint(request)?;
    let total = rows.len() as u64;
    Ok(paging.answer(collection, paging.page_of(rows), total, Envelope::CollectionFirst))
}
