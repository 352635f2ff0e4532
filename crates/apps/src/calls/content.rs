//! Bodies: from values to bytes and back, as the content type says.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use sha2::{Digest, Sha256};

pub(super) const JSON: &str = "application/json";
pub(super) const FORM: &str = "application/x-www-form-urlencoded";
pub(super) const MULTIPART: &str = "multipart/form-data";

/// The bytes of a body and its content type. Without one, a text goes as text and everything else as JSON.
///
/// A text under a JSON content type is sent as it is when it is JSON already.
pub(super) fn encode(
    body: &Value,
    content_type: Option<&str>,
) -> Result<(Vec<u8>, String), String> {
    let kind = content_type.map_or_else(
        || if body.is_string() { "text/plain; charset=utf-8" } else { JSON }.to_owned(),
        str::to_owned,
    );
    let essence = essence(&kind);
    if is_json(&essence) {
        let bytes = match body {
            Value::String(text) if serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok() => {
                text.clone().into_bytes()
            }
            other => other.to_string().into_bytes(),
        };
        return Ok((bytes, kind));
    }
    match (essence.as_str(), body) {
        (_, Value::String(text)) => Ok((text.clone().into_bytes(), kind)),
        (FORM, body) => {
            let mut form = url::form_urlencoded::Serializer::new(String::new());
            form.extend_pairs(pairs(body)?);
            Ok((form.finish().into_bytes(), kind))
        }
        (MULTIPART, body) => {
            let pairs = pairs(body)?;
            let boundary = format!("callboard-{}", hex::encode(Sha256::digest(body.to_string())));
            let mut bytes = String::new();
            for (name, value) in pairs {
                let name = name.replace('"', "%22").replace('\r', "%0D").replace('\n', "%0A");
                bytes.extend([
                    "--",
                    &boundary,
                    "\r\nContent-Disposition: form-data; name=\"",
                    &name,
                    "\"\r\n\r\n",
                    &value,
                    "\r\n",
                ]);
            }
            bytes.extend(["--", &boundary, "--\r\n"]);
            Ok((bytes.into_bytes(), format!("{MULTIPART}; boundary={boundary}")))
        }
        _ => Err(format!("a body of type {essence} must be a text")),
    }
}

/// Fields of a form; lists repeat their field.
pub(super) fn pairs(fields: &Value) -> Result<Vec<(String, String)>, String> {
    let Value::Object(fields) = fields else {
        return Err("a form must be a mapping of fields".into());
    };
    let mut pairs = Vec::new();
    for (name, value) in fields {
        let values = value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice);
        for value in values {
            match value {
                Value::Null => {}
                Value::Object(_) | Value::Array(_) => pairs.push((name.clone(), value.to_string())),
                other => pairs.push((name.clone(), scalar(other).unwrap_or_default())),
            }
        }
    }
    Ok(pairs)
}

/// The text of a text, number or bool.
pub(super) fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(truth) => Some(truth.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// JSON as a value, texts as texts, what is neither as base64, nothing as `null`.
pub(super) fn decode(bytes: &[u8], content_type: Option<&str>) -> Value {
    if bytes.is_empty() {
        return Value::Null;
    }
    let json = content_type.is_none_or(|kind| is_json(&essence(kind)));
    if json && let Ok(value) = serde_json::from_slice(bytes) {
        return value;
    }
    match std::str::from_utf8(bytes) {
        Ok(text) => Value::from(text),
        Err(_) if content_type.is_some_and(is_latin) => {
            bytes.iter().map(|byte| char::from(*byte)).collect::<String>().into()
        }
        Err(_) => STANDARD.encode(bytes).into(),
    }
}

/// The type without its parameters, in lower case.
pub(super) fn essence(content_type: &str) -> String {
    content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

pub(super) fn is_json(essence: &str) -> bool {
    essence == JSON || essence == "text/json" || essence.ends_with("+json")
}

fn is_latin(content_type: &str) -> bool {
    content_type.to_ascii_lowercase().contains("charset=iso-8859-1")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_body_is_written_as_its_type_says() {
        for (body, kind, bytes) in [
            (json!({"a": 1}), None, "{\"a\":1}"),
            (json!("plain"), None, "plain"),
            (json!("plain"), Some("application/json"), "\"plain\""),
            (json!("{\"a\": 1}"), Some("application/json"), "{\"a\": 1}"),
            (json!([1]), Some("application/merge-patch+json; charset=utf-8"), "[1]"),
            (json!({"a": [1, true], "b": "x y&", "c": null}), Some(FORM), "a=1&a=true&b=x+y%26"),
            (json!("a=1"), Some(FORM), "a=1"),
            (json!("<a/>"), Some("text/xml"), "<a/>"),
        ] {
            let (written, sent) = encode(&body, kind).unwrap();
            assert_eq!(String::from_utf8(written).unwrap(), bytes, "{kind:?}");
            assert!(kind.is_none_or(|kind| kind == sent), "{sent}");
        }
        assert!(encode(&json!({"a": 1}), Some("text/xml")).is_err());
        let (written, kind) = encode(&json!({"a": "1"}), Some(MULTIPART)).unwrap();
        let written = String::from_utf8(written).unwrap();
        assert!(written.contains("form-data; name=\"a\"\r\n\r\n1\r\n"), "{written}");
        assert!(written.ends_with("--\r\n") && kind.contains("boundary=callboard-"), "{kind}");
    }

    #[test]
    fn an_answer_is_read_as_its_type_says() {
        for (bytes, kind, value) in [
            (&b"{\"a\":1}"[..], Some("application/json; charset=utf-8"), json!({"a": 1})),
            (b"{\"a\":1}", Some("application/problem+json"), json!({"a": 1})),
            (b"{\"a\":1}", Some("text/plain"), json!("{\"a\":1}")),
            (b"{\"a\":1}", None, json!({"a": 1})),
            (b"oops", Some("application/json"), json!("oops")),
            (b"", Some("application/json"), json!(null)),
            (b"\xe9", Some("text/plain; charset=ISO-8859-1"), json!("é")),
            (b"\xff\x00", Some("image/png"), json!("/wA=")),
        ] {
            assert_eq!(decode(bytes, kind), value, "{kind:?}");
        }
    }
}
