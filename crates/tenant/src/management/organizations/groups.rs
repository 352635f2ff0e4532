//! Groups of a directory in an organization, and the roles that they give their members there.

use serde_json::{Map, Value};

use super::find;
use crate::management::generic::{self, Listing};
use crate::management::{groups, roles};
use crate::pipeline::{Answer, ApiError, Context, Paging, Request, Table};
use crate::store::{Document, End, Relation, Span, StoreError, Transaction};

/// From an organization to a group.
const GROUP: Relation = Relation("organization-group");
/// From an organization with a group to a role.
pub(in crate::management) const GROUP_ROLE: Relation = Relation("organization-group-role");
const MOST: u64 = 1_000;

pub(super) fn behaviours(table: &mut Table) {
    table.read("get_organization_groups", list);
    table.read("get_organization_group_roles", roles_of_group);
    table.write(
        "post_organization_group_roles",
        "Assign roles to a group in an organization",
        assign,
    );
    table.write(
        "delete_organization_group_roles",
        "Remove roles from a group in an organization",
        remove,
    );
}

/// The roles that a user has in an organization through groups.
pub(super) async fn roles_through(
    context: &Context,
    organization: &str,
    user: &str,
) -> Result<Vec<(Document, Document)>, StoreError> {
    let store = context.store();
    let all = Span::page(0, MOST);
    let mut found = Vec::new();
    for member in store.related(groups::MEMBER, End::To(user), all).await? {
        let Some(group) = store.get(groups::KIND, &member.id).await? else { continue };
        let pair = pair(organization, &group.id);
        for one in store.related(GROUP_ROLE, End::From(&pair), all).await? {
            if let Some(role) = store.get(roles::KIND, &one.id).await? {
                found.push((group.clone(), role));
            }
        }
    }
    Ok(found)
}

fn pair(organization: &str, group: &str) -> String {
    format!("{organization}/{group}")
}

async fn list(context: Context, request: Request) -> Result<Answer, ApiError> {
    let organization = find(&context, request.path("organization_id")).await?;
    let paging = Paging::of(&request)?;
    let related =
        context.store().related(GROUP, End::From(&organization.id), paging.span()).await?;
    let mut rows = Vec::new();
    for one in related {
        if let Some(group) = context.store().get(groups::KIND, &one.id).await? {
            rows.push((one.position, group.body));
        }
    }
    let total = rows.len() as u64;
    Ok(Listing::of(generic::operation("get_organization_groups")).wrapped(&paging, rows, total))
}

/// Organization and group of the path, as one text.
async fn addressed(
    context: &Context,
    request: &Request,
) -> Result<(String, String, String), ApiError> {
    let organization = find(context, request.path("organization_id")).await?;
    let group = groups::get(context, request.path("group_id")).await?;
    Ok((pair(&organization.id, &group.id), organization.id, group.id))
}

async fn roles_of_group(context: Context, request: Request) -> Result<Answer, ApiError> {
    let (pair, _, _) = addressed(&context, &request).await?;
    let paging = Paging::of(&request)?;
    let mut rows = Vec::new();
    for one in context.store().related(GROUP_ROLE, End::From(&pair), paging.span()).await? {
        if let Some(role) = context.store().get(roles::KIND, &one.id).await? {
            rows.push((one.position, summary(&role.body)));
        }
    }
    let total = rows.len() as u64;
    Ok(Listing::of(generic::operation("get_organization_group_roles"))
        .wrapped(&paging, rows, total))
}

async fn assign(context: Context, request: Request) -> Result<Answer, ApiError> {
    let (pair, organization, group) = addressed(&context, &request).await?;
    let mut change = Transaction::new().relate(GROUP, organization, group);
    for id in request.body_texts("roles") {
        let role = roles::find(&context, &id).await?;
        change = change.relate(GROUP_ROLE, pair.as_str(), role.id);
    }
    Ok(context.commit(change, Answer::no_content()).await?)
}

async fn remove(context: Context, request: Request) -> Result<Answer, ApiError> {
    let (pair, _, _) = addressed(&context, &request).await?;
    let change = request
        .body_texts("roles")
        .into_iter()
        .fold(Transaction::new(), |change, role| change.unrelate(GROUP_ROLE, pair.as_str(), role));
    Ok(context.commit(change, Answer::no_content()).await?)
}

fn summary(role: &Value) -> Value {
    let shown = ["id", "name", "description"]
        .into_iter()
        .filter_map(|name| Some((name.into(), role.get(name)?.clone())));
    Value::Object(shown.collect::<Map<_, _>>())
}
