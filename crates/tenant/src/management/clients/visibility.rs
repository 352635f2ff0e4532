//! Which of a client's fields a caller may see.

use serde_json::{Map, Value, json};

use crate::pipeline::Context;

/// What any scope on clients shows.
const SUMMARY: [&str; 4] = ["client_id", "app_type", "name", "description"];
/// Needs `read:client_keys` or `read:client_credentials`.
const KEYS: [&str; 4] =
    ["client_secret", "signing_keys", "encryption_key", "client_authentication_methods"];

/// The client as its caller may see it; what is not for them is left out.
pub(super) fn shown(context: &Context, client: Value) -> Value {
    let may = |scope: &str| context.caller.may(scope);
    let keys = may("read:client_keys") || may("read:client_credentials");
    let everything = keys || may("read:clients") || may("update:clients") || may("create:clients");
    let Value::Object(client) = with_derived(context, client) else { return Value::Null };
    let visible = |name: &str| {
        if everything { keys || !KEYS.contains(&name) } else { SUMMARY.contains(&name) }
    };
    let fields: Map<String, Value> = client.into_iter().filter(|(name, _)| visible(name)).collect();
    Value::Object(fields)
}

/// The whole client, secret included: who makes a secret must learn it.
pub(super) fn shown_to_its_maker(context: &Context, client: Value) -> Value {
    with_derived(context, client)
}

/// What is not stored with the client: the tenant's key, with which it signs, and former names of fields.
fn with_derived(context: &Context, mut client: Value) -> Value {
    client["cross_origin_auth"] = client["cross_origin_authentication"].clone();
    if let Some(urls) = client["oidc_logout"].get("backchannel_logout_urls").cloned() {
        client["oidc_backchannel_logout"] = json!({"backchannel_logout_urls": urls});
    }
    let key = context.tenant.signing_key();
    let certificate = key.certificate();
    client["signing_keys"] = json!([{
        "cert": certificate.pem, "pkcs7": certificate.pkcs7, "subject": "deprecated",
    }]);
    client
}
