//! `/organizations/{id}/members/{user_id}/roles`: roles that count in this organization only.

use callboard_contract::contract;
use serde_json::{Map, Value, json};

use super::{MEMBER_ROLE, find, groups, membership};
use crate::management::generic::{self, Listing};
use crate::management::{roles, users};
use crate::pipeline::{Answer, ApiError, Context, Paging, Request, Table};
use crate::store::{Document, End, Span, StoreError, Transaction};

/// Roles that a member may have in an organization.
const MOST: u64 = 50;
const SHOWN: [&str; 3] = ["id", "name", "description"];

pub(super) fn behaviours(table: &mut Table) {
    table.read("get_organization_member_roles", list);
    table.write("post_organization_member_roles", "Assign user roles", assign);
    table.write("delete_organization_member_roles", "Delete user roles", remove);
    table.read("get_organization_member_effective_roles", effective);
    table.read("get_organization_member_role_source_groups", source_groups);
}

/// The member's own roles, as stored.
pub(super) async fn of(
    context: &Context,
    organization: &str,
    user: &str,
) -> Result<Vec<Document>, StoreError> {
    let membership = membership(organization, user);
    let related = context.store();
    let related = related.related(MEMBER_ROLE, End::From(&membership), Span::page(0, MOST)).await?;
    let mut found = Vec::new();
    for one in related {
        found.extend(context.store().get(roles::KIND, &one.id).await?);
    }
    Ok(found)
}

/// The organization and a user of the tenant.
async fn member(context: &Context, request: &Request) -> Result<(String, String), ApiError> {
    let organization = find(context, request.id()).await?;
    let user = users::find(context, request.path("user_id")).await?;
    Ok((organization.id, user.id))
}

async fn list(context: Context, request: Request) -> Result<Answer, ApiError> {
    let (organization, user) = member(&context, &request).await?;
    let paging = Paging::of(&request)?;
    let rows: Vec<_> = of(&context, &organization, &user).await?.iter().map(summary).collect();
    let total = rows.len() as u64;
    let listing = Listing::of(generic::operation("get_organization_member_roles"));
    Ok(listing.wrapped(&paging, paging.page_of(rows), total))
}

/// Somebody may have roles before becoming a member; they count from then on.
async fn assign(context: Context, request: Request) -> Result<Answer, ApiError> {
    let (organization, user) = member(&context, &request).await?;
    let membership = membership(&organization, &user);
    let mut held: Vec<String> =
        of(&context, &organization, &user).await?.into_iter().map(|role| role.id).collect();
    let mut change = Transaction::new();
    for id in request.body_texts("roles") {
        let role = roles::find(&context, &id).await?;
        change = change.relate(MEMBER_ROLE, membership.as_str(), role.id.as_str());
        held.push(role.id);
    }
    held.sort_unstable();
    held.dedup();
    if held.len() as u64 > MOST {
        return Err(ApiError::conflict(
            "No more roles can be assigned to this organization member.",
        ));
    }
    Ok(context.commit(change, Answer::no_content()).await?)
}

async fn remove(context: Context, request: Request) -> Result<Answer, ApiError> {
    let (organization, user) = member(&context, &request).await?;
    let membership = membership(&organization, &user);
    let change =
        request.body_texts("roles").into_iter().fold(Transaction::new(), |change, role| {
            change.unrelate(MEMBER_ROLE, membership.as_str(), role)
        });
    Ok(context.commit(change, Answer::no_content()).await?)
}

/// Own roles and those of groups, each with where it comes from.
async fn effective(context: Context, request: Request) -> Result<Answer, ApiError> {
    let (organization, user) = member(&context, &request).await?;
    let mut rows: Vec<Value> = Vec::new();
    for role in of(&context, &organization, &user).await? {
        let mut row = summary(&role);
        row["sources"] = json!([{"type": "direct"}]);
        rows.push(row);
    }
    for (group, role) in groups::roles_through(&context, &organization, &user).await? {
        let source = json!({"type": "group", "group_id": group.id});
        let known = rows.iter_mut().find(|row| row["id"] == *role.id);
        if let Some(sources) = known.and_then(|row| row["sources"].as_array_mut()) {
            sources.push(source);
        } else {
            let mut row = summary(&role);
            row["sources"] = json!([source]);
            rows.push(row);
        }
    }
    page(&request, "get_organization_member_effective_roles", rows)
}

/// The groups that give the member a role.
async fn source_groups(context: Context, request: Request) -> Result<Answer, ApiError> {
    let (organization, user) = member(&context, &request).await?;
    let wanted = request.query_text("role_id").unwrap_or_default();
    let through = groups::roles_through(&context, &organization, &user).await?;
    let giving = through.into_iter().filter(|(_, role)| role.id == wanted);
    let rows = giving.map(|(group, _)| group.body).collect();
    page(&request, "get_organization_member_role_source_groups", rows)
}

fn page(request: &Request, operation: &str, rows: Vec<Value>) -> Result<Answer, ApiError> {
    let paging = Paging::of(request)?;
    let total = rows.len() as u64;
    let rows = paging.page_of(rows);
    Ok(Listing::of(contract().operation(operation)).wrapped(&paging, rows, total))
}

fn summary(role: &Document) -> Value {
    let shown =
        SHOWN.into_iter().filter_map(|name| Some((name.into(), role.body.get(name)?.clone())));
    Value::Object(shown.collect::<Map<_, _>>())
}
