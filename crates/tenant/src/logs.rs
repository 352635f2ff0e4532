//! The tenant's log: what an entry looks like. Ids are given by the store when the entry is committed.

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use callboard_contract::timestamps::to_wire;

/// Members whose values never reach the log.
const SECRET: [&str; 10] = [
    "password",
    "client_secret",
    "initial_password",
    "refresh_token",
    "access_token",
    "signing_secret",
    "totp_secret",
    "recovery_code",
    "link_with",
    "ticket",
];

/// An entry in the making. Fields that say nothing are `null` or empty, as in real entries.
#[derive(Debug, Clone)]
pub(crate) struct LogEvent {
    body: Map<String, Value>,
}

impl LogEvent {
    pub(crate) fn new(kind: &'static str, moment: Timestamp) -> Self {
        let blank = json!({
            "date": to_wire(moment), "type": kind, "description": "", "connection": null, "connection_id": "",
            "organization_id": null, "organization_name": null, "client_id": null, "client_name": "", "ip": null,
            "hostname": null, "details": null, "user_id": null, "user_name": null, "user_agent": "", "audience": null,
            "scope": null, "strategy": null, "strategy_type": null, "isMobile": false, "location_info": null,
        });
        let Value::Object(body) = blank else { unreachable!("the literal above is an object") };
        Self { body }
    }

    pub(crate) fn with(mut self, name: &'static str, value: impl Into<Value>) -> Self {
        self.body.insert(name.into(), value.into());
        self
    }

    pub(crate) fn described(self, text: impl Into<String>) -> Self {
        self.with("description", text.into())
    }

    pub(crate) fn with_details(self, details: Value) -> Self {
        self.with("details", details)
    }

    /// Where the request came from. The user agent is normalised; programs show as `Other`.
    pub(crate) fn at(self, ip: &str, user_agent: &str) -> Self {
        self.with("ip", ip).with("user_agent", normalised_agent(user_agent))
    }

    pub(crate) fn by_client(self, client_id: &str) -> Self {
        self.with("client_id", client_id)
    }

    /// The user whom the event is about, as `GET /users/{id}/logs` finds it.
    pub(crate) fn about_user(self, id: &str, name: Option<&str>) -> Self {
        self.with("user_id", id).with("user_name", name.unwrap_or_default())
    }

    pub(crate) fn through(self, connection: &str, connection_id: &str, strategy: &str) -> Self {
        let strategy_type = match strategy {
            "auth0" => "database",
            "email" | "sms" => "passwordless",
            "samlp" | "oidc" | "okta" | "waad" | "adfs" | "ad" | "google-apps" | "pingfederate" => {
                "enterprise"
            }
            _ => "social",
        };
        self.with("connection", connection)
            .with("connection_id", connection_id)
            .with("strategy", strategy)
            .with("strategy_type", strategy_type)
    }

    pub(crate) fn into_body(self) -> Value {
        Value::Object(self.body)
    }
}

/// Browsers as family, version and system; the tenant does not parse them further.
fn normalised_agent(user_agent: &str) -> String {
    let version = |mark: &str| {
        let (_, rest) = user_agent.split_once(mark)?;
        let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
        (!digits.is_empty()).then_some(digits)
    };
    let browser =
        [("Firefox/", "Firefox"), ("Edg/", "Edge"), ("Chrome/", "Chrome"), ("Version/", "Safari")]
            .into_iter()
            .find_map(|(mark, name)| version(mark).map(|version| format!("{name} {version}.0.0")));
    let system =
        [("Windows", "Windows 10.0.0"), ("Mac OS X", "Mac OS X 10.15.7"), ("Linux", "Linux 0.0.0")]
            .into_iter()
            .find_map(|(mark, name)| user_agent.contains(mark).then_some(name));
    match browser {
        Some(browser) => format!("{browser} / {}", system.unwrap_or("Other 0.0.0")),
        None => "Other 0.0.0 / Other 0.0.0".into(),
    }
}

/// The same value with its secrets replaced by `*****`.
pub(crate) fn masked(value: &Value) -> Value {
    match value {
        Value::Object(object) => Value::Object(
            object
                .iter()
                .map(|(name, value)| {
                    let is_secret = SECRET.contains(&name.as_str()) && value.is_string();
                    (name.clone(), if is_secret { "*****".into() } else { masked(value) })
                })
                .collect(),
        ),
        Value::Array(items) => items.iter().map(masked).collect(),
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_never_reach_the_log() {
        let body = json!({"name": "x", "password": "p", "nested": [{"client_secret": "s", "password": {"deep": 1}}]});
        assert_eq!(
            masked(&body),
            json!({"name": "x", "password": "*****", "nested": [{"client_secret": "*****", "password": {"deep": 1}}]})
        );
    }

    #[test]
    fn programs_show_as_other() {
        for (agent, shown) in [
            ("Go-Auth0/latest", "Other 0.0.0 / Other 0.0.0"),
            (
                "Mozilla/5.0 (Windows NT 10.0) Chrome/114.0.5 Safari/537.36",
                "Chrome 114.0.0 / Windows 10.0.0",
            ),
        ] {
            assert_eq!(normalised_agent(agent), shown);
        }
    }
}
