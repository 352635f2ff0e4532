//! What users have consented to (`/grants`) and the devices that hold their credentials (`/device-credentials`).

use serde_json::{Map, Value, json};

use super::{listing, users};
use crate::pipeline::{Answer, ApiError, Context, Envelope, Paging, Projection, Request, Table};
use crate::store::{CommitError, Conflict, Key, Kind, Transaction};

const GRANT: Kind = Kind("user_grant");
const DEVICE: Kind = Kind("device_credential");
/// Unique: a device of a user.
const BY_DEVICE: &str = "device";

pub(super) fn behaviours(table: &mut Table) {
    table.read("get_grants", grants);
    table.write("delete_grants_by_id", "Delete a grant", delete_grant);
    table.write("delete_grants_by_user_id", "Delete grants of a user", delete_grants_of_user);
    table.read("get_device-credentials", devices);
    table.write(
        "post_device-credentials",
        "Create a device public key credential",
        register_device,
    );
    table.write("delete_device-credentials_by_id", "Delete a device credential", delete_device);
}

async fn grants(context: Context, request: Request) -> Result<Answer, ApiError> {
    list(
        &context,
        &request,
        GRANT,
        "grants",
        &[("user_id", "user_id"), ("client_id", "clientID"), ("audience", "audience")],
    )
    .await
}

async fn devices(context: Context, request: Request) -> Result<Answer, ApiError> {
    let filters = [("user_id", "user_id"), ("client_id", "client_id"), ("type", "type")];
    list(&context, &request, DEVICE, "device_credentials", &filters).await
}

/// A page of those that have what the query asks for; each filter is a parameter and the field it looks at.
async fn list(
    context: &Context,
    request: &Request,
    kind: Kind,
    collection: &str,
    filters: &[(&str, &str)],
) -> Result<Answer, ApiError> {
    let paging = Paging::of(request)?;
    paging.within_wall()?;
    let admits = |document: &Value| {
        filters.iter().all(|(parameter, field)| {
            request.query_text(parameter).is_none_or(|wanted| document[*field] == wanted)
        })
    };
    let page = listing::page_where(context.store(), kind, &paging, admits).await?;
    let projection = Projection::of(request);
    let rows =
        page.rows.into_iter().map(|(position, row)| (position, projection.apply(row))).collect();
    Ok(paging.answer(collection, rows, page.total, Envelope::TotalFirst))
}

async fn delete_grant(context: Context, request: Request) -> Result<Answer, ApiError> {
    let change = Transaction::new().delete(GRANT, request.id());
    Ok(context.commit(change, Answer::no_content()).await?)
}

async fn delete_grants_of_user(context: Context, request: Request) -> Result<Answer, ApiError> {
    let user = request.query_text("user_id").unwrap_or_default();
    let change = Transaction::new().delete_matching(GRANT, users::BY_USER, user);
    Ok(context.commit(change, Answer::no_content()).await?)
}

/// The caller's own public key for one of its devices.
async fn register_device(context: Context, request: Request) -> Result<Answer, ApiError> {
    let id = format!("dcr_{}", context.tenant.random().alphanumeric(16));
    let user = context.caller.subject.clone();
    let given = request.into_fields();
    let device = given.get("device_id").and_then(Value::as_str).unwrap_or_default();
    let keys = vec![
        Key::unique(BY_DEVICE, format!("{user} {device}")),
        Key::shared(users::BY_USER, user.as_str()),
    ];
    let mut credential = Map::new();
    credential.insert("id".into(), id.as_str().into());
    credential.insert("user_id".into(), user.into());
    credential.extend(given);
    let answer = Answer::created(json!({"id": id}));
    let change = Transaction::new().insert(DEVICE, id, Value::Object(credential), keys);
    context.commit(change, answer).await.map_err(|error| match error {
        CommitError::Conflict(Conflict::Taken { .. }) => {
            ApiError::conflict("A public key already exists for the device.")
        }
        other => other.into(),
    })
}

async fn delete_device(context: Context, request: Request) -> Result<Answer, ApiError> {
    let change = Transaction::new().delete(DEVICE, request.id());
    Ok(context.commit(change, Answer::no_content()).await?)
}
