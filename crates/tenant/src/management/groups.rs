//! Groups that a directory has sent: read, deleted, and given roles. Nothing in the API makes one.

mod of_role;
mod of_user;

use callboard_contract::Inexistent;
use serde_json::Value;

use super::generic::{
    self, Family, IdForm, Listing, Repeated,
    Verb::{Delete, List, Read},
    find,
};
use super::roles;
use crate::pipeline::{Answer, ApiError, Context, Paging, Request, Table};
use crate::store::{Document, End, Kind, Relation, Transaction};

pub(super) const KIND: Kind = Kind("group");
/// From a group to a user.
pub(super) const MEMBER: Relation = Relation("group-member");
/// From a group to a role.
pub(super) const GROUP_ROLE: Relation = Relation("group-role");

static GROUPS: Family = Family {
    repeated_delete: Repeated::NotFound,
    routes: &[
        (Read, "get_group", ""),
        (List, "get_groups", ""),
        (Delete, "delete_group", "Delete a group"),
    ],
    ..Family::new(KIND.0, IdForm::Base58("grp_", 22), |_| Inexistent::Other("group").into())
};

pub(super) fn behaviours(table: &mut Table) {
    generic::behaviours(table, &GROUPS);
    of_role::behaviours(table);
    of_user::behaviours(table);
    table.read("get_group_members", |context, request| {
        related(context, request, MEMBER, super::users::KIND, "get_group_members", &MEMBER_FIELDS)
    });
    table.read("get_group_roles", |context, request| {
        related(context, request, GROUP_ROLE, roles::KIND, "get_group_roles", &ROLE_FIELDS)
    });
    table.write("post_group_roles", "Assign roles to a group", assign);
    table.write("delete_group_roles", "Remove roles from a group", remove);
}

/// The group, or the API's 404.
pub(super) async fn get(context: &Context, id: &str) -> Result<Document, ApiError> {
    context.store().get(KIND, id).await?.ok_or_else(|| Inexistent::Other("group").into())
}

const MEMBER_FIELDS: [&str; 4] = ["user_id", "email", "picture", "name"];
const ROLE_FIELDS: [&str; 3] = ["id", "name", "description"];

async fn related(
    context: Context,
    request: Request,
    relation: Relation,
    kind: Kind,
    operation: &'static str,
    shown: &'static [&'static str],
) -> Result<Answer, ApiError> {
    let group = find(&GROUPS, &context, &request).await?;
    let paging = Paging::of(&request)?;
    let mut rows = Vec::new();
    for one in context.store().related(relation, End::From(&group.id), paging.span()).await? {
        if let Some(mut found) = context.store().get(kind, &one.id).await? {
            if let Value::Object(fields) = &mut found.body {
                fields.retain(|name, _| shown.contains(&name.as_str()));
            }
            rows.push((one.position, found.body));
        }
    }
    let total = rows.len() as u64;
    Ok(Listing::of(generic::operation(operation)).wrapped(&paging, rows, total))
}

async fn assign(context: Context, request: Request) -> Result<Answer, ApiError> {
    let group = find(&GROUPS, &context, &request).await?;
    let mut change = Transaction::new();
    for role in request.body_texts("roles") {
        let role = roles::find(&context, &role).await?;
        change = change.relate(GROUP_ROLE, group.id.as_str(), role.id);
    }
    Ok(context.commit(change, Answer::no_content()).await?)
}

async fn remove(context: Context, request: Request) -> Result<Answer, ApiError> {
    let group = find(&GROUPS, &context, &request).await?;
    let change =
        request.body_texts("roles").into_iter().fold(Transaction::new(), |change, role| {
            change.unrelate(GROUP_ROLE, group.id.as_str(), role)
        });
    Ok(context.commit(change, Answer::no_content()).await?)
}
