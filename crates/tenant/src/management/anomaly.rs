//! Addresses that are blocked for suspicious traffic.

use callboard_contract::ErrorBody;
use serde_json::json;

use crate::pipeline::{Answer, ApiError, Context, Request, Table};
use crate::store::{Kind, Transaction};

/// A blocked address; the login half of the tenant makes them.
const BLOCKED_IP: Kind = Kind("blocked_ip");

pub(super) fn behaviours(table: &mut Table) {
    table.read("get_ips_by_id", get);
    table.write("delete_ips_by_id", "Unblock an IP address", unblock);
}

async fn get(context: Context, request: Request) -> Result<Answer, ApiError> {
    match context.store().get(BLOCKED_IP, request.id()).await? {
        Some(_) => Ok(Answer::ok(json!({}))),
        None => Err(ErrorBody::no_route().into()),
    }
}

async fn unblock(context: Context, request: Request) -> Result<Answer, ApiError> {
    let change = Transaction::new().delete(BLOCKED_IP, request.id());
    Ok(context.commit(change, Answer::no_content()).await?)
}
