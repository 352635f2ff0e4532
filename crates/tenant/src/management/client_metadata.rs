//! `/clients/cimd`: applications that describe themselves in a document at their own address.
//!
//! This tenant fetches nothing, so every document is one that cannot be reached, and the API says so as it does of those.

use serde_json::{Value, json};

use crate::pipeline::{Answer, ApiError, Context, Request, Table};

pub(super) fn behaviours(table: &mut Table) {
    table.read("post_clients_cimd_preview", preview);
    table.write(
        "post_clients_cimd_register",
        "Register a client from its metadata document",
        register,
    );
}

async fn preview(_: Context, request: Request) -> Result<Answer, ApiError> {
    let reason = unreachable(&request.body);
    Ok(Answer::ok(json!({
        "errors": [reason],
        "validation": {"valid": false, "violations": [reason], "warnings": []},
    })))
}

async fn register(_: Context, request: Request) -> Result<Answer, ApiError> {
    Err(ApiError::invalid_body(unreachable(&request.body)))
}

fn unreachable(body: &Value) -> String {
    let address = body["external_client_id"].as_str().unwrap_or_default();
    format!("The client metadata document at {address} could not be fetched")
}
