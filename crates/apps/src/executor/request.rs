//! A request as the manifest describes it, and as it is about to be sent.

use callboard_contract::Operation;
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Map, Value};

use crate::app::fill;
use crate::attempt::Failure;
use crate::schema::Mismatch;
use crate::template::{Template, TemplateError};

/// Everything but the unreserved characters of RFC 3986.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// One request of an action, probe or health check.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    /// Its answer is at `.results.<name>` for what follows.
    pub(crate) name: String,
    pub(crate) when: Option<Template>,
    pub(crate) target: Target,
    /// Values of the path's `{names}`.
    pub(crate) parameters: Vec<(String, Template)>,
    pub(crate) query: Option<Template>,
    pub(crate) headers: Option<Template>,
    pub(crate) body: Option<Template>,
    pub(crate) content: Content,
    /// Sent once for each item of this list, which is `.item`.
    pub(crate) each: Option<Template>,
    pub(crate) pages: Option<Pages>,
    pub(crate) tolerate: Vec<Tolerance>,
}

#[derive(Debug, Clone)]
pub(crate) enum Target {
    /// An operation of Auth0's Management API; method, path and scopes follow.
    Operation(&'static Operation),
    Http {
        method: Template,
        path: Path,
    },
}

#[derive(Debug, Clone)]
pub(crate) enum Path {
    /// `/v0/{base}/{table}`; each value is encoded.
    Pattern(String),
    /// Already encoded.
    Computed(Template),
}

/// How the body is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Content {
    Json,
    /// `application/x-www-form-urlencoded`, nested as `a[b]=1`.
    Form,
}

/// A list that comes in pages: its items end up at `.results.<name>.items`.
#[derive(Debug, Clone)]
pub(crate) struct Pages {
    pub(crate) items: Template,
    /// What the next page's query has besides; no value or `null` after the last page.
    pub(crate) next: Template,
    pub(crate) at_most: u32,
}

/// An answer that is no success and yet no failure of the action.
#[derive(Debug, Clone)]
pub(crate) enum Tolerance {
    Status(u16),
    /// Sees `{status, body, not_in_plan}`.
    Condition(Template),
}

/// A request with all values filled in.
#[derive(Debug, Clone)]
pub(crate) struct Rendered {
    pub(crate) method: Method,
    /// From the base URL on, encoded; for Auth0 with `/api/v2`.
    pub(crate) path: String,
    pub(crate) query: Vec<(String, String)>,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Option<Value>,
    pub(crate) content: Content,
    pub(crate) operation: Option<&'static Operation>,
}

impl Request {
    /// Fills in all values. Nothing has been sent when this fails, so it is the arguments' fault.
    pub(crate) fn render(&self, context: &Value) -> Result<Rendered, Failure> {
        let body = match &self.body {
            Some(template) => template.evaluate_optional(context).map_err(|error| unfit(&error))?,
            None => None,
        };
        let (method, path, operation) = match &self.target {
            Target::Operation(operation) => {
                let path = format!("/api/v2{}", self.fill_path(&operation.path, context)?);
                (operation.method.clone(), path, Some(*operation))
            }
            Target::Http { method, path } => {
                let method = evaluate(method, context)?;
                let method = method.as_str().and_then(|name| name.parse().ok());
                let method = method.ok_or_else(|| mismatch("the method is not one of HTTP"))?;
                let path = match path {
                    Path::Pattern(pattern) => self.fill_path(pattern, context)?,
                    Path::Computed(template) => computed_path(&evaluate(template, context)?)?,
                };
                (method, path, None)
            }
        };
        Ok(Rendered {
            method,
            path,
            query: self
                .query
                .as_ref()
                .map_or(Ok(Vec::new()), |query| Ok(pairs(&evaluate(query, context)?)))?,
            headers: self.render_headers(context)?,
            body,
            content: self.content,
            operation,
        })
    }

    fn fill_path(&self, pattern: &str, context: &Value) -> Result<String, Failure> {
        let mut values = Map::new();
        for (name, template) in &self.parameters {
            values.insert(name.clone(), evaluate(template, context)?);
        }
        let find = |name: &str| {
            let text = scalar(values.get(name)?)?;
            // `.` and `..` would reach another address although they need no encoding.
            (!matches!(text.as_str(), "" | "." | ".."))
                .then(|| utf8_percent_encode(&text, SEGMENT).to_string())
        };
        fill(pattern, &find)
            .map_err(|name| mismatch(&format!("`{name}` cannot stand in the path {pattern}")))
    }

    fn render_headers(&self, context: &Value) -> Result<HeaderMap, Failure> {
        let mut headers = HeaderMap::new();
        let Some(template) = &self.headers else { return Ok(headers) };
        for (name, value) in pairs(&evaluate(template, context)?) {
            let pair = (HeaderName::from_bytes(name.as_bytes()), HeaderValue::from_str(&value));
            let (Ok(name), Ok(value)) = pair else {
                return Err(mismatch(&format!("`{name}` cannot be a header")));
            };
            headers.insert(name, value);
        }
        Ok(headers)
    }
}

impl Tolerance {
    pub(crate) fn accepts(&self, status: u16, context: &Value) -> bool {
        match self {
            Self::Status(accepted) => *accepted == status,
            Self::Condition(condition) => condition.holds(context).unwrap_or(false),
        }
    }
}

pub(crate) fn evaluate(template: &Template, context: &Value) -> Result<Value, Failure> {
    template.evaluate(context).map_err(|error| unfit(&error))
}

pub(crate) fn unfit(error: &TemplateError) -> Failure {
    mismatch(&error.to_string())
}

pub(crate) fn mismatch(message: &str) -> Failure {
    Failure::InvalidArguments(vec![Mismatch {
        pointer: String::new(),
        message: message.to_owned(),
    }])
}

/// An address given whole by the caller: it must stay on the service.
fn computed_path(value: &Value) -> Result<String, Failure> {
    let path = value.as_str().unwrap_or_default();
    let leaves = path.split(['/', '?', '#']).any(|segment| segment == ".." || segment == ".");
    if !path.starts_with('/') || path.starts_with("//") || path.contains(['?', '#', '\\']) || leaves
    {
        return Err(mismatch(
            "the path must begin with `/`, be encoded, and have no query of its own",
        ));
    }
    Ok(path.to_owned())
}

/// The entries of a map as text: `null` is left out, lists repeat their name.
pub(crate) fn pairs(value: &Value) -> Vec<(String, String)> {
    let mut pairs = Vec::new();
    for (name, value) in value.as_object().into_iter().flatten() {
        match value {
            Value::Array(items) => {
                pairs.extend(items.iter().filter_map(scalar).map(|text| (name.clone(), text)));
            }
            single => pairs.extend(scalar(single).map(|text| (name.clone(), text))),
        }
    }
    pairs
}

/// A body as a form: `{"a": {"b": 1}, "c": [2]}` is `a[b]=1&c[0]=2`.
pub(crate) fn form(body: &Value) -> Vec<(String, String)> {
    let mut pairs = Vec::new();
    flatten("", body, &mut pairs);
    pairs
}

fn flatten(name: &str, value: &Value, pairs: &mut Vec<(String, String)>) {
    let inside =
        |key: &str| if name.is_empty() { key.to_owned() } else { format!("{name}[{key}]") };
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                flatten(&inside(key), value, pairs);
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                flatten(&inside(&index.to_string()), item, pairs);
            }
        }
        single => pairs.extend(scalar(single).map(|text| (name.to_owned(), text))),
    }
}

fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(fact) => Some(fact.to_string()),
        _ => None,
    }
}
