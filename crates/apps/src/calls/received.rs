//! What the language makes of an answer: an output, or an error.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use callboard_flow::WorkflowError;
use callboard_flow::document::HttpOutput;
use http::header::{CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderMap, HeaderName, StatusCode};
use serde_json::{Map, Value, json};

use super::failure::CallFailure;
use super::session::Session;
use super::wire::Outgoing;
use super::{content, events};

/// Longest excerpt of an answer in the detail of an error.
const EXCERPT: usize = 300;

/// An answer and the request that it answers.
pub(super) struct Received {
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
    pub(super) request: Outgoing,
}

impl Received {
    pub(super) fn content(&self) -> Value {
        content::decode(&self.body, self.header(CONTENT_TYPE))
    }

    /// The content, with a stream of events read as a list of messages.
    pub(super) fn messages(&self) -> Value {
        match self.header(CONTENT_TYPE).map(content::essence) {
            Some(kind) if kind == events::EVENT_STREAM => events::messages(&self.body).collect(),
            _ => self.content(),
        }
    }

    pub(super) fn header(&self, name: HeaderName) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    pub(super) fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }
}

impl Session<'_> {
    /// What the language makes of an answer: an output, or an error for statuses that are none.
    pub(super) fn output(
        &self,
        received: &Received,
        output: HttpOutput,
        redirect: bool,
    ) -> Result<Value, CallFailure> {
        let last = if redirect { 399 } else { 299 };
        if !(200..=last).contains(&received.status) {
            return Err(CallFailure::Rejected(self.error(received)));
        }
        Ok(match output {
            HttpOutput::Content => received.content(),
            HttpOutput::Raw => STANDARD.encode(&received.body).into(),
            HttpOutput::Response => self.response(received),
        })
    }

    fn response(&self, received: &Received) -> Value {
        let request = &received.request;
        json!({
            "request": {
                "method": request.method.as_str(),
                "uri": self.redactor.text(request.url.as_str()),
                // Outputs are written down; credentials are not.
                "headers": self.redactor.mask(&headers_json(&request.headers)),
            },
            "statusCode": received.status,
            "headers": headers_json(&received.headers),
            "content": received.content(),
        })
    }

    /// The error that an answer is.
    pub(super) fn error(&self, received: &Received) -> WorkflowError {
        let reason =
            StatusCode::from_u16(received.status).ok().and_then(|status| status.canonical_reason());
        let title = reason.map_or_else(|| format!("HTTP {}", received.status), str::to_owned);
        let mut detail =
            format!("{} answered {} {title}", self.place(&received.request), received.status);
        if let Some(said) = said(&received.content()) {
            detail.push_str(": ");
            detail.extend(self.redactor.text(&said).chars().take(EXCERPT));
        }
        if let Some(after) = received.header(RETRY_AFTER) {
            detail.extend([" (retry after ", after, ")"]);
        }
        WorkflowError::communication(received.status.into(), title, detail)
    }
}

/// What an error's body says in one line.
fn said(content: &Value) -> Option<String> {
    const FIELDS: [&str; 7] = [
        "detail",
        "error_description",
        "message",
        "error_message",
        "title",
        "description",
        "error",
    ];
    let text = match content {
        Value::String(text) => text.clone(),
        Value::Object(fields) => {
            let found = FIELDS.iter().find_map(|field| match fields.get(*field) {
                Some(Value::String(text)) => Some(text.clone()),
                Some(Value::Object(inner)) => inner.get("message")?.as_str().map(str::to_owned),
                _ => None,
            });
            found.unwrap_or_else(|| content.to_string())
        }
        Value::Null => return None,
        other => other.to_string(),
    };
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    (!line.is_empty()).then_some(line)
}

/// Headers as a mapping; those that come more than once joined.
pub(super) fn headers_json(headers: &HeaderMap) -> Value {
    let mut map = Map::new();
    for name in headers.keys() {
        let values: Vec<String> = headers
            .get_all(name)
            .iter()
            .map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
            .collect();
        map.insert(name.as_str().to_owned(), values.join(", ").into());
    }
    Value::Object(map)
}
