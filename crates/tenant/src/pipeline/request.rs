//! A parsed and validated request, as behaviours get it.

use serde_json::{Map, Value};

/// Decoded path parameters, typed query parameters and the body; all of them match the contract.
#[derive(Debug, Clone, Default)]
pub(crate) struct Request {
    pub(crate) path: Vec<(String, String)>,
    pub(crate) query: Map<String, Value>,
    /// `Null` where the operation has no body.
    pub(crate) body: Value,
}

impl Request {
    /// A path parameter; the contract guarantees that the ones in its path are there.
    pub(crate) fn path(&self, name: &str) -> &str {
        self.path.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
    }

    /// The path parameter that nearly every family calls `id`.
    pub(crate) fn id(&self) -> &str {
        self.path("id")
    }

    pub(crate) fn query_text(&self, name: &str) -> Option<&str> {
        self.query.get(name).and_then(Value::as_str)
    }

    pub(crate) fn query_number(&self, name: &str) -> Option<u64> {
        self.query.get(name).and_then(Value::as_u64)
    }

    pub(crate) fn query_flag(&self, name: &str) -> Option<bool> {
        self.query.get(name).and_then(Value::as_bool)
    }

    /// The values of a parameter that may be given several times.
    pub(crate) fn query_texts(&self, name: &str) -> Vec<String> {
        match self.query.get(name) {
            Some(Value::Array(values)) => {
                values.iter().filter_map(Value::as_str).map(str::to_owned).collect()
            }
            Some(Value::String(value)) => vec![value.clone()],
            _ => Vec::new(),
        }
    }

    /// The body as an object, to be taken apart.
    pub(crate) fn into_fields(self) -> Map<String, Value> {
        match self.body {
            Value::Object(fields) => fields,
            _ => Map::new(),
        }
    }

    /// The texts of an array in the body: `{"roles": ["rol_…"]}`.
    pub(crate) fn body_texts(&self, name: &str) -> Vec<String> {
        let items = self.body[name].as_array().map(Vec::as_slice).unwrap_or_default();
        items.iter().filter_map(Value::as_str).map(str::to_owned).collect()
    }
}
