//! Verdicts of the schema in words.

use jsonschema::{
    ValidationError,
    error::{TypeKind, ValidationErrorKind as Kind},
};
use serde_json::Value;

/// The innermost error of the alternative that fits best.
pub(super) fn meant<'e, 'i>(error: &'e ValidationError<'i>) -> &'e ValidationError<'i> {
    let (Kind::OneOfNotValid { context } | Kind::AnyOf { context }) = error.kind() else {
        return error;
    };
    let here = error.instance_path();
    context
        .iter()
        .filter_map(|alternative| {
            let errors = telling(alternative.iter().map(meant).collect());
            // A value of another type belongs to another alternative.
            if errors.iter().any(|inner| other_value(inner) && inner.instance_path() == here) {
                return None;
            }
            let worst = errors.iter().map(|error| cost(error)).max()?;
            let total = worst + 5 * i64::try_from(errors.len()).unwrap_or(0);
            errors.into_iter().min_by_key(|error| cost(error)).map(|first| (total, first))
        })
        .min_by_key(|(total, _)| *total)
        .map_or(error, |(_, first)| first)
}

/// Whether the value is of another type than all that may stand there.
fn other_value(error: &ValidationError<'_>) -> bool {
    match error.kind() {
        Kind::Type { .. } => true,
        Kind::OneOfNotValid { context } | Kind::AnyOf { context } => {
            context.iter().all(|alternative| {
                let here = error.instance_path();
                alternative.iter().any(|inner| other_value(inner) && inner.instance_path() == here)
            })
        }
        _ => false,
    }
}

/// The types that alternatives want where none of them takes the value's type.
fn wanted<'e>(error: &'e ValidationError<'_>, found: &mut Vec<&'e ValidationError<'e>>) {
    match error.kind() {
        Kind::OneOfNotValid { context } | Kind::AnyOf { context } => {
            context.iter().flatten().for_each(|inner| wanted(inner, found));
        }
        Kind::Type { .. } => found.push(error),
        _ => {}
    }
}

/// Without those that only follow from others: what is wrong below leaves keys above unaccounted for.
pub(super) fn telling<'e, 'i>(
    errors: Vec<&'e ValidationError<'i>>,
) -> Vec<&'e ValidationError<'i>> {
    let follows =
        |error: &ValidationError<'_>| matches!(error.kind(), Kind::UnevaluatedProperties { .. });
    if errors.iter().all(|error| follows(error)) {
        return errors;
    }
    errors.into_iter().filter(|error| !follows(error)).collect()
}

/// How unlikely it is that an error of an alternative is what the author has to mend.
fn cost(error: &ValidationError<'_>) -> i64 {
    let depth = i64::try_from(error.instance_path().as_str().matches('/').count()).unwrap_or(0);
    let own = match error.kind() {
        // The word that chooses the alternative is another one.
        Kind::Constant { .. } | Kind::Not { .. } => 1_000,
        Kind::UnevaluatedProperties { .. } => 400,
        Kind::Required { .. } => 300,
        Kind::Type { .. } => 250,
        _ => 100,
    };
    own - 20 * depth
}

/// Keys whose value is a list of tasks.
const LISTS: [&str; 5] = ["do", "try", "branches", "before", "after"];

/// `task createUser: with.endpoint ` for a place inside a task.
pub(super) fn owner(source: &Value, at: &str) -> String {
    let segments: Vec<&str> = at.split('/').skip(1).collect();
    let (mut task, mut rest, mut here) = (None, Vec::new(), source);
    for (index, segment) in segments.iter().enumerate() {
        let Some(next) = here.pointer(&format!("/{segment}")) else { break };
        let name = segment.replace("~1", "/").replace("~0", "~");
        let list = index.checked_sub(2).and_then(|before| segments.get(before));
        if here.is_object() && list.is_some_and(|list| LISTS.contains(list)) && next.is_object() {
            task = Some(name);
            rest.clear();
        } else {
            rest.push(name);
        }
        here = next;
    }
    let place = rest.join(".");
    match (task, place.is_empty()) {
        (Some(task), true) => format!("task {task} "),
        (Some(task), false) => format!("task {task}: {place} "),
        (None, true) => "the workflow ".to_owned(),
        (None, false) => format!("{place} "),
    }
}

pub(super) fn sentence(error: &ValidationError<'_>) -> String {
    let given = shown(error.instance());
    match error.kind() {
        Kind::Required { property } => format!("lacks {property}"),
        Kind::Type { .. } => other_type(&[error], error.instance()),
        Kind::AdditionalProperties { unexpected } | Kind::UnevaluatedProperties { unexpected } => {
            format!("has \"{}\", which does not belong there", unexpected.join("\", \""))
        }
        Kind::Enum { options } => format!("must be one of {options}, not {given}"),
        Kind::Constant { expected_value } => format!("must be {expected_value}, not {given}"),
        Kind::Pattern { .. } | Kind::Format { .. } => {
            let hint = form(error.instance_path().as_str());
            format!("does not have the right form: {given}{hint}")
        }
        Kind::MinItems { .. } | Kind::MinProperties { .. } => "is empty".to_owned(),
        Kind::OneOfNotValid { .. } | Kind::AnyOf { .. } => {
            let mut types = Vec::new();
            wanted(error, &mut types);
            types.retain(|inner| inner.instance_path() == error.instance_path());
            if types.is_empty() {
                format!("is nothing that may stand there: {given}")
            } else {
                other_type(&types, error.instance())
            }
        }
        Kind::OneOfMultipleValid { .. } => "fits several alternatives; keep one".to_owned(),
        _ => format!("is not valid: {}", error.masked_with("it")),
    }
}

/// What the right form looks like, by the key.
fn form(at: &str) -> &'static str {
    match at.rsplit('/').next() {
        Some("namespace" | "name") => "; use letters, digits and hyphens",
        Some("version" | "dsl") => "; write three numbers: 1.0.0",
        Some("after" | "delay" | "wait" | "duration" | "every" | "from" | "to" | "timeout") => {
            "; write PT5M or {minutes: 5}"
        }
        _ => "",
    }
}

/// `must be a mapping or a text, not 5`
fn other_type(errors: &[&ValidationError<'_>], given: &Value) -> String {
    let mut words: Vec<&str> = Vec::new();
    for error in errors {
        let Kind::Type { kind } = error.kind() else { continue };
        let names = match kind {
            TypeKind::Single(kind) => vec![kind.to_string()],
            TypeKind::Multiple(kinds) => kinds.iter().map(|kind| kind.to_string()).collect(),
        };
        for name in names {
            let word = match name.as_str() {
                "object" => "a mapping",
                "array" => "a list",
                "string" => "a text",
                "integer" => "a whole number",
                "boolean" => "true or false",
                "number" => "a number",
                _ => "empty",
            };
            if !words.contains(&word) {
                words.push(word);
            }
        }
    }
    let scalar = matches!(given, Value::Number(_) | Value::Bool(_) | Value::Null);
    let hint = if scalar && words == ["a text"] { "; put it in quotes" } else { "" };
    format!("must be {}, not {}{hint}", words.join(" or "), shown(given))
}

fn shown(value: &Value) -> String {
    const LONGEST: usize = 60;
    let text = value.to_string();
    if text.chars().count() <= LONGEST {
        return text;
    }
    let start: String = text.chars().take(LONGEST).collect();
    format!("{start}…")
}
