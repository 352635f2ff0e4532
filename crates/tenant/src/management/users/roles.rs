//! `/users/{id}/roles`

use serde_json::Value;

use super::find;
use crate::management::roles::{self, USER_ROLE};
use crate::management::users;
use crate::pipeline::{Answer, ApiError, Context, Envelope, Paging, Request, Table};
use crate::store::{End, Transaction};

/// Roles that a user may have.
const MOST: u64 = 50;

pub(super) fn behaviours(table: &mut Table) {
    table.read("get_user_roles", list);
    table.write("post_user_roles", "Assign roles to a user", assign);
    table.write("delete_user_roles", "Remove roles from a user", remove);
}

async fn list(context: Context, request: Request) -> Result<Answer, ApiError> {
    let user = find(&context, request.id()).await?;
    let paging = Paging::of(&request)?;
    let store = context.store();
    let end = End::From(&user.id);
    let total = store.count_related(USER_ROLE, end).await?;
    let mut rows: Vec<Value> = Vec::new();
    for one in store.related(USER_ROLE, end, paging.span()).await? {
        if let Some(role) = store.get(roles::KIND, &one.id).await? {
            rows.push(role.body);
        }
    }
    Ok(paging.offset_answer("roles", rows, total, Envelope::CollectionFirst))
}

async fn assign(context: Context, request: Request) -> Result<Answer, ApiError> {
    let user = find(&context, request.id()).await?;
    let wanted = request.body_texts("roles");
    let present = context.store().count_related(USER_ROLE, End::From(&user.id)).await?;
    if present + wanted.len() as u64 > MOST {
        return Err(ApiError::invalid_body(format!("A user can have at most {MOST} roles")));
    }
    let mut change = Transaction::new().require(users::KIND, user.id.as_str());
    for id in wanted {
        let role = roles::find(&context, &id).await?;
        change = change.require(roles::KIND, role.id.as_str()).relate(
            USER_ROLE,
            user.id.as_str(),
            role.id,
        );
    }
    Ok(context.commit(change, Answer::no_content()).await?)
}

async fn remove(context: Context, request: Request) -> Result<Answer, ApiError> {
    let user = find(&context, request.id()).await?;
    let change =
        request.body_texts("roles").into_iter().fold(Transaction::new(), |change, role| {
            change.unrelate(USER_ROLE, user.id.as_str(), role)
        });
    Ok(context.commit(change, Answer::no_content()).await?)
}
