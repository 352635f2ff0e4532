//! z-schema's sentences, and the keywords that look at one value alone.

use serde_json::Value;

use super::{formats, patterns};

pub(super) const ANY_OF_MISSING: &str = "Data does not match any schemas from 'anyOf'";
pub(super) const ONE_OF_MISSING: &str = "Data does not match any schemas from 'oneOf'";
pub(super) const ONE_OF_MULTIPLE: &str = "Data is valid against more than one schema from 'oneOf'";
pub(super) const NOT_PASSED: &str = "Data matches schema from 'not'";
/// Ours: the version of z-schema with Auth0's other sentences has no `contains`.
pub(super) const CONTAINS_NONE: &str =
    "Array does not contain an item matching the schema from 'contains'";

/// JSON's type names, with whole numbers as `integer`.
pub(super) fn type_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number)
            if number.is_f64() && number.as_f64().is_some_and(|number| number.fract() != 0.0) =>
        {
            "number"
        }
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

pub(super) fn invalid_type(expected: &Value, found: &str) -> String {
    format!("Expected type {} but found type {found}", plain(expected))
}

pub(super) fn additional_properties(names: &[&str]) -> String {
    format!("Additional properties not allowed: {}", names.join(","))
}

/// The sentence for a keyword that the value violates; `None` where it does not, or the keyword says nothing about it.
pub(super) fn limit(
    keyword: &str,
    argument: &Value,
    value: &Value,
) -> Option<(&'static str, String)> {
    match value {
        Value::String(text) => limit_of_string(keyword, argument, text),
        Value::Number(_) => limit_of_number(keyword, argument, value),
        Value::Array(items) => limit_of_array(keyword, argument, items),
        Value::Object(members) => limit_of_object(keyword, argument, members),
        _ => None,
    }
    .or_else(|| limit_of_any(keyword, argument, value))
}

fn limit_of_any(keyword: &str, argument: &Value, value: &Value) -> Option<(&'static str, String)> {
    match (keyword, argument) {
        ("enum", Value::Array(members)) if !members.iter().any(|member| equal(member, value)) => {
            Some(("enum", format!("No enum match for: {}", plain(value))))
        }
        // Auth0 writes a constant as an enumeration of one.
        ("const", expected) if !equal(expected, value) => {
            Some(("const", format!("No enum match for: {}", plain(value))))
        }
        _ => None,
    }
}

fn limit_of_string(keyword: &str, argument: &Value, text: &str) -> Option<(&'static str, String)> {
    // Limits count characters, the sentence counts UTF-16 units, as JavaScript does.
    let characters = || text.chars().count() as u64;
    let units = || text.encode_utf16().count();
    match keyword {
        "minLength" if characters() < argument.as_u64()? => Some((
            "minLength",
            format!("String is too short ({} chars), minimum {argument}", units()),
        )),
        "maxLength" if characters() > argument.as_u64()? => Some((
            "maxLength",
            format!("String is too long ({} chars), maximum {argument}", units()),
        )),
        "pattern" if !patterns::matches(argument.as_str()?, text) => {
            Some(("pattern", format!("String does not match pattern {}: {text}", plain(argument))))
        }
        "format" if !formats::accepts(argument.as_str()?, text) => Some((
            "format",
            format!("Object didn't pass validation for format {}: {text}", plain(argument)),
        )),
        _ => None,
    }
}

fn limit_of_number(
    keyword: &str,
    argument: &Value,
    value: &Value,
) -> Option<(&'static str, String)> {
    let (number, limit) = (value.as_f64()?, argument.as_f64()?);
    let (found, wanted) = (plain(value), plain(argument));
    match keyword {
        "minimum" if number < limit => {
            Some(("minimum", format!("Value {found} is less than minimum {wanted}")))
        }
        "maximum" if number > limit => {
            Some(("maximum", format!("Value {found} is greater than maximum {wanted}")))
        }
        "multipleOf" if (number / limit).fract() != 0.0 => {
            Some(("multipleOf", format!("Value {found} is not a multiple of {wanted}")))
        }
        _ => None,
    }
}

fn limit_of_array(
    keyword: &str,
    argument: &Value,
    items: &[Value],
) -> Option<(&'static str, String)> {
    let length = items.len() as u64;
    match keyword {
        "minItems" if length < argument.as_u64()? => {
            Some(("minItems", format!("Array is too short ({length}), minimum {argument}")))
        }
        "maxItems" if length > argument.as_u64()? => {
            Some(("maxItems", format!("Array is too long ({length}), maximum {argument}")))
        }
        "uniqueItems" if argument == &Value::Bool(true) => {
            let (first, second) = repeated(items)?;
            Some((
                "uniqueItems",
                format!("Array items are not unique (indexes {first} and {second})"),
            ))
        }
        _ => None,
    }
}

fn limit_of_object(
    keyword: &str,
    argument: &Value,
    members: &serde_json::Map<String, Value>,
) -> Option<(&'static str, String)> {
    let count = members.len() as u64;
    match keyword {
        "minProperties" if count < argument.as_u64()? => Some((
            "minProperties",
            format!("Too few properties defined ({count}), minimum {argument}"),
        )),
        "maxProperties" if count > argument.as_u64()? => Some((
            "maxProperties",
            format!("Too many properties defined ({count}), maximum {argument}"),
        )),
        "required" => {
            let names = argument.as_array()?.iter().rev().filter_map(Value::as_str);
            let missing = names.into_iter().find(|name| !members.contains_key(*name))?;
            Some(("required", format!("Missing required property: {missing}")))
        }
        _ => None,
    }
}

fn repeated(items: &[Value]) -> Option<(usize, usize)> {
    items.iter().enumerate().find_map(|(first, item)| {
        let later = items.iter().skip(first + 1).position(|other| equal(item, other))?;
        Some((first, first + 1 + later))
    })
}

/// JSON equality, in which `1` and `1.0` are the same number.
fn equal(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Number(one), Value::Number(other)) => one.as_f64() == other.as_f64(),
        _ => one == other,
    }
}

/// A value as JavaScript puts it into a text: strings bare, lists joined by commas, objects as JSON.
fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(members) => members.iter().map(plain).collect::<Vec<_>>().join(","),
        Value::Number(number) => number.to_string().trim_end_matches(".0").to_owned(),
        other => other.to_string(),
    }
}
