//! A description of an API: its operations and where they are served.

use callboard_flow::yaml;
use serde_json::{Map, Value};
use url::Url;

const METHODS: [&str; 8] = ["get", "put", "post", "delete", "options", "head", "patch", "trace"];
/// Longest chain of references.
const DEEPEST: usize = 20;

pub(in crate::calls) struct Document {
    root: Value,
    /// Where it was found, after redirects.
    url: Url,
    pub(super) version: Version,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Version {
    Two,
    Three,
}

/// An operation and what it inherits from its path.
pub(super) struct Operation<'a> {
    pub(super) id: &'a str,
    pub(super) path: &'a str,
    pub(super) method: &'a str,
    pub(super) item: &'a Map<String, Value>,
    pub(super) declared: &'a Map<String, Value>,
}

impl Document {
    pub(super) fn read(text: &str, url: Url) -> Result<Self, String> {
        let root = match serde_json::from_str(text) {
            Ok(root) => root,
            Err(_) => {
                yaml::read(text)
                    .map_err(|problem| format!("is neither JSON nor YAML: {problem}"))?
                    .0
            }
        };
        let starts = |name: &str, with: &str| match root.get(name) {
            Some(Value::String(version)) => version.starts_with(with),
            Some(Value::Number(version)) => version.to_string().starts_with(with),
            _ => false,
        };
        let version = if starts("swagger", "2") {
            Version::Two
        } else if starts("openapi", "3") {
            Version::Three
        } else {
            return Err("says neither \"swagger: 2.0\" nor \"openapi: 3.x\"".into());
        };
        Ok(Self { root, url, version })
    }

    /// The value itself, or what its `$ref` inside this document points at.
    pub(super) fn resolve<'a>(&'a self, value: &'a Value) -> Result<&'a Value, String> {
        let mut value = value;
        for _ in 0..DEEPEST {
            let Some(reference) = value.get("$ref").and_then(Value::as_str) else {
                return Ok(value);
            };
            let pointer = reference.strip_prefix('#').ok_or_else(|| {
                format!("the document refers to another one ({reference}), which is not read")
            })?;
            value = self.root.pointer(pointer).ok_or_else(|| {
                format!("the document refers to {reference}, which it does not have")
            })?;
        }
        Err("the document has references that lead in a circle".into())
    }

    pub(super) fn operation(&self, id: &str) -> Result<Operation<'_>, String> {
        let mut ids = Vec::new();
        let paths = self.root.get("paths").and_then(Value::as_object);
        for (path, item) in paths.into_iter().flatten() {
            let Some(item) = self.resolve(item)?.as_object() else { continue };
            for method in METHODS {
                let Some(operation) = item.get(method).and_then(Value::as_object) else { continue };
                let Some(found) = operation.get("operationId").and_then(Value::as_str) else {
                    continue;
                };
                if found == id {
                    return Ok(Operation { id: found, path, method, item, declared: operation });
                }
                ids.push(found);
            }
        }
        let help = near(id, &ids).map(|near| format!("; did you mean {near}?")).unwrap_or_default();
        Err(format!("the OpenAPI document has no operation {id}{help}"))
    }

    /// The address that the operation's path is appended to.
    pub(super) fn server(&self, operation: &Operation<'_>) -> Result<String, String> {
        match self.version {
            Version::Two => Ok(self.server_of_version_two(operation)),
            Version::Three => self.server_of_version_three(operation),
        }
    }

    fn server_of_version_two(&self, operation: &Operation<'_>) -> String {
        let text = |name: &str| self.root.get(name).and_then(Value::as_str);
        let listed = |schemes: Option<&Value>| {
            let schemes: Vec<&str> =
                schemes?.as_array()?.iter().filter_map(Value::as_str).collect();
            ["https", "http"].into_iter().find(|scheme| schemes.contains(scheme))
        };
        let scheme = listed(operation.declared.get("schemes"))
            .or_else(|| listed(self.root.get("schemes")))
            .unwrap_or(self.url.scheme());
        let host = text("host").unwrap_or(self.url.authority());
        format!("{scheme}://{host}{}", text("basePath").unwrap_or_default())
    }

    fn server_of_version_three(&self, operation: &Operation<'_>) -> Result<String, String> {
        let first = |servers: Option<&'_ Value>| servers?.as_array()?.first().cloned();
        let server = first(operation.declared.get("servers"))
            .or_else(|| first(operation.item.get("servers")))
            .or_else(|| first(self.root.get("servers")));
        let server = server.unwrap_or_default();
        let mut text = server.get("url").and_then(Value::as_str).unwrap_or("/").to_owned();
        for (name, variable) in
            server.get("variables").and_then(Value::as_object).into_iter().flatten()
        {
            let default = variable.get("default").and_then(Value::as_str).unwrap_or_default();
            text = text.replace(&format!("{{{name}}}"), default);
        }
        let url = self
            .url
            .join(&text)
            .map_err(|error| format!("the document's server \"{text}\" is none: {error}"))?;
        Ok(url.into())
    }

    /// A list of content types, of the operation or of the whole document.
    pub(super) fn consumes<'a>(&'a self, operation: &Operation<'a>) -> Vec<&'a str> {
        let own = operation.declared.get("consumes").or_else(|| self.root.get("consumes"));
        own.and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect()
    }
}

/// The most similar of some names, if one is similar.
pub(super) fn near<'a>(name: &str, names: &[&'a str]) -> Option<&'a str> {
    let lower = name.to_lowercase();
    let scored =
        names.iter().map(|other| (strsim::jaro_winkler(&lower, &other.to_lowercase()), *other));
    scored
        .filter(|(score, _)| *score > 0.8)
        .max_by(|left, right| left.0.total_cmp(&right.0))
        .map(|(_, other)| other)
}
