//! How lists and objects are written into paths, queries, headers and cookies.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;

use super::document::Version;
use super::parameters::Parameter;
use crate::calls::content::scalar;

/// What stays in a path segment as it is (RFC 3986, unreserved).
pub(super) const SEGMENT: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// How lists and objects are written.
pub(super) struct Style<'a> {
    name: &'a str,
    separator: char,
    explode: bool,
}

impl<'a> Style<'a> {
    pub(super) fn of(version: Version, parameter: &'a Parameter<'a>) -> Self {
        if version == Version::Two {
            let format = parameter.text("collectionFormat").unwrap_or("csv");
            return Self { name: "form", separator: separator(format), explode: format == "multi" };
        }
        let usual = if matches!(parameter.place, "query" | "cookie") { "form" } else { "simple" };
        let name = parameter.text("style").unwrap_or(usual);
        let explode =
            parameter.declared.get("explode").and_then(Value::as_bool).unwrap_or(name == "form");
        let separator = match name {
            "spaceDelimited" => ' ',
            "pipeDelimited" => '|',
            _ => ',',
        };
        Self { name, separator, explode }
    }

    pub(super) fn pairs(&self, name: &str, value: &Value) -> Result<Vec<(String, String)>, String> {
        let pair = |name: &str, value: &Value| Ok((name.to_owned(), one(value)?));
        match value {
            Value::Array(items) if self.explode => {
                items.iter().map(|item| pair(name, item)).collect()
            }
            Value::Object(fields) if self.name == "deepObject" => {
                fields.iter().map(|(key, item)| pair(&format!("{name}[{key}]"), item)).collect()
            }
            Value::Object(fields) if self.explode => {
                fields.iter().map(|(key, item)| pair(key, item)).collect()
            }
            other => Ok(vec![(name.to_owned(), self.flat(other)?)]),
        }
    }

    /// One text, with lists and objects joined.
    pub(super) fn flat(&self, value: &Value) -> Result<String, String> {
        match value {
            Value::Array(items) => joined(items, self.separator),
            Value::Object(fields) => {
                let between = if self.explode { '=' } else { self.separator };
                let parts: Result<Vec<String>, String> = fields
                    .iter()
                    .map(|(key, item)| Ok(format!("{key}{between}{}", one(item)?)))
                    .collect();
                Ok(parts?.join(&self.separator.to_string()))
            }
            other => one(other),
        }
    }

    /// What stands in the path; separators stay, values are percent-encoded.
    pub(super) fn segment(&self, name: &str, value: &Value) -> Result<String, String> {
        let encoded = |value: &Value| {
            let text = one(value)?;
            match text.as_str() {
                "" => Err("is empty, which a path cannot say".to_owned()),
                "." | ".." => Err(format!("is \"{text}\", which would lead to another path")),
                _ => Ok(utf8_percent_encode(&text, SEGMENT).to_string()),
            }
        };
        let (prefix, separator) = match self.name {
            "label" => (".".to_owned(), if self.explode { "." } else { "," }),
            "matrix" if self.explode => (format!(";{name}="), ""),
            "matrix" => (format!(";{name}="), ","),
            _ => (String::new(), ","),
        };
        let Value::Array(items) = value else { return Ok(format!("{prefix}{}", encoded(value)?)) };
        let items: Vec<String> = items.iter().map(encoded).collect::<Result<_, _>>()?;
        if self.name == "matrix" && self.explode {
            return Ok(format!("{prefix}{}", items.join(&prefix)));
        }
        Ok(format!("{prefix}{}", items.join(separator)))
    }
}

pub(super) fn separator(format: &str) -> char {
    match format {
        "ssv" => ' ',
        "tsv" => '\t',
        "pipes" => '|',
        _ => ',',
    }
}

pub(super) fn joined(items: &[Value], separator: char) -> Result<String, String> {
    let texts: Vec<String> = items.iter().map(one).collect::<Result<_, _>>()?;
    Ok(texts.join(&separator.to_string()))
}

fn one(value: &Value) -> Result<String, String> {
    scalar(value).ok_or_else(|| "must hold texts, numbers or bools here".to_owned())
}
