//! Directory provisioning of a connection: which attributes and groups a directory sends. No directory is asked; a
//! synchronization ends at once and brings nothing.

use callboard_contract::{ErrorBody, Inexistent};
use serde_json::{Value, json};

use super::connections;
use super::generic::{self, Fields, Listing, every, fields_of};
use crate::pipeline::{Answer, ApiError, Context, Paging, Request, Table};
use crate::store::{CommitError, Conflict, Document, Kind, Transaction};

/// One for each connection that has it, under the connection's id.
const KIND: Kind = Kind("directory_provisioning");
/// The member with the groups that were chosen.
const GROUPS: &str = "groups";

pub(super) fn behaviours(table: &mut Table) {
    table.read("get_connections-directory-provisionings", list);
    table.read("get_directory-provisioning", get);
    table.read("get_directory_provisioning_default_mapping", default_mapping);
    table.write(
        "post_directory-provisioning",
        "Create a directory provisioning configuration",
        create,
    );
    table.write(
        "patch_directory-provisioning",
        "Update a directory provisioning configuration",
        update,
    );
    table.write(
        "delete_directory-provisioning",
        "Delete a directory provisioning configuration",
        delete,
    );
    table.write("post_synchronizations", "Request a directory synchronization", synchronize);
    table.read("get_synchronized-groups", groups);
    table.write("put_synchronized-groups", "Set the synchronized groups", set_groups);
}

async fn connection(context: &Context, request: &Request) -> Result<Document, ApiError> {
    let found = context.store().get(connections::KIND, request.id()).await?;
    found.ok_or_else(|| Inexistent::Connection.into())
}

async fn find(context: &Context, request: &Request) -> Result<Document, ApiError> {
    let connection = connection(context, request).await?;
    let found = context.store().get(KIND, &connection.id).await?;
    let missing = || {
        ErrorBody::new(404, "The connection does not have a directory provisioning configuration")
    };
    found.ok_or_else(|| missing().into())
}

fn shown(provisioning: Value) -> Value {
    generic::without(provisioning, &[GROUPS])
}

async fn list(context: Context, request: Request) -> Result<Answer, ApiError> {
    let all = every(&context, KIND).await?;
    let listing = Listing::of(generic::operation("get_connections-directory-provisionings"));
    listing.answer(&request, all, &shown)
}

async fn get(context: Context, request: Request) -> Result<Answer, ApiError> {
    Ok(Answer::ok(shown(find(&context, &request).await?.body)))
}

async fn default_mapping(context: Context, request: Request) -> Result<Answer, ApiError> {
    connection(&context, &request).await?;
    Ok(Answer::ok(json!({"mapping": mapping()})))
}

async fn create(context: Context, request: Request) -> Result<Answer, ApiError> {
    let connection = connection(&context, &request).await?;
    let now = context.timestamp();
    let mut provisioning = fields_of(json!({
        "connection_id": connection.id, "connection_name": connection.body["name"],
        "strategy": connection.body["strategy"], "mapping": mapping(), "synchronize_automatically": false,
        "synchronize_groups": "off", "created_at": now, "updated_at": now,
    }));
    provisioning.extend(request.into_fields());
    let provisioning = Value::Object(provisioning);
    let answer = Answer::created(provisioning.clone());
    let change = Transaction::new().insert(KIND, connection.id, provisioning, Vec::new());
    context.commit(change, answer).await.map_err(|error| match error {
        CommitError::Conflict(Conflict::Exists { .. }) => {
            ApiError::conflict("The connection already has a directory provisioning configuration")
        }
        other => other.into(),
    })
}

async fn update(context: Context, request: Request) -> Result<Answer, ApiError> {
    let found = find(&context, &request).await?;
    replace(&context, found, request.into_fields(), |body| Answer::ok(shown(body))).await
}

async fn delete(context: Context, request: Request) -> Result<Answer, ApiError> {
    let found = find(&context, &request).await?;
    let change = Transaction::new().delete(KIND, found.id);
    Ok(context.commit(change, Answer::no_content()).await?)
}

async fn synchronize(context: Context, request: Request) -> Result<Answer, ApiError> {
    let found = find(&context, &request).await?;
    let id = format!("dsync_{}", context.tenant.random().alphanumeric(16));
    let answer = json!({"connection_id": found.id, "synchronization_id": id, "status": "pending"});
    let done = json!({
        "last_synchronization_at": context.timestamp(), "last_synchronization_status": "succeeded",
    });
    replace(&context, found, fields_of(done), |_| Answer::created(answer)).await
}

async fn groups(context: Context, request: Request) -> Result<Answer, ApiError> {
    let found = find(&context, &request).await?;
    let groups = found.body[GROUPS].as_array().cloned().unwrap_or_default();
    let paging = Paging::of(&request)?;
    let total = groups.len() as u64;
    let rows = paging.page_of(groups);
    let listing = Listing::of(generic::operation("get_synchronized-groups"));
    Ok(listing.wrapped(&paging, rows, total))
}

async fn set_groups(context: Context, request: Request) -> Result<Answer, ApiError> {
    let found = find(&context, &request).await?;
    replace(&context, found, request.into_fields(), |_| Answer::no_content()).await
}

async fn replace(
    context: &Context,
    found: Document,
    sent: Fields,
    answer: impl FnOnce(Value) -> Answer,
) -> Result<Answer, ApiError> {
    let mut provisioning = fields_of(found.body);
    provisioning.extend(sent);
    provisioning.insert("updated_at".into(), context.timestamp().into());
    let provisioning = Value::Object(provisioning);
    let answer = answer(provisioning.clone());
    let change =
        Transaction::new().replace(KIND, found.id, found.version, provisioning, Vec::new());
    Ok(context.commit(change, answer).await?)
}

/// From names of a directory to those of a profile.
fn mapping() -> Value {
    [
        ("primaryEmail", "email"),
        ("name.givenName", "given_name"),
        ("name.familyName", "family_name"),
        ("id", "external_id"),
    ]
    .map(|(idp, auth0)| json!({"idp": idp, "auth0": auth0}))
    .into_iter()
    .collect()
}
