//! What users have consented to (`/grants`) and the devices that hold their credentials (`/device-credentials`).

use serde_json::Value;

use super::{listing, users};
use crate::pipeline::{Answer, ApiError, Context, Envelope, Paging, Projection, Request, Table};
use crate::store::{Kind, Transaction};

const GRANT: Kind = Kind("user_grant");
const DEVICE: Kind = Kind("device_credential");

pub(super) fn behaviours(table: &mut Table) {
    table.read("get_grants", grants);
    table.write("delete_grants_by_id", "Delete a grant", delete_grant);
    table.write("delete_grants_by_user_id", "Delete grants of a user", delete_grants_of_user);
    table.read("get_device-credentials", devices);
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

async fn delete_device(context: Context, request: Request) -> Result<Answer, ApiError> {
    let change = Transaction::new().delete(DEVICE, request.id());
    Ok(context.commit(change, Answer::no_content()).await?)
}
