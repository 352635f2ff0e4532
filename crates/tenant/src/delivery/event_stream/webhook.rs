//! One event to a webhook: at most four attempts, and what became of them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use callboard_contract::timestamps::to_wire;
use jiff::SignedDuration;
use serde_json::{Value, json};

use super::super::courier::{Courier, Parcel};
use super::super::destination;
use crate::tenants::Tenant;

/// Before the second, third and fourth attempt.
const PAUSES: [SignedDuration; 3] =
    [SignedDuration::from_secs(1), SignedDuration::from_secs(2), SignedDuration::from_secs(4)];

/// What became of an event.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Outcome {
    Delivered,
    /// The attempts, as deliveries show them.
    Failed(Vec<Value>),
}

/// Where a stream's events go.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Webhook {
    endpoint: String,
    headers: Vec<(String, String)>,
}

impl Webhook {
    /// None for destinations that keep their configuration and get nothing.
    pub(super) fn of(stream: &Value) -> Option<Self> {
        let destination = &stream["destination"];
        if destination["type"] != "webhook" {
            return None;
        }
        let configuration = &destination["configuration"];
        let mut headers = vec![("Content-Type".to_owned(), "application/json".to_owned())];
        headers.extend(authorization(&configuration["webhook_authorization"]));
        Some(Self { endpoint: configuration["webhook_endpoint"].as_str()?.to_owned(), headers })
    }

    /// A 2xx ends it well and a 4xx badly; anything else is tried again.
    pub(super) async fn deliver(
        &self,
        tenant: &Tenant,
        courier: &dyn Courier,
        event: &Value,
    ) -> Outcome {
        let Some(url) = destination::reachable(&self.endpoint) else {
            return Outcome::Failed(vec![attempt(tenant, "the endpoint is not an address")]);
        };
        let parcel = Parcel { url, headers: self.headers.clone(), body: event.to_string() };
        let mut attempts = Vec::new();
        let mut pauses = PAUSES.into_iter();
        loop {
            match courier.post(parcel.clone()).await {
                Ok(200..=299) => return Outcome::Delivered,
                Ok(status) => {
                    attempts.push(attempt(tenant, &format!("the webhook answered {status}")));
                    if (400..500).contains(&status) {
                        return Outcome::Failed(attempts);
                    }
                }
                Err(error) => attempts.push(attempt(tenant, &error.to_string())),
            }
            let Some(pause) = pauses.next() else { return Outcome::Failed(attempts) };
            tenant.alarm().until(tenant.now() + pause).await;
        }
    }
}

/// What becomes of an event for a destination that a local tenant does not reach.
pub(super) fn nowhere(tenant: &Tenant) -> Outcome {
    let why =
        "a local tenant delivers to webhooks only; other destinations keep their configuration";
    Outcome::Failed(vec![attempt(tenant, why)])
}

fn attempt(tenant: &Tenant, why: &str) -> Value {
    json!({"status": "failed", "timestamp": to_wire(tenant.now()), "error_message": why})
}

fn authorization(authorization: &Value) -> Option<(String, String)> {
    let text = |name: &str| authorization[name].as_str().unwrap_or_default();
    Some(match text("method") {
        "bearer" => ("Authorization".into(), format!("Bearer {}", text("token"))),
        "basic" => {
            let pair = STANDARD.encode(format!("{}:{}", text("username"), text("password")));
            ("Authorization".into(), format!("Basic {pair}"))
        }
        "custom_header" => (text("header_key").to_owned(), text("value").to_owned()),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_webhook_is_shown_its_authorization() {
        for (method, header) in [
            (json!({"method": "bearer", "token": "t"}), ("Authorization", "Bearer t")),
            (
                json!({"method": "basic", "username": "u", "password": "p"}),
                ("Authorization", "Basic dTpw"),
            ),
            (
                json!({"method": "custom_header", "header_key": "X-Key", "value": "v"}),
                ("X-Key", "v"),
            ),
        ] {
            let (name, value) = authorization(&method).unwrap();
            assert_eq!((name.as_str(), value.as_str()), header);
        }
    }
}
