//! Values, expressions and durations as words.

use serde_json::Value;

use crate::{
    duration::Span,
    expression::{Val, value},
    template::Template,
};

/// Longest text that is shown whole, in characters.
const LONGEST: usize = 100;

pub(super) fn quoted(expression: &str) -> String {
    format!("`{}`", shortened(expression.split_whitespace().collect::<Vec<_>>().join(" ")))
}

pub(super) fn listed(parts: &[String]) -> String {
    parts.join(", ")
}

/// One value: an expression, a literal, or what an object is made of.
pub(super) fn one(template: &Template) -> String {
    match template {
        Template::Literal(literal) => shown(literal),
        Template::Expression(expression) => quoted(expression.text()),
        Template::Array(items) => {
            let items: Vec<String> = items.iter().map(one).collect();
            format!("[{}]", listed(&items))
        }
        Template::Object(_) => format!("({})", given(template)),
    }
}

/// `email .mail, team "it"`: the fields of an object.
pub(super) fn given(template: &Template) -> String {
    match template {
        Template::Object(entries) => {
            let fields: Vec<String> =
                entries.iter().map(|(key, entry)| format!("{key} {}", one(entry))).collect();
            listed(&fields)
        }
        Template::Literal(literal) => match value::to_json(literal) {
            Ok(Value::Object(entries)) => {
                let fields: Vec<String> = entries
                    .iter()
                    .map(|(key, entry)| format!("{key} {}", shortened(entry.to_string())))
                    .collect();
                listed(&fields)
            }
            _ => shown(literal),
        },
        other => one(other),
    }
}

/// `email to .mail, team to "it"`: what the fields of an object become.
pub(super) fn settings(template: &Template) -> String {
    let fields: Vec<(String, String)> = match template {
        Template::Object(entries) => {
            entries.iter().map(|(key, entry)| (key.clone(), one(entry))).collect()
        }
        Template::Literal(literal) => match value::to_json(literal) {
            Ok(Value::Object(entries)) => entries
                .iter()
                .map(|(key, entry)| (key.clone(), shortened(entry.to_string())))
                .collect(),
            _ => return format!("the data to {}", shown(literal)),
        },
        other => return format!("the data to {}", one(other)),
    };
    let fields: Vec<String> =
        fields.into_iter().map(|(key, value)| format!("{key} to {value}")).collect();
    listed(&fields)
}

fn shown(literal: &Val) -> String {
    shortened(value::to_json(literal).map(|literal| literal.to_string()).unwrap_or_default())
}

fn shortened(text: String) -> String {
    if text.chars().count() <= LONGEST {
        return text;
    }
    let start: String = text.chars().take(LONGEST).collect();
    format!("{start}…")
}

/// `2 hours 30 minutes`
pub(super) fn span(span: &Span) -> String {
    let duration = match span {
        Span::Expression(expression) => return quoted(expression.text()),
        Span::Fixed(duration) => *duration,
    };
    let mut rest = duration.as_millis();
    let mut parts = Vec::new();
    for (unit, milliseconds) in [
        ("day", 86_400_000),
        ("hour", 3_600_000),
        ("minute", 60_000),
        ("second", 1_000),
        ("millisecond", 1),
    ] {
        let amount = rest / milliseconds;
        rest %= milliseconds;
        if amount > 0 {
            parts.push(format!("{amount} {unit}{}", if amount == 1 { "" } else { "s" }));
        }
    }
    if parts.is_empty() { "no time".to_owned() } else { parts.join(" ") }
}
