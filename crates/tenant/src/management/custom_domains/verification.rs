//! Verifying a custom domain, and trying whether it leads here.

use callboard_contract::contract;
use http::StatusCode;
use serde_json::{Value, json};

use super::CUSTOM_DOMAINS;
use crate::management::generic::find;
use crate::pipeline::{Answer, ApiError, Context, Request, Table};
use crate::store::{Kind, StoreError, Transaction};

/// What the DNS would say of a domain: a document of this kind, named as the domain, that holds `true`.
const DNS_VERDICT: Kind = Kind("dns_verdict");

pub(super) fn behaviours(table: &mut Table) {
    table.write("post_verify", "Verify a custom domain", verify);
    table.read("post_test_domain", test);
}

async fn verify(context: Context, request: Request) -> Result<Answer, ApiError> {
    let found = find(&CUSTOM_DOMAINS, &context, &request).await?;
    let mut domain = found.body;
    if domain["status"] != "ready" && leads_here(&context, &domain).await? {
        domain["status"] = "ready".into();
        domain["origin_domain_name"] = domain["verification"]["methods"][0]["record"].clone();
        domain["verification"]["status"] = "verified".into();
        domain["verification"]["last_verified_at"] = context.timestamp().into();
        domain["certificate"] =
            json!({"status": "provisioned", "certificate_authority": "letsencrypt"});
    }
    let status = contract().operation("post_verify").map_or(200, |operation| operation.success);
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::OK);
    let answer = Answer::with(status, CUSTOM_DOMAINS.shown(domain.clone()));
    let keys = CUSTOM_DOMAINS.keys(&domain);
    let change =
        Transaction::new().replace(CUSTOM_DOMAINS.kind, found.id, found.version, domain, keys);
    Ok(context.commit(change, answer).await?)
}

async fn test(context: Context, request: Request) -> Result<Answer, ApiError> {
    let found = find(&CUSTOM_DOMAINS, &context, &request).await?;
    Ok(Answer::ok(if leads_here(&context, &found.body).await? {
        json!({"success": true})
    } else {
        json!({"success": false, "message": "The custom domain does not resolve to this tenant."})
    }))
}

async fn leads_here(context: &Context, domain: &Value) -> Result<bool, StoreError> {
    let name = domain["domain"].as_str().unwrap_or_default();
    let verdict = context.store().get(DNS_VERDICT, name).await?;
    Ok(verdict.is_some_and(|verdict| verdict.body == true))
}
