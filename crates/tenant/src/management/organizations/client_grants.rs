//! `/organizations/{id}/client-grants`: which machine may act for the organization at which API; and its applications.

use callboard_contract::Inexistent;
use serde_json::{Value, json};

use super::{CLIENT_GRANT, find};
use crate::management::client_grants;
use crate::management::generic::{self, Listing};
use crate::pipeline::{Answer, ApiError, Context, Paging, Request, Table};
use crate::store::{Document, End, Span, Transaction};

const MOST: u64 = 1_000;

pub(super) fn behaviours(table: &mut Table) {
    table.read("get_organization-client-grants", list);
    table.write(
        "create_organization-client-grants",
        "Associate a client grant with an organization",
        associate,
    );
    table.write(
        "delete_client-grants_by_grant_id",
        "Remove a client grant from an organization",
        remove,
    );
    table.read("get_organization_clients", clients);
}

async fn list(context: Context, request: Request) -> Result<Answer, ApiError> {
    let organization = find(&context, request.id()).await?;
    let mut rows = grants_of(&context, &organization.id).await?;
    let ids = request.query.get("grant_ids").and_then(Value::as_array);
    rows.retain(|grant| ids.is_none_or(|ids| ids.iter().any(|id| *id == *grant.id)));
    let listing = Listing::of(generic::operation("get_organization-client-grants"));
    listing.answer(&request, rows, &|mut grant| {
        let audience =
            context.origin.visible_audience(grant["audience"].as_str().unwrap_or_default());
        grant["audience"] = audience.into();
        grant
    })
}

/// Grants of the organization, each at its place in the order of association.
async fn grants_of(context: &Context, organization: &str) -> Result<Vec<Document>, ApiError> {
    let related = context.store();
    let related =
        related.related(CLIENT_GRANT, End::From(organization), Span::page(0, MOST)).await?;
    let mut found = Vec::new();
    for one in related {
        if let Some(grant) = context.store().get(client_grants::KIND, &one.id).await? {
            found.push(Document { position: one.position, ..grant });
        }
    }
    Ok(found)
}

async fn associate(context: Context, request: Request) -> Result<Answer, ApiError> {
    let organization = find(&context, request.id()).await?;
    let id = request.body["grant_id"].as_str().unwrap_or_default();
    let grant = context.store().get(client_grants::KIND, id).await?;
    let grant = grant.ok_or_else(|| ApiError::from(Inexistent::ClientGrant))?;
    if matches!(grant.body["organization_usage"].as_str(), None | Some("deny")) {
        return Err(ApiError::invalid_body(
            "The client grant does not allow organizations: its organization_usage is \"deny\".",
        ));
    }
    let audience =
        context.origin.visible_audience(grant.body["audience"].as_str().unwrap_or_default());
    let mut shown = grant.body;
    shown["grant_id"] = grant.id.as_str().into();
    shown["audience"] = audience.into();
    let change = Transaction::new().relate(CLIENT_GRANT, organization.id, grant.id);
    Ok(context.commit(change, Answer::created(shown)).await?)
}

async fn remove(context: Context, request: Request) -> Result<Answer, ApiError> {
    let organization = find(&context, request.id()).await?;
    let change =
        Transaction::new().unrelate(CLIENT_GRANT, organization.id, request.path("grant_id"));
    Ok(context.commit(change, Answer::no_content()).await?)
}

/// The applications that have a grant for the organization.
async fn clients(context: Context, request: Request) -> Result<Answer, ApiError> {
    let organization = find(&context, request.id()).await?;
    let mut rows: Vec<Value> = Vec::new();
    for grant in grants_of(&context, &organization.id).await? {
        let row = json!({"client_id": grant.body["client_id"]});
        if !rows.contains(&row) {
            rows.push(row);
        }
    }
    let paging = Paging::of(&request)?;
    let total = rows.len() as u64;
    let rows = paging.page_of(rows);
    Ok(paging.answer("clients", rows, total, crate::pipeline::Envelope::CollectionFirst))
}
