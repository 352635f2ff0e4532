//! Links. Secrets go in, never out.

use std::collections::BTreeMap;
use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// A text that is sent but never printed.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Secret(pub String);

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("[secret]")
    }
}

/// Body of `PUT /v1/links/{name}`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LinkRequest {
    pub app: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    #[serde(default)]
    pub settings: Map<String, Value>,
    #[serde(default)]
    pub secrets: BTreeMap<String, Secret>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Link {
    pub name: String,
    pub app: String,
    pub url: String,
    pub settings: Map<String, Value>,
    /// Names of the secrets it holds.
    pub secrets: Vec<String>,
    pub changed_at: Timestamp,
    /// Stands for its app where several do and nothing names one.
    #[serde(default)]
    pub default: bool,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Links {
    pub links: Vec<Link>,
}

/// Answer of `POST /v1/links/{name}/test`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkReport {
    pub name: String,
    pub app: String,
    pub works: bool,
    pub who: Option<String>,
    pub expires_at: Option<Timestamp>,
    pub granted: Vec<String>,
    pub lacking: Vec<Lacking>,
    pub problem: Option<String>,
    pub remedy: Option<String>,
}

/// Scopes that an enabled workflow needs and the link lacks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lacking {
    pub workflow: String,
    pub action: String,
    pub scopes: String,
}
