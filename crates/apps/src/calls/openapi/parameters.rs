//! Arguments by name become path, query, headers, cookies and body, written as the document says.

use percent_encoding::utf8_percent_encode;
use serde_json::{Map, Value};

use super::document::{Document, Operation, Version, near};
use super::style::{SEGMENT, Style, joined, separator};
use crate::calls::content::{FORM, JSON, MULTIPART, essence, is_json};

/// Everything that the arguments become.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Bound {
    pub(super) path: String,
    pub(super) query: Vec<(String, String)>,
    pub(super) headers: Map<String, Value>,
    /// `name=value`
    pub(super) cookies: Vec<String>,
    /// The body and its content type.
    pub(super) body: Option<(Value, String)>,
}

/// One declared parameter.
pub(super) struct Parameter<'a> {
    pub(super) name: &'a str,
    pub(super) place: &'a str,
    pub(super) declared: &'a Map<String, Value>,
}

impl Parameter<'_> {
    pub(super) fn text(&self, key: &str) -> Option<&str> {
        self.declared.get(key).and_then(Value::as_str)
    }

    fn is_required(&self) -> bool {
        self.place == "path"
            || self.declared.get("required").and_then(Value::as_bool).unwrap_or(false)
    }

    /// The default that the document gives.
    fn default(&self) -> Option<&Value> {
        self.declared.get("default").or_else(|| self.declared.get("schema")?.get("default"))
    }
}

pub(super) fn bind(
    document: &Document,
    operation: &Operation<'_>,
    arguments: &Map<String, Value>,
) -> Result<Bound, String> {
    let declared = declared(document, operation)?;
    let mut bound = Bound { path: operation.path.to_owned(), ..Bound::default() };
    let mut rest = arguments.clone();
    let mut form = Map::new();
    for parameter in &declared {
        let name = parameter.name;
        let given = rest.shift_remove(name).filter(|value| !value.is_null());
        let default = parameter.is_required().then(|| parameter.default().cloned()).flatten();
        let Some(value) = given.or(default) else {
            if parameter.is_required() {
                return Err(format!(
                    "the operation {} needs the parameter {name} ({})",
                    operation.id, parameter.place
                ));
            }
            continue;
        };
        match parameter.place {
            "body" => bound.body = Some((value, body_type(&document.consumes(operation)))),
            "formData" => drop(form.insert(name.to_owned(), form_value(parameter, value)?)),
            _ => place(&mut bound, document.version, parameter, &value)?,
        }
    }
    if !form.is_empty() {
        let consumes = document.consumes(operation);
        let multipart =
            consumes.iter().any(|kind| essence(kind) == MULTIPART) && !consumes.contains(&FORM);
        bound.body =
            Some((Value::Object(form), if multipart { MULTIPART } else { FORM }.to_owned()));
    }
    if document.version == Version::Three {
        request_body(document, operation, &mut rest, &mut bound)?;
    }
    if let Some(unknown) = rest.keys().next() {
        let names: Vec<&str> = declared.iter().map(|parameter| parameter.name).collect();
        let help =
            near(unknown, &names).map(|near| format!("; did you mean {near}?")).unwrap_or_default();
        return Err(format!("the operation {} has no parameter {unknown}{help}", operation.id));
    }
    Ok(bound)
}

/// The parameters of path and operation; the operation's win.
fn declared<'a>(
    document: &'a Document,
    operation: &Operation<'a>,
) -> Result<Vec<Parameter<'a>>, String> {
    let mut all: Vec<Parameter<'a>> = Vec::new();
    for owner in [operation.item, operation.declared] {
        for declared in owner.get("parameters").and_then(Value::as_array).into_iter().flatten() {
            let Some(declared) = document.resolve(declared)?.as_object() else { continue };
            let text = |key: &str| declared.get(key).and_then(Value::as_str);
            let (Some(name), Some(place)) = (text("name"), text("in")) else { continue };
            all.retain(|known| (known.name, known.place) != (name, place));
            all.push(Parameter { name, place, declared });
        }
    }
    Ok(all)
}

fn form_value(parameter: &Parameter<'_>, value: Value) -> Result<Value, String> {
    match (&value, parameter.text("collectionFormat").unwrap_or("csv")) {
        (Value::Array(items), format) if format != "multi" => {
            joined(items, separator(format)).map(Value::from)
        }
        _ => Ok(value),
    }
}

/// Puts a value into path, query, header or cookie.
fn place(
    bound: &mut Bound,
    version: Version,
    parameter: &Parameter<'_>,
    value: &Value,
) -> Result<(), String> {
    let name = parameter.name;
    // OpenAPI 3 can ask for a parameter as JSON text.
    let as_json =
        parameter.declared.contains_key("content").then(|| Value::from(value.to_string()));
    let value = as_json.as_ref().unwrap_or(value);
    let style = Style::of(version, parameter);
    let flat = || style.flat(value).map_err(|why| format!("the parameter {name} {why}"));
    match parameter.place {
        "path" => {
            let filled =
                style.segment(name, value).map_err(|why| format!("the parameter {name} {why}"))?;
            bound.path = bound.path.replace(&format!("{{{name}}}"), &filled);
        }
        "query" => {
            bound.query.extend(
                style.pairs(name, value).map_err(|why| format!("the parameter {name} {why}"))?,
            );
        }
        "header" => drop(bound.headers.insert(name.to_owned(), flat()?.into())),
        "cookie" => {
            bound.cookies.push(format!("{name}={}", utf8_percent_encode(&flat()?, SEGMENT)));
        }
        other => {
            return Err(format!(
                "the document puts the parameter {name} into an unknown place, {other}"
            ));
        }
    }
    Ok(())
}

/// The content type for a body: JSON where it is offered, then forms, then whatever comes first.
fn body_type(offered: &[&str]) -> String {
    let find = |fits: &dyn Fn(&str) -> bool| offered.iter().find(|kind| fits(&essence(kind)));
    let kind = find(&|kind| kind == JSON)
        .or_else(|| find(&is_json))
        .or_else(|| find(&|kind| kind == FORM))
        .or_else(|| find(&|kind| kind == MULTIPART))
        .or_else(|| offered.first());
    kind.copied().filter(|kind| !kind.contains('*')).unwrap_or(JSON).to_owned()
}

/// OpenAPI 3: the argument `body` is the body; without it, the arguments that nothing else has taken are its fields.
fn request_body(
    document: &Document,
    operation: &Operation<'_>,
    rest: &mut Map<String, Value>,
    bound: &mut Bound,
) -> Result<(), String> {
    let Some(declared) = operation.declared.get("requestBody") else { return Ok(()) };
    let declared = document.resolve(declared)?;
    let content = declared.get("content").and_then(Value::as_object);
    let offered: Vec<&str> = content.into_iter().flatten().map(|(kind, _)| kind.as_str()).collect();
    let kind = body_type(&offered);
    let schema = content.and_then(|content| content.get(&kind)?.get("schema"));
    let schema = schema.map(|schema| document.resolve(schema)).transpose()?;
    let properties = schema.and_then(|schema| schema.get("properties")?.as_object());
    let has_field_body = properties.is_some_and(|properties| properties.contains_key("body"));
    let body = match rest.get("body") {
        Some(_) if !has_field_body => rest.shift_remove("body"),
        _ if rest.is_empty() => None,
        _ => {
            let known =
                |name: &str| properties.is_none_or(|properties| properties.contains_key(name));
            let open = schema
                .and_then(|schema| schema.get("additionalProperties"))
                .is_some_and(|more| *more != false);
            let (fields, others) =
                std::mem::take(rest).into_iter().partition(|(name, _)| open || known(name));
            *rest = others;
            Some(Value::Object(fields))
        }
    };
    match body.filter(|body| !body.is_null()) {
        Some(body) => bound.body = Some((body, kind)),
        None if declared.get("required").and_then(Value::as_bool) == Some(true) => {
            return Err(format!(
                "the operation {} needs a body; give it as the parameter body",
                operation.id
            ));
        }
        None => {}
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use url::Url;

    use super::*;

    fn bound(document: &Value, arguments: &Value) -> Result<Bound, String> {
        let url = Url::parse("https://x.example/spec").unwrap();
        let document = Document::read(&document.to_string(), url).unwrap();
        let operation = document.operation("op").unwrap();
        bind(&document, &operation, arguments.as_object().unwrap())
    }

    fn three(parameters: &Value) -> Value {
        json!({"openapi": "3.1.0", "paths": {"/a/{p}/b": {
            "parameters": [{"name": "p", "in": "path", "schema": {"default": "d"}}],
            "get": {"operationId": "op", "parameters": parameters},
        }}})
    }

    #[test]
    fn lists_and_objects_are_written_in_every_style() {
        for (parameter, value, query) in [
            (json!({"in": "query"}), json!(["a b", 2]), "a=a b a=2"),
            (json!({"in": "query", "explode": false}), json!([1, 2]), "a=1,2"),
            (
                json!({"in": "query", "style": "pipeDelimited", "explode": false}),
                json!([1, 2]),
                "a=1|2",
            ),
            (json!({"in": "query", "style": "spaceDelimited"}), json!([1, 2]), "a=1 2"),
            (json!({"in": "query", "style": "deepObject"}), json!({"x": 1}), "a[x]=1"),
            (json!({"in": "query"}), json!({"x": 1, "y": true}), "x=1 y=true"),
            (json!({"in": "query", "explode": false}), json!({"x": 1}), "a=x,1"),
            (
                json!({"in": "query", "content": {"application/json": {}}}),
                json!({"x": 1}),
                "a={\"x\":1}",
            ),
        ] {
            let mut parameter = parameter;
            parameter["name"] = "a".into();
            let bound = bound(&three(&json!([parameter])), &json!({"a": value})).unwrap();
            let written: Vec<String> =
                bound.query.iter().map(|(name, value)| format!("{name}={value}")).collect();
            assert_eq!(written.join(" "), query, "{parameter}");
            assert_eq!(bound.path, "/a/d/b");
        }
        for (style, explode, path) in [
            ("simple", false, "x%2F1,2"),
            ("label", true, ".x%2F1.2"),
            ("matrix", true, ";p=x%2F1;p=2"),
            ("matrix", false, ";p=x%2F1,2"),
        ] {
            let parameters =
                json!([{"name": "p", "in": "path", "style": style, "explode": explode}]);
            let bound = bound(&three(&parameters), &json!({"p": ["x/1", 2]})).unwrap();
            assert_eq!(bound.path, format!("/a/{path}/b"), "{style}");
        }
    }

    #[test]
    fn headers_and_cookies_are_parameters_too() {
        let parameters = json!([{"name": "X-Ids", "in": "header"}, {"name": "sid", "in": "cookie"}, {"name": "o", "in": "query"}]);
        let bound =
            bound(&three(&parameters), &json!({"X-Ids": [1, 2], "sid": "a;b", "p": "é"})).unwrap();
        assert_eq!(bound.headers["X-Ids"], "1,2");
        assert_eq!(bound.cookies, ["sid=a%3Bb"]);
        assert_eq!((bound.path.as_str(), bound.query.len()), ("/a/%C3%A9/b", 0));
    }

    #[test]
    fn a_path_cannot_be_left_by_a_parameter() {
        for value in ["..", ".", ""] {
            assert!(bound(&three(&json!([])), &json!({"p": value})).is_err(), "{value}");
        }
    }

    #[test]
    fn what_is_missing_or_unknown_is_named() {
        let parameters = json!([{"name": "status", "in": "query", "required": true}]);
        let missing = bound(&three(&parameters), &json!({})).unwrap_err();
        assert_eq!(missing, "the operation op needs the parameter status (query)");
        let unknown = bound(&three(&parameters), &json!({"status": 1, "statsu": 1})).unwrap_err();
        assert_eq!(unknown, "the operation op has no parameter statsu; did you mean status?");
    }

    #[test]
    fn bodies_follow_the_version() {
        let two = |parameters: Value, consumes: Value| json!({"swagger": "2.0", "consumes": consumes, "paths": {"/p": {"post": {"operationId": "op", "parameters": parameters}}}});
        let body = two(
            json!([{"name": "pet", "in": "body"}]),
            json!(["application/xml", "application/json"]),
        );
        assert_eq!(
            bound(&body, &json!({"pet": {"id": 1}})).unwrap().body,
            Some((json!({"id": 1}), JSON.into()))
        );
        let form = json!([{"name": "a", "in": "formData"}, {"name": "l", "in": "formData"}]);
        assert_eq!(
            bound(&two(form.clone(), json!([FORM])), &json!({"a": 1, "l": [1, 2]})).unwrap().body,
            Some((json!({"a": 1, "l": "1,2"}), FORM.into()))
        );
        let multipart = bound(&two(form, json!([MULTIPART])), &json!({"a": 1})).unwrap();
        assert_eq!(multipart.body.unwrap().1, MULTIPART);
        let three = |schema: Value| {
            json!({"openapi": "3.0.3", "components": {"schemas": {"S": schema}}, "paths": {"/p": {"post": {
                "operationId": "op", "parameters": [{"name": "q", "in": "query"}],
                "requestBody": {"required": true, "content": {
                    "text/xml": {}, "application/json": {"schema": {"$ref": "#/components/schemas/S"}}}},
            }}}})
        };
        let schema = json!({"properties": {"name": {}, "age": {}}});
        for arguments in [
            json!({"q": 1, "name": "Rex", "age": 3}),
            json!({"q": 1, "body": {"name": "Rex", "age": 3}}),
        ] {
            let bound = bound(&three(schema.clone()), &arguments).unwrap();
            assert_eq!(bound.body, Some((json!({"name": "Rex", "age": 3}), JSON.into())));
            assert_eq!(bound.query.len(), 1);
        }
        assert!(bound(&three(schema.clone()), &json!({"nam": 1})).is_err());
        assert!(bound(&three(schema), &json!({})).is_err());
        assert!(bound(&three(json!({"additionalProperties": true})), &json!({"any": 1})).is_ok());
    }

    #[test]
    fn the_server_is_found_in_every_version() {
        for (root, server) in [
            (
                json!({"swagger": "2.0", "host": "h.example:8", "basePath": "/v2", "schemes": ["http", "https"]}),
                "https://h.example:8/v2",
            ),
            (json!({"swagger": "2.0", "schemes": ["http"]}), "http://x.example"),
            (json!({"swagger": "2.0"}), "https://x.example"),
            (json!({"openapi": "3.0.0"}), "https://x.example/"),
            (json!({"openapi": "3.0.0", "servers": [{"url": "/api"}]}), "https://x.example/api"),
            (
                json!({"openapi": "3.1.0", "servers": [{"url": "https://{r}.h/{v}", "variables": {"r": {"default": "eu"}, "v": {"default": "1"}}}]}),
                "https://eu.h/1",
            ),
        ] {
            let mut root = root;
            root["paths"] = json!({"/p": {"get": {"operationId": "op"}}});
            let url = Url::parse("https://x.example/spec/doc.json").unwrap();
            let document = Document::read(&root.to_string(), url).unwrap();
            assert_eq!(document.server(&document.operation("op").unwrap()).unwrap(), server);
        }
    }
}
