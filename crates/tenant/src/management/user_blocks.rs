//! Blocks after too many failed logins. None arise yet, so all lists are empty and lifting one changes nothing.

use serde_json::json;

use super::users;
use crate::pipeline::{Answer, ApiError, Context, Request, Table};
use crate::store::Transaction;

pub(super) fn behaviours(table: &mut Table) {
    table.read("get_user-blocks", list);
    table.read("get_user-blocks_by_id", of_user);
    table.write("delete_user-blocks", "Unblock a user", lift);
    table.write("delete_user-blocks_by_id", "Unblock a user", lift_of_user);
}

async fn list(_context: Context, _request: Request) -> Result<Answer, ApiError> {
    Ok(Answer::ok(json!({"blocked_for": []})))
}

async fn of_user(context: Context, request: Request) -> Result<Answer, ApiError> {
    users::find(&context, request.id()).await?;
    Ok(Answer::ok(json!({"blocked_for": []})))
}

async fn lift(context: Context, _request: Request) -> Result<Answer, ApiError> {
    Ok(context.commit(Transaction::new(), Answer::no_content()).await?)
}

async fn lift_of_user(context: Context, request: Request) -> Result<Answer, ApiError> {
    users::find(&context, request.id()).await?;
    Ok(context.commit(Transaction::new(), Answer::no_content()).await?)
}
