//! `/organizations/{id}/discovery-domains`: mail domains by which a login finds its organization.

use callboard_contract::Inexistent;
use serde_json::Value;

use super::{KIND, find};
use crate::management::generic::{
    self, Family, Fields, IdForm, Occasion, Parent, Repeated, Unique,
    Verb::{Create, Delete, List, Merge, Read},
};
use crate::pipeline::{Answer, ApiError, Context, Request, Table};

pub(super) static DOMAINS: Family = Family {
    path_id: "discovery_domain_id",
    parent: Some(Parent {
        kind: KIND,
        path_id: "id",
        field: "organization_id",
        missing: |_| Inexistent::Organization.into(),
    }),
    fresh: |_| serde_json::json!({"status": "pending", "use_for_organization_discovery": true}),
    arrange,
    hidden: &["organization_id"],
    stamped: false,
    unique: &[Unique {
        field: "domain",
        taken: "An organization domain with this name already exists.",
    }],
    repeated_delete: Repeated::NotFound,
    routes: &[
        (Create, "post_discovery-domains", "Create an organization discovery domain"),
        (Read, "get_discovery-domains_by_discovery_domain_id", ""),
        (List, "get_discovery-domains", ""),
        (
            Merge,
            "patch_discovery-domains_by_discovery_domain_id",
            "Update an organization discovery domain",
        ),
        (
            Delete,
            "delete_discovery-domains_by_discovery_domain_id",
            "Delete an organization discovery domain",
        ),
    ],
    ..Family::new("discovery_domain", IdForm::Prefixed("odd_", 22), |_| {
        Inexistent::OrganizationDomain.into()
    })
};

pub(super) fn behaviours(table: &mut Table) {
    generic::behaviours(table, &DOMAINS);
    table.read("get_name_by_discovery_domain", get_by_name);
}

async fn get_by_name(context: Context, request: Request) -> Result<Answer, ApiError> {
    let organization = find(&context, request.id()).await?;
    let found =
        context.store().find(DOMAINS.kind, "domain", request.path("discovery_domain")).await?;
    let found = found.filter(|domain| domain.body["organization_id"] == *organization.id);
    found
        .map(|domain| Answer::ok(DOMAINS.shown(domain.body)))
        .ok_or_else(|| Inexistent::OrganizationDomain.into())
}

/// The record that proves the domain to be theirs.
fn arrange(context: &Context, occasion: Occasion<'_>, domain: &mut Fields) {
    if matches!(occasion, Occasion::Creation { .. }) {
        let name = domain.get("domain").and_then(Value::as_str).unwrap_or_default();
        let host = format!("_auth0-challenge.{name}");
        let proof =
            format!("auth0-domain-verification={}", context.tenant.random().alphanumeric(32));
        domain.insert("verification_txt".into(), proof.into());
        domain.insert("verification_host".into(), host.into());
    }
}
