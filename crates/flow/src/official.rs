//! The language's official schema, and its verdicts in words.
//!
//! The schema says "nothing of these fits"; of all alternatives the one that the author most likely meant is shown.

use std::sync::OnceLock;

use jsonschema::{
    ValidationError,
    error::{TypeKind, ValidationErrorKind as Kind},
};
use serde_json::Value;

use crate::{problem::Problem, schema::Schema, yaml::Positions};

/// Facts of the schema of DSL 1.0.3, without its prose; see `NOTICE`.
const SCHEMA: &str = include_str!("../data/workflow.schema.json");
/// A definition with more mistakes than this is not a slip of the pen.
const MOST: usize = 20;

/// The official schema as JSON.
pub fn schema() -> &'static Value {
    static SCHEMA_JSON: OnceLock<Value> = OnceLock::new();
    SCHEMA_JSON.get_or_init(|| serde_json::from_str(SCHEMA).expect("the embedded schema is JSON"))
}

pub(crate) fn check(source: &Value, positions: &Positions) -> Vec<Problem> {
    static COMPILED: OnceLock<Schema> = OnceLock::new();
    let compiled =
        COMPILED.get_or_init(|| Schema::compile(schema()).expect("the embedded schema compiles"));
    let errors: Vec<ValidationError<'_>> =
        compiled.validator().iter_errors(source).take(MOST).collect();
    let mut problems: Vec<Problem> = Vec::new();
    for meant in telling(errors.iter().map(meant).collect()) {
        let at = meant.instance_path().to_string();
        let problem = positions.problem(&at, format!("{}{}", owner(source, &at), sentence(meant)));
        if !problems.contains(&problem) {
            problems.push(problem);
        }
    }
    problems.sort_by_key(|problem| (problem.line, problem.column));
    problems
}

/// The innermost error of the alternative that fits best.
fn meant<'e, 'i>(error: &'e ValidationError<'i>) -> &'e ValidationError<'i> {
    let (Kind::OneOfNotValid { context } | Kind::AnyOf { context }) = error.kind() else {
        return error;
    };
    context
        .iter()
        .filter_map(|alternative| {
            let errors = telling(alternative.iter().map(meant).collect());
            let total: i64 = errors.iter().map(|error| cost(error)).sum();
            errors.into_iter().min_by_key(|error| cost(error)).map(|first| (total, first))
        })
        .min_by_key(|(total, _)| *total)
        .map_or(error, |(_, first)| first)
}

/// Without those that only follow from others: what is wrong below leaves keys above unaccounted for.
fn telling<'e, 'i>(errors: Vec<&'e ValidationError<'i>>) -> Vec<&'e ValidationError<'i>> {
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

/// `task createUser: with.endpoint ` for a place inside a task.
fn owner(source: &Value, at: &str) -> String {
    let mut task = None;
    let (mut here, mut path, mut rest) = (source, String::new(), Vec::new());
    for segment in at.split('/').skip(1) {
        path.push('/');
        path.push_str(segment);
        let name = segment.replace("~1", "/").replace("~0", "~");
        let in_item = path.rsplit('/').nth(1).is_some_and(|before| before.parse::<usize>().is_ok());
        let Some(next) = here.pointer(&format!("/{segment}")) else { break };
        if in_item && here.as_object().is_some_and(|item| item.len() == 1) && next.is_object() {
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

fn sentence(error: &ValidationError<'_>) -> String {
    let given = shown(error.instance());
    match error.kind() {
        Kind::Required { property } => format!("lacks {property}"),
        Kind::Type { kind } => {
            let wanted = match kind {
                TypeKind::Single(kind) => kind.to_string(),
                TypeKind::Multiple(kinds) => {
                    kinds.iter().map(|kind| kind.to_string()).collect::<Vec<_>>().join(" or ")
                }
            };
            let hint = if wanted == "string" && !error.instance().is_object() {
                "; put it in quotes"
            } else {
                ""
            };
            format!("must be of type {wanted}, not {given}{hint}")
        }
        Kind::AdditionalProperties { unexpected } | Kind::UnevaluatedProperties { unexpected } => {
            format!("has \"{}\", which does not belong there", unexpected.join("\", \""))
        }
        Kind::Enum { options } => format!("must be one of {options}, not {given}"),
        Kind::Constant { expected_value } => format!("must be {expected_value}, not {given}"),
        Kind::Pattern { .. } | Kind::Format { .. } => {
            format!("does not have the right form: {given}")
        }
        Kind::MinItems { .. } | Kind::MinProperties { .. } => "is empty".to_owned(),
        Kind::OneOfNotValid { .. } | Kind::AnyOf { .. } => {
            format!("is nothing that may stand there: {given}")
        }
        Kind::OneOfMultipleValid { .. } => "fits several alternatives; keep one".to_owned(),
        _ => format!("is not valid: {}", error.masked_with("it")),
    }
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
