//! The users of a database connection, as far as the connection rules over them.

use serde_json::{Value, json};

use super::find;
use crate::management::users;
use crate::pipeline::{Answer, ApiError, Context, Request, Table};
use crate::store::{Document, Span, StoreError, Transaction};

/// Users that are looked through at a time.
const CHUNK: u64 = 1_000;

pub(super) fn behaviours(table: &mut Table) {
    table.write("delete_users_by_email", "Delete a connection user", delete_by_email);
}

/// 204 also when nobody has the address.
async fn delete_by_email(context: Context, request: Request) -> Result<Answer, ApiError> {
    let connection = find(&context, request.id()).await?;
    if connection.body["strategy"] != "auth0" {
        return Err(ApiError::invalid_body("Connection must be a database connection"));
    }
    let name = connection.body["name"].as_str().unwrap_or_default();
    let email = request.query_text("email").unwrap_or_default();
    let mut change = Transaction::new();
    if let Some(user) = users::identified_by(context.store(), name, email).await? {
        let event = users::farewell(&context, &user, json!({"email": email})).await?;
        change = users::removal(change, &user.id, &user.body).log(Some(user.id), event.into_body());
    }
    Ok(context.commit(change, Answer::no_content()).await?)
}

/// Every user whose first identity belongs to the connection goes.
pub(super) async fn all_removed(
    mut change: Transaction,
    context: &Context,
    connection: &Value,
) -> Result<Transaction, StoreError> {
    let belongs = |user: &Document| user.body["identities"][0]["connection"] == connection["name"];
    let mut after = 0;
    loop {
        let chunk = context.store().list(users::KIND, Span::after(after, CHUNK)).await?;
        let Some(last) = chunk.last() else { return Ok(change) };
        after = last.position;
        for user in chunk.iter().filter(|user| belongs(user)) {
            change = users::removal(change, &user.id, &user.body);
        }
    }
}
