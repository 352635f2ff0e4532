//! `/guardian/enrollments`: one enrolment by its id, and tickets with which users enrol.

use callboard_contract::Inexistent;
use serde_json::json;

use crate::management::users;
use crate::pipeline::{Answer, ApiError, Context, Request, Table};
use crate::store::{Kind, Transaction};

/// Enrolments that users have completed.
const KIND: Kind = Kind("enrollment");
const TICKET: Kind = Kind("enrollment_ticket");

pub(super) fn behaviours(table: &mut Table) {
    table.read("get_enrollments_by_id", get);
    table.write(
        "delete_enrollments_by_id",
        "Delete a multi-factor authentication enrollment",
        delete,
    );
    table.write("post_ticket", "Create a multi-factor authentication enrollment ticket", ticket);
}

async fn get(context: Context, request: Request) -> Result<Answer, ApiError> {
    let found = context.store().get(KIND, request.id()).await?;
    found.map(|found| Answer::ok(found.body)).ok_or_else(|| Inexistent::Enrollment.into())
}

async fn delete(context: Context, request: Request) -> Result<Answer, ApiError> {
    let found = context.store().get(KIND, request.id()).await?;
    let found = found.ok_or_else(|| ApiError::from(Inexistent::Enrollment))?;
    let change = Transaction::new().delete(KIND, found.id);
    Ok(context.commit(change, Answer::no_content()).await?)
}

async fn ticket(context: Context, request: Request) -> Result<Answer, ApiError> {
    users::find(&context, request.body["user_id"].as_str().unwrap_or_default()).await?;
    let id = context.tenant.random().alphanumeric(32);
    let url = context.origin.url(&format!("/enrollment?ticket_id={id}"));
    let answer = Answer::ok(json!({"ticket_id": id, "ticket_url": url}));
    let change = Transaction::new().put(TICKET, id, request.body, Vec::new());
    Ok(context.commit(change, answer).await?)
}
