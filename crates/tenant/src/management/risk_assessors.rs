//! `POST /users/{id}/risk-assessments/clear`: forgets the devices that a user is known to use.

use super::{connections, users};
use crate::pipeline::{Answer, ApiError, Context, Request, Table};
use crate::store::{Kind, Transaction};

/// One for each device at which a user has logged in, found by the user.
const KNOWN_DEVICE: Kind = Kind("known_device");

pub(super) fn behaviours(table: &mut Table) {
    table.write("post_clear_assessors", "Clear risk assessment assessors", clear);
}

async fn clear(context: Context, request: Request) -> Result<Answer, ApiError> {
    let user = users::find(&context, request.id()).await?;
    let name = request.body["connection"].as_str().unwrap_or_default();
    let found = context.store().find(connections::KIND, connections::BY_NAME, name).await?;
    if found.is_none() {
        let message = "The connection does not exist";
        return Err(ApiError::bad_request("inexistent_connection", message));
    }
    let change = Transaction::new().delete_matching(KNOWN_DEVICE, users::BY_USER, user.id);
    Ok(context.commit(change, Answer::no_content()).await?)
}
