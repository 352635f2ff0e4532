//! `POST /jobs/users-exports`
//!
//! There is no file server here: the job's `location` is the file itself, as a `data:` URL.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::StatusCode;
use serde_json::{Value, json};

use super::{connection, finish, rows};
use crate::management::generic::{Fields, every, fields_of};
use crate::management::users;
use crate::pipeline::{Answer, ApiError, Context, Request};
use crate::store::Transaction;

pub(super) async fn export(context: Context, request: Request) -> Result<Answer, ApiError> {
    let mut waiting = fields_of(json!({"type": "users_export", "connection": ""}));
    let mut of = None;
    if let Some(id) = request.body["connection_id"].as_str() {
        let connection = connection(&context, id).await?;
        waiting.insert("connection".into(), connection.body["name"].clone());
        of = Some(connection.body["name"].clone());
    }
    let mut users: Vec<Value> =
        every(&context, users::KIND).await?.into_iter().map(|user| user.body).collect();
    users.retain(|user| {
        let mut identities = user["identities"].as_array().into_iter().flatten();
        of.as_ref().is_none_or(|name| identities.any(|identity| identity["connection"] == *name))
    });
    if let Some(limit) = request.body["limit"].as_u64() {
        users.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
    }
    let fields = request.body["fields"].as_array().cloned().unwrap_or_default();
    let columns = rows::Column::all_of(&fields);
    let (kind, text) = match request.body["format"].as_str() {
        Some("csv") => ("text/csv", rows::csv(&columns, &users)),
        _ => ("application/x-ndjson", rows::lines(&columns, &users)),
    };
    waiting.extend(request.into_fields());
    let mut done = Fields::new();
    done.insert("location".into(), format!("data:{kind};base64,{}", STANDARD.encode(text)).into());
    done.insert("percentage_done".into(), 100.into());
    finish(&context, StatusCode::OK, Transaction::new(), waiting, done).await
}
