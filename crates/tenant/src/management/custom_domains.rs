//! Custom domains: from `pending_verification` to `ready`, once the DNS says so.
//!
//! There is no DNS here: a verdict stands in the store. Without one, a domain stays unverified, as a real one does until
//! its record is set.

mod default;
mod verification;

use callboard_contract::Inexistent;
use serde_json::{Value, json};

use super::generic::{
    self, Family, Fields, IdForm, Listing, Occasion, Unique,
    Verb::{Create, Delete, Merge, Read},
    listed,
};
use crate::pipeline::{Answer, ApiError, Context, Request, Table};
use crate::store::StoreError;

pub(super) static CUSTOM_DOMAINS: Family = Family {
    id_field: "custom_domain_id",
    fresh: |_| {
        json!({
            "domain": "", "primary": false, "is_default": false, "status": "pending_verification",
            "tls_policy": "recommended",
        })
    },
    arrange,
    hidden: &["verification_method", "updated_at"],
    unique: &[Unique { field: "domain", taken: "The specified custom domain already exists." }],
    routes: &[
        (Create, "post_custom-domains", "Create a custom domain"),
        (Read, "get_custom-domains_by_id", ""),
        (Merge, "patch_custom-domains_by_id", "Update a custom domain"),
        (Delete, "delete_custom-domains_by_id", "Delete a custom domain"),
    ],
    ..Family::new("custom_domain", IdForm::Prefixed("cd_", 16), |id| {
        Inexistent::CustomDomain(id).into()
    })
};

pub(super) fn behaviours(table: &mut Table) {
    generic::behaviours(table, &CUSTOM_DOMAINS);
    table.read("get_custom-domains", list);
    default::behaviours(table);
    verification::behaviours(table);
}

/// Whether the tenant has no domain of its own, not even an unverified one.
pub(super) async fn none(context: &Context) -> Result<bool, StoreError> {
    Ok(context.store().count(CUSTOM_DOMAINS.kind).await? == 0)
}

async fn list(context: Context, request: Request) -> Result<Answer, ApiError> {
    let mut found = listed(&CUSTOM_DOMAINS, &context, &request).await?;
    if let Some(text) = request.query_text("q").and_then(|q| q.strip_prefix("domain:")) {
        let text = text.trim_matches(['*', '"']);
        found.retain(|domain| {
            domain.body["domain"].as_str().is_some_and(|name| name.contains(text))
        });
    }
    let listing = Listing::of(generic::operation("get_custom-domains"));
    listing.answer(&request, found, &|domain| CUSTOM_DOMAINS.shown(domain))
}

/// The first domain is the primary one; each has a record to be set in the DNS.
fn arrange(context: &Context, occasion: Occasion<'_>, domain: &mut Fields) {
    let Occasion::Creation { others } = occasion else { return };
    domain.insert("primary".into(), (others == 0).into());
    let id = domain.get("custom_domain_id").and_then(Value::as_str).unwrap_or_default();
    let tenant = context.tenant.name();
    let method = match domain.get("type").and_then(Value::as_str) {
        Some("self_managed_certs") => {
            json!({"name": "txt", "record": context.tenant.random().alphanumeric(32), "domain": domain["domain"]})
        }
        _ => json!({
            "name": "cname",
            "record": format!("{tenant}-{}.edge.tenants.auth0.com", id.replace('_', "-").to_lowercase()),
            "domain": domain["domain"],
        }),
    };
    domain.insert("verification".into(), json!({"methods": [method], "status": "pending"}));
}
