//! `/users/{id}/permissions`: given directly, and shown with those that come through roles.

use serde_json::{Value, json};

use super::{KIND, USER_PERMISSION, find};
use crate::management::effective::{self, Held};
use crate::management::permissions::{Apis, Permission};
use crate::pipeline::{Answer, ApiError, Context, Envelope, Paging, Request, Table};
use crate::store::Transaction;

pub(super) fn behaviours(table: &mut Table) {
    table.read("get_permissions", list);
    table.write("post_permissions", "Assign permissions to a user", add);
    table.write("delete_permissions", "Remove permissions from a user", remove);
}

async fn list(context: Context, request: Request) -> Result<Answer, ApiError> {
    let user = find(&context, request.id()).await?;
    let paging = Paging::of(&request)?;
    let held = effective::permissions(context.store(), &user.id).await?;
    let total = held.len() as u64;
    let mut apis = Apis::default();
    let mut rows = Vec::new();
    for held in paging.stretch(held) {
        let mut row = apis.describe(&context, &held.permission).await?;
        row["sources"] = sources(&held);
        rows.push(row);
    }
    Ok(paging.offset_answer("permissions", rows, total, Envelope::CollectionFirst))
}

fn sources(held: &Held) -> Value {
    let direct =
        held.directly.then(|| json!({"source_id": "", "source_name": "", "source_type": "DIRECT"}));
    let roles = held.roles.iter();
    let roles = roles.map(
        |role| json!({"source_id": role["id"], "source_name": role["name"], "source_type": "ROLE"}),
    );
    direct.into_iter().chain(roles).collect()
}

async fn add(context: Context, request: Request) -> Result<Answer, ApiError> {
    let user = find(&context, request.id()).await?;
    let permissions = Permission::of_body(&context, &request.body).await?;
    let user_is_there = Transaction::new().require(KIND, user.id.as_str());
    let change = permissions.iter().fold(user_is_there, |change, permission| {
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
