//! `/users/{id}/identities`: one person's accounts become one user, and apart again.

use callboard_contract::Inexistent;
use serde_json::{Map, Value, json};

use super::{BY_LINKED_IDENTITY, KIND, USER_PERMISSION, find, keys, profile};
use crate::management::roles::USER_ROLE;
use crate::pipeline::{Answer, ApiError, Context, Request, Table};
use crate::store::{CommitError, Conflict, Document, Transaction};
use crate::tokens::subject_of_id_token;

pub(super) fn behaviours(table: &mut Table) {
    table.write("post_identities", "Link a User Account", link);
    table.write("delete_user_identity_by_user_id", "Unlink a User Identity", unlink);
}

/// The secondary account's identities move to the primary; its record, metadata, roles and permissions vanish.
async fn link(context: Context, request: Request) -> Result<Answer, ApiError> {
    let primary = find(&context, request.id()).await?;
    let secondary = secondary(&context, &request.body).await?;
    if secondary.id == primary.id {
        return Err(ApiError::invalid_body("Main account and alias are equal"));
    }
    let mut identities = profile::identities(&primary.body).to_vec();
    for (position, identity) in profile::identities(&secondary.body).iter().enumerate() {
        let mut moved = Map::new();
        if position == 0 {
            moved.insert("profileData".into(), profile::profile_data(&secondary.body));
        }
        moved.extend(identity.as_object().cloned().unwrap_or_default());
        identities.push(Value::Object(moved));
    }
    let body = with_identities(&context, &primary.body, identities);
    let change = Transaction::new()
        .delete(KIND, secondary.id.as_str())
        .unrelate_source(USER_ROLE, secondary.id.as_str())
        .unrelate_source(USER_PERMISSION, secondary.id.as_str())
        .replace(KIND, primary.id, primary.version, body.clone(), keys(&body));
    context.commit(change, Answer::created(shown(&body))).await.map_err(already_linked)
}

/// The account that a body names, with or without the provider before its id.
async fn secondary(context: &Context, body: &Value) -> Result<Document, ApiError> {
    if body.get("link_with").is_some() {
        return by_token(context, body["link_with"].as_str().unwrap_or_default()).await;
    }
    let provider = body["provider"].as_str().unwrap_or_default();
    let given = match &body["user_id"] {
        Value::String(id) => id.clone(),
        other => other.to_string(),
    };
    let id = with_provider(provider, &given);
    let store = context.store();
    if let Some(user) = store.get(KIND, &id).await? {
        return Ok(user);
    }
    if store.find(KIND, BY_LINKED_IDENTITY, &id).await?.is_some() {
        return Err(ApiError::conflict("Specified identity already exists."));
    }
    Err(Inexistent::User.into())
}

/// Ids come with or without the provider before them.
fn with_provider(provider: &str, id: &str) -> String {
    let is_whole = id.strip_prefix(provider).is_some_and(|rest| rest.starts_with('|'));
    if is_whole { id.to_owned() } else { format!("{provider}|{id}") }
}

/// The account that an ID token of this tenant proves.
async fn by_token(context: &Context, token: &str) -> Result<Document, ApiError> {
    let key = context.tenant.keys().of_token(token);
    let subject = subject_of_id_token(&key, token, &context.caller.client_id, context.now)
        .map_err(|_| ApiError::invalid_body("The link_with token is not valid"))?;
    find(context, &subject).await
}

fn already_linked(error: CommitError) -> ApiError {
    match error {
        CommitError::Conflict(Conflict::Taken { .. }) => {
            ApiError::conflict("Specified identity already exists.")
        }
        other => other.into(),
    }
}

/// The identity becomes a user of its own again, with empty metadata.
async fn unlink(context: Context, request: Request) -> Result<Answer, ApiError> {
    let primary = find(&context, request.id()).await?;
    let id = with_provider(request.path("provider"), request.path("user_id"));
    let identities = profile::identities(&primary.body);
    let position = identities.iter().position(|identity| profile::identity_id(identity) == id);
    let freed = match position {
        None => return Err(Inexistent::Other("identity").into()),
        Some(0) => return Err(ApiError::invalid_body("Main identity cannot be unlinked")),
        Some(position) => identities[position].clone(),
    };
    let kept = identities
        .iter()
        .filter(|identity| profile::identity_id(identity) != id)
        .cloned()
        .collect();
    let body = with_identities(&context, &primary.body, kept);
    let user = user_of(&context, &id, freed);
    let change = Transaction::new()
        .replace(KIND, primary.id, primary.version, body.clone(), keys(&body))
        .insert(KIND, id, user.clone(), keys(&user));
    Ok(context.commit(change, Answer::ok(shown(&body))).await?)
}

fn user_of(context: &Context, id: &str, mut identity: Value) -> Value {
    let data = identity.as_object_mut().and_then(|identity| identity.shift_remove("profileData"));
    let mut user = match data {
        Some(Value::Object(data)) => data,
        _ => Map::new(),
    };
    user.insert("user_id".into(), id.into());
    user.insert("identities".into(), json!([identity]));
    user.insert("created_at".into(), context.timestamp().into());
    user.insert("updated_at".into(), context.timestamp().into());
    profile::complete(&mut user);
    profile::arranged(user)
}

fn with_identities(context: &Context, user: &Value, identities: Vec<Value>) -> Value {
    let mut body = user.as_object().cloned().unwrap_or_default();
    body.insert("identities".into(), identities.into());
    body.insert("updated_at".into(), context.timestamp().into());
    profile::arranged(body)
}

/// In these answers the primary identity shows its profile too.
fn shown(user: &Value) -> Value {
    let identities = profile::identities(user).iter().enumerate().map(|(position, identity)| {
        let mut shown = Map::new();
        if position == 0 {
            shown.insert("profileData".into(), profile::profile_data(user));
        }
        shown.extend(identity.as_object().cloned().unwrap_or_default());
        Value::Object(shown)
    });
    identities.collect()
}
