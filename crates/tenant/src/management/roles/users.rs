//! `/roles/{id}/users`

use serde_json::{Map, Value, json};

use super::{KIND, USER_ROLE, find};
use crate::management::users;
use crate::pipeline::{Answer, ApiError, Context, Envelope, Paging, Request, Table};
use crate::store::{End, Transaction};

/// What this list shows of a user, and in which order.
const SHOWN: [&str; 4] = ["user_id", "email", "picture", "name"];

pub(super) fn behaviours(table: &mut Table) {
    table.read("get_role_user", list);
    table.write("post_role_users", "Assign users to a role", assign);
}

async fn list(context: Context, request: Request) -> Result<Answer, ApiError> {
    let role = find(&context, request.id()).await?;
    let paging = Paging::of(&request)?;
    paging.within_wall()?;
    let store = context.store();
    let end = End::To(&role.id);
    let total = store.count_related(USER_ROLE, end).await?;
    let mut rows = Vec::new();
    for one in store.related(USER_ROLE, end, paging.span()).await? {
        if let Some(user) = store.get(users::KIND, &one.id).await? {
            rows.push((one.position, summary(&user.body)));
        }
    }
    Ok(paging.answer("users", rows, total, Envelope::CollectionFirst))
}

async fn assign(context: Context, request: Request) -> Result<Answer, ApiError> {
    let role = find(&context, request.id()).await?;
    let mut change = Transaction::new().require(KIND, role.id.as_str());
    for id in request.body_texts("users") {
        let user = users::find(&context, &id).await?;
        change = change.require(users::KIND, user.id.as_str()).relate(
            USER_ROLE,
            user.id,
            role.id.as_str(),
        );
    }
    Ok(context.commit(change, Answer::ok(json!({}))).await?)
}

fn summary(user: &Value) -> Value {
    let shown =
        SHOWN.into_iter().filter_map(|name| Some((name.to_owned(), user.get(name)?.clone())));
    Value::Object(shown.collect::<Map<_, _>>())
}
