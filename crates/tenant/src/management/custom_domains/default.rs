//! `/custom-domains/default`: the domain that stands in links when a request names none.

use serde_json::json;

use super::CUSTOM_DOMAINS;
use crate::management::generic::listed;
use crate::pipeline::{Answer, ApiError, Context, Request, Table};
use crate::store::{Document, Transaction};

pub(super) fn behaviours(table: &mut Table) {
    table.read("get_default", get);
    table.write("patch_default", "Set the default custom domain", set);
}

async fn get(context: Context, request: Request) -> Result<Answer, ApiError> {
    let all = listed(&CUSTOM_DOMAINS, &context, &request).await?;
    let default = all.into_iter().find(|domain| domain.body["is_default"] == true);
    Ok(Answer::ok(match default {
        Some(domain) => CUSTOM_DOMAINS.shown(domain.body),
        None => json!({"domain": context.origin.host()}),
    }))
}

/// Only a verified domain, or the tenant's own name, can be the default.
async fn set(context: Context, request: Request) -> Result<Answer, ApiError> {
    let name = request.body["domain"].as_str().unwrap_or_default().to_owned();
    let all = listed(&CUSTOM_DOMAINS, &context, &request).await?;
    let chosen = all.iter().find(|domain| domain.body["domain"] == *name);
    match chosen {
        None if name != context.origin.host() => {
            return Err(ApiError::invalid_body("The domain does not exist."));
        }
        Some(domain) if domain.body["status"] != "ready" => {
            return Err(ApiError::invalid_body(
                "The domain must be verified before it can be set as default.",
            ));
        }
        _ => {}
    }
    let mut answer = Answer::ok(json!({"domain": name}));
    let mut change = Transaction::new();
    for Document { id, version, mut body, .. } in all {
        let is_default = body["domain"] == *name;
        if body["is_default"] == is_default && !is_default {
            continue;
        }
        body["is_default"] = is_default.into();
        if is_default {
            answer = Answer::ok(CUSTOM_DOMAINS.shown(body.clone()));
        }
        let keys = CUSTOM_DOMAINS.keys(&body);
        change = change.replace(CUSTOM_DOMAINS.kind, id, version, body, keys);
    }
    Ok(context.commit(change, answer).await?)
}
