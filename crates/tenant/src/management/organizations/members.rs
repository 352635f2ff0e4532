//! `/organizations/{id}/members`

use serde_json::{Map, Value, json};

use super::{MEMBER, MEMBER_ROLE, find, member_roles, membership};
use crate::management::generic::{self, Listing};
use crate::management::users;
use crate::pipeline::{Answer, ApiError, Context, Paging, Projection, Request, Table};
use crate::store::{Document, End, Transaction};

const SHOWN: [&str; 4] = ["user_id", "email", "picture", "name"];

pub(super) fn behaviours(table: &mut Table) {
    table.read("get_organization_members", list);
    table.write("post_members", "Add members to an organization", add);
    table.write("delete_members", "Delete members from an organization", remove);
}

/// Roles are shown when `fields` asks for them and the caller may read them.
async fn list(context: Context, request: Request) -> Result<Answer, ApiError> {
    let organization = find(&context, request.id()).await?;
    let paging = Paging::of(&request)?;
    paging.within_wall()?;
    let projection = Projection::of(&request);
    let with_roles = matches!(&projection, Projection::Only(names) if names.iter().any(|name| name == "roles"))
        && context.caller.may("read:organization_member_roles");
    let end = End::From(&organization.id);
    let total = context.store().count_related(MEMBER, end).await?;
    let mut rows = Vec::new();
    for one in context.store().related(MEMBER, end, paging.span()).await? {
        let Some(user) = context.store().get(users::KIND, &one.id).await? else { continue };
        let mut member = summary(&user.body);
        if with_roles {
            let roles = member_roles::of(&context, &organization.id, &one.id).await?;
            member.insert("roles".into(), roles.iter().map(named).collect());
        }
        rows.push((one.position, projection.apply(Value::Object(member))));
    }
    Ok(Listing::of(generic::operation("get_organization_members")).wrapped(&paging, rows, total))
}

async fn add(context: Context, request: Request) -> Result<Answer, ApiError> {
    let organization = find(&context, request.id()).await?;
    let mut change = Transaction::new();
    for id in request.body_texts("members") {
        let user = users::find(&context, &id).await?;
        change = change.relate(MEMBER, organization.id.as_str(), user.id);
    }
    Ok(context.commit(change, Answer::no_content()).await?)
}

/// Their roles in the organization go with them.
async fn remove(context: Context, request: Request) -> Result<Answer, ApiError> {
    let organization = find(&context, request.id()).await?;
    let id = organization.id.as_str();
    let change =
        request.body_texts("members").into_iter().fold(Transaction::new(), |change, user| {
            change.unrelate_source(MEMBER_ROLE, membership(id, &user)).unrelate(MEMBER, id, user)
        });
    Ok(context.commit(change, Answer::no_content()).await?)
}

fn named(role: &Document) -> Value {
    json!({"id": role.id, "name": role.body["name"]})
}

fn summary(user: &Value) -> Map<String, Value> {
    SHOWN.into_iter().filter_map(|name| Some((name.to_owned(), user.get(name)?.clone()))).collect()
}
