//! Reading requests: one under `request`, or several under `requests`, in the order they are sent.

use callboard_contract::contract;
use serde_json::Value;

use super::fields::{Fields, suggest};
use crate::executor::request::{Content, Pages, Path, Request, Target, Tolerance};
use crate::template::Template;

/// The requests of an action or probe; `what` must have at least one.
pub(super) fn read_requests(parent: &Fields<'_>) -> Vec<Request> {
    if let Some(several) = parent.optional_fields("requests") {
        let names = several.entries().map(|(name, value)| {
            let pointer = several.at(name);
            let fields = Fields::new(
                several.source,
                &pointer,
                format!("request `{name}` of {}", parent.what),
                value,
            );
            read_request(name, fields)
        });
        return names.collect();
    }
    match parent.fields("request") {
        Some(fields) => vec![read_request("main", fields)],
        None => Vec::new(),
    }
}

pub(super) fn read_request(name: &str, fields: Fields<'_>) -> Request {
    let parameters = read_parameters(&fields);
    let target = read_target(&fields, &parameters);
    let content = match fields.find("content") {
        None => Content::Json,
        Some(_) => fields.choice(
            "content",
            &[("json", Content::Json), ("form", Content::Form)],
            Content::Json,
        ),
    };
    let request = Request {
        name: name.to_owned(),
        when: fields.optional_template("when"),
        target,
        parameters,
        query: fields.optional_template("query"),
        headers: fields.optional_template("headers"),
        body: fields.optional_template("body"),
        content,
        each: fields.optional_template("each"),
        pages: read_pages(&fields),
        tolerate: read_tolerances(&fields),
    };
    fields.finish();
    request
}

fn read_parameters(fields: &Fields<'_>) -> Vec<(String, Template)> {
    let Some(parameters) = fields.optional_fields("parameters") else { return Vec::new() };
    let read =
        parameters.entries().map(|(name, value)| (name.clone(), parameters.compile(name, value)));
    read.collect()
}

/// `operation: post_users` (Auth0's contract) or `method` and `path`.
fn read_target(fields: &Fields<'_>, parameters: &[(String, Template)]) -> Target {
    let nowhere =
        || Target::Http { method: Template::default(), path: Path::Pattern(String::new()) };
    if let Some(id) = fields.optional_text("operation") {
        let Some(operation) = contract().operation(&id) else {
            let known: Vec<&str> =
                contract().operations().iter().map(|operation| operation.id.as_str()).collect();
            let message = format!("{} names the unknown operation `{id}`", fields.what);
            fields.source.problem(&fields.at("operation"), message, suggest(&id, &known));
            return nowhere();
        };
        check_parameters(fields, &operation.path, parameters);
        return Target::Operation(operation);
    }
    let method = fields.template("method");
    let Some(value) = fields.get("path") else { return nowhere() };
    let path = match value.as_str() {
        Some(text) if text.trim_start().starts_with("${") => {
            Path::Computed(fields.template("path"))
        }
        Some(text) if text.starts_with('/') => {
            check_parameters(fields, text, parameters);
            Path::Pattern(text.to_owned())
        }
        _ => {
            fields.wrong("path", "a path that begins with `/`, or an expression");
            return nowhere();
        }
    };
    Target::Http { method, path }
}

/// Every `{name}` of the path has a value, and every value a place.
fn check_parameters(fields: &Fields<'_>, path: &str, parameters: &[(String, Template)]) {
    let places: Vec<&str> = path
        .split('{')
        .skip(1)
        .filter_map(|piece| piece.split_once('}').map(|(name, _)| name))
        .collect();
    for place in places.iter().filter(|place| !parameters.iter().any(|(name, _)| name == *place)) {
        let message =
            format!("{} lacks a value for `{{{place}}}` of {path} under `parameters`", fields.what);
        fields.source.problem(&fields.pointer, message, None);
    }
    for (name, _) in parameters.iter().filter(|(name, _)| !places.contains(&name.as_str())) {
        let message =
            format!("{} gives the parameter `{name}`, which {path} does not have", fields.what);
        fields.source.problem(&fields.at("parameters"), message, suggest(name, &places));
    }
}

fn read_pages(fields: &Fields<'_>) -> Option<Pages> {
    let pages = fields.optional_fields("pages")?;
    let read = Pages {
        items: pages.template("items"),
        next: pages.template("next"),
        at_most: pages
            .optional_whole("at_most")
            .and_then(|most| u32::try_from(most).ok())
            .unwrap_or(20),
    };
    pages.finish();
    Some(read)
}

/// Statuses, or conditions over `{status, body}`, that are an answer and not a failure.
fn read_tolerances(fields: &Fields<'_>) -> Vec<Tolerance> {
    let Some(value) = fields.find("tolerate") else { return Vec::new() };
    let Some(items) = value.as_array() else {
        fields.wrong("tolerate", "a list of statuses or conditions");
        return Vec::new();
    };
    let mut tolerances = Vec::new();
    for (index, item) in items.iter().enumerate() {
        let pointer = format!("{}/{index}", fields.at("tolerate"));
        match item {
            Value::Number(number) => {
                tolerances.extend(
                    number
                        .as_u64()
                        .and_then(|code| u16::try_from(code).ok())
                        .map(Tolerance::Status),
                );
            }
            condition => tolerances
                .push(Tolerance::Condition(fields.compile_at(&pointer, "tolerate", condition))),
        }
    }
    tolerances
}
