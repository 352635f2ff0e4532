//! `/roles/{id}/permissions`

use serde_json::json;

use super::{KIND, ROLE_PERMISSION, find};
use crate::management::permissions::{Apis, Permission};
use crate::pipeline::{Answer, ApiError, Context, Envelope, Paging, Request, Table};
use crate::store::{End, Transaction};

pub(super) fn behaviours(table: &mut Table) {
    table.read("get_role_permission", list);
    table.write("post_role_permission_assignment", "Associate permissions with a role", add);
    table.write("delete_role_permission_assignment", "Remove permissions from a role", remove);
}

async fn list(context: Context, request: Request) -> Result<Answer, ApiError> {
    let role = find(&context, request.id()).await?;
    let paging = Paging::of(&request)?;
    let end = End::From(&role.id);
    let related = context.store().related(ROLE_PERMISSION, end, paging.span()).await?;
    let total = context.store().count_related(ROLE_PERMISSION, end).await?;
    let mut apis = Apis::default();
    let mut rows = Vec::with_capacity(related.len());
    for one in related {
        if let Some(permission) = Permission::from_text(&one.id) {
            rows.push(apis.describe(&context, &permission).await?);
        }
    }
    Ok(paging.offset_answer("permissions", rows, total, Envelope::CollectionFirst))
}

async fn add(context: Context, request: Request) -> Result<Answer, ApiError> {
    let role = find(&context, request.id()).await?;
    let permissions = Permission::of_body(&context, &request.body).await?;
    let role_is_there = Transaction::new().require(KIND, role.id.as_str());
    let change = permissions.iter().fold(role_is_there, |change, permission| {
        change.relate(ROLE_PERMISSION, role.id.as_str(), permission.to_text())
    });
    Ok(context.commit(change, Answer::created(json!({}))).await?)
}

async fn remove(context: Context, request: Request) -> Result<Answer, ApiError> {
    let role = find(&context, request.id()).await?;
    let permissions = Permission::named_in(&context, &request.body);
    let change = permissions.iter().fold(Transaction::new(), |change, permission| {
        change.unrelate(ROLE_PERMISSION, role.id.as_str(), permission.to_text())
    });
    Ok(context.commit(change, Answer::no_content()).await?)
}
