//! Arguments of calls, evaluated.

use serde_json::{Map, Value};

use super::{Execution, data::View};
use crate::{
    command::{FunctionCall, HttpCall, McpCall, OpenApiCall},
    document::{Call, Endpoint},
    error::{ErrorKind, WorkflowError},
    expression::{Val, value},
    template::Template,
};

impl Execution {
    pub(super) fn function_call(
        &self,
        call: &Call,
        input: &Val,
        view: View<'_>,
    ) -> Result<FunctionCall, WorkflowError> {
        let rendered = |template: &Option<Template>| {
            template.as_ref().map(|template| self.render_json(template, input, view)).transpose()
        };
        let map = |template: &Option<Template>, what: &str| match rendered(template)? {
            None | Some(Value::Null) => Ok(Map::new()),
            Some(Value::Object(entries)) => Ok(entries),
            Some(other) => Err(wrong(format!("{what} must be a mapping, not {}", kind(&other)))),
        };
        Ok(match call {
            Call::Catalogued { name, arguments } | Call::Reusable { name, arguments } => {
                let arguments = rendered(arguments)?.unwrap_or_else(|| Value::Object(Map::new()));
                FunctionCall::Catalogued { name: name.clone(), arguments }
            }
            Call::Http(http) => FunctionCall::Http(HttpCall {
                method: http.method.clone(),
                endpoint: self.address(&http.endpoint, input, view)?,
                headers: map(&http.headers, "headers")?,
                query: map(&http.query, "query")?,
                body: rendered(&http.body)?,
                output: http.output,
                redirect: http.redirect,
                authentication: rendered(&http.endpoint.authentication)?,
            }),
            Call::OpenApi(open) => FunctionCall::OpenApi(OpenApiCall {
                document: self.address(&open.document, input, view)?,
                document_authentication: rendered(&open.document.authentication)?,
                operation_id: open.operation_id.clone(),
                parameters: map(&open.parameters, "parameters")?,
                authentication: rendered(&open.authentication)?,
                output: open.output,
                redirect: open.redirect,
            }),
            Call::Mcp(template) => {
                let arguments = self.render_json(template, input, view)?;
                let part = |key: &str| arguments.get(key).cloned();
                let text = |key: &str| arguments[key].as_str().map(str::to_owned);
                FunctionCall::Mcp(McpCall {
                    method: text("method").ok_or_else(|| wrong("an MCP call needs a method"))?,
                    parameters: part("parameters").unwrap_or_default(),
                    transport: part("transport").unwrap_or_default(),
                    protocol_version: text("protocolVersion"),
                    client: part("client"),
                    timeout: part("timeout"),
                })
            }
        })
    }

    fn address(
        &self,
        endpoint: &Endpoint,
        input: &Val,
        view: View<'_>,
    ) -> Result<String, WorkflowError> {
        let literal = matches!(endpoint.uri, Template::Literal(_));
        match self.render_json(&endpoint.uri, input, view)? {
            Value::String(uri) if literal => fill(&uri, input),
            Value::String(uri) => Ok(uri),
            other => Err(wrong(format!("the endpoint must be a text, not {}", kind(&other)))),
        }
    }
}

/// What a value is, without saying it: it may be a secret.
fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a truth value",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "a mapping",
    }
}

fn wrong(detail: impl Into<String>) -> WorkflowError {
    WorkflowError::new(ErrorKind::Expression, detail)
}

/// Puts top-level fields of the input in the place of `{name}`, percent-encoded.
fn fill(uri: &str, input: &Val) -> Result<String, WorkflowError> {
    let mut filled = String::new();
    let mut rest = uri;
    while let Some((before, after)) = rest.split_once('{') {
        filled.push_str(before);
        let Some((name, tail)) = after.split_once('}') else {
            return Err(wrong(format!("the endpoint {uri} has a \"{{\" without a \"}}\"")));
        };
        let field = value::get(input, name).map(value::to_json).transpose().map_err(wrong)?;
        match field {
            Some(Value::String(text)) => encode(&text, &mut filled),
            Some(scalar @ (Value::Number(_) | Value::Bool(_))) => {
                encode(&scalar.to_string(), &mut filled);
            }
            Some(_) => {
                return Err(wrong(format!("the endpoint {uri} needs a text or number as {name}")));
            }
            None => {
                return Err(wrong(format!(
                    "the endpoint {uri} needs {name}, which the input lacks"
                )));
            }
        }
        rest = tail;
    }
    filled.push_str(rest);
    Ok(filled)
}

fn encode(text: &str, out: &mut String) {
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push('%');
            out.push_str(&hex::encode_upper([byte]));
        }
    }
}
