//! Which applications' users may log in through a connection.

use serde_json::{Map, Value, json};

use super::{ENABLED_CLIENT, find};
use crate::management::clients;
use crate::pipeline::{Answer, ApiError, Context, Envelope, Paging, Request, Table};
use crate::store::{End, Transaction};

/// Applications that one call may switch.
const MOST: usize = 50;

pub(super) fn behaviours(table: &mut Table) {
    table.read("get_connection_clients", list);
    table.write("patch_clients", "Update enabled clients for a connection", switch);
}

/// Takes `enabled_clients` out of the body of a new connection. Each must be a client of this tenant.
pub(super) async fn take(
    context: &Context,
    given: &mut Map<String, Value>,
) -> Result<Vec<String>, ApiError> {
    let sent = given.shift_remove("enabled_clients");
    let sent = sent.as_ref().and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let ids: Vec<_> = sent.iter().filter_map(Value::as_str).map(str::to_owned).collect();
    for id in &ids {
        clients::require(context.store(), id).await?;
    }
    Ok(ids)
}

async fn list(context: Context, request: Request) -> Result<Answer, ApiError> {
    let connection = find(&context, request.id()).await?;
    let paging = Paging::by_checkpoint(&request)?;
    let end = End::From(&connection.id);
    let related = context.store().related(ENABLED_CLIENT, end, paging.span()).await?;
    let rows =
        related.into_iter().map(|one| (one.position, json!({"client_id": one.id}))).collect();
    Ok(paging.answer("clients", rows, 0, Envelope::TotalFirst))
}

async fn switch(context: Context, request: Request) -> Result<Answer, ApiError> {
    let connection = find(&context, request.id()).await?;
    let switches = request.body.as_array().map(Vec::as_slice).unwrap_or_default();
    if switches.len() > MOST {
        let message = format!(
            "Payload validation error: 'Array is too long ({}), maximum {MOST}'.",
            switches.len()
        );
        return Err(ApiError::invalid_body(message));
    }
    let mut change = Transaction::new();
    for switch in switches {
        let client = switch["client_id"].as_str().unwrap_or_default();
        if switch["status"] == true {
            clients::require(context.store(), client).await?;
            change = change.relate(ENABLED_CLIENT, connection.id.as_str(), client);
        } else {
            change = change.unrelate(ENABLED_CLIENT, connection.id.as_str(), client);
        }
    }
    Ok(context.commit(change, Answer::no_content()).await?)
}
