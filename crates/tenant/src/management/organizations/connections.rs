//! Connections through which members log in: `/enabled_connections`, and `/connections`, which says more of the same.

use callboard_contract::{ErrorBody, Inexistent};
use serde_json::{Value, json};

use super::{KIND, find};
use crate::management::connections;
use crate::management::generic::{self, Family, IdForm, Listing, Parent, fields_of};
use crate::pipeline::{Answer, ApiError, Context, Request, Table};
use crate::store::{CommitError, Conflict, Document, Kind, Transaction};

/// What only `/connections` shows.
const FULL_ONLY: [&str; 3] =
    ["organization_connection_name", "organization_access_level", "is_enabled"];
/// A connection in an organization.
pub(in crate::management) const ENABLED_CONNECTION: Kind = Kind("organization_connection");
const SCOPE: &str = "create:organization_connections";

pub(super) static ENABLED: Family = Family {
    parent: Some(Parent {
        kind: KIND,
        path_id: "id",
        field: "organization_id",
        missing: |_| Inexistent::Organization.into(),
    }),
    ..Family::new(ENABLED_CONNECTION.0, IdForm::Chosen, |_| {
        Inexistent::OrganizationConnection.into()
    })
};

/// Which of the two lists a request is about.
#[derive(Clone, Copy)]
struct View {
    /// The path parameter with the connection's id.
    path_id: &'static str,
    hidden: &'static [&'static str],
}

const BRIEF: View = View {
    path_id: "connectionId",
    hidden: &["organization_id", FULL_ONLY[0], FULL_ONLY[1], FULL_ONLY[2]],
};
const FULL: View = View { path_id: "connection_id", hidden: &["organization_id"] };

pub(super) fn behaviours(table: &mut Table) {
    for (view, list_id, read_id, create_id, update_id, delete_id) in [
        (
            BRIEF,
            "get_enabled_connections",
            "get_enabled_connections_by_connectionId",
            "post_enabled_connections",
            "patch_enabled_connections_by_connectionId",
            "delete_enabled_connections_by_connectionId",
        ),
        (
            FULL,
            "get_organization_connections",
            "get_organization_connection",
            "post_organization_connection",
            "patch_organization_connection",
            "delete_organization_connection",
        ),
    ] {
        table.read(list_id, move |context, request| list(view, list_id, context, request));
        table.read(read_id, move |context, request| read(view, context, request));
        table.write(create_id, "Add connections to an organization", move |context, request| {
            create(view, context, request)
        });
        table.write(update_id, "Modify an Organizations Connection", move |context, request| {
            update(view, context, request)
        });
        table.write(
            delete_id,
            "Delete connections from an organization",
            move |context, request| delete(view, context, request),
        );
    }
}

/// Enabling connections while an organization is made takes this scope, too.
pub(super) fn require_scope(context: &Context) -> Result<(), ApiError> {
    if context.caller.may(SCOPE) {
        return Ok(());
    }
    let message = format!("Insufficient scope, expected any of: {SCOPE}");
    Err(ErrorBody::new(403, message).with_code("insufficient_scope").into())
}

/// Also enables a connection; gives what callers see of it.
pub(super) async fn enable(
    context: &Context,
    change: Transaction,
    organization: &str,
    sent: &Value,
) -> Result<(Transaction, Value), ApiError> {
    let connection = sent["connection_id"].as_str().unwrap_or_default();
    let found = context.store().get(connections::KIND, connection).await?;
    let found = found.ok_or_else(|| ApiError::from(Inexistent::Connection))?;
    let mut enabled = json!({
        "organization_id": organization, "connection_id": connection, "assign_membership_on_login": false,
        "show_as_button": true, "organization_access_level": "none", "is_enabled": true,
    });
    if let Value::Object(fields) = &mut enabled {
        fields.extend(fields_of(sent.clone()));
    }
    enabled["connection"] = json!({"name": found.body["name"], "strategy": found.body["strategy"]});
    check(&enabled)?;
    let keys = ENABLED.keys(&enabled);
    let shown = generic::without(enabled.clone(), BRIEF.hidden);
    let id = place(organization, connection);
    Ok((change.insert(ENABLED.kind, id, enabled, keys), shown))
}

/// Signing up makes members, so it needs a database and membership.
fn check(enabled: &Value) -> Result<(), ApiError> {
    let signs_up = enabled["is_signup_enabled"] == true;
    let may_sign_up = enabled["connection"]["strategy"] == "auth0"
        && enabled["assign_membership_on_login"] == true;
    if signs_up && !may_sign_up {
        return Err(ApiError::invalid_body(
            "Only database connections with assign_membership_on_login = true support is_signup_enabled = true.",
        ));
    }
    Ok(())
}

fn place(organization: &str, connection: &str) -> String {
    format!("{organization}/{connection}")
}

async fn list(
    view: View,
    operation: &'static str,
    context: Context,
    request: Request,
) -> Result<Answer, ApiError> {
    let organization = find(&context, request.id()).await?;
    let enabled = generic::of_parent(&ENABLED, &context, &organization.id).await?;
    let listing = Listing::of(generic::operation(operation));
    listing.answer(&request, enabled, &|one| generic::without(one, view.hidden))
}

async fn sought(view: View, context: &Context, request: &Request) -> Result<Document, ApiError> {
    let organization = find(context, request.id()).await?;
    let id = place(&organization.id, request.path(view.path_id));
    let found = context.store().get(ENABLED.kind, &id).await?;
    found.ok_or_else(|| Inexistent::OrganizationConnection.into())
}

async fn read(view: View, context: Context, request: Request) -> Result<Answer, ApiError> {
    let found = sought(view, &context, &request).await?;
    Ok(Answer::ok(generic::without(found.body, view.hidden)))
}

async fn create(view: View, context: Context, request: Request) -> Result<Answer, ApiError> {
    let organization = find(&context, request.id()).await?;
    let (change, _) = enable(&context, Transaction::new(), &organization.id, &request.body).await?;
    let stored = change.operations.iter().rev().find_map(|operation| match operation {
        crate::store::Operation::Insert { body, .. } => Some(body.clone()),
        _ => None,
    });
    let shown = generic::without(stored.unwrap_or_default(), view.hidden);
    context.commit(change, Answer::created(shown)).await.map_err(|error| match error {
        CommitError::Conflict(Conflict::Exists { .. }) => {
            ApiError::conflict("The connection is already enabled for this organization.")
        }
        other => other.into(),
    })
}

async fn update(view: View, context: Context, request: Request) -> Result<Answer, ApiError> {
    let found = sought(view, &context, &request).await?;
    let mut enabled = found.body;
    if let Value::Object(fields) = &mut enabled {
        fields.extend(request.into_fields());
    }
    check(&enabled)?;
    let answer = Answer::ok(generic::without(enabled.clone(), view.hidden));
    let keys = ENABLED.keys(&enabled);
    let change = Transaction::new().replace(ENABLED.kind, found.id, found.version, enabled, keys);
    Ok(context.commit(change, answer).await?)
}

async fn delete(view: View, context: Context, request: Request) -> Result<Answer, ApiError> {
    let organization = find(&context, request.id()).await?;
    let id = place(&organization.id, request.path(view.path_id));
    let change = Transaction::new().delete(ENABLED.kind, id);
    Ok(context.commit(change, Answer::no_content()).await?)
}
