//! Jobs: work that the real service does a while after the answer. Here it is done by the time that the job is read.

mod exports;
mod imports;
mod rows;
mod verification;

use callboard_contract::Inexistent;
use http::StatusCode;
use serde_json::{Value, json};

use super::connections;
use super::generic::{self, Fields};
use crate::pipeline::{Answer, ApiError, Context, Request, Table};
use crate::store::{Document, Kind, Transaction};

const KIND: Kind = Kind("job");
/// What a job keeps for `/errors`.
const ERRORS: &str = "errors";

pub(super) fn behaviours(table: &mut Table) {
    table.read("get_jobs_by_id", get);
    table.read("get_errors", errors);
    table.write("post_users-imports", "Create a job to import users", imports::import);
    table.write("post_users-exports", "Create a job to export users", exports::export);
    table.write(
        "post_verification-email",
        "Send an email address verification email",
        verification::send,
    );
}

async fn find(context: &Context, request: &Request) -> Result<Document, ApiError> {
    let found = context.store().get(KIND, request.id()).await?;
    found.ok_or_else(|| Inexistent::Other("job").into())
}

async fn get(context: Context, request: Request) -> Result<Answer, ApiError> {
    let job = find(&context, &request).await?;
    Ok(Answer::ok(generic::without(job.body, &[ERRORS])))
}

/// Nothing at all when nothing failed.
async fn errors(context: Context, request: Request) -> Result<Answer, ApiError> {
    let job = find(&context, &request).await?;
    Ok(match job.body.get(ERRORS) {
        Some(Value::Array(errors)) if !errors.is_empty() => Answer::ok(errors.clone()),
        _ => Answer::no_content(),
    })
}

/// Keeps a finished job and answers that it is waiting.
async fn finish(
    context: &Context,
    status: StatusCode,
    change: Transaction,
    waiting: Fields,
    done: Fields,
) -> Result<Answer, ApiError> {
    let id = format!("job_{}", context.tenant.random().alphanumeric(16));
    let mut job = waiting;
    job.insert("status".into(), "pending".into());
    job.insert("created_at".into(), context.timestamp().into());
    job.insert("id".into(), id.as_str().into());
    let answer = Answer::with(status, Value::Object(job.clone()));
    job.insert("status".into(), "completed".into());
    job.extend(done);
    let change = change.insert(KIND, id, json!(job), Vec::new());
    Ok(context.commit(change, answer).await?)
}

/// The connection that a body names, which has to exist.
async fn connection(context: &Context, id: &str) -> Result<Document, ApiError> {
    let found = context.store().get(connections::KIND, id).await?;
    found.ok_or_else(|| {
        ApiError::bad_request("inexistent_connection", "The connection does not exist")
    })
}
