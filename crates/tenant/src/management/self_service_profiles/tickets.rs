//! Tickets with which a customer's administrator sets up a connection. The pages behind them are not played.

use serde_json::json;

use super::PROFILES;
use crate::management::generic::find;
use crate::pipeline::{Answer, ApiError, Context, Request, Table};
use crate::store::{Kind, Transaction};

const TICKET: Kind = Kind("sso_ticket");

pub(super) fn behaviours(table: &mut Table) {
    table.write("post_sso-ticket", "Create a self-service profile SSO ticket", create);
    table.write("post_revoke", "Revoke a self-service profile SSO ticket", revoke);
}

async fn create(context: Context, request: Request) -> Result<Answer, ApiError> {
    find(&PROFILES, &context, &request).await?;
    let ticket = context.tenant.random().alphanumeric(32);
    let url = context.origin.url(&format!("/self-service/connections-flow?ticket={ticket}"));
    let change = Transaction::new().put(TICKET, ticket, request.body, Vec::new());
    Ok(context.commit(change, Answer::created(json!({"ticket": url}))).await?)
}

async fn revoke(context: Context, request: Request) -> Result<Answer, ApiError> {
    let change = Transaction::new().delete(TICKET, request.id());
    Ok(context.commit(change, Answer::accepted(json!({}))).await?)
}
