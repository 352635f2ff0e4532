//! `/users/{id}/permissions`: given directly, and shown with those that come through roles.

use serde_json::{Value, json};

use super::{USER_PERMISSION, find};
use crate::management::permissions::{Apis, Permission};
use crate::management::roles::{self, ROLE_PERMISSION, USER_ROLE};
use crate::pipeline::{Answer, ApiError, Context, Envelope, Paging, Request, Table};
use crate::store::{End, Span, StoreError, Transaction};

/// Permissions that a user or role may have.
const MOST: u64 = 1_000;

pub(super) fn behaviours(table: &mut Table) {
    table.read("get_permissions", list);
    table.write("post_permissions", "Assign permissions to a user", add);
    table.write("delete_permissions", "Remove permissions from a user", remove);
}

async fn list(context: Context, request: Request) -> Result<Answer, ApiError> {
    let user = find(&context, request.id()).await?;
    let paging = Paging::of(&request)?;
    let sourced = with_sources(&context, &user.id).await?;
    let total = sourced.len() as u64;
    let skip = usize::try_from(paging.start()).unwrap_or(usize::MAX);
    let limit = usize::try_from(paging.per_page).unwrap_or(usize::MAX);
    let mut apis = Apis::default();
    let mut rows = Vec::new();
    for (permission, sources) in sourced.into_iter().skip(skip).take(limit) {
        let mut row = apis.describe(&context, &permission).await?;
        row["sources"] = sources.into();
        rows.push(row);
    }
    Ok(paging.offset_answer("permissions", rows, total, Envelope::CollectionFirst))
}

/// Every permission once, with where it comes from.
async fn with_sources(
    context: &Context,
    user: &str,
) -> Result<Vec<(Permission, Vec<Value>)>, StoreError> {
    let store = context.store();
    let all = Span::page(0, MOST);
    let mut found: Vec<(Permission, Vec<Value>)> = Vec::new();
    let direct = store.related(USER_PERMISSION, End::From(user), all).await?;
    for permission in direct.iter().filter_map(|one| Permission::from_text(&one.id)) {
        found.push((permission, vec![source("", "", "DIRECT")]));
    }
    for role in store.related(USER_ROLE, End::From(user), all).await? {
        let name = store.get(roles::KIND, &role.id).await?.map(|role| role.body["name"].clone());
        let source =
            source(&role.id, name.as_ref().and_then(Value::as_str).unwrap_or_default(), "ROLE");
        let through = store.related(ROLE_PERMISSION, End::From(&role.id), all).await?;
        for permission in through.iter().filter_map(|one| Permission::from_text(&one.id)) {
            match found.iter_mut().find(|(known, _)| *known == permission) {
                Some((_, sources)) => sources.push(source.clone()),
                None => found.push((permission, vec![source.clone()])),
            }
        }
    }
    Ok(found)
}

fn source(id: &str, name: &str, kind: &str) -> Value {
    json!({"source_id": id, "source_name": name, "source_type": kind})
}

async fn add(context: Context, request: Request) -> Result<Answer, ApiError> {
    let user = find(&context, request.id()).await?;
    let permissions = Permission::of_body(&context, &request.body).await?;
    let change = permissions.iter().fold(Transaction::new(), |change, permission| {
        change.relate(USER_PERMISSION, user.id.as_str(), permission.to_text())
    });
    Ok(context.commit(change, Answer::created(json!({}))).await?)
}

async fn remove(context: Context, request: Request) -> Result<Answer, ApiError> {
    let user = find(&context, request.id()).await?;
    let permissions = Permission::named_in(&context, &request.body);
    let change = permissions.iter().fold(Transaction::new(), |change, permission| {
        change.unrelate(USER_PERMISSION, user.id.as_str(), permission.to_text())
    });
    Ok(context.commit(change, Answer::no_content()).await?)
}
