//! A request as the stand-ins see it.

use axum::body::Bytes;
use http::{HeaderMap, Method, Uri};
use serde_json::{Map, Value};

/// A request to one app, below its name.
#[derive(Debug, Clone)]
pub(crate) struct Incoming {
    pub(crate) method: Method,
    /// `/api/chat.postMessage`, still encoded.
    pub(crate) path: String,
    pub(crate) query: Value,
    pub(crate) headers: HeaderMap,
    /// JSON or a form; a text when it is neither.
    pub(crate) body: Value,
}

impl Incoming {
    pub(crate) fn read(
        method: Method,
        uri: &Uri,
        path: String,
        headers: HeaderMap,
        body: &Bytes,
    ) -> Self {
        let query = form(uri.query().unwrap_or_default().as_bytes());
        let kind = headers
            .get(http::header::CONTENT_TYPE)
            .and_then(|kind| kind.to_str().ok())
            .unwrap_or_default();
        let body = if body.is_empty() {
            Value::Null
        } else if kind.starts_with("application/x-www-form-urlencoded") {
            form(body)
        } else {
            let text = || Value::String(String::from_utf8_lossy(body).into_owned());
            serde_json::from_slice(body).unwrap_or_else(|_| text())
        };
        Self { method, path, query, headers, body }
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// Every header but credentials, as expressions see them.
    pub(crate) fn header_map(&self) -> Value {
        let shown = self.headers.iter().filter(|(name, _)| *name != http::header::AUTHORIZATION);
        let pairs = shown.map(|(name, value)| {
            (
                name.as_str().to_owned(),
                Value::from(String::from_utf8_lossy(value.as_bytes()).into_owned()),
            )
        });
        Value::Object(pairs.collect())
    }

    /// The values of the pattern's `{names}` if this path has its form.
    pub(crate) fn matches(&self, pattern: &str) -> Option<Value> {
        let mut values = Map::new();
        let (mut wanted, mut found) = (pattern.split('/'), self.path.split('/'));
        loop {
            match (wanted.next(), found.next()) {
                (None, None) => return Some(Value::Object(values)),
                (Some(wanted), Some(found)) => {
                    let decoded = percent_encoding::percent_decode_str(found).decode_utf8_lossy();
                    match wanted.strip_prefix('{').and_then(|name| name.strip_suffix('}')) {
                        Some(name) if !decoded.is_empty() => {
                            values.insert(name.to_owned(), Value::from(decoded.into_owned()));
                        }
                        None if wanted == decoded => {}
                        _ => return None,
                    }
                }
                _ => return None,
            }
        }
    }
}

fn form(bytes: &[u8]) -> Value {
    let pairs = url::form_urlencoded::parse(bytes);
    Value::Object(
        pairs.map(|(name, value)| (name.into_owned(), Value::from(value.into_owned()))).collect(),
    )
}
