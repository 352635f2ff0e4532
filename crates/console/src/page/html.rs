//! HTML from values: whatever a text says, it is shown as text.

use serde_json::Value;

/// The text with nothing in it that a browser would take for markup.
pub(super) fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            letter => safe.push(letter),
        }
    }
    safe
}

/// A value as people read it: an object as a list of names, anything deeper as JSON.
pub(super) fn value(value: &Value) -> String {
    match value {
        Value::Object(fields) if !fields.is_empty() => {
            let mut list = String::from("<dl class=\"evidence\">");
            for (name, field) in fields {
                let (name, field) = (escaped(name), plain(field));
                list.extend([format!("<dt>{name}</dt><dd>{field}</dd>")]);
            }
            list + "</dl>"
        }
        other => format!("<div class=\"evidence\">{}</div>", plain(other)),
    }
}

fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => format!("<span class=\"text\">{}</span>", escaped(text)),
        Value::Array(items) if !items.is_empty() && items.iter().all(is_short) => {
            let items: Vec<String> = items.iter().map(plain).collect();
            items.join(", ")
        }
        Value::Object(_) | Value::Array(_) => {
            let text = serde_json::to_string_pretty(value).unwrap_or_default();
            format!("<pre tabindex=\"0\">{}</pre>", escaped(&text))
        }
        other => escaped(&other.to_string()),
    }
}

fn is_short(value: &Value) -> bool {
    !matches!(value, Value::Object(_) | Value::Array(_))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn markup_in_a_value_is_shown_as_text() {
        let shown = value(&json!({"<b>": "</dd><script>alert(1)</script>", "n": [{"a": "'\"&"}]}));
        assert!(!shown.contains("<script") && !shown.contains("<b>"), "{shown}");
        assert!(
            shown.contains("&lt;script&gt;") && shown.contains("&#39;\\&quot;&amp;"),
            "{shown}"
        );
    }
}
