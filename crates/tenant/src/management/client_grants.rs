//! Client grants: which application may get tokens for which API, with which scopes.

use callboard_contract::Inexistent;
use serde_json::{Map, Value};

use super::{clients, listing, resource_servers};
use crate::pipeline::{Answer, ApiError, Context, Envelope, Paging, Request, Table};
use crate::store::{CommitError, Conflict, Document, End, Key, Kind, Relation, Span, Transaction};

pub(crate) const KIND: Kind = Kind("client_grant");
/// From an organization to a grant that may be used for it.
pub(crate) const ORGANIZATION_GRANT: Relation = Relation("organization-client-grant");

/// One grant per client, audience and kind of subject.
pub(crate) const BY_PARTIES: &str = "parties";
pub(crate) const BY_CLIENT: &str = "client";
pub(crate) const BY_AUDIENCE: &str = "audience";

pub(super) fn behaviours(table: &mut Table) {
    table.read("get_client-grants", list);
    table.write("post_client-grants", "Create a client grant", create);
    table.read("get_client-grant", get);
    table.write("patch_client-grants_by_id", "Update a client grant", update);
    table.write("delete_client-grants_by_id", "Delete a client grant", delete);
    table.read("get_client-grant-organizations", organizations);
}

pub(crate) fn keys(grant: &Value) -> Vec<Key> {
    let text = |name: &str| grant[name].as_str().unwrap_or_default();
    let subject = grant["subject_type"].as_str().unwrap_or("client");
    let client =
        grant["client_id"].as_str().or_else(|| grant["default_for"].as_str()).unwrap_or_default();
    vec![
        Key::unique(BY_PARTIES, key_value(client, text("audience"), subject)),
        Key::shared(BY_CLIENT, client),
        Key::shared(BY_AUDIENCE, text("audience")),
    ]
}

/// The value of [`BY_PARTIES`]. `audience` as it is stored.
pub(crate) fn key_value(client_id: &str, audience: &str, subject_type: &str) -> String {
    format!("{client_id} {subject_type} {audience}")
}

async fn find(context: &Context, id: &str) -> Result<Document, ApiError> {
    context.store().get(KIND, id).await?.ok_or_else(|| Inexistent::ClientGrant.into())
}

/// With its audience as the caller knows it.
fn shown(context: &Context, mut grant: Value) -> Value {
    let visible = grant["audience"].as_str().map(|stored| context.origin.visible_audience(stored));
    if let Some(audience) = visible {
        grant["audience"] = audience.into();
    }
    grant
}

async fn list(context: Context, request: Request) -> Result<Answer, ApiError> {
    let paging = Paging::of(&request)?;
    paging.within_wall()?;
    let store = context.store();
    let audience =
        request.query_text("audience").map(|audience| context.origin.stored_audience(audience));
    let client = request.query_text("client_id");
    let any_organization = request.query_flag("allow_any_organization");
    let is = |grant: &Value, name: &str, default: &str| {
        let value = grant[name].as_str().unwrap_or(default);
        request.query_text(name).is_none_or(|wanted| wanted == value)
    };
    let admits = |grant: &Value| {
        audience.is_none_or(|audience| grant["audience"] == audience)
            && client.is_none_or(|client| grant["client_id"] == client)
            && any_organization.is_none_or(|any| (grant["allow_any_organization"] == true) == any)
            && is(grant, "subject_type", "client")
            && is(grant, "default_for", "")
    };
    let page = match (client, audience) {
        (Some(client), _) => {
            let found = store.matching(KIND, BY_CLIENT, client, Span::page(0, u64::MAX)).await?;
            listing::page_of(
                found.into_iter().filter(|grant| admits(&grant.body)).collect(),
                &paging,
            )
        }
        (None, Some(audience)) => {
            let found =
                store.matching(KIND, BY_AUDIENCE, audience, Span::page(0, u64::MAX)).await?;
            listing::page_of(
                found.into_iter().filter(|grant| admits(&grant.body)).collect(),
                &paging,
            )
        }
        (None, None) => listing::page_where(store, KIND, &paging, admits).await?,
    };
    let rows =
        page.rows.into_iter().map(|(position, grant)| (position, shown(&context, grant))).collect();
    Ok(paging.answer("client_grants", rows, page.total, Envelope::TotalFirst))
}

async fn get(context: Context, request: Request) -> Result<Answer, ApiError> {
    let found = find(&context, request.id()).await?;
    Ok(Answer::ok(shown(&context, found.body)))
}

async fn create(context: Context, request: Request) -> Result<Answer, ApiError> {
    let given = request.into_fields();
    let store = context.store();
    match (given.get("client_id").and_then(Value::as_str), given.get("default_for")) {
        (Some(client), None) => clients::require(store, client).await?,
        (None, Some(_)) => {}
        _ => {
            return Err(ApiError::invalid_body(
                "Exactly one of client_id and default_for is required.",
            ));
        }
    }
    let audience = given.get("audience").and_then(Value::as_str).unwrap_or_default();
    let audience = context.origin.stored_audience(audience).to_owned();
    let api = store
        .find(resource_servers::KIND, resource_servers::BY_IDENTIFIER, &audience)
        .await?
        .ok_or(Inexistent::ResourceServer)?;
    let id = format!("cgr_{}", context.tenant.random().alphanumeric(16));
    let grant = new(&id, given, &audience);
    check_scopes(&grant, &api.body)?;
    let answer = Answer::created(shown(&context, grant.clone()));
    let change = Transaction::new().insert(KIND, id, grant.clone(), keys(&grant));
    context.commit(change, answer).await.map_err(|error| match error {
        CommitError::Conflict(Conflict::Taken { .. }) => {
            ApiError::conflict("A client grant for this client and audience already exists.")
        }
        other => other.into(),
    })
}

fn new(id: &str, given: Map<String, Value>, audience: &str) -> Value {
    let mut grant = Map::new();
    grant.insert("id".into(), id.into());
    let given = given.into_iter().filter(|(_, value)| !value.is_null());
    grant.extend(given);
    grant.insert("audience".into(), audience.into());
    grant.entry("scope").or_insert_with(|| Value::Array(Vec::new()));
    if grant.get("allow_any_organization").is_some_and(|any| any == false) {
        grant.shift_remove("allow_any_organization");
    }
    Value::Object(grant)
}

/// Every scope of a grant must be one of the API's, except that the Management API knows more than are documented.
fn check_scopes(grant: &Value, api: &Value) -> Result<(), ApiError> {
    if api["is_system"] == true {
        return Ok(());
    }
    let known = api["scopes"].as_array().map(Vec::as_slice).unwrap_or_default();
    let granted = grant["scope"].as_array().map(Vec::as_slice).unwrap_or_default();
    let is_unknown = |scope: &&Value| !known.iter().any(|known| known["value"] == **scope);
    match granted.iter().find(is_unknown) {
        None => Ok(()),
        Some(scope) => {
            let scope = scope.as_str().unwrap_or_default();
            Err(ApiError::invalid_body(format!(
                "The scope {scope} is not defined by the resource server."
            )))
        }
    }
}

/// Replaces what is sent. Scopes are not compared with the API's here, as recorded tenants do not either.
async fn update(context: Context, request: Request) -> Result<Answer, ApiError> {
    let found = find(&context, request.id()).await?;
    let mut grant = found.body.as_object().cloned().unwrap_or_default();
    for (name, value) in request.into_fields() {
        if value.is_null() {
            grant.shift_remove(&name);
        } else {
            grant.insert(name, value);
        }
    }
    let grant = Value::Object(grant);
    let answer = Answer::ok(shown(&context, grant.clone()));
    let change =
        Transaction::new().replace(KIND, found.id, found.version, grant.clone(), keys(&grant));
    Ok(context.commit(change, answer).await?)
}

async fn delete(context: Context, request: Request) -> Result<Answer, ApiError> {
    let id = request.id();
    let change = Transaction::new().unrelate_target(ORGANIZATION_GRANT, id).delete(KIND, id);
    Ok(context.commit(change, Answer::no_content()).await?)
}

/// The organizations for which a grant may be used.
async fn organizations(context: Context, request: Request) -> Result<Answer, ApiError> {
    const ORGANIZATION: Kind = Kind("organization");
    let grant = find(&context, request.id()).await?;
    let paging = Paging::of(&request)?;
    paging.within_wall()?;
    let store = context.store();
    let end = End::To(&grant.id);
    let mut rows = Vec::new();
    for one in store.related(ORGANIZATION_GRANT, end, paging.span()).await? {
        let organization = store.get(ORGANIZATION, &one.id).await?;
        rows.extend(organization.map(|organization| (one.position, organization.body)));
    }
    let total = store.count_related(ORGANIZATION_GRANT, end).await?;
    Ok(paging.answer("organizations", rows, total, Envelope::CollectionFirst))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn scopes_must_be_those_of_the_api() {
        let api = json!({"scopes": [{"value": "read:x"}]});
        let system = json!({"scopes": [], "is_system": true});
        for (scope, api, accepted) in [
            (json!(["read:x"]), &api, true),
            (json!([]), &api, true),
            (json!(["read:x", "write:x"]), &api, false),
            (json!(["read:unknown"]), &system, true),
        ] {
            assert_eq!(check_scopes(&json!({"scope": scope}), api).is_ok(), accepted, "{scope}");
        }
    }
}
