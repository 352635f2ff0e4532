//! Organizations: who belongs to one, in which roles, through which connections, and who is invited.

mod client_grants;
mod connections;
mod discovery_domains;
mod groups;
mod invitations;
mod member_roles;
mod members;
mod of_user;

use callboard_contract::Inexistent;
use serde_json::Value;

use super::client_grants::ORGANIZATION_GRANT as CLIENT_GRANT;
use super::generic::{
    self, Family, IdForm, Repeated, Unique,
    Verb::{List, Merge, Read},
};
use crate::pipeline::{Answer, ApiError, Context, Request, Table};
use crate::store::{Document, End, Kind, Relation, Span, Store, StoreError, Transaction};

pub(super) use connections::ENABLED_CONNECTION;
pub(super) use groups::GROUP_ROLE;

pub(crate) const KIND: Kind = Kind("organization");
/// From an organization to a user.
pub(crate) const MEMBER: Relation = Relation("organization-member");
/// From a [`membership`] to a role.
pub(crate) const MEMBER_ROLE: Relation = Relation("organization-member-role");

const BY_NAME: &str = "name";
/// Members whose roles go at once with their organization.
const CHUNK: u64 = 1_000;

static ORGANIZATIONS: Family = Family {
    stamped: false,
    unique: &[Unique { field: BY_NAME, taken: "An organization with this name already exists." }],
    repeated_delete: Repeated::NotFound,
    routes: &[
        (Read, "get_organizations_by_id", ""),
        (List, "get_organizations", ""),
        (Merge, "patch_organizations_by_id", "Update an Organization"),
    ],
    ..Family::new(KIND.0, IdForm::Prefixed("org_", 16), |_| Inexistent::Organization.into())
};

pub(super) fn behaviours(table: &mut Table) {
    generic::behaviours(table, &ORGANIZATIONS);
    table.read("get_name_by_name", get_by_name);
    table.write("post_organizations", "Create an Organization", create);
    table.write("delete_organizations_by_id", "Delete an Organization", delete);
    members::behaviours(table);
    member_roles::behaviours(table);
    connections::behaviours(table);
    invitations::behaviours(table);
    client_grants::behaviours(table);
    discovery_domains::behaviours(table);
    groups::behaviours(table);
    of_user::behaviours(table);
}

/// The organization that the path names, or the API's 404.
async fn find(context: &Context, id: &str) -> Result<Document, ApiError> {
    context.store().get(KIND, id).await?.ok_or_else(|| Inexistent::Organization.into())
}

/// Also takes a user out of every organization, with the roles held there.
pub(super) async fn without_user(
    store: &dyn Store,
    change: Transaction,
    user: &str,
) -> Result<Transaction, StoreError> {
    let of_user = store.related(MEMBER, End::To(user), Span::page(0, CHUNK)).await?;
    let change = of_user.iter().fold(change, |change, organization| {
        change.unrelate_source(MEMBER_ROLE, membership(&organization.id, user))
    });
    Ok(change.unrelate_target(MEMBER, user))
}

/// What stands for somebody in an organization.
fn membership(organization: &str, user: &str) -> String {
    format!("{organization}/{user}")
}

async fn get_by_name(context: Context, request: Request) -> Result<Answer, ApiError> {
    let found = context.store().find(KIND, BY_NAME, request.path("name")).await?;
    found.map(|found| Answer::ok(found.body)).ok_or_else(|| Inexistent::Organization.into())
}

/// Connections may be enabled in the same breath; that takes a scope of its own.
async fn create(context: Context, request: Request) -> Result<Answer, ApiError> {
    let mut fields = request.into_fields();
    let wanted = fields.shift_remove("enabled_connections");
    let id = format!("org_{}", context.tenant.random().alphanumeric(16));
    let mut organization = generic::Fields::new();
    organization.insert("id".into(), id.as_str().into());
    organization.extend(fields.into_iter().filter(|(_, value)| !value.is_null()));
    let organization = Value::Object(organization);
    let mut answered = organization.clone();
    let keys = ORGANIZATIONS.keys(&organization);
    let mut change = Transaction::new().insert(KIND, id.as_str(), organization, keys);
    if let Some(wanted) =
        wanted.as_ref().and_then(Value::as_array).filter(|wanted| !wanted.is_empty())
    {
        connections::require_scope(&context)?;
        let mut enabled = Vec::new();
        for one in wanted {
            let (next, shown) = connections::enable(&context, change, &id, one).await?;
            change = next;
            enabled.push(shown);
        }
        answered["enabled_connections"] = enabled.into();
    }
    context
        .commit(change, Answer::created(answered))
        .await
        .map_err(|error| ORGANIZATIONS.refusal(error))
}

/// Users stay; what they were in this organization goes.
async fn delete(context: Context, request: Request) -> Result<Answer, ApiError> {
    let organization = find(&context, request.id()).await?;
    let id = organization.id.as_str();
    let mut change = Transaction::new().delete(KIND, id);
    let mut after = 0;
    loop {
        let span = Span::after(after, CHUNK);
        let members = context.store().related(MEMBER, End::From(id), span).await?;
        let Some(last) = members.last() else { break };
        after = last.position;
        for member in members {
            change = change.unrelate_source(MEMBER_ROLE, membership(id, &member.id));
        }
    }
    change = change.unrelate_source(MEMBER, id).unrelate_source(CLIENT_GRANT, id);
    for family in [&connections::ENABLED, &invitations::INVITATIONS, &discovery_domains::DOMAINS] {
        for one in generic::of_parent(family, &context, id).await? {
            change = change.delete(family.kind, one.id);
        }
    }
    Ok(context.commit(change, Answer::no_content()).await?)
}
