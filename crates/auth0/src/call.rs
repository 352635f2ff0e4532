//! A call as a value: built without IO, sent by [`Client::send`](crate::Client::send).

use std::fmt;

use callboard_contract::{MissingParameter, Operation, Place};
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use serde_json::Value;

/// Where the Management API begins.
const PREFIX: &str = "/api/v2";

/// The header that Auth0 echoes into the log entry of a write, as `references.correlation_id`.
const CORRELATION: HeaderName = HeaderName::from_static("x-correlation-id");

/// One call of the Management API.
#[derive(Clone, PartialEq)]
pub struct Call {
    /// The HTTP method.
    pub method: Method,
    /// The path from the host on, already percent-encoded. Example: `/api/v2/users/auth0%7C1`.
    pub path: String,
    /// Query parameters, not yet encoded, in the order in which they are sent.
    pub query: Vec<(String, String)>,
    /// The JSON body, if any.
    pub body: Option<Value>,
    /// Further headers; never `authorization`.
    pub headers: HeaderMap,
    /// The contract operation this call stands for, when known. Example: `get_users_by_id`.
    pub operation: Option<String>,
    /// Whether a second execution would change nothing more than the first.
    pub repeat: Repeat,
    /// The rate bucket it draws from. Example: `users read`.
    pub bucket: String,
}

/// What a second execution of a call would do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Repeat {
    /// Nothing more than the first: reads, deletes, assignments, block flags. May be sent again after a lost answer.
    Harmless,
    /// Something more (a second user, secret or mail), or nobody knows. Is never sent again after it may have arrived.
    Unsafe,
}

/// Why a call could not be built.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidCall {
    /// The path template names a parameter that was not given.
    #[error("the path {template} needs a value for `{parameter}`")]
    MissingParameter {
        /// The template. Example: `/users/{id}`.
        template: String,
        /// The parameter without a value.
        parameter: String,
    },
    /// A parameter is empty or `.`/`..`, so the call would reach another route.
    #[error(
        "`{value}` cannot be the value of `{parameter}` in {template}: the call would reach another route"
    )]
    BadParameter {
        /// The template. Example: `/users/{id}`.
        template: String,
        /// The parameter with the bad value.
        parameter: String,
        /// The value.
        value: String,
    },
    /// The path does not start with `/`, or is not percent-encoded.
    #[error(
        "the path `{0}` must start with `/` and be percent-encoded (`auth0|1` is written `auth0%7C1`)"
    )]
    BadPath(String),
    /// A header that cannot be sent, or that belongs to the client.
    #[error("the header `{0}` cannot be set on a call")]
    BadHeader(String),
}

impl Call {
    /// A call by method and encoded path, for what has no typed call. Example: `GET`, `/api/v2/stats/daily`.
    ///
    /// # Errors
    /// When the path does not start with `/` or would be changed by encoding.
    pub fn raw(method: Method, path: &str) -> Result<Self, InvalidCall> {
        let bad = || InvalidCall::BadPath(path.into());
        let parsed =
            url::Url::parse(&format!("https://tenant.invalid{path}")).map_err(|_| bad())?;
        if !path.starts_with('/') || parsed.path() != path {
            return Err(bad());
        }
        let below = path.strip_prefix(PREFIX).unwrap_or(path);
        let family = below.trim_start_matches('/').split('/').next().unwrap_or_default();
        let bucket = bucket(family, &method);
        Ok(Self {
            repeat: if method.is_safe() { Repeat::Harmless } else { Repeat::Unsafe },
            method,
            path: path.into(),
            query: Vec::new(),
            body: None,
            headers: HeaderMap::new(),
            operation: None,
            bucket,
        })
    }

    /// A call of an operation of the contract, each path parameter encoded exactly once. Nothing else is checked here:
    /// the tenant decides, or [`Operation::check_body`] beforehand.
    ///
    /// # Errors
    /// When a parameter of the path is missing, empty or a dot segment.
    pub fn operation(
        operation: &Operation,
        path: &[(&str, &str)],
        query: Vec<(String, String)>,
        body: Option<Value>,
    ) -> Result<Self, InvalidCall> {
        let template = operation.path.as_str();
        let value =
            |name: &str| path.iter().find(|(given, _)| *given == name).map(|(_, value)| *value);
        for parameter in operation.parameters_in(Place::Path) {
            if let Some(value) =
                value(&parameter.name).filter(|value| matches!(*value, "" | "." | ".."))
            {
                let (template, parameter) = (template.into(), parameter.name.clone());
                return Err(InvalidCall::BadParameter { template, parameter, value: value.into() });
            }
        }
        let path = operation.path_with(&value).map_err(|MissingParameter(parameter)| {
            InvalidCall::MissingParameter { template: template.into(), parameter }
        })?;
        let family: Vec<&str> =
            template.split('/').filter(|part| !part.is_empty() && !part.starts_with('{')).collect();
        let bucket = bucket(&family.join("/"), &operation.method);
        let call = Self::raw(operation.method.clone(), &format!("{PREFIX}{path}"))?;
        Ok(Self { operation: Some(operation.id.clone()), query, body, bucket, ..call })
    }

    /// With one more query parameter.
    #[must_use]
    pub fn with_query(mut self, name: &str, value: impl Into<String>) -> Self {
        self.query.push((name.into(), value.into()));
        self
    }

    /// With this JSON body.
    #[must_use]
    pub fn with_body(mut self, body: Value) -> Self {
        self.body = Some(body);
        self
    }

    /// With one more header, for example `auth0-custom-domain`.
    ///
    /// # Errors
    /// When the text cannot be a header, or names `authorization`, which is the client's.
    pub fn with_header(mut self, name: &str, value: &str) -> Result<Self, InvalidCall> {
        let bad = || InvalidCall::BadHeader(name.into());
        let header = HeaderName::try_from(name).map_err(|_| bad())?;
        if header == http::header::AUTHORIZATION {
            return Err(bad());
        }
        self.headers.insert(header, HeaderValue::try_from(value).map_err(|_| bad())?);
        Ok(self)
    }

    /// Marks a write with the caller's id, so that the tenant's log entry names it. Reads are left as they are.
    ///
    /// Only the first 64 characters count there; what is not visible ASCII is left out.
    #[must_use]
    pub fn correlated(mut self, id: &str) -> Self {
        let text: String = id.chars().filter(char::is_ascii_graphic).take(64).collect();
        if let Ok(value) = HeaderValue::try_from(text)
            && !self.method.is_safe()
            && !value.is_empty()
        {
            self.headers.insert(CORRELATION, value);
        }
        self
    }

    /// Declares that executing it twice does no more than once, so a lost answer may be answered by sending it again.
    #[must_use]
    pub fn harmless_to_repeat(mut self) -> Self {
        self.repeat = Repeat::Harmless;
        self
    }

    /// Draws from this rate bucket instead of the one derived from the path.
    #[must_use]
    pub fn in_bucket(mut self, bucket: &str) -> Self {
        self.bucket = bucket.into();
        self
    }
}

/// Prints no values: bodies hold passwords, queries hold e-mail addresses.
impl fmt::Debug for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let query: Vec<&str> = self.query.iter().map(|(name, _)| name.as_str()).collect();
        f.debug_struct("Call")
            .field("method", &self.method)
            .field("operation", &self.operation)
            .field("query", &query)
            .field("has_body", &self.body.is_some())
            .field("repeat", &self.repeat)
            .finish_non_exhaustive()
    }
}

/// Auth0 counts by endpoint group and kind of access; tenants with one bucket for all show the same size in each.
fn bucket(family: &str, method: &Method) -> String {
    let access = match *method {
        Method::GET | Method::HEAD => "read",
        Method::DELETE => "delete",
        _ => "write",
    };
    format!("{family} {access}")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(operation: &str, path: &[(&str, &str)]) -> Result<Call, InvalidCall> {
        let operation = callboard_contract::contract().operation(operation).unwrap();
        Call::operation(operation, path, Vec::new(), None)
    }

    #[test]
    fn path_parameters_are_encoded_exactly_once() {
        for (id, path) in [
            ("auth0|1", "/api/v2/users/auth0%7C1"),
            ("auth0%7C1", "/api/v2/users/auth0%257C1"),
            ("a/b?c#d e", "/api/v2/users/a%2Fb%3Fc%23d%20e"),
            ("...", "/api/v2/users/..."),
            ("é", "/api/v2/users/%C3%A9"),
        ] {
            let call = of("get_users_by_id", &[("id", id)]);
            assert_eq!(call.unwrap().path, path, "{id}");
        }
    }

    #[test]
    fn a_parameter_that_would_reach_another_route_is_refused() {
        for id in ["", ".", ".."] {
            let call = of("delete_users_by_id", &[("id", id)]);
            assert!(matches!(call, Err(InvalidCall::BadParameter { .. })), "{id:?}");
        }
        let call = of("delete_users_by_id", &[]);
        assert_eq!(call.unwrap_err().to_string(), "the path /users/{id} needs a value for `id`");
    }

    #[test]
    fn a_raw_path_must_be_encoded_already() {
        for (path, valid) in [
            ("/api/v2/users/auth0%7C1", true),
            ("/api/v2/users", true),
            ("/api/v2/users/a b", false),
            ("/api/v2/users/../clients", false),
            ("/api/v2/users?q=1", false),
            ("@evil.example/api/v2/users", false),
            ("api/v2/users", false),
        ] {
            assert_eq!(Call::raw(Method::GET, path).is_ok(), valid, "{path}");
        }
    }

    #[test]
    fn only_writes_carry_a_correlation_id_of_at_most_64_characters() {
        let id = "run-1:createUser\n ".to_owned() + &"x".repeat(100);
        let read = Call::raw(Method::GET, "/api/v2/users").unwrap().correlated(&id);
        assert!(read.headers.is_empty());
        let write = Call::raw(Method::POST, "/api/v2/users").unwrap().correlated(&id);
        let sent = write.headers["x-correlation-id"].to_str().unwrap();
        assert_eq!((sent.len(), sent.starts_with("run-1:createUserxxx")), (64, true));
    }

    #[test]
    fn a_call_prints_neither_its_body_nor_its_query_values() {
        let call = Call::raw(Method::POST, "/api/v2/users").unwrap();
        let call = call
            .with_query("email", "a@example.com")
            .with_body(serde_json::json!({"password": "hush"}));
        let text = format!("{call:?}");
        assert!(
            text.contains("email") && !text.contains("example.com") && !text.contains("hush"),
            "{text}"
        );
    }

    proptest! {
        #[test]
        fn any_id_stays_one_segment_and_can_be_read_back(id in "\\PC{1,40}") {
            prop_assume!(id != "." && id != "..");
            let call = of("get_user_roles", &[("id", &id)]).unwrap();
            let segments: Vec<&str> = call.path.split('/').collect();
            prop_assert_eq!(segments.len(), 6);
            let back = percent_encoding::percent_decode_str(segments[4]).decode_utf8().unwrap();
            prop_assert_eq!(back.as_ref(), id.as_str());
        }
    }
}
