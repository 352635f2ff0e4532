//! The `sapi` entry that a Management API write leaves in the log.

use serde_json::{Value, json};

use super::{Answer, Context};
use crate::logs::masked;

/// None for operations that are not logged.
pub(super) fn entry(context: &Context, answer: &Answer) -> Option<Value> {
    let title = context.title?;
    let exchange = &context.exchange;
    let mut credentials = json!({"scopes": context.caller.scopes});
    if let Some(jti) = &context.caller.jti {
        credentials["jti"] = jti.as_str().into();
    }
    let details = json!({
        "request": {
            "method": exchange.method,
            "path": exchange.path,
            "query": exchange.query,
            "userAgent": exchange.user_agent,
            "body": masked(&exchange.body),
            "channel": "api",
            "ip": exchange.ip,
            "auth": {"user": {}, "strategy": "jwt", "credentials": credentials},
        },
        "response": {
            "statusCode": answer.status.as_u16(),
            "body": answer.body.as_ref().map_or_else(|| json!({}), masked),
        },
    });
    let mut event = context.log_event("sapi").described(title).with_details(details);
    if let Some(id) = &exchange.correlation_id {
        event = event.with("references", json!({"correlation_id": id}));
    }
    Some(event.into_body())
}
