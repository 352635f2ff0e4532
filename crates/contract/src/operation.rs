//! One operation of the Management API, and the checks of a request to it.

use std::sync::OnceLock;

use http::Method;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::{ErrorBody, Violation, query, schemas::Schemas, validation};

/// What may stand in one segment of a path as it is (RFC 3986, "unreserved").
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// One operation.
#[derive(Debug)]
pub struct Operation {
    /// The document's name for it, for example `post_users`.
    pub id: String,
    /// The HTTP method.
    pub method: Method,
    /// The path template below `/api/v2`, for example `/users/{id}`.
    pub path: String,
    /// The group that Auth0's SDKs file it under, for example `users.roles`.
    pub group: String,
    /// Alternatives of scopes; within one alternative all are needed. Empty: any token will do.
    pub scopes: Vec<Vec<String>>,
    /// Path, query and header parameters.
    pub parameters: Vec<Parameter>,
    /// The request's body, where it has one.
    pub body: Option<Body>,
    /// The status of the usual success.
    pub success: u16,
    /// Every documented answer, by status.
    pub answers: Vec<Answer>,
    pub(crate) closed_query: bool,
    pub(crate) unknown_property_hint: Option<String>,
    pub(crate) query_schema: OnceLock<Value>,
    pub(crate) schemas: &'static Schemas,
}

/// A part of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Place {
    /// The body.
    Body,
    /// The query string.
    Query,
    /// A segment of the path.
    Path,
    /// A header.
    Header,
}

/// One parameter.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Parameter {
    /// Where it stands.
    #[serde(rename = "in")]
    pub place: Place,
    /// Its name.
    pub name: String,
    /// Whether the request is refused without it.
    pub required: bool,
    /// Its schema; references are names of schemas of the contract.
    pub schema: Value,
}

/// A request body.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Body {
    /// Whether the document calls it required. (It never does; the schema's required properties decide.)
    pub required: bool,
    /// Accepted content types, the preferred one first.
    pub types: Vec<String>,
    /// Its schema; references are names of schemas of the contract.
    pub schema: Value,
}

/// One documented answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The schema of its body, where the document gives one.
    pub schema: Option<Value>,
}

impl Place {
    pub(crate) fn error_code(self) -> &'static str {
        match self {
            Self::Body => "invalid_body",
            Self::Query => "invalid_query_string",
            Self::Path => "invalid_uri",
            Self::Header => "invalid_headers",
        }
    }
}

impl Operation {
    /// Whether the scopes that `granted` says yes to are enough.
    pub fn permits(&self, granted: &dyn Fn(&str) -> bool) -> bool {
        self.scopes.is_empty()
            || self.scopes.iter().any(|all| all.iter().all(|scope| granted(scope)))
    }

    /// Every scope of every alternative, once, as the message of a refusal lists them: `read:clients, read:client_summary`.
    pub fn expected_scopes(&self) -> String {
        let mut expected: Vec<&str> = Vec::new();
        for scope in self.scopes.iter().flatten() {
            if !expected.contains(&scope.as_str()) {
                expected.push(scope);
            }
        }
        expected.join(", ")
    }

    /// The answer to a token whose scopes are not enough.
    pub fn insufficient_scope(&self) -> ErrorBody {
        let how_many = if self.scopes.iter().any(|all| all.len() > 1) { "all" } else { "any" };
        ErrorBody::new(
            403,
            format!("Insufficient scope, expected {how_many} of: {}", self.expected_scopes()),
        )
        .with_code("insufficient_scope")
    }

    /// The parameters of one place, in the document's order.
    pub fn parameters_in(&self, place: Place) -> impl Iterator<Item = &Parameter> {
        self.parameters.iter().filter(move |parameter| parameter.place == place)
    }

    /// Checks a body. An absent body is `null`; a `POST` may leave out a body in which nothing is required.
    ///
    /// # Errors
    /// The first fault, as Auth0 would report it.
    pub fn check_body(&self, body: &Value) -> Result<(), Violation> {
        let Some(expected) = &self.body else { return Ok(()) };
        let empty = Value::Object(Map::new());
        if body.is_null()
            && self.method == Method::POST
            && validation::check(&expected.schema, &empty, self.schemas).is_ok()
        {
            return Ok(());
        }
        validation::check(&expected.schema, body, self.schemas).map_err(|mut fault| {
            if let (Some(hint), "additionalProperties") =
                (&self.unknown_property_hint, fault.keyword)
            {
                fault.sentence.push_str(hint);
            }
            Violation::new(Place::Body, fault)
        })
    }

    /// The body that a form (`application/x-www-form-urlencoded`) stands for, its values typed as in `check_query`.
    pub fn body_from_form(&self, pairs: &[(String, String)]) -> Value {
        let properties = self.body_schema().and_then(|schema| schema.get("properties"));
        Value::Object(query::typed(pairs, self.schemas, &|name| properties?.get(name)))
    }

    /// Checks a query string and gives its values the types of their schemas (`page=0` becomes a number).
    ///
    /// A parameter given twice becomes a list. Parameters that the operation does not declare are passed on as texts,
    /// except where the API refuses them.
    ///
    /// # Errors
    /// The first fault, as Auth0 would report it.
    pub fn check_query(&self, pairs: &[(String, String)]) -> Result<Map<String, Value>, Violation> {
        let schema = self.query_schema.get_or_init(|| query::schema(self));
        let declared = |name: &str| {
            let parameter =
                self.parameters_in(Place::Query).find(|parameter| parameter.name == name);
            parameter.map(|parameter| &parameter.schema)
        };
        let values = Value::Object(query::typed(pairs, self.schemas, &declared));
        validation::check(schema, &values, self.schemas)
            .map_err(|fault| Violation::new(Place::Query, fault))?;
        match values {
            Value::Object(values) => Ok(values),
            _ => Ok(Map::new()),
        }
    }

    /// Checks the decoded parameters of a path.
    ///
    /// # Errors
    /// The first fault, as Auth0 would report it.
    pub fn check_path(&self, parameters: &[(String, String)]) -> Result<(), Violation> {
        for parameter in self.parameters_in(Place::Path) {
            let Some((_, text)) = parameters.iter().find(|(name, _)| *name == parameter.name)
            else {
                continue;
            };
            let value = query::typed_text(&parameter.schema, text, self.schemas);
            validation::check(&parameter.schema, &value, self.schemas).map_err(|mut fault| {
                fault.path.clone_from(&parameter.name);
                Violation::new(Place::Path, fault)
            })?;
        }
        Ok(())
    }

    /// The schema of the body. Names in `$ref` are those of the contract; `Contract::bundle` makes it stand alone.
    pub fn body_schema(&self) -> Option<&Value> {
        self.body.as_ref().map(|body| self.named(&body.schema))
    }

    /// The schema of the answer with this status; as for `body_schema`.
    pub fn answer_schema(&self, status: u16) -> Option<&Value> {
        let answer = self.answers.iter().find(|answer| answer.status == status)?;
        answer.schema.as_ref().map(|schema| self.named(schema))
    }

    fn named<'a>(&'a self, schema: &'a Value) -> &'a Value {
        let name = schema.get("$ref").and_then(Value::as_str);
        name.and_then(|name| self.schemas.find(name)).unwrap_or(schema)
    }

    /// The concrete path below `/api/v2`, every parameter percent-encoded.
    ///
    /// # Errors
    /// The name of the first parameter of the path for which `value` has nothing.
    pub fn path_with<'v>(
        &self,
        value: &dyn Fn(&str) -> Option<&'v str>,
    ) -> Result<String, MissingParameter> {
        let mut path = String::new();
        for segment in self.path.split('/').skip(1) {
            path.push('/');
            match segment.strip_prefix('{').and_then(|segment| segment.strip_suffix('}')) {
                Some(name) => {
                    let value = value(name).ok_or_else(|| MissingParameter(name.to_owned()))?;
                    path.extend(utf8_percent_encode(value, SEGMENT));
                }
                None => path.push_str(segment),
            }
        }
        Ok(path)
    }
}

/// A path needs a parameter that was not given.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the path needs the parameter `{0}`")]
pub struct MissingParameter(pub String);

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::contract;

    fn operation(id: &str) -> &'static Operation {
        contract().operation(id).unwrap_or_else(|| panic!("{id}"))
    }

    #[test]
    fn a_body_is_refused_in_auth0s_words() {
        for (id, body, message) in [
            (
                "post_users",
                json!({}),
                "Payload validation error: 'Missing required property: connection'.",
            ),
            (
                "post_users",
                json!(null),
                "Payload validation error: 'Expected type object but found type null'.",
            ),
            (
                "post_users",
                json!({"connection": "db", "email": ""}),
                "Payload validation error: 'Object didn't pass validation for format email: ' on property email.",
            ),
            (
                "post_users",
                json!({"connection": "db", "id": 1}),
                "Payload validation error: 'Additional properties not allowed: id'.",
            ),
            (
                "patch_users_by_id",
                json!({"user_id": "x", "name": "Ann", "identities": []}),
                "Payload validation error: 'Additional properties not allowed: identities,user_id (consider storing them in app_metadata or user_metadata. See \"Users Metadata\" in https://auth0.com/docs/api/v2/changes for more details)'.",
            ),
            (
                "patch_connections_by_id",
                json!({"enabled_clients": []}),
                "Payload validation error: 'Additional properties not allowed: enabled_clients'.",
            ),
            (
                "post_user_roles",
                json!({"roles": []}),
                "Payload validation error: 'Array is too short (0), minimum 1' on property roles.",
            ),
        ] {
            let violation = operation(id).check_body(&body).unwrap_err();
            assert_eq!(
                (violation.to_string().as_str(), violation.error_code()),
                (message, "invalid_body"),
                "{id}"
            );
        }
        assert_eq!(
            operation("patch_users_by_id").check_body(&json!({"blocked": true, "name": null})),
            Ok(())
        );
    }

    fn pairs(texts: &[(&str, &str)]) -> Vec<(String, String)> {
        texts.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn a_query_gets_the_types_of_its_schemas() {
        for (id, query, typed) in [
            (
                "get_users",
                pairs(&[("page", "0"), ("include_totals", "true"), ("q", "1"), ("unknown", "2")]),
                json!({"page": 0, "include_totals": true, "q": "1", "unknown": "2"}),
            ),
            (
                "get_connections",
                pairs(&[("strategy", "auth0"), ("strategy", "sms")]),
                json!({"strategy": ["auth0", "sms"]}),
            ),
            (
                "get_connections",
                pairs(&[("strategy", "auth0,sms")]),
                json!({"strategy": ["auth0", "sms"]}),
            ),
            ("get_connections", pairs(&[("strategy[]", "auth0")]), json!({"strategy": ["auth0"]})),
        ] {
            assert_eq!(operation(id).check_query(&query).map(Value::Object), Ok(typed), "{id}");
        }
    }

    #[test]
    fn a_form_stands_for_a_body() {
        let form =
            pairs(&[("connection", "db"), ("email", "a@example.com"), ("verify_email", "false")]);
        let body = json!({"connection": "db", "email": "a@example.com", "verify_email": false});
        assert_eq!(operation("post_users").body_from_form(&form), body);
    }

    #[test]
    fn a_body_may_be_left_out_where_nothing_in_it_is_required() {
        for (id, accepted) in
            [("user_revoke_access", true), ("post_users", false), ("patch_users_by_id", false)]
        {
            assert_eq!(operation(id).check_body(&Value::Null).is_ok(), accepted, "{id}");
        }
    }

    #[test]
    fn a_query_is_refused_in_auth0s_words() {
        for (id, query, message) in [
            (
                "get_users",
                pairs(&[("per_page", "101")]),
                "Query validation error: 'Value 101 is greater than maximum 100' on property per_page.",
            ),
            (
                "get_users",
                pairs(&[("page", "x")]),
                "Query validation error: 'Expected type integer but found type string' on property page.",
            ),
            (
                "get_users",
                pairs(&[("page", "1"), ("page", "2")]),
                "Query validation error: 'Expected type integer but found type array' on property page.",
            ),
            (
                "get_users-by-email",
                vec![],
                "Query validation error: 'Missing required property: email'.",
            ),
            (
                "get_actions",
                pairs(&[("include_totals", "true")]),
                "Query validation error: 'Additional properties not allowed: include_totals'.",
            ),
        ] {
            let violation = operation(id).check_query(&query).unwrap_err();
            assert_eq!(
                (violation.to_string().as_str(), violation.error_code()),
                (message, "invalid_query_string")
            );
        }
    }

    #[test]
    fn a_path_is_refused_in_auth0s_words() {
        for (id, path, message, code) in [
            (
                "get_users_by_id",
                pairs(&[("id", "abc")]),
                "Path validation error: 'Object didn't pass validation for format user-id: abc' on property id.",
                "invalid_uri",
            ),
            (
                "get_partials",
                pairs(&[("prompt", "passkeys-and-more")]),
                "Path validation error: 'Invalid value \"passkeys-and-more\"' on property prompt.",
                "bad_request",
            ),
        ] {
            let violation = operation(id).check_path(&path).unwrap_err();
            assert_eq!(
                (violation.to_string().as_str(), violation.error_code()),
                (message, code),
                "{id}"
            );
        }
        assert_eq!(operation("get_users_by_id").check_path(&pairs(&[("id", "auth0|1")])), Ok(()));
    }

    #[test]
    fn scopes_permit_as_the_api_does() {
        for (id, granted, permitted) in [
            ("post_users", &["create:users"][..], true),
            ("post_users", &["read:users"], false),
            ("get_clients", &["read:client_summary"], true),
            ("get_user_roles", &["read:users"], false),
            ("get_user_roles", &["read:users", "read:roles"], true),
            ("get_user_roles", &["read:role_members"], true),
            ("post_signing_keys", &["create:signing_keys"], false),
            ("get_client_connections", &["read:connections", "read:client_summary"], true),
        ] {
            assert_eq!(
                operation(id).permits(&|scope| granted.contains(&scope)),
                permitted,
                "{id} {granted:?}"
            );
        }
    }

    #[test]
    fn a_refusal_names_the_scopes_that_would_do() {
        for (id, message) in [
            (
                "get_clients",
                "Insufficient scope, expected any of: read:clients, read:client_summary",
            ),
            (
                "post_signing_keys",
                "Insufficient scope, expected all of: create:signing_keys, update:signing_keys",
            ),
            ("post_users", "Insufficient scope, expected any of: create:users"),
        ] {
            let body = operation(id).insufficient_scope();
            assert_eq!((body.message.as_str(), body.status_code), (message, 403));
            assert_eq!(body.error_code.as_deref(), Some("insufficient_scope"));
        }
    }

    #[test]
    fn every_operation_has_a_success_among_its_answers() {
        for operation in contract().operations() {
            assert!(
                operation.answers.iter().any(|answer| answer.status == operation.success),
                "{}",
                operation.id
            );
        }
    }

    #[test]
    fn a_path_without_its_parameter_names_it() {
        let error = operation("get_user_roles").path_with(&|_| None).unwrap_err();
        assert_eq!(error.to_string(), "the path needs the parameter `id`");
        assert_eq!(
            operation("get_user_roles").path_with(&|_| Some("auth0|a b/c")),
            Ok("/users/auth0%7Ca%20b%2Fc/roles".to_owned())
        );
    }
}
