//! `/organizations/{id}/invitations`: a link by which somebody becomes a member.

use callboard_contract::Inexistent;
use callboard_contract::timestamps::to_wire;
use http::StatusCode;
use jiff::SignedDuration;
use serde_json::Value;

use super::KIND;
use crate::management::generic::{
    self, Family, Fields, IdForm, Occasion, Parent, Repeated,
    Verb::{Delete, List, Read},
};
use crate::management::{clients, roles};
use crate::pipeline::{Answer, ApiError, Context, Request, Table};

/// Seven days.
const DEFAULT_TTL_SECONDS: i64 = 604_800;

pub(super) static INVITATIONS: Family = Family {
    path_id: "invitation_id",
    parent: Some(Parent {
        kind: KIND,
        path_id: "id",
        field: "organization_id",
        missing: |_| Inexistent::Organization.into(),
    }),
    arrange,
    hidden: &["ttl_sec", "send_invitation_email", "updated_at"],
    repeated_delete: Repeated::NotFound,
    routes: &[
        (Read, "get_invitations_by_invitation_id", ""),
        (List, "get_invitations", ""),
        (Delete, "delete_invitations_by_invitation_id", "Delete an invitation to an organization"),
    ],
    ..Family::new("invitation", IdForm::Prefixed("uinv_", 16), |_| Inexistent::Invitation.into())
};

pub(super) fn behaviours(table: &mut Table) {
    generic::behaviours(table, &INVITATIONS);
    table.write("post_invitations", "Create an invitation to an organization", create);
}

/// The link leads to the application's own login page, so the application must have one.
async fn create(context: Context, mut request: Request) -> Result<Answer, ApiError> {
    let organization = super::find(&context, request.id()).await?;
    let client = request.body["client_id"].as_str().unwrap_or_default();
    let client = context.store().get(clients::KIND, client).await?;
    let client = client.ok_or_else(|| ApiError::from(Inexistent::Client))?;
    for role in request.body_texts("roles") {
        roles::find(&context, &role).await?;
    }
    let settings = super::super::tenant_settings::KIND;
    let settings = context.store().get(settings, super::super::tenant_settings::ID).await?;
    let of_tenant =
        settings.as_ref().and_then(|found| found.body["default_redirection_uri"].as_str());
    let Some(login) = client.body["initiate_login_uri"].as_str().or(of_tenant) else {
        return Err(ApiError::new(
            StatusCode::BAD_REQUEST,
            "A default login route is required to generate the invitation url. Consult https://auth0.com/docs/universal-login/configure-default-login-routes",
        ));
    };
    let ticket = context.tenant.random().alphanumeric(32);
    let separator = if login.contains('?') { '&' } else { '?' };
    let name = organization.body["name"].as_str().unwrap_or_default();
    let url = format!(
        "{login}{separator}invitation={ticket}&organization={}&organization_name={name}",
        organization.id
    );
    request.body["invitation_url"] = url.into();
    request.body["ticket_id"] = ticket.into();
    generic::create(&INVITATIONS, StatusCode::CREATED, context, request).await
}

fn arrange(context: &Context, _: Occasion<'_>, invitation: &mut Fields) {
    let seconds = invitation.get("ttl_sec").and_then(Value::as_i64).filter(|seconds| *seconds > 0);
    let ttl = SignedDuration::from_secs(seconds.unwrap_or(DEFAULT_TTL_SECONDS));
    invitation.insert("expires_at".into(), to_wire(context.now + ttl).into());
}
